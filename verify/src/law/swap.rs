//! Laws of a swap of replica exchange, through a bridge between two levels with exact samples.
//!
//! A swap leaves the product `p_t p_s` invariant for every bridge \[Zhang25\]. Partners are looked at
//! through `U = F_t(u . x_t)` and `V = F_s(u . x_s)`, which the product makes uniform and independent;
//! `independence.rs` says what is tested of such a pair.

use amc_core::bridge::Bridge;
use amc_core::error::Result as CoreResult;
use amc_core::exchange::SwapOutcome;
use amc_core::point::{Context, PointMut};
use amc_core::simd::{f64x8, select, splat};

use super::bridge::{BridgeInstance, TOLERANCE, relative_error};
use super::independence::Finding;
use super::particles::{Particles, Workspace};
use super::{directions, metropolis};
use crate::bound::bonferroni;
use crate::{Budget, Verdict, VerifyError};

/// Swaps the noisier and the cleaner state through a bridge, as [`amc_core::exchange::swap`] does, in
/// the room that [`amc_core::exchange::swap_scratch_len`] asks for.
pub type SwapMove<'a> =
    dyn Fn(&dyn Bridge, PointMut<'_>, PointMut<'_>, Context<'_>) -> CoreResult<SwapOutcome> + 'a;

/// Swaps between the exact start and what is looked at, with nothing in between. An odd number: through
/// the identity, partners that always trade places are back after an even one.
pub(super) const ROUNDS: usize = 9;
/// Mean acceptance outside of which a pass would mean little: almost no move, or almost no decision.
const ACCEPTANCE: (f64, f64) = (0.05, 0.99);
/// Largest `|log ratio|` of a bridge whose works are constant up to rounding, as the exact one's are.
/// It accepts everything, rightly, and has no decision to test.
const CONSTANT: f64 = 1e-6;

/// Eight independent pairs of partners.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    pub(super) noisy: Particles,
    pub(super) clean: Particles,
}

/// What the swaps of a run reported.
#[derive(Debug, Default)]
struct Tally {
    swaps: usize,
    acceptance: f64,
    largest_ratio: f64,
}

impl Pairs {
    /// Partners drawn independently from the exact laws of their levels.
    pub(super) fn sample(
        instance: &BridgeInstance<'_>,
        workspace: &mut Workspace,
    ) -> Result<Self, VerifyError> {
        let dim = instance.bridge.dim();
        let mut pairs = Self { noisy: Particles::new(dim), clean: Particles::new(dim) };
        workspace.sample(instance.noisy, &mut pairs.noisy)?;
        workspace.sample(instance.clean, &mut pairs.clean)?;
        Ok(pairs)
    }
}

impl Tally {
    fn add(&mut self, outcome: &SwapOutcome) {
        self.swaps += 8;
        self.acceptance += outcome.acceptance_probability.to_array().iter().sum::<f64>();
        for ratio in (outcome.forward.log_work - outcome.backward.log_work).to_array() {
            let size = if ratio.is_nan() { f64::INFINITY } else { libm::fabs(ratio) };
            self.largest_ratio = self.largest_ratio.max(size);
        }
    }

    fn mean_acceptance(&self) -> f64 {
        self.acceptance / self.swaps as f64
    }

    /// Marks a verdict inconclusive when swaps were accepted too rarely or too often.
    fn guard(&self, verdict: Verdict) -> Verdict {
        let (acceptance, (low, high)) = (self.mean_acceptance(), ACCEPTANCE);
        let informative = acceptance > low && acceptance < high;
        if !verdict.passed() || informative || self.largest_ratio <= CONSTANT {
            return verdict;
        }
        verdict.without_premise(format!("mean acceptance {acceptance:.4} not in ({low}, {high})"))
    }
}

/// `a` where the mask holds, else `b`.
fn lanes_of(mask: f64x8, a: f64x8, b: f64x8) -> [f64; 8] {
    select(mask, a, b).to_array()
}

/// Swap by swap: what is reported is what was done.
///
/// To 1e-9: every lane's `(log p, S)` at both levels are those of its states; a lane that was not
/// accepted stays where it was; an accepted one has `log_work(x_t, y_s)` and `log_work(y_t, x_s)` as
/// reported; the acceptance probability is `min(1, exp(forward - backward))`. A pass excludes stale
/// caches, partners moved one without the other and works that are not those of the proposals.
/// Inconclusive unless the mean acceptance lies in `(0.05, 0.99)`, or the works are constant.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn pathwise(
    swap: &SwapMove<'_>,
    instance: &BridgeInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "swap::pathwise";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let blocks = budget.blocks().min(128);
    let mut tally = Tally::default();
    let mut worst = (0.0_f64, "no value disagrees".to_owned());
    for block in 0..blocks {
        let mut workspace = instance.workspace(key.block(block as u64).stream());
        let mut pairs = Pairs::sample(instance, &mut workspace)?;
        for _ in 0..ROUNDS {
            let before = pairs.clone();
            let outcome =
                workspace.swap(swap, instance.bridge, &mut pairs.noisy, &mut pairs.clean)?;
            tally.add(&outcome);
            for (what, found, expected, size) in
                comparisons(instance, &mut workspace, (&before, &pairs), &outcome)?
            {
                let sides = found.into_iter().zip(expected).zip(size.to_array());
                for ((found, expected), size) in sides {
                    let error = relative_error(found, expected, size);
                    if error > worst.0 {
                        worst = (error, format!("{what} {found:e}, expected {expected:e}"));
                    }
                }
            }
        }
    }
    let p_value = if worst.0 <= TOLERANCE { 1.0 } else { 0.0 };
    let acceptance = tally.mean_acceptance();
    let detail = format!(
        "largest relative error {:.1e}: {}, mean acceptance {acceptance:.3}",
        worst.0, worst.1
    );
    let samples = 16 * blocks;
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(tally.guard(verdict))
}

/// A value with the one it must have, and the size of what it was computed from.
type Compared = (&'static str, [f64; 8], [f64; 8], f64x8);

/// All that one swap must satisfy lane by lane.
fn comparisons(
    instance: &BridgeInstance<'_>,
    workspace: &mut Workspace,
    (before, after): (&Pairs, &Pairs),
    outcome: &SwapOutcome,
) -> Result<Vec<Compared>, VerifyError> {
    let SwapOutcome { accepted, forward, backward, .. } = *outcome;
    let (forward_work, backward_work) = (forward.log_work, backward.log_work);
    let mut all = Vec::new();
    for (level, old, new) in [
        (instance.noisy, &before.noisy, &after.noisy),
        (instance.clean, &before.clean, &after.clean),
    ] {
        let mut again = new.clone();
        workspace.evaluate(level.density(), &mut again)?;
        let (cached, found) = (new.log_density.to_array(), again.log_density.to_array());
        all.push(("cached log-density", cached, found, f64x8::ZERO));
        for (cached, found) in new.score.iter().zip(&again.score) {
            all.push(("cached score", cached.to_array(), found.to_array(), f64x8::ZERO));
        }
        for (&old, &new) in old.x.iter().zip(&new.x) {
            all.push(("rejected state", lanes_of(accepted, old, new), old.to_array(), f64x8::ZERO));
        }
    }
    let bridge = instance.bridge;
    let forward = workspace.log_work(bridge, &before.noisy, &after.clean)?;
    let backward = workspace.log_work(bridge, &after.noisy, &before.clean)?;
    for (what, reported, found) in
        [("forward work", forward_work, forward), ("backward work", backward_work, backward)]
    {
        let logs = [before.noisy.log_density, before.clean.log_density];
        let logs = logs.into_iter().chain([after.noisy.log_density, after.clean.log_density]);
        let size = logs.fold(f64x8::ZERO, |sum, log_density| sum + log_density.abs());
        all.push((what, reported.to_array(), lanes_of(accepted, found, reported), size));
    }
    let ratio = (forward_work - backward_work).to_array();
    let expected = ratio.map(metropolis);
    let found = outcome.acceptance_probability.to_array();
    all.push(("acceptance probability", found, expected, f64x8::ZERO));
    Ok(all)
}

/// Exact independent partners, nine swaps, still exact and independent: Kolmogorov distances of `U`, `V`
/// and of the sums and differences above along up to six directions, and the means of the products
/// (Dvoretzky-Kiefer-Wolfowitz; Hoeffding or empirical Bernstein; Bonferroni).
///
/// As many swaps are accepted as their reported probabilities say, too. A pass excludes a wrong
/// ratio, a partner left behind and proposals whose density is not the one in the work; at 1.6e4 pairs
/// and a share of 1e-9, distances beyond 0.03. Inconclusive unless the mean acceptance lies in
/// `(0.05, 0.99)`, or the works are constant.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn invariance(
    swap: &SwapMove<'_>,
    instance: &BridgeInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "swap::invariance";
    budget.check()?;
    let directions = directions(instance.bridge.dim());
    let key = budget.key(LAW, instance.name);
    let mut partners = vec![(Vec::new(), Vec::new()); directions.len()];
    let (mut tally, mut excess) = (Tally::default(), Vec::new());
    let mut workspace = instance.workspace(key.stream());
    for block in 0..budget.blocks() {
        workspace.stream = key.block(block as u64).stream();
        let mut pairs = Pairs::sample(instance, &mut workspace)?;
        let mut surplus = f64x8::ZERO;
        for _ in 0..ROUNDS {
            let outcome =
                workspace.swap(swap, instance.bridge, &mut pairs.noisy, &mut pairs.clean)?;
            tally.add(&outcome);
            surplus += select(outcome.accepted, splat(1.0), f64x8::ZERO);
            surplus -= outcome.acceptance_probability;
        }
        excess.extend((surplus / splat(ROUNDS as f64)).to_array());
        for ((noisy, clean), direction) in partners.iter_mut().zip(&directions) {
            noisy.extend(pairs.noisy.project(direction));
            clean.extend(pairs.clean.project(direction));
        }
    }
    let mut findings = vec![Finding::mean("accepted beyond the probability", &excess)?];
    for ((noisy, clean), direction) in partners.iter().zip(&directions) {
        let (noisy_cdf, clean_cdf) =
            (instance.noisy.projection_cdf(direction), instance.clean.projection_cdf(direction));
        let u: Vec<f64> = noisy.iter().map(|&x| noisy_cdf(x)).collect();
        let v: Vec<f64> = clean.iter().map(|&x| clean_cdf(x)).collect();
        findings.extend(Finding::joint(&u, &v)?);
    }
    let p_values: Vec<f64> = findings.iter().map(|finding| finding.p_value).collect();
    let worst = findings.iter().min_by(|a, b| a.p_value.total_cmp(&b.p_value));
    let worst = worst.map_or(String::new(), |worst| format!("{} {:.5}", worst.what, worst.value));
    let detail = format!("worst: {worst}, mean acceptance {:.4}", tally.mean_acceptance());
    let (p_value, samples) = (bonferroni(&p_values), 16 * budget.blocks());
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(tally.guard(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::bridge::Crossing;
    use amc_core::simd::less;

    /// Fails if everything accepted, or nothing, counts as a pass; constant works may accept all.
    #[test]
    fn acceptance_is_guarded() {
        let budget = Budget { false_positive: 1e-9, samples: 64, seed: 1 };
        let guarded = |probability: f64, ratio: f64| {
            let mut tally = Tally::default();
            tally.add(&SwapOutcome {
                acceptance_probability: splat(probability),
                accepted: less(f64x8::ZERO, splat(1.0)),
                non_finite: f64x8::ZERO,
                forward: Crossing::from(splat(ratio)),
                backward: Crossing::from(f64x8::ZERO),
            });
            tally.guard(Verdict::from_p_value(("law", "it"), &budget, 64, 1.0, String::new()))
        };
        assert!(guarded(0.5, -0.7).passed());
        assert!(guarded(1.0, 1e-12).passed());
        for (probability, ratio) in [(1.0, 0.1), (0.0, -800.0), (f64::NAN, f64::NAN)] {
            assert!(!guarded(probability, ratio).passed());
        }
    }
}
