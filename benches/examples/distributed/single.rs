//! SMC on one rank, with the sums and the resampling of the core: what the ranks must reproduce.

use amc_core::error::Result;
use amc_core::rng::Purpose;
use amc_core::weight::{
    Resampling, conditional_effective_sample_size, effective_sample_size, log_mean_exp, normalize,
};

use crate::blocks::Blocks;
use crate::placement::{Placement, sources};
use crate::problem::Problem;

/// What a run of SMC leaves behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// States of all particles, `[N x (2d + 1)]`.
    pub states: Vec<f64>,
    /// Log-weights, `[N]`.
    pub log_weights: Vec<f64>,
    /// First-generation ancestors, `[N]`.
    pub families: Vec<usize>,
    /// Estimate of `log Z`.
    pub log_z: f64,
    /// Effective sample size and conditional effective sample size at every level.
    pub sizes: Vec<(f64, f64)>,
    /// Normalized weights at every resampling; kept by the single rank alone.
    pub resampled: Vec<Vec<f64>>,
}

impl Outcome {
    /// Whether every number of two outcomes has the same bits.
    pub fn same_bits(&self, other: &Self) -> bool {
        let bits = |outcome: &Self| -> Vec<u64> {
            let sizes = outcome.sizes.iter().flat_map(|&(ess, conditional)| [ess, conditional]);
            let numbers = outcome.states.iter().chain(&outcome.log_weights).copied();
            numbers.chain(sizes).chain([outcome.log_z]).map(f64::to_bits).collect()
        };
        bits(self) == bits(other) && self.families == other.families
    }
}

/// What both runs are told.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The number of particles `N`.
    pub particles: usize,
    /// Number of the first block: islands have streams of their own.
    pub first_block: usize,
    /// Resample when the effective sample size falls below this fraction of `N`.
    pub threshold: f64,
    /// Where offspring are placed.
    pub placement: Placement,
}

/// Runs SMC as the program does, in one piece.
///
/// # Errors
/// Those of the core.
pub fn run(problem: &Problem<'_>, rules: &Rules) -> Result<Outcome> {
    let (particles, top) = (rules.particles, problem.steps());
    let mut blocks = Blocks::new(problem.dim, rules.first_block, particles / 8);
    blocks.sample(&problem.levels[top], problem.key(Purpose::Reference, top))?;
    let mut out = Outcome {
        log_weights: vec![0.0; particles],
        families: (0..particles).collect(),
        ..Outcome::default()
    };
    for level in (0..top).rev() {
        let before = out.log_weights.clone();
        let key = problem.key(Purpose::Bridge, level);
        blocks.cross(problem.bridge(level)?.as_ref(), key, &mut out.log_weights)?;
        let increments = increments(&before, &out.log_weights);
        let ess = effective_sample_size(&out.log_weights);
        out.sizes.push((ess, conditional_effective_sample_size(&before, &increments)?));
        if ess < rules.threshold * particles as f64 {
            resample(problem, rules, level, &mut blocks, &mut out)?;
        }
        let moves = (problem.kernel_steps, problem.step_sizes[level]);
        blocks.mix(&problem.levels[level], moves, problem.key(Purpose::Kernel, level))?;
    }
    out.log_z += log_mean_exp(&out.log_weights);
    out.states = blocks.states();
    Ok(out)
}

/// What the log-weights grew by; 0 for particles that had none.
pub fn increments(before: &[f64], after: &[f64]) -> Vec<f64> {
    let pairs = before.iter().zip(after);
    pairs.map(|(b, a)| if *b == f64::NEG_INFINITY { 0.0 } else { a - b }).collect()
}

fn resample(
    problem: &Problem<'_>,
    rules: &Rules,
    level: usize,
    blocks: &mut Blocks,
    out: &mut Outcome,
) -> Result<()> {
    let mut weights = vec![0.0; rules.particles];
    normalize(&out.log_weights, &mut weights)?;
    out.log_z += log_mean_exp(&out.log_weights);
    let mut ancestors = vec![0; rules.particles];
    let mut stream =
        problem.key(Purpose::Resampling, level).block(rules.first_block as u64).stream();
    Resampling::Systematic.ancestors(&weights, &mut stream, &mut ancestors)?;
    let sources = sources(rules.placement, &ancestors);
    let mut states = Vec::new();
    sources.iter().for_each(|&source| blocks.pack(source, &mut states));
    blocks.unpack(&states);
    out.families = sources.iter().map(|&source| out.families[source]).collect();
    out.log_weights.fill(0.0);
    out.resampled.push(weights);
    Ok(())
}
