//! Mode weights of a run against those of exact samples of the target.
//!
//! An annealed run is compared with the exact samples themselves, replica exchange with ladders that
//! began at exact samples: a sampler that has forgotten its start gives the same mode weights. A run
//! lacks a mode it never found; what began at exact samples keeps every mode, even if it never moves.
//! Standard errors come from the genealogy of the run, or from independent ladders (eight or more).

use serde::Serialize;

use super::exceeds;
use super::shares::{Difference, combined_errors, compare};
use super::verdict::Reason;
use crate::catalog::Check;

/// Weights that agree to a twentieth describe the same target for most purposes.
const TOLERANCE: f64 = 0.05;

/// Eight ladders a side estimate the standard error with 14 degrees of freedom, where Student's
/// law leaves 5e-4 beyond 4.5; the tolerance takes away most of that.
const STANDARD_ERRORS: f64 = 4.5;

/// Ladders that never move keep the mode they began in: two modes of weights 2/3 and 1/3 then have
/// a standard error of 0.47/sqrt(ladders), 0.17 for eight. Above 0.1 nothing can be told.
const CANNOT_TELL: f64 = 0.1;

/// Here 4.5 standard errors are about a fifth: a lost mode of weight 1/4 is seen.
const RESOLUTION: f64 = 0.05;

/// Mode weights, `[K]` each, with their standard errors.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeSymptoms {
    /// Of the run.
    pub of_run: Vec<f64>,
    /// Their standard errors.
    pub run_se: Vec<f64>,
    /// Of exact samples, or of ladders begun at them.
    pub of_exact: Vec<f64>,
    /// Their standard errors.
    pub exact_se: Vec<f64>,
}

impl ModeSymptoms {
    /// `Ok` when the modes verify coverage, otherwise why they do not.
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) -> Result<(), String> {
        let reference = (&self.of_run[..], &self.run_se[..]);
        let target = (&self.of_exact[..], &self.exact_se[..]);
        let mut alarm = |value, limit, message: String| {
            let message = format!(
                "{message}; use more path.levels or kernel.steps, a stronger bridge.kind, or a longer run"
            );
            reasons.push(Reason::new(Check::ModeWeights, value, limit, message));
        };
        match compare(reference, target, TOLERANCE, STANDARD_ERRORS) {
            Some(Difference::Unreadable) => {
                let message = "mode weights of the run and of exact samples are not numbers or not \
                               of one length: nothing can be compared";
                alarm(f64::NAN, TOLERANCE, message.to_owned());
                return Err("mode weights cannot be compared".to_owned());
            }
            Some(Difference::Mode { mode, by, limit }) => {
                let message = format!(
                    "mode {mode} has weight {:.3} in this run but {:.3} from exact samples: mass is \
                     lost or invented",
                    self.of_run[mode], self.of_exact[mode]
                );
                alarm(by, limit, message);
                return Err("mode weights disagree with exact samples".to_owned());
            }
            Some(Difference::Total { by, limit }) => {
                let message = format!(
                    "mode weights of the run and of exact samples differ by {by:.3} in total \
                     variation: mass is lost or invented"
                );
                alarm(by, limit, message);
                return Err("mode weights disagree with exact samples".to_owned());
            }
            None => {}
        }
        // Readable here, or compare had said so.
        let errors = combined_errors(reference, target).unwrap_or_default();
        let (mode, se) = errors
            .into_iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((0, f64::NAN));
        if exceeds(se, CANNOT_TELL) {
            let message = format!(
                "the difference of mode {mode} between the run and exact samples has a standard \
                 error of {se:.2}: too much to tell whether mass is lost"
            );
            alarm(se, CANNOT_TELL, message);
            return Err("mode weights are too noisy to compare".to_owned());
        }
        if exceeds(se, RESOLUTION) {
            return Err(format!(
                "the standard error {se:.2} of mode {mode} against exact samples hides a loss of up \
                 to {:.0} % of the mass; use more particles, rounds or ladders",
                100.0 * STANDARD_ERRORS * se
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the reasons, messages, and whether coverage is verified.
    fn found(reference: [f64; 2], target: [f64; 2], se: [f64; 2]) -> (Vec<Reason>, bool) {
        let mut reasons = Vec::new();
        let modes = ModeSymptoms {
            of_run: reference.to_vec(),
            run_se: vec![se[0]; 2],
            of_exact: target.to_vec(),
            exact_se: vec![se[1]; 2],
        };
        let verified = modes.check(&mut reasons).is_ok();
        (reasons, verified)
    }

    /// Fails if a limit moved or one of the errors is not read: 4.5 hypot(0.012, 0.016) = 0.09.
    #[test]
    fn difference_must_matter_and_be_significant() {
        assert_eq!(found([0.7, 0.3], [0.651, 0.349], [0.001, 0.0]), (vec![], true));
        assert!(!found([0.7, 0.3], [0.649, 0.351], [0.001, 0.0]).0.is_empty());
        assert_eq!(found([0.7, 0.3], [0.621, 0.379], [0.012, 0.016]), (vec![], true));
        assert!(!found([0.7, 0.3], [0.609, 0.391], [0.012, 0.016]).0.is_empty());
    }

    /// Fails if the two sides are exchanged in the message.
    #[test]
    fn message_says_which_side_lacks_the_mode() {
        let (reasons, verified) = found([1.0, 0.0], [0.7, 0.3], [0.0, 0.02]);
        assert!(!verified && reasons.len() == 1);
        let text = &reasons[0].message;
        assert!(text.contains("weight 1.000 in this run but 0.700 from exact"), "{text}");
    }

    /// Fails if errors that hide everything verify: ladders that never leave their start.
    #[test]
    fn large_errors_cannot_tell() {
        let (reasons, verified) = found([1.0, 0.0], [0.7, 0.3], [0.0, 0.17]);
        assert!(reasons[0].message.contains("too much to tell") && !verified);
        assert_eq!(found([0.7, 0.3], [0.7, 0.3], [0.099, 0.0]), (vec![], false));
        assert_eq!(found([0.7, 0.3], [0.7, 0.3], [0.0, 0.101]).0.len(), 1);
        assert_eq!(found([0.7, 0.3], [0.7, 0.3], [0.0, 0.051]), (vec![], false));
        assert_eq!(found([0.7, 0.3], [0.7, 0.3], [0.049, 0.0]), (vec![], true));
    }
}
