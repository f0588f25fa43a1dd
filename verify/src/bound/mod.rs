//! Finite-sample bounds: how improbable a statistic is under a law, at every sample size.
//!
//! Each function returns an upper bound on a p-value, so rejecting below `a` errs with probability
//! at most `a`; none uses the central limit theorem. A NaN statistic has p-value 0: a number that is
//! not one never passes.
//!
//! | statistic | bound | source |
//! |---|---|---|
//! | Kolmogorov distance | `2 exp(-2 n D^2)` | Dvoretzky, Kiefer & Wolfowitz 1956, constant of Massart 1990 |
//! | binomial count | exact tails, doubled | Clopper & Pearson 1934 |
//! | mean of bounded variables | `2 exp(-2 n e^2 / b^2)` | Hoeffding 1963 |
//! | the same, small variance | empirical Bernstein | Maurer & Pontil 2009, theorem 4 |

pub mod binomial;
pub mod bounded_mean;
pub mod kolmogorov;

/// Bonferroni: the smallest of `p_values`, multiplied by their number; 1 when there are none, 0 when
/// one is NaN.
pub fn bonferroni(p_values: &[f64]) -> f64 {
    if p_values.iter().any(|p| p.is_nan()) {
        return 0.0;
    }
    let smallest = p_values.iter().copied().fold(f64::INFINITY, f64::min);
    (smallest * p_values.len() as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::bonferroni;

    /// Fails if the number of comparisons is not paid for, or a NaN is dropped.
    #[test]
    fn pays_for_every_comparison() {
        assert_eq!(bonferroni(&[0.5, 1e-3, 0.25, 1.0]), 4e-3);
        assert_eq!(bonferroni(&[0.9, 0.8]), 1.0);
        assert_eq!(bonferroni(&[0.9, f64::NAN]), 0.0);
    }
}
