//! Right instances of which passing would mean nothing: verdicts have to say so.

use amc_core::bridge::Identity;
use amc_core::exchange;
use amc_core::kernel::RandomWalk;
use amc_core::weight::Resampling;
use amc_verify::law::bridge::BridgeInstance;
use amc_verify::law::kernel::{KernelInstance, RandomWalkProposal, invariance, pointwise};
use amc_verify::law::path::{NoisingInstance, noising};
use amc_verify::law::population::{PopulationInstance, Resampler, evidence, smc};
use amc_verify::law::resampling::core_scheme;
use amc_verify::law::swap;
use amc_verify::oracle::FixtureKind;
use amc_verify::{Budget, Conclusion};

use super::entries::place::{on_level, on_step};
use super::entries::populations::{MODES, on_ladder};
use super::{SHARE, seed};

fn budget(samples: usize) -> Budget {
    Budget { false_positive: SHARE, samples, seed: seed() }
}

/// Fails if a kernel whose steps are so small that (almost) nothing is rejected passes.
#[test]
fn kernels_that_hardly_move() {
    let (name, kernel, step_size) = ("tiny steps", &RandomWalk, 1e-3);
    let [whole, single] = on_level(|law| {
        let instance = KernelInstance { name, kernel, step_size, law };
        let proposal = RandomWalkProposal { step_size };
        let budget = budget(64_000);
        Ok([invariance(&instance, &budget)?, pointwise(&instance, &proposal, &budget)?])
    })
    .unwrap();
    assert_eq!(whole.conclusion, Conclusion::Inconclusive, "{whole}");
    assert_eq!(single.conclusion, Conclusion::Inconclusive, "{single}");
}

/// Fails if swaps between levels so close that nothing is ever rejected pass.
#[test]
fn swaps_that_never_reject() {
    let verdict = on_step(FixtureKind::DiagonalPerComponent, (0.2, 0.2001), |step| {
        let (name, noisy, clean) = ("tiny step", step.noisy, step.clean);
        let bridge = &Identity::new(&noisy.level, &clean.level)?;
        let instance = BridgeInstance { name, bridge, noisy, clean };
        swap::invariance(&exchange::swap, &instance, &budget(16_000))
    })
    .unwrap();
    assert_eq!(verdict.conclusion, Conclusion::Inconclusive, "{verdict}");
}

/// Fails if samples carried between levels too alike to tell apart pass.
#[test]
fn levels_that_are_alike() {
    let verdict = on_step(FixtureKind::DiagonalPerComponent, (0.3, 0.301), |step| {
        let (clean, noisy, steps) = (step.clean, step.noisy, &[step.step]);
        noising(&NoisingInstance { name: "near", clean, noisy, steps }, &budget(64_000))
    })
    .unwrap();
    assert_eq!(verdict.conclusion, Conclusion::Inconclusive, "{verdict}");
}

/// Fails if a sampler passes that never resamples, or never sees both modes; always resampling is a rule.
#[test]
fn populations_that_do_not_exercise_their_rule() {
    let conclusion = |threshold: f64, half_space: (&[f64], f64)| {
        on_ladder("premises", true, |ladder| {
            let scheme = core_scheme(Resampling::Systematic);
            let resampler = Some(Resampler { scheme: &scheme, threshold, skipped: 0 });
            let (ladder, particles) = (*ladder, 8);
            let instance = PopulationInstance { ladder, particles, resampler, half_space };
            evidence(&|seed| smc(&instance, seed), &instance, &budget(16_000))
        })
        .unwrap()
        .conclusion
    };
    assert_eq!(conclusion(0.1, MODES), Conclusion::Inconclusive);
    assert_eq!(conclusion(0.8, (MODES.0, 9.0)), Conclusion::Inconclusive);
    assert_eq!(conclusion(2.0, MODES), Conclusion::Passed);
}
