//! The penalty for the noise of an estimated exponent, in a bounded form.
//!
//! From `n` normal samples of mean `Delta` come their mean `ybar`, of variance `s^2`, and the estimate `chi2` of `s^2`.
//! Both are independent, and `E[exp(ybar)] = exp(Delta + s^2/2)`, so
//!
//! `E[exp(ybar - u_B(chi2))] = exp(Delta)`   if and only if   `E[exp(-u_B(chi2))] = exp(-s^2/2)` \[Ceperley99\],
//!
//! and `0 < exp(-u_B) <= 1`: the unbounded factor, whose mean is known, is taken out.

use amc_core::simd::{f64x8, splat};

use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::{Budget, Verdict, VerifyError};

/// A penalty: from the estimated variance of the mean to `u_B`, and the mask of lanes past its range.
pub type PenaltyOf<'a> = dyn Fn(f64x8) -> (f64x8, f64x8) + 'a;

/// `E[exp(-u_B(chi2))] = exp(-s^2/2)` for `samples_behind` normal samples whose mean has the variance `s^2` (mean of
/// bounded variables); every factor lies in `[0, 1]`.
///
/// A pass with `N` samples of the law excludes a bias of the exponential by about `sqrt(50/N) d + 55/N`, `d` the
/// standard deviation of the factor: 0.001 at `N = 1e6`, `s^2 = 0.6`, 8 samples behind. Inconclusive if a variance leaves
/// the range of the closed form, past which nothing is exact: choose `s^2` well inside.
///
/// # Errors
/// Fewer than two samples behind, a variance that is not positive, and an unusable budget.
pub fn penalty(
    name: &str,
    of: &PenaltyOf<'_>,
    (samples_behind, variance): (usize, f64),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "determinant::penalty";
    budget.check()?;
    VerifyError::check_samples("samples behind a penalty", 2, samples_behind)?;
    VerifyError::check_range("variance of the mean", variance, f64::MIN_POSITIVE, 1e3)?;
    let key = budget.key(LAW, name);
    let n = samples_behind as f64;
    let deviation = splat(libm::sqrt(n * variance));
    let mut y = vec![f64x8::ZERO; samples_behind];
    let (mut factors, mut past) = (Vec::with_capacity(8 * budget.blocks()), 0);
    for block in 0..budget.blocks() {
        key.block(block as u64).stream().fill_normals(&mut y);
        y.iter_mut().for_each(|y| *y *= deviation);
        let mean = y.iter().fold(f64x8::ZERO, |sum, &y| sum + y) * splat(1.0 / n);
        let squares = y.iter().fold(f64x8::ZERO, |sum, &y| sum + (y - mean) * (y - mean));
        let (penalties, mask) = of(squares * splat(1.0 / (n * (n - 1.0))));
        past += mask.to_bitmask().count_ones();
        factors.extend(penalties.to_array().map(|u_b| libm::exp(-u_b)));
    }
    let expected = libm::exp(-0.5 * variance);
    let samples = factors.len();
    // A factor outside is a fault of the penalty, not of the budget.
    let (p_value, found) = Summary::new(&factors, 0.0, 1.0)
        .map_or((0.0, f64::NAN), |summary| (mean_p_value(&summary, expected), summary.mean()));
    let detail = format!("mean factor {found:.6} for {expected:.6}, {past} past the range");
    let verdict = Verdict::from_p_value((LAW, name), budget, samples, p_value, detail);
    if verdict.passed() && past > 0 {
        return Ok(verdict.without_premise("variances past the range".into()));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the mean factor is compared with another one than `exp(-s^2/2)`, a factor above one passes, or variances
    /// past the range do.
    #[test]
    fn penalties_by_hand() {
        let budget = Budget { false_positive: 1e-9, samples: 4096, seed: 1 };
        let with = |u_b: f64, mask: f64x8| {
            let of = move |_: f64x8| (splat(u_b), mask);
            penalty("constant", &of, (4, 0.5), &budget).unwrap()
        };
        assert!(with(0.25, f64x8::ZERO).passed());
        assert!(!with(0.5, f64x8::ZERO).passed());
        assert!(!with(-0.25, f64x8::ZERO).passed());
        let all = splat(f64::from_bits(u64::MAX));
        assert_eq!(with(0.25, all).conclusion, crate::Conclusion::Inconclusive);
        assert!(penalty("one sample", &|v| (v, v), (1, 0.5), &budget).is_err());
    }
}
