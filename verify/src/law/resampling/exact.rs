//! The law of resampling with the uniforms integrated out, and the bounds of the counts.
//!
//! `E[O_i] = M W_i` \[DelMoral06\] as an integral over the unit cube of the scheme's uniforms, computed piece by piece
//! instead of estimated, so nothing is left to chance; and at every outcome the counts keep to the bounds of the
//! scheme, e.g. `floor(M W_i) <= O_i <= ceil(M W_i)`.

use amc_core::error::Result as CoreResult;
use amc_core::weight::Resampling;

use super::chosen_uniforms::ChosenUniforms;
use super::integration::{Integrand, Integration};
use crate::{Budget, Verdict, VerifyError};

/// Slack for rounding of `M W_i` in the bounds of the counts.
const ROUNDING: f64 = 1e-9;

/// What every outcome of a scheme keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// `O_i` is the floor or the ceiling of `M W_i`: systematic, SSP.
    FloorOrCeiling,
    /// `|O_i - M W_i| < 2`: stratified.
    WithinTwo,
    /// `O_i >= floor(M W_i)`: residual.
    AtLeastFloor,
    /// Nothing beyond `O_i = 0` where `W_i = 0`: multinomial.
    Any,
}

/// Draws ancestors `[M]` for weights `[N]` from chosen uniforms.
pub type ChosenScheme<'a> =
    dyn Fn(&[f64], &mut ChosenUniforms<'_>, &mut [usize]) -> CoreResult<()> + 'a;

/// A scheme that takes any generator, and what is known of it.
pub struct ExactScheme<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// Draws ancestors `[M]` for weights `[N]` from the chosen uniforms.
    pub scheme: &'a ChosenScheme<'a>,
    /// How expected counts depend on one of several uniforms.
    pub integrand: Integrand,
    /// Bounds of the counts.
    pub counts: Counts,
}

impl Counts {
    /// Whether `count` is allowed where `expected` is the mean.
    fn allow(self, count: f64, expected: f64) -> bool {
        let (floor, ceiling) =
            (libm::floor(expected - ROUNDING).max(0.0), libm::ceil(expected + ROUNDING));
        match self {
            Self::FloorOrCeiling => count >= floor && count <= ceiling,
            Self::WithinTwo => libm::fabs(count - expected) < 2.0 + ROUNDING,
            Self::AtLeastFloor => count >= floor,
            Self::Any => true,
        }
    }

    /// What the core promises of a scheme.
    pub const fn of(scheme: Resampling) -> Self {
        match scheme {
            Resampling::Multinomial => Self::Any,
            Resampling::Stratified => Self::WithinTwo,
            Resampling::Systematic | Resampling::Ssp => Self::FloorOrCeiling,
            Resampling::Residual => Self::AtLeastFloor,
        }
    }
}

impl Integrand {
    /// That of the core's schemes.
    pub const fn of(scheme: Resampling) -> Self {
        match scheme {
            Resampling::Multinomial | Resampling::Residual => Self::Smooth,
            Resampling::Stratified | Resampling::Systematic | Resampling::Ssp => Self::Constant,
        }
    }

    const fn tolerance(self) -> f64 {
        match self {
            Self::Constant => 1e-9,
            Self::Smooth => 1e-6,
        }
    }
}

/// `E[O_i] = M W_i` to 1e-9 (1e-6 for [`Integrand::Smooth`]) by integration over all uniforms, and the bounds of the
/// counts at every outcome met.
///
/// A pass excludes any bias above the tolerance, for these weights: an offset of the points, a stratum or a
/// probability misplaced, a particle of weight zero drawn. It assumes that the outcome jumps at most once between two
/// points at which it looks the same for three continuations, which holds where it is monotone in each uniform. No
/// number is random: the p-value is 1 or 0, and `samples` are runs of the scheme. These grow like the product over the
/// uniforms of the pieces of each (times the nodes, if smooth), so a smooth scheme is for two or three uniforms.
///
/// # Errors
/// Those of the scheme, weights without a positive sum, too many runs (2e6), or an unusable budget.
pub fn exact_mean_offspring(
    instance: &ExactScheme<'_>,
    (weights, offspring): (&[f64], usize),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "resampling::exact_mean_offspring";
    budget.check()?;
    let total: f64 = weights.iter().sum();
    VerifyError::check_range("sum of weights", total, f64::MIN_POSITIVE, f64::MAX)?;
    let expected: Vec<f64> = weights.iter().map(|w| offspring as f64 * w / total).collect();
    let mut broken = None;
    let mut check = |ancestors: &[usize]| {
        if broken.is_none() {
            broken = broken_bound(instance.counts, ancestors, &expected);
        }
    };
    let mut integration = Integration::new(instance, (weights, offspring), &mut check);
    let found = integration.expectation(&mut Vec::new())?;
    let runs = integration.runs;
    let worst = found.iter().zip(&expected).enumerate().map(|(i, (f, e))| (libm::fabs(f - e), i));
    let (error, particle) =
        worst.fold((0.0, 0), |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a });
    let (tolerance, mean) = (instance.integrand.tolerance(), found.get(particle).copied());
    let mut detail = format!(
        "particle {particle}: {:.12} for {:.12}",
        mean.unwrap_or(0.0),
        expected.get(particle).copied().unwrap_or(0.0)
    );
    let mut p_value = if error <= tolerance { 1.0 } else { 0.0 };
    if let Some(broken) = broken {
        (p_value, detail) = (0.0, broken);
    }
    Ok(Verdict::from_p_value((LAW, instance.name), budget, runs, p_value, detail))
}

/// The first ancestor or count that must not be.
fn broken_bound(bounds: Counts, ancestors: &[usize], expected: &[f64]) -> Option<String> {
    if let Some(&ancestor) = ancestors.iter().find(|&&a| !expected.get(a).is_some_and(|e| *e > 0.0))
    {
        return Some(format!("ancestor {ancestor} has no weight"));
    }
    for (particle, &mean) in expected.iter().enumerate() {
        let count = ancestors.iter().filter(|&&ancestor| ancestor == particle).count();
        if !bounds.allow(count as f64, mean) {
            return Some(format!("particle {particle}: {count} offspring for {mean:.6}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::Rng;

    const BUDGET: Budget = Budget { false_positive: 1e-9, samples: 64, seed: 1 };
    const WEIGHTS: [f64; 5] = [0.0, 3.0, 0.7, 0.0, 2.2];

    fn verdict(scheme: Resampling, offspring: usize) -> Verdict {
        let draw =
            |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| scheme.ancestors(w, u, a);
        let (integrand, counts) = (Integrand::of(scheme), Counts::of(scheme));
        let instance = ExactScheme { name: scheme.name(), scheme: &draw, integrand, counts };
        exact_mean_offspring(&instance, (&WEIGHTS, offspring), &BUDGET).unwrap()
    }

    /// Fails if a right scheme is refuted: breakpoints missed, pieces of wrong length, a rule that has not settled.
    #[test]
    fn right_schemes_pass() {
        for scheme in Resampling::ALL {
            let offspring = if Integrand::of(scheme) == Integrand::Smooth { 2 } else { 7 };
            let verdict = verdict(scheme, offspring);
            assert!(verdict.passed(), "{verdict}");
        }
    }

    /// Fails if an error of 3e-9 passes, a bound of the counts is not checked, or a weightless ancestor passes.
    #[test]
    fn small_errors_are_refuted() {
        let judge = |draw: &dyn Fn(f64) -> usize, counts: Counts| {
            let scheme = |_: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| {
                let uniform = (u.next_u64() >> 12) as f64 / (1_u64 << 52) as f64;
                a.fill(draw(uniform));
                Ok(())
            };
            let integrand = Integrand::Constant;
            let instance = ExactScheme { name: "by hand", scheme: &scheme, integrand, counts };
            exact_mean_offspring(&instance, (&[0.3, 0.7, 0.0], 1), &BUDGET).unwrap().passed()
        };
        assert!(judge(&|u| usize::from(u >= 0.3), Counts::FloorOrCeiling));
        assert!(!judge(&|u| usize::from(u >= 0.3 + 3e-9), Counts::FloorOrCeiling));
        assert!(!judge(&|u| 1 + usize::from(u < 1e-12), Counts::Any));
        assert!(!judge(&|u| usize::from(u >= 0.3) + 5, Counts::Any));
        assert!(!Counts::FloorOrCeiling.allow(2.0, 3.4) && Counts::FloorOrCeiling.allow(4.0, 3.4));
        assert!(!Counts::WithinTwo.allow(6.0, 3.4) && !Counts::AtLeastFloor.allow(2.0, 3.4));
    }

    /// Fails if a scheme of far too many uniforms runs for ever instead of being refused.
    #[test]
    fn too_many_runs_are_refused() {
        let scheme = |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| {
            (0..30).for_each(|_| {
                u.next_u64();
            });
            Resampling::Multinomial.ancestors(w, u, a)
        };
        let (integrand, counts) = (Integrand::Smooth, Counts::Any);
        let instance = ExactScheme { name: "endless", scheme: &scheme, integrand, counts };
        let found = exact_mean_offspring(&instance, (&WEIGHTS, 1), &BUDGET);
        assert!(matches!(found, Err(VerifyError::OutOfRange { .. })), "{found:?}");
    }
}
