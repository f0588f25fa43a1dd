//! Whether two measures order the rows alike.
//!
//! Spearman's correlation inside each panel, of rows of one target and sampler: across panels both measures would grow with
//! the difficulty alone. A perfect order counts as one with two neighbours exchanged, `1 - 12/(n^3 - n)`: of few rows it proves
//! little. `atanh` of a rank correlation of `n` rows has variance `1.06/(n - 3)` [Fieller, Hartley &
//! Pearson 1957]; panels are combined by the mean weighted with `n - 3`. The claim holds where all of the interval is
//! above 1/2, and fails where all of it is below.

use std::collections::BTreeMap;

use super::ClaimVerdict;
use crate::experiment::config::ClaimConfig;
use crate::experiment::plan::matches;
use crate::experiment::results::Row;
use crate::experiment::statistics::rank_correlation;

/// The least correlation that is an agreement.
const AGREEMENT: f64 = 0.5;
/// Rows of the smallest panel that is ranked.
const LEAST_ROWS: usize = 7;
/// What the normal distribution exceeds in 1 % of all cases, two-sided.
const NORMAL: f64 = 2.576;

pub(super) fn agreement(claim: &ClaimConfig, other: &str, rows: &[Row]) -> (ClaimVerdict, String) {
    let mut panels: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    let mut missing = 0;
    for row in rows.iter().filter(|row| matches(&claim.of, &row.choices)) {
        let both = (row.measures.get(&claim.measure), row.measures.get(other));
        let ((Some(first), Some(second)), 0) = (both, row.failed) else {
            missing += 1;
            continue;
        };
        panels.entry(&row.panel).or_default().push((first.mean, second.mean));
    }
    let (mut sum, mut weights, mut ranked, mut count) = (0.0, 0.0, Vec::new(), 0);
    for (panel, pairs) in panels.iter().filter(|(_, pairs)| pairs.len() >= LEAST_ROWS) {
        let Some(correlation) = rank_correlation(pairs) else { continue };
        let n = pairs.len() as f64;
        let (weight, next_to_perfect) = (n - 3.0, 1.0 - 12.0 / (n * n * n - n));
        sum += weight * correlation.clamp(-next_to_perfect, next_to_perfect).atanh();
        weights += weight;
        count += pairs.len();
        ranked.push(format!("{correlation:.2} ({} rows: {panel})", pairs.len()));
    }
    if ranked.is_empty() {
        let message = format!("no panel has {LEAST_ROWS} rows to rank; {missing} without a value");
        return (ClaimVerdict::Undecided, message);
    }
    let (middle, width) = (sum / weights, NORMAL * (1.06_f64 / weights).sqrt());
    let (low, high) = ((middle - width).tanh(), (middle + width).tanh());
    let verdict = match (low > AGREEMENT && missing == 0, high < AGREEMENT) {
        (true, _) => ClaimVerdict::Holds,
        (false, true) => ClaimVerdict::Fails,
        (false, false) => ClaimVerdict::Undecided,
    };
    let mut detail = format!(
        "rank correlation of {} and {other} over {count} rows: {:.2}, from {low:.2} to {high:.2}, against 0.5; {}",
        claim.measure,
        middle.tanh(),
        ranked.join(", ")
    );
    if missing > 0 {
        detail += &format!("; {missing} rows without a value or with failed runs");
    }
    (verdict, detail)
}
