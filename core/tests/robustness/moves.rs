//! Kernels, bridges and swaps: parameters are refused or the state stays one of numbers.

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, Diagonal, Exact, HessianMoments, Identity, IsotropicKernel,
    LowRank, Rank, SecondOrderDense, SecondOrderStructured, Start, Trace, Transport, ddpm,
    exponential_integrator, isotropic_optimal,
};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{Covariance, HessianProduct, LogDensity, Mixture, MixtureLevel};
use amc_core::exchange::{swap, swap_scratch_len};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::logdet::{Dense, Penalty};
use amc_core::path::{NoiseSchedule, NoisingStep, VeShape};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_core::transport::{FlowMap, FlowMethod, InversionRule};
use proptest::prelude::*;

use super::numbers::{Parameters, number, parameters, with_context};

proptest! {
    /// Fails if a step of any size takes a finite state to one that is not.
    #[test]
    fn kernels_keep_states_finite(
        step_size in prop_oneof![1e-300..1e300f64, 1e-3..10.0f64],
        start in prop::array::uniform2(-50.0..50.0f64),
        seed in any::<u64>(),
    ) {
        let means = [1.0, -2.0, 30.0, 4.0];
        let mixture =
            Mixture::new(2, &[0.3, 0.7], &means, Covariance::Diagonal(&[0.1, 2.0, 1e-3, 5.0]));
        let mixture = mixture.unwrap();
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, 1.0, 0.0, &mut storage).unwrap();
        let hmc = Hmc::new(3).unwrap();
        let kernels: [&dyn MarkovKernel; 3] = [&RandomWalk, &Mala, &hmc];
        for kernel in kernels {
            let mut memory = vec![f64x8::ZERO; kernel.scratch_len(2) + level.scratch_len()];
            let (mut x, mut score) = (start.map(f64x8::splat), [f64x8::ZERO; 2]);
            let mut log_density = f64x8::ZERO;
            let mut point =
                PointMut { x: &mut x, log_density: &mut log_density, score: &mut score };
            let mut evaluations = Evaluations::default();
            let mut stream = Key::new(seed, Purpose::Kernel).stream();
            let mut context = Context {
                stream: &mut stream,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            point.evaluate(&level, &mut context).unwrap();
            for _ in 0..4 {
                let (point, context) = (point.reborrow(), context.reborrow());
                let outcome = kernel.step(&level, step_size, point, context).unwrap();
                let probabilities = outcome.acceptance_probability.to_array();
                prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
            }
            let values = x.iter().chain(&score).chain(core::iter::once(&log_density));
            prop_assert!(values.flat_map(|v| v.to_array()).all(f64::is_finite));
        }
    }

    /// Fails if a number of leapfrog steps out of range passes.
    #[test]
    fn lengths_of_trajectories_are_checked(steps in prop_oneof![0..20_000u32, any::<u32>()]) {
        prop_assert_eq!(Hmc::new(steps).is_ok(), (1..=10_000).contains(&steps));
    }

    /// Fails if a Gaussian kernel of a step has a variance that is none.
    #[test]
    fn isotropic_kernels_are_refused_or_have_a_variance(
        (low, high) in (number(), number()),
        (s, t) in (number(), number()),
        (drift, variance, square, error) in (number(), number(), number(), number()),
    ) {
        for schedule in [NoiseSchedule::vp_linear(low, high), NoiseSchedule::ve(low, high, VeShape::Rho7)]
            .into_iter()
            .flatten()
        {
            let Ok(step) = schedule.step(s, t) else { continue };
            let kernels = [
                IsotropicKernel::new(&step, drift, variance),
                exponential_integrator(&step),
                ddpm(&step, DdpmVariance::Noise),
                ddpm(&step, DdpmVariance::Scaled),
                ddpm(&step, DdpmVariance::Posterior),
                isotropic_optimal(&step, square, error),
            ];
            for kernel in kernels.into_iter().flatten() {
                prop_assert!(kernel.variance() > 0.0, "{}", kernel.variance());
                prop_assert!(kernel.variance().is_finite(), "{}", kernel.variance());
            }
        }
    }

    /// Fails if a rank, a tolerance or probes that make no kernel pass.
    #[test]
    fn ranks_are_checked(
        target in parameters(),
        rank in prop_oneof![0..40usize, any::<usize>()],
        tolerance in number(),
        probes in 0..3usize,
        (fixed, structured) in any::<(bool, bool)>(),
    ) {
        let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.2, 0.3).unwrap();
        target.with_level((step.alpha_noisy, step.variance_noisy), |level| {
            let rule = if fixed { Rank::Fixed(rank) } else { Rank::Tolerance { most: rank, tolerance } };
            let trace = if structured { Trace::Structure } else { Trace::Probes(probes) };
            let found = LowRank::new(level, step, rule, trace, Start::Random).is_ok();
            let has_trace = if structured { level.structure_rank() > 0 } else { probes > 0 };
            let rank_fits = (1..=LowRank::LARGEST_RANK).contains(&rank);
            let fits = rank_fits && (fixed || (0.0..=f64::MAX).contains(&tolerance)) && has_trace;
            prop_assert_eq!(found, fits);
            Ok(())
        }).unwrap_or(Ok(()))?;
    }
}

/// Everything between two levels of a mixture.
struct Between<'a> {
    target: &'a Parameters,
    schedule: NoiseSchedule,
    step: NoisingStep,
    noisy: &'a MixtureLevel<'a>,
    clean: &'a MixtureLevel<'a>,
    transition: &'a MixtureTransition<'a>,
}

impl Between<'_> {
    /// Calls `visit` with every bridge that takes the step.
    fn for_every_bridge(&self, visit: &mut dyn FnMut(&str, &dyn Bridge)) {
        let Self { step, noisy, clean, transition, .. } = self;
        visit("identity", &Identity::new(*noisy, *clean).unwrap());
        macro_rules! denoising {
            ($name:expr, $kernel:expr) => {
                if let Ok(kernel) = $kernel {
                    visit($name, &Denoising::new(*noisy, *clean, *step, kernel).unwrap());
                }
            };
        }
        denoising!("exponential integrator", exponential_integrator(step));
        denoising!("ddpm", ddpm(step, DdpmVariance::Posterior));
        denoising!("isotropic-optimal", isotropic_optimal(step, f64::NAN, f64::NAN));
        let hessian = HessianMoments::new(*noisy, *step);
        denoising!("diagonal", amc_core::error::Result::Ok(Diagonal::new(*transition)));
        denoising!("structured", SecondOrderStructured::new(transition));
        denoising!("dense", amc_core::error::Result::Ok(SecondOrderDense::new(*transition)));
        denoising!("hessian", amc_core::error::Result::Ok(SecondOrderDense::new(&hessian)));
        denoising!("exact", amc_core::error::Result::Ok(Exact::new(transition)));
        let rank = Rank::Fixed(2);
        let (trace, start) = (Trace::Probes(1), Start::Random);
        denoising!("low rank", LowRank::new(*noisy, *step, rank, trace, start));
        self.for_every_map(visit);
    }

    fn for_every_map(&self, visit: &mut dyn FnMut(&str, &dyn Bridge)) {
        let mixture = self.target.mixture();
        for method in FlowMethod::ALL {
            let Ok(stages) = method.coefficients(&self.schedule, &self.step) else { continue };
            let room = MixtureLevel::storage_len(&mixture);
            let mut storage = vec![vec![0.0; room]; stages.nodes().len()];
            let nodes = stages.nodes().iter().zip(&mut storage);
            let levels: Result<Vec<MixtureLevel<'_>>, _> = nodes
                .map(|(node, room)| {
                    MixtureLevel::prepare(&mixture, node.alpha, node.variance, room)
                })
                .collect();
            let Ok(levels) = levels else { continue };
            let densities: Vec<&dyn HessianProduct> = levels.iter().map(|l| l as _).collect();
            let map = FlowMap::new(stages, &densities).unwrap();
            let bridge = Transport::new(map, self.clean, &Dense, Penalty::None).unwrap();
            let rule = InversionRule { fixed_point: 2, newton: 6 };
            visit(&format!("{method:?}"), &bridge.with_inversion(rule).checked());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Fails if a bridge between levels of any mixture that were not refused gives a finite work with a state
    /// that has none, or a swap through it leaves a state that is no number or whose density is another.
    #[test]
    fn bridges_and_swaps_keep_states_finite(
        target in parameters(),
        (low, high) in (1e-3..1.0f64, 1.0..100.0f64),
        times in prop_oneof![(0.0..1.0f64, 0.0..1.0f64), (0.0..1e-3f64, 0.0..1e-3f64), (Just(0.0), 1e-6..1.0f64)],
        which in 0..3u8,
        seed in any::<u64>(),
    ) {
        let schedule = match which {
            0 => NoiseSchedule::vp_linear(low, high).unwrap(),
            1 => NoiseSchedule::vp_cosine(),
            _ => NoiseSchedule::ve(low * 1e-2, high, VeShape::Geometric).unwrap(),
        };
        let Ok(step) = schedule.step(times.0.min(times.1), times.0.max(times.1)) else { return Ok(()) };
        target.with_level((step.alpha_noisy, step.variance_noisy), |noisy| {
            target.with_level((step.alpha_clean, step.variance_clean), |clean| {
                let mut storage = vec![0.0; MixtureTransition::storage_len(noisy)];
                let transition = MixtureTransition::prepare(noisy, &step, &mut storage).unwrap();
                let target = &target;
                let between =
                    Between { target, schedule, step, noisy, clean, transition: &transition };
                let mut failed = None;
                between.for_every_bridge(&mut |name, bridge| {
                    let found = cross_and_swap(bridge, noisy, clean, seed);
                    failed = failed.take().or(found.err().map(|e| format!("{name}: {e}, {step:?}")));
                });
                prop_assert!(failed.is_none(), "{}", failed.unwrap_or_default());
                Ok(())
            }).unwrap_or(Ok(()))
        }).unwrap_or(Ok(()))?;
    }
}

/// A state of eight lanes.
struct State {
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: f64x8,
}

impl State {
    fn of(level: &MixtureLevel<'_>, seed: u64) -> Self {
        let d = level.dim();
        let mut state =
            Self { x: vec![f64x8::ZERO; d], score: vec![f64x8::ZERO; d], log_density: f64x8::ZERO };
        with_context(level.scratch_len(), seed, |mut context| {
            level.sample(&mut state.x, context.stream, context.scratch.reborrow()).unwrap();
            state.point().evaluate(level, &mut context).unwrap();
        });
        state
    }

    fn point(&mut self) -> PointMut<'_> {
        PointMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }

    /// Lanes whose numbers are all finite.
    fn finite(&self) -> [bool; 8] {
        let all = || self.x.iter().chain(&self.score).chain([&self.log_density]);
        core::array::from_fn(|lane| all().all(|v| v.to_array()[lane].is_finite()))
    }
}

fn cross_and_swap(
    bridge: &dyn Bridge,
    noisy: &MixtureLevel<'_>,
    clean: &MixtureLevel<'_>,
    seed: u64,
) -> Result<(), String> {
    let (mut t, mut s) = (State::of(noisy, seed), State::of(clean, seed ^ 1));
    for forward in [true, false] {
        let (mut to, from) = (State::of(clean, 7), if forward { &mut t } else { &mut s });
        let crossing = with_context(bridge.scratch_len(), seed ^ 2, |context| {
            let from = from.point();
            match forward {
                true => bridge.forward(from.as_point(), to.point(), context).unwrap(),
                false => bridge.backward(from.as_point(), to.point(), context).unwrap(),
            }
        });
        for (lane, (work, finite)) in
            crossing.log_work.to_array().into_iter().zip(to.finite()).enumerate()
        {
            if work.is_finite() && !finite {
                return Err(format!("forward {forward}, lane {lane}: work {work}, {:?}", to.x));
            }
        }
    }
    let outcome = with_context(swap_scratch_len(bridge), seed ^ 3, |context| {
        swap(bridge, t.point(), s.point(), context).unwrap()
    });
    let probabilities = outcome.acceptance_probability.to_array();
    if !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
        return Err(format!("accepted with {probabilities:?}"));
    }
    for (state, level) in [(&t, noisy), (&s, clean)] {
        let found = with_context(level.scratch_len(), 0, |context| {
            level.log_density(&state.x, context.scratch).unwrap()
        });
        if state.finite() != [true; 8] || found.to_array() != state.log_density.to_array() {
            return Err(format!("left {:?} with {:?}", state.x, state.log_density));
        }
    }
    Ok(())
}
