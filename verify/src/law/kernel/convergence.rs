//! A Markov kernel comes closer to its law from a wrong start.

use super::KernelInstance;
use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, dkw_radius, kolmogorov_distance};
use crate::{Budget, Verdict, VerifyError};

/// Coordinate axes that are looked at, spread over all.
const AXES: usize = 8;

/// From exact samples shifted by `shift` interquartile ranges along every coordinate, `steps` steps at least
/// halve the Kolmogorov distance to the exact law along every axis (eight of them in higher dimensions).
///
/// Refuted when, up to the false-positive share, a true distance after exceeds half of the true distance before
/// (Dvoretzky-Kiefer-Wolfowitz, Bonferroni). **The caller vouches that a correct kernel halves it**: choose
/// generous `steps`. A pass excludes kernels that leave a law invariant because they hardly move, or do not move in
/// some coordinate that is looked at. Inconclusive where the shift makes no distance that the samples could see halved.
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
    let dim = instance.law.density().dim();
    let axes = axes(dim);
    let key = budget.key(LAW, instance.name);
    let ranges = instance.interquartile_ranges(&key.round(1))?;
    let shifts: Vec<f64> = ranges.iter().map(|range| shift * range).collect();
    let mut run = instance.run(&key, budget.blocks(), (&shifts, steps), &axes)?;
    let samples = 8 * budget.blocks();
    // A kernel may share choices between the eight lanes of a block, as HMC does its length; away from the exact
    // law that makes them dependent. The bound for each lane alone holds for their mean distribution.
    let independent = budget.blocks();
    let resolution = 4.0 * dkw_radius(independent, budget.false_positive);
    let (mut p_values, mut worst, mut nearest) = (Vec::new(), (f64::NEG_INFINITY, 0.0, 0.0), 1.0);
    for ((before, after), axis) in run.before.iter_mut().zip(&mut run.after).zip(&axes) {
        let cdf = instance.law.projection_cdf(axis);
        let before = kolmogorov_distance(before, &cdf);
        let after = kolmogorov_distance(after, &cdf);
        // True distances lie within the radius e of the measured ones, each except with probability
        // 2 exp(-2 n e^2): after - e > (before + e)/2 refutes, so the p-value is that of the largest e.
        let margin = (after - 0.5 * before) / 1.5;
        let p_value =
            if margin <= 0.0 { 1.0 } else { 2.0 * 8.0 * dkw_p_value(margin, independent) };
        p_values.push(if margin.is_nan() { 0.0 } else { p_value.min(1.0) });
        if margin.is_nan() || margin > worst.0 {
            worst = (margin, before, after);
        }
        nearest = f64::min(nearest, before);
    }
    let (_, before, after) = worst;
    let detail = format!("worst distance {before:.4} before and {after:.4} after {steps} steps");
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    if verdict.passed() && nearest < resolution {
        let premise = format!("a shift of {shift} interquartile ranges is below {resolution:.4}");
        return Ok(verdict.without_premise(premise));
    }
    Ok(verdict)
}

/// Unit vectors, `[d]` each.
fn axes(dim: usize) -> Vec<Vec<f64>> {
    let count = dim.min(AXES);
    let axis = |i: usize| {
        let mut axis = vec![0.0; dim];
        axis[i * dim / count] = 1.0;
        axis
    };
    (0..count).map(axis).collect()
}

#[cfg(test)]
mod tests {
    use super::axes;

    /// Fails if an axis is looked at twice, or the last quarter of many never.
    #[test]
    fn axes_are_spread() {
        let found = |dim: usize| -> Vec<usize> {
            axes(dim).iter().map(|axis| axis.iter().position(|&x| x == 1.0).unwrap()).collect()
        };
        assert_eq!(found(3), [0, 1, 2]);
        assert_eq!(found(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(found(20), [0, 2, 5, 7, 10, 12, 15, 17]);
    }
}
