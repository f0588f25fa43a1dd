//! The communication barrier as a function of time, and its levels.
//!
//! `Lambda(t) = int_0^t lambda`; levels lie at `Lambda(t_k) = Lambda(t_L) k/L` \[Syed22\].

use super::monotone_cubic::{MonotoneCubic, check_increasing, limited_slopes};
use super::{Result, ScheduleError};

/// The least increment: below any rejection a run can measure, above rounding of the sum of a
/// million rejections.
const FLOOR: f64 = 1e-9;

/// The barrier `Lambda(t)` of a path, from the target at time 0 to the reference at the last time.
#[derive(Debug, Clone, PartialEq)]
pub struct Barrier {
    profile: MonotoneCubic,
}

impl Barrier {
    /// The barrier of local barriers `lambda`, one for each of `times`.
    ///
    /// An increment is the integral of the cubic with the limited slopes `s_i` of \[Steffen90\]
    /// through the `lambda_i`, the corrected trapezoid rule
    /// `h (lambda_i + lambda_(i+1))/2 + h^2 (s_i - s_(i+1))/12`. In between `Lambda` is the cubic of
    /// these increments with derivatives `lambda_i`, so [`Barrier::local`] returns `lambda_i` at
    /// `times[i]`. It is monotone: as `s` is at most twice a secant of `lambda`, an increment is at
    /// least `h/3` times the larger `lambda` beside it.
    ///
    /// Each `lambda_i` is raised to at least `1e-9` of the largest, and of one over the last time:
    /// the profile then increases everywhere, and with no barrier at all levels are uniform in time.
    ///
    /// # Errors
    ///
    /// When there are fewer than two times, they do not increase strictly from 0, the lengths differ,
    /// an entry is not finite, a `lambda` is negative, or an increment overflows.
    pub fn from_local(times: Vec<f64>, lambda: &[f64]) -> Result<Self> {
        check_times(&times)?;
        check_length("local barriers", lambda.len(), times.len())?;
        if let Some(index) = lambda.iter().position(|value| !value.is_finite()) {
            return Err(ScheduleError::NotFinite { what: "local barriers", index });
        }
        if let Some(index) = lambda.iter().position(|value| *value < 0.0) {
            let value = lambda[index];
            return Err(ScheduleError::Negative { what: "local barriers", index, value });
        }
        let largest = lambda.iter().copied().fold(1.0 / times[times.len() - 1], f64::max);
        let lambda: Vec<f64> = lambda.iter().map(|value| value.max(FLOOR * largest)).collect();
        let slopes = limited_slopes(&times, &lambda);
        let increment = |i: usize| {
            let width = times[i + 1] - times[i];
            let trapezoid = 0.5 * (lambda[i] + lambda[i + 1]);
            width * (trapezoid + width * (slopes[i] - slopes[i + 1]) / 12.0)
        };
        let values = cumulated((0..times.len() - 1).map(increment));
        if !values[times.len() - 1].is_finite() {
            return Err(ScheduleError::Overflow("local barriers"));
        }
        Ok(Self { profile: MonotoneCubic::with_slopes(times, values, lambda)? })
    }

    /// The barrier of these increments, `increments[i]` between `times[i]` and `times[i + 1]` (those
    /// of rejections: [`super::barrier_of_rejection`]); in between a [`MonotoneCubic`].
    ///
    /// Each increment is raised to at least `1e-9`: the profile then increases everywhere, and with
    /// no barrier at all as many levels as before are the same times again. The total is that much
    /// larger than the sum.
    ///
    /// # Errors
    ///
    /// When there are fewer than two times, they do not increase strictly from 0, there is not one
    /// increment fewer than times, an increment is negative or not finite, or a slope overflows.
    pub fn from_increments(times: &[f64], increments: &[f64]) -> Result<Self> {
        check_times(times)?;
        check_length("increments", increments.len(), times.len() - 1)?;
        if let Some(index) = increments.iter().position(|value| !value.is_finite()) {
            return Err(ScheduleError::NotFinite { what: "increments", index });
        }
        if let Some(index) = increments.iter().position(|value| *value < 0.0) {
            let value = increments[index];
            return Err(ScheduleError::Negative { what: "increments", index, value });
        }
        let values = cumulated(increments.iter().map(|value| value.max(FLOOR)));
        if !values[times.len() - 1].is_finite() {
            return Err(ScheduleError::Overflow("increments"));
        }
        Ok(Self { profile: MonotoneCubic::new(times.to_vec(), values)? })
    }

    /// The barrier of the whole path, `Lambda = Lambda(t_L)`.
    pub fn total(&self) -> f64 {
        self.cumulative(self.last_time())
    }

    /// The local barrier `lambda(t)`, the derivative of the profile; 0 outside the path.
    pub fn local(&self, t: f64) -> f64 {
        self.profile.derivative(t)
    }

    /// The barrier from the target to time `t`, `Lambda(t)`; that of the nearer end outside the path.
    pub fn cumulative(&self, t: f64) -> f64 {
        self.profile.value(t)
    }

    /// Times `t_1 < ... < t_L` of `steps = L` steps at equal increments of the barrier, without
    /// `t_0 = 0`; the last is the last time of the profile, exactly.
    ///
    /// Neighbours, level 0 included, that would stand closer than `apart` (or round to one number) are
    /// moved apart to that distance, up to rounding (to adjacent numbers).
    ///
    /// # Errors
    ///
    /// When `steps` is zero, or there is no room for them up to the last time.
    pub fn levels(&self, steps: usize, apart: f64) -> Result<Vec<f64>> {
        if steps == 0 {
            return Err(ScheduleError::NoSteps);
        }
        let (total, last) = (self.total(), self.last_time());
        let time = |k: usize| self.profile.inverse(total * (k as f64 / steps as f64));
        let mut times: Vec<f64> = (1..steps).map(time).collect();
        times.push(last);
        // Upwards first, then down from the end: what does not fit shows at the first time.
        let mut least: f64 = 0.0;
        for time in &mut times {
            *time = time.max(least.next_up()).max(least + apart);
            least = *time;
        }
        times[steps - 1] = last;
        let mut bound = last;
        for time in times.iter_mut().rev().skip(1) {
            *time = time.min(bound.next_down()).min(bound - apart);
            bound = *time;
        }
        // Distances are kept to their rounding, which must not pass for a lack of room.
        let rounding = steps as f64 * f64::EPSILON * last;
        if times[0] > 0.0 && times[0] >= apart - rounding {
            Ok(times)
        } else {
            Err(ScheduleError::NoRoom { steps, last })
        }
    }

    /// The last time, that of the reference.
    pub fn last_time(&self) -> f64 {
        // A profile has at least two points.
        self.profile.x()[self.profile.x().len() - 1]
    }
}

/// Zero and the partial sums of `increments`.
fn cumulated(increments: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut values = vec![sum];
    for increment in increments {
        sum += increment;
        values.push(sum);
    }
    values
}

fn check_times(times: &[f64]) -> Result<()> {
    check_increasing("times", times)?;
    if times[0] == 0.0 { Ok(()) } else { Err(ScheduleError::FirstTime(times[0])) }
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(ScheduleError::Length { what, found, expected }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }

    /// Fails when widths are exchanged, the profile runs from the reference, or levels include time 0:
    /// `lambda = 2 t + 1` has `Lambda = t^2 + t`, whose inverse is `(sqrt(1 + 4 y) - 1)/2`.
    #[test]
    fn linear_local_barrier() {
        let times = vec![0.0, 0.125, 0.5, 0.625, 1.0];
        let lambda: Vec<f64> = times.iter().map(|t| 2.0 * t + 1.0).collect();
        let barrier = Barrier::from_local(times, &lambda).unwrap();
        assert_eq!(barrier.total(), 2.0);
        for t in [0.0, 0.05, 0.3, 0.5, 0.77, 1.0] {
            close(barrier.local(t), 2.0 * t + 1.0, 1e-14);
            close(barrier.cumulative(t), t * t + t, 1e-14);
        }
        let levels = barrier.levels(5, 0.0).unwrap();
        assert_eq!((levels.len(), levels[4]), (5, 1.0));
        for (k, t) in (1..).zip(levels) {
            close(t, ((1.0 + 1.6 * f64::from(k)).sqrt() - 1.0) / 2.0, 1e-15);
        }
        assert_eq!(barrier.levels(1, 0.0).unwrap(), [1.0]);
    }

    /// Fails when the trapezoid is not corrected or by the wrong sign: `int exp(3 t)` from 21
    /// unequal nodes, which the trapezoid rule misses by `2.7e-3` of it.
    #[test]
    fn curved_local_barrier() {
        let times: Vec<f64> = (0..=20).map(|i| (f64::from(i) / 20.0).powf(1.3)).collect();
        let lambda: Vec<f64> = times.iter().map(|t| (3.0 * t).exp()).collect();
        let barrier = Barrier::from_local(times.clone(), &lambda).unwrap();
        for (&t, &value) in times.iter().zip(&lambda) {
            let exact = ((3.0 * t).exp() - 1.0) / 3.0;
            close(barrier.cumulative(t), exact, 5e-5 * exact);
            close(barrier.local(t), value, 1e-13 * value);
        }
    }

    /// Fails when a barrier with a jump is not monotone, or its measured values are moved.
    #[test]
    fn jumps_keep_the_local_barrier() {
        let times = vec![0.0, 0.1, 0.15, 0.6, 1.0];
        let lambda = [0.0, 0.0, 40.0, 0.5, 0.7];
        let barrier = Barrier::from_local(times.clone(), &lambda).unwrap();
        for (&t, &value) in times.iter().zip(&lambda) {
            close(barrier.local(t), value, 1e-7);
        }
        assert!((0..=1000).all(|i| barrier.local(f64::from(i) / 1000.0) >= 0.0));
        assert!(barrier.levels(1000, 0.0).unwrap().windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// Fails when rounding of the distances passes for a lack of room: the barrier lies at the target, so that
    /// ten levels stand as close to it as they may, with half of the path to spare.
    #[test]
    fn rounding_is_no_lack_of_room() {
        let barrier = Barrier::from_local(vec![0.0, 1e-7, 0.17], &[1.0, 0.0, 0.0]).unwrap();
        for part in 1..=100 {
            let apart = 0.0085 * f64::from(part) / 100.0;
            let levels = barrier.levels(10, apart).unwrap();
            assert!(levels[0] >= apart * (1.0 - 1e-14) && levels.is_sorted(), "{levels:?} {apart}");
        }
    }

    /// Fails when a sum that overflows is blamed on an entry that was never given.
    #[test]
    fn increments_whose_sum_overflows_are_refused() {
        let found = Barrier::from_increments(&[0.0, 0.3, 1.0], &[f64::MAX, 0.5 * f64::MAX]);
        assert_eq!(found, Err(ScheduleError::Overflow("increments")));
    }

    /// Fails when a rejection is laid into the neighbouring interval: 0.1, 0.6, 0.2 on `[0, 0.2]`,
    /// `[0.2, 0.3]`, `[0.3, 2]` has its thirds of 0.9 inside the second.
    #[test]
    fn rejections_belong_to_their_interval() {
        let barrier = Barrier::from_increments(&[0.0, 0.2, 0.3, 2.0], &[0.1, 0.6, 0.2]).unwrap();
        close(barrier.total(), 0.9, 1e-15);
        close(barrier.cumulative(0.2), 0.1, 1e-15);
        close(barrier.cumulative(0.3), 0.7, 1e-15);
        let levels = barrier.levels(3, 0.0).unwrap();
        assert!(levels[0] > 0.2 && levels[1] < 0.3 && levels[2] == 2.0, "{levels:?}");
        for (k, t) in (1..).zip(levels) {
            close(barrier.cumulative(t), 0.3 * f64::from(k), 1e-15);
        }
    }

    /// Fails when the update moves levels the wrong way: with rejections `1 - exp(-increment)` of
    /// `Lambda = 5 t^3 + 0.1 t + 0.5 sqrt(t)`, updates from uniform times must find its equal increments.
    #[test]
    fn updates_find_a_known_barrier() {
        let truth = |t: f64| 5.0 * t.powi(3) + 0.1 * t + 0.5 * t.sqrt();
        let mut times: Vec<f64> = (0..=12).map(|i| f64::from(i) / 12.0).collect();
        let spread = |times: &[f64]| {
            let increments: Vec<f64> =
                times.windows(2).map(|pair| truth(pair[1]) - truth(pair[0])).collect();
            let largest = increments.iter().copied().fold(0.0, f64::max);
            (largest / increments.iter().copied().fold(f64::INFINITY, f64::min), increments)
        };
        assert!(spread(&times).0 > 10.0);
        for _ in 0..12 {
            let (_, increments) = spread(&times);
            let rejections: Vec<f64> = increments.iter().map(|x| 1.0 - (-x).exp()).collect();
            let levels =
                Barrier::from_increments(&times, &rejections).unwrap().levels(12, 0.0).unwrap();
            times[1..].copy_from_slice(&levels);
        }
        assert!(spread(&times).0 < 1.0 + 1e-5, "{}", spread(&times).0);
    }

    /// Fails when zero rejection or zero barrier has no levels, or others than documented.
    #[test]
    fn no_barrier_has_levels() {
        let times = [0.0, 0.01, 0.2, 1.0];
        let silent = Barrier::from_increments(&times, &[0.0; 3]).unwrap();
        for (t, expected) in silent.levels(3, 0.0).unwrap().into_iter().zip(&times[1..]) {
            close(t, *expected, 1e-15);
        }
        let silent = Barrier::from_local(times.to_vec(), &[0.0; 4]).unwrap();
        for (t, expected) in silent.levels(4, 0.0).unwrap().into_iter().zip([0.25, 0.5, 0.75, 1.0])
        {
            close(t, expected, 1e-7);
        }
        // A silent stretch between loud ones is crossed in one step.
        let gap =
            Barrier::from_increments(&times, &[0.5, 0.0, 0.5]).unwrap().levels(4, 0.0).unwrap();
        assert!(gap[0] < 0.01 && gap[2] > 0.2 && gap[3] == 1.0, "{gap:?}");
    }

    /// Fails when levels that round to one number stay equal, pass the end, or are made up where
    /// there is no room.
    #[test]
    fn steep_profiles_are_nudged_or_refused() {
        let steep = 1.0 + 2e-15;
        let barrier = Barrier::from_increments(&[0.0, 1.0, steep], &[1e-6, 1.0]).unwrap();
        let levels = barrier.levels(40, 0.0).unwrap();
        assert!(levels.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((levels.len(), levels[39]), (40, steep));
        let tiny = Barrier::from_local(vec![0.0, 1e-300, 2e-300], &[1.0, 2.0, 1.0]);
        assert_eq!(tiny.unwrap().levels(3, 0.0).unwrap()[2], 2e-300);
        // Equal increments of this profile round to times 0, 1, 1 and 4 of the least number.
        let least = f64::from_bits(1);
        let (x, y) = (vec![0.0, least, 4.0 * least], vec![0.0, 3.0 * least, 4.0 * least]);
        let crowded = Barrier { profile: MonotoneCubic::new(x, y).unwrap() };
        let last = 4.0 * least;
        assert_eq!(crowded.levels(4, 0.0).unwrap(), [1, 2, 3, 4].map(f64::from_bits));
        assert_eq!(crowded.levels(5, 0.0).unwrap_err(), ScheduleError::NoRoom { steps: 5, last });
        assert_eq!(crowded.levels(0, 0.0).unwrap_err(), ScheduleError::NoSteps);
    }

    /// Fails when levels stand closer than asked for, pass an end, or a crowd is squeezed below 0.
    #[test]
    fn levels_keep_their_distance() {
        let ends = |increments: &[f64]| {
            Barrier::from_increments(&[0.0, 1e-9, 1.0 - 1e-9, 1.0], increments).unwrap()
        };
        for increments in [[1.0, 1e-6, 1e-3], [1e-3, 1e-6, 1.0], [1.0, 1e-6, 1.0]] {
            let levels = ends(&increments).levels(10, 1e-3).unwrap();
            assert!(levels[0] >= 1e-3 && levels[9] == 1.0, "{levels:?}");
            let gaps = levels.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(gaps.fold(f64::INFINITY, f64::min) >= 1e-3 * (1.0 - 1e-12), "{levels:?}");
        }
        let crowded = ends(&[1.0, 1.0, 1.0]).levels(10, 0.2);
        assert_eq!(crowded, Err(ScheduleError::NoRoom { steps: 10, last: 1.0 }));
    }

    /// Fails when a condition is not checked, or named at the wrong index.
    #[test]
    fn conditions_are_named() {
        let rejections = |times: &[f64], r: &[f64]| Barrier::from_increments(times, r).unwrap_err();
        assert_eq!(rejections(&[0.1, 1.0], &[0.5]), ScheduleError::FirstTime(0.1));
        let wrong = ScheduleError::Negative { what: "increments", index: 1, value: -1.5 };
        assert_eq!(rejections(&[0.0, 0.5, 1.0], &[1.0, -1.5]), wrong);
        let infinite = ScheduleError::NotFinite { what: "increments", index: 0 };
        assert_eq!(rejections(&[0.0, 1.0], &[f64::NAN]), infinite);
        let length = ScheduleError::Length { what: "increments", found: 2, expected: 1 };
        assert_eq!(rejections(&[0.0, 1.0], &[0.5, 0.5]), length);
        let local = |lambda: &[f64]| Barrier::from_local(vec![0.0, 1.0], lambda).unwrap_err();
        let negative = ScheduleError::Negative { what: "local barriers", index: 1, value: -2.0 };
        assert_eq!(local(&[1.0, -2.0]), negative);
        let infinite = ScheduleError::NotFinite { what: "local barriers", index: 0 };
        assert_eq!(local(&[f64::INFINITY, 1.0]), infinite);
        let length = ScheduleError::Length { what: "local barriers", found: 1, expected: 2 };
        assert_eq!(local(&[1.0]), length);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Fails when levels are not strictly increasing, do not end at the last time, or are not at
        /// equal increments, whatever the widths and rejections.
        #[test]
        fn levels_increase_to_the_last_time(
            pairs in prop::collection::vec((1e-9..1.0f64, 0u8..4, 0.0..=1.0f64), 1..20),
            steps in 1usize..300,
        ) {
            let mut times = vec![0.0];
            let mut rejections = Vec::new();
            let mut time = 0.0;
            for &(width, power, rejection) in &pairs {
                time += width.powi(i32::from(power) + 1);
                // A width may be lost to rounding; such a time is no new one.
                if time > times[times.len() - 1] {
                    times.push(time);
                    rejections.push(rejection.powi(i32::from(power)));
                }
            }
            for barrier in [
                Barrier::from_increments(&times, &rejections).unwrap(),
                Barrier::from_local(times.clone(), &[&rejections[..], &[0.0]].concat()).unwrap(),
            ] {
                let levels = barrier.levels(steps, 0.0).unwrap();
                prop_assert_eq!(levels.len(), steps);
                prop_assert_eq!(levels[steps - 1], time);
                prop_assert!(levels[0] > 0.0 && levels.windows(2).all(|pair| pair[0] < pair[1]));
                // Levels in an interval of few numbers are moved apart, away from equal increments.
                if times.windows(2).any(|pair| pair[1] - pair[0] < 1e-10 * time) {
                    continue;
                }
                for (k, &t) in (1..).zip(&levels) {
                    let wanted = barrier.total() * f64::from(k) / steps as f64;
                    // A time is rounded, and so is the profile at it.
                    let rounding = barrier.cumulative(t.next_up().next_up())
                        - barrier.cumulative(t.next_down().next_down());
                    let tolerance = rounding + 1e-14 * barrier.total();
                    prop_assert!((barrier.cumulative(t) - wanted).abs() <= tolerance);
                }
            }
        }
    }
}
