//! The law of free-energy estimates from the works of swaps.
//!
//! Every swap offers one forward and one backward work, accepted or not, and between exact levels they
//! are those of exact pairs: the two means that [`WorkSums`] puts into bridge sampling are bounded and
//! have the known ratio. Tested off the best centre: at `c = log(Z_s/Z_t)` works in exchanged roles would go unseen,
//! since `f(-z) = 1 - f(z)`. The unbounded stepping stones have no finite-sample bound; the laws of
//! bridges cut them.

use amc_core::rng::Key;
use amc_core::weight::WorkSums;

use super::bridge::BridgeInstance;
use super::independence::Finding;
use super::swap::{Pairs, ROUNDS, SwapMove};
use crate::{Budget, Verdict, VerifyError};

/// How far the centre is placed from a pilot's estimate.
const OFFSET: f64 = 1.0;

/// The works of nine swaps from an exact start, summed as [`WorkSums`] does, obey
/// `E_fwd[f(W - c)] = (Z_s/Z_t) e^-c E_bwd[f(c - W)]`, `f(z) = 1/(1 + e^-z)` \[Bennett76\].
///
/// `c` is a pilot's estimate of `log(Z_s/Z_t)` plus 1. Each lane's difference of the two sides is
/// bounded and has mean 0 in every round: Hoeffding or empirical Bernstein. Beyond the laws of the
/// bridge, a pass excludes works that a swap reports in exchanged roles, or rightly only where it
/// accepts, and sums of a wrong sign or centre; errors of `log(Z_s/Z_t)` beyond some 0.05 at 1.6e4
/// pairs.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn bridge_sampling(
    swap: &SwapMove<'_>,
    instance: &BridgeInstance<'_>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "free_energy::bridge_sampling";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let (blocks, pilot_blocks) = (budget.blocks(), budget.blocks().div_ceil(8));
    let pilot = bounded_means(swap, instance, (&key.round(1), pilot_blocks), 0.0)?;
    let (forward, backward) =
        pilot.iter().fold((0.0, 0.0), |(f, b), pair| (f + pair.0, b + pair.1));
    let estimate = libm::log(forward / backward);
    let center = OFFSET + if estimate.is_finite() { estimate } else { 0.0 };

    let main = bounded_means(swap, instance, (&key, blocks), center)?;
    let log_evidence = instance.clean.log_normalizer() - instance.noisy.log_normalizer();
    // Divided by the larger factor, so that differences lie in [-1, 1].
    let tilt = libm::exp(log_evidence - center);
    let scale = tilt.max(1.0);
    let differences: Vec<f64> = main.iter().map(|(f, b)| (f - tilt * b) / scale).collect();
    let found = Finding::mean("difference of the two sides", &differences)?;
    let detail = format!("{} {:.5}, center {center:.4}", found.what, found.value);
    let samples = 16 * (blocks + pilot_blocks);
    Ok(Verdict::from_p_value((LAW, instance.name), budget, samples, found.p_value, detail))
}

/// Means of `f(W - c)` over forward and of `f(c - W)` over backward works, lane by lane.
fn bounded_means(
    swap: &SwapMove<'_>,
    instance: &BridgeInstance<'_>,
    (key, blocks): (&Key, usize),
    center: f64,
) -> Result<Vec<(f64, f64)>, VerifyError> {
    let mut means = Vec::with_capacity(8 * blocks);
    let mut workspace = instance.workspace(key.stream());
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        let mut pairs = Pairs::sample(instance, &mut workspace)?;
        let mut sums = WorkSums::EMPTY;
        for _ in 0..ROUNDS {
            let outcome =
                workspace.swap(swap, instance.bridge, &mut pairs.noisy, &mut pairs.clean)?;
            sums.add(outcome.forward.log_work, outcome.backward.log_work, center);
        }
        for lane in (0..8).filter_map(|lane| sums.lane(lane)) {
            let count = lane.count as f64;
            let mean = |log_sum: f64| {
                let mean = libm::exp(log_sum) / count;
                if mean > 1.0 { 1.0 } else { mean }
            };
            means.push((mean(lane.bridge_forward - center), mean(lane.bridge_backward)));
        }
    }
    Ok(means)
}
