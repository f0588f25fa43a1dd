//! Means over all rows together, seed by seed, and their intervals.

use super::{ExpectedNumber, LOSS_TAIL, failures};
use crate::experiment::results::Row;
use crate::experiment::statistics::{Measure, deviation, student_quantile};

/// What is compared of all rows together.
pub(super) const OF_ALL_ROWS: [&str; 6] = [
    "log_z",
    "ess",
    "sliced_wasserstein",
    "mode_weight_error",
    "mean_rejection_rate",
    "acceptance_rate",
];

/// Whether means over rows are those of the numbers themselves: log Z may be negative, and the logarithm of an effective sample
/// size would be that of the few that are lost.
fn is_linear(name: &str) -> bool {
    name == "log_z" || name == "ess"
}

fn to_logarithm(name: &str, value: f64) -> f64 {
    // An error of exactly nothing is one below any that is measured.
    if is_linear(name) { value } else { value.max(1e-12).ln() }
}

pub(super) fn from_logarithm(name: &str, value: f64) -> f64 {
    if is_linear(name) { value } else { value.exp() }
}

/// The share of all runs of these rows that may lose their particles to a single one.
pub(super) fn may_be_lost(rows: &[&Row], expected_runs: usize) -> f64 {
    let measures = rows.iter().filter_map(|row| row.measures.get("ess"));
    let lost =
        |measure: &Measure| measure.values.iter().filter(|ess| **ess < 0.5 * measure.mean).count();
    let (lost, runs) = measures.fold((0, 0), |sum, m| (sum.0 + lost(m), sum.1 + m.values.len()));
    failures(lost, runs, expected_runs * rows.len(), LOSS_TAIL).high
}

/// The mean over rows, seed by seed; `None` of a single row, which is compared already, or where a run has no number.
pub(super) fn over_rows(name: &str, rows: &[&Row], seeds: usize) -> Option<Vec<f64>> {
    let measures = rows.iter().filter_map(|row| row.measures.get(name));
    let values: Vec<&[f64]> = measures.map(|measure| measure.values.as_slice()).collect();
    if values.len() < 2 || values.iter().any(|values| values.len() != seeds) {
        return None;
    }
    let of_seed = |seed: usize| {
        let values = values.iter().filter_map(|values| values.get(seed));
        values.map(|value| to_logarithm(name, *value)).sum::<f64>() / rows.len() as f64
    };
    Some((0..seeds).map(of_seed).collect())
}

/// The interval of the mean over rows and `expected_runs` seeds.
pub(super) fn prediction(
    name: &str,
    means: &[f64],
    expected_runs: usize,
    level: f64,
) -> Option<ExpectedNumber> {
    let runs = means.len() as f64;
    let (mean, spread) = (means.iter().sum::<f64>() / runs, deviation(means)?);
    let half = student_quantile(runs - 1.0, level)
        * spread
        * (1.0 / expected_runs as f64 + 1.0 / runs).sqrt();
    let half = half + 1e-9 * mean.abs();
    let [mean, low, high] = [mean, mean - half, mean + half].map(|x| from_logarithm(name, x));
    Some(ExpectedNumber { mean, low, high })
}
