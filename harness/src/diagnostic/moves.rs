//! The kernel's moves: did the pilot's step sizes hold, and is the arithmetic sound?

use serde::Serialize;

use super::exceeds;
use super::verdict::Reason;
use crate::catalog::Check;

/// Deviation of a level's acceptance. Kernels are near their best over a wide range of acceptance
/// (0.4 to 0.8 around 0.6), and a settled pilot of 128 particles is within 0.05.
const ACCEPTANCE: f64 = 0.15;

/// Share of proposals that are not finite. A few out of millions are far tails, harmlessly
/// rejected; one in ten thousand is a density that fails somewhere particles go.
const NON_FINITE: f64 = 1e-4;

/// Acceptance of the kernel in the production run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PilotSymptoms {
    /// The acceptance that the pilot aimed at.
    pub target: f64,
    /// Levels with a kernel: index and mean acceptance in the production run.
    pub levels: Vec<(usize, f64)>,
}

impl PilotSymptoms {
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) {
        // `abs` clears the sign bit, so a NaN is the largest in the total order.
        let deviations =
            self.levels.iter().map(|&(level, rate)| (level, rate, (rate - self.target).abs()));
        let worst = deviations.max_by(|a, b| a.2.total_cmp(&b.2));
        if let Some((level, rate, off)) = worst.filter(|worst| exceeds(worst.2, ACCEPTANCE)) {
            let message = format!(
                "the kernel accepts {:.1} % at level {level} where {:.1} % was wanted: the pilot \
                 did not settle; use more sampler.particles or kernel.steps, or set \
                 kernel.step_size",
                100.0 * rate,
                100.0 * self.target
            );
            reasons.push(Reason::new(Check::StepSize, off, ACCEPTANCE, message));
        }
    }
}

/// Proposals and weights that were not finite numbers, out of all `moves`.
pub(super) fn check_finite(non_finite: u64, moves: u64, reasons: &mut Vec<Reason>) {
    if non_finite == 0 {
        return;
    }
    // A count without a total is as bad as it can be.
    let share = non_finite as f64 / moves.max(non_finite) as f64;
    if exceeds(share, NON_FINITE) {
        let message = format!(
            "{non_finite} of {moves} proposals and weights were not finite numbers and were \
             rejected: the density fails there; check the target, or use a smaller kernel.step_size"
        );
        reasons.push(Reason::new(Check::NonFinite, share, NON_FINITE, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(target: f64, levels: &[(usize, f64)]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        PilotSymptoms { target, levels: levels.to_vec() }.check(&mut reasons);
        reasons
    }

    /// Fails if one side of the target is not looked at, the limit moved or the level is misnamed.
    #[test]
    fn the_worst_level_is_named() {
        assert!(reasons(0.6, &[(0, 0.46), (3, 0.74)]).is_empty());
        assert!(reasons(0.6, &[]).is_empty());
        assert_eq!(reasons(0.6, &[(0, 0.44)]).len(), 1);
        let found = reasons(0.6, &[(0, 0.76), (3, 0.6), (5, 0.41), (7, 0.77)]);
        assert!(found[0].message.contains("41.0 % at level 5 where 60.0 %"), "{found:?}");
        assert!((found[0].value - 0.19).abs() < 1e-12);
        assert!(reasons(f64::NAN, &[(0, 0.6)])[0].value.is_nan());
    }

    /// Fails if the limit moved, the share is inverted, or a missing total divides by zero.
    #[test]
    fn a_few_out_of_many_are_harmless() {
        let count = |bad, all| {
            let mut reasons = Vec::new();
            check_finite(bad, all, &mut reasons);
            reasons.len()
        };
        assert_eq!((count(0, 0), count(9, 100_000), count(11, 100_000), count(1, 0)), (0, 0, 1, 1));
    }
}
