//! `log Z` from the works of the swaps, with standard errors from the independent ladders.
//!
//! Stepping stone and bridge sampling give `log(Z_s/Z_t)` for each pair of levels
//! ([`amc_core::weight::WorkSums`]); their sum over the ladder is `log Z`. Ladders are independent, so
//! the jackknife over ladders, `SE^2 = (M-1)/M sum_l (theta_(-l) - mean)^2`, covers the correlation
//! between rounds and between pairs.

use amc_core::weight::{Evidence, LogSums, log_sum_exp};
use serde::{Deserialize, Serialize};

use super::super::kept::KeptEvidence;

/// `log Z` by three estimators.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LadderEvidence {
    /// Stepping stone from the reference to the target.
    #[serde(with = "KeptEvidence")]
    pub forward: Evidence,
    /// Stepping stone from the target to the reference.
    #[serde(with = "KeptEvidence")]
    pub backward: Evidence,
    /// Bridge sampling between neighbours: the best of the three.
    #[serde(with = "KeptEvidence")]
    pub bridge: Evidence,
}

/// The estimators on `sums[pair][ladder]`; standard errors are NaN for a single ladder.
pub(super) fn ladder_evidence(sums: &[Vec<LogSums>]) -> LadderEvidence {
    let whole: Vec<LogSums> = sums.iter().map(|pair| merge(pair)).collect();
    let parts: Vec<Vec<LogSums>> = sums.iter().map(|pair| leave_one_out(pair)).collect();
    LadderEvidence {
        forward: jackknife(&whole, &parts, LogSums::forward_estimate),
        backward: jackknife(&whole, &parts, LogSums::backward_estimate),
        bridge: jackknife(&whole, &parts, LogSums::bridge_estimate),
    }
}

/// The sums of several ladders as one.
pub(super) fn merge(ladders: &[LogSums]) -> LogSums {
    let log_sum = |field: fn(&LogSums) -> f64| {
        let values: Vec<f64> = ladders.iter().map(field).collect();
        log_sum_exp(&values)
    };
    LogSums {
        forward: log_sum(|s| s.forward),
        backward: log_sum(|s| s.backward),
        bridge_forward: log_sum(|s| s.bridge_forward),
        bridge_backward: log_sum(|s| s.bridge_backward),
        count: ladders.iter().map(|s| s.count).sum(),
    }
}

/// The sums of all ladders but the `l`-th, for every `l`.
fn leave_one_out(ladders: &[LogSums]) -> Vec<LogSums> {
    let total: u64 = ladders.iter().map(|s| s.count).sum();
    let log_sums = |field: fn(&LogSums) -> f64| {
        let values: Vec<f64> = ladders.iter().map(field).collect();
        log_sums_without_one(&values)
    };
    let (forward, backward) = (log_sums(|s| s.forward), log_sums(|s| s.backward));
    let bridge = (log_sums(|s| s.bridge_forward), log_sums(|s| s.bridge_backward));
    ladders
        .iter()
        .enumerate()
        .map(|(l, own)| LogSums {
            forward: forward[l],
            backward: backward[l],
            bridge_forward: bridge.0[l],
            bridge_backward: bridge.1[l],
            count: total - own.count,
        })
        .collect()
}

/// `log sum_{i != l} exp(values_i)` for every `l`, as the sum before `l` and the sum after it:
/// subtracting from the total would lose a ladder that is small beside the one left out.
fn log_sums_without_one(values: &[f64]) -> Vec<f64> {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return vec![top; values.len()];
    }
    let terms: Vec<f64> = values.iter().map(|v| libm::exp(v - top)).collect();
    let mut after = vec![0.0; values.len() + 1];
    for (l, term) in terms.iter().enumerate().rev() {
        after[l] = after[l + 1] + term;
    }
    let mut before = 0.0;
    let mut without = Vec::with_capacity(values.len());
    for (l, term) in terms.iter().enumerate() {
        without.push(top + libm::log(before + after[l + 1]));
        before += term;
    }
    without
}

/// The sum over pairs of an estimator on all ladders, with its jackknife standard error from
/// `parts[pair][ladder left out]`.
fn jackknife(
    whole: &[LogSums],
    parts: &[Vec<LogSums>],
    estimator: fn(&LogSums) -> f64,
) -> Evidence {
    let log_z = whole.iter().map(estimator).sum();
    let ladders = parts.first().map_or(0, Vec::len);
    if ladders < 2 {
        return Evidence { log_z, log_z_std_error: f64::NAN };
    }
    let without = |l: usize| parts.iter().map(|pair| estimator(&pair[l])).sum::<f64>();
    let values: Vec<f64> = (0..ladders).map(without).collect();
    let m = ladders as f64;
    let mean = values.iter().sum::<f64>() / m;
    let square = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
    Evidence { log_z, log_z_std_error: ((m - 1.0) / m * square).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(forward: f64, backward: f64) -> LogSums {
        let (bridge_forward, bridge_backward) = (forward - 0.5, -backward);
        LogSums { forward, backward: -backward, bridge_forward, bridge_backward, count: 2 }
    }

    /// Fails if ladders are averaged as logs instead of as sums, pairs are not added, or the
    /// jackknife is scaled like a standard deviation: two pairs, three ladders, by hand.
    #[test]
    fn jackknife_by_hand() {
        let table = [
            vec![sums(1.0, 0.5), sums(2.0, 0.5), sums(0.0, 0.5)],
            vec![sums(-1.0, 0.3), sums(-1.0, 0.4), sums(-1.5, 0.2)],
        ];
        let found = ladder_evidence(&table);
        let log_mean = |values: &[f64]| {
            (values.iter().map(|v| v.exp()).sum::<f64>() / (2 * values.len()) as f64).ln()
        };
        let pairs = [[1.0, 2.0, 0.0], [-1.0, -1.0, -1.5]];
        let total: f64 = pairs.iter().map(|p| log_mean(p)).sum();
        assert!((found.forward.log_z - total).abs() < 1e-14);
        let without = |l: usize| {
            let kept = |p: &[f64; 3]| log_mean(&[p[(l + 1) % 3], p[(l + 2) % 3]]);
            pairs.iter().map(kept).sum::<f64>()
        };
        let values = [without(0), without(1), without(2)];
        let mean = values.iter().sum::<f64>() / 3.0;
        let square: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let error = (2.0 / 3.0 * square).sqrt();
        assert!((found.forward.log_z_std_error - error).abs() < 1e-14, "{found:?}");
        let backward = -log_mean(&[-0.5; 3]) - log_mean(&[-0.3, -0.4, -0.2]);
        assert!((found.backward.log_z - backward).abs() < 1e-14);
        let bridge = total - 1.0 + backward;
        assert!((found.bridge.log_z - bridge).abs() < 1e-14, "{found:?} {bridge}");
        // Bridge sampling is forward - 0.5 a pair plus a backward sum that needs no count here.
        let parts = |l: usize| {
            let log_sum = |v: &[f64]| v.iter().map(|v| v.exp()).sum::<f64>().ln();
            let pair = |f: [f64; 3], b: [f64; 3]| {
                let keep = |v: [f64; 3]| [v[(l + 1) % 3], v[(l + 2) % 3]];
                log_sum(&keep(f)) - 0.5 - log_sum(&keep(b))
            };
            pair([1.0, 2.0, 0.0], [-0.5; 3]) + pair([-1.0, -1.0, -1.5], [-0.3, -0.4, -0.2])
        };
        let values = [parts(0), parts(1), parts(2)];
        let mean = values.iter().sum::<f64>() / 3.0;
        let square: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let error = (2.0 / 3.0 * square).sqrt();
        assert!((found.bridge.log_z_std_error - error).abs() < 1e-14, "{found:?}");
        assert!(ladder_evidence(&[vec![sums(1.0, 0.5)]]).bridge.log_z_std_error.is_nan());
    }
}
