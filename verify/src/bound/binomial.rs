//! Exact bounds for binomial counts (Clopper & Pearson 1934).
//!
//! `P(X >= k) = I_p(k, n - k + 1)` with the regularized incomplete beta function `I`. The p-value is
//! twice the smaller tail; the interval holds every `p` whose p-value exceeds `delta`.

use statrs::function::beta::checked_beta_reg;

use crate::VerifyError;

/// Halvings of `[0, 1]`: beyond the precision of a double at any bound above `2^-200`.
const BISECTIONS: usize = 250;

/// Trials beyond which nothing is made of counts within a standard deviation of the mean: at 6.5e7 trials of probability
/// one half the series gives 2 P(X <= n/2) = -0.53.
const MANY_TRIALS: u64 = 100_000;

/// A confidence interval for a probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// `P(X >= successes)` for `X ~ Binomial(trials, p)`.
fn upper_tail(successes: u64, trials: u64, p: f64) -> f64 {
    if successes == 0 {
        return 1.0;
    }
    if successes > trials {
        return 0.0;
    }
    let (a, b) = (successes as f64, (trials - successes) as f64 + 1.0);
    checked_beta_reg(a, b, p).unwrap_or(f64::NAN)
}

/// `P(X <= successes)`, from the mirrored count so that small tails keep their digits.
fn lower_tail(successes: u64, trials: u64, p: f64) -> f64 {
    if successes >= trials { 1.0 } else { upper_tail(trials - successes, trials, 1.0 - p) }
}

/// Two-sided p-value of `successes` in `trials` under the probability `p`:
/// `min(1, 2 P(X <= k), 2 P(X >= k))`; of more than 1e5 trials, within one standard deviation of the mean, 1, which
/// bounds it as well: the fraction behind the incomplete beta function does not converge there.
///
/// # Errors
/// `p` outside `[0, 1]`, or more successes than trials.
pub fn binomial_p_value(successes: u64, trials: u64, p: f64) -> Result<f64, VerifyError> {
    VerifyError::check_range("probability", p, 0.0, 1.0)?;
    VerifyError::check_range("successes", successes as f64, 0.0, trials as f64)?;
    if trials > MANY_TRIALS {
        let (mean, variance) = (trials as f64 * p, trials as f64 * p * (1.0 - p));
        let distance = successes as f64 - mean;
        if distance * distance <= variance {
            return Ok(1.0);
        }
    }
    let tail = lower_tail(successes, trials, p).min(upper_tail(successes, trials, p));
    Ok((2.0 * tail).min(1.0))
}

/// One-sided p-value of `successes` in `trials` under a probability of at least `p`: `P(X <= k)` at `p`, where it is
/// largest.
///
/// # Errors
/// As [`binomial_p_value`].
pub fn too_few_p_value(successes: u64, trials: u64, p: f64) -> Result<f64, VerifyError> {
    VerifyError::check_range("probability", p, 0.0, 1.0)?;
    VerifyError::check_range("successes", successes as f64, 0.0, trials as f64)?;
    Ok(lower_tail(successes, trials, p))
}

/// The Clopper-Pearson interval: it misses the true probability with probability at most `delta`.
///
/// # Errors
/// `delta` outside `(0, 1)`, more successes than trials, or no trial.
pub fn clopper_pearson(successes: u64, trials: u64, delta: f64) -> Result<Interval, VerifyError> {
    VerifyError::check_range("delta", delta, f64::MIN_POSITIVE, 1.0)?;
    VerifyError::check_range("successes", successes as f64, 0.0, trials as f64)?;
    VerifyError::check_samples("Clopper-Pearson interval", 1, trials as usize)?;
    let half = 0.5 * delta;
    // The upper tail increases in p, the lower one decreases; each end is on its own side of the share found, and not
    // within one standard deviation of it where the tails of many trials are not to be had.
    let share = successes as f64 / trials as f64;
    let near = |p: f64| {
        let distance = libm::fabs(p - share);
        trials > MANY_TRIALS && distance * distance * trials as f64 <= p * (1.0 - p)
    };
    let lower = bisect(|p| p < share && !near(p) && upper_tail(successes, trials, p) < half);
    let upper = bisect(|p| p <= share || near(p) || lower_tail(successes, trials, p) > half);
    Ok(Interval {
        lower: if successes == 0 { 0.0 } else { lower },
        upper: if successes == trials { 1.0 } else { upper },
    })
}

/// The `p` in `[0, 1]` at which `is_below` turns from true to false.
fn bisect(is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a tail is off by one count: `Binomial(4, 1/4)` by hand, over 256.
    #[test]
    fn tails_by_hand() {
        let masses = [81.0, 108.0, 54.0, 12.0, 1.0];
        for k in 0..5 {
            let upper: f64 = masses[k..].iter().sum::<f64>() / 256.0;
            let lower: f64 = masses[..=k].iter().sum::<f64>() / 256.0;
            let expected = (2.0 * upper.min(lower)).min(1.0);
            let found = binomial_p_value(k as u64, 4, 0.25).unwrap();
            assert!((found - expected).abs() < 1e-12, "{k} {found} {expected}");
        }
    }

    /// Fails if the one-sided tail is the other one, or leaves out the count itself.
    #[test]
    fn one_sided_tail_by_hand() {
        assert!((too_few_p_value(1, 4, 0.25).unwrap() - 189.0 / 256.0).abs() < 1e-12);
        assert_eq!(too_few_p_value(4, 4, 0.25).unwrap(), 1.0);
        assert!(too_few_p_value(5, 4, 0.25).is_err());
    }

    /// Fails if far tails lose their digits: `P(X >= n) = p^n`, `P(X = 0) = (1 - p)^n`.
    #[test]
    fn far_tails() {
        let found = binomial_p_value(40, 40, 0.3).unwrap();
        assert!((found / (2.0 * libm::pow(0.3, 40.0)) - 1.0).abs() < 1e-10);
        let found = binomial_p_value(0, 2000, 0.02).unwrap();
        assert!((found / (2.0 * libm::pow(0.98, 2000.0)) - 1.0).abs() < 1e-9);
        assert_eq!(binomial_p_value(1, 10, 0.0).unwrap(), 0.0);
        assert_eq!(binomial_p_value(9, 10, 1.0).unwrap(), 0.0);
    }

    /// Fails if a count at the mean of very many trials is taken for an improbable one, or the bound of a count beyond a
    /// standard deviation has not converged: normal tails, `2 Phi(-1.1) = 0.2713`, `2 Phi(-6) = 1.97e-9`.
    #[test]
    fn very_many_trials() {
        for (trials, p) in [(65_000_000, 0.5), (1_000_000_000, 0.5), (400_000_000, 0.01)] {
            let mean = trials as f64 * p;
            let at = |z: f64| (mean + z * libm::sqrt(mean * (1.0 - p))) as u64;
            assert_eq!(binomial_p_value(at(0.0), trials, p).unwrap(), 1.0);
            assert_eq!(binomial_p_value(at(-0.3), trials, p).unwrap(), 1.0);
            for (z, expected) in
                [(1.1, 0.271_332), (-1.1, 0.271_332), (6.0, 1.973e-9), (-6.0, 1.973e-9)]
            {
                let found = binomial_p_value(at(z), trials, p).unwrap();
                assert!((found / expected - 1.0).abs() < 0.03, "{trials} {z} {found}");
            }
        }
    }

    /// Fails if the interval is not the set of probabilities the p-value accepts; `k = 0` has the
    /// closed form `1 - (delta/2)^(1/n)`.
    #[test]
    fn interval_inverts_the_p_value() {
        let delta = 1e-6;
        let empty = clopper_pearson(0, 50, delta).unwrap();
        let upper = 1.0 - libm::pow(0.5 * delta, 1.0 / 50.0);
        assert!(empty.lower == 0.0 && (empty.upper / upper - 1.0).abs() < 1e-10);
        assert_eq!(clopper_pearson(50, 50, delta).unwrap().upper, 1.0);
        let interval = clopper_pearson(123, 1000, delta).unwrap();
        for end in [interval.lower, interval.upper] {
            assert!((binomial_p_value(123, 1000, end).unwrap() / delta - 1.0).abs() < 1e-7);
        }
        assert!(interval.lower < 0.123 && interval.upper > 0.123);
    }

    /// Fails if nonsense is accepted.
    #[test]
    fn bad_arguments_are_refused() {
        assert!(binomial_p_value(5, 4, 0.5).is_err());
        assert!(binomial_p_value(1, 4, f64::NAN).is_err());
        assert!(clopper_pearson(0, 0, 0.1).is_err());
        assert!(clopper_pearson(1, 4, 0.0).is_err());
    }
}
