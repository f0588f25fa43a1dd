//! `expected.json`: what a correct program measures, and the intervals that it stays in.
//!
//! Every number is the mean of `m` runs. Its interval comes from `n` runs with other seeds: `mean +- t s sqrt(1/n + 1/m)`,
//! the prediction interval of Student's distribution, at a level such that all numbers of the experiment together
//! leave theirs about once in a thousand times, failures apart. Errors that cannot be negative are nearer to normal by their square roots: of these
//! the mean is taken, and squared. Methods that lose their particles (an effective sample size below .1) or modes (weights
//! off by that more than independent samples are) have no such intervals for what a few particles decide: their log Z and distances are left
//! out, and what they lose must stay lost; rates, which all particles decide, are compared. Times are never compared.
//! Weights have heavy tails: now and then a single particle takes nearly all of a run that looks like any other, which no
//! spread over a few seeds foretells. So the lower end of an effective sample size leaves room for as many of the `m` runs to
//! lose it as such counts allow, see below, at 1/50.
//!
//! What shifts all rows a little shows in none of them alone. So the mean over rows is compared too, seed by seed, over
//! the rows that have lost nothing: of log Z and effective sample sizes themselves, of the logarithms of distances and
//! rates. And claims that held must not fail, or the other way round; times are left out here as well.
//!
//! Runs that stop are counted: after `k` of `n`, so many of `m` are expected as the beta-binomial distribution with
//! Jeffreys' prior has with more than 1/20 on either side. Where a method stops by chance, this is what such a program leaves in a
//! tenth of all cases; after none of 12, one of 6 may stop.

mod all_rows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::claims::{ClaimVerdict, Decided};
use super::results::{Results, Row};
use super::statistics::{Measure, deviation, student_quantile};
use all_rows::{OF_ALL_ROWS, from_logarithm, may_be_lost, over_rows, prediction};

/// The name of the mean over rows in deviations.
const ALL_ROWS: &str = "all rows together";

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
    /// SHA-256 of the rows that it belongs to, see [`Plan`](super::plan::Plan).
    pub grid_sha256: String,
    /// Runs of each row that it was measured by.
    pub runs: usize,
    /// Runs of each row that intervals are for.
    pub expected_runs: usize,
    /// How often a correct program leaves any of the intervals.
    pub level: f64,
    /// Row by row, measure by measure.
    pub rows: BTreeMap<String, BTreeMap<String, ExpectedNumber>>,
    /// The mean over rows, measure by measure: of log Z and effective sample sizes, and the geometric one of the others.
    pub all_rows: BTreeMap<String, ExpectedNumber>,
    /// Claim by claim, without those that are open or about times.
    pub verdicts: BTreeMap<String, ClaimVerdict>,
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
const COMPARED: [&str; 8] = [
    "failure",
    "ess",
    "log_z",
    "sliced_wasserstein",
    "mode_weight_error",
    "mean_rejection_rate",
    "acceptance_rate",
    "evaluations",
];
/// An effective sample size below which, and an error of mode weights above which, a method has failed.
const LOST: f64 = 0.1;
/// What another attempt of the pilot adds to the evaluations of a run.
const PILOT: f64 = 0.02;
/// How often a correct program deviates anywhere.
const TOTAL_LEVEL: f64 = 1e-3;

impl Expectation {
    /// Expects what `results` have, of `expected_runs` runs with other seeds.
    pub fn of(results: &Results, expected_runs: usize) -> Self {
        let numbers: usize = results.rows.iter().map(|row| compared(row).count()).sum();
        let numbers = numbers + OF_ALL_ROWS.len();
        let level = TOTAL_LEVEL / numbers.max(1) as f64;
        // Rows have as many runs as there are seeds, but for those that stopped.
        let mut quantiles = BTreeMap::new();
        let row = |row: &Row| {
            let lost = Lost::by(row);
            let numbers = compared(row).filter_map(|(name, measure)| {
                let expected = match name {
                    "failure" => failures(row.failed, row.runs, expected_runs, FAILURE_TAIL),
                    _ => {
                        let runs = measure.values.len();
                        let of_runs = || student_quantile(runs as f64 - 1.0, level);
                        let quantile = *quantiles.entry(runs).or_insert_with(of_runs);
                        interval(name, measure, expected_runs, quantile, lost)?
                    }
                };
                Some((name.to_owned(), expected))
            });
            (row.label.clone(), numbers.collect())
        };
        Self {
            experiment: results.experiment.clone(),
            preset: results.preset.clone(),
            version: results.version.clone(),
            grid_sha256: results.grid_sha256.clone(),
            runs: results.seeds.len(),
            expected_runs,
            level: TOTAL_LEVEL,
            rows: results.rows.iter().map(row).collect(),
            all_rows: OF_ALL_ROWS
                .iter()
                .filter_map(|name| {
                    let rows = results.rows.iter().filter(|row| Lost::by(row) == Lost::Nothing);
                    let rows: Vec<&Row> =
                        rows.filter(|row| row.measures.contains_key(*name)).collect();
                    let means = over_rows(name, &rows, results.seeds.len())?;
                    let mut expected = prediction(name, &means, expected_runs, level)?;
                    if *name == "ess" {
                        expected.low *= 1.0 - may_be_lost(&rows, expected_runs);
                    }
                    Some(((*name).to_owned(), expected))
                })
                .collect(),
            verdicts: results
                .claims
                .iter()
                .filter(|claim| !claim.about_time && claim.verdict != ClaimVerdict::Undecided)
                .map(|claim| (claim.claim.clone(), claim.verdict))
                .collect(),
        }
    }

    /// How many numbers there are.
    pub fn numbers(&self) -> usize {
        self.rows.values().map(BTreeMap::len).sum::<usize>() + self.all_rows.len()
    }

    /// The claims of `results` that hold where they are expected to fail, or fail where they are expected to hold.
    pub fn contradicted<'a>(&self, results: &'a Results) -> Vec<&'a Decided> {
        let contradicted = |claim: &&Decided| {
            let expected = self.verdicts.get(&claim.claim);
            claim.verdict != ClaimVerdict::Undecided
                && expected.is_some_and(|expected| *expected != claim.verdict)
        };
        results.claims.iter().filter(contradicted).collect()
    }

    /// The numbers of `results` that are not what is expected; rows that are not there deviate.
    pub fn deviations(&self, results: &Results) -> Vec<Deviation> {
        let mut deviations = Vec::new();
        for (label, numbers) in &self.rows {
            let row = results.rows.iter().find(|row| row.label == *label);
            for (name, expected) in numbers {
                let found = row.and_then(|row| row.measures.get(name));
                let found = found.map(|found| mean_of(name, &found.values));
                if found.is_none_or(|found| found < expected.low || found > expected.high) {
                    let (row, measure) = (label.clone(), name.clone());
                    deviations.push(Deviation { row, measure, found, expected: *expected });
                }
            }
        }
        for (name, expected) in &self.all_rows {
            // Those that had lost nothing: all others are without a log Z.
            let whole = |label: &str| {
                self.rows.get(label).is_some_and(|numbers| numbers.contains_key("log_z"))
            };
            let rows = results.rows.iter().filter(|row| row.measures.contains_key(name));
            let rows: Vec<&Row> = rows.filter(|row| whole(&row.label)).collect();
            // A row that has lost runs deviates by itself.
            let Some(means) = over_rows(name, &rows, results.seeds.len()) else { continue };
            let found = from_logarithm(name, means.iter().sum::<f64>() / means.len() as f64);
            if found < expected.low || found > expected.high {
                let (row, measure) = (ALL_ROWS.to_owned(), name.clone());
                let found = Some(found);
                deviations.push(Deviation { row, measure, found, expected: *expected });
            }
        }
        deviations
    }
}

/// What a method has lost, whose means are then those of chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Nothing,
    /// Some of the runs: what the others have depends on which.
    Runs,
    Particles,
    Modes,
}

impl Lost {
    fn by(row: &Row) -> Self {
        let mean = |name: &str| row.measures.get(name).map(|measure| measure.mean);
        if row.failed > 0 {
            Self::Runs
        } else if mean("ess").is_some_and(|ess| ess < LOST) {
            Self::Particles
        } else if mean("mode_weight_error")
            .is_some_and(|error| error > LOST + mean("mode_weight_floor").unwrap_or(0.0))
        {
            Self::Modes
        } else {
            Self::Nothing
        }
    }

    /// The measures that are still compared.
    fn leaves(self, name: &str) -> bool {
        let counted = name == "evaluations" || name == "failure";
        // Decided by all particles, whether they have weight or not.
        let rate = name == "mean_rejection_rate" || name == "acceptance_rate";
        match self {
            Self::Nothing => true,
            Self::Runs => counted || name == "ess",
            Self::Particles => counted || rate || name == "ess",
            Self::Modes => counted || rate || name == "mode_weight_error",
        }
    }
}

/// The measures of a row that intervals are given for.
fn compared(row: &Row) -> impl Iterator<Item = (&'static str, &Measure)> {
    let lost = Lost::by(row);
    let measures = COMPARED.iter().filter(move |name| lost.leaves(name));
    measures.filter_map(|name| row.measures.get(*name).map(|measure| (*name, measure)))
}

/// Errors that cannot be negative.
fn is_error(name: &str) -> bool {
    name == "mode_weight_error" || name == "sliced_wasserstein"
}

fn to_scale(name: &str, value: f64) -> f64 {
    if is_error(name) { value.max(0.0).sqrt() } else { value }
}

fn from_scale(name: &str, value: f64) -> f64 {
    if is_error(name) { value.max(0.0) * value.max(0.0) } else { value }
}

/// The mean of numbers on the scale of their measure, brought back from it.
fn mean_of(name: &str, values: &[f64]) -> f64 {
    let sum: f64 = values.iter().map(|value| to_scale(name, *value)).sum();
    from_scale(name, sum / values.len() as f64)
}

/// The share of runs that each side of the interval of failures leaves out at most.
const FAILURE_TAIL: f64 = 0.05;
/// The same of runs that lose their particles, which every row may.
const LOSS_TAIL: f64 = 0.02;

/// How many of `expected` runs may stop, as shares, after `stopped` of `runs` did, but for a `tail` on either side.
fn failures(stopped: usize, runs: usize, expected: usize, tail: f64) -> ExpectedNumber {
    let (a, b) = (stopped as f64 + 0.5, (runs - stopped) as f64 + 0.5);
    let log_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let m = expected as f64;
    let chance = |j: usize| {
        let j = j as f64;
        let ways = -log_beta(j + 1.0, m - j + 1.0) - libm::log(m + 1.0);
        libm::exp(ways + log_beta(a + j, b + m - j) - log_beta(a, b))
    };
    let chances: Vec<f64> = (0..=expected).map(chance).collect();
    // The counts that leave more than the tail on either side, reached from both ends.
    let (mut below, mut above) = (0.0, 0.0);
    let passes = |sum: &mut f64, count: usize| {
        *sum += chances.get(count).copied().unwrap_or(0.0);
        *sum > tail
    };
    let least = (0..=expected).find(|count| passes(&mut below, *count));
    let most = (0..=expected).rev().find(|count| passes(&mut above, *count));
    let share = |count: usize| count as f64 / m;
    ExpectedNumber {
        mean: stopped as f64 / runs as f64,
        low: least.map_or(0.0, share),
        high: most.map_or(1.0, share),
    }
}

/// The interval of a measure, given Student's quantile for its runs and the level.
fn interval(
    name: &str,
    measure: &Measure,
    expected_runs: usize,
    quantile: f64,
    lost: Lost,
) -> Option<ExpectedNumber> {
    let runs = measure.values.len() as f64;
    let values: Vec<f64> = measure.values.iter().map(|value| to_scale(name, *value)).collect();
    let (mean, spread) = (values.iter().sum::<f64>() / runs, deviation(&values)?);
    // Counts that do not vary are compared to the digits that sums of them have; a pilot tries again now and then, which a
    // few seeds may not show.
    let slack = if name == "evaluations" { PILOT } else { 1e-9 };
    let rounding = slack * mean.abs();
    let half = quantile * spread * (1.0 / expected_runs as f64 + 1.0 / runs).sqrt() + rounding;
    let (mut low, mut high) = (from_scale(name, mean - half), from_scale(name, mean + half));
    let mean = from_scale(name, mean);
    if name != "log_z" {
        low = low.max(0.0);
    }
    match (lost, name) {
        // Once lost, a particle or a mode more or less is not a matter of the normal distribution.
        (Lost::Particles | Lost::Runs, "ess") => (low, high) = (0.0, high.max(2.0 * LOST)),
        // Runs may lose their particles to a single one.
        (Lost::Nothing | Lost::Modes, "ess") => {
            let lost = measure.values.iter().filter(|ess| **ess < 0.5 * mean).count();
            low *= 1.0 - failures(lost, measure.values.len(), expected_runs, LOSS_TAIL).high;
        }
        (Lost::Modes, "mode_weight_error") => (low, high) = (low.min(0.25 * mean), 1.0),
        _ => {}
    }
    Some(ExpectedNumber { mean, low, high })
}

#[cfg(test)]
mod tests;
