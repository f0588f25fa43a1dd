//! `expected.json`: what a correct program measures, and the intervals that it stays in.
//!
//! Every number is the mean of `n` runs. Its interval comes from `m` runs with other seeds: `mean +- t s sqrt(1/n + 1/m)`,
//! the prediction interval of Student's distribution, at a level such that all numbers of the experiment together
//! leave theirs once in a thousand times. Methods that lose their particles (an effective sample size below
//! [`LOST`]) have no such intervals: their log Z and distances are left out, and their effective sample size must stay
//! small. Times are never compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::results::{Results, Row};
use super::statistics::{Measure, deviation, student_quantile};

/// What is expected of one preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The experiment's name.
    pub experiment: String,
    /// The preset's name.
    pub preset: String,
    /// The version that measured it.
    pub version: String,
    /// Runs of each row that it was measured by.
    pub runs: usize,
    /// Runs of each row that intervals are for.
    pub expected_runs: usize,
    /// How often a correct program leaves any of the intervals.
    pub level: f64,
    /// Row by row, measure by measure.
    pub rows: BTreeMap<String, BTreeMap<String, ExpectedNumber>>,
}

/// A number and the interval of the mean of as many runs as the preset has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedNumber {
    /// The mean.
    pub mean: f64,
    /// Least value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
}

/// A number outside its interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviation {
    /// The row.
    pub row: String,
    /// The measure.
    pub measure: String,
    /// The mean that was found; absent where there is none.
    pub found: Option<f64>,
    /// What was expected.
    pub expected: ExpectedNumber,
}

/// What is compared.
const COMPARED: [&str; 7] = [
    "ess",
    "log_z",
    "sliced_wasserstein",
    "mode_weight_error",
    "mean_rejection_rate",
    "acceptance_rate",
    "evaluations",
];
/// Below, a method has lost its particles, and means of anything but the effective sample size are those of a few points.
const LOST: f64 = 0.1;
/// How often a correct program deviates anywhere.
const TOTAL_LEVEL: f64 = 1e-3;

impl Expectation {
    /// Expects what `results` have, of `expected_runs` runs with other seeds.
    pub fn of(results: &Results, expected_runs: usize) -> Self {
        let numbers: usize = results.rows.iter().map(|row| compared(row).count()).sum();
        let level = TOTAL_LEVEL / numbers.max(1) as f64;
        let row = |row: &Row| {
            let lost = has_lost(row);
            let numbers = compared(row).filter_map(|(name, measure)| {
                let expected = interval(name, measure, expected_runs, level, lost)?;
                Some((name.to_owned(), expected))
            });
            (row.label.clone(), numbers.collect())
        };
        Self {
            experiment: results.experiment.clone(),
            preset: results.preset.clone(),
            version: results.version.clone(),
            runs: results.seeds.len(),
            expected_runs,
            level: TOTAL_LEVEL,
            rows: results.rows.iter().map(row).collect(),
        }
    }

    /// How many numbers there are.
    pub fn numbers(&self) -> usize {
        self.rows.values().map(BTreeMap::len).sum()
    }

    /// The numbers of `results` that are not what is expected; rows that are not there deviate.
    pub fn deviations(&self, results: &Results) -> Vec<Deviation> {
        let mut deviations = Vec::new();
        for (label, numbers) in &self.rows {
            let row = results.rows.iter().find(|row| row.label == *label);
            for (name, expected) in numbers {
                let found = row.and_then(|row| row.measures.get(name)).map(|found| found.mean);
                if found.is_none_or(|found| found < expected.low || found > expected.high) {
                    let (row, measure) = (label.clone(), name.clone());
                    deviations.push(Deviation { row, measure, found, expected: *expected });
                }
            }
        }
        deviations
    }
}

fn has_lost(row: &Row) -> bool {
    row.failed > 0 || row.measures.get("ess").is_some_and(|ess| ess.mean < LOST)
}

/// The measures of a row that intervals are given for.
fn compared(row: &Row) -> impl Iterator<Item = (&'static str, &Measure)> {
    let lost = has_lost(row);
    let steady = move |name: &str| !lost || name == "ess" || name == "evaluations";
    let measures = COMPARED.iter().filter(move |name| steady(name));
    measures.filter_map(|name| row.measures.get(*name).map(|measure| (*name, measure)))
}

fn interval(
    name: &str,
    measure: &Measure,
    expected_runs: usize,
    level: f64,
    lost: bool,
) -> Option<ExpectedNumber> {
    let (mean, runs) = (measure.mean, measure.values.len() as f64);
    let spread = deviation(&measure.values)?;
    let quantile = student_quantile(runs - 1.0, level);
    // Counts that do not vary are compared to the digits that sums of them have.
    let rounding = 1e-9 * mean.abs();
    let half = quantile * spread * (1.0 / expected_runs as f64 + 1.0 / runs).sqrt() + rounding;
    let (mut low, mut high) = (mean - half, mean + half);
    if name != "log_z" {
        low = low.max(0.0);
    }
    if lost && name == "ess" {
        // Once lost, a particle more or less is not a matter of the normal distribution.
        (low, high) = (0.0, high.max(2.0 * LOST));
    }
    Some(ExpectedNumber { mean, low, high })
}

#[cfg(test)]
mod tests;
