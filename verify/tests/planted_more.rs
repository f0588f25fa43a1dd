//! Wrong densities, paths, schemes, proposals, estimators and streams, each of which the law of its room must refute
//! at the budget of the suite.

mod common;
mod mutants;

use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::logdet::{Penalty, PenaltyRule};
use amc_core::rng::Key;
use amc_core::simd::{f64x8, splat};
use amc_verify::law::density::{DensityInstance, derivatives, normalization, stein};
use amc_verify::law::determinant::{TraceInstance, ValueRange, penalty, unbiased};
use amc_verify::law::kernel::{
    IncrementInstance, KernelInstance, LangevinProposal, RandomWalkProposal, increments, pointwise,
    trajectory, transition,
};
use amc_verify::law::path::{
    NoisingInstance, TemperingInstance, coefficients, noising, spacing, tempering,
};
use amc_verify::law::resampling::{
    ChosenUniforms, Counts, ExactScheme, Integrand, STANDARD_WEIGHTS, exact_mean_offspring,
};
use amc_verify::law::stream;
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, TemperedGaussian};
use amc_verify::{Budget, Conclusion, Verdict, VerifyError};
use common::{budget, vp};
use mutants::densities::{DensityDefect, WrongDensity};
use mutants::determinants::{SeriesDefect, Small, WrongSeries};
use mutants::kernels::{LangevinDefect, WrongLangevin};
use mutants::moves::{Alteration, Altered, LeapfrogDefect, WrongLeapfrog};
use mutants::paths::{Blend, BlendDefect, PathDefect, WrongPath};
use mutants::resampling::SchemeDefect;
use mutants::streams::{NumberDefect, Numbers, Omission, omitting};

/// Fails unless the law refutes the instance.
#[track_caller]
fn assert_refuted(verdict: Result<Verdict, VerifyError>) {
    let verdict = verdict.unwrap();
    if std::env::var_os("AMC_VERIFY_PRINT").is_some() {
        println!("{verdict}");
    }
    assert_eq!(verdict.conclusion, Conclusion::Refuted, "not caught: {verdict}");
}

/// Fails if a bias of an expected count above 1e-9 passes, or counts that a scheme must not give.
#[test]
fn schemes_without_randomness() {
    use SchemeDefect::*;
    for (defect, counts) in [
        (Offset, Counts::FloorOrCeiling),
        (SquaredUniform, Counts::FloorOrCeiling),
        (LightSkipped, Counts::Any),
        (LastStratum, Counts::Any),
        (OneRule, Counts::FloorOrCeiling),
        (RemaindersFromWeights, Counts::AtLeastFloor),
        (Multinomial, Counts::FloorOrCeiling),
    ] {
        let scheme = |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| {
            mutants::resampling::ancestors(defect, w, u, a)
        };
        let smooth = defect == Multinomial;
        let integrand = if smooth { Integrand::Smooth } else { Integrand::Constant };
        let name = &format!("{defect:?}");
        let instance = ExactScheme { name, scheme: &scheme, integrand, counts };
        let offspring = if smooth { 2 } else { 7 };
        assert_refuted(exact_mean_offspring(&instance, (&STANDARD_WEIGHTS, offspring), &budget()));
    }
}

fn on_level(check: impl FnOnce(&dyn ExactLaw)) {
    let fixture = Fixture::new(FixtureKind::FullPerComponent).unwrap();
    let (alpha, variance) = (vp().alpha(0.25), vp().variance(0.25));
    fixture.with_level(alpha, variance, |level| check(level)).unwrap();
}

/// Fails if a wrong ratio, a decision that ignores it or a proposal of another law passes.
#[test]
fn moves() {
    on_level(|law| {
        let langevin = |defect: LangevinDefect, step_size: f64| {
            let kernel = WrongLangevin { defect };
            let name = &format!("{defect:?}");
            let instance = KernelInstance { name, kernel: &kernel, step_size, law };
            let proposal = LangevinProposal { step_size };
            (
                pointwise(&instance, &proposal, &budget()),
                transition(&instance, &proposal, &budget()),
            )
        };
        let (single, joint) = langevin(LangevinDefect::None, 0.65);
        assert!(single.unwrap().passed() && joint.unwrap().passed());
        assert_refuted(langevin(LangevinDefect::NoProposalRatio, 0.65).0);
        assert_refuted(langevin(LangevinDefect::InvertedProposalRatio, 0.35).0);
        assert_refuted(langevin(LangevinDefect::HalfTheNoise, 0.65).1);
        assert_refuted(langevin(LangevinDefect::DriftTwice, 0.35).1);
        for (alteration, in_transition) in [
            (Alteration::RareRatio, false),
            (Alteration::DecidedTwice, false),
            (Alteration::RejectedMoved, false),
            (Alteration::AlmostOne, false),
            (Alteration::HalfNoiseInOneCoordinate, true),
            (Alteration::SharedNoise, true),
        ] {
            let (kernel, step_size) = (Altered { alteration }, 0.9);
            let name = &format!("{alteration:?}");
            let instance = KernelInstance { name, kernel: &kernel, step_size, law };
            let proposal = RandomWalkProposal { step_size };
            if in_transition {
                // The ratio of a symmetric proposal is right whatever its size.
                assert!(pointwise(&instance, &proposal, &budget()).unwrap().passed());
                assert_refuted(transition(&instance, &proposal, &budget()));
            } else {
                assert_refuted(pointwise(&instance, &proposal, &budget()));
            }
        }
        // Right, but almost always accepted.
        let kernel: &dyn MarkovKernel = &RandomWalk;
        let instance = KernelInstance { name: "tiny steps", kernel, step_size: 1e-3, law };
        let verdict = pointwise(&instance, &RandomWalkProposal { step_size: 1e-3 }, &budget());
        assert_eq!(verdict.unwrap().conclusion, Conclusion::Inconclusive);
    });
}

/// Fails if a trajectory with a wrong kick, energy or length passes.
#[test]
fn trajectories() {
    on_level(|law| {
        let verdict = |defect: LeapfrogDefect| {
            let (kernel, name) = (WrongLeapfrog { defect, steps: 3 }, &format!("{defect:?}"));
            let instance = KernelInstance { name, kernel: &kernel, step_size: 1.1, law };
            trajectory(&instance, 3, &budget())
        };
        assert!(verdict(LeapfrogDefect::None).unwrap().passed());
        for defect in LeapfrogDefect::WRONG {
            assert_refuted(verdict(defect));
        }
        let kernel: &dyn MarkovKernel = &Hmc::new(2).unwrap();
        let instance = KernelInstance { name: "other length", kernel, step_size: 1.1, law };
        assert_refuted(trajectory(&instance, 3, &budget()));
    });
}

/// Fails if a noise or drift of another size, noise shared between coordinates or a rejection on a linear density
/// passes.
#[test]
fn bare_proposals() {
    let (slope, flat) = ([0.7, -1.9, 0.2], [0.0; 3]);
    let h: f64 = 0.37;
    let langevin = |name: &str, kernel: &dyn MarkovKernel, step_size: f64| {
        let (slope, drift, deviation) = (&slope, h, (2.0 * h).sqrt());
        increments(
            &IncrementInstance { name, kernel, step_size, slope, drift, deviation },
            &budget(),
        )
    };
    assert_refuted(langevin("step 4% too large", &Mala, 1.08 * h));
    for defect in [
        LangevinDefect::NoProposalRatio,
        LangevinDefect::HalfTheNoise,
        LangevinDefect::DriftTwice,
        LangevinDefect::InvertedProposalRatio,
    ] {
        assert_refuted(langevin(&format!("{defect:?}"), &WrongLangevin { defect }, h));
    }
    for alteration in [Alteration::HalfNoiseInOneCoordinate, Alteration::SharedNoise] {
        let (kernel, name) = (&Altered { alteration }, &format!("{alteration:?}"));
        let (slope, drift, deviation) = (&flat, 0.0, h);
        let instance = IncrementInstance { name, kernel, step_size: h, slope, drift, deviation };
        assert_refuted(increments(&instance, &budget()));
    }
}

/// Fails if a tail, a bit, a plane or a lag of wrong numbers is not seen.
#[test]
fn numbers() {
    let source = |defect| move |key: Key| Numbers::new(key.stream(), defect);
    use NumberDefect::*;
    for defect in [Clipped, HeavyTail, PositiveTail] {
        assert_refuted(stream::tails(&format!("{defect:?}"), &source(defect), &budget()));
    }
    for defect in [ThirtyTwoBits, TiedBit, Planes, OneLane] {
        assert_refuted(stream::lattice(&format!("{defect:?}"), &source(defect), &budget()));
    }
    assert_refuted(stream::keys("Lag", &source(Lag), &budget()));
}

/// Fails if a part of a key can be left out without being seen.
#[test]
fn parts_of_keys() {
    for omission in Omission::ALL {
        let source = |key: Key| omitting(omission, key);
        // Fewer samples: a mutant reads its keys from text.
        let budget = Budget { samples: 8000, ..budget() };
        assert_refuted(stream::keys(&format!("{omission:?}"), &source, &budget));
    }
}

type DensityLaw = fn(&DensityInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

/// Fails if a wrong derivative, constant or sampler passes the law of its kind.
#[test]
fn densities() {
    use DensityDefect::*;
    let fixture = Fixture::new(FixtureKind::FullPerComponent).unwrap();
    let laws: [(DensityLaw, &[DensityDefect]); 3] = [
        (
            derivatives,
            &[
                ScoreSign,
                ScoreFactor,
                ScoreClipped,
                ScoreExchanged,
                AloneShifted,
                SecondBlock,
                ProductTerm,
                LinearizedSign,
                Asymmetric,
                Diagonal,
            ],
        ),
        (normalization, &[Constant, Powered, Cooled, AloneShifted]),
        (stein, &[ScoreSign, ScoreExchanged, Cooled, WideSamples, ShiftedSamples]),
    ];
    for (law, defects) in laws {
        for &defect in defects {
            let check = |level: &amc_verify::oracle::FixtureLevel<'_>| {
                let wrong = WrongDensity { level, defect };
                let (product, hessian) = (Some(&wrong as _), Some(&wrong as _));
                let name = &format!("{defect:?}");
                assert_refuted(law(
                    &DensityInstance { name, law: &wrong, product, hessian },
                    &budget(),
                ));
            };
            fixture.with_level(vp().alpha(0.25), vp().variance(0.25), check).unwrap();
        }
    }
}

/// Fails if a wrong coefficient passes, or samples noised by it.
#[test]
fn noise_schedules() {
    for defect in PathDefect::ALL {
        let path = WrongPath { schedule: vp(), defect };
        assert_refuted(coefficients(&format!("{defect:?}"), &path, &budget()));
    }
    use PathDefect::*;
    let right = vp().step(0.3, 0.42).unwrap();
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    for defect in [DeviationForVariance, NoRatio, RatioNotSquared, SquaredRatio] {
        let path = WrongPath { schedule: vp(), defect };
        let (name, steps) = (&format!("{defect:?}"), &[path.alter(right)]);
        let check = |step: &amc_verify::oracle::FixtureStep<'_>| {
            let (clean, noisy) = (step.clean, step.noisy);
            assert_refuted(noising(&NoisingInstance { name, clean, noisy, steps }, &budget()));
        };
        fixture.with_step(&right, check).unwrap();
    }
    // Levels so near that a pass would mean nothing.
    let near = vp().step(0.3, 0.301).unwrap();
    let check = |step: &amc_verify::oracle::FixtureStep<'_>| {
        let (clean, noisy, steps) = (step.clean, step.noisy, &[near]);
        let verdict = noising(&NoisingInstance { name: "near", clean, noisy, steps }, &budget());
        assert_eq!(verdict.unwrap().conclusion, Conclusion::Inconclusive);
    };
    fixture.with_step(&near, check).unwrap();
}

/// Fails if levels off by one place or in another coordinate pass.
#[test]
fn spacings() {
    let (first, last) = (0.02, 0.9);
    let times = |fraction: &dyn Fn(f64) -> f64| -> Vec<f64> {
        (0..16).map(|i| first + (last - first) * fraction(f64::from(i))).collect()
    };
    for (name, times) in [
        ("counted from one", times(&|i| (i + 1.0) / 16.0)),
        ("last left out", times(&|i| i / 16.0)),
        ("one level twice", times(&|i| if i == 7.0 { 6.0 / 15.0 } else { i / 15.0 })),
        ("quadratic", times(&|i| i * i / 225.0)),
    ] {
        assert_refuted(spacing(name, (&times, (first, last)), &|t| t, &budget()));
    }
}

/// Fails if exchanged or squared weights of a tempering level pass.
#[test]
fn tempered_levels() {
    TemperedGaussian::with_levels(&[0.0, 0.4, 1.0], |levels| {
        let (reference, target) = (levels[0].density(), levels[2].density());
        for defect in
            [BlendDefect::Exchanged, BlendDefect::SquaredInScore, BlendDefect::WholeReference]
        {
            let (beta, points, name) = (0.4, &levels[1], &format!("{defect:?}"));
            let level = &Blend { defect, beta, reference, target };
            let instance = TemperingInstance { name, level, beta, reference, target, points };
            assert_refuted(tempering(&instance, &budget()));
        }
    })
    .unwrap();
}

/// Fails if a wrong term, sign, probe or lane of an estimated trace passes.
#[test]
fn traces() {
    let verdict = |defect: SeriesDefect| {
        let (name, estimator) = (&format!("{defect:?}"), &WrongSeries(defect));
        let instance = TraceInstance {
            name,
            estimator,
            operator: &Small,
            shape: Small::SHAPE,
            truth: Small::truth(),
            range: ValueRange::hutchinson(3, Small::forms(), 1e-9),
            truncation: 1e-9,
        };
        unbiased(&instance, &budget())
    };
    let right = verdict(SeriesDefect::None).unwrap();
    assert!(right.passed(), "{right}");
    for defect in SeriesDefect::WRONG {
        assert_refuted(verdict(defect));
    }
}

/// Fails if a penalty for another variance or another number of samples passes.
#[test]
fn penalties() {
    const N: usize = 8;
    let budget = Budget { samples: 4_000_000, ..budget() };
    let rule = |samples: usize| PenaltyRule::new(Penalty::ClosedForm, samples).unwrap();
    let (right, fewer, more) = (rule(N), rule(N - 1), rule(N + 2));
    let unmarked = |u_b: f64x8| (u_b, f64x8::ZERO);
    let judge =
        |name: &str, of: &dyn Fn(f64x8) -> (f64x8, f64x8)| penalty(name, of, (N, 0.6), &budget);
    assert!(judge("right", &|v| right.log_factor(v)).unwrap().passed());
    assert_refuted(judge("no penalty", &|_| unmarked(f64x8::ZERO)));
    assert_refuted(judge("half the variance alone", &|v| unmarked(splat(0.5) * v)));
    assert_refuted(judge("variance of a sample", &|v| right.log_factor(v * splat(N as f64))));
    assert_refuted(judge("divided by n", &|v| right.log_factor(v * splat(7.0 / 8.0))));
    assert_refuted(judge("added", &|v| unmarked(-right.log_factor(v).0)));
    assert_refuted(judge("for fewer samples", &|v| fewer.log_factor(v)));
    assert_refuted(judge("for more samples", &|v| more.log_factor(v)));
    // So noisy that variances leave the closed form.
    let wide = penalty("too noisy", &|v| right.log_factor(v), (N, 2.0), &budget).unwrap();
    assert_ne!(wide.conclusion, Conclusion::Passed, "{wide}");
}
