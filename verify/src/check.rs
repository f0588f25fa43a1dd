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
//!
//! # A target of your own, a bridge and a ladder
//!
//! [`Fixture::of`](crate::oracle::Fixture::of) makes any Gaussian mixture a target with exact samples and
//! projections, at every noise level; for other laws implement [`ExactLaw`], as
//! [`TemperedGaussian`](crate::oracle::TemperedGaussian) does.
//!
//! ```
//! use amc_core::bridge::{DdpmVariance, Denoising, ddpm};
//! use amc_core::kernel::RandomWalk;
//! use amc_core::path::NoiseSchedule;
//! use amc_verify::law::evidence::{Ladder, Moves, Stage};
//! use amc_verify::oracle::{Fixture, GaussianMixture};
//! use amc_verify::{Budget, VerifyError, check_bridge, check_evidence};
//!
//! # fn main() -> Result<(), VerifyError> {
//! let budget = Budget { false_positive: 1e-6, samples: 8_000, seed: 1 };
//! let (weights, means) = (vec![0.3, 0.7], vec![1.0, -0.5, -1.0, 0.8]);
//! let covariances = vec![0.5, 0.1, 0.1, 0.3, 0.4, -0.2, -0.2, 0.6];
//! let fixture = Fixture::of(GaussianMixture::new(2, weights, means, covariances)?)?;
//! let step = NoiseSchedule::vp_linear(0.1, 20.0)?.step(0.1, 0.2)?;
//! fixture.with_step(&step, |step| {
//!     let (noisy, clean) = (step.noisy, step.clean);
//!     let kernel = ddpm(&step.step, DdpmVariance::Scaled)?;
//!     let bridge = Denoising::new(&noisy.level, &clean.level, step.step, kernel)?;
//!     let report = check_bridge(&bridge, (noisy, clean), budget)?;
//!     assert!(report.passed(), "{report}");
//!     // One stage of annealed importance sampling: the bridge, then moves at the cleaner level.
//!     let moves = Some(Moves { kernel: &RandomWalk, step_size: 0.6, steps: 2 });
//!     let stages = [Stage { bridge: &bridge, clean: &clean.level, moves }];
//!     let ladder = Ladder { name: "one stage", noisiest: noisy, target: clean, stages: &stages };
//!     let report = check_evidence(&ladder, budget)?;
//!     assert!(report.passed(), "{report}");
//!     Ok::<(), VerifyError>(())
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! Whole samplers: [`crate::law::population`], whose plain SMC is a sampler to start from.

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
use crate::{Budget, Conclusion, Verdict, VerifyError};

/// Name of the instance in the verdicts of this file.
const NAME: &str = "yours";
/// Acceptance the pilot aims at, in the middle of what the laws of kernels want.
const ACCEPTANCE: f64 = 0.6;
/// Halvings of the range of step sizes.
const HALVINGS: usize = 50;
/// Blocks a pilot looks at.
const PILOT_BLOCKS: u64 = 64;
/// The shifted start of convergence, in interquartile ranges of each coordinate.
const SHIFT: f64 = 0.5;
/// Steps that must bring it back: as many times the square of range over displacement, within these.
const RETURN: (f64, f64, f64) = (2.0, 100.0, 2000.0);

/// The verdicts on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// One for each law, with the stage and threshold it was settled by.
    pub settled: Vec<Settled>,
}

impl CheckReport {
    /// Whether every law is passed.
    pub fn passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The verdicts that are no pass.
    pub fn failures(&self) -> impl Iterator<Item = &Verdict> {
        self.settled.iter().map(|settled| &settled.verdict).filter(|verdict| !verdict.passed())
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, settled) in self.settled.iter().enumerate() {
            write!(f, "{}{settled}", if i > 0 { "\n" } else { "" })?;
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
    let settled: Result<Vec<Settled>, VerifyError> =
        laws.iter().map(|law| settle(&own, law)).collect();
    Ok(CheckReport { settled: settled? })
}

/// Checks that a reversible Markov kernel leaves `target` invariant and moves towards it.
///
/// A pilot finds the step size at which 0.6 of the proposals are accepted. The laws:
/// [`kernel::invariance`], [`kernel::detailed_balance`] (so the kernel must be reversible; for one that is
/// not, call the other laws yourself), [`kernel::cache`] and [`kernel::convergence`] from a start shifted by half
/// an interquartile range, in 100 to 2000 steps by how far one step goes. How fast a right kernel comes back is no theorem: where it
/// does not, that verdict is inconclusive, never refuted, and outside of the false-positive share.
///
/// With 64,000 samples a pass excludes, with probability 0.999, stationary laws whose projections are off by more
/// than 0.016 after ten steps. It does not exclude a dependence between the eight lanes of a block, nor modes that no step
/// reaches. A kernel that (almost) always accepts, such as a Gibbs sampler, has no decision to test and is an error.
///
/// # Errors
/// Those of the kernel and of an unusable budget; [`VerifyError::Unusable`] where exact samples, their densities or
/// the reported probabilities are not what they should be; [`VerifyError::NoStepSize`] where no step size leads to an
/// acceptance between 0.35 and 0.85, since then the laws would not see both branches of a decision.
pub fn check_kernel(
    kernel: &dyn MarkovKernel,
    target: &dyn ExactLaw,
    budget: Budget,
) -> Result<CheckReport, VerifyError> {
    budget.check()?;
    let key = budget.key("check_kernel", NAME);
    let step_size = tuned_step_size(kernel, target, &key)?;
    let instance = &KernelInstance { name: NAME, kernel, step_size, law: target };
    let steps = steps_to_return(instance, &key)?;
    let fewer = |budget: &Budget| Budget { samples: (budget.samples / 8).max(4096), ..*budget };
    let mut report = all(
        &budget,
        &[
            &|budget| kernel::invariance(instance, budget),
            &|budget| kernel::detailed_balance(instance, budget),
            &|budget| kernel::cache(instance, budget),
            &|budget| kernel::convergence(instance, (SHIFT, steps), &fewer(budget)),
        ],
    )?;
    if let Some(settled) = report.settled.last_mut()
        && settled.verdict.conclusion == Conclusion::Refuted
    {
        let slow = format!("not back in {steps} steps: too slow, or it does not move");
        settled.verdict = settled.verdict.clone().without_premise(slow);
    }
    Ok(report)
}

/// How many steps must bring a start back that is shifted by some interquartile ranges: their square in units of the
/// displacement of a step, coordinate by coordinate.
fn steps_to_return(instance: &KernelInstance<'_>, key: &Key) -> Result<usize, VerifyError> {
    let ranges = instance.interquartile_ranges(&key.round(2))?;
    let pilot = pilot(instance.kernel, instance.law, instance.step_size, &key.round(1))?;
    let ratios = ranges.iter().zip(&pilot.displacement).map(|(range, moved)| range / moved);
    let largest = ratios.fold(0.0, f64::max);
    let (factor, least, most) = RETURN;
    Ok((factor * largest * largest).clamp(least, most) as usize)
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
    let (mut low, mut high) = (-60.0_f64, 60.0_f64);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if pilot(kernel, target, libm::exp(middle), key)?.acceptance > ACCEPTANCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    let step_size = libm::exp(0.5 * (low + high));
    let Pilot { acceptance, .. } = pilot(kernel, target, step_size, key)?;
    if acceptance > 0.35 && acceptance < 0.85 {
        Ok(step_size)
    } else {
        Err(VerifyError::NoStepSize { closest: step_size, acceptance })
    }
}

/// What one step from exact samples did.
struct Pilot {
    /// Mean acceptance probability.
    acceptance: f64,
    /// Root mean square displacement of every coordinate, `[d]`.
    displacement: Vec<f64>,
}

/// One step from exact samples, which must be numbers with a density, as must the probabilities.
fn pilot(
    kernel: &dyn MarkovKernel,
    target: &dyn ExactLaw,
    step_size: f64,
    key: &Key,
) -> Result<Pilot, VerifyError> {
    let (density, dim) = (target.density(), target.density().dim());
    let unusable = |what: String| Err(VerifyError::Unusable(what));
    if dim == 0 {
        return unusable("the density has dimension 0".to_owned());
    }
    let room = (density.scratch_len() + kernel.scratch_len(dim)).max(target.scratch_len());
    let mut workspace = Workspace::new(room, key.stream());
    let mut particles = Particles::new(dim);
    let (mut acceptance, mut squares) = (0.0, vec![0.0; dim]);
    for block in 0..PILOT_BLOCKS {
        workspace.stream = key.block(block).stream();
        workspace.sample(target, &mut particles)?;
        let before = particles.x.clone();
        let lost = |x: &f64| !x.is_finite();
        if before.iter().any(|x| x.to_array().iter().any(lost)) {
            return unusable("an exact sample has a coordinate that is not a number".to_owned());
        }
        if particles.log_density.to_array().iter().any(lost) {
            let what = "the log-density of an exact sample is not a finite number";
            return unusable(what.to_owned());
        }
        let outcome = workspace.step(kernel, density, step_size, &mut particles)?;
        for probability in outcome.acceptance_probability.to_array() {
            if !(0.0..=1.0 + 1e-9).contains(&probability) {
                return unusable(format!("the kernel reports the probability {probability}"));
            }
            acceptance += probability;
        }
        for ((&x, &y), square) in before.iter().zip(&particles.x).zip(&mut squares) {
            *square += ((y - x) * (y - x)).to_array().iter().sum::<f64>();
        }
    }
    let count = (8 * PILOT_BLOCKS) as f64;
    let displacement = squares.iter().map(|square| libm::sqrt(square / count)).collect();
    Ok(Pilot { acceptance: acceptance / count, displacement })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::evidence::Stage;
    use crate::oracle::{Fixture, FixtureKind, TemperedGaussian};
    use amc_core::bridge::Identity;
    use amc_core::kernel::{Hmc, Mala, RandomWalk};

    const BUDGET: Budget = Budget { false_positive: 1e-6, samples: 8000, seed: 4 };

    /// Fails if a right kernel does not pass as it comes, whatever the scale of the target, or the pilot
    /// misses its acceptance.
    #[test]
    fn right_kernels_pass_untuned() {
        let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
        fixture
            .with_level(1e-3, 1e-6, |target| {
                let hmc = Hmc::new(3).unwrap();
                for kernel in [&RandomWalk as &dyn MarkovKernel, &Mala, &hmc] {
                    let key = BUDGET.key("test", NAME);
                    let step_size = tuned_step_size(kernel, target, &key).unwrap();
                    let Pilot { acceptance, .. } = pilot(kernel, target, step_size, &key).unwrap();
                    assert!((acceptance - ACCEPTANCE).abs() < 1e-3, "{acceptance}");
                    let report = check_kernel(kernel, target, BUDGET).unwrap();
                    assert!(report.passed() && report.settled.len() == 4, "{report}");
                }
            })
            .unwrap();
    }

    /// Half the coordinates of a random walk.
    struct OneCoordinate;

    impl MarkovKernel for OneCoordinate {
        fn scratch_len(&self, dim: usize) -> usize {
            2 * dim
        }

        fn leaves_score_stale(&self) -> bool {
            true
        }

        fn step(
            &self,
            density: &dyn amc_core::density::Score,
            h: f64,
            point: amc_core::point::PointMut<'_>,
            mut context: amc_core::point::Context<'_>,
        ) -> amc_core::error::Result<amc_core::kernel::Outcome> {
            use amc_core::simd::{exp, f64x8, less, select, splat};
            let (y, score) =
                (context.scratch.take(point.x.len())?, context.scratch.take(point.x.len())?);
            y.copy_from_slice(point.x);
            context.stream.fill_normals(&mut score[..1]);
            y[0] += splat(h) * score[0];
            let mut log_density = f64x8::ZERO;
            amc_core::point::PointMut { x: y, log_density: &mut log_density, score }
                .evaluate(density, &mut context)?;
            let gain = log_density - *point.log_density;
            let acceptance_probability = exp(gain.fast_min(f64x8::ZERO));
            let accepted = less(context.stream.uniforms(), acceptance_probability);
            point.x[0] = select(accepted, y[0], point.x[0]);
            *point.log_density = select(accepted, log_density, *point.log_density);
            let non_finite = f64x8::ZERO;
            Ok(amc_core::kernel::Outcome { acceptance_probability, accepted, non_finite })
        }
    }

    /// Fails if a kernel that never moves some coordinates passes, or is called refuted for being slow.
    #[test]
    fn coordinates_that_never_move_are_seen() {
        let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
        let check = |target: &crate::oracle::FixtureLevel<'_>| {
            let report = check_kernel(&OneCoordinate, target, BUDGET).unwrap();
            let failures: Vec<&Verdict> = report.failures().collect();
            assert_eq!(failures.len(), 1, "{report}");
            assert_eq!(failures[0].law, "kernel::convergence");
            assert_eq!(failures[0].conclusion, Conclusion::Inconclusive);
        };
        fixture.with_level(0.8, 0.36, check).unwrap();
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
