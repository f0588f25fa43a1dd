//! The values that a Markov kernel carries along are those of the state.

use super::{KernelInstance, STEPS, guard_acceptance};
use crate::{Budget, Verdict, VerifyError};

/// The `(log p, S)` that a step leaves are those of the state it leaves, to 1e-9; the score only if
/// the kernel does not declare it stale.
///
/// A pass excludes caches of a rejected proposal or of the state before.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn cache(instance: &KernelInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::cache";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let blocks = budget.blocks().min(512);
    let run = instance.run(&key, blocks, (&[], STEPS), &[])?;
    let p_value = if run.cache_error <= 1e-9 { 1.0 } else { 0.0 };
    let detail = format!("largest relative error of a cached value {:.1e}", run.cache_error);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, 8 * blocks, p_value, detail);
    Ok(guard_acceptance(verdict, run.mean_acceptance))
}
