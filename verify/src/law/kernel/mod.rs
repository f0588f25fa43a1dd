//! Laws of a [`MarkovKernel`] at one level with exact samples.
//!
//! | law | asks of the kernel |
//! |---|---|
//! | [`invariance`], [`detailed_balance`], [`cache`], [`convergence`] | nothing beyond the trait |
//! | [`pointwise`], [`transition`] | its [`Proposal`], written out apart from it |
//! | [`increments`] | that it always accepts on a linear log-density, and what its increments are there |
//! | [`trajectory`] | that it is HMC, and draws in the order the core documents |

mod cache;
mod convergence;
mod detailed_balance;
mod increments;
mod invariance;
mod pointwise;
mod proposal;
mod trajectory;
mod transition;

use amc_core::kernel::MarkovKernel;
use amc_core::rng::{Key, Stream};
use amc_core::simd::splat;

use super::particles::{Particles, Workspace};
use crate::oracle::ExactLaw;
use crate::{Verdict, VerifyError};

pub use cache::cache;
pub use convergence::convergence;
pub use detailed_balance::detailed_balance;
pub use increments::{IncrementInstance, increments};
pub use invariance::invariance;
pub use pointwise::pointwise;
pub use proposal::{LangevinProposal, LeapfrogProposal, Proposal, RandomWalkProposal};
pub use trajectory::trajectory;
pub use transition::transition;

/// Kernel steps between the exact start and what is looked at.
const STEPS: usize = 10;
/// Blocks of exact samples behind the interquartile ranges.
const RANGE_BLOCKS: u64 = 128;
/// Mean acceptance outside of which a pass would mean little: almost no move, or almost no decision.
const ACCEPTANCE: (f64, f64) = (0.3, 0.9);

/// A kernel with a step size and the level it must leave invariant.
#[derive(Clone, Copy)]
pub struct KernelInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The kernel.
    pub kernel: &'a dyn MarkovKernel,
    /// Its step size; choose it so that the mean acceptance lies between 0.3 and 0.9.
    pub step_size: f64,
    /// The level.
    pub law: &'a dyn ExactLaw,
}

/// Particles before and after a run of steps, projected on directions.
struct Run {
    /// `[directions][samples]`
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
    mean_acceptance: f64,
    /// Largest difference between a cached value and the level's own.
    cache_error: f64,
}

impl KernelInstance<'_> {
    fn workspace(&self, stream: Stream) -> Workspace {
        let density = self.law.density().scratch_len();
        let kernel = self.kernel.scratch_len(self.law.density().dim());
        Workspace::new((density + kernel).max(self.law.scratch_len()), stream)
    }

    /// The interquartile range of every coordinate, `[d]`, from exact samples.
    pub(crate) fn interquartile_ranges(&self, key: &Key) -> Result<Vec<f64>, VerifyError> {
        let mut workspace = self.workspace(key.stream());
        let mut particles = Particles::new(self.law.density().dim());
        let mut columns = vec![Vec::new(); particles.x.len()];
        for block in 0..RANGE_BLOCKS {
            workspace.stream = key.block(block).stream();
            workspace.sample(self.law, &mut particles)?;
            columns.iter_mut().zip(&particles.x).for_each(|(c, x)| c.extend(x.to_array()));
        }
        let range = |column: &mut Vec<f64>| {
            column.sort_unstable_by(f64::total_cmp);
            let at = |quarter: usize| column.get(quarter * column.len() / 4).copied();
            at(3).zip(at(1)).map_or(f64::NAN, |(third, first)| third - first)
        };
        Ok(columns.iter_mut().map(range).collect())
    }

    /// Exact samples moved by `shifts` (nothing: where they are), then `steps` kernel steps.
    fn run(
        &self,
        key: &Key,
        blocks: usize,
        (shifts, steps): (&[f64], usize),
        directions: &[Vec<f64>],
    ) -> Result<Run, VerifyError> {
        let (density, dim) = (self.law.density(), self.law.density().dim());
        let mut run = Run {
            before: vec![Vec::new(); directions.len()],
            after: vec![Vec::new(); directions.len()],
            mean_acceptance: 0.0,
            cache_error: 0.0,
        };
        let mut workspace = self.workspace(key.stream());
        let mut particles = Particles::new(dim);
        for block in 0..blocks {
            workspace.stream = key.block(block as u64).stream();
            workspace.sample(self.law, &mut particles)?;
            if !shifts.is_empty() {
                particles.x.iter_mut().zip(shifts).for_each(|(x, &shift)| *x += splat(shift));
                workspace.evaluate(density, &mut particles)?;
            }
            extend(&mut run.before, &particles, directions);
            for _ in 0..steps {
                let outcome =
                    workspace.step(self.kernel, density, self.step_size, &mut particles)?;
                run.mean_acceptance += outcome.totals(8).0;
            }
            extend(&mut run.after, &particles, directions);
            run.cache_error = run.cache_error.max(self.cache_error(&mut workspace, &particles)?);
        }
        run.mean_acceptance /= (8 * blocks * steps) as f64;
        Ok(run)
    }

    /// Largest relative error of the cached values; infinite where one is NaN.
    fn cache_error(
        &self,
        workspace: &mut Workspace,
        particles: &Particles,
    ) -> Result<f64, VerifyError> {
        let mut again = particles.clone();
        workspace.evaluate(self.law.density(), &mut again)?;
        let mut pairs = vec![(particles.log_density, again.log_density)];
        if !self.kernel.leaves_score_stale() {
            pairs.extend(particles.score.iter().copied().zip(again.score.iter().copied()));
        }
        let mut largest = 0.0_f64;
        for (cached, found) in pairs {
            let error = ((cached - found).abs() / (splat(1.0) + found.abs())).to_array();
            for e in error {
                largest = largest.max(if e.is_nan() { f64::INFINITY } else { e });
            }
        }
        Ok(largest)
    }
}

fn extend(lists: &mut [Vec<f64>], particles: &Particles, directions: &[Vec<f64>]) {
    for (list, direction) in lists.iter_mut().zip(directions) {
        list.extend(particles.project(direction));
    }
}

/// Marks a verdict inconclusive when the kernel accepted too rarely or too often.
fn guard_acceptance(verdict: Verdict, acceptance: f64) -> Verdict {
    let (low, high) = ACCEPTANCE;
    if verdict.passed() && !(acceptance > low && acceptance < high) {
        verdict.without_premise(format!("mean acceptance {acceptance:.3} not in ({low}, {high})"))
    } else {
        verdict
    }
}
