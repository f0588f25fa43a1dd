//! All laws of one trait on an instance of your own, in one call.
//!
//! Each law gets an equal part of the budget's false-positive share and is tested sequentially
//! ([`crate::sequential`]); the budget's samples are those of its first stage. What needs tuning (step size,
//! size of the shifted start) is found by a pilot with streams of its own.
//!
//! # A kernel that is wrong, and is caught
//!
//! A Metropolis-adjusted Langevin step whose author forgot that the way back starts from another score: the
//! proposal ratio is left out. Every sample path looks healthy.
//!
//! ```
//! use amc_core::density::Score;
//! use amc_core::error::Result;
//! use amc_core::kernel::{MarkovKernel, Mala, Outcome};
//! use amc_core::point::{Context, PointMut};
//! use amc_core::simd::{exp, f64x8, less, ln, select, splat};
//! use amc_verify::oracle::{Fixture, FixtureKind};
//! use amc_verify::{Budget, VerifyError, check_kernel};
//!
//! struct Forgetful;
//!
//! impl MarkovKernel for Forgetful {
//!     fn scratch_len(&self, dim: usize) -> usize {
//!         2 * dim
//!     }
//!
//!     fn step(
//!         &self,
//!         density: &dyn Score,
//!         h: f64,
//!         point: PointMut<'_>,
//!         mut context: Context<'_>,
//!     ) -> Result<Outcome> {
//!         let d = point.x.len();
//!         let (y, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
//!         context.stream.fill_normals(y);
//!         for ((y, &x), &s) in y.iter_mut().zip(&*point.x).zip(&*point.score) {
//!             *y = x + splat(h) * s + splat((2.0 * h).sqrt()) * *y;
//!         }
//!         let mut log_density = f64x8::ZERO;
//!         PointMut { x: y, log_density: &mut log_density, score }.evaluate(density, &mut context)?;
//!         // Here log q(x | y) - log q(y | x) is missing.
//!         let log_ratio = log_density - *point.log_density;
//!         let accepted = less(ln(context.stream.uniforms()), log_ratio);
//!         for (x, &y) in point.x.iter_mut().zip(&*y) {
//!             *x = select(accepted, y, *x);
//!         }
//!         for (s, &t) in point.score.iter_mut().zip(&*score) {
//!             *s = select(accepted, t, *s);
//!         }
//!         *point.log_density = select(accepted, log_density, *point.log_density);
//!         let acceptance_probability = exp(log_ratio.fast_min(f64x8::ZERO));
//!         Ok(Outcome { acceptance_probability, accepted, non_finite: f64x8::ZERO })
//!     }
//! }
//!
//! # fn main() -> core::result::Result<(), VerifyError> {
//! let budget = Budget { false_positive: 1e-6, samples: 16_000, seed: 1 };
//! let fixture = Fixture::new(FixtureKind::FullPerComponent)?;
//! let (wrong, right) = fixture.with_level(0.8, 0.36, |target| {
//!     (check_kernel(&Forgetful, target, budget), check_kernel(&Mala, target, budget))
//! })?;
//! let (wrong, right) = (wrong?, right?);
//! assert!(right.passed(), "{right}");
//! assert!(!wrong.passed());
//! let caught = wrong.failures().next().expect("a law is broken");
//! assert_eq!(caught.law, "kernel::invariance");
//! println!("{wrong}");
//! # Ok(())
//! # }
//! ```

use core::fmt;

use amc_core::bridge::Bridge;
use amc_core::kernel::MarkovKernel;
use amc_core::rng::Key;

use crate::law::bridge::BridgeInstance;
use crate::law::evidence::Ladder;
use crate::law::kernel::KernelInstance;
use crate::law::particles::{Particles, Workspace};
use crate::law::{bridge, evidence, kernel};
use crate::oracle::ExactLaw;
use crate::sequential::{Settled, settle};
use crate::{Budget, Verdict, VerifyError};

/// Name of the instance in the verdicts of this file.
const NAME: &str = "yours";
/// Acceptance the pilot aims at, in the middle of what the laws of kernels want.
const ACCEPTANCE: f64 = 0.6;
/// Halvings of the range of step sizes.
const HALVINGS: usize = 40;
/// Blocks a pilot looks at.
const PILOT_BLOCKS: u64 = 64;
/// Kernel steps that must bring a shifted start back, and how many lengths of a step it is shifted by.
const RETURN: (usize, f64) = (100, 3.0);

/// The verdicts on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// One for each law.
    pub verdicts: Vec<Verdict>,
}

impl CheckReport {
    /// Whether every law is passed.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(Verdict::passed)
    }

    /// The verdicts that are no pass.
    pub fn failures(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| !verdict.passed())
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, verdict) in self.verdicts.iter().enumerate() {
            write!(f, "{}{verdict}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

/// A law, ready for a budget.
type Law<'a> = &'a dyn Fn(&Budget) -> Result<Verdict, VerifyError>;

/// Runs the laws, each with its part of the share.
fn all(budget: &Budget, laws: &[Law<'_>]) -> Result<CheckReport, VerifyError> {
    let share = budget.false_positive / laws.len().max(1) as f64;
    let own = Budget { false_positive: share, ..*budget };
    let verdicts: Result<Vec<Verdict>, VerifyError> =
        laws.iter().map(|law| settle(&own, law).map(|Settled { verdict, .. }| verdict)).collect();
    Ok(CheckReport { verdicts: verdicts? })
}

/// Checks that a reversible Markov kernel leaves `target` invariant and moves towards it.
///
/// A pilot finds the step size at which 0.6 of the proposals are accepted. The laws:
/// [`kernel::invariance`], [`kernel::detailed_balance`] (so the kernel must be reversible; for one that is
/// not, call the other laws yourself), [`kernel::cache`] and [`kernel::convergence`] from a start shifted
/// by three typical steps. With 64,000 samples a pass excludes stationary laws whose projections
/// are off by more than 0.01 after ten steps; see `amc verify --list` for each law.
///
/// # Errors
/// Those of the kernel and of an unusable budget; [`VerifyError::NoStepSize`] where no step size leads to an
/// acceptance between 0.35 and 0.85, since then the laws would not see both branches of a decision.
pub fn check_kernel(
    kernel: &dyn MarkovKernel,
    target: &dyn ExactLaw,
    budget: Budget,
) -> Result<CheckReport, VerifyError> {
    budget.check()?;
    let key = budget.key("check_kernel", NAME);
    let step_size = tuned_step_size(kernel, target, &key)?;
    let (_, length) = pilot(kernel, target, step_size, &key.round(1))?;
    let (steps, lengths) = RETURN;
    let instance = &KernelInstance { name: NAME, kernel, step_size, law: target };
    all(
        &budget,
        &[
            &|budget| kernel::invariance(instance, budget),
            &|budget| kernel::detailed_balance(instance, budget),
            &|budget| kernel::cache(instance, budget),
            &|budget| kernel::convergence(instance, (lengths * length, steps), budget),
        ],
    )
}

/// Checks the log-work of a bridge between two levels with exact samples.
///
/// The laws: [`bridge::pathwise`] (for bridges whose log-work is a function of the pair; one with
/// auxiliary variables fails it) and [`bridge::crooks`]. With 64,000 samples a pass excludes cut
/// expectations of `e^W` off by more than two percent.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn check_bridge(
    bridge: &dyn Bridge,
    (noisy, clean): (&dyn ExactLaw, &dyn ExactLaw),
    budget: Budget,
) -> Result<CheckReport, VerifyError> {
    budget.check()?;
    let instance = &BridgeInstance { name: NAME, bridge, noisy, clean };
    all(
        &budget,
        &[&|budget| bridge::pathwise(instance, budget), &|budget| bridge::crooks(instance, budget)],
    )
}

/// Checks that weights along a ladder of levels are unbiased: [`evidence::crooks`].
///
/// # Errors
/// Those of the bridges and kernels, and of an unusable budget.
pub fn check_evidence(ladder: &Ladder<'_>, budget: Budget) -> Result<CheckReport, VerifyError> {
    budget.check()?;
    all(&budget, &[&|budget| evidence::crooks(ladder, budget)])
}

/// The step size at which the acceptance is [`ACCEPTANCE`], by bisection: it falls as steps grow.
fn tuned_step_size(
    kernel: &dyn MarkovKernel,
    target: &dyn ExactLaw,
    key: &Key,
) -> Result<f64, VerifyError> {
    let (mut low, mut high) = (-12.0_f64, 12.0_f64);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if pilot(kernel, target, libm::exp(middle), key)?.0 > ACCEPTANCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    let step_size = libm::exp(0.5 * (low + high));
    let (acceptance, _) = pilot(kernel, target, step_size, key)?;
    if acceptance > 0.35 && acceptance < 0.85 {
        Ok(step_size)
    } else {
        Err(VerifyError::NoStepSize { closest: step_size, acceptance })
    }
}

/// One step from exact samples: mean acceptance probability, and the root mean square displacement of a
/// coordinate.
fn pilot(
    kernel: &dyn MarkovKernel,
    target: &dyn ExactLaw,
    step_size: f64,
    key: &Key,
) -> Result<(f64, f64), VerifyError> {
    let (density, dim) = (target.density(), target.density().dim());
    let room = (density.scratch_len() + kernel.scratch_len(dim)).max(target.scratch_len());
    let mut workspace = Workspace::new(room, key.stream());
    let mut particles = Particles::new(dim);
    let (mut acceptance, mut square) = (0.0, 0.0);
    for block in 0..PILOT_BLOCKS {
        workspace.stream = key.block(block).stream();
        workspace.sample(target, &mut particles)?;
        let before = particles.x.clone();
        let outcome = workspace.step(kernel, density, step_size, &mut particles)?;
        acceptance += outcome.acceptance_probability.to_array().iter().sum::<f64>();
        for (&x, &y) in before.iter().zip(&particles.x) {
            square += ((y - x) * (y - x)).to_array().iter().sum::<f64>();
        }
    }
    let count = (8 * PILOT_BLOCKS) as f64;
    Ok((acceptance / count, libm::sqrt(square / (count * dim as f64))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::evidence::Stage;
    use crate::oracle::{Fixture, FixtureKind, TemperedGaussian};
    use amc_core::bridge::Identity;
    use amc_core::kernel::{Hmc, RandomWalk};

    const BUDGET: Budget = Budget { false_positive: 1e-6, samples: 8000, seed: 4 };

    /// Fails if a right kernel does not pass as it comes, whatever the scale of the target, or the pilot
    /// misses its acceptance.
    #[test]
    fn right_kernels_pass_untuned() {
        let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
        fixture
            .with_level(0.05, 1e-4, |target| {
                let hmc = Hmc::new(3).unwrap();
                for kernel in [&RandomWalk as &dyn MarkovKernel, &hmc] {
                    let key = BUDGET.key("test", NAME);
                    let step_size = tuned_step_size(kernel, target, &key).unwrap();
                    let (acceptance, _) = pilot(kernel, target, step_size, &key).unwrap();
                    assert!((acceptance - ACCEPTANCE).abs() < 1e-3, "{acceptance}");
                    let report = check_kernel(kernel, target, BUDGET).unwrap();
                    assert!(report.passed() && report.verdicts.len() == 4, "{report}");
                }
            })
            .unwrap();
    }

    /// Fails if an identity between tempering levels does not pass, or passes with its levels exchanged.
    #[test]
    fn bridges_and_ladders() {
        TemperedGaussian::with_levels(&[0.3, 0.55], |levels| {
            let (noisy, clean) = (&levels[0], &levels[1]);
            let right = Identity::new(noisy.density(), clean.density()).unwrap();
            let wrong = Identity::new(clean.density(), noisy.density()).unwrap();
            let report = |bridge| check_bridge(bridge, (noisy, clean), BUDGET).unwrap();
            assert!(report(&right).passed(), "{}", report(&right));
            assert_eq!(report(&wrong).failures().count(), 2);
            let check = |bridge| {
                let stages = [Stage { bridge, clean: clean.density(), moves: None }];
                let (noisiest, target) = (noisy, clean);
                let ladder = Ladder { name: "ladder", noisiest, target, stages: &stages };
                check_evidence(&ladder, BUDGET).unwrap().passed()
            };
            assert!(check(&right) && !check(&wrong));
        })
        .unwrap();
    }
}
