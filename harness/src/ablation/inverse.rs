//! The inverse of a map by itself: images of exact samples of every noisy level, led back.

use amc_core::density::LogDensity;
use amc_core::error::{Error, Result};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, dot, f64x8};
use amc_core::transport::{FlowMap, Inversion, InversionRule};
use rayon::prelude::*;
use serde::Serialize;

use super::statistics::median_and_worst;
use crate::sampler::Annealing;

/// Points in all, spread over the levels, and bounds of their number at each.
const POINTS: usize = 1 << 16;
const FEWEST: usize = 32;
const MOST: usize = 256;

/// How an inverse was found, over all points and steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InverseRecord {
    /// Share of points that the fixed point alone brings to convergence.
    pub fixed_point_converged: f64,
    /// Median of `|T(x) - y| / (|y| + |A x|)` that the fixed point alone leaves.
    pub fixed_point_residual: f64,
    /// The largest of them.
    pub fixed_point_residual_worst: f64,
    /// Share of points that neither fixed point nor Newton inverts.
    pub not_inverted: f64,
    /// Median of `|T^-1(T(x)) - x|/|x|`, of the points that were inverted.
    pub round_trip_error: f64,
    /// The largest of them; near 1 where a map folds and another point has the same image.
    pub round_trip_error_worst: f64,
    /// Fixed-point iterations and Newton steps of an inverse; eight particles wait for their slowest.
    pub fixed_point_steps: f64,
    /// See above.
    pub newton_steps: f64,
    /// Scores that an inverse takes.
    pub scores: f64,
    /// Hessian-vector products that an inverse takes, all of them for Newton.
    pub products: f64,
}

/// What one block met with one rule, at all levels.
#[derive(Default)]
struct Tally {
    residuals: Vec<f64>,
    errors: Vec<f64>,
    fixed_point_converged: u64,
    inverted: u64,
    steps: (u64, u64),
    evaluations: Evaluations,
}

/// Points at each of so many noisy levels, whole blocks.
pub(super) fn particles(levels: usize) -> usize {
    (POINTS / levels.max(1)).clamp(FEWEST, MOST) / LANES * LANES
}

/// The record of every rule on the map of an annealing problem; `begin` is told each level.
///
/// # Errors
/// Levels that cannot be sampled exactly, and those of the core.
pub(super) fn study(
    annealing: &Annealing<'_>,
    rules: &[InversionRule],
    begin: &mut dyn FnMut(usize),
) -> Result<Vec<InverseRecord>> {
    let blocks = particles(annealing.steps()) / LANES;
    let mut tallies: Vec<Vec<Tally>> =
        (0..blocks).map(|_| rules.iter().map(|_| Tally::default()).collect()).collect();
    for clean in (0..annealing.steps()).rev() {
        begin(clean);
        annealing.with_flow_map(clean, |map| {
            visit_level(annealing, clean + 1, map, rules, &mut tallies)
        })?;
    }
    let visits = (blocks * annealing.steps()) as f64;
    Ok((0..rules.len()).map(|rule| record(&mut tallies, rule, visits)).collect())
}

/// Adds what one level does to every block.
fn visit_level(
    annealing: &Annealing<'_>,
    level: usize,
    map: &FlowMap<'_>,
    rules: &[InversionRule],
    tallies: &mut [Vec<Tally>],
) -> Result<()> {
    let what = "levels of this path cannot be sampled exactly";
    let law = annealing.levels[level].exact().ok_or(Error::Unsupported { what })?;
    let room = law.scratch_len().max(map.scratch_len()).max(map.invert_scratch_len());
    let dim = annealing.dim();
    let key = annealing.key(Phase::Study, Purpose::TargetSample).level(level as u64);
    tallies.par_iter_mut().enumerate().try_for_each_init(
        || (vec![f64x8::ZERO; 5 * dim], vec![f64x8::ZERO; room]),
        |(vectors, memory), (block, tallies)| {
            let (x, rest) = vectors.split_at_mut(dim);
            let (score, rest) = rest.split_at_mut(dim);
            let (image, rest) = rest.split_at_mut(dim);
            let (back, back_score) = rest.split_at_mut(dim);
            let mut stream = key.block(block as u64).stream();
            law.sample(x, &mut stream, Scratch::new(memory))?;
            map.noisy().log_density_and_score(x, score, Scratch::new(memory))?;
            let mut cost = Evaluations::default();
            let context = Context {
                stream: &mut stream,
                scratch: Scratch::new(memory),
                evaluations: &mut cost,
            };
            map.apply(x, score, image, context)?;
            for (rule, tally) in rules.iter().zip(tallies) {
                let mut invert = |rule| {
                    let mut evaluations = Evaluations::default();
                    let context = Context {
                        stream: &mut stream,
                        scratch: Scratch::new(memory),
                        evaluations: &mut evaluations,
                    };
                    let mut log_density = f64x8::ZERO;
                    let (x, score) = (&mut *back, &mut *back_score);
                    let point = PointMut { x, log_density: &mut log_density, score };
                    Ok::<_, Error>((map.invert(image, rule, point, context)?, evaluations))
                };
                let alone = invert(InversionRule { newton: 0, ..*rule })?;
                tally.add_fixed_point(&alone.0);
                // Newton polishes what the fixed point left above rounding.
                let (found, evaluations) = if rule.newton == 0 { alone } else { invert(*rule)? };
                tally.add(&found, &evaluations, x, back);
            }
            Ok(())
        },
    )
}

impl Tally {
    fn add_fixed_point(&mut self, found: &Inversion) {
        self.residuals.extend(found.residual.to_array());
        self.fixed_point_converged += u64::from(found.converged.to_bitmask().count_ones());
    }

    /// Takes in the inverse `back` of the image of `x`.
    fn add(&mut self, found: &Inversion, cost: &Evaluations, x: &[f64x8], back: &[f64x8]) {
        let square = x.iter().zip(back).fold(f64x8::ZERO, |sum, (&x, &back)| {
            let difference = back - x;
            difference.mul_add(difference, sum)
        });
        let errors = (square / dot(x, x)).sqrt().to_array();
        let converged = found.converged.to_bitmask();
        let of_inverted = errors.iter().enumerate().filter(|(lane, _)| converged >> lane & 1 == 1);
        self.errors.extend(of_inverted.map(|(_, error)| error));
        self.inverted += u64::from(converged.count_ones());
        let (fixed_point, newton) = found.iterations;
        self.steps = (self.steps.0 + fixed_point as u64, self.steps.1 + newton as u64);
        self.evaluations.add(cost, 1);
    }
}

/// The record of one rule; empties the lists of its tallies.
fn record(tallies: &mut [Vec<Tally>], rule: usize, visits: f64) -> InverseRecord {
    let (mut residuals, mut errors, mut sum) = (Vec::new(), Vec::new(), Tally::default());
    for tally in tallies.iter_mut().map(|rules| &mut rules[rule]) {
        residuals.append(&mut tally.residuals);
        errors.append(&mut tally.errors);
        sum.fixed_point_converged += tally.fixed_point_converged;
        sum.inverted += tally.inverted;
        sum.steps = (sum.steps.0 + tally.steps.0, sum.steps.1 + tally.steps.1);
        sum.evaluations.add(&tally.evaluations, 1);
    }
    let points = visits * LANES as f64;
    let (fixed_point_residual, fixed_point_residual_worst) = median_and_worst(residuals);
    let (round_trip_error, round_trip_error_worst) = median_and_worst(errors);
    InverseRecord {
        fixed_point_converged: sum.fixed_point_converged as f64 / points,
        fixed_point_residual,
        fixed_point_residual_worst,
        not_inverted: 1.0 - sum.inverted as f64 / points,
        round_trip_error,
        round_trip_error_worst,
        fixed_point_steps: sum.steps.0 as f64 / visits,
        newton_steps: sum.steps.1 as f64 / visits,
        scores: sum.evaluations.score as f64 / visits,
        products: sum.evaluations.hessian_product as f64 / visits,
    }
}
