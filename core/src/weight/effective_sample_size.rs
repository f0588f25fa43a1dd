//! Effective sample sizes: how many equally weighted particles a weighted population is worth.
//!
//! ```text
//! ESS  = (sum_i W_i)^2 / sum_i W_i^2                          [Kong, Liu & Wong 1994]
//! CESS = N (sum_i W_i u_i)^2 / sum_i W_i u_i^2, sum W_i = 1   [Zhou, Johansen & Aston 2016]
//! ```
//!
//! The ESS decides when to resample \[DelMoral06\]; the conditional ESS measures the quality of one
//! step alone, whatever the weights before it, and so places levels adaptively.

use super::exponential_sums::{TiltedSum, power_sums};
use super::log_sum_exp::{check_log_weights, largest};
use crate::error::{Error, Result, check_len};

/// `(sum W)^2 / sum W^2` of the weights `exp(log_weights)`, shape `[N]`: between 1 and `N`.
///
/// The weights need not be normalized. The result is 0 when no particle has any weight (empty, or
/// all `-inf`) and NaN when a log-weight is NaN or `+inf`.
pub fn effective_sample_size(log_weights: &[f64]) -> f64 {
    let top = largest(log_weights);
    if top == f64::NEG_INFINITY {
        return 0.0;
    }
    let (sum, sum_of_squares) = power_sums(log_weights, top);
    sum * (sum / sum_of_squares)
}

/// `N (sum W u)^2 / sum W u^2` for weights `W` and incremental weights `u`, between 0 and `N`.
///
/// `log_weights` and `log_increments` have shape `[N]`; `W` is `exp(log_weights)` normalized, and
/// `u = exp(log_increments)` may have any scale. With equal `W` it equals the ESS of `u`; with
/// equal `u` it is exactly `N`. Where every particle with weight gets `u = 0` the result is 0.
/// Increments of particles that have weight zero already are ignored, NaN included. A weight that is smaller than
/// the one behind the heaviest product by a factor beyond `exp(f64::MAX)` counts as zero.
///
/// # Errors
/// [`Error::Length`] when the lengths differ, [`Error::Empty`] for no particle,
/// [`Error::NotFinite`] for NaN or `+inf`, [`Error::WeightsAllZero`] when all `W` are zero.
pub fn conditional_effective_sample_size(
    log_weights: &[f64],
    log_increments: &[f64],
) -> Result<f64> {
    check_len("log_increments", log_weights.len(), log_increments.len())?;
    check_log_weights("log_weights", log_weights)?;
    let Some((anchor_weight, anchor_increment)) = heaviest_product(log_weights, log_increments)?
    else {
        return Ok(0.0);
    };

    // log(W u^power) relative to the heaviest product.
    let log_term = move |power: f64, weight: f64, increment: f64| {
        let relative = weight - anchor_weight;
        // Increments of such particles do not count; an infinite difference of theirs would make NaN of it.
        if relative == f64::NEG_INFINITY {
            return f64::NEG_INFINITY;
        }
        if power == 0.0 { relative } else { relative + power * (increment - anchor_increment) }
    };
    // (log of the largest term, sum of the terms divided by the largest)
    let moment = |power: f64| {
        let top = log_weights
            .iter()
            .zip(log_increments)
            .fold(f64::NEG_INFINITY, |top, (&w, &u)| top.max(log_term(power, w, u)));
        let anchors = (anchor_weight, anchor_increment);
        let (values, increments) = (log_weights, log_increments);
        (top, TiltedSum { values, increments, anchors, power, top }.sum())
    };
    let (top_0, sum_0) = moment(0.0);
    let (top_1, sum_1) = moment(1.0);
    let (top_2, sum_2) = moment(2.0);
    // All W, or all W u^2, beyond `exp(f64::MAX)` times those of the heaviest product: at most its share is left.
    if top_0 == f64::INFINITY || top_2 == f64::INFINITY {
        return Ok(0.0);
    }
    // Never positive but for rounding: 2 log(W u) = log W + log(W u^2) for each particle.
    let scale = libm::exp(2.0 * top_1 - top_0 - top_2);
    Ok(log_weights.len() as f64 * (sum_1 / sum_0) * (sum_1 / sum_2) * scale)
}

/// `(log W_i, log u_i)` of the particle with the largest `W_i u_i`; `None` if all of them are 0.
fn heaviest_product(log_weights: &[f64], log_increments: &[f64]) -> Result<Option<(f64, f64)>> {
    let mut top = f64::NEG_INFINITY;
    let mut heaviest = None;
    for (index, (&weight, &increment)) in log_weights.iter().zip(log_increments).enumerate() {
        if weight == f64::NEG_INFINITY {
            continue;
        }
        if increment.is_nan() || increment == f64::INFINITY {
            return Err(Error::NotFinite { what: "log_increments", index });
        }
        // Halves: the sum of two huge logarithms would overflow, and all such products be equal.
        let product = 0.5 * weight + 0.5 * increment;
        if product > top {
            top = product;
            heaviest = Some((weight, increment));
        }
    }
    Ok(heaviest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn logs<const N: usize>(values: [f64; N], offset: f64) -> [f64; N] {
        values.map(|value| libm::log(value) + offset)
    }

    /// Fails if the ratio is inverted, not squared, or if it depends on the scale of the weights.
    #[test]
    fn ess_by_hand() {
        for offset in [-1e6, -800.0, 0.0, 800.0, 1e6] {
            // (1 + 2 + 3)^2 / (1 + 4 + 9)
            let ess = effective_sample_size(&logs([1.0, 2.0, 3.0, 0.0], offset));
            assert!((ess - 36.0 / 14.0).abs() < 1e-9, "{ess}");
            assert_eq!(effective_sample_size(&[offset; 7]), 7.0);
        }
        assert_eq!(effective_sample_size(&[0.0, -1e6, -2e6]), 1.0);
        assert_eq!(effective_sample_size(&[0.0, -300.0]), 1.0);
    }

    /// Fails if dead populations give NaN, or if a NaN or `+inf` weight passes as a number.
    #[test]
    fn ess_of_special_values() {
        assert_eq!(effective_sample_size(&[]), 0.0);
        assert_eq!(effective_sample_size(&[-INF, -INF]), 0.0);
        assert_eq!(effective_sample_size(&[-INF, -5.0]), 1.0);
        assert!(effective_sample_size(&[0.0, f64::NAN]).is_nan());
        assert!(effective_sample_size(&[0.0, INF]).is_nan());
    }

    /// Fails if a difference of logarithms that overflows makes the result anything but a number within its range.
    #[test]
    fn cess_of_the_largest_numbers() {
        for weights in [[5e295, f64::MAX], [-f64::MAX, 0.0], [f64::MAX, -f64::MAX]] {
            for increments in [[f64::MAX; 2], [-f64::MAX, f64::MAX], [1.0, 2.0]] {
                let found = conditional_effective_sample_size(&weights, &increments);
                assert!(found.is_ok_and(|ess| (0.0..=2.0).contains(&ess)), "{found:?}");
            }
        }
    }

    /// Fails if `W` and `u` are exchanged, if `W` is squared, or if `N` is missing:
    /// W = (1, 2, 5)/8, u = (4, 3, 1): 3 (15/8)^2 / (39/8).
    #[test]
    fn cess_by_hand_at_any_scale() {
        let exact = 3.0 * (15.0f64 / 8.0) * (15.0 / 8.0) / (39.0 / 8.0);
        for (a, b) in [(0.0, 0.0), (1e6, -1e6), (-1e6, 1e6), (700.0, 700.0), (-800.0, -800.0)] {
            let weights = logs([1.0, 2.0, 5.0], a);
            let increments = logs([4.0, 3.0, 1.0], b);
            let cess = conditional_effective_sample_size(&weights, &increments).unwrap();
            assert!((cess - exact).abs() < 2e-9, "{cess} for {a} {b}");
        }
    }

    /// Fails if equal increments do not give `N` to the last bit, or equal weights not the ESS.
    #[test]
    fn cess_limits() {
        let weights = [-3.0, 1e6, 2.0, -INF, 1e6 - 1.0];
        assert_eq!(conditional_effective_sample_size(&weights, &[1e6; 5]), Ok(5.0));
        let increments = logs([1.0, 2.0, 3.0, 0.0], 40.0);
        let cess = conditional_effective_sample_size(&[-9.0; 4], &increments).unwrap();
        assert!((cess - effective_sample_size(&increments)).abs() < 1e-14);
    }

    /// Fails if widely spread terms overflow: W = (1, e^-600), u = (1, e^500) has
    /// W u = (1, e^-100), W u^2 = (1, e^400), hence CESS = 2 e^-400.
    #[test]
    fn cess_of_a_rare_heavy_particle() {
        let cess = conditional_effective_sample_size(&[0.0, -600.0], &[0.0, 500.0]).unwrap();
        assert!((cess / (2.0 * libm::exp(-400.0)) - 1.0).abs() < 1e-12, "{cess}");
        let extinct = conditional_effective_sample_size(&[0.0, -1e6], &[-1e6, 1e6]).unwrap();
        assert!(extinct.is_finite());
    }

    /// Fails if differences of logarithms that overflow make a NaN of the result: `u^2` beyond the range of
    /// `f64`, and `W` and `u` beyond it on opposite sides.
    #[test]
    fn cess_of_numbers_at_the_end_of_the_range() {
        let cess = conditional_effective_sample_size;
        assert_eq!(cess(&[f64::MAX, 1e150], &[1e150, f64::MAX]), Ok(0.0));
        assert_eq!(cess(&[1.7e308, -1.7e308], &[-1.7e308, 1.7e308]), Ok(2.0));
        assert_eq!(cess(&[1e300, f64::MAX, f64::MAX], &[f64::MAX; 3]), Ok(3.0));
        assert_eq!(cess(&[-1.5e308], &[-1.5e308]), Ok(1.0));
        assert_eq!(cess(&[1e300, f64::MIN], &[f64::NEG_INFINITY, 0.0]), Ok(0.0));
    }

    /// Fails if increments of dead particles count, if extinction is not 0, or if an error is lost.
    #[test]
    fn cess_of_special_values() {
        let cess = conditional_effective_sample_size;
        assert_eq!(cess(&[0.0, -INF, 0.0], &[2.0, f64::NAN, 2.0]), Ok(3.0));
        assert_eq!(cess(&[0.0, -INF], &[-INF, 3.0]), Ok(0.0));
        assert_eq!(cess(&[0.0, 0.0], &[-INF, 3.0]), Ok(1.0));
        assert_eq!(cess(&[], &[]), Err(Error::Empty { what: "log_weights" }));
        assert_eq!(cess(&[-INF], &[0.0]), Err(Error::WeightsAllZero));
        let length = Error::Length { what: "log_increments", expected: 1, found: 2 };
        assert_eq!(cess(&[0.0], &[0.0, 0.0]), Err(length));
        for bad in [f64::NAN, INF] {
            let increment = Error::NotFinite { what: "log_increments", index: 1 };
            assert_eq!(cess(&[0.0, 0.0], &[0.0, bad]), Err(increment));
            let weight = Error::NotFinite { what: "log_weights", index: 0 };
            assert_eq!(cess(&[bad, 0.0], &[0.0, 0.0]), Err(weight));
        }
    }
}
