//! A Markov kernel comes closer to its law from a wrong start.

use super::KernelInstance;
use crate::bound::kolmogorov::{dkw_p_value, dkw_radius, kolmogorov_distance};
use crate::law::direction;
use crate::{Budget, Verdict, VerifyError};

/// From exact samples shifted by `shift` in every coordinate, `steps` steps at least halve the
/// Kolmogorov distance to the exact law along the diagonal-like first direction.
///
/// Refuted when, up to the false-positive share, the true distance after exceeds half of the true
/// distance before. The caller vouches that a correct kernel halves it: choose generous `steps`. A
/// pass excludes kernels that leave a law invariant because they hardly move.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn convergence(
    instance: &KernelInstance<'_>,
    (shift, steps): (f64, usize),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::convergence";
    budget.check()?;
    VerifyError::check_samples("steps", 1, steps)?;
    let directions = [direction(instance.law.density().dim(), 0)];
    let key = budget.key(LAW, instance.name);
    let mut run = instance.run(&key, budget.blocks(), (shift, steps), &directions)?;
    let cdf = instance.law.projection_cdf(&directions[0]);
    let before = kolmogorov_distance(&mut run.before[0], &cdf);
    let after = kolmogorov_distance(&mut run.after[0], &cdf);
    let samples = 8 * budget.blocks();
    // True distances lie within the radius e of the measured ones, each except with probability
    // 2 exp(-2 n e^2): after - e > (before + e)/2 refutes, so the p-value is that of the largest e.
    let margin = (after - 0.5 * before) / 1.5;
    let p_value = if margin.is_nan() {
        0.0
    } else if margin <= 0.0 {
        1.0
    } else {
        (2.0 * dkw_p_value(margin, samples)).min(1.0)
    };
    let detail = format!("distance {before:.4} before and {after:.4} after {steps} steps");
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    let resolution = 4.0 * dkw_radius(samples, budget.false_positive);
    if verdict.passed() && before < resolution {
        let premise = format!("shift {shift} gives no distance above {resolution:.4}");
        return Ok(verdict.without_premise(premise));
    }
    Ok(verdict)
}
