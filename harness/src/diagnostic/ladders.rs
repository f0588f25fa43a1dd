//! Replica exchange: do replicas travel between the reference and the target?
//!
//! A round trip is a replica's way from the reference to the target and back; only then has the
//! ladder brought something new. The rejection rate of a neighbouring pair says where it is cut
//! [Syed, Bouchard-Cote, Deligiannidis & Doucet 2022, Non-reversible parallel tempering, JRSSB 84].

use serde::Serialize;

use super::exceeds;
use super::verdict::Reason;
use crate::catalog::Check;

/// Share of ladders that may be without a round trip. With three expected per ladder one in twenty
/// has none by chance, and more than half of four have none in one of two thousand runs.
const IDLE_LADDERS: f64 = 0.5;

/// A pair that swaps in fewer than one of ten attempts cuts the ladder; evenly spaced ladders stay
/// far below, and a mean over thousands of attempts has no noise to speak of.
const REJECTION: f64 = 0.9;

/// How replicas moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LadderSymptoms {
    /// Round trips of each ladder, summed over its replicas.
    pub round_trips: Vec<u64>,
    /// Mean rejection rate of the swap of levels `i` and `i + 1`, at index `i`.
    pub rejections: Vec<f64>,
}

impl LadderSymptoms {
    pub(super) fn check(&self, reasons: &mut Vec<Reason>) {
        let ladders = self.round_trips.len();
        let idle = self.round_trips.iter().filter(|&&trips| trips == 0).count();
        let limit = IDLE_LADDERS * ladders as f64;
        if exceeds(idle as f64, limit) {
            let message = format!(
                "{idle} of {ladders} ladders made no round trip between reference and target: \
                 they are as good as never restarted; run more rounds, or use more path.levels or \
                 a stronger bridge.kind"
            );
            reasons.push(Reason::new(Check::RoundTrips, idle as f64, limit, message));
        }
        // The total order puts the positive NaN above every number and a negative one below.
        let worst = self.rejections.iter().map(|rate| if rate.is_nan() { f64::NAN } else { *rate });
        let worst = worst.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((pair, rate)) = worst.filter(|worst| exceeds(worst.1, REJECTION)) {
            let message = if rate.is_nan() {
                format!(
                    "levels {pair} and {} were never proposed a swap: run more sampler.rounds",
                    pair + 1
                )
            } else {
                format!(
                    "levels {pair} and {} reject {:.1} % of their swaps: the ladder is cut there; use \
                 more path.levels, another path.spacing or a stronger bridge.kind",
                    pair + 1,
                    100.0 * rate
                )
            };
            reasons.push(Reason::new(Check::Rejection, rate, REJECTION, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(round_trips: &[u64], rejections: &[f64]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        LadderSymptoms { round_trips: round_trips.to_vec(), rejections: rejections.to_vec() }
            .check(&mut reasons);
        reasons
    }

    /// Fails if the limit moved, or trips are added up so that one busy ladder hides idle ones.
    #[test]
    fn more_than_half_idle_is_an_alarm() {
        assert!(reasons(&[0, 5, 0, 1], &[]).is_empty());
        let found = reasons(&[0, 500, 0, 0], &[]);
        assert_eq!((found[0].check, found[0].value, found[0].limit), (Check::RoundTrips, 3.0, 2.0));
        assert_eq!(reasons(&[0], &[]).len(), 1);
        assert!(reasons(&[], &[]).is_empty());
    }

    /// Fails if the limit moved or the message names another pair than the worst one.
    #[test]
    fn the_worst_pair_is_named() {
        assert!(reasons(&[2], &[0.2, 0.899, 0.1]).is_empty());
        let found = reasons(&[2], &[0.91, 0.3, 0.2, 0.95, 0.1]);
        assert_eq!((found.len(), found[0].check, found[0].value), (1, Check::Rejection, 0.95));
        assert!(found[0].message.starts_with("levels 3 and 4 reject 95.0 %"));
        let found = reasons(&[2], &[0.1, -f64::NAN, 0.95]);
        assert!(found[0].message.starts_with("levels 1 and 2"), "{}", found[0].message);
    }
}
