//! Every derivative against finite differences of what it is the derivative of, in double precision.

use super::*;
use amc_core::rng::{Key, Purpose};

const SHAPE: Shape = Shape { dim: 3, channels: 16, blocks: 2, features: 4 };
const POINTS: usize = 5;

fn normals(count: usize, round: u64) -> Vec<f64> {
    let mut out = vec![0.0; count];
    Key::new(5, Purpose::User).round(round).stream().fill_scalar_normals(&mut out);
    out
}

/// A network whose parameters are all in use, with points and features.
struct Case {
    network: Network<f64>,
    z: Vec<f64>,
    features: Vec<f64>,
}

/// What an evaluation gives, and the tape's memory for the way on.
struct Evaluated {
    o: Vec<f64>,
    w: Vec<f64>,
    energy: Vec<f64>,
    field: Vec<f64>,
    gain: Vec<f64>,
    linear: Vec<f64>,
    memory: Vec<f64>,
}

impl Case {
    fn new() -> Self {
        let parameters = normals(SHAPE.parameters(), 1).iter().map(|x| 0.4 * x).collect();
        let z = normals(SHAPE.dim * POINTS, 2);
        let features = normals(SHAPE.features * POINTS, 3);
        Self { network: Network { shape: SHAPE, parameters }, z, features }
    }

    /// The field is left out where the tape keeps nothing for it.
    fn evaluate(&self, head: Head, keep: Keep) -> Evaluated {
        let len = SHAPE.dim * POINTS;
        let [o, w, mut field, gain, linear] = [(); 5].map(|()| vec![0.0; len]);
        if head == Head::Energy && keep == Keep::Weights {
            field.clear();
        }
        let mut memory = vec![f64::NAN; Tape::<f64>::len(&SHAPE, POINTS, keep)];
        let mut out =
            Evaluated { o, w, energy: vec![0.0; POINTS], field, gain, linear, memory: vec![] };
        self.network.response(&self.features, &mut out.gain, &mut out.linear);
        let response = Response { gain: &out.gain, linear: &out.linear };
        let mut tape = Tape::new(&SHAPE, POINTS, keep, &mut memory);
        let mut outputs = Outputs {
            o: &mut out.o,
            w: &mut out.w,
            energy: &mut out.energy,
            field: &mut out.field,
        };
        let times = Times::Each(&self.features);
        self.network.evaluate(head, &self.z, (&times, &response), &mut tape, &mut outputs);
        out.memory = memory;
        out
    }

    /// A loss of everything that comes out: `sum_ij c_ij F_ij^2/2 + sum_j b_j E_j^2/2`.
    fn loss(&self, head: Head) -> f64 {
        let out = self.evaluate(head, Keep::WeightsOfGradient);
        let field: f64 = out.field.iter().zip(coefficients()).map(|(f, c)| 0.5 * c * f * f).sum();
        let energies = out.energy.iter().enumerate();
        field + energies.map(|(j, e)| 0.5 * (j as f64 - 0.3) * e * e).sum::<f64>()
    }

    fn loss_gradient(&self, head: Head) -> Vec<f64> {
        let keep = Keep::WeightsOfGradient;
        let mut out = self.evaluate(head, keep);
        let field: Vec<f64> = out.field.iter().zip(coefficients()).map(|(f, c)| c * f).collect();
        let energies = out.energy.iter().enumerate();
        let energy: Vec<f64> = energies.map(|(j, e)| (j as f64 - 0.3) * e).collect();
        let mut gradient = vec![0.0; SHAPE.parameters()];
        let mut memory = vec![f64::NAN; Network::<f64>::backpropagate_len(&SHAPE, POINTS)];
        let inputs = Inputs {
            z: &self.z,
            features: &self.features,
            response: Response { gain: &out.gain, linear: &out.linear },
            o: &out.o,
            w: &out.w,
        };
        let adjoints = OutputAdjoints {
            field: Some(&field),
            energy: (head == Head::Energy).then_some(&energy[..]),
        };
        let mut tape_memory = std::mem::take(&mut out.memory);
        let mut tape = Tape::new(&SHAPE, POINTS, keep, &mut tape_memory);
        let sinks = (&mut gradient[..], &mut memory[..]);
        self.network.backpropagate(head, &inputs, &adjoints, &mut tape, sinks);
        gradient
    }
}

fn coefficients() -> impl Iterator<Item = f64> {
    (0..).map(|i| 1.0 + 0.1 * f64::from(i))
}

fn assert_close(found: f64, expected: f64, scale: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * scale, "{what}: {found} instead of {expected}");
}

/// Fails if the field of an energy is not its gradient, in any coordinate of any point.
#[test]
fn the_field_is_the_gradient_of_the_energy() {
    let mut case = Case::new();
    for keep in [Keep::Gradient, Keep::Linearization, Keep::WeightsOfGradient] {
        let field = case.evaluate(Head::Energy, keep).field;
        let scale = field.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        for at in 0..case.z.len() {
            let (z, step) = (case.z[at], 1e-5);
            let mut energy = |x: f64| {
                case.z[at] = x;
                case.evaluate(Head::Energy, Keep::Gradient).energy[at % POINTS]
            };
            let slope = (energy(z + step) - energy(z - step)) / (2.0 * step);
            case.z[at] = z;
            assert_close(field[at], slope, scale, 1e-8, "field");
        }
    }
}

/// Fails if the gradient of a loss of energies and fields is wrong in any parameter, for either head.
#[test]
fn gradients_of_the_weights() {
    for head in [Head::Energy, Head::Field] {
        let mut case = Case::new();
        let gradient = case.loss_gradient(head);
        let scale = gradient.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        for k in 0..SHAPE.parameters() {
            let (old, step) = (case.network.parameters[k], 1e-5);
            let mut loss = |x: f64| {
                case.network.parameters[k] = x;
                case.loss(head)
            };
            let slope = (loss(old + step) - loss(old - step)) / (2.0 * step);
            case.network.parameters[k] = old;
            assert_close(gradient[k], slope, scale, 1e-7, &format!("{head:?} {k}"));
        }
    }
}

/// Fails if the gradient that reads energies alone (which keeps less) differs from the one that could read fields.
#[test]
fn gradients_of_energies_alone() {
    let case = Case::new();
    let energy: Vec<f64> = (0..POINTS).map(|j| 1.0 + j as f64).collect();
    let of = |keep: Keep, field: Option<&[f64]>| {
        let mut out = case.evaluate(Head::Energy, keep);
        let inputs = Inputs {
            z: &case.z,
            features: &case.features,
            response: Response { gain: &out.gain, linear: &out.linear },
            o: &out.o,
            w: &out.w,
        };
        let adjoints = OutputAdjoints { field, energy: Some(&energy) };
        let mut tape = Tape::new(&SHAPE, POINTS, keep, &mut out.memory);
        let mut gradient = vec![0.0; SHAPE.parameters()];
        let mut memory = vec![f64::NAN; Network::<f64>::backpropagate_len(&SHAPE, POINTS)];
        let sinks = (&mut gradient[..], &mut memory[..]);
        case.network.backpropagate(Head::Energy, &inputs, &adjoints, &mut tape, sinks);
        gradient
    };
    let zeros = vec![0.0; SHAPE.dim * POINTS];
    let both = of(Keep::WeightsOfGradient, Some(&zeros));
    let alone = of(Keep::Weights, None);
    for (a, b) in both.iter().zip(&alone) {
        assert_close(*a, *b, 1.0 + b.abs(), 1e-12, "energies alone");
    }
}

/// Fails if Hessian-vector products differ from differences of the field, are not symmetric, or depend on how many
/// directions are asked for at once.
#[test]
fn second_derivatives() {
    let d = SHAPE.dim;
    let mut case = Case::new();
    // One time for all points, as a level has.
    let features: Vec<f64> =
        (0..SHAPE.features).flat_map(|f| vec![case.features[f * POINTS]; POINTS]).collect();
    case.features = features;
    let out = case.evaluate(Head::Energy, Keep::Linearization);
    let one: Vec<f64> = (0..d).map(|i| out.gain[i * POINTS]).collect();
    let linear: Vec<f64> = (0..d).map(|i| out.linear[i * POINTS]).collect();
    let response = Response { gain: &one, linear: &linear };
    // Direction m at a point is the m-th unit vector; columns are direction by direction.
    let columns = d * POINTS;
    let mut v = vec![0.0; d * columns];
    for m in 0..d {
        v[m * columns + m * POINTS..][..POINTS].fill(1.0);
    }
    let mut hessian = vec![0.0; d * columns];
    let mut memory = vec![f64::NAN; Network::<f64>::derivative_len(&SHAPE, POINTS, d)];
    let network = &case.network;
    network.derivative((&out.memory, POINTS), &response, &v, &mut hessian, &mut memory);
    let entry = |i: usize, m: usize, j: usize| hessian[i * columns + m * POINTS + j];
    let scale = hessian.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    for j in 0..POINTS {
        for m in 0..d {
            for i in 0..d {
                assert_close(entry(i, m, j), entry(m, i, j), scale, 1e-12, "symmetry");
            }
        }
    }
    for m in 0..d {
        let mut unit = vec![0.0; d * POINTS];
        unit[m * POINTS..(m + 1) * POINTS].fill(1.0);
        let mut alone = vec![0.0; d * POINTS];
        let mut memory = vec![f64::NAN; Network::<f64>::derivative_len(&SHAPE, POINTS, 1)];
        let network = &case.network;
        network.derivative((&out.memory, POINTS), &response, &unit, &mut alone, &mut memory);
        let mut field = |shift: f64| {
            case.z[m * POINTS..(m + 1) * POINTS].iter_mut().for_each(|z| *z += shift);
            let field = case.evaluate(Head::Energy, Keep::Gradient).field;
            case.z[m * POINTS..(m + 1) * POINTS].iter_mut().for_each(|z| *z -= shift);
            field
        };
        let (up, down) = (field(1e-5), field(-1e-5));
        for i in 0..d {
            for j in 0..POINTS {
                let slope = (up[i * POINTS + j] - down[i * POINTS + j]) / 2e-5;
                assert_close(entry(i, m, j), slope, scale, 1e-8, "difference");
                assert_close(entry(i, m, j), alone[i * POINTS + j], scale, 1e-13, "alone");
            }
        }
    }
}

/// Fails if terms prepared for one time differ from features given point by point.
#[test]
fn shared_times_are_those_of_each_point() {
    let mut case = Case::new();
    let time = normals(SHAPE.features, 9);
    case.features = time.iter().flat_map(|&t| vec![t; POINTS]).collect();
    let each = case.evaluate(Head::Energy, Keep::Gradient);
    let mut terms = vec![0.0; Network::<f64>::time_terms_len(&SHAPE)];
    case.network.time_terms(&time, &mut terms);
    let (mut gain, mut linear) = (vec![0.0; SHAPE.dim], vec![0.0; SHAPE.dim]);
    case.network.response(&time, &mut gain, &mut linear);
    let mut memory = vec![f64::NAN; Tape::<f64>::len(&SHAPE, POINTS, Keep::Gradient)];
    let mut tape = Tape::new(&SHAPE, POINTS, Keep::Gradient, &mut memory);
    let len = SHAPE.dim * POINTS;
    let (mut o, mut w, mut field, mut energy) =
        (vec![0.0; len], vec![0.0; len], vec![0.0; len], vec![0.0; POINTS]);
    let mut outputs = Outputs { o: &mut o, w: &mut w, energy: &mut energy, field: &mut field };
    let response = Response { gain: &gain, linear: &linear };
    let times = Times::Shared(&terms);
    case.network.evaluate(Head::Energy, &case.z, (&times, &response), &mut tape, &mut outputs);
    for (a, b) in field.iter().chain(&energy).zip(each.field.iter().chain(&each.energy)) {
        assert_close(*a, *b, 1.0 + b.abs(), 1e-12, "shared");
    }
}
