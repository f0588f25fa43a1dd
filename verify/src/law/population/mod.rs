//! The law of the evidence that a whole population estimates: AIS, SMC, and whatever resamples.
//!
//! With `Z_hat` the estimate of a run and `x_K` one of its particles, drawn by its final weights, every
//! function `g` has
//!
//! `E_fwd[Z_hat g(log Z_hat, x_K)] = Z E_cond[g(log Z_hat, x_K)]`
//!
//! where the right-hand runs are conditional SMC around a trajectory that comes from an exact sample of
//! the target \[Andrieu, Doucet & Holenstein 2010, Particle Markov chain Monte Carlo methods, JRSS B 72\]:
//! `g = 1` is the unbiasedness of `Z_hat`, `g = phi(x_K)` that of `Z_hat phi`. Since `Z_hat` has no bound,
//! the law is tested in the cut form of the fluctuation identity, from both sides. Swapping sides
//! gives the upper half of bidirectional Monte Carlo \[Grosse, Ghahramani & Adams 2015, arXiv 1511.02543\].
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the instance and the law |
//! | `smc.rs` | a plain SMC, to read and to compare with |
//! | `conditional.rs` | the runs around an exact trajectory |
//! | `swarm.rs` | the particles of both |

mod conditional;
mod smc;
mod swarm;

use amc_core::rng::Key;
use rand_core::Rng;

pub use self::smc::smc;

use self::conditional::Conditional;
use super::direction;
use super::evidence::Ladder;
use super::fluctuation::{Passage, Passages, compare};
use super::particles::MoveTally;
use super::resampling::Scheme;
use crate::{Budget, Verdict, VerifyError};

/// One run of a sampler of populations.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationRun {
    /// `log Z_hat`.
    pub log_z: f64,
    /// Final positions, `[N x d]`, row-major.
    pub positions: Vec<f64>,
    /// Final log-weights, `[N]`, up to a constant.
    pub log_weights: Vec<f64>,
    /// How often the run resampled.
    pub resamplings: usize,
}

impl PopulationRun {
    /// The same run, its evidence NaN (a fault for the law) where a particle or weight is not a number.
    fn marked(self) -> Self {
        let numbers = self.positions.iter().all(|x| x.is_finite())
            && self.log_weights.iter().all(|w| !w.is_nan() && *w != f64::INFINITY);
        Self { log_z: if numbers { self.log_z } else { f64::NAN }, ..self }
    }
}

/// A run from a seed; equal seeds may give equal runs, different seeds give independent ones.
pub type PopulationSampler<'a> = dyn Fn(u64) -> Result<PopulationRun, VerifyError> + 'a;

/// When and how a sampler resamples.
#[derive(Clone, Copy)]
pub struct Resampler<'a> {
    /// Draws the ancestors; any scheme with `E[O_i] = N W_i`.
    pub scheme: &'a Scheme<'a>,
    /// Resamples when the effective sample size falls below this fraction of `N`; above 1, always.
    pub threshold: f64,
    /// Stages at the start of the ladder that never resample, such as the weight of the reference.
    pub skipped: usize,
}

/// What the sampler under test claims to do.
#[derive(Clone, Copy)]
pub struct PopulationInstance<'a> {
    /// Levels, bridges and moves. Their order within a stage: bridge, weight, resampling, moves.
    pub ladder: Ladder<'a>,
    /// Particles `N`.
    pub particles: usize,
    /// How it resamples; never, if there is nothing here (AIS).
    pub resampler: Option<Resampler<'a>>,
    /// `(u, c)`: the half-space `u . x > c` parts the modes of the target.
    pub half_space: (&'a [f64], f64),
}

/// What is looked at besides `log Z_hat`. Where the particles are in their weights and how often the run
/// resampled see wrong weights that leave `Z_hat` itself nearly right.
const FEATURES: [&str; 5] = [
    "first projection of x_K",
    "second projection of x_K",
    "square of x_K",
    "log-weight of x_K",
    "number of resamplings",
];
/// Resampling must have happened in this share of its opportunities, unless it is unconditional.
const RESAMPLED: (f64, f64) = (0.2, 0.8);
/// The smaller side of the half-space must hold this share of the `x_K`, in both kinds of runs.
const SMALLER_SIDE: f64 = 0.02;
/// Features are rounded to this, so that values that are equal but for rounding fall on one side of a limit.
const GRAIN: f64 = 1e-9;

/// `E_fwd[Z_hat g(log Z_hat, x_K)] = Z E_cond[g(log Z_hat, x_K)]` for bounded cuts `g`.
///
/// The sampler is a black box; the other side is this crate's own conditional SMC along the
/// instance's ladder. Bounds: empirical Bernstein or Hoeffding for the difference of two means,
/// Bonferroni over 36 cuts. One sample of the budget is one run of the sampler and one conditional run,
/// after an eighth of them to place the cuts. A pass excludes weights that are not reset, doubled or
/// of the wrong step, biased resampling, wrong means of weights, and moves at a wrong level, if they
/// move one of the expectations by more than some percent at 1e4 runs.
///
/// Inconclusive unless resampling (where conditional) happened in 20 to 80 % of its opportunities, and
/// `x_K` came from both sides of the half-space, and the moves accept neither (almost) always nor never. A particle
/// or weight that is not a number refutes.
///
/// # Errors
/// Those of the sampler, the bridges, the kernels and the scheme; an unusable budget; a run whose lengths
/// are not `N` and `N d`; no stage.
pub fn evidence(
    sampler: &PopulationSampler<'_>,
    instance: &PopulationInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "population::evidence";
    budget.check()?;
    let ladder = &instance.ladder;
    VerifyError::check_samples("stages of a ladder", 1, ladder.stages.len())?;
    VerifyError::check_samples("particles of a population", 2, instance.particles)?;
    VerifyError::check_len("half-space", instance.dim(), instance.half_space.0.len())?;
    if let Some(resampler) = instance.resampler {
        VerifyError::check_range("threshold", resampler.threshold, 0.0, f64::MAX)?;
    }
    let key = budget.key(LAW, ladder.name);
    let blocks = budget.blocks();
    let pilot_blocks = blocks.div_ceil(8);
    let (pilot, ..) = instance.passages(sampler, &key.round(1), pilot_blocks)?;
    let (main, tally, moves) = instance.passages(sampler, &key, blocks)?;
    let log_evidence = ladder.target.log_normalizer() - ladder.noisiest.log_normalizer();
    let found = compare(&pilot, &main, log_evidence)?;
    let samples = 16 * (blocks + pilot_blocks);
    let detail = format!("{}; {tally}", found.detail);
    let verdict = Verdict::from_p_value((LAW, ladder.name), budget, samples, found.p_value, detail);
    match tally.missing_premise(instance).or_else(|| moves.missing_premise()) {
        Some(premise) if verdict.passed() => Ok(verdict.without_premise(premise)),
        _ => Ok(verdict),
    }
}

/// What the premises need to know of the runs.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    resamplings: usize,
    opportunities: usize,
    /// `x_K` inside the half-space, forward and conditional.
    inside: [usize; 2],
}

impl Tally {
    fn resampled(&self) -> f64 {
        self.resamplings as f64 / self.opportunities.max(1) as f64
    }

    fn missing_premise(&self, instance: &PopulationInstance<'_>) -> Option<String> {
        let (low, high) = RESAMPLED;
        let rate = self.resampled();
        let conditional = instance.resampler.is_some_and(|r| r.threshold <= 1.0);
        if conditional && !(rate >= low && rate <= high) {
            return Some(format!("resampling in {rate:.3} of its opportunities"));
        }
        let share = |inside: usize| inside as f64 / self.runs.max(1) as f64;
        let smaller = self.inside.map(|inside| share(inside).min(1.0 - share(inside)));
        let lonely = smaller.iter().any(|&share| share < SMALLER_SIDE);
        lonely.then(|| format!("shares of the smaller mode {smaller:.4?}"))
    }
}

impl core::fmt::Display for Tally {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "resampled {:.3} of the time", self.resampled())
    }
}

impl PopulationInstance<'_> {
    fn dim(&self) -> usize {
        self.ladder.target.density().dim()
    }

    /// Eight runs a block, each with a seed of its own, and eight conditional runs.
    fn passages(
        &self,
        sampler: &PopulationSampler<'_>,
        key: &Key,
        blocks: usize,
    ) -> Result<(Passages, Tally, MoveTally), VerifyError> {
        let (mut passages, mut tally) = (Passages::looking_at(FEATURES), Tally::default());
        let directions = [direction(self.dim(), 0), direction(self.dim(), 1)];
        let mut conditional = Conditional::new(self, key.stream());
        for block in 0..blocks {
            let mut stream = key.block(block as u64).stream();
            for _ in 0..8 {
                let run = sampler(stream.next_u64())?;
                VerifyError::check_len("log-weights", self.particles, run.log_weights.len())?;
                let positions = self.particles * self.dim();
                VerifyError::check_len("positions", positions, run.positions.len())?;
                let run = run.marked();
                let chosen = choose(&run.log_weights, stream.uniform());
                tally.add(self, &run, chosen, 0);
                passages.forward.push(passage(&run, chosen, &directions));
            }
            // Kernels may share choices between lanes (HMC: its length), so every run has trajectories of its own.
            conditional.workspace.stream = stream;
            for lane in 0..8 {
                conditional.draw_references()?;
                let (run, chosen) = conditional.run(lane)?;
                tally.add(self, &run, chosen, 1);
                passages.reverse.push(passage(&run, chosen, &directions));
            }
        }
        Ok((passages, tally, conditional.moves()))
    }
}

impl Tally {
    fn add(
        &mut self,
        instance: &PopulationInstance<'_>,
        run: &PopulationRun,
        chosen: usize,
        kind: usize,
    ) {
        let (normal, offset) = instance.half_space;
        let inside = project(row(run, chosen, normal.len()), normal) > offset;
        self.inside[kind] += usize::from(inside);
        // The rate is that of the sampler under test.
        if kind == 0 {
            self.runs += 1;
            self.resamplings += run.resamplings;
            let stages = instance.ladder.stages.len();
            self.opportunities +=
                instance.resampler.map_or(0, |r| stages.saturating_sub(r.skipped));
        }
    }
}

/// The particle at `uniform` of the cumulative weights; the first where there is no weight at all.
fn choose(log_weights: &[f64], uniform: f64) -> usize {
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_weights.iter().map(|w| libm::exp(w - top)).collect();
    let mut rest = uniform * weights.iter().sum::<f64>();
    for (particle, weight) in weights.iter().enumerate() {
        rest -= weight;
        if rest < 0.0 {
            return particle;
        }
    }
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}

fn row(run: &PopulationRun, particle: usize, dim: usize) -> &[f64] {
    run.positions.get(particle * dim..(particle + 1) * dim).unwrap_or(&[])
}

fn project(x: &[f64], direction: &[f64]) -> f64 {
    x.iter().zip(direction).map(|(x, u)| x * u).sum()
}

fn passage(run: &PopulationRun, chosen: usize, directions: &[Vec<f64>; 2]) -> Passage {
    let x = row(run, chosen, directions[0].len());
    let weight = run.log_weights.get(chosen).copied().unwrap_or(f64::NAN);
    let features = [
        project(x, &directions[0]),
        project(x, &directions[1]),
        project(x, x),
        weight - swarm::log_mean(&run.log_weights),
        run.resamplings as f64,
    ];
    Passage::new(run.log_z, features.map(|f| GRAIN * libm::round(f / GRAIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a particle is chosen with another probability than its weight: cumulative weights 0,
    /// 1/4, 1/4, 1.
    #[test]
    fn choice_by_hand() {
        let log_weights = [f64::NEG_INFINITY, 5.0, f64::NEG_INFINITY, 5.0 + f64::ln(3.0)];
        for (uniform, chosen) in [(1e-12, 1), (0.249, 1), (0.251, 3), (0.999_999, 3)] {
            assert_eq!(choose(&log_weights, uniform), chosen);
        }
    }

    /// Fails if features that differ by rounding are told apart, or positions of another particle enter.
    #[test]
    fn features_by_hand() {
        let run = |noise: f64| PopulationRun {
            log_z: 0.7,
            positions: vec![9.0, 9.0, 1.0, 2.0],
            log_weights: vec![f64::ln(0.5) + noise, f64::ln(1.5) + noise],
            resamplings: 2,
        };
        let directions = [vec![1.0, 0.0], vec![0.5, -2.0]];
        let found = passage(&run(0.0), 1, &directions);
        assert_eq!(format!("{found:?}"), format!("{:?}", passage(&run(1e-13), 1, &directions)));
        let expected = [1.0, -3.5, 5.0, f64::ln(1.5), 2.0];
        for (found, expected) in found.features().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}
