//! `results.json`: the rows of an experiment with the measures of their runs, and the claims they decide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::catalog::Experiment;
use super::claims::{Decided, decide};
use super::measures;
use super::plan::{Place, Plan, PlannedRow};
use super::runner::FinishedCell;
use super::statistics::Measure;
use crate::catalog::SamplerKind;

/// What an experiment found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The experiment's name.
    pub experiment: String,
    /// The preset's name.
    pub preset: String,
    /// Its title.
    pub title: String,
    /// What it is to show.
    pub claim: String,
    /// Version of this program.
    pub version: String,
    /// SHA-256 of what the rows are, see [`Plan`].
    pub grid_sha256: String,
    /// The vector instructions that the kernels ran on.
    pub instructions: String,
    /// The seeds of every row.
    pub seeds: Vec<u64>,
    /// Row by row.
    pub rows: Vec<Row>,
    /// Claim by claim.
    pub claims: Vec<Decided>,
}

/// All runs of one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, unique.
    pub label: String,
    /// The label of its choice on every axis.
    pub choices: BTreeMap<String, String>,
    /// Those, and what the runs are in the words of the configuration.
    pub settings: BTreeMap<String, Json>,
    /// Its place along what the experiment varies.
    pub axis: Option<Place>,
    /// Rows of one series form a line.
    pub series: String,
    /// Rows of one panel share axes.
    pub panel: String,
    /// Runs, failed ones included.
    pub runs: usize,
    /// Runs that stopped with an error.
    pub failed: usize,
    /// Their messages, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// The measures that have a value in any run; a failed run has its failure, and an effective sample
    /// size of 0 if it has weights.
    pub measures: BTreeMap<String, Measure>,
}

impl Results {
    /// Gathers the cells of a plan and decides the claims.
    pub(crate) fn new(experiment: &Experiment, plan: &Plan, cells: &[FinishedCell]) -> Self {
        let of_row = |index: usize| {
            plan.cells
                .iter()
                .zip(cells)
                .filter(move |(cell, _)| cell.row == index)
                .map(|pair| pair.1)
        };
        let rows = plan.rows.iter().enumerate();
        let rows: Vec<Row> = rows.map(|(index, row)| Row::new(row, of_row(index))).collect();
        Self {
            experiment: plan.name.clone(),
            preset: plan.preset.to_owned(),
            title: experiment.config.title.clone(),
            claim: experiment.config.claim.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            grid_sha256: plan.grid_sha256.clone(),
            instructions: amc_core::simd::Instructions::current().name().to_owned(),
            seeds: of_row(0).map(|cell| cell.seed).collect(),
            claims: experiment.config.claims.iter().map(|claim| decide(claim, &rows)).collect(),
            rows,
        }
    }
}

/// Seeds in words: `11 to 34`, or all of them where some between are left out.
pub fn seeds_in_words(seeds: &[u64]) -> String {
    let in_turn = seeds
        .windows(2)
        .all(|pair| pair.first().map(|s| s.saturating_add(1)) == pair.last().copied());
    match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if in_turn && seeds.len() > 2 => format!("{first} to {last}"),
        _ => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl Row {
    fn new<'a>(planned: &PlannedRow, cells: impl Iterator<Item = &'a FinishedCell>) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut failures: Vec<String> = Vec::new();
        let (mut runs, mut failed) = (0, 0);
        let exchange = serde_json::json!(SamplerKind::ReplicaExchange.name());
        for cell in cells {
            runs += 1;
            let found = match (&cell.summary, &cell.error) {
                (Some(summary), _) => measures::of_summary(summary, cell.thread_seconds),
                (None, error) => {
                    failed += 1;
                    let message = error.clone().unwrap_or_default();
                    if !failures.contains(&message) {
                        failures.push(message);
                    }
                    measures::of_failure(cell.settings.get("algorithm") != Some(&exchange))
                }
            };
            for (name, value) in found {
                values.entry(name).or_default().push(value);
            }
        }
        let measured = values
            .into_iter()
            .filter_map(|(name, values)| Measure::of(&values).map(|measure| (name, measure)));
        Self {
            label: planned.label.clone(),
            choices: planned.choices.clone(),
            settings: planned.settings.clone(),
            axis: planned.axis.clone(),
            series: planned.series.clone(),
            panel: planned.panel.clone(),
            runs,
            failed,
            failures,
            measures: measured.collect(),
        }
    }
}
