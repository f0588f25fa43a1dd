//! Level times: a validated list and the usual spacings.
//!
//! `L` annealing steps have `L + 1` levels: level 0 at `t_0 = 0` is the target itself, levels
//! `1..=L` are the given noisy times, level `L` the noisiest.

use super::NoiseSchedule;
use crate::error::{Error, Result};

/// Times of the levels, `t_0 = 0 < t_1 < ... < t_L <= 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule<'a> {
    noisy: &'a [f64],
}

impl<'a> Schedule<'a> {
    /// Checks and borrows the noisy times `t_1 .. t_L` (level 0 is implied).
    ///
    /// # Errors
    /// An empty list, entries outside `(0, 1]` or not strictly increasing.
    pub fn new(noisy: &'a [f64]) -> Result<Self> {
        if noisy.is_empty() {
            return Err(Error::Empty { what: "times" });
        }
        let mut previous = 0.0;
        for (index, &t) in noisy.iter().enumerate() {
            if !(t > 0.0 && t <= 1.0) {
                return Err(Error::OutOfRange { what: "times", value: t, min: 0.0, max: 1.0 });
            }
            if t <= previous {
                return Err(Error::NotIncreasing { what: "times", index });
            }
            previous = t;
        }
        Ok(Self { noisy })
    }

    /// The number of annealing steps `L`; there are `L + 1` levels.
    pub fn steps(&self) -> usize {
        self.noisy.len()
    }

    /// The time of a level; the noisiest one past the end.
    pub fn time(&self, level: usize) -> f64 {
        match level.checked_sub(1) {
            None => 0.0,
            Some(i) => self.noisy.get(i).or(self.noisy.last()).copied().unwrap_or(0.0),
        }
    }
}

/// Fills `times` with `t_1 .. t_L` at equal distances from `t_min` to `t_max`.
pub fn uniform_times(t_min: f64, t_max: f64, times: &mut [f64]) {
    fill(times, t_max, |fraction| t_min + (t_max - t_min) * fraction);
}

/// Fills `times` with `t_min + (t_max - t_min) u^2`, `u` at equal distances: fine near the target
/// (`u` from the target) on a diffusion path.
pub fn quadratic_times(t_min: f64, t_max: f64, times: &mut [f64]) {
    fill(times, t_max, |fraction| t_min + (t_max - t_min) * fraction * fraction);
}

/// Fills `times` at equal distances in `log(alpha^2 / v)` between `t_min` and `t_max`, by
/// bisection (the log-SNR decreases in `t`).
pub fn log_snr_times(schedule: &NoiseSchedule, t_min: f64, t_max: f64, times: &mut [f64]) {
    let (first, last) = (schedule.log_snr(t_min), schedule.log_snr(t_max));
    fill(times, t_max, |fraction| {
        let wanted = first + (last - first) * fraction;
        let (mut low, mut high) = (t_min, t_max);
        while high - low > f64::EPSILON * high {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if schedule.log_snr(middle) > wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        if fraction == 0.0 { t_min } else { 0.5 * (low + high) }
    });
}

/// `times[i] = at(i / (L - 1))`; the last entry is exactly `t_max`.
fn fill(times: &mut [f64], t_max: f64, at: impl Fn(f64) -> f64) {
    let steps = times.len();
    let last = steps.saturating_sub(1);
    for (i, time) in times.iter_mut().enumerate() {
        *time = if i == last { t_max } else { at(i as f64 / last as f64) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if unsorted or out-of-range times are accepted, or levels are off by one.
    #[test]
    fn validation_and_numbering() {
        assert!(Schedule::new(&[]).is_err());
        assert_eq!(
            Schedule::new(&[0.1, 0.1]).unwrap_err(),
            Error::NotIncreasing { what: "times", index: 1 }
        );
        assert!(Schedule::new(&[0.0, 0.1]).is_err());
        assert!(Schedule::new(&[0.5, 1.5]).is_err());
        assert!(Schedule::new(&[f64::NAN]).is_err());
        let schedule = Schedule::new(&[0.25, 0.5, 1.0]).unwrap();
        let times: [f64; 4] = core::array::from_fn(|level| schedule.time(level));
        assert_eq!((schedule.steps(), times), (3, [0.0, 0.25, 0.5, 1.0]));
    }

    /// Fails if a spacing is not what its name says, ends included; one level is the noisiest.
    #[test]
    fn spacings() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let mut times = [0.0; 5];
        uniform_times(0.1, 0.9, &mut times);
        assert!((times[1] - 0.3).abs() < 1e-15 && times[0] == 0.1 && times[4] == 0.9);
        quadratic_times(0.1, 0.9, &mut times);
        assert!((times[2] - 0.3).abs() < 1e-15);
        log_snr_times(&schedule, 1e-4, 1.0, &mut times);
        let snr = times.map(|t| schedule.log_snr(t));
        for pair in snr.windows(2) {
            assert!((pair[1] - pair[0] - (snr[4] - snr[0]) / 4.0).abs() < 1e-9);
        }
        assert_eq!((times[0], times[4]), (1e-4, 1.0));
        let mut single = [0.0];
        uniform_times(0.1, 0.9, &mut single);
        assert_eq!(single, [0.9]);
    }
}
