//! The local barrier `lambda(t) = 1/2 E|D(X) - D(X')|` of a path, from samples of its levels.
//!
//! `D = d/dt log p_t` is closed for mixtures on a diffusion path and `log rho - log gamma` on a
//! tempering path (`t = 1 - beta`); a constant cancels.

use amc_core::density::LogDensity;
use amc_core::error::{Error, Result};
use amc_core::path::{diffusion_time_derivative, tempering_time_derivative};
use amc_core::point::Evaluations;
use amc_core::rng::{Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use amc_core::weight::Resampling;
use rayon::prelude::*;

use super::{Found, Measured, Placing, adaptive, with_target};
use crate::catalog::{PathKind, SpacingKind, SwapOrder};
use crate::config::RunConfig;
use crate::run::{RunError, Top};
use crate::sampler::{
    Annealing, ExchangeRules, Explorer, Level, Population, ResamplingRule, Start, ascend, descend,
    exchange, ladder_pilot_particles, pilot, stage,
};
use crate::schedule::{Barrier, local_barrier};

/// Nodes of a diffusion path at equal steps of the log-SNR, and of t.
const LOG_SNR_NODES: usize = 128;
const UNIFORM_NODES: usize = 64;
/// Exact samples at each node: the error of the integral is then some tenths of a percent.
const EXACT_SAMPLES: usize = 4096;
/// Particles of SMC, and samples of each level of a ladder.
const PARTICLES: usize = 2048;
const LADDER_SAMPLES: usize = 2048;
/// The conditional ESS of the steps between nodes of a tempering path: about 0.1 of barrier each.
const NODE_CESS: f64 = 0.97;
/// Ladders and rounds, if no ladders were asked for.
const LADDERS: usize = 32;
const ROUNDS: usize = 400;

/// When the population of an SMC run is resampled.
const RULE: ResamplingRule = ResamplingRule { scheme: Resampling::Systematic, threshold: 0.5 };

/// From independent exact samples of every node, on a diffusion path of a mixture.
pub(super) fn from_exact_samples(
    placing: &mut Placing<'_>,
) -> std::result::Result<Measured, RunError> {
    let repetition = placing.fresh();
    let (config, problem) = (placing.config, placing.problem);
    let nodes = diffusion_nodes(config);
    problem.with_annealing(config, &nodes, Top::Diffusion, |annealing, _| {
        annealing.repetition = repetition;
        let key = annealing.key(Phase::Schedule, Purpose::TargetSample);
        let lambda: Result<Vec<f64>> = (0..nodes.len())
            .into_par_iter()
            .map(|node| {
                let what = "levels of this path cannot be sampled exactly";
                let law = annealing.levels[node].path_law().ok_or(Error::Unsupported { what })?;
                let mut reader = Reader::new(annealing, node);
                let mut values = Vec::with_capacity(EXACT_SAMPLES);
                let mut x = vec![f64x8::ZERO; annealing.dim()];
                let mut memory = vec![f64x8::ZERO; law.scratch_len()];
                for block in 0..EXACT_SAMPLES / LANES {
                    let mut stream = key.level(node as u64).block(block as u64).stream();
                    law.sample(&mut x, &mut stream, Scratch::new(&mut memory))?;
                    values.extend(reader.read(&x)?.map(|value| (value, 1.0)));
                }
                lambda_of(values)
            })
            .collect();
        let samples = (nodes.len() * EXACT_SAMPLES) as u64;
        // The closed form of D costs about as much as a score.
        let evaluations = Evaluations { density: samples, score: samples, hessian_product: 0 };
        measured(nodes.clone(), &lambda?, evaluations)
    })
}

/// From the weighted particles of SMC with the configured bridge and kernel: going up from exact
/// samples of the target where it has them, which no mode can be missing from, else going down.
pub(super) fn from_smc(placing: &mut Placing<'_>) -> std::result::Result<Measured, RunError> {
    let (nodes, spent) = nodes(placing)?;
    let repetition = placing.fresh();
    let (config, problem) = (placing.config, placing.problem);
    let found = stage(placing.observer, "barrier", |observer| {
        problem.with_annealing(config, &nodes, Top::Diffusion, |annealing, _| {
            annealing.repetition = repetition;
            let mut lambda = vec![0.0; nodes.len()];
            let mut read = |level: usize, population: &Population| {
                let mut reader = Reader::new(annealing, level);
                let mut values = Vec::with_capacity(population.particles());
                let top =
                    population.log_weights().iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mut weights = population.log_weights().iter().map(|w| libm::exp(w - top));
                for point in population.points() {
                    values.extend(reader.read(point.x)?.into_iter().zip(&mut weights));
                }
                // A particle without weight may be anywhere.
                values.retain(|(_, weight)| *weight > 0.0);
                lambda[level] = lambda_of(values)?;
                Ok(())
            };
            let mut evaluations = spent;
            if annealing.exact_target.is_some() {
                let tuning = descend(annealing, PARTICLES, observer, &mut |_, _| Ok(()))?;
                let size = (PARTICLES, Phase::Schedule);
                let outcome = ascend(annealing, &tuning, size, Some(RULE), observer, &mut read)?;
                evaluations.add(&tuning.evaluations, 1);
                evaluations.add(&outcome.evaluations, 1);
            } else {
                evaluations
                    .add(&descend(annealing, PARTICLES, observer, &mut read)?.evaluations, 1);
            }
            // The closed form of D costs about as much as a score.
            let samples = (nodes.len() * PARTICLES) as u64;
            let reading = Evaluations { density: samples, score: samples, hessian_product: 0 };
            evaluations.add(&reading, 1);
            Ok::<_, RunError>(Found { numbers: lambda, evaluations })
        })
    })?;
    measured(nodes, &found.numbers, found.evaluations)
}

/// From samples of every level of a run of replica exchange.
pub(super) fn from_replica_exchange(
    placing: &mut Placing<'_>,
) -> std::result::Result<Measured, RunError> {
    let (nodes, spent) = nodes(placing)?;
    let repetition = placing.fresh();
    let (config, problem) = (placing.config, placing.problem);
    let observer = &mut *placing.observer;
    problem.with_annealing(config, &nodes, Top::Reference, |annealing, _| {
        annealing.repetition = repetition;
        let tuning = pilot(annealing, ladder_pilot_particles(annealing), false, observer)?;
        let rules = ExchangeRules {
            ladders: LADDERS,
            rounds: ROUNDS,
            warmup: ROUNDS / 4,
            order: SwapOrder::EvenOdd,
            explorer: Explorer::Kernel { steps: super::kernel_steps(config) },
            samples: 1,
            samples_of_levels: LADDER_SAMPLES,
        };
        let way = (Phase::Schedule, Start::Descent);
        let outcome = exchange(annealing, &tuning, &rules, way, observer)?;
        let d = annealing.dim();
        let mut lambda = Vec::with_capacity(nodes.len());
        for (level, rows) in outcome.level_samples.iter().enumerate() {
            let mut reader = Reader::new(annealing, level);
            let mut values = Vec::with_capacity(rows.len() / d);
            let mut x = vec![f64x8::ZERO; d];
            for rows in rows.chunks(LANES * d) {
                let count = rows.len() / d;
                for (j, x) in x.iter_mut().enumerate() {
                    let row = |lane: usize| rows[lane.min(count - 1) * d + j];
                    *x = f64x8::new(std::array::from_fn(row));
                }
                values.extend(reader.read(&x)?.into_iter().take(count).map(|value| (value, 1.0)));
            }
            lambda.push(lambda_of(values)?);
        }
        let mut evaluations = outcome.evaluations;
        evaluations.add(&tuning.evaluations, 1);
        evaluations.add(&spent, 1);
        measured(nodes.clone(), &lambda, evaluations)
    })
}

/// Where `lambda` is measured on a diffusion path: fine near the target, and everywhere in t.
fn diffusion_nodes(config: &RunConfig) -> Vec<f64> {
    let mut nodes = config.path.spaced(SpacingKind::LogSnr, LOG_SNR_NODES);
    nodes.extend(config.path.spaced(SpacingKind::Uniform, UNIFORM_NODES));
    let mut nodes = with_target(nodes);
    nodes.sort_by(f64::total_cmp);
    let last = config.path.last_time();
    // Neighbours closer than this say the same twice.
    nodes.dedup_by(|next, kept| *next - *kept < 1e-9 * last);
    if let Some(end) = nodes.last_mut() {
        *end = last;
    }
    nodes
}

/// Where it is measured from samples of a sampler; and what finding that cost.
fn nodes(placing: &mut Placing<'_>) -> std::result::Result<(Vec<f64>, Evaluations), RunError> {
    match placing.config.path.kind() {
        PathKind::Diffusion => Ok((diffusion_nodes(placing.config), Evaluations::default())),
        PathKind::Tempering => {
            let placement = adaptive::place(placing, NODE_CESS)?;
            Ok((halved(&placement.times), placement.evaluations))
        }
    }
}

/// Twice as many steps: where two modes trade weights the barrier changes faster than the descent,
/// which may have lost one of them, can tell.
fn halved(times: &[f64]) -> Vec<f64> {
    let mut halved = Vec::with_capacity(2 * times.len());
    for pair in times.windows(2) {
        halved.extend([pair[0], 0.5 * (pair[0] + pair[1])]);
    }
    halved.extend(times.last());
    halved.dedup();
    halved
}

fn measured(
    nodes: Vec<f64>,
    lambda: &[f64],
    evaluations: Evaluations,
) -> std::result::Result<Measured, RunError> {
    let barrier = Barrier::from_local(nodes.clone(), lambda)?;
    Ok(Measured { barrier, nodes, evaluations })
}

/// `lambda` from values of `D` with weights.
fn lambda_of(values: Vec<(f64, f64)>) -> Result<f64> {
    let what = "time derivatives of the log-density";
    local_barrier(values).map(|barrier| barrier.value).ok_or(Error::NotFinite { what, index: 0 })
}

/// Evaluates `D` at one level.
struct Reader<'a> {
    annealing: &'a Annealing<'a>,
    level: usize,
    memory: Vec<f64x8>,
}

impl<'a> Reader<'a> {
    fn new(annealing: &'a Annealing<'a>, level: usize) -> Self {
        let room = match &annealing.levels[level] {
            Level::Tempering(density) => density.scratch_len(),
            level => level.diffusion().map_or(0, |density| density.target().scratch_len()),
        };
        Self { annealing, level, memory: vec![f64x8::ZERO; room] }
    }

    fn read(&mut self, x: &[f64x8]) -> Result<[f64; LANES]> {
        let scratch = Scratch::new(&mut self.memory);
        let level = &self.annealing.levels[self.level];
        let value = match (level, level.diffusion(), &self.annealing.schedule) {
            (Level::Tempering(density), ..) => tempering_time_derivative(density, x, scratch)?,
            (_, Some(density), Some(schedule)) => {
                let what = "lambda(t) of a path needs the exact density of its levels";
                let density = density.exact_density().ok_or(Error::Unsupported { what })?;
                let t = self.annealing.times[self.level];
                diffusion_time_derivative(schedule, t, density, x, scratch)?
            }
            _ => {
                let what = "a diffusion level without a noise schedule";
                return Err(Error::Unsupported { what });
            }
        };
        Ok(value.to_array())
    }
}
