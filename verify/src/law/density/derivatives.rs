//! Scores, Hessians and their products are the derivatives they are said to be.
//!
//! `S = grad log p` and `H = grad S`, compared with differences that know their own error, at exact samples and at the
//! same samples pushed out to the far tails.

use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};

use super::DensityInstance;
use crate::law::differences::{Derivative, derivative};
use crate::law::direction;
use crate::law::particles::{Particles, Workspace};
use crate::{Budget, Verdict, VerifyError};

/// Blocks of exact samples, each looked at in every region.
const BLOCKS: usize = 32;
/// How far samples are pushed out from the mean of their block: the bulk, and two tails.
const REGIONS: [f64; 3] = [1.0, 6.0, 40.0];
/// Largest difference, relative to the largest entry plus one.
const TOLERANCE: f64 = 1e-6;
/// Largest error of a difference, relative alike, with which it may judge.
const DIFFERENCE_ERROR: f64 = 1e-7;
/// Largest difference between two ways to one number.
const ROUNDING: f64 = 1e-11;

/// The largest errors found.
#[derive(Debug, Clone, Copy, Default)]
struct Errors {
    score: f64,
    product: f64,
    hessian: f64,
    asymmetry: f64,
    /// Between a method and its other forms.
    forms: f64,
    /// What the differences say of themselves, and how many said too much.
    differences: f64,
    unusable: usize,
    compared: usize,
}

/// The score is the gradient of the log-density, products and Hessian are derivatives of the score (1e-6 relative),
/// the Hessian is symmetric, and what a density offers in several forms (log-density alone, many blocks at once,
/// linearized products) agrees (1e-11).
///
/// A pass excludes a wrong sign, factor, index or term of any derivative, in the bulk and where one component rules.
/// No number is estimated from samples: the p-value is 1 or 0. A difference that cannot vouch for 1e-7 judges nothing;
/// inconclusive if that is so for one in a hundred.
///
/// # Errors
/// Those of the density, and of an unusable budget.
pub fn derivatives(
    instance: &DensityInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "density::derivatives";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let density = instance.law.density();
    let room = room(instance);
    let blocks = budget.blocks().min(BLOCKS);
    let mut workspace = Workspace::new(room, key.stream());
    let mut errors = Errors::default();
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        let mut particles = Particles::new(density.dim());
        workspace.sample(instance.law, &mut particles)?;
        let spread = center(&mut particles);
        let around = particles.x.clone();
        for region in REGIONS {
            for ((x, &a), &(mean, _)) in particles.x.iter_mut().zip(&around).zip(&spread) {
                *x = splat(mean) + splat(region) * a;
            }
            let steps: Vec<f64> = spread.iter().map(|(_, width)| 0.1 * width).collect();
            errors.check_score(instance, &particles.x, &steps)?;
            errors.check_hessian(instance, &particles.x, &steps)?;
        }
    }
    let samples = 8 * blocks * REGIONS.len();
    let Errors { score, product, hessian, asymmetry, forms, differences, .. } = errors;
    let holds = score <= TOLERANCE
        && product <= TOLERANCE
        && hessian <= TOLERANCE
        && asymmetry <= ROUNDING
        && forms <= ROUNDING;
    let detail = format!(
        "largest relative errors: score {score:.1e}, product {product:.1e}, Hessian {hessian:.1e}, \
         asymmetry {asymmetry:.1e}, other forms {forms:.1e}; differences {differences:.1e}"
    );
    let p_value = if holds { 1.0 } else { 0.0 };
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    if verdict.passed() && 100 * errors.unusable > errors.compared {
        let (unusable, compared) = (errors.unusable, errors.compared);
        return Ok(
            verdict.without_premise(format!("{unusable} of {compared} differences unusable"))
        );
    }
    Ok(verdict)
}

/// Workspace for any method of the density.
fn room(instance: &DensityInstance<'_>) -> usize {
    let product = instance.product.map_or(0, |density| density.hessian_scratch_len());
    let hessian = instance.hessian.map_or(0, |density| density.hessian_scratch_len());
    let own = instance.law.density().scratch_len();
    own.max(product).max(hessian).max(instance.law.scratch_len())
}

/// Moves a block's mean to 0 and returns mean and width (half the range) of every coordinate.
fn center(particles: &mut Particles) -> Vec<(f64, f64)> {
    let coordinates = particles.x.iter_mut();
    coordinates
        .map(|x| {
            let lanes = x.to_array();
            let mean = lanes.iter().sum::<f64>() / 8.0;
            let low = lanes.iter().copied().fold(f64::INFINITY, f64::min);
            let high = lanes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            *x -= splat(mean);
            (mean, (0.5 * (high - low)).max(f64::MIN_POSITIVE))
        })
        .collect()
}

/// The lanes of vectors, one after the other.
fn flat(vectors: &[f64x8]) -> Vec<f64> {
    vectors.iter().flat_map(|v| v.to_array()).collect()
}

impl Errors {
    /// Compares `found` with a derivative, both `[n x 8]`, lane by lane relative to `1 + scale[lane]`.
    fn compare(&mut self, found: &[f64], derivative: &Derivative, scale: &[f64; 8]) -> f64 {
        let mut largest = 0.0_f64;
        let pairs = derivative.values.iter().zip(&derivative.errors);
        for (i, (&found, (&value, &error))) in found.iter().zip(pairs).enumerate() {
            let size = 1.0 + scale[i % 8];
            self.compared += 1;
            let (difference, own) = (libm::fabs(found - value) / size, error / size);
            if own.is_nan() || own > DIFFERENCE_ERROR {
                self.unusable += 1;
                // Judged no finer than the difference knows itself; a NaN of the density is a fault.
                if found.is_nan() {
                    largest = f64::INFINITY;
                }
                continue;
            }
            self.differences = self.differences.max(own);
            largest = largest.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
        largest
    }

    /// The largest relative difference of two ways to one list of numbers.
    fn agree(&mut self, first: &[f64], second: &[f64], scale: f64) {
        for (a, b) in first.iter().zip(second) {
            let difference = libm::fabs(a - b) / (1.0 + scale.max(libm::fabs(*a)));
            self.forms =
                self.forms.max(if difference.is_nan() { f64::INFINITY } else { difference });
        }
    }

    fn check_score(
        &mut self,
        instance: &DensityInstance<'_>,
        x: &[f64x8],
        steps: &[f64],
    ) -> Result<(), VerifyError> {
        let density = instance.law.density();
        let d = x.len();
        let mut memory = vec![splat(f64::NAN); density.scratch_len()];
        let mut score = vec![f64x8::ZERO; d];
        let value = density.log_density_and_score(x, &mut score, Scratch::new(&mut memory))?;
        let alone = density.log_density(x, Scratch::new(&mut memory))?;
        self.agree(&flat(&[value]), &flat(&[alone]), 0.0);
        let (mut scores, mut values) = (vec![f64x8::ZERO; 2 * d], [f64x8::ZERO; 2]);
        let twice: Vec<f64x8> = x.iter().chain(x).copied().collect();
        let scratch = Scratch::new(&mut memory);
        density.log_densities_and_scores(&twice, &mut scores, &mut values, scratch)?;
        let scale = largest(&score);
        let overall = scale.iter().copied().fold(0.0, f64::max);
        self.agree(&flat(&score), &flat(&scores[d..]), overall);
        self.agree(&flat(&[value]), &flat(&values[1..]), 0.0);
        for (i, &step) in steps.iter().enumerate() {
            let difference = derivative(step, |t| {
                let mut moved = x.to_vec();
                moved[i] += splat(t);
                let there = density.log_density(&moved, Scratch::new(&mut memory))?;
                // Relative to where it starts, so that a large constant costs no digits.
                Ok(flat(&[there - alone]))
            })?;
            let error = self.compare(&flat(&score[i..=i]), &difference, &scale);
            self.score = self.score.max(error);
        }
        Ok(())
    }

    fn check_hessian(
        &mut self,
        instance: &DensityInstance<'_>,
        x: &[f64x8],
        steps: &[f64],
    ) -> Result<(), VerifyError> {
        let density = instance.law.density();
        let d = x.len();
        let mut memory = vec![splat(f64::NAN); room(instance)];
        let mut along = |v: &[f64], first: f64| {
            derivative(first, |t| {
                let pairs = x.iter().zip(v);
                let moved: Vec<f64x8> = pairs.map(|(&x, &v)| x + splat(t * v)).collect();
                let mut score = vec![f64x8::ZERO; d];
                density.log_density_and_score(&moved, &mut score, Scratch::new(&mut memory))?;
                Ok(flat(&score))
            })
        };
        let unit = |i: usize| -> Vec<f64> { (0..d).map(|j| f64::from(u8::from(i == j))).collect() };
        let smallest = steps.iter().copied().fold(f64::INFINITY, f64::min);
        if let Some(product) = instance.product {
            let mut memory = vec![splat(f64::NAN); product.hessian_scratch_len()];
            for v in [direction(d, 0), direction(d, 2), unit(d - 1)] {
                let difference = along(&v, smallest)?;
                let block: Vec<f64x8> = v.iter().map(|&v| splat(v)).collect();
                let mut found = vec![f64x8::ZERO; d];
                product.hessian_product(x, &block, &mut found, Scratch::new(&mut memory))?;
                let scale = largest(&found);
                let error = self.compare(&flat(&found), &difference, &scale);
                self.product = self.product.max(error);
                let mut linear = vec![f64x8::ZERO; product.linearization_len()];
                let mut again = vec![f64x8::ZERO; d];
                product.linearize(x, &mut linear, Scratch::new(&mut memory))?;
                let scratch = Scratch::new(&mut memory);
                product.linearized_product(&linear, &block, &mut again, scratch)?;
                let overall = scale.iter().copied().fold(0.0, f64::max);
                self.agree(&flat(&found), &flat(&again), overall);
            }
        }
        if let Some(hessian) = instance.hessian {
            let mut memory = vec![splat(f64::NAN); hessian.hessian_scratch_len()];
            let mut found = vec![f64x8::ZERO; d * d];
            hessian.hessian(x, &mut found, Scratch::new(&mut memory))?;
            let scale = largest(&found);
            for i in 0..d {
                let difference = along(&unit(i), steps[i])?;
                let column: Vec<f64x8> = (0..d).map(|j| found[j * d + i]).collect();
                let error = self.compare(&flat(&column), &difference, &scale);
                self.hessian = self.hessian.max(error);
                for j in 0..i {
                    let gaps = (found[i * d + j] - found[j * d + i]).to_array();
                    let gaps = gaps.iter().zip(&scale).map(|(gap, s)| libm::fabs(*gap) / (1.0 + s));
                    self.asymmetry = gaps.fold(self.asymmetry, f64::max);
                }
            }
        }
        Ok(())
    }
}

/// The largest entry in size of every lane.
fn largest(vectors: &[f64x8]) -> [f64; 8] {
    vectors.iter().fold(f64x8::ZERO, |largest, v| largest.fast_max(v.abs())).to_array()
}
