//! Rates of round trips between reference and target, from rejections \[Syed22\].
//!
//! With rejections `r_i` between neighbours a ladder makes `1/(2 + 2 sum_i r_i/(1 - r_i))` round trips
//! per swap phase when even and odd pairs alternate, `1/(2 N + 2 sum_i r_i/(1 - r_i))` for `N` pairs
//! when a coin chooses between even and odd, and never more than `1/(2 + 2 Lambda)`.

/// Round trips per swap phase of a ladder when even and odd pairs alternate,
/// `1/(2 + 2 sum_i r_i/(1 - r_i))`; 0 when some rejection `r_i` is 1 \[Syed22\].
///
/// Takes the efficient-local-exploration assumption as given: successive visits of a level are
/// independent. `rejections` lie in `[0, 1]`, one for each pair of neighbours.
pub fn round_trip_rate(rejections: &[f64]) -> f64 {
    1.0 / (2.0 + 2.0 * sum_of_odds(rejections))
}

/// Round trips per swap phase when a coin chooses between even and odd pairs,
/// `1/(2 N + 2 sum_i r_i/(1 - r_i))` for `N` pairs; 0 when some rejection is 1 \[Syed22\].
///
/// Assumes what [`round_trip_rate`] does. It goes to zero as levels are added, the other does not;
/// at least one pair is needed.
pub fn round_trip_rate_stochastic(rejections: &[f64]) -> f64 {
    1.0 / (2.0 * rejections.len() as f64 + 2.0 * sum_of_odds(rejections))
}

/// The limit `1/(2 + 2 Lambda)` of [`round_trip_rate`] for many levels, which no number of levels
/// exceeds \[Syed22\].
pub fn round_trip_limit(lambda_total: f64) -> f64 {
    1.0 / (2.0 + 2.0 * lambda_total)
}

/// The least number of steps `L` whose rate is at least half of [`round_trip_limit`].
///
/// At equal increments each of the `L` pairs is rejected with `Lambda/L`, so that
/// `sum r/(1 - r) = Lambda/(1 - Lambda/L)`, and with `L > Lambda`
///
/// ```text
/// 1/(2 + 2 Lambda/(1 - Lambda/L)) >= 1/2 * 1/(2 + 2 Lambda)
///               Lambda/(1 - Lambda/L) <= 1 + 2 Lambda
///                            Lambda/L <= 1 - Lambda/(1 + 2 Lambda) = (1 + Lambda)/(1 + 2 Lambda)
///                                   L >= Lambda (1 + 2 Lambda)/(1 + Lambda)
/// ```
///
/// which is above `Lambda` by itself. One step is the least: about `2 Lambda - 1` for a large barrier.
pub fn levels_for_half_the_limit(lambda_total: f64) -> usize {
    // `(1 + 2 Lambda)/(1 + Lambda)`, written so that a huge barrier does not overflow.
    let steps = lambda_total * (2.0 - 1.0 / (1.0 + lambda_total));
    // The conversion saturates.
    (libm::ceil(steps) as usize).max(1)
}

/// `sum_i r_i/(1 - r_i)`.
fn sum_of_odds(rejections: &[f64]) -> f64 {
    // A rejection rounded to above one must not count as negative.
    rejections.iter().map(|&r| if r >= 1.0 { f64::INFINITY } else { r / (1.0 - r) }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }

    /// Fails when odds are inverted or the pairs are miscounted: odds 1/4, 1 and 3 sum to 17/4.
    #[test]
    fn round_trip_rates_by_hand() {
        let rejections = [0.2, 0.5, 0.75];
        close(round_trip_rate(&rejections), 1.0 / 10.5, 1e-16);
        close(round_trip_rate_stochastic(&rejections), 1.0 / 14.5, 1e-16);
        assert_eq!(
            [round_trip_rate(&[0.2, 1.0]), round_trip_rate_stochastic(&[1.0, 0.2])],
            [0.0; 2]
        );
        assert_eq!([round_trip_rate(&[0.0; 9]), round_trip_limit(0.0)], [0.5; 2]);
        assert_eq!(round_trip_limit(4.0), 0.1);
    }

    /// Fails when the inequality is solved wrongly: the least number is found by trying all.
    #[test]
    fn half_the_limit_by_brute_force() {
        for i in 0..2000 {
            let barrier = 0.0137 * f64::from(i);
            let enough = |steps: &usize| {
                let rejection = barrier / *steps as f64;
                rejection < 1.0
                    && round_trip_rate(&vec![rejection; *steps]) >= 0.5 * round_trip_limit(barrier)
            };
            assert_eq!((1..).find(enough), Some(levels_for_half_the_limit(barrier)), "{barrier}");
        }
        assert_eq!(levels_for_half_the_limit(f64::INFINITY), usize::MAX);
    }
}
