//! Wrong bridges, kernels, schemes and streams, each of which its law must refute at the budget of
//! the suite: a test that the tests can fail.

mod common;
mod mutants;

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, Identity, ddpm};
use amc_core::exchange;
use amc_core::kernel::{MarkovKernel, RandomWalk};
use amc_core::path::NoiseSchedule;
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::weight::Resampling;
use amc_verify::law::bridge::{self, BridgeInstance};
use amc_verify::law::evidence::{self, Ladder, Stage};
use amc_verify::law::kernel::{self, KernelInstance};
use amc_verify::law::{free_energy, resampling, stream, swap};
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep, TemperedGaussian};
use amc_verify::{Conclusion, Verdict, VerifyError};
use common::{budget, swap_budget};
use mutants::bridges::{Altered, Defect, GaussianKernel, Slip};
use mutants::kernels::{Frozen, LangevinDefect, NoMomentum, StaleCache, WrongLangevin};
use mutants::swaps::{SwapDefect, swap_with};

/// Fails unless the law refutes the instance.
#[track_caller]
fn assert_refuted(verdict: Result<Verdict, VerifyError>) {
    let verdict = verdict.unwrap();
    if std::env::var_os("AMC_VERIFY_PRINT").is_some() {
        println!("{verdict}");
    }
    assert_eq!(verdict.conclusion, Conclusion::Refuted, "not caught: {verdict}");
}

fn on_step(s: f64, t: f64, check: impl FnOnce(&FixtureStep<'_>)) {
    let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(s, t).unwrap();
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    fixture.with_step(&step, check).unwrap();
}

fn instance<'a>(
    name: &'a str,
    bridge: &'a dyn Bridge,
    step: &'a FixtureStep<'a>,
) -> BridgeInstance<'a> {
    BridgeInstance { name, bridge, noisy: step.noisy, clean: step.clean }
}

fn on_level(check: impl FnOnce(&dyn ExactLaw)) {
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let fixture = Fixture::new(FixtureKind::FullPerComponent).unwrap();
    let (alpha, variance) = (schedule.alpha(0.25), schedule.variance(0.25));
    fixture.with_level(alpha, variance, |level| check(level)).unwrap();
}

/// The slips of a Gaussian kernel: first the one without any must pass both laws.
#[test]
fn denoising_kernels() {
    on_step(0.2, 0.25, |step| {
        let verdicts = |slip: Slip, name: &str| {
            let kernel = GaussianKernel::new(&step.step, slip);
            let (noisy, clean) = (&step.noisy.level, &step.clean.level);
            let bridge = Denoising::new(noisy, clean, step.step, kernel).unwrap();
            let instance = instance(name, &bridge, step);
            (bridge::pathwise(&instance, &budget()), bridge::crooks(&instance, &budget()))
        };
        let (pathwise, crooks) = verdicts(Slip::None, "ddpm by hand");
        assert!(pathwise.unwrap().passed() && crooks.unwrap().passed());
        assert_refuted(verdicts(Slip::DriftSignInDensity, "drift sign in density").0);
        assert_refuted(verdicts(Slip::WrongVarianceInDensity, "variance in log k").1);
        assert_refuted(verdicts(Slip::NoNormalization, "no normalization").1);
        assert_refuted(verdicts(Slip::DeviationForVariance, "deviation for variance").1);
        assert_refuted(verdicts(Slip::SharedNoise, "one normal for two coordinates").1);
    });
}

/// Mistakes in how the parts are put together; signs of drift that both sides share are no mistake.
#[test]
fn bridges() {
    on_step(0.2, 0.25, |step| {
        let kernel = ddpm(&step.step, DdpmVariance::Noise).unwrap();
        let (noisy, clean) = (&step.noisy.level, &step.clean.level);
        let inner = Denoising::new(noisy, clean, step.step, kernel).unwrap();
        for (defect, name) in [
            (Defect::InvertedRatio, "k/q instead of q/k"),
            (Defect::NegatedWork, "negated work"),
            (Defect::ForgottenNoisyDensity, "log p_t left out"),
            (Defect::NoisierBackward, "backward noise 10% too wide"),
        ] {
            let bridge =
                Altered { inner: &inner, noisy, noising_variance: step.step.variance, defect };
            assert_refuted(bridge::crooks(&instance(name, &bridge, step), &budget()));
        }
        for (defect, name) in [
            (Defect::BackwardSign, "backward returns -W"),
            (Defect::StaleDensity, "density of the start kept"),
            (Defect::NotANumber, "one lane in NaN"),
        ] {
            let bridge =
                Altered { inner: &inner, noisy, noising_variance: step.step.variance, defect };
            assert_refuted(bridge::pathwise(&instance(name, &bridge, step), &budget()));
        }
    });
}

fn kernel_instance<'a>(
    name: &'a str,
    (kernel, step_size): (&'a dyn MarkovKernel, f64),
    law: &'a dyn ExactLaw,
) -> KernelInstance<'a> {
    KernelInstance { name, kernel, step_size, law }
}

#[test]
fn langevin_kernels() {
    on_level(|law| {
        for (defect, step_size) in [
            (LangevinDefect::NoProposalRatio, 0.65),
            (LangevinDefect::HalfTheNoise, 0.65),
            (LangevinDefect::DriftTwice, 0.35),
            (LangevinDefect::InvertedProposalRatio, 0.35),
        ] {
            let kernel = WrongLangevin { defect };
            let name = format!("{defect:?}");
            let instance = kernel_instance(&name, (&kernel, step_size), law);
            assert_refuted(kernel::invariance(&instance, &budget()));
            assert_refuted(kernel::detailed_balance(&instance, &budget()));
        }
        let right = WrongLangevin { defect: LangevinDefect::None };
        let instance = kernel_instance("mala by hand", (&right, 0.65), law);
        assert!(kernel::invariance(&instance, &budget()).unwrap().passed());
        assert!(kernel::detailed_balance(&instance, &budget()).unwrap().passed());
    });
}

#[test]
fn other_kernels() {
    on_level(|law| {
        let instance = kernel_instance("hmc without momenta", (&NoMomentum, 1.2), law);
        assert_refuted(kernel::invariance(&instance, &budget()));
        let instance = kernel_instance("rejected proposal cached", (&StaleCache, 0.9), law);
        assert_refuted(kernel::cache(&instance, &budget()));
        let instance = kernel_instance("frozen", (&Frozen, 0.9), law);
        assert_refuted(kernel::convergence(&instance, (1.5, 60), &budget()));
        // Right, but with steps so small that passing would mean nothing.
        let instance = kernel_instance("tiny steps", (&RandomWalk, 1e-3), law);
        let verdict = kernel::invariance(&instance, &budget()).unwrap();
        assert_eq!(verdict.conclusion, Conclusion::Inconclusive, "{verdict}");
    });
}

/// A ladder that forgets one stage's weight.
#[test]
fn evidence() {
    on_step(0.2, 0.3, |step| {
        let kernel = ddpm(&step.step, DdpmVariance::Scaled).unwrap();
        let (noisy, clean) = (&step.noisy.level, &step.clean.level);
        let inner = Denoising::new(noisy, clean, step.step, kernel).unwrap();
        let bridge = Altered {
            inner: &inner,
            noisy,
            noising_variance: step.step.variance,
            defect: Defect::NoWork,
        };
        let stages = [Stage { bridge: &bridge, clean, moves: None }];
        let (noisiest, target) = (step.noisy, step.clean);
        let ladder = Ladder { name: "weight forgotten", noisiest, target, stages: &stages };
        assert_refuted(evidence::crooks(&ladder, &budget()));
    });
}

/// Swaps by hand, first the one without a defect; then each with the laws that must refute it.
#[test]
fn swaps() {
    on_step(0.1, 0.3, |step| {
        let kernel = ddpm(&step.step, DdpmVariance::Noise).unwrap();
        let (noisy, clean) = (&step.noisy.level, &step.clean.level);
        let bridge = Denoising::new(noisy, clean, step.step, kernel).unwrap();
        check_wrong_swaps(&|name| instance(name, &bridge, step));
    });
}

/// The same through the identity, between levels whose normalizers differ.
#[test]
fn swaps_on_tempering() {
    TemperedGaussian::with_levels(&[0.3, 0.55], |levels| {
        let (noisy, clean) = (&levels[0], &levels[1]);
        let bridge = &Identity::new(noisy.density(), clean.density()).unwrap();
        check_wrong_swaps(&|name| BridgeInstance { name, bridge, noisy, clean });
    })
    .unwrap();
}

fn check_wrong_swaps<'a>(through: &dyn Fn(&'static str) -> BridgeInstance<'a>) {
    use SwapDefect::*;
    let (right, instance) = (swap_with(Nothing), through("swap by hand"));
    assert!(swap::pathwise(&right, &instance, &swap_budget()).unwrap().passed());
    assert!(swap::invariance(&right, &instance, &swap_budget()).unwrap().passed());
    assert!(free_energy::bridge_sampling(&right, &instance, &swap_budget()).unwrap().passed());
    for (defect, name) in [
        (BackwardSign, "forward + backward in the ratio"),
        (BackwardAlone, "forward work left out of the ratio"),
        (AlwaysAccepted, "every proposal taken"),
        (OneDecision, "one decision for all lanes"),
        (ChainedProposals, "backward from the forward proposal"),
        (OnlyCleanMoves, "noisier partner left behind"),
        (OnlyNoisyMoves, "cleaner partner left behind"),
    ] {
        let wrong = swap_with(defect);
        assert_refuted(swap::invariance(&wrong, &through(name), &swap_budget()));
    }
    for (defect, name) in [
        (OnlyCleanMoves, "noisier partner left behind"),
        (OnlyNoisyMoves, "cleaner partner left behind"),
        (StaleDensity, "log-densities not moved"),
        (Frozen, "claims to accept, moves nothing"),
        (ExchangedWorks, "works exchanged"),
    ] {
        let wrong = swap_with(defect);
        assert_refuted(swap::pathwise(&wrong, &through(name), &swap_budget()));
    }
    for (defect, name) in
        [(ExchangedWorks, "works exchanged"), (ForgottenWorks, "works of rejected swaps 0")]
    {
        let wrong = swap_with(defect);
        assert_refuted(free_energy::bridge_sampling(&wrong, &through(name), &swap_budget()));
    }
}

/// The right swap through wrong bridges, and where passing would mean nothing.
#[test]
fn swaps_through_wrong_bridges() {
    on_step(0.1, 0.3, |step| {
        let kernel = ddpm(&step.step, DdpmVariance::Noise).unwrap();
        let (noisy, clean) = (&step.noisy.level, &step.clean.level);
        let inner = Denoising::new(noisy, clean, step.step, kernel).unwrap();
        for (defect, name) in [
            (Defect::NoisierBackward, "swap, backward noise 10% too wide"),
            (Defect::InvertedRatio, "swap, k/q instead of q/k"),
            (Defect::NegatedWork, "swap, negated work"),
            (Defect::ForgottenNoisyDensity, "swap, log p_t left out"),
            (Defect::NoWork, "swap, no work at all"),
        ] {
            let bridge =
                Altered { inner: &inner, noisy, noising_variance: step.step.variance, defect };
            let instance = instance(name, &bridge, step);
            assert_refuted(swap::invariance(&exchange::swap, &instance, &budget()));
        }
    });
    // Right, but between levels so close that nothing is ever rejected.
    on_step(0.2, 0.2001, |step| {
        let identity = Identity::new(&step.noisy.level, &step.clean.level).unwrap();
        let instance = instance("tiny step", &identity, step);
        let verdict = swap::invariance(&exchange::swap, &instance, &swap_budget()).unwrap();
        assert_eq!(verdict.conclusion, Conclusion::Inconclusive, "{verdict}");
    });
}

#[test]
fn resampling_schemes() {
    let problem = (&resampling::STANDARD_WEIGHTS[..], resampling::STANDARD_OFFSPRING);
    // Every stratum is drawn at its middle instead of uniformly.
    let middle = |weights: &[f64], _: &mut Stream, ancestors: &mut [usize]| {
        let (total, count) = (weights.iter().sum::<f64>(), ancestors.len() as f64);
        for (m, ancestor) in ancestors.iter_mut().enumerate() {
            let point = (m as f64 + 0.5) / count * total;
            let mut sum = 0.0;
            *ancestor = weights
                .iter()
                .position(|w| {
                    sum += w;
                    sum > point
                })
                .unwrap();
        }
        Ok(())
    };
    assert_refuted(resampling::mean_offspring("middles", &middle, problem, &budget()));
    // Weights to the power 1.05; and an index shifted by one.
    let powered = |weights: &[f64], stream: &mut Stream, ancestors: &mut [usize]| {
        let flat: Vec<f64> = weights.iter().map(|w| w.powf(1.05)).collect();
        Resampling::Systematic.ancestors(&flat, stream, ancestors)
    };
    assert_refuted(resampling::mean_offspring("powers of weights", &powered, problem, &budget()));
    let shifted = |weights: &[f64], stream: &mut Stream, ancestors: &mut [usize]| {
        Resampling::Systematic.ancestors(weights, stream, ancestors)?;
        ancestors.iter_mut().for_each(|a| *a += 1);
        Ok(())
    };
    assert_refuted(resampling::mean_offspring("off by one", &shifted, problem, &budget()));
}

/// Streams that ignore part of their key, or whose normals are wrong.
#[test]
fn streams() {
    let one_stream = |_: Key| Key::new(budget().seed, Purpose::User).stream();
    assert_refuted(stream::uniforms("key ignored", &one_stream, &budget()));
    let same_round = |key: Key| key.round(0).stream();
    assert_refuted(stream::uniforms("round ignored", &same_round, &budget()));
    assert_refuted(stream::normals("round ignored", &same_round, &budget()));
    let same_lanes = |key: Key| mutants::streams::SameLanes(key.stream());
    assert_refuted(stream::uniforms("all lanes equal", &same_lanes, &budget()));
    let uneven = |key: Key| mutants::streams::PairRadius(key.stream());
    assert_refuted(stream::normals("one radius for two pairs", &uneven, &budget()));
}
