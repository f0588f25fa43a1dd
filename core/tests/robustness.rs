//! Properties over arbitrary input, special numbers preferred: constructors refuse or the result is
//! usable, kernels never let a bad number into a state, schedules never return a bad step.

use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel, Score};
use amc_core::kernel::{Hmc, Mala, MarkovKernel, RandomWalk};
use amc_core::path::{NoiseSchedule, VeShape};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use proptest::prelude::*;

/// A number that is often one of those that break things.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0f64,
        1 => prop::sample::select(vec![
            0.0, -0.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::MIN, f64::INFINITY, f64::NAN,
        ]),
        1 => any::<f64>(),
    ]
}

fn numbers(max: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(number(), 0..max)
}

proptest! {
    /// Fails if invalid parameters pass, or a valid mixture has a log-density of `+inf`, or one
    /// that differs between the two ways of asking.
    #[test]
    fn any_mixture_is_refused_or_evaluates(
        dim in 0..4usize,
        kind in 0..3u8,
        weights in numbers(4),
        means in numbers(10),
        variances in numbers(10),
        vectors in numbers(20),
        (alpha, variance) in (number(), number()),
        x in prop::array::uniform3(number()),
    ) {
        let covariance = match kind {
            0 => Covariance::Isotropic(&variances),
            1 => Covariance::Diagonal(&variances),
            _ => Covariance::Full { eigenvalues: &variances, eigenvectors: &vectors },
        };
        let Ok(mixture) = Mixture::new(dim, &weights, &means, covariance) else { return Ok(()) };
        prop_assert!(variances.iter().all(|v| *v > 0.0 && v.is_finite()));
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage);
        let Ok(level) = level else { return Ok(()) };
        let x: Vec<f64x8> = x.iter().take(dim).map(|x| f64x8::splat(*x)).collect();
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        let mut score = vec![f64x8::ZERO; dim];
        let p = level.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()[2];
        let scratch = Scratch::new(&mut memory);
        let again = level.log_density_and_score(&x, &mut score, scratch).unwrap();
        prop_assert_eq!(p.to_bits(), again.to_array()[6].to_bits());
        prop_assert!(p != f64::INFINITY);
    }

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

    /// Fails if a step with a ratio outside (0, 1], or a variance that is not positive, gets out.
    #[test]
    fn any_step_is_refused_or_valid(
        (low, high) in (number(), number()),
        (s, t) in (number(), number()),
    ) {
        let schedules = [
            NoiseSchedule::vp_linear(low, high),
            Ok(NoiseSchedule::vp_cosine()),
            NoiseSchedule::ve(low, high, VeShape::Geometric),
            NoiseSchedule::ve(low, high, VeShape::Rho7),
        ];
        for schedule in schedules.into_iter().flatten() {
            if let Ok(step) = schedule.step(s, t) {
                prop_assert!(step.ratio > 0.0 && step.ratio <= 1.0);
                prop_assert!(step.variance > 0.0 && step.variance.is_finite());
                prop_assert!(step.variance_clean >= 0.0 && step.drift >= 0.0);
            }
        }
    }
}
