//! Exact samples stay exact under a Markov kernel \[Gandy21\].

use super::{KernelInstance, STEPS, guard_acceptance};
use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, kolmogorov_distance};
use crate::law::directions;
use crate::{Budget, Verdict, VerifyError};

/// Exact start, ten steps, still exact: Kolmogorov distances of up to six projections to their exact
/// laws (Dvoretzky-Kiefer-Wolfowitz, Bonferroni) \[Gandy21\].
///
/// A pass excludes a stationary law other than the level's, as far as ten steps from it show in a
/// projection; at 1e5 samples and a share of 1e-8, distances beyond 0.011. Inconclusive unless the
/// mean acceptance lies in `(0.3, 0.9)`.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn invariance(instance: &KernelInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::invariance";
    budget.check()?;
    let directions = directions(instance.law.density().dim());
    let key = budget.key(LAW, instance.name);
    let mut run = instance.run(&key, budget.blocks(), (&[], STEPS), &directions)?;
    let samples = 8 * budget.blocks();
    let mut largest = 0.0_f64;
    let p_values: Vec<f64> = run
        .after
        .iter_mut()
        .zip(&directions)
        .map(|(sample, direction)| {
            let cdf = instance.law.projection_cdf(direction);
            let distance = kolmogorov_distance(sample, &cdf);
            largest = largest.max(distance);
            dkw_p_value(distance, samples)
        })
        .collect();
    let acceptance = run.mean_acceptance;
    let detail = format!("largest distance {largest:.5}, mean acceptance {acceptance:.3}");
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(guard_acceptance(verdict, acceptance))
}
