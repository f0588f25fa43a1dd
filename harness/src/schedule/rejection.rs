//! From the rejection rate of a pair of levels to the increment of the barrier between them.
//!
//! For the identity and a Gaussian `D = d/dt log p_t` of standard deviation `s`, a swap over a small
//! step `h` has the log-ratio `N(-m, 2 m)`, `m = (s h)^2`, and is rejected with `erf(s h/2)`, while
//! the barrier of the step is `h/2 E|D - D'| = s h/sqrt(pi)`. So
//!
//! `Lambda = (2/sqrt(pi)) erfinv(r)`,
//!
//! which is `r` itself to second order, the rule of \[Syed22\], but goes on growing where rejections
//! saturate at one: levels that stand too far apart are told by how much, and are mended in a few
//! rounds instead of many. Equal rejections have equal increments either way.

use super::{Result, ScheduleError};

/// Increments end here: at 8, one swap in `1e23` is accepted.
const LARGEST: f64 = 8.0;

/// The increment of the barrier between two levels whose swaps are rejected with probability
/// `rejection`: `(2/sqrt(pi)) erfinv(rejection)`, at most 8.
///
/// # Errors
///
/// A rejection outside `[0, 1]`; `index` names the pair.
pub fn barrier_of_rejection(index: usize, rejection: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&rejection) {
        return Err(ScheduleError::Rejection { index, value: rejection });
    }
    // erfc keeps the acceptance's digits where erf has none left.
    let scale = 0.5 * core::f64::consts::PI.sqrt();
    let too_far = |increment: f64| {
        if rejection < 0.5 {
            libm::erf(scale * increment) > rejection
        } else {
            libm::erfc(scale * increment) < 1.0 - rejection
        }
    };
    let (mut low, mut high) = (0.0, LARGEST);
    // Bisection: 60 halvings reach the last bit of any increment that matters.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if too_far(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the constant, the function or an end is wrong: erf(0.5) and erf(1.5) to ten digits,
    /// and the small rejection that is its own increment.
    #[test]
    fn inverts_the_error_function() {
        let at = |z: f64| 2.0 / core::f64::consts::PI.sqrt() * z;
        for (rejection, z) in [(0.520_499_877_8, 0.5), (0.966_105_146_5, 1.5)] {
            let found = barrier_of_rejection(0, rejection).unwrap();
            assert!((found - at(z)).abs() < 1e-8, "{found} {}", at(z));
        }
        assert!((barrier_of_rejection(0, 1e-6).unwrap() / 1e-6 - 1.0).abs() < 1e-9);
        assert!(barrier_of_rejection(0, 0.0).unwrap() < 1e-15);
        assert!((barrier_of_rejection(0, 1.0).unwrap() - LARGEST).abs() < 1e-9);
        let wrong = ScheduleError::Rejection { index: 3, value: -0.1 };
        assert_eq!(barrier_of_rejection(3, -0.1), Err(wrong));
        assert!(barrier_of_rejection(0, f64::NAN).is_err());
    }
}
