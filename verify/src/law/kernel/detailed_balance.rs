//! Reversibility of a Markov kernel, seen in flows between half-spaces.

use super::{KernelInstance, guard_acceptance};
use crate::bound::binomial::binomial_p_value;
use crate::bound::bonferroni;
use crate::law::directions;
use crate::{Budget, Verdict, VerifyError};

/// Reversibility: `(x_0, x_1)` and `(x_1, x_0)` have one law at stationarity, so of the pairs with
/// exactly one of `x_0 in A, x_1 in B` and `x_1 in A, x_0 in B` half are of each sort: an exact
/// binomial test.
///
/// For kernels that are reversible only. `A`, `B` are half-spaces through quantiles of a pilot. A
/// pass excludes flows between half-spaces that a reversible kernel cannot have.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn detailed_balance(
    instance: &KernelInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::detailed_balance";
    budget.check()?;
    let dim = instance.law.density().dim();
    let directions = directions(dim);
    let key = budget.key(LAW, instance.name);
    let pilot_blocks = budget.blocks().div_ceil(16);
    let mut pilot = instance.run(&key.round(1), pilot_blocks, (&[], 1), &directions)?;
    let run = instance.run(&key, budget.blocks(), (&[], 1), &directions)?;
    pilot.before.iter_mut().for_each(|list| list.sort_unstable_by(f64::total_cmp));
    let limit = |list: usize, quarter: usize| {
        let sorted = &pilot.before[list];
        sorted[sorted.len() * quarter / 4]
    };
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, (0, 0)));
    for a in 0..directions.len() {
        for (b, quarter) in [(a, 1), (a, 3), ((a + 1) % directions.len(), 2)] {
            let (limit_a, limit_b) = (limit(a, 2), limit(b, quarter));
            if a == b && limit_a == limit_b {
                continue;
            }
            let (mut first, mut second) = (0, 0);
            for i in 0..run.before[a].len() {
                let there = run.before[a][i] <= limit_a && run.after[b][i] <= limit_b;
                let back = run.after[a][i] <= limit_a && run.before[b][i] <= limit_b;
                first += u64::from(there && !back);
                second += u64::from(back && !there);
            }
            let p_value = binomial_p_value(first, first + second, 0.5)?;
            if p_value < worst.0 {
                worst = (p_value, (first, second));
            }
            p_values.push(p_value);
        }
    }
    let ((there, back), acceptance) = (worst.1, run.mean_acceptance);
    let detail = format!("worst flows {there} and {back}, mean acceptance {acceptance:.3}");
    let samples = 8 * (budget.blocks() + pilot_blocks);
    let p_value = bonferroni(&p_values);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(guard_acceptance(verdict, acceptance))
}
