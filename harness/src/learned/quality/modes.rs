//! The weights that a model gives to the modes of its target.
//!
//! `l_k = log E[e^r | k]`, `w_k' = w_k e^{l_k}` normalized; to first order `l_k` has the error
//! `sqrt((n/ESS - 1)/(n - 1))` of its `n` samples.

use amc_core::weight::{effective_sample_size, log_mean_exp, log_sum_exp};
use serde::Serialize;

use super::Measured;
use super::points::Point;

/// Learned weights of modes at a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModeQuality {
    /// Of the model, `[K]`; none for a mode with fewer than two samples.
    pub weights: Vec<Option<f64>>,
    /// Of the target, `[K]`.
    pub true_weights: Vec<f64>,
    /// `log(w_k'/w_k)` up to a constant: 0 in the mean over modes.
    pub log_ratios: Vec<Option<f64>>,
    /// Two modes: `log(w_2'/w_1') - log(w_2/w_1)`; more: root mean square of `log_ratios`.
    pub error: Measured,
    /// The same with means of `r` in the place of `l_k`.
    pub robust_error: Measured,
}

impl ModeQuality {
    /// From samples with their modes; none with fewer than two modes to compare.
    pub(super) fn of(points: &[Point], weights: &[f64]) -> Option<Self> {
        let mut ratios = vec![Vec::new(); weights.len()];
        points.iter().for_each(|point| ratios[point.component].push(point.log_ratio));
        let seen: Vec<usize> = (0..weights.len()).filter(|&k| ratios[k].len() > 1).collect();
        if seen.len() < 2 {
            return None;
        }
        let logs: Vec<Measured> = seen.iter().map(|&k| log_mean(&ratios[k])).collect();
        let means = seen.iter().map(|&k| Measured::mean(ratios[k].iter().copied()));
        let learned: Vec<f64> =
            seen.iter().zip(&logs).map(|(&k, log)| libm::log(weights[k]) + log.value).collect();
        let total = log_sum_exp(&learned);
        let center = mean(&logs);
        let of_seen = |value: &dyn Fn(usize) -> f64| -> Vec<Option<f64>> {
            (0..weights.len()).map(|k| seen.binary_search(&k).ok().map(value)).collect()
        };
        Some(Self {
            weights: of_seen(&|i| libm::exp(learned[i] - total)),
            true_weights: weights.to_vec(),
            log_ratios: of_seen(&|i| logs[i].value - center),
            error: error(&logs),
            robust_error: error(&means.collect::<Vec<_>>()),
        })
    }
}

/// `log E[e^r]`.
fn log_mean(ratios: &[f64]) -> Measured {
    let count = ratios.len() as f64;
    // Never below 0 but for rounding.
    let excess = (count / effective_sample_size(ratios) - 1.0).max(0.0);
    Measured { value: log_mean_exp(ratios), std_error: libm::sqrt(excess / (count - 1.0)) }
}

fn mean(logs: &[Measured]) -> f64 {
    logs.iter().map(|log| log.value).sum::<f64>() / logs.len() as f64
}

/// How far logarithms, which should be equal, are apart.
fn error(logs: &[Measured]) -> Measured {
    if let [first, second] = logs {
        let std_error = libm::hypot(first.std_error, second.std_error);
        return Measured { value: second.value - first.value, std_error };
    }
    let (center, count) = (mean(logs), logs.len() as f64);
    let squares = logs.iter().map(|log| (log.value - center) * (log.value - center));
    let value = libm::sqrt(squares.sum::<f64>() / count);
    // The derivative in the k-th logarithm is its distance from the center over count and value.
    let parts = logs.iter().map(|log| (log.value - center) * log.std_error);
    let length = libm::sqrt(parts.map(|part| part * part).sum());
    let std_error = if value > 0.0 { length / (count * value) } else { 0.0 };
    Measured { value, std_error }
}
