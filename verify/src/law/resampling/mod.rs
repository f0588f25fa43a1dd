//! The law of resampling: `E[offspring_i] = M W_i` for every particle.
//!
//! Stated twice: in the mean over draws, for any scheme ([`mean_offspring`]), and with the uniforms integrated out,
//! to 1e-9 ([`exact_mean_offspring`]), for schemes of few uniforms.

mod chosen_uniforms;
mod exact;
mod integration;

use amc_core::error::Result as CoreResult;
use amc_core::rng::Stream;
use amc_core::weight::Resampling;

use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::{Budget, Verdict, VerifyError};
pub use chosen_uniforms::ChosenUniforms;
pub use exact::{ChosenScheme, Counts, ExactScheme, exact_mean_offspring};
pub use integration::Integrand;

/// Draws ancestors `[M]` for weights `[N]`.
pub type Scheme<'a> = dyn Fn(&[f64], &mut Stream, &mut [usize]) -> CoreResult<()> + 'a;

/// Unequal weights with zeros at both ends and inside; `M W_i` has fractions of every size.
pub const STANDARD_WEIGHTS: [f64; 9] = [0.0, 3.0, 0.2, 11.0, 0.0, 1.7, 4.1, 0.05, 0.0];
/// Offspring drawn from [`STANDARD_WEIGHTS`]: not the number of particles.
pub const STANDARD_OFFSPRING: usize = 13;

/// The core's scheme as an instance of the law.
pub fn core_scheme(
    scheme: Resampling,
) -> impl Fn(&[f64], &mut Stream, &mut [usize]) -> CoreResult<()> {
    move |weights, stream, ancestors| scheme.ancestors(weights, stream, ancestors)
}

/// `E[O_i] = M W_i` and `O_i = 0` where `W_i = 0`, so that the particle estimate stays unbiased
/// \[DelMoral06\].
///
/// Counts lie in `[0, M]`: Hoeffding or empirical Bernstein per particle, Bonferroni over particles.
/// A pass at 1e5 draws excludes a bias of an expected count beyond about 0.02; a particle of weight
/// zero or an index past the end refutes at once.
///
/// # Errors
/// Those of the scheme, and of an unusable budget.
pub fn mean_offspring(
    name: &str,
    scheme: &Scheme<'_>,
    (weights, offspring): (&[f64], usize),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "resampling::mean_offspring";
    budget.check()?;
    let key = budget.key(LAW, name);
    let total: f64 = weights.iter().sum();
    let mut counts = vec![vec![0.0; budget.samples]; weights.len()];
    let mut ancestors = vec![0; offspring];
    for draw in 0..budget.samples {
        ancestors.fill(usize::MAX);
        scheme(weights, &mut key.block(draw as u64).stream(), &mut ancestors)?;
        for &ancestor in &ancestors {
            let valid = weights.get(ancestor).is_some_and(|&w| w > 0.0);
            if !valid {
                let detail = format!("ancestor {ancestor} has no weight");
                return Ok(Verdict::from_p_value((LAW, name), budget, draw + 1, 0.0, detail));
            }
            counts[ancestor][draw] += 1.0;
        }
    }
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    for (particle, (counts, &weight)) in counts.iter().zip(weights).enumerate() {
        let sample = Summary::new(counts, 0.0, offspring as f64)?;
        let expected = offspring as f64 * weight / total;
        let p_value = mean_p_value(&sample, expected);
        if p_value < worst.0 {
            let found = sample.mean();
            worst = (p_value, format!("particle {particle}: {found:.5} for {expected:.5}"));
        }
        p_values.push(p_value);
    }
    let p_value = bonferroni(&p_values);
    Ok(Verdict::from_p_value((LAW, name), budget, budget.samples, p_value, worst.1))
}
