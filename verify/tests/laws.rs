//! Every law on every instance of the core, at one false-positive share per verdict.

mod common;

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, Diagonal, Exact, HessianMoments, Identity, LowRank, Rank,
    SecondOrderDense, SecondOrderStructured, Start, Trace, ddpm, exponential_integrator,
    isotropic_optimal,
};
use amc_core::density::HessianProduct;
use amc_core::exchange;
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::path::{NoiseSchedule, NoisingStep, VeShape};
use amc_core::rng::{Key, Stream};
use amc_core::weight::Resampling;
use amc_verify::law::bridge::{self, BridgeInstance};
use amc_verify::law::evidence::{self, Ladder, Moves, Stage};
use amc_verify::law::kernel::{self, KernelInstance};
use amc_verify::law::{free_energy, resampling, stream, swap};
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep, TemperedGaussian};
use common::{assert_passes, budget, swap_budget, vp};

/// `(v/a^2)`-optimal variances need `E|S|^2/d` of the noisier level; any value gives a valid kernel,
/// so a rough one is given: 0.9 of the bound `1/v`.
fn mean_square_score(step: &NoisingStep) -> f64 {
    0.9 / (step.variance_noisy + step.alpha_noisy * step.alpha_noisy * 0.4)
}

fn check_bridge(name: &str, bridge: &dyn Bridge, step: &FixtureStep<'_>, place: &str) {
    let name = format!("{name}, {place}");
    let instance = BridgeInstance { name: &name, bridge, noisy: step.noisy, clean: step.clean };
    assert_passes(bridge::pathwise(&instance, &budget()));
    assert_passes(bridge::crooks(&instance, &budget()));
}

/// Crooks' law alone, which holds for random works.
fn check_works(name: &str, bridge: &dyn Bridge, step: &FixtureStep<'_>, place: &str) {
    let name = format!("{name}, {place}");
    let (noisy, clean) = (step.noisy, step.clean);
    let instance = BridgeInstance { name: &name, bridge, noisy, clean };
    assert_passes(bridge::crooks(&instance, &budget()));
}

/// What a swap leaves invariant, and the free energy of its works.
fn check_exchange(name: &str, bridge: &dyn Bridge, step: &FixtureStep<'_>, place: &str) {
    let name = format!("{name}, {place}");
    let (noisy, clean) = (step.noisy, step.clean);
    let through = BridgeInstance { name: &name, bridge, noisy, clean };
    assert_passes(swap::invariance(&exchange::swap, &through, &swap_budget()));
    assert_passes(free_energy::bridge_sampling(&exchange::swap, &through, &swap_budget()));
}

/// The laws of the core's swap through a bridge.
fn check_swap(name: &str, bridge: &dyn Bridge, step: &FixtureStep<'_>, place: &str) {
    let name = format!("{name}, {place}");
    check_swaps_through(&BridgeInstance {
        name: &name,
        bridge,
        noisy: step.noisy,
        clean: step.clean,
    });
}

fn check_swaps_through(through: &BridgeInstance<'_>) {
    assert_passes(swap::pathwise(&exchange::swap, through, &swap_budget()));
    assert_passes(swap::invariance(&exchange::swap, through, &swap_budget()));
    assert_passes(free_energy::bridge_sampling(&exchange::swap, through, &swap_budget()));
}

/// What is checked of each bridge on a step; the last argument names the place.
type Check = fn(&str, &dyn Bridge, &FixtureStep<'_>, &str);

/// Checks every bridge the core offers on this step.
fn check_all_bridges(check: Check, step: &FixtureStep<'_>, place: &str) {
    let (noisy, clean) = (&step.noisy.level, &step.clean.level);
    check("identity", &Identity::new(noisy, clean).unwrap(), step, place);
    macro_rules! denoising {
        ($name:expr, $kernel:expr) => {
            let bridge = Denoising::new(noisy, clean, step.step, $kernel).unwrap();
            check($name, &bridge, step, place);
        };
    }
    denoising!("exponential integrator", exponential_integrator(&step.step).unwrap());
    denoising!("ddpm, v", ddpm(&step.step, DdpmVariance::Noise).unwrap());
    denoising!("ddpm, v/a^2", ddpm(&step.step, DdpmVariance::Scaled).unwrap());
    match ddpm(&step.step, DdpmVariance::Posterior) {
        Ok(kernel) => {
            denoising!("ddpm, v v_s/v_t", kernel);
        }
        Err(_) => assert_eq!(step.step.variance_clean, 0.0),
    }
    let square = mean_square_score(&step.step);
    denoising!("isotropic-optimal", isotropic_optimal(&step.step, square, 0.0).unwrap());
    let hessian = HessianMoments::new(noisy, step.step);
    denoising!("diagonal", Diagonal::new(&step.transition));
    denoising!("diagonal, hessian", Diagonal::new(&hessian));
    if let Ok(kernel) = SecondOrderStructured::new(&step.transition) {
        denoising!("second order, structured", kernel);
    }
    denoising!("second order, dense", SecondOrderDense::new(&step.transition));
    denoising!("second order, hessian", SecondOrderDense::new(&hessian));
    let (rank, start) = (Rank::Fixed(2), Start::Score);
    if let Ok(kernel) = LowRank::new(noisy, step.step, rank, Trace::Structure, start) {
        denoising!("low rank, score", kernel);
    }
    denoising!("exact", Exact::new(&step.transition));
}

/// Checks the bridges with auxiliary variables, whose log-work of a given pair is random: laws that
/// compute it twice do not apply.
fn check_random_bridges(check: Check, step: &FixtureStep<'_>, place: &str) {
    let (noisy, clean) = (&step.noisy.level, &step.clean.level);
    for (start, trace) in [
        (Start::Score, Trace::Probes(1)),
        (Start::Random, Trace::Probes(2)),
        (Start::Random, Trace::Structure),
    ] {
        for rank in [1, 2] {
            let Ok(kernel) = LowRank::new(noisy, step.step, Rank::Fixed(rank), trace, start) else {
                assert!(trace == Trace::Structure && noisy.structure_rank() == 0);
                continue;
            };
            let bridge = Denoising::new(noisy, clean, step.step, kernel).unwrap();
            check(&format!("low rank {rank}, {start:?}, {trace:?}"), &bridge, step, place);
        }
    }
}

fn bridges_of(kind: FixtureKind) {
    let fixture = Fixture::new(kind).unwrap();
    for (s, t) in [(0.2, 0.25), (0.0, 0.05)] {
        let place = format!("{}, {t} -> {s}", kind.name());
        let step = vp().step(s, t).unwrap();
        fixture.with_step(&step, |step| check_all_bridges(check_bridge, step, &place)).unwrap();
    }
}

#[test]
fn bridges_isotropic_shared() {
    bridges_of(FixtureKind::IsotropicShared);
}

#[test]
fn bridges_diagonal_shared() {
    bridges_of(FixtureKind::DiagonalShared);
}

#[test]
fn bridges_isotropic_per_component() {
    bridges_of(FixtureKind::IsotropicPerComponent);
}

#[test]
fn bridges_diagonal_per_component() {
    bridges_of(FixtureKind::DiagonalPerComponent);
}

#[test]
fn bridges_full_shared() {
    bridges_of(FixtureKind::FullShared);
}

#[test]
fn bridges_full_per_component() {
    bridges_of(FixtureKind::FullPerComponent);
}

#[test]
fn bridges_with_auxiliary_variables() {
    for kind in [FixtureKind::IsotropicShared, FixtureKind::FullPerComponent] {
        let fixture = Fixture::new(kind).unwrap();
        for (s, t, check) in [(0.0, 0.05, check_works as Check), (0.1, 0.3, check_exchange)] {
            let place = format!("{}, {t} -> {s}", kind.name());
            let step = vp().step(s, t).unwrap();
            fixture.with_step(&step, |step| check_random_bridges(check, step, &place)).unwrap();
        }
    }
}

/// The other noise schedules: cosine, and variance exploding, where `e = v` and `a = 1`.
#[test]
fn bridges_other_schedules() {
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    let exploding = NoiseSchedule::ve(0.02, 20.0, VeShape::Geometric).unwrap();
    for (name, schedule, s, t) in
        [("cosine", NoiseSchedule::vp_cosine(), 0.4, 0.45), ("exploding", exploding, 0.5, 0.53)]
    {
        let step = schedule.step(s, t).unwrap();
        fixture.with_step(&step, |step| check_all_bridges(check_bridge, step, name)).unwrap();
    }
}

/// The identity between tempering levels, whose normalizers differ.
#[test]
fn bridge_identity_on_tempering() {
    TemperedGaussian::with_levels(&[0.3, 0.55], |levels| {
        let (noisy, clean) = (&levels[0], &levels[1]);
        let bridge = Identity::new(noisy.density(), clean.density()).unwrap();
        let instance = BridgeInstance { name: "identity, tempered", bridge: &bridge, noisy, clean };
        assert_passes(bridge::pathwise(&instance, &budget()));
        assert_passes(bridge::crooks(&instance, &budget()));
        check_swaps_through(&instance);
    })
    .unwrap();
}

/// Wider steps than above: swaps through the better bridges then still reject some.
fn swaps_of(kind: FixtureKind, (s, t): (f64, f64)) {
    let fixture = Fixture::new(kind).unwrap();
    let place = format!("{}, {t} -> {s}", kind.name());
    let step = vp().step(s, t).unwrap();
    fixture.with_step(&step, |step| check_all_bridges(check_swap, step, &place)).unwrap();
}

#[test]
fn swaps_shared_covariance() {
    swaps_of(FixtureKind::IsotropicShared, (0.1, 0.3));
    swaps_of(FixtureKind::DiagonalShared, (0.0, 0.2));
    swaps_of(FixtureKind::FullShared, (0.1, 0.3));
}

#[test]
fn swaps_covariance_per_component() {
    swaps_of(FixtureKind::IsotropicPerComponent, (0.0, 0.2));
    swaps_of(FixtureKind::DiagonalPerComponent, (0.1, 0.3));
    swaps_of(FixtureKind::FullPerComponent, (0.0, 0.2));
}

#[test]
fn swaps_other_schedules() {
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    let exploding = NoiseSchedule::ve(0.02, 20.0, VeShape::Geometric).unwrap();
    for (name, schedule, s, t) in
        [("cosine", NoiseSchedule::vp_cosine(), 0.35, 0.5), ("exploding", exploding, 0.45, 0.55)]
    {
        let step = schedule.step(s, t).unwrap();
        fixture.with_step(&step, |step| check_all_bridges(check_swap, step, name)).unwrap();
    }
}

fn check_kernel(name: &str, kernel: &dyn MarkovKernel, step_size: f64, law: &dyn ExactLaw) {
    let instance = KernelInstance { name, kernel, step_size, law };
    assert_passes(kernel::invariance(&instance, &budget()));
    assert_passes(kernel::detailed_balance(&instance, &budget()));
    assert_passes(kernel::cache(&instance, &budget()));
    assert_passes(kernel::convergence(&instance, (1.5, 60), &budget()));
}

fn check_all_kernels(place: &str, scale: f64, law: &dyn ExactLaw) {
    check_kernel(&format!("rwm, {place}"), &RandomWalk, scale, law);
    check_kernel(&format!("mala, {place}"), &Mala, 0.8 * scale * scale, law);
    check_kernel(&format!("hmc, {place}"), &Hmc::new(3).unwrap(), 1.3 * scale, law);
}

#[test]
fn kernels_on_diffusion_levels() {
    for kind in FixtureKind::ALL {
        let (alpha, variance) = (vp().alpha(0.25), vp().variance(0.25));
        let check = |law: &amc_verify::oracle::FixtureLevel<'_>| {
            check_all_kernels(kind.name(), 0.9, law);
        };
        Fixture::new(kind).unwrap().with_level(alpha, variance, check).unwrap();
    }
}

#[test]
fn kernels_on_tempering_levels() {
    TemperedGaussian::with_levels(&[0.6], |levels| {
        check_all_kernels("tempered", 0.6, &levels[0]);
    })
    .unwrap();
}

#[test]
fn resampling_schemes() {
    for scheme in Resampling::ALL {
        let instance = resampling::core_scheme(scheme);
        let problem = (&resampling::STANDARD_WEIGHTS[..], resampling::STANDARD_OFFSPRING);
        assert_passes(resampling::mean_offspring(scheme.name(), &instance, problem, &budget()));
    }
}

#[test]
fn evidence_on_a_diffusion_ladder() {
    let times = [0.0, 0.06, 0.12, 0.18, 0.24, 0.3];
    let steps: Vec<NoisingStep> =
        times.windows(2).rev().map(|pair| vp().step(pair[0], pair[1]).unwrap()).collect();
    for kind in [FixtureKind::DiagonalShared, FixtureKind::FullPerComponent] {
        let fixture = Fixture::new(kind).unwrap();
        fixture.with_steps(&steps, |steps| diffusion_ladder(kind, steps)).unwrap();
    }
}

fn diffusion_ladder(kind: FixtureKind, steps: &[&FixtureStep<'_>]) {
    let bridges: Vec<_> = steps
        .iter()
        .map(|step| {
            let kernel = SecondOrderDense::new(&step.transition);
            let (noisy, clean) = (&step.noisy.level, &step.clean.level);
            Denoising::new(noisy, clean, step.step, kernel).unwrap()
        })
        .collect();
    let kernels: [Option<&dyn MarkovKernel>; 3] = [None, Some(&RandomWalk), Some(&Mala)];
    for (kernel, name) in kernels.into_iter().zip(["no moves", "rwm", "mala"]) {
        let stages: Vec<Stage<'_>> = steps
            .iter()
            .zip(&bridges)
            .map(|(step, bridge)| {
                let moves = kernel.map(|kernel| Moves { kernel, step_size: 0.2, steps: 2 });
                Stage { bridge, clean: &step.clean.level, moves }
            })
            .collect();
        let (first, last) = (steps[0], steps[steps.len() - 1]);
        let name = format!("diffusion, {}, {name}", kind.name());
        let (noisiest, target) = (first.noisy, last.clean);
        let ladder = Ladder { name: &name, noisiest, target, stages: &stages };
        assert_passes(evidence::crooks(&ladder, &budget()));
    }
}

#[test]
fn evidence_on_a_tempering_ladder() {
    TemperedGaussian::with_levels(&[0.0, 0.15, 0.35, 0.6, 0.8, 1.0], |levels| {
        let pairs: Vec<_> = levels
            .windows(2)
            .map(|pair| Identity::new(pair[0].density(), pair[1].density()).unwrap())
            .collect();
        let moves = Some(Moves { kernel: &Mala, step_size: 0.1, steps: 2 });
        let stages: Vec<Stage<'_>> = pairs
            .iter()
            .zip(&levels[1..])
            .map(|(bridge, level)| Stage { bridge, clean: level.density(), moves })
            .collect();
        let (noisiest, target) = (&levels[0], &levels[5]);
        let ladder = Ladder { name: "tempering, mala", noisiest, target, stages: &stages };
        assert_passes(evidence::crooks(&ladder, &budget()));
        // Half the path: the normalizers differ.
        let (target, stages) = (&levels[3], &stages[..3]);
        let ladder = Ladder { name: "half tempering, mala", noisiest, target, stages };
        assert_passes(evidence::crooks(&ladder, &budget()));
    })
    .unwrap();
}

#[test]
fn streams() {
    let source = |key: Key| -> Stream { key.stream() };
    assert_passes(stream::uniforms("pcg", &source, &budget()));
    assert_passes(stream::normals("pcg", &source, &budget()));
}
