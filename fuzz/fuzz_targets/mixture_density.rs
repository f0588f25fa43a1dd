//! Any numbers, special ones included, as mixture, level and points: refused, or densities, scores,
//! responsibilities, Hessian products, samples and transitions that agree with each other and with the formula.
#![no_main]

use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{Covariance, HessianProduct, LogDensity, Mixture, MixtureLevel, Score};
use amc_core::path::{NoiseSchedule, NoisingStep, VeShape};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_fuzz::close;
use amc_fuzz::number::Number;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    components: u8,
    kind: u8,
    /// Whether numbers are taken as they are, so that most mixtures are refused.
    raw: bool,
    alpha: Number,
    variance: Number,
    /// Read again from the start where they end: few bytes make a whole mixture.
    numbers: Vec<Number>,
}

/// Hands out the numbers of an input, over and over.
struct Supply<'a> {
    numbers: &'a [Number],
    next: usize,
    raw: bool,
}

impl Supply<'_> {
    fn number(&mut self) -> f64 {
        let found = self.numbers.get(self.next % self.numbers.len().max(1));
        self.next += 1;
        found.map_or(1.25, |number| number.0)
    }

    fn numbers(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.number()).collect()
    }

    /// Weights and variances; positive unless numbers are raw.
    fn positive(&mut self, count: usize) -> Vec<f64> {
        let raw = self.raw;
        let positive = |x: f64| if raw || x.abs() > 0.0 { x } else { 0.5 };
        self.numbers(count).into_iter().map(|x| if raw { x } else { positive(x).abs() }).collect()
    }

    /// Rows of rotations by angles in one plane after the other, or any numbers.
    fn axes(&mut self, dim: usize, count: usize) -> Vec<f64> {
        if self.raw {
            return self.numbers(dim * dim * count);
        }
        let mut all = Vec::new();
        for _ in 0..count {
            let mut axes = vec![0.0; dim * dim];
            (0..dim).for_each(|i| axes[i * dim + i] = 1.0);
            for plane in 1..dim {
                let (sin, cos) = (self.number() % 7.0).sin_cos();
                for column in 0..dim {
                    let (low, high) = ((plane - 1) * dim + column, plane * dim + column);
                    let (x, y) = (axes[low], axes[high]);
                    (axes[low], axes[high]) = (cos * x - sin * y, sin * x + cos * y);
                }
            }
            all.extend(axes);
        }
        all
    }
}

/// The numbers behind a level, and whether variances are one per component.
struct Parameters<'a> {
    weights: &'a [f64],
    means: &'a [f64],
    variances: &'a [f64],
    axes: &'a [f64],
    isotropic: bool,
}

/// A step of a diffusion, and the level that it ends at; raw numbers have no step.
fn step_and_level(input: &Input) -> (Option<NoisingStep>, f64, f64) {
    let (alpha, variance) = (input.alpha.0, input.variance.0);
    if input.raw {
        return (None, alpha, variance);
    }
    let schedule = match input.kind % 3 {
        0 => NoiseSchedule::vp_linear(0.1, 20.0),
        1 => Ok(NoiseSchedule::vp_cosine()),
        _ => NoiseSchedule::ve(0.01, 30.0, VeShape::Geometric),
    };
    let (s, t) = (alpha.abs().fract(), variance.abs().fract());
    let step = schedule.unwrap().step(s.min(t), s.max(t)).ok();
    step.map_or((None, 1.0, 0.0), |step| (Some(step), step.alpha_noisy, step.variance_noisy))
}

fuzz_target!(|input: Input| {
    let (dim, components) = (usize::from(input.dim % 5) + 1, usize::from(input.components % 5) + 1);
    let mut supply = Supply { numbers: &input.numbers, next: 0, raw: input.raw };
    let entries = if input.kind & 4 == 0 { components } else { 1 };
    let (weights, means) = (supply.positive(components), supply.numbers(components * dim));
    let isotropic = input.kind % 4 == 0;
    let variances = supply.positive(if isotropic { entries } else { entries * dim });
    let axes = if input.kind & 2 != 0 { supply.axes(dim, entries) } else { Vec::new() };
    let covariance = match input.kind % 4 {
        0 => Covariance::Isotropic(&variances),
        1 => Covariance::Diagonal(&variances),
        _ => Covariance::Full { eigenvalues: &variances, eigenvectors: &axes },
    };
    let Ok(mixture) = Mixture::new(dim, &weights, &means, covariance) else { return };
    let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
    let (step, alpha, variance) = step_and_level(&input);
    let Ok(level) = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage) else { return };

    // Two blocks of points, every lane another one.
    let points: Vec<f64x8> =
        (0..2 * dim).map(|_| f64x8::new(std::array::from_fn(|_| supply.number()))).collect();
    let calm = [&weights[..], &means, &variances, &axes, &[alpha, variance]];
    let calm = !input.raw
        && calm.iter().all(|numbers| numbers.iter().all(|x| x.abs() < 400.0))
        && weights.iter().all(|w| *w > 1e-12)
        && variances.iter().all(|v| alpha * alpha * v + variance > 1e-2);
    let densities = check_scores(&level, &points);
    if calm {
        let (weights, means, variances, axes) =
            (&weights[..], &means[..], &variances[..], &axes[..]);
        let parameters = Parameters { weights, means, variances, axes, isotropic };
        check_formula(&level, &parameters, &points[..dim], densities[0]);
    }
    check_products(&level, &points[..dim], calm);
    check_samples(&level, calm);
    if let Some(step) = step {
        check_transition(&level, &step, &points, calm);
    }
});

/// Whether every lane is a number of moderate size.
fn is_calm(points: &[f64x8]) -> bool {
    points.iter().all(|x| x.to_array().iter().all(|x| x.abs() < 400.0))
}

/// Log-densities by every way to ask for them are the same bits, and never plus infinity.
fn check_scores(level: &MixtureLevel<'_>, points: &[f64x8]) -> [f64x8; 2] {
    let dim = level.dim();
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let mut scores = vec![f64x8::ZERO; 2 * dim];
    let mut densities = [f64x8::ZERO; 2];
    let scratch = Scratch::new(&mut memory);
    level.log_densities_and_scores(points, &mut scores, &mut densities, scratch).unwrap();
    let bits = |x: f64x8| x.to_array().map(f64::to_bits);
    for (block, density) in densities.into_iter().enumerate() {
        let x = &points[block * dim..(block + 1) * dim];
        let mut score = vec![f64x8::ZERO; dim];
        let alone = level.log_density(x, Scratch::new(&mut memory)).unwrap();
        let both = level.log_density_and_score(x, &mut score, Scratch::new(&mut memory)).unwrap();
        assert_eq!(bits(density), bits(both));
        assert_eq!(bits(alone), bits(both));
        for (one, other) in score.iter().zip(&scores[block * dim..]) {
            assert_eq!(bits(*one), bits(*other));
        }
        assert!(density.to_array().iter().all(|p| *p != f64::INFINITY), "{density:?}");
        let mut shares = vec![f64x8::ZERO; level.mixture().components()];
        let again = level.responsibilities(x, &mut shares, Scratch::new(&mut memory)).unwrap();
        for lane in 0..8 {
            if again.to_array()[lane].is_finite() {
                let total: f64 = shares.iter().map(|r| r.to_array()[lane]).sum();
                assert!(close(total, 1.0, 1e-13), "{shares:?}");
            }
        }
    }
    densities
}

/// The density of the first lane, by the formula, in moderate numbers.
fn check_formula(level: &MixtureLevel<'_>, p: &Parameters<'_>, x: &[f64x8], found: f64x8) {
    if !is_calm(x) {
        return;
    }
    let dim = level.dim();
    let total: f64 = p.weights.iter().sum();
    let mut largest_square = 0.0_f64;
    let mut terms = Vec::new();
    for (k, weight) in p.weights.iter().enumerate() {
        // Where component k's own numbers start, if it has any.
        let own = |all: &[f64], width: usize| if all.len() == width { 0 } else { k * width };
        let mean = &p.means[k * dim..(k + 1) * dim];
        let delta: Vec<f64> =
            x.iter().zip(mean).map(|(x, m)| x.to_array()[0] - level.alpha() * m).collect();
        let mut term = (weight / total).ln();
        for i in 0..dim {
            let l = if p.isotropic {
                p.variances[own(p.variances, 1)]
            } else {
                p.variances[own(p.variances, dim) + i]
            };
            let along = if p.axes.is_empty() {
                delta[i]
            } else {
                let start = own(p.axes, dim * dim) + i * dim;
                p.axes[start..start + dim].iter().zip(&delta).map(|(a, d)| a * d).sum()
            };
            let v = level.alpha().powi(2) * l + level.variance();
            term -= 0.5 * ((std::f64::consts::TAU * v).ln() + along * along / v);
            largest_square = largest_square.max(along * along / v);
        }
        terms.push(term);
    }
    let expected = amc_core::weight::log_sum_exp(&terms);
    let tolerance = 1e-11 * (1.0 + largest_square);
    assert!(close(found.to_array()[0], expected, tolerance), "{found:?} {expected}");
}

/// The Hessian, product by product, is symmetric.
fn check_products(level: &MixtureLevel<'_>, x: &[f64x8], calm: bool) {
    let dim = level.dim();
    let mut memory = vec![f64x8::ZERO; level.hessian_scratch_len()];
    let vector = |at: usize| -> Vec<f64x8> {
        (0..dim).map(|i| f64x8::splat(if i == at { 1.0 } else { 0.0 })).collect()
    };
    let mut rows = Vec::new();
    for at in 0..dim {
        let mut out = vec![f64x8::ZERO; dim];
        level.hessian_product(x, &vector(at), &mut out, Scratch::new(&mut memory)).unwrap();
        rows.push(out);
    }
    if !calm || !is_calm(x) {
        return;
    }
    let size = rows.iter().flatten().flat_map(|h| h.to_array()).fold(1.0, |s, h| h.abs().max(s));
    for i in 0..dim {
        for j in 0..i {
            for (a, b) in rows[i][j].to_array().into_iter().zip(rows[j][i].to_array()) {
                assert!(close(a, b, 1e-10 * size), "{a} {b}");
            }
        }
    }
}

/// Samples are numbers wherever the parameters are calm.
fn check_samples(level: &MixtureLevel<'_>, calm: bool) {
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let mut stream = Key::new(3, Purpose::User).stream();
    let mut sample = vec![f64x8::ZERO; level.dim()];
    level.sample(&mut sample, &mut stream, Scratch::new(&mut memory)).unwrap();
    assert!(!calm || sample.iter().all(|x| x.to_array().iter().all(|x| x.is_finite())));
}

/// Where a noisy point came from: numbers, and by Bayes' rule the same as forward through the step,
/// `log p_s(y) + log q(x | y) = log p_t(x) + log p(y | x)`.
fn check_transition(level: &MixtureLevel<'_>, step: &NoisingStep, points: &[f64x8], calm: bool) {
    let dim = level.dim();
    let mut storage = vec![0.0; MixtureTransition::storage_len(level)];
    let transition = MixtureTransition::prepare(level, step, &mut storage).unwrap();
    let mut memory = vec![f64x8::ZERO; transition.scratch_len()];
    let mut stream = Key::new(5, Purpose::User).stream();
    let (x, mut y) = (&points[..dim], points[dim..].to_vec());
    let density = transition.log_density(x, &y, Scratch::new(&mut memory)).unwrap();
    assert!(density.to_array().iter().all(|p| *p != f64::INFINITY), "{density:?}");
    transition.sample(x, &mut y, &mut stream, Scratch::new(&mut memory)).unwrap();
    // The clean level has to be calm too: at time 0 its variances have no noise beside them.
    if !calm || !is_calm(x) || step.variance < 1e-6 || step.variance_clean < 1e-2 {
        return;
    }
    assert!(y.iter().all(|y| y.to_array().iter().all(|y| y.is_finite())), "{y:?}");
    let mut storage = vec![0.0; MixtureLevel::storage_len(level.mixture())];
    let (alpha, variance) = (step.alpha_clean, step.variance_clean);
    let clean = MixtureLevel::prepare(level.mixture(), alpha, variance, &mut storage).unwrap();
    let mut room = vec![f64x8::ZERO; clean.scratch_len()];
    let prior = clean.log_density(&y, Scratch::new(&mut room)).unwrap().to_array()[0];
    let noisy = level.log_density(x, Scratch::new(&mut memory)).unwrap().to_array()[0];
    let posterior = transition.log_density(x, &y, Scratch::new(&mut memory)).unwrap().to_array()[0];
    let square: f64 = x
        .iter()
        .zip(&y)
        .map(|(x, y)| x.to_array()[0] - step.ratio * y.to_array()[0])
        .map(|distance| distance * distance)
        .sum();
    let normalization = dim as f64 * (std::f64::consts::TAU * step.variance).ln();
    let forward = -0.5 * (normalization + square / step.variance);
    let size = [prior, forward, noisy, posterior].into_iter().fold(1.0, |s, p| p.abs().max(s));
    let tolerance = 1e-9 * size;
    assert!(
        close(prior + forward, noisy + posterior, tolerance),
        "{prior} {forward} {noisy} {posterior}"
    );
}
