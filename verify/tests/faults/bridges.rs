//! Every bridge of the core between two densities that may fail.

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, Diagonal, Exact, HessianMoments, Identity, LowRank, Rank,
    SecondOrderDense, SecondOrderStructured, Start, Trace, Transport, ddpm, exponential_integrator,
    isotropic_optimal,
};
use amc_core::density::{Hessian, HessianProduct, MixtureLevel, Score};
use amc_core::logdet::{
    Dense, HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PowerSeries,
    ProbeLaw, Structured,
};
use amc_core::path::NoiseSchedule;
use amc_core::transport::{FlowMap, FlowMethod};
use amc_verify::oracle::{Fixture, FixtureStep};

/// What is done with a bridge of this name.
pub type Visit<'v> = &'v mut dyn FnMut(&str, &dyn Bridge);

/// Calls `visit` with every bridge of a step, `noisy` and `clean` in the place of its levels.
pub fn for_every_bridge<N: Hessian>(
    (fixture, schedule): (&Fixture, &NoiseSchedule),
    step: &FixtureStep<'_>,
    (noisy, clean): (&N, &dyn Score),
    visit: Visit<'_>,
) {
    visit("identity", &Identity::new(noisy, clean).unwrap());
    for_every_denoising_bridge(step, noisy, clean, visit);
    for_every_map((fixture, schedule), step, (noisy, clean), visit);
}

fn for_every_denoising_bridge<N: Hessian>(
    step: &FixtureStep<'_>,
    noisy: &N,
    clean: &dyn Score,
    visit: Visit<'_>,
) {
    macro_rules! denoising {
        ($name:expr, $kernel:expr) => {
            visit($name, &Denoising::new(noisy, clean, step.step, $kernel).unwrap());
        };
    }
    denoising!("exponential integrator", exponential_integrator(&step.step).unwrap());
    denoising!("ddpm", ddpm(&step.step, DdpmVariance::Noise).unwrap());
    let square = 0.9 / step.step.variance_noisy;
    denoising!("isotropic-optimal", isotropic_optimal(&step.step, square, 0.0).unwrap());
    let hessian = HessianMoments::new(noisy, step.step);
    denoising!("diagonal", Diagonal::new(&step.transition));
    denoising!("diagonal, hessian", Diagonal::new(&hessian));
    if let Ok(kernel) = SecondOrderStructured::new(&step.transition) {
        denoising!("second order, structured", kernel);
    }
    denoising!("second order, dense", SecondOrderDense::new(&step.transition));
    denoising!("second order, hessian", SecondOrderDense::new(&hessian));
    denoising!("exact", Exact::new(&step.transition));
    for (start, trace) in [
        (Start::Score, Trace::Structure),
        (Start::Score, Trace::Probes(1)),
        (Start::Random, Trace::Probes(2)),
    ] {
        if let Ok(kernel) = LowRank::new(noisy, step.step, Rank::Fixed(2), trace, start) {
            denoising!(&format!("low rank, {start:?}, {trace:?}"), kernel);
        }
    }
}

fn for_every_map(
    (fixture, schedule): (&Fixture, &NoiseSchedule),
    step: &FixtureStep<'_>,
    (noisy, clean): (&dyn HessianProduct, &dyn Score),
    visit: Visit<'_>,
) {
    let series = PowerSeries::new(6, 8, ProbeLaw::Gaussian).unwrap();
    let quadrature = LanczosQuadrature::new(3, 8, ProbeLaw::Rademacher).unwrap();
    let hutchpp = |logarithm| HutchPlusPlus::new(logarithm, 9, ProbeLaw::Rademacher).unwrap();
    let of_series = hutchpp(Logarithm::Series { terms: 6 });
    let recentred = hutchpp(Logarithm::Recentred { terms: 6, steps: 3 });
    let of_lanczos = hutchpp(Logarithm::Lanczos { steps: 3 });
    let estimators: [(&str, &dyn LogDeterminant, Penalty); 7] = [
        ("dense", &Dense, Penalty::None),
        ("structured", &Structured, Penalty::None),
        ("power series", &series, Penalty::ClosedForm),
        ("lanczos", &quadrature, Penalty::Series),
        ("hutch++", &of_series, Penalty::ClosedForm),
        ("recentred hutch++", &recentred, Penalty::None),
        ("lanczos hutch++", &of_lanczos, Penalty::ClosedForm),
    ];
    let mixture = fixture.mixture().unwrap();
    for method in FlowMethod::ALL {
        let stages = method.coefficients(schedule, &step.step).unwrap();
        let room = MixtureLevel::storage_len(&mixture);
        let mut storage = vec![vec![0.0; room]; stages.nodes().len()];
        let nodes = stages.nodes().iter().zip(&mut storage).skip(1);
        let levels: Vec<MixtureLevel<'_>> = nodes
            .map(|(node, storage)| {
                MixtureLevel::prepare(&mixture, node.alpha, node.variance, storage).unwrap()
            })
            .collect();
        let later = levels.iter().map(|level| level as &dyn HessianProduct);
        let densities: Vec<&dyn HessianProduct> = std::iter::once(noisy).chain(later).collect();
        let map = FlowMap::new(stages, &densities).unwrap();
        for (name, determinant, penalty) in estimators {
            if name == "structured" && (method.stages() > 1 || noisy.structure_rank() == 0) {
                continue;
            }
            let bridge = Transport::new(map, clean, determinant, penalty).unwrap();
            visit(&format!("{method:?}, {name}"), &bridge);
            visit(&format!("{method:?}, {name}, checked"), &bridge.checked());
        }
    }
}
