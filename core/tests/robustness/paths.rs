//! Noise schedules, their steps, lists of times and spacings.

use amc_core::path::{
    NoiseSchedule, Schedule, VeShape, log_snr_times, quadratic_times, uniform_times,
};
use proptest::prelude::*;

use super::numbers::{number, numbers};

fn schedules(low: f64, high: f64) -> impl Iterator<Item = NoiseSchedule> {
    let all = [
        NoiseSchedule::vp_linear(low, high),
        Ok(NoiseSchedule::vp_cosine()),
        NoiseSchedule::ve(low, high, VeShape::Geometric),
        NoiseSchedule::ve(low, high, VeShape::Rho7),
    ];
    all.into_iter().flatten()
}

proptest! {
    /// Fails if a step with a ratio outside (0, 1], or a variance that is not positive, gets out.
    #[test]
    fn any_step_is_refused_or_valid(
        (low, high) in (number(), number()),
        (s, t) in (number(), number()),
    ) {
        for schedule in schedules(low, high) {
            if let Ok(step) = schedule.step(s, t) {
                prop_assert!(step.ratio > 0.0 && step.ratio <= 1.0);
                prop_assert!(step.variance > 0.0 && step.variance.is_finite());
                prop_assert!(step.variance_clean >= 0.0 && step.drift >= 0.0);
            }
        }
    }

    /// Fails if signal grows or noise falls with time, on any schedule that was not refused, or a point at
    /// some noise ratio has another.
    #[test]
    fn signal_falls_and_noise_grows(
        (low, high) in (prop_oneof![number(), 1e-3..5.0f64], prop_oneof![number(), 5.0..100.0f64]),
        (s, t) in (0.0..1.0f64, 0.0..1.0f64),
        ratio in 1e-6..1e6f64,
    ) {
        let (s, t) = (s.min(t), s.max(t));
        for schedule in schedules(low, high) {
            let (alphas, variances) =
                ([s, t].map(|t| schedule.alpha(t)), [s, t].map(|t| schedule.variance(t)));
            prop_assert!(alphas[1] <= alphas[0] && alphas[0] <= 1.0 && alphas[1] > 0.0, "{alphas:?}");
            prop_assert!(variances[0] <= variances[1] && variances[0] >= 0.0, "{variances:?}");
            prop_assert!(schedule.variance_rate(t) >= 0.0 && schedule.drift_and_diffusion(t).0 <= 0.0);
            let (alpha, variance) = schedule.at_noise_ratio(ratio);
            prop_assert!((variance.sqrt() / alpha / ratio - 1.0).abs() < 1e-12);
        }
    }

    /// Fails if times that do not increase within (0, 1] pass, or levels are numbered wrong.
    #[test]
    fn lists_of_times_are_refused_or_increase(
        times in prop_oneof![numbers(5), prop::collection::vec(0.0..1.1f64, 0..5)],
        sort in any::<bool>(),
    ) {
        let mut times = times;
        if sort {
            times.sort_by(f64::total_cmp);
        }
        let inside = times.iter().all(|t| *t > 0.0 && *t <= 1.0);
        let valid = !times.is_empty() && inside && times.windows(2).all(|pair| pair[0] < pair[1]);
        let schedule = Schedule::new(&times);
        prop_assert_eq!(schedule.is_ok(), valid);
        if let Ok(schedule) = schedule {
            prop_assert_eq!(schedule.steps(), times.len());
            prop_assert_eq!((schedule.time(0), schedule.time(times.len())), (0.0, times[times.len() - 1]));
            prop_assert_eq!(schedule.time(usize::MAX), times[times.len() - 1]);
        }
    }

    /// Fails if a spacing leaves its interval or goes back, misses its end, or hangs on numbers that are none.
    #[test]
    fn spacings_stay_in_order(
        (low, high) in (1e-3..5.0f64, 5.0..100.0f64),
        (t_min, t_max) in (prop_oneof![1e-9..0.3f64, number()], prop_oneof![0.3..0.999f64, number()]),
        count in 0..20usize,
    ) {
        let valid = 0.0 < t_min && t_min < t_max && t_max < 1.0;
        let check = |times: &[f64]| {
            let inside = times.iter().all(|t| (t_min..=t_max).contains(t));
            inside && times.is_sorted() && times.last().is_none_or(|last| *last == t_max)
        };
        let mut times = vec![f64::NAN; count];
        uniform_times(t_min, t_max, &mut times);
        prop_assert!(!valid || check(&times), "uniform {times:?}");
        quadratic_times(t_min, t_max, &mut times);
        prop_assert!(!valid || check(&times), "quadratic {times:?}");
        for schedule in schedules(low, high) {
            log_snr_times(&schedule, t_min, t_max, &mut times);
            prop_assert!(!valid || check(&times), "log-snr {times:?}");
        }
    }
}
