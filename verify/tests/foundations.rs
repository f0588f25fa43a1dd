//! The laws of what the rest is built from, on every instance of the core: resampling with the uniforms integrated out;
//! noise schedules and tempering; derivatives and normalization of densities; single moves of kernels; random streams to the bits.

mod common;

use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};

use amc_core::density::{Covariance, Mixture, MixtureLevel, Tempered};
use amc_core::path::{
    NoiseSchedule, NoisingStep, VeShape, log_snr_times, quadratic_times, uniform_times,
};
use amc_core::rng::{Key, Stream};
use amc_core::weight::Resampling;
use amc_verify::law::density::{DensityInstance, derivatives, normalization, stein};
use amc_verify::law::kernel::{
    IncrementInstance, KernelInstance, LangevinProposal, LeapfrogProposal, Proposal,
    RandomWalkProposal, increments, pointwise, trajectory, transition,
};
use amc_verify::law::path::{
    NoisingInstance, TemperingInstance, coefficients, noising, spacing, tempering,
};
use amc_verify::law::resampling::{
    self, ChosenUniforms, Counts, ExactScheme, Integrand, exact_mean_offspring,
};
use amc_verify::law::stream;
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, TemperedGaussian};
use common::{assert_passes, budget, vp};

fn check_exactly(scheme: Resampling, place: &str, problem: (&[f64], usize)) {
    let draw = |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| scheme.ancestors(w, u, a);
    let (integrand, counts) = (Integrand::of(scheme), Counts::of(scheme));
    let name = &format!("{}, {place}", scheme.name());
    let instance = ExactScheme { name, scheme: &draw, integrand, counts };
    assert_passes(exact_mean_offspring(&instance, problem, &budget()));
}

/// Fails if a scheme is biased by 1e-9 (1e-6: residual, multinomial) at any of these weights, or a count leaves its
/// bounds: fewer and more offspring than particles, expected counts that are integers, one that dominates.
#[test]
fn resampling_without_randomness() {
    let many: (&[f64], usize) = (&resampling::STANDARD_WEIGHTS, resampling::STANDARD_OFFSPRING);
    let integers: (&[f64], usize) = (&[1.0, 0.0, 2.0, 5.0, 0.0], 8);
    let dominated: (&[f64], usize) = (&[1e-3, 0.0, 7.0, 2e-3, 0.4, 0.0], 4);
    for scheme in [Resampling::Systematic, Resampling::Stratified, Resampling::Ssp] {
        check_exactly(scheme, "standard", many);
        check_exactly(scheme, "integers", integers);
        check_exactly(scheme, "dominated", dominated);
        check_exactly(scheme, "fewer", (&resampling::STANDARD_WEIGHTS, 3));
    }
    // Two or three uniforms: what the floors leave over, or all offspring.
    check_exactly(Resampling::Residual, "two left", (&[0.0, 3.2, 0.9, 1.4, 0.0, 2.5], 5));
    check_exactly(Resampling::Residual, "integers", integers);
    check_exactly(Resampling::Residual, "dominated", dominated);
    check_exactly(Resampling::Multinomial, "two", (&[0.3, 0.0, 2.1, 0.7, 0.0], 2));
    check_exactly(Resampling::Multinomial, "three", (&[0.0, 0.9, 2.1, 0.0], 3));
}

fn check_moves(
    name: &str,
    (kernel, step_size): (&dyn MarkovKernel, f64),
    proposal: &dyn Proposal,
    law: &dyn ExactLaw,
) {
    let instance = KernelInstance { name, kernel, step_size, law };
    assert_passes(pointwise(&instance, proposal, &budget()));
    assert_passes(transition(&instance, proposal, &budget()));
}

fn check_all_moves(place: &str, scale: f64, law: &dyn ExactLaw) {
    let step_size = scale;
    let walk = (&RandomWalk as &dyn MarkovKernel, step_size);
    check_moves(&format!("rwm, {place}"), walk, &RandomWalkProposal { step_size }, law);
    let step_size = 0.8 * scale * scale;
    let langevin = (&Mala as &dyn MarkovKernel, step_size);
    check_moves(&format!("mala, {place}"), langevin, &LangevinProposal { step_size }, law);
    let step_size = 1.3 * scale;
    let single = Hmc::new(1).unwrap();
    let leapfrog = (&single as &dyn MarkovKernel, step_size);
    check_moves(&format!("hmc 1, {place}"), leapfrog, &LeapfrogProposal { step_size }, law);
    for steps in [2, 5] {
        let (kernel, name) = (Hmc::new(steps).unwrap(), &format!("hmc {steps}, {place}"));
        let instance = KernelInstance { name, kernel: &kernel, step_size, law };
        assert_passes(trajectory(&instance, steps, &budget()));
    }
}

/// Fails if a reported acceptance probability is not that of the proposal, or a proposal is not what it is said to be.
#[test]
fn moves_one_by_one() {
    let (alpha, variance) = (vp().alpha(0.25), vp().variance(0.25));
    for kind in [FixtureKind::IsotropicPerComponent, FixtureKind::FullShared] {
        let fixture = Fixture::new(kind).unwrap();
        let check = |law: &amc_verify::oracle::FixtureLevel<'_>| {
            check_all_moves(kind.name(), 0.9, law);
        };
        fixture.with_level(alpha, variance, check).unwrap();
    }
    TemperedGaussian::with_levels(&[0.6], |levels| check_all_moves("tempered", 0.6, &levels[0]))
        .unwrap();
}

/// Fails if drift or noise of a proposal have another size, or if coordinates or lanes share their noise.
#[test]
fn bare_proposals() {
    let (slope, flat) = ([0.7, -1.9, 0.2, 1.1], [0.0; 4]);
    let h: f64 = 0.37;
    let single = Hmc::new(1).unwrap();
    let check = |name, kernel: &dyn MarkovKernel, slope: &[f64], (drift, deviation)| {
        let instance = IncrementInstance { name, kernel, step_size: h, slope, drift, deviation };
        assert_passes(increments(&instance, &budget()));
    };
    check("rwm", &RandomWalk, &flat, (0.0, h));
    check("mala", &Mala, &slope, (h, (2.0 * h).sqrt()));
    check("hmc 1", &single, &slope, (0.5 * h * h, h));
}

/// Fails if tails of normals are cut or heavy, a bit is missing or tied, or two streams of different names are related.
#[test]
fn streams_to_the_bits() {
    let source = |key: Key| -> Stream { key.stream() };
    assert_passes(stream::tails("pcg", &source, &budget()));
    assert_passes(stream::lattice("pcg", &source, &budget()));
    assert_passes(stream::keys("pcg", &source, &budget()));
}

fn check_density(instance: &DensityInstance<'_>) {
    assert_passes(derivatives(instance, &budget()));
    assert_passes(normalization(instance, &budget()));
    assert_passes(stein(instance, &budget()));
}

/// Fails if a score, a Hessian, a product or a constant of a mixture is wrong at the target or at a noised level, or
/// its samples have another law than its score.
#[test]
fn densities_of_mixtures() {
    for kind in FixtureKind::ALL {
        for (place, t) in [("target", 0.0), ("noised", 0.3)] {
            let (alpha, variance) = (vp().alpha(t), vp().variance(t));
            let name = &format!("{}, {place}", kind.name());
            let fixture = Fixture::new(kind).unwrap();
            let check = |law: &amc_verify::oracle::FixtureLevel<'_>| {
                let (product, hessian) = (Some(&law.level as _), Some(&law.level as _));
                check_density(&DensityInstance { name, law, product, hessian });
            };
            fixture.with_level(alpha, variance, check).unwrap();
        }
    }
}

/// Fails if a tempered level is not the blend of its ends, in value, score or normalizer.
#[test]
fn densities_of_tempering() {
    TemperedGaussian::with_levels(&[0.0, 0.4, 1.0], |levels| {
        for (law, beta) in levels.iter().zip([0.0, 0.4, 1.0]) {
            let name = &format!("tempered, beta = {beta}");
            check_density(&DensityInstance { name, law, product: None, hessian: None });
        }
    })
    .unwrap();
}

fn schedules() -> [(&'static str, NoiseSchedule); 4] {
    [
        ("vp linear", vp()),
        ("vp cosine", NoiseSchedule::vp_cosine()),
        ("ve geometric", NoiseSchedule::ve(0.02, 20.0, VeShape::Geometric).unwrap()),
        ("ve rho 7", NoiseSchedule::ve(0.02, 20.0, VeShape::Rho7).unwrap()),
    ]
}

/// Fails if a coefficient of a schedule is not the derivative, the integral or the sum of others that it must be.
#[test]
fn coefficients_of_schedules() {
    for (name, schedule) in schedules() {
        assert_passes(coefficients(name, &schedule, &budget()));
    }
}

/// Fails if samples carried from one level to another, at once or in three steps, do not have its law.
#[test]
fn noised_samples() {
    for (kind, place) in
        [FixtureKind::DiagonalPerComponent, FixtureKind::FullShared].into_iter().zip([0, 1])
    {
        let fixture = Fixture::new(kind).unwrap();
        for (name, schedule) in schedules() {
            // Variance-exploding levels differ late.
            let late = name.starts_with("ve");
            let all = if late {
                [[0.0, 0.3, 0.45, 0.65], [0.3, 0.4, 0.6, 0.7]]
            } else {
                [[0.0, 0.1, 0.17, 0.4], [0.12, 0.2, 0.31, 0.6]]
            };
            let times = all[place];
            let step = |s: usize, t: usize| schedule.step(times[s], times[t]).unwrap();
            let chains: [&[NoisingStep]; 2] =
                [&[step(0, 3)], &[step(0, 1), step(1, 2), step(2, 3)]];
            for steps in chains {
                let name = &format!("{name}, {}, {} steps", kind.name(), steps.len());
                let check = |whole: &amc_verify::oracle::FixtureStep<'_>| {
                    let (clean, noisy) = (whole.clean, whole.noisy);
                    assert_passes(noising(
                        &NoisingInstance { name, clean, noisy, steps },
                        &budget(),
                    ));
                };
                fixture.with_step(&step(0, 3), check).unwrap();
            }
        }
    }
}

/// Fails if a level time is not where its spacing puts it, for few and for many levels.
#[test]
fn spacings() {
    for levels in [3, 17, 64] {
        let mut times = vec![0.0; levels];
        uniform_times(0.02, 0.9, &mut times);
        assert_passes(spacing("uniform", (&times, (0.02, 0.9)), &|t| t, &budget()));
        quadratic_times(0.02, 0.9, &mut times);
        let root = |t: f64| (t - 0.02).max(0.0).sqrt();
        assert_passes(spacing("quadratic", (&times, (0.02, 0.9)), &root, &budget()));
        for (name, schedule) in schedules() {
            let last = schedule.default_t_max();
            log_snr_times(&schedule, 1e-3, last, &mut times);
            let log_snr = |t: f64| 2.0 * schedule.alpha(t).ln() - schedule.variance(t).ln();
            let name = &format!("log-SNR, {name}, {levels} levels");
            assert_passes(spacing(name, (&times, (1e-3, last)), &log_snr, &budget()));
        }
    }
}

/// Fails if a tempering level is not the weighted sum of its ends, or its ends are asked where they have no weight.
#[test]
fn tempered_levels() {
    let (means, variances) = ([1.4, -0.6, 0.8, -2.0, 0.3, 1.1], [0.4, 1.7, 0.15, 0.9, 0.3, 0.6]);
    let target = Mixture::new(3, &[0.3, 0.7], &means, Covariance::Diagonal(&variances)).unwrap();
    let reference =
        Mixture::new(3, &[1.0], &[0.2, 0.0, -0.1], Covariance::Isotropic(&[2.0])).unwrap();
    let [mut first, mut second] =
        [&reference, &target].map(|m| vec![0.0; MixtureLevel::storage_len(m)]);
    let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut first).unwrap();
    let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut second).unwrap();
    TemperedGaussian::with_levels(&[0.2], |levels| {
        for beta in [0.0, 0.13, 0.7, 1.0] {
            let level = Tempered::new(&reference, &target, beta).unwrap();
            let name = &format!("beta = {beta}");
            let (reference, target, points) = (&reference, &target, &levels[0]);
            let instance =
                TemperingInstance { name, level: &level, beta, reference, target, points };
            assert_passes(tempering(&instance, &budget()));
        }
    })
    .unwrap();
}
