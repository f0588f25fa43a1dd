//! The error of an estimated log-determinant by itself.
//!
//! At independent exact samples `x_t` of every noisy level, with `L_t` the exact `log|det J|` there and
//! `Y_t` an estimate of it, one particle has
//!
//! `E = sum_t (Y_t - L_t)`, and with the penalties `F = sum_t (Y_t - u_t - L_t)`:
//!
//! by so much its log-weight is wrong at the end of a run. Estimates are repeated at the same points, so
//! that what the probes add can be told from what truncation leaves: `E[E]` is the bias of a log-weight,
//! `E[Var(E | x)]` the variance that the probes add to it, `E[exp(F)] - 1` the relative bias of a weight.

use amc_core::density::LogDensity;
use amc_core::error::{Error, Result};
use amc_core::logdet::{Dense, Estimate, LogDeterminant, PenaltyRule};
use amc_core::point::{Context, Evaluations};
use amc_core::rng::{Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, finite, select, splat};
use amc_core::transport::{FlowMap, Jacobian};
use rayon::prelude::*;
use serde::Serialize;

use super::statistics::Moments;
use crate::sampler::Annealing;

/// Points at every level, and estimates at each of them.
pub(super) const PARTICLES: usize = 256;
pub(super) const REPETITIONS: usize = 8;

/// An estimator with the penalties that are tried on its estimates.
pub(super) struct Estimator {
    pub(super) determinant: Box<dyn LogDeterminant>,
    pub(super) penalties: Vec<PenaltyRule>,
}

/// How wrong a log-determinant makes the log-weight of a particle, summed over the steps of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeterminantRecord {
    /// Bias of a log-weight: mean over points and repetitions of the estimate less the exact value.
    pub log_weight_bias: f64,
    /// Its standard error over points.
    pub log_weight_bias_std_error: f64,
    /// Variance that the probes add to a log-weight, from repetitions at the same points.
    pub log_weight_variance: f64,
    /// The same as the estimator claims it, the mean of `chi2`; penalties rely on it.
    pub claimed_variance: f64,
    /// Relative bias of a weight with the penalty, `E[exp(sum)] - 1`; infinite where it overflows.
    pub weight_bias: f64,
    /// Its standard error over points.
    pub weight_bias_std_error: f64,
    /// Hessian-vector products of one estimate: a particle and a step.
    pub products: f64,
    /// Share of estimates without a usable value (such particles lose their weight); they are left out.
    pub unusable: f64,
}

/// Sums over the levels of what a block of particles met, estimator by estimator.
struct Block {
    estimators: Vec<BlockSums>,
}

/// What one block met with one estimator.
struct BlockSums {
    /// `E`, `[repetitions]`.
    errors: Vec<f64x8>,
    /// `F` for each penalty, `[penalties x repetitions]`.
    corrected: Vec<f64x8>,
    /// `chi2`.
    claimed: f64x8,
    products: u64,
    unusable: u64,
}

impl BlockSums {
    fn new(estimator: &Estimator) -> Self {
        Self {
            errors: vec![f64x8::ZERO; REPETITIONS],
            corrected: vec![f64x8::ZERO; estimator.penalties.len() * REPETITIONS],
            claimed: f64x8::ZERO,
            products: 0,
            unusable: 0,
        }
    }

    /// Takes in repetition `r` at one level.
    fn add(&mut self, r: usize, estimate: &Estimate, exact: f64x8, penalties: &[PenaltyRule]) {
        let error = estimate.value - exact;
        let usable = finite(error);
        let known = |value: f64x8| select(usable, value, f64x8::ZERO);
        self.unusable += u64::from((!usable).to_bitmask().count_ones());
        self.errors[r] += known(error);
        self.claimed += known(estimate.variance) * splat(1.0 / REPETITIONS as f64);
        for (corrected, penalty) in self.corrected.chunks_mut(REPETITIONS).zip(penalties) {
            corrected[r] += known(error - penalty.log_factor(estimate.variance).0);
        }
    }
}

/// The records of all estimators on the map of an annealing problem, penalty by penalty; `begin` is told
/// each level.
///
/// # Errors
/// Levels that cannot be sampled exactly, and those of the core.
pub(super) fn study(
    annealing: &Annealing<'_>,
    estimators: &[Estimator],
    begin: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<DeterminantRecord>>> {
    let new = |_| Block { estimators: estimators.iter().map(BlockSums::new).collect() };
    let mut blocks: Vec<Block> = (0..PARTICLES / LANES).map(new).collect();
    for clean in (0..annealing.steps()).rev() {
        begin(clean);
        annealing.with_flow_map(clean, |map| {
            visit_level(annealing, clean + 1, map, estimators, &mut blocks)
        })?;
    }
    let records = estimators.iter().enumerate().map(|(e, estimator)| {
        let of_penalty = |p| record(&blocks, (e, p), annealing.steps());
        (0..estimator.penalties.len()).map(of_penalty).collect()
    });
    Ok(records.collect())
}

/// Adds what one level does to every block.
fn visit_level(
    annealing: &Annealing<'_>,
    level: usize,
    map: &FlowMap<'_>,
    estimators: &[Estimator],
    blocks: &mut [Block],
) -> Result<()> {
    let what = "levels of this path cannot be sampled exactly";
    let law = annealing.levels[level].exact().ok_or(Error::Unsupported { what })?;
    let shape = Jacobian::shape(map);
    let all = estimators.iter().map(|estimator| estimator.determinant.as_ref());
    let room = all.chain([&Dense as &dyn LogDeterminant]).map(|rule| rule.scratch_len(shape));
    let room = room.fold(law.scratch_len().max(map.scratch_len()), usize::max);
    let (dim, dense) = (annealing.dim(), Dense);
    let key = |purpose| annealing.key(Phase::Study, purpose).level(level as u64);
    let (points, probes) = (key(Purpose::TargetSample), key(Purpose::Bridge));
    blocks.par_iter_mut().enumerate().try_for_each_init(
        || (vec![f64x8::ZERO; 3 * dim + map.linearization_len()], vec![f64x8::ZERO; room]),
        |(vectors, memory), (block, sums)| {
            let (x, rest) = vectors.split_at_mut(dim);
            let (score, rest) = rest.split_at_mut(dim);
            let (image, linearization) = rest.split_at_mut(dim);
            let mut stream = points.block(block as u64).stream();
            law.sample(x, &mut stream, Scratch::new(memory))?;
            map.noisy().log_density_and_score(x, score, Scratch::new(memory))?;
            let mut cost = Evaluations::default();
            let mut context = Context {
                stream: &mut stream,
                scratch: Scratch::new(memory),
                evaluations: &mut cost,
            };
            let jacobian = map.linearize(x, score, image, linearization, context.reborrow())?;
            let exact = dense.estimate(&jacobian, context)?.value;
            for (estimator, sums) in estimators.iter().zip(&mut sums.estimators) {
                let mut cost = Evaluations::default();
                for r in 0..REPETITIONS {
                    // The same probes for every estimator: what differs is not their luck.
                    let mut stream = probes.round(r as u64).block(block as u64).stream();
                    let context = Context {
                        stream: &mut stream,
                        scratch: Scratch::new(memory),
                        evaluations: &mut cost,
                    };
                    let estimate = estimator.determinant.estimate(&jacobian, context)?;
                    sums.add(r, &estimate, exact, &estimator.penalties);
                }
                sums.products += cost.hessian_product;
            }
            Ok(())
        },
    )
}

/// The record of estimator `e` with its penalty `p`.
fn record(blocks: &[Block], (e, p): (usize, usize), steps: usize) -> DeterminantRecord {
    let sums = || blocks.iter().map(|block| &block.estimators[e]);
    let (mut biases, mut variances, mut claimed, mut weights) = (vec![], vec![], vec![], vec![]);
    for sums in sums() {
        claimed.extend(sums.claimed.to_array());
        let corrected = &sums.corrected[p * REPETITIONS..][..REPETITIONS];
        for lane in 0..LANES {
            let lane_of = |list: &[f64x8]| list.iter().map(|v| v.as_array()[lane]).collect();
            let errors: Vec<f64> = lane_of(&sums.errors);
            let moments = Moments::of(&errors);
            biases.push(moments.mean);
            variances.push(moments.deviation * moments.deviation);
            let corrected: Vec<f64> = lane_of(corrected);
            weights.push(
                corrected.iter().map(|&f| libm::expm1(f)).sum::<f64>() / corrected.len() as f64,
            );
        }
    }
    let (bias, weight) = (Moments::of(&biases), Moments::of(&weights));
    let per_block = (blocks.len() * steps * REPETITIONS) as f64;
    let total = |count: fn(&BlockSums) -> u64| sums().map(count).sum::<u64>() as f64 / per_block;
    DeterminantRecord {
        log_weight_bias: bias.mean,
        log_weight_bias_std_error: bias.std_error,
        log_weight_variance: Moments::of(&variances).mean,
        claimed_variance: Moments::of(&claimed).mean,
        weight_bias: weight.mean,
        weight_bias_std_error: weight.std_error,
        products: total(|sums| sums.products),
        unusable: total(|sums| sums.unusable) / LANES as f64,
    }
}
