//! Which rows a claim compares: at equal settings, or at equal cost on a line.

use std::collections::BTreeSet;

use super::comparison::{By, Comparison, Cost};
use crate::experiment::config::{At, ClaimConfig, Other, Selector};
use crate::experiment::measures::{COUNTS, counts_failures};
use crate::experiment::plan::matches;
use crate::experiment::results::Row;
use crate::experiment::statistics::{Estimate, Measure};

/// Costs beyond the ends of a line by less than this factor are those of its ends.
const SLACK: f64 = 1.1;

/// What a claim compares, and what it cannot.
#[derive(Default)]
pub(super) struct Found {
    /// All comparisons.
    pub comparisons: Vec<Comparison>,
    /// Rows of either side that have no value, or of whose runs some stopped.
    pub missing: Vec<String>,
    /// Rows of the claim.
    rows: usize,
}

impl Found {
    /// Why there is no comparison.
    pub(super) fn why_nothing(&self, at: At) -> String {
        match (self.rows, self.missing.first(), self.comparisons.len()) {
            (0, _, _) => "the preset has no row of the claim's own side".into(),
            (_, Some(first), _) => {
                format!("{} without a value or with failed runs ({first})", self.missing.len())
            }
            (_, None, 0) => "the preset has no row of the other side at equal settings".into(),
            (_, None, unreached) => format!("{unreached} settings have no equal {}", at.name()),
        }
    }
}

/// The number that a row is compared by, if all of its runs have one.
fn whole<'a>(row: &'a Row, measure: &str) -> Option<&'a Measure> {
    let found = row.measures.get(measure)?;
    (row.failed == 0 || counts_failures(measure)).then_some(found)
}

/// All comparisons of the claim.
pub(super) fn find(claim: &ClaimConfig, other: &Other, rows: &[Row]) -> Found {
    let mut found = Found::default();
    let mut missing = BTreeSet::new();
    for row in rows.iter().filter(|row| matches(&claim.of, &row.choices)) {
        found.rows += 1;
        let Some(measure) = whole(row, &claim.measure) else {
            missing.insert(row.label.clone());
            continue;
        };
        match other {
            Other::Number(number) => {
                let right = Right::new(String::new(), Estimate::exact(*number));
                found.comparisons.push(compare(claim, row, measure, right));
            }
            Other::Rows(selector) => {
                let (there, lost): (Vec<&Row>, Vec<&Row>) = alike(claim, selector, row, rows)
                    .into_iter()
                    .partition(|other| whole(other, &claim.measure).is_some());
                missing.extend(lost.iter().map(|row| row.label.clone()));
                let rights = match cost(claim.at) {
                    None => at_equal_settings(claim, &there),
                    Some(cost) => at_equal_cost(claim, cost, row, &there),
                };
                let compared = rights.into_iter().map(|right| compare(claim, row, measure, right));
                found.comparisons.extend(compared);
            }
        }
    }
    found.missing = missing.into_iter().collect();
    found
}

/// What a row is compared with.
struct Right<'a> {
    name: String,
    estimate: Estimate,
    /// The other row, where it is one.
    row: Option<(&'a Row, &'a Measure)>,
    /// What the row costs beside it.
    cost: Cost,
}

impl Right<'_> {
    fn new(name: String, estimate: Estimate) -> Self {
        Self { name, estimate, row: None, cost: Cost::Equal }
    }
}

fn compare(
    claim: &ClaimConfig,
    row: &Row,
    measure: &Measure,
    Right { name, estimate, row: other, cost }: Right<'_>,
) -> Comparison {
    let label = match name.is_empty() {
        true => row.label.clone(),
        false => format!("{}; {name}", row.label),
    };
    let (mut left, mut right) = (measure.estimate(), estimate);
    if claim.absolute {
        (left, right) = (left.absolute(), right.absolute());
    }
    let mut lost_its_pairs = false;
    let counts = claim.measure == "failure" && claim.at == At::Settings;
    let by = match other {
        _ if counts => {
            By::Counts((row.failed, row.runs), other.map(|(other, _)| (other.failed, other.runs)))
        }
        Some((other, others))
            if claim.paired || (!claim.absolute && COUNTS.contains(&claim.measure.as_str())) =>
        {
            // Numbers stand in the order of the seeds, where none is lost.
            let runs = [row.runs, other.runs, measure.values.len(), others.values.len()];
            lost_its_pairs = runs.iter().any(|count| *count != row.runs);
            let pairs = measure.values.iter().copied().zip(others.values.iter().copied());
            if lost_its_pairs { By::Means } else { By::Pairs(pairs.collect()) }
        }
        _ => By::Means,
    };
    Comparison { label, left, right, by, lost_its_pairs, cost }
}

fn cost(at: At) -> Option<&'static str> {
    (at != At::Settings).then(|| at.name())
}

/// The rows of the selector with the same choices as `row` on all axes that it does not name, without `row` itself; at equal
/// cost, the axis of the figure is free.
fn alike<'a>(claim: &ClaimConfig, selector: &Selector, row: &Row, rows: &'a [Row]) -> Vec<&'a Row> {
    let line = row.axis.as_ref().map(|axis| axis.name.as_str());
    let free = |axis: &str| {
        selector.contains_key(axis) || (claim.at != At::Settings && line == Some(axis))
    };
    let same = |other: &&Row| {
        let mut choices = row.choices.iter().filter(|(axis, _)| !free(axis));
        choices.all(|(axis, label)| other.choices.get(axis) == Some(label))
    };
    let others = rows.iter().filter(|other| other.label != row.label);
    others.filter(|other| matches(selector, &other.choices)).filter(same).collect()
}

fn at_equal_settings<'a>(claim: &ClaimConfig, alike: &[&'a Row]) -> Vec<Right<'a>> {
    let value = |row: &&'a Row| {
        let measure = row.measures.get(&claim.measure)?;
        let right = Right::new(row.label.clone(), measure.estimate());
        Some(Right { row: Some((*row, measure)), ..right })
    };
    alike.iter().filter_map(value).collect()
}

/// The lines of the other rows at the cost of `row`, or at their nearest ends.
fn at_equal_cost<'a>(
    claim: &ClaimConfig,
    cost: &str,
    row: &Row,
    alike: &[&'a Row],
) -> Vec<Right<'a>> {
    let mut lines: Vec<(String, Vec<&Row>)> = Vec::new();
    for other in alike {
        let parts = [other.panel.as_str(), other.series.as_str()];
        let name = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
        let name = name.join(", ");
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, line)) => line.push(other),
            None => lines.push((name, vec![other])),
        }
    }
    let Some(spent) = row.measures.get(cost).map(|measure| measure.mean) else {
        return Vec::new();
    };
    let point = |row: &&Row| {
        let cost = row.measures.get(cost)?.mean;
        let estimate = row.measures.get(&claim.measure)?.estimate();
        // Before the line is drawn: biases of opposite signs do not cancel on it.
        Some((cost, if claim.absolute { estimate.absolute() } else { estimate }))
    };
    let value = |(name, line): (String, Vec<&Row>)| {
        let mut points: Vec<(f64, Estimate)> = line.iter().filter_map(point).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (reached, estimate) = at_cost(&points, spent)?;
        let place = match reached {
            Cost::Equal => format!("at equal {cost}"),
            Cost::Less => format!("which takes more {cost} at least"),
            Cost::More => format!("which takes fewer {cost} at most"),
        };
        let name = format!("{name} {place}").trim_start().to_owned();
        Some(Right { cost: reached, ..Right::new(name, estimate) })
    };
    lines.into_iter().filter_map(value).collect()
}

/// The line through `points` at a cost, linear in its logarithm, or its nearer end, and what the cost is beside that of
/// the point.
fn at_cost(points: &[(f64, Estimate)], cost: f64) -> Option<(Cost, Estimate)> {
    let (first, last) = (points.first()?, points.last()?);
    if cost <= first.0 {
        let reached = if cost < first.0 / SLACK { Cost::Less } else { Cost::Equal };
        return Some((reached, first.1.clone()));
    }
    for pair in points.windows(2) {
        let [(low, from), (high, to)] = pair else { continue };
        if cost <= *high {
            let share = if high > low { (cost / low).ln() / (high / low).ln() } else { 1.0 };
            return Some((Cost::Equal, from.times(1.0 - share).plus(share, to)));
        }
    }
    let reached = if cost > last.0 * SLACK { Cost::More } else { Cost::Equal };
    Some((reached, last.1.clone()))
}
