//! Step sizes of the kernel, one per level, and the rule that adapts them.
//!
//! Robbins-Monro on the logarithm, `log h += g_n (acceptance - target)`, with the acceptance
//! probability averaged over the whole population, which makes `g_n` of order 1 stable (acceptance
//! falls by roughly a half per unit of `log h`).

use serde::{Deserialize, Serialize};

/// Step sizes for a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StepSizes {
    /// Fixed, one per level `0..=L`: weights are exactly unbiased.
    Frozen(Vec<f64>),
    /// Adapted as the run goes down the levels, starting from this value.
    Online(f64),
}

/// Gain of the online rule, which must follow the change from level to level.
const ONLINE_GAIN: f64 = 1.0;

/// The bounds within which a step size may move.
const SMALLEST: f64 = 1e-12;
const LARGEST: f64 = 1e12;

/// One update of a step size after a step with this mean acceptance probability.
pub(super) fn updated(step_size: f64, acceptance: f64, target: f64, gain: f64) -> f64 {
    (step_size * libm::exp(gain * (acceptance - target))).clamp(SMALLEST, LARGEST)
}

/// The online update.
pub(super) fn updated_online(step_size: f64, acceptance: f64, target: f64) -> f64 {
    updated(step_size, acceptance, target, ONLINE_GAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the sign of the update is wrong (steps would grow when too many are rejected), or
    /// the rule does not settle at its target for a typical acceptance curve.
    #[test]
    fn settles_at_the_target() {
        assert!(updated(1.0, 0.1, 0.5, 1.0) < 1.0 && updated(1.0, 0.9, 0.5, 1.0) > 1.0);
        let acceptance = |h: f64| (-h).exp();
        let mut h = 30.0;
        for _ in 0..60 {
            h = updated_online(h, acceptance(h), 0.574);
        }
        assert!((acceptance(h) - 0.574).abs() < 1e-6);
    }
}
