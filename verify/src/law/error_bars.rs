//! The law of error bars: `log Z` lies within them at the stated rate.
//!
//! With `C(c) = P(|log Z_hat - log Z| <= c SE)` over independent runs, a normal error has `C(2) = 0.954` and
//! `C(1/2) = 0.383`. The intervals rest on a central limit theorem and on a standard error that is itself
//! an estimate, so the statement has slack on both sides and is made of exact binomial tails
//! (Clopper & Pearson 1934):
//!
//! `C(2) >= at least the stated rate` (bars not too narrow),   `C(1/2) <= at most the stated rate` (nor too wide)

use amc_core::rng::Key;
use amc_core::weight::Evidence;
use rand_core::Rng;

use crate::bound::binomial::too_few_p_value;
use crate::bound::bonferroni;
use crate::{Budget, Verdict, VerifyError};

/// An estimate with its standard error, from a seed; different seeds give independent estimates.
pub type Estimator<'a> = dyn Fn(u64) -> Result<Evidence, VerifyError> + 'a;

/// What is claimed of the error bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StatedRates {
    /// Two standard errors hold the truth at least this often.
    pub two_at_least: f64,
    /// Half a standard error holds it at most this often.
    pub half_at_most: f64,
}

impl StatedRates {
    /// What is claimed of all samplers here: bars at least 0.82 times as wide as those of a normal error
    /// (`P(|Z| <= 1.64) = 0.90`), and at most 1.35 times (`P(|Z| <= 0.67) = 0.50`).
    pub const USUAL: Self = Self { two_at_least: 0.9, half_at_most: 0.5 };
}

/// `C(2)` and `C(1/2)` keep the stated rates around the true `log Z`.
///
/// One sample of the budget is one run. At 2000 runs and a false-positive share of 1e-9 a pass excludes, but
/// for one seed in a thousand, `C(2) < 0.833` and `C(1/2) > 0.602`: bars of a normal error below 0.69 or above
/// 1.69 times their right width, or around a bias of more than 1.05 standard errors. An estimate that is not a number is outside
/// of every bar, and in the narrow one besides.
///
/// # Errors
/// Those of the estimator, and of an unusable budget or rate.
pub fn coverage(
    name: &str,
    estimator: &Estimator<'_>,
    (log_evidence, rates): (f64, StatedRates),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "error_bars::coverage";
    budget.check()?;
    VerifyError::check_range("stated rate", rates.two_at_least, 0.0, 1.0)?;
    VerifyError::check_range("stated rate", rates.half_at_most, 0.0, 1.0)?;
    let key = budget.key(LAW, name);
    let (mut within_two, mut beyond_half) = (0, 0);
    for run in 0..budget.samples {
        let Evidence { log_z, log_z_std_error } = estimator(seed(&key, run))?;
        let error = libm::fabs(log_z - log_evidence);
        within_two += u64::from(error <= 2.0 * log_z_std_error);
        beyond_half += u64::from(error > 0.5 * log_z_std_error);
    }
    let runs = budget.samples as u64;
    let p_values = [
        too_few_p_value(within_two, runs, rates.two_at_least)?,
        too_few_p_value(beyond_half, runs, 1.0 - rates.half_at_most)?,
    ];
    let share = |count: u64| count as f64 / runs as f64;
    let (two, half) = (share(within_two), 1.0 - share(beyond_half));
    let detail = format!(
        "within two standard errors {two:.4} (at least {}), within half of one {half:.4} (at most {})",
        rates.two_at_least, rates.half_at_most
    );
    Ok(Verdict::from_p_value((LAW, name), budget, budget.samples, bonferroni(&p_values), detail))
}

/// The seed of a run.
fn seed(key: &Key, run: usize) -> u64 {
    key.block(run as u64).stream().next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conclusion;
    use amc_core::rng::Purpose;

    /// The verdict on normal estimates of 0.7 with these errors in their bars and their mean.
    fn verdict(width: f64, bias: f64) -> Conclusion {
        let estimator = |seed| {
            let mut z = [0.0];
            Key::new(seed, Purpose::User).stream().fill_scalar_normals(&mut z);
            Ok(Evidence { log_z: 0.7 + 0.2 * (z[0] + bias), log_z_std_error: 0.2 * width })
        };
        let budget = Budget { false_positive: 1e-9, samples: 2000, seed: 4 };
        let truth = (0.7, StatedRates::USUAL);
        coverage("normal", &estimator, truth, &budget).unwrap().conclusion
    }

    /// Fails if right error bars are refuted, or such that are too narrow, too wide or around a biased
    /// estimate pass, at the sizes that the law says it excludes.
    #[test]
    fn excludes_what_it_says() {
        for (width, bias) in [(1.0, 0.0), (0.9, 0.0), (1.2, 0.0), (1.0, 0.2)] {
            assert_eq!(verdict(width, bias), Conclusion::Passed, "{width} {bias}");
        }
        for (width, bias) in [(0.68, 0.0), (1.7, 0.0), (1.0, 1.06), (1.0, -1.06)] {
            assert_eq!(verdict(width, bias), Conclusion::Refuted, "{width} {bias}");
        }
        assert_eq!(verdict(f64::NAN, 0.0), Conclusion::Refuted);
    }
}
