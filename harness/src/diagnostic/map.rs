//! Deterministic maps: are they one-to-one where particles go, and their determinants exact enough?

use serde::Serialize;

use super::exceeds;
use super::verdict::Reason;
use crate::catalog::Check;

/// Share of particles a map may lead astray. Weights of an annealed run count every preimage, so such a
/// share is a relative error of `Z`.
const ASTRAY: f64 = 1e-3;

/// What truncation of determinants may move `log Z` by, where its standard error is smaller.
const TRUNCATION: f64 = 0.01;

/// Share of determinants without a bound.
const DIVERGED: f64 = 1e-4;

/// A deterministic map in a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MapSymptoms {
    /// Share of crossings of an annealed run in which the map folds or has no inverse; swaps reject
    /// these, which leaves them exact, and do not report it.
    pub rejected: Option<f64>,
    /// Share of the particles of a trial that some step of the map did not lead back to where they came
    /// from; `None` where a map cannot fold, or swaps look by themselves.
    pub astray: Option<f64>,
    /// Share of determinants from a series that does not converge: their error has no bound.
    pub diverged: f64,
    /// Mean bounds on the truncation of the log-determinants, summed over the levels.
    pub truncation: f64,
    /// Standard error of `log Z`.
    pub log_z_se: f64,
}

impl MapSymptoms {
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) {
        for (share, what) in [
            (self.rejected, "crossings were rejected: the map folds or has no inverse there"),
            (
                self.astray,
                "particles of a trial were not led back: the map is not one-to-one there",
            ),
        ] {
            if let Some(share) = share.filter(|share| exceeds(*share, ASTRAY)) {
                let message = format!(
                    "{:.2} % of the {what}, and log Z may be off by as much or more; use more \
                     path.levels, or bridge.map = \"ddim\", which never folds",
                    100.0 * share
                );
                reasons.push(Reason::new(Check::Fold, share, ASTRAY, message));
            }
        }
        if exceeds(self.diverged, DIVERGED) {
            let message = format!(
                "{:.3} % of the log-determinants come from a series that does not converge, and nothing \
                 bounds their error; use logdet.estimator = \"lanczos-hutchpp\" or \"dense\", or more \
                 path.levels",
                100.0 * self.diverged
            );
            reasons.push(Reason::new(Check::Truncation, self.diverged, DIVERGED, message));
            return;
        }
        let limit = TRUNCATION.max(self.log_z_se);
        if exceeds(self.truncation, limit) {
            let message = format!(
                "truncated log-determinants may be off by {:.2e} over the path, the same in both \
                 directions; raise logdet.n_trunc or use logdet.estimator = \"dense\"",
                self.truncation
            );
            reasons.push(Reason::new(Check::Truncation, self.truncation, limit, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: MapSymptoms = MapSymptoms {
        rejected: Some(0.0),
        astray: Some(0.0),
        diverged: 0.0,
        truncation: 0.0,
        log_z_se: 0.002,
    };

    fn checks(symptoms: MapSymptoms) -> Vec<Check> {
        let mut reasons = Vec::new();
        symptoms.check(&mut reasons);
        reasons.iter().map(|reason| reason.check).collect()
    }

    /// Fails if a fold, or a determinant cut short, passes; or if what is smaller than the error of
    /// `log Z`, or unknown, is taken for the other.
    #[test]
    fn folds_and_truncation_are_reasons() {
        assert_eq!(checks(FINE), []);
        assert_eq!(checks(MapSymptoms { rejected: None, astray: None, ..FINE }), []);
        assert_eq!(checks(MapSymptoms { rejected: Some(0.002), ..FINE }), [Check::Fold]);
        assert_eq!(checks(MapSymptoms { astray: Some(0.002), ..FINE }), [Check::Fold]);
        assert_eq!(checks(MapSymptoms { truncation: 0.26, ..FINE }), [Check::Truncation]);
        assert_eq!(checks(MapSymptoms { truncation: 0.26, log_z_se: 0.3, ..FINE }), []);
        assert_eq!(checks(MapSymptoms { truncation: f64::NAN, ..FINE }), [Check::Truncation]);
        let apart = MapSymptoms { diverged: 0.0025, log_z_se: 9.0, ..FINE };
        assert_eq!(checks(apart), [Check::Truncation]);
    }
}
