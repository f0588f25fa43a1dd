//! Detailed balance of every single move, where the proposal is known.
//!
//! `a(x, y) = min(1, p(y) q(x|y) / (p(x) q(y|x)))` makes `p(x) q(y|x) a(x, y)` symmetric (Hastings 1970). For an
//! accepted move `x`, `y` and the reported `a` are all in sight.

use super::{KernelInstance, Proposal, guard_acceptance};
use crate::bound::bonferroni;
use crate::bound::bounded_mean::{Summary, mean_p_value};
use crate::law::metropolis;
use crate::law::particles::{Particles, Workspace};
use crate::{Budget, Verdict, VerifyError};

/// Largest error of a reported probability.
const TOLERANCE: f64 = 1e-9;

/// The acceptance probability that a proposal demands, from values evaluated afresh.
pub(super) fn acceptance(
    proposal: &dyn Proposal,
    (from, to): (&Particles, &Particles),
    lane: usize,
) -> f64 {
    let (x, y) = (from.lane(lane), to.lane(lane));
    let there = proposal.log_proposal((&x.x, &x.score), &y.x);
    let back = proposal.log_proposal((&y.x, &y.score), &x.x);
    metropolis(y.log_density - x.log_density + back - there)
}

/// The acceptance probability that a kernel reports for an accepted move is the Metropolis-Hastings one for its
/// proposal, to 1e-9; a rejected move leaves the state as it was, bit by bit; and moves are accepted as often as
/// reported: `E[accepted - a] = 0`, in all and among the moves with `a` below and above one half (mean of bounded
/// variables, one step from each exact sample).
///
/// A pass excludes a wrong ratio at any accepted move, however rare, and decisions that do not follow the reported
/// probability. What is proposed is not seen here: that is [`super::transition`]. Inconclusive unless the mean
/// acceptance lies in `(0.3, 0.9)`.
///
/// # Errors
/// Those of the kernel, and of an unusable budget.
pub fn pointwise(
    instance: &KernelInstance<'_>,
    proposal: &dyn Proposal,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "kernel::pointwise";
    budget.check()?;
    let key = budget.key(LAW, instance.name);
    let mut workspace = instance.workspace(key.stream());
    let mut decisions = [const { Vec::new() }; 3];
    let (mut largest, mut torn, mut total) = (0.0_f64, 0, 0.0);
    for block in 0..budget.blocks() {
        workspace.stream = key.block(block as u64).stream();
        let step = one_step(instance, &mut workspace)?;
        for lane in 0..8 {
            let (accepted, reported) = (step.accepted(lane), step.reported[lane]);
            total += reported;
            if accepted {
                let expected = acceptance(proposal, (&step.before, &step.after), lane);
                let error = libm::fabs(reported - expected);
                largest = largest.max(if error.is_nan() { f64::INFINITY } else { error });
            } else {
                torn += usize::from(!step.is_unmoved(lane));
            }
            let difference = f64::from(u8::from(accepted)) - reported;
            decisions[0].push(difference);
            decisions[1].push(if reported < 0.5 { difference } else { 0.0 });
            decisions[2].push(if reported < 0.5 { 0.0 } else { difference });
        }
    }
    let samples = 8 * budget.blocks();
    let mut p_values = Vec::new();
    for values in &decisions {
        // A reported probability outside [0, 1] is a fault of the kernel, not of the budget.
        let summary = Summary::new(values, -1.0, 1.0);
        p_values.push(summary.map_or(0.0, |summary| mean_p_value(&summary, 0.0)));
    }
    let p_value = if largest <= TOLERANCE && torn == 0 { bonferroni(&p_values) } else { 0.0 };
    let acceptance = total / samples as f64;
    let detail = format!(
        "largest error of a probability {largest:.1e}, {torn} rejected states moved, mean acceptance \
         {acceptance:.3}"
    );
    let verdict = Verdict::from_p_value((LAW, instance.name), budget, samples, p_value, detail);
    Ok(guard_acceptance(verdict, acceptance))
}

/// One step of eight particles from exact samples, both ends evaluated afresh.
pub(super) struct OneStep {
    pub(super) before: Particles,
    pub(super) after: Particles,
    pub(super) reported: [f64; 8],
    accepted: u32,
}

impl OneStep {
    pub(super) fn accepted(&self, lane: usize) -> bool {
        self.accepted >> lane & 1 == 1
    }

    fn is_unmoved(&self, lane: usize) -> bool {
        let pairs = self.before.x.iter().zip(&self.after.x);
        pairs.into_iter().all(|(x, y)| x.as_array()[lane].to_bits() == y.as_array()[lane].to_bits())
    }
}

/// Draws exact samples and lets the kernel move them once.
pub(super) fn one_step(
    instance: &KernelInstance<'_>,
    workspace: &mut Workspace,
) -> Result<OneStep, VerifyError> {
    let density = instance.law.density();
    let mut before = Particles::new(density.dim());
    workspace.sample(instance.law, &mut before)?;
    let mut after = before.clone();
    let outcome = workspace.step(instance.kernel, density, instance.step_size, &mut after)?;
    // The cached score may be stale, and a wrong cache is for another law to find.
    workspace.evaluate(density, &mut after)?;
    let reported = outcome.acceptance_probability.to_array();
    Ok(OneStep { before, after, reported, accepted: outcome.accepted.to_bitmask() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::kernel::LangevinProposal;
    use amc_core::simd::splat;

    /// Fails if the two directions of the proposal, or the two densities, are exchanged: `h = 1/2`, so that
    /// `log q(y|x) = -(y - x - S(x)/2)^2/2`.
    #[test]
    fn acceptance_by_hand() {
        let at = |x: f64, log_density: f64, score: f64| Particles {
            x: vec![splat(x)],
            log_density: splat(log_density),
            score: vec![splat(score)],
        };
        let (x, y) = (at(0.0, -1.0, 2.0), at(1.0, -1.2, -0.6));
        let proposal = LangevinProposal { step_size: 0.5 };
        // There: (1 - 0 - 1)^2 = 0; back: (0 - 1 + 0.3)^2 = 0.49.
        let expected = libm::exp(-0.2 - 0.245);
        assert!((acceptance(&proposal, (&x, &y), 3) - expected).abs() < 1e-15);
        assert_eq!(acceptance(&proposal, (&y, &x), 3), 1.0);
    }
}
