//! Laws of a [`MarkovKernel`] at one level with exact samples.

use amc_core::kernel::MarkovKernel;
use amc_core::rng::{Key, Stream};
use amc_core::simd::splat;

use super::particles::{Particles, Workspace};
use super::{direction, directions};
use crate::bound::binomial::binomial_p_value;
use crate::bound::bonferroni;
use crate::bound::kolmogorov::{dkw_p_value, dkw_radius, kolmogorov_distance};
use crate::oracle::ExactLaw;
use crate::{Budget, Verdict, VerifyError};

/// Kernel steps between the exact start and what is looked at.
const STEPS: usize = 10;
/// Mean acceptance outside of which a pass would mean little: almost no move, or almost no decision.
const ACCEPTANCE: (f64, f64) = (0.3, 0.9);

/// A kernel with a step size and the level it must leave invariant.
#[derive(Clone, Copy)]
pub struct KernelInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The kernel.
    pub kernel: &'a dyn MarkovKernel,
    /// Its step size; choose it so that the mean acceptance lies between 0.3 and 0.9.
    pub step_size: f64,
    /// The level.
    pub law: &'a dyn ExactLaw,
}

/// Particles before and after a run of steps, projected on directions.
struct Run {
    /// `[directions][samples]`
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
    mean_acceptance: f64,
    /// Largest difference between a cached value and the level's own.
    cache_error: f64,
}

impl KernelInstance<'_> {
    fn workspace(&self, stream: Stream) -> Workspace {
        let density = self.law.density().scratch_len();
        let kernel = self.kernel.scratch_len(self.law.density().dim());
        Workspace::new((density + kernel).max(self.law.scratch_len()), stream)
    }

    /// Exact samples moved by `shift` along every coordinate, then `steps` kernel steps.
    fn run(
        &self,
        key: &Key,
        blocks: usize,
        (shift, steps): (f64, usize),
        directions: &[Vec<f64>],
    ) -> Result<Run, VerifyError> {
        let (density, dim) = (self.law.density(), self.law.density().dim());
        let mut run = Run {
            before: vec![Vec::new(); directions.len()],
            after: vec![Vec::new(); directions.len()],
            mean_acceptance: 0.0,
            cache_error: 0.0,
        };
        let mut workspace = self.workspace(key.stream());
        let mut particles = Particles::new(dim);
        for block in 0..blocks {
            workspace.stream = key.block(block as u64).stream();
            workspace.sample(self.law, &mut particles)?;
            if shift != 0.0 {
                particles.x.iter_mut().for_each(|x| *x += splat(shift));
                workspace.evaluate(density, &mut particles)?;
            }
            extend(&mut run.before, &particles, directions);
            for _ in 0..steps {
                let outcome =
                    workspace.step(self.kernel, density, self.step_size, &mut particles)?;
                run.mean_acceptance += outcome.totals(8).0;
            }
            extend(&mut run.after, &particles, directions);
            run.cache_error = run.cache_error.max(self.cache_error(&mut workspace, &particles)?);
        }
        run.mean_acceptance /= (8 * blocks * steps) as f64;
        Ok(run)
    }

    /// Largest relative error of the cached values; infinite where one is NaN.
    fn cache_error(
        &self,
        workspace: &mut Workspace,
        particles: &Particles,
    ) -> Result<f64, VerifyError> {
        let mut again = particles.clone();
        workspace.evaluate(self.law.density(), &mut again)?;
        let mut pairs = vec![(particles.log_density, again.log_density)];
        if !self.kernel.leaves_score_stale() {
            pairs.extend(particles.score.iter().copied().zip(again.score.iter().copied()));
        }
        let mut largest = 0.0_f64;
        for (cached, found) in pairs {
            let error = ((cached - found).abs() / (splat(1.0) + found.abs())).to_array();
            for e in error {
                largest = largest.max(if e.is_nan() { f64::INFINITY } else { e });
            }
        }
        Ok(largest)
    }
}

fn extend(lists: &mut [Vec<f64>], particles: &Particles, directions: &[Vec<f64>]) {
    for (list, direction) in lists.iter_mut().zip(directions) {
        list.extend(particles.project(direction));
    }
}

/// Marks a verdict inconclusive when the kernel accepted too rarely or too often.
fn guard_acceptance(verdict: Verdict, acceptance: f64) -> Verdict {
    let (low, high) = ACCEPTANCE;
    if verdict.passed() && !(acceptance > low && acceptance < high) {
        verdict.without_premise(format!("mean acceptance {acceptance:.3} not in ({low}, {high})"))
    } else {
        verdict
    }
}

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
    let mut run = instance.run(&key, budget.blocks(), (0.0, STEPS), &directions)?;
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
    let mut pilot = instance.run(&key.round(1), pilot_blocks, (0.0, 1), &directions)?;
    let run = instance.run(&key, budget.blocks(), (0.0, 1), &directions)?;
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
    let run = instance.run(&key, blocks, (0.0, STEPS), &[])?;
    let p_value = if run.cache_error <= 1e-9 { 1.0 } else { 0.0 };
    let detail = format!("largest relative error of a cached value {:.1e}", run.cache_error);
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, 8 * blocks, p_value, detail);
    Ok(guard_acceptance(verdict, run.mean_acceptance))
}

/// From exact samples shifted by `shift` in every coordinate, `steps` steps at least halve the
/// Kolmogorov distance to the exact law along the diagonal-like first direction.
///
/// Refuted when, up to the false-positive share, the true distance after exceeds half of the true
/// distance before. The caller vouches that a correct kernel halves it: choose generous `steps`. A
/// pass excludes kernels that leave a law invariant because they hardly move.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn convergence(
    instance: &KernelInstance<'_>,
    (shift, steps): (f64, usize),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::convergence";
    budget.check()?;
    VerifyError::check_samples("steps", 1, steps)?;
    let directions = [direction(instance.law.density().dim(), 0)];
    let key = budget.key(LAW, instance.name);
    let mut run = instance.run(&key, budget.blocks(), (shift, steps), &directions)?;
    let cdf = instance.law.projection_cdf(&directions[0]);
    let before = kolmogorov_distance(&mut run.before[0], &cdf);
    let after = kolmogorov_distance(&mut run.after[0], &cdf);
    let samples = 8 * budget.blocks();
    // True distances lie within the radius e of the measured ones, each except with probability
    // 2 exp(-2 n e^2): after - e > (before + e)/2 refutes, so the p-value is that of the largest e.
    let margin = (after - 0.5 * before) / 1.5;
    let p_value = if margin.is_nan() {
        0.0
    } else if margin <= 0.0 {
        1.0
    } else {
        (2.0 * dkw_p_value(margin, samples)).min(1.0)
    };
    let detail = format!("distance {before:.4} before and {after:.4} after {steps} steps");
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    let resolution = 4.0 * dkw_radius(samples, budget.false_positive);
    if verdict.passed() && before < resolution {
        let premise = format!("shift {shift} gives no distance above {resolution:.4}");
        return Ok(verdict.without_premise(premise));
    }
    Ok(verdict)
}
