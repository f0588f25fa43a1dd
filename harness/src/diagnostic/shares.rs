//! The difference of two estimates of the mode weights, mode by mode and altogether.
//!
//! ```text
//! d_k = a_k - b_k,   s_k^2 = se(a_k)^2 + se(b_k)^2,   tv = 1/2 sum_k |d_k|
//! one mode:  |d_k| > tolerance and |d_k| > z s_k
//! all modes: tv    > tolerance and tv    > 0.4 sum_k s_k + z sqrt(sum_k s_k^2/2)
//! ```
//!
//! The second sees what the first cannot: of 40 modes of weight 1/40 half can be lost while no
//! weight moves by more than 1/40. Its first term is the mean of `tv` when nothing is wrong, as
//! `E|d_k| = sqrt(2/pi) s_k`; its second is `z` standard deviations in the worst case of two modes,
//! whose differences are opposite, so that the second never undercuts the first there.

/// Half of `sqrt(2/pi)`, rounded up.
const MEAN_HALF_ABSOLUTE: f64 = 0.4;

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Difference {
    /// The weight of mode `mode`, by `by` where `limit` is allowed.
    Mode { mode: usize, by: f64, limit: f64 },
    /// All of them together, by `by` in total variation.
    Total { by: f64, limit: f64 },
    /// Numbers that cannot be compared.
    Unreadable,
}

/// Estimated mode weights `[K]` and their standard errors `[K]`.
pub(super) type Shares<'a> = (&'a [f64], &'a [f64]);

/// Combined standard errors `s_k`; `None` when lengths differ or something is not finite.
pub(super) fn combined_errors(a: Shares<'_>, b: Shares<'_>) -> Option<Vec<f64>> {
    let modes = a.0.len();
    let lists = [a.0, a.1, b.0, b.1];
    let readable = modes > 0
        && lists.iter().all(|list| list.len() == modes && list.iter().all(|v| v.is_finite()));
    readable.then(|| a.1.iter().zip(b.1).map(|(a, b)| libm::hypot(*a, *b)).collect())
}

/// The most significant way in which `a` and `b` differ, if any.
pub(super) fn compare(a: Shares<'_>, b: Shares<'_>, tolerance: f64, z: f64) -> Option<Difference> {
    let Some(errors) = combined_errors(a, b) else {
        return Some(Difference::Unreadable);
    };
    let differences = a.0.iter().zip(b.0).map(|(a, b)| (a - b).abs());
    let worst = differences
        .clone()
        .zip(&errors)
        .map(|(by, s)| (by, tolerance.max(z * s)))
        .enumerate()
        .max_by(|a, b| (a.1.0 / a.1.1).total_cmp(&(b.1.0 / b.1.1)));
    if let Some((mode, (by, limit))) = worst.filter(|(_, (by, limit))| by > limit) {
        return Some(Difference::Mode { mode, by, limit });
    }
    let by = 0.5 * differences.sum::<f64>();
    let mean = MEAN_HALF_ABSOLUTE * errors.iter().sum::<f64>();
    let spread = (0.5 * errors.iter().map(|s| s * s).sum::<f64>()).sqrt();
    let limit = tolerance.max(mean + z * spread);
    (by > limit).then_some(Difference::Total { by, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the mode that differs most is taken instead of the most significant one, or if one
    /// of the two standard errors is not read: s = 0.05 and 0.005.
    #[test]
    fn the_most_significant_mode_is_named() {
        let (a, b) = ([0.5, 0.3, 0.2], [0.4, 0.37, 0.23]);
        let found = compare((&a, &[0.03, 0.003, 0.2]), (&b, &[0.04, 0.004, 0.2]), 0.05, 4.0);
        let Some(Difference::Mode { mode: 1, by, limit: 0.05 }) = found else {
            panic!("{found:?}");
        };
        assert!((by - 0.07).abs() < 1e-12);
        let found = compare((&a, &[0.03, 0.03, 0.2]), (&b, &[0.04, 0.04, 0.2]), 0.05, 4.0);
        assert_eq!(found, None);
    }

    /// Fails if twenty of forty lost modes pass because each weight moves by 0.025 only.
    #[test]
    fn many_light_modes_are_seen_together() {
        let all = [0.025; 40];
        let half: Vec<f64> = (0..40).map(|k| if k < 20 { 0.05 } else { 0.0 }).collect();
        let found = compare((&half, &[0.003; 40]), (&all, &[0.004; 40]), 0.05, 4.5);
        assert!(matches!(found, Some(Difference::Total { by, .. }) if (by - 0.5).abs() < 1e-12));
        // 0.4 * 40 * 0.03 + 4.5 * sqrt(20) * 0.03 = 1.08
        assert_eq!(compare((&half, &[0.03; 40]), (&all, &[0.0; 40]), 0.05, 4.5), None);
    }

    /// Fails if lists of different lengths, no modes or infinite numbers are compared.
    #[test]
    fn what_cannot_be_compared_is_reported() {
        let good: Shares<'_> = (&[0.5, 0.5], &[0.1, 0.1]);
        for bad in [
            (&[][..], &[][..]),
            (&[1.0], &[0.1]),
            (&[0.5, 0.5], &[0.1]),
            (&[0.5, f64::NAN], &[0.1, 0.1]),
            (&[0.5, 0.5], &[0.1, f64::INFINITY]),
        ] {
            assert_eq!(compare(good, bad, 0.05, 4.0), Some(Difference::Unreadable));
            assert_eq!(compare(bad, good, 0.05, 4.0), Some(Difference::Unreadable));
        }
        assert_eq!(compare((&[], &[]), (&[], &[]), 0.05, 4.0), Some(Difference::Unreadable));
    }
}
