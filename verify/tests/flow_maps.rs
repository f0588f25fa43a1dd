//! The deterministic maps against `reference/flow_maps.json`: images, determinants of numerical Jacobians, and
//! inverses, with 80 digits and no formula of a Jacobian.
//!
//! Every method, in every covariance kind that can hold the case, on short steps, on one to the target and
//! on a long one. The reference is in lane 5; the other lanes hold other points.

mod cases;
mod common;

use amc_core::density::{HessianProduct, Mixture, MixtureLevel};
use amc_core::krylov::LinearOperator;
use amc_core::path::NoiseSchedule;
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_core::transport::{FlowMap, FlowMethod, Inversion, InversionRule, Jacobian};
use cases::{Law, Owned, block, lanes, read};
use common::on_every_instruction_set;
use serde::Deserialize;

/// The methods, in the order of [`FlowMethod::ALL`], as the file names them.
const NAMES: [&str; 5] = ["pf-ei", "ddim", "heun", "third-order", "fourth-order"];

// Tolerances, about ten times what rounding is seen to do.
/// Image, beside its largest entry.
const IMAGE: f64 = 1e-13;
/// `log|det J|`, absolute: it is a sum of up to 16 logarithms near zero.
const LOG_DET: f64 = 1e-12;
/// Entry of `M`, beside the largest.
const PRODUCT: f64 = 1e-12;
/// Inverse, beside its largest entry.
const INVERSE: f64 = 1e-13;

#[derive(Deserialize)]
struct Case {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    s: f64,
    t: f64,
    x_t: Vec<f64>,
    maps: Vec<MapValues>,
}

#[derive(Deserialize)]
struct MapValues {
    method: String,
    image: Vec<f64>,
    log_abs_det: f64,
    sign: f64,
}

#[derive(Deserialize)]
struct LawCase {
    #[serde(flatten)]
    law: Law,
    steps: Vec<DdimStep>,
}

/// What `mixture_reference.json` knows of the DDIM map, found by another program.
#[derive(Deserialize)]
struct DdimStep {
    s: f64,
    t: f64,
    x_t: Vec<f64>,
    ddim_map: Vec<f64>,
    ddim_log_abs_det_jacobian: f64,
    ddim_det_sign: f64,
}

/// Calls `visit` with exactly `room` vectors of workspace, NaN at first.
fn with_context<T>(room: usize, visit: impl FnOnce(Context<'_>) -> T) -> T {
    let mut memory = vec![splat(f64::NAN); room];
    visit(Context {
        stream: &mut Key::new(1, Purpose::User).stream(),
        scratch: Scratch::new(&mut memory),
        evaluations: &mut Evaluations::default(),
    })
}

/// Calls `visit` with the map of a step.
fn with_map(
    mixture: &Mixture<'_>,
    schedule: &NoiseSchedule,
    (s, t): (f64, f64),
    method: FlowMethod,
    visit: impl FnOnce(&FlowMap<'_>),
) {
    let stages = method.coefficients(schedule, &schedule.step(s, t).unwrap()).unwrap();
    let len = MixtureLevel::storage_len(mixture);
    let mut storage = vec![0.0; len * stages.count()];
    let levels: Vec<MixtureLevel<'_>> = (stages.nodes().iter().zip(storage.chunks_exact_mut(len)))
        .map(|(node, own)| MixtureLevel::prepare(mixture, node.alpha, node.variance, own).unwrap())
        .collect();
    let densities: Vec<&dyn HessianProduct> = levels.iter().map(|level| level as _).collect();
    visit(&FlowMap::new(stages, &densities).unwrap());
}

/// Log-density and score of the noisier level.
fn noisy_values(map: &FlowMap<'_>, x: &[f64x8]) -> (f64x8, Vec<f64x8>) {
    let mut score = vec![f64x8::ZERO; map.dim()];
    let log_density = with_context(map.noisy().scratch_len(), |context| {
        map.noisy().log_density_and_score(x, &mut score, context.scratch).unwrap()
    });
    (log_density, score)
}

/// The images of a block, and the Jacobians there for `visit`.
fn linearized<T>(
    map: &FlowMap<'_>,
    x: &[f64x8],
    visit: impl FnOnce(&Jacobian<'_>) -> T,
) -> (Vec<f64x8>, T) {
    let d = map.dim();
    let ((_, score), mut image) = (noisy_values(map, x), vec![f64x8::ZERO; d]);
    let mut memory = vec![f64x8::ZERO; map.linearization_len()];
    let jacobian = with_context(map.scratch_len(), |context| {
        map.linearize(x, &score, &mut image, &mut memory, context).unwrap()
    });
    let seen = visit(&jacobian);
    (image, seen)
}

/// The images `M e_j`, one after the other, or `M^T e_j`.
fn columns(jacobian: &Jacobian<'_>, transposed: bool) -> Vec<Vec<f64x8>> {
    let d = jacobian.dim();
    let column = |j: usize| {
        let mut unit = vec![f64x8::ZERO; d];
        unit[j] = splat(1.0);
        let mut product = vec![splat(f64::NAN); d];
        with_context(jacobian.scratch_len(), |context| {
            if transposed {
                jacobian.apply_transposed(&unit, &mut product, context).unwrap();
            } else {
                jacobian.apply(&unit, &mut product, context).unwrap();
            }
        });
        product
    };
    (0..d).map(column).collect()
}

/// `log|det|` and the sign, by elimination with pivots; rows or columns.
fn log_abs_det(mut rows: Vec<Vec<f64>>) -> (f64, f64) {
    let (mut log, mut sign) = (0.0, 1.0);
    for i in 0..rows.len() {
        let largest =
            (i..rows.len()).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()));
        let largest = largest.unwrap();
        if largest != i {
            rows.swap(i, largest);
            sign = -sign;
        }
        let (pivot, later) = rows[i..].split_first_mut().unwrap();
        log += pivot[i].abs().ln();
        sign *= pivot[i].signum();
        for row in later {
            let factor = row[i] / pivot[i];
            for (entry, above) in row.iter_mut().zip(&*pivot).skip(i) {
                *entry -= factor * above;
            }
        }
    }
    (log, sign)
}

/// `log|det J|` and the sign in lane 5: `d log(scale) + log|det(I + M)|`.
fn log_abs_det_of(map: &FlowMap<'_>, jacobian: &Jacobian<'_>) -> (f64, f64) {
    let mut matrix: Vec<Vec<f64>> = columns(jacobian, false).iter().map(|c| lanes(c)).collect();
    for (i, column) in matrix.iter_mut().enumerate() {
        column[i] += 1.0;
    }
    let (log, sign) = log_abs_det(matrix);
    (log + map.dim() as f64 * map.stages().scale().ln(), sign)
}

/// Log-density, score, and how the search for the inverse ended; the point is `x`.
fn inverse(
    map: &FlowMap<'_>,
    y: &[f64x8],
    rule: InversionRule,
    x: &mut [f64x8],
) -> (f64x8, Vec<f64x8>, Inversion) {
    let (mut log_density, mut score) = (f64x8::ZERO, vec![f64x8::ZERO; map.dim()]);
    let found = with_context(map.invert_scratch_len(), |context| {
        let point = PointMut { x, log_density: &mut log_density, score: &mut score };
        map.invert(y, rule, point, context).unwrap()
    });
    (log_density, score, found)
}

/// Largest difference, beside the largest expected entry.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f64, |max, e| max.max(e.abs()));
    found.iter().zip(expected).fold(0.0_f64, |max, (f, e)| larger(max, (f - e).abs() / largest))
}

/// The larger of two errors; NaN is the largest.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b { a } else { b }
}

/// Every map of the file, in every kind: calls `visit` with its name, the map and the values.
fn every_map(mut visit: impl FnMut(&str, &FlowMap<'_>, &Step, &MapValues)) {
    let (laws, values): (Vec<LawCase>, Vec<Case>) =
        (read("mixture_reference.json"), read("flow_maps.json"));
    assert_eq!(laws.len(), values.len());
    let mut count = 0;
    for (LawCase { law, .. }, case) in laws.iter().zip(&values) {
        for kind in law.kinds() {
            let owned = Owned::new(law, kind);
            for step in &case.steps {
                assert_eq!(step.maps.len(), NAMES.len());
                for ((method, name), values) in FlowMethod::ALL.iter().zip(NAMES).zip(&step.maps) {
                    assert_eq!(values.method, name);
                    let what = format!("d={} {kind} {}->{} {name}", law.dim, step.t, step.s);
                    let (mixture, schedule) = (owned.mixture(), law.schedule());
                    with_map(&mixture, &schedule, (step.s, step.t), *method, |map| {
                        visit(&what, map, step, values);
                    });
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 15 * 6 * NAMES.len());
}

/// Fails if the DDIM map or its determinant is not that of an independent program.
#[test]
fn ddim_is_that_of_the_mixture_reference() {
    on_every_instruction_set(|_| {
        for case in read::<LawCase>("mixture_reference.json") {
            for kind in case.law.kinds() {
                let owned = Owned::new(&case.law, kind);
                for step in &case.steps {
                    let what = format!("d={} {kind} {}->{}", case.law.dim, step.t, step.s);
                    let (mixture, schedule) = (owned.mixture(), case.law.schedule());
                    with_map(&mixture, &schedule, (step.s, step.t), FlowMethod::Ddim, |map| {
                        let (image, (log, sign)) =
                            linearized(map, &block(&step.x_t), |j| log_abs_det_of(map, j));
                        let error = distance(&lanes(&image), &step.ddim_map);
                        assert!(error < IMAGE, "{what}: {error:e}");
                        let error = (log - step.ddim_log_abs_det_jacobian).abs();
                        assert!(error < LOG_DET, "{what}: {log}, error {error:e}");
                        assert_eq!(sign, step.ddim_det_sign, "{what}");
                    });
                }
            }
        }
    });
}

/// Fails if a coefficient, a node or a stage of any method is wrong.
#[test]
fn images() {
    on_every_instruction_set(|_| {
        every_map(|what, map, step, values| {
            let (image, ()) = linearized(map, &block(&step.x_t), |_| ());
            let error = distance(&lanes(&image), &values.image);
            assert!(error < IMAGE, "{what}: {error:e}");
        });
    });
}

/// Fails if a product with the Jacobian is not one with the derivative of the map.
#[test]
fn determinants() {
    on_every_instruction_set(|_| {
        every_map(|what, map, step, values| {
            let (_, (log, sign)) = linearized(map, &block(&step.x_t), |j| log_abs_det_of(map, j));
            let error = (log - values.log_abs_det).abs();
            assert!(error < LOG_DET, "{what}: {log}, error {error:e}");
            assert_eq!(sign, values.sign, "{what}");
        });
    });
}

/// Fails if a product with the transposed Jacobian takes the stages in a wrong order or with a wrong
/// weight, in any lane, or if a map of one stage has a Jacobian that is not symmetric.
#[test]
fn transposed_products() {
    on_every_instruction_set(|_| {
        every_map(|what, map, step, _| {
            let _ = linearized(map, &block(&step.x_t), |jacobian| {
                let (matrix, transposed) = (columns(jacobian, false), columns(jacobian, true));
                let size = matrix.iter().flatten().fold(f64x8::ZERO, |max, m| max.max(m.abs()));
                let (mut worst, mut skew) = (0.0, 0.0);
                for (i, row) in transposed.iter().enumerate() {
                    for (j, entry) in row.iter().enumerate() {
                        let error = ((*entry - matrix[j][i]).abs() / size).to_array();
                        worst = error.into_iter().fold(worst, larger);
                        let error = ((matrix[i][j] - matrix[j][i]).abs() / size).to_array();
                        skew = error.into_iter().fold(skew, larger);
                    }
                }
                assert!(worst < PRODUCT, "{what}: {worst:e}");
                assert!(skew < PRODUCT || !jacobian.is_symmetric(), "{what}: {skew:e}");
            });
        });
    });
}

/// Fails if the inverse of an image, in any lane, is not the point it came from or is not found, because
/// a Newton step is wrong or because another lane has no inverse; or if the values with it are those of
/// another point.
#[test]
fn inverses() {
    on_every_instruction_set(|_| {
        // Maps of one stage, and of more, that the fixed point alone does not invert.
        let mut left_to_newton = [0, 0];
        every_map(|what, map, step, values| {
            let x = block(&step.x_t);
            let (mut y, ()) = linearized(map, &x, |_| ());
            for (y, &reference) in y.iter_mut().zip(&values.image) {
                let mut all = y.to_array();
                (all[2], all[5]) = (f64::NAN, reference);
                *y = f64x8::new(all);
            }
            let mut back = vec![f64x8::ZERO; map.dim()];
            let (log_density, score, found) = inverse(map, &y, InversionRule::default(), &mut back);
            let fresh = noisy_values(map, &back);
            assert_eq!(found.converged.to_bitmask(), 0b1111_1011, "{what}: {found:?}");
            for lane in [0, 1, 3, 4, 5, 6, 7] {
                let of =
                    |x: &[f64x8]| -> Vec<f64> { x.iter().map(|x| x.to_array()[lane]).collect() };
                let error = distance(&of(&back), &of(&x));
                assert!(error < INVERSE, "{what} lane {lane}: {error:e}");
                assert_eq!(of(&score), of(&fresh.1), "{what} lane {lane}");
                assert_eq!(of(&[log_density]), of(&[fresh.0]), "{what} lane {lane}");
            }
            let fixed_point = InversionRule { newton: 0, ..InversionRule::default() };
            let (.., found) = inverse(map, &y, fixed_point, &mut back);
            if found.converged.to_bitmask() & 1 << 5 == 0 {
                left_to_newton[usize::from(map.stages().count() > 1)] += 1;
            }
        });
        assert!(left_to_newton.iter().all(|&count| count > 50), "{left_to_newton:?}");
    });
}
