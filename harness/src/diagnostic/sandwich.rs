//! `log Z` from both sides: forward from the reference, backward from exact samples.
//!
//! A forward run estimates `Z` without bias, so by Jensen its `log Z` lies below in expectation. A
//! run backward from exact samples of the target estimates `1/Z`, so minus its log lies above
//! [Grosse, Ghahramani & Adams 2015, Sandwiching the marginal likelihood using bidirectional Monte
//! Carlo]. A mode of weight `w` that the forward run never finds lowers its side by `-log(1 - w)`
//! and leaves its standard error small; the backward run starts inside every mode.
//!
//! ```text
//! gap = upper - lower,   se^2 = lower_se^2 + upper_se^2
//! alarm      |gap| > 0.1 and |gap| > 4 se    something is missing (gap > 0) or an error is wrong
//! alarm      se > 0.25                       too wide to see even half of the mass missing
//! unverified se > 0.1                        a third of the mass could be missing unseen
//! ```
//!
//! The tolerance keeps a gap that does not matter, however significant, from alarming; four
//! standard errors keep noise from it. What passes may still miss a weight of
//! `1 - exp(-max(0.1, 4 se))`.

use serde::Serialize;

use super::exceeds;
use super::verdict::Reason;
use crate::catalog::Check;

/// `log Z` off by a tenth is a tenth of the mass, less than the lightest mode worth a name.
const GAP: f64 = 0.1;

/// Two-sided Gaussian error 6e-5; skewed weights of a few hundred effective particles cost a factor
/// of ten and stay far below one percent.
const STANDARD_ERRORS: f64 = 4.0;

/// Here four standard errors are 1: a run may lose 63 % of the mass unseen. Two sides of 100
/// effective particles each give 0.14, so this alarms only on runs that are in pieces.
const WIDTH: f64 = 0.25;

/// Here four standard errors are 0.4, the gap of a lost mode of weight 1/3.
const RESOLUTION: f64 = 0.1;

/// Both estimates of `log Z` and their standard errors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sandwich {
    /// `log Z` of the forward run, from below.
    pub lower: f64,
    /// Its standard error.
    pub lower_se: f64,
    /// `log Z` of the backward run, from above.
    pub upper: f64,
    /// Its standard error.
    pub upper_se: f64,
}

impl Sandwich {
    /// `upper - lower`.
    pub fn gap(&self) -> f64 {
        self.upper - self.lower
    }

    /// Standard error of the gap; the two runs are independent.
    pub fn gap_se(&self) -> f64 {
        libm::hypot(self.lower_se, self.upper_se)
    }

    /// `Ok` when the sandwich verifies coverage, otherwise why it does not.
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) -> Result<(), String> {
        let (gap, se) = (self.gap(), self.gap_se());
        let mut alarm = |value, limit, message| {
            reasons.push(Reason::new(Check::Sandwich, value, limit, message));
        };
        if !gap.is_finite() || !se.is_finite() {
            let message = format!(
                "log Z is {} +- {} from below and {} +- {} from above, not numbers: nothing is \
                 verified; use more path.levels or another bridge.kind",
                self.lower, self.lower_se, self.upper, self.upper_se
            );
            alarm(f64::NAN, GAP, message);
            return Err("the sandwich of log Z is not finite".to_owned());
        }
        let limit = GAP.max(STANDARD_ERRORS * se);
        if exceeds(gap.abs(), limit) {
            let meaning = if gap > 0.0 {
                let missing = 100.0 * -libm::expm1(-gap);
                format!("about {missing:.0} % of the mass is missing from the forward run")
            } else {
                "bounds in the wrong order, a standard error is far too small".to_owned()
            };
            let message = format!(
                "log Z is {:.3} from below and {:.3} from above, {:.1} standard errors apart: \
                 {meaning}; use path.kind = \"diffusion\", more path.levels, kernel.steps or \
                 sampler.particles",
                self.lower,
                self.upper,
                gap.abs() / se
            );
            alarm(gap, limit, message);
            return Err("log Z from both sides disagrees".to_owned());
        }
        if exceeds(se, WIDTH) {
            let message = format!(
                "the sandwich of log Z is too wide to verify anything: its standard error is \
                 {se:.2}; use more path.levels, kernel.steps or sampler.particles"
            );
            alarm(se, WIDTH, message);
            return Err("the sandwich of log Z is too wide".to_owned());
        }
        if exceeds(se, RESOLUTION) {
            let unseen = 100.0 * -libm::expm1(-STANDARD_ERRORS * se);
            return Err(format!(
                "the standard error {se:.2} of the sandwich of log Z hides a loss of up to \
                 {unseen:.0} % of the mass; use more sampler.particles"
            ));
        }
        Ok(())
    }

    /// The same gap between stepping stones up and down one set of ladders: rare works dominate one
    /// of them where levels stand too far apart.
    pub(super) fn check_stepping_stones(&self, reasons: &mut Vec<Reason>) {
        let (gap, se) = (self.gap(), self.gap_se());
        let limit = GAP.max(STANDARD_ERRORS * se);
        if gap.is_nan() || se.is_nan() || gap.abs() > limit {
            let message = format!(
                "log Z by stepping stones is {:.3} up and {:.3} down the ladder, which should agree \
                 within {limit:.3}: levels stand too far apart; use more path.levels, \
                 path.spacing = \"lambda\" or a stronger bridge.kind",
                self.lower, self.upper
            );
            reasons.push(Reason::new(Check::SteppingStones, gap, limit, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandwich(lower: f64, lower_se: f64, upper: f64, upper_se: f64) -> Sandwich {
        Sandwich { lower, lower_se, upper, upper_se }
    }

    /// Values of the reasons, and whether coverage is verified.
    fn found(sandwich: &Sandwich) -> (Vec<f64>, bool) {
        let mut reasons = Vec::new();
        let verified = sandwich.check(&mut reasons).is_ok();
        (reasons.iter().map(|reason| reason.value).collect(), verified)
    }

    /// Fails if either condition on the gap is left out, its limit moved, or a side's error is not
    /// read: 4 hypot(0.03, 0.04) = 0.2, 4 hypot(0.003, 0.004) = 0.02.
    #[test]
    fn gap_must_matter_and_be_significant() {
        assert_eq!(found(&sandwich(-0.1, 0.03, 0.099, 0.04)), (vec![], true));
        assert_eq!(found(&sandwich(-0.1, 0.03, 0.101, 0.04)).0.len(), 1);
        assert_eq!(found(&sandwich(0.5, 0.003, 0.599, 0.004)), (vec![], true));
        assert_eq!(found(&sandwich(0.5, 0.003, 0.601, 0.004)).0.len(), 1);
    }

    /// Fails if lower and upper are exchanged, or bounds in the wrong order pass.
    #[test]
    fn both_signs_alarm_and_say_different_things() {
        let message = |lower, upper| {
            let mut reasons = Vec::new();
            assert!(sandwich(lower, 0.01, upper, 0.02).check(&mut reasons).is_err());
            (reasons[0].value, reasons.remove(0).message)
        };
        let (gap, lost) = message(-0.4055, 0.0);
        assert!(gap > 0.4 && lost.contains("about 33 % of the mass"), "{lost}");
        let (gap, reversed) = message(0.0, -0.4055);
        assert!(gap < -0.4 && reversed.contains("wrong order"), "{reversed}");
    }

    /// Fails if a wide sandwich verifies: 0.25 is alarming, 0.1 only leaves coverage open.
    #[test]
    fn width_decides_what_can_be_said() {
        assert_eq!(found(&sandwich(0.0, 0.0, 0.3, 0.251)), (vec![0.251], false));
        assert_eq!(found(&sandwich(0.0, 0.249, 0.3, 0.0)), (vec![], false));
        assert_eq!(found(&sandwich(0.0, 0.0, 0.3, 0.101)), (vec![], false));
        assert_eq!(found(&sandwich(0.0, 0.099, 0.3, 0.0)), (vec![], true));
    }

    /// Fails if an infinite bound or error counts as agreement.
    #[test]
    fn infinite_sides_alarm() {
        const INF: f64 = f64::INFINITY;
        for broken in [
            sandwich(-INF, 0.1, 0.0, 0.1),
            sandwich(0.0, INF, 0.0, 0.1),
            sandwich(0.0, 0.1, INF, 0.1),
            sandwich(0.0, 0.1, 0.0, INF),
            sandwich(INF, 0.1, INF, 0.1),
        ] {
            let (values, verified) = found(&broken);
            assert!(values.len() == 1 && !verified);
        }
    }

    /// Fails if disagreeing stepping stones pass, in either direction, or agreeing ones do not.
    #[test]
    fn stepping_stones_must_agree() {
        let alarms = |lower: f64, upper: f64, se: f64| {
            let mut reasons = Vec::new();
            sandwich(lower, se, upper, 0.0).check_stepping_stones(&mut reasons);
            reasons.len()
        };
        assert_eq!([alarms(0.0, 0.09, 0.01), alarms(0.0, 0.3, 0.08)], [0, 0]);
        assert_eq!([alarms(0.0, 0.11, 0.01), alarms(0.4, 0.0, 0.05)], [1, 1]);
        assert_eq!([alarms(f64::NAN, 0.0, 0.1), alarms(0.0, 0.0, f64::NAN)], [1, 1]);
    }
}
