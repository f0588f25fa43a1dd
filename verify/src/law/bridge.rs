//! Laws of a [`Bridge`] between two levels with exact samples.

use amc_core::bridge::Bridge;
use amc_core::exchange::swap_scratch_len;

use super::direction;
use super::fluctuation::{Passage, Passages, compare};
use super::particles::{Particles, Workspace};
use crate::oracle::ExactLaw;
use crate::{Budget, Verdict, VerifyError};

/// Relative error at which two computations of one log-work disagree.
pub(super) const TOLERANCE: f64 = 1e-9;

/// A bridge with the two levels it connects.
#[derive(Clone, Copy)]
pub struct BridgeInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The bridge.
    pub bridge: &'a dyn Bridge,
    /// The level its forward move starts from.
    pub noisy: &'a dyn ExactLaw,
    /// The level its forward move leads to.
    pub clean: &'a dyn ExactLaw,
}

impl BridgeInstance<'_> {
    pub(super) fn workspace(&self, stream: amc_core::rng::Stream) -> Workspace {
        let densities = self.noisy.density().scratch_len().max(self.clean.density().scratch_len());
        let samplers = self.noisy.scratch_len().max(self.clean.scratch_len());
        Workspace::new(swap_scratch_len(self.bridge).max(densities).max(samplers), stream)
    }
}

/// Path by path: the log-work that `forward` and `backward` return is `log_work` of the pair they
/// leave, and the log-density they leave is the level's own.
///
/// `W_returned = log_work(x, y)` to 1e-9 of `1 + |W| + |log p_s| + |log p_t|`. A pass excludes a
/// kernel density that disagrees with the sampler's own account of it, and stale caches; it says
/// nothing about a mistake that both share, which [`crooks`] sees.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn pathwise(instance: &BridgeInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "bridge::pathwise";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let dim = instance.bridge.dim();
    let blocks = budget.blocks().min(512);
    let mut worst = (0.0_f64, "no pair disagrees".to_owned());
    for block in 0..blocks {
        let mut workspace = instance.workspace(key.block(block as u64).stream());
        for backward in [false, true] {
            let (mut x, mut y) = (Particles::new(dim), Particles::new(dim));
            let (returned, moved, level) = if backward {
                workspace.sample(instance.clean, &mut y)?;
                let work = workspace.backward(instance.bridge, &y, &mut x)?;
                (work, &x, instance.noisy)
            } else {
                workspace.sample(instance.noisy, &mut x)?;
                let work = workspace.forward(instance.bridge, &x, &mut y)?;
                (work, &y, instance.clean)
            };
            let mut again = moved.clone();
            workspace.evaluate(level.density(), &mut again)?;
            let recomputed = workspace.log_work(instance.bridge, &x, &y)?;
            let name = if backward { "backward" } else { "forward" };
            let size = x.log_density.abs() + y.log_density.abs();
            let pairs = [
                (format!("{name} log-work"), returned, recomputed),
                (format!("{name} log-density"), moved.log_density, again.log_density),
            ];
            for (what, found, expected) in pairs {
                let sides = found.to_array().into_iter().zip(expected.to_array());
                for ((found, expected), size) in sides.zip(size.to_array()) {
                    let error = relative_error(found, expected, size);
                    if error > worst.0 {
                        worst = (error, format!("{what} {found:e} recomputed as {expected:e}"));
                    }
                }
            }
        }
    }
    let p_value = if worst.0 <= TOLERANCE { 1.0 } else { 0.0 };
    let detail = format!("largest relative error {:.1e}: {}", worst.0, worst.1);
    Ok(Verdict::from_p_value((LAW, instance.name), budget, 16 * blocks, p_value, detail))
}

/// `|a - b| / (1 + |b| + size)`, infinite for NaN; equal infinities agree.
pub(super) fn relative_error(found: f64, expected: f64, size: f64) -> f64 {
    if found == expected {
        return 0.0;
    }
    let error = libm::fabs(found - expected) / (1.0 + libm::fabs(expected) + libm::fabs(size));
    if error.is_nan() { f64::INFINITY } else { error }
}

/// `(Z_t/Z_s) E_fwd[e^W g] = E_rev[g]` for bounded cuts `g` of the work, of either end and
/// of the displacement between them (Crooks 1999, the source of unbiased weights \[Neal01\]).
///
/// Forward pairs start from exact noisier states, reverse pairs from exact cleaner ones. Bounds:
/// empirical Bernstein or Hoeffding for the difference of two means, Bonferroni over 36 cuts. A pass
/// excludes wrong normalizations, signs, variances and samplers that move one of these expectations
/// by more than a few percent at 1e5 samples.
///
/// # Errors
/// Those of the bridge, and of an unusable budget.
pub fn crooks(instance: &BridgeInstance<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "bridge::crooks";
    budget.check()?;
    let blocks = budget.blocks();
    let pilot_blocks = blocks.div_ceil(8);
    let pilot = passages(instance, &budget.key(LAW, instance.name).round(1), pilot_blocks)?;
    let main = passages(instance, &budget.key(LAW, instance.name), blocks)?;
    let log_evidence = instance.clean.log_normalizer() - instance.noisy.log_normalizer();
    let found = compare(&pilot, &main, log_evidence)?;
    let samples = 16 * (blocks + pilot_blocks);
    let names = (LAW, instance.name);
    Ok(Verdict::from_p_value(names, budget, samples, found.p_value, found.detail))
}

fn passages(
    instance: &BridgeInstance<'_>,
    key: &amc_core::rng::Key,
    blocks: usize,
) -> Result<Passages, VerifyError> {
    let dim = instance.bridge.dim();
    let directions = [direction(dim, 0), direction(dim, 1)];
    let mut passages = Passages::default();
    let (mut x, mut y) = (Particles::new(dim), Particles::new(dim));
    let mut workspace = instance.workspace(key.stream());
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        workspace.sample(instance.noisy, &mut x)?;
        let works = workspace.forward(instance.bridge, &x, &mut y)?.to_array();
        passages.forward.extend(Passage::of_block(works, &x, &y, &directions));
        workspace.sample(instance.clean, &mut y)?;
        let works = workspace.backward(instance.bridge, &y, &mut x)?.to_array();
        passages.reverse.extend(Passage::of_block(works, &x, &y, &directions));
    }
    Ok(passages)
}
