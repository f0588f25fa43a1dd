//! Verdicts on what an experiment is to show, from the spread of its seeds alone.
//!
//! A comparison of two rows holds where their difference is beyond what Student's distribution with Welch's degrees of
//! freedom exceeds in 1 % of all cases, two-sided; between 2.6 and, with four seeds each, 5.8 standard errors. A claim
//! *holds* if all of its comparisons do. It *fails* if one is as clearly the other way round, at 1 % divided by
//! the number of comparisons. Anything else is *undecided*, and the detail says how many hold.
//!
//! At equal settings rows are compared whose choices are the same but for those that `above` or `below` names. At equal cost a row stands against the line
//! of the other method, linear in the logarithm of the cost between its rows; costs that the line does not
//! reach are left out.

use serde::{Deserialize, Serialize};

use super::config::{At, ClaimConfig, Other, Selector};
use super::plan::matches;
use super::results::Row;
use super::statistics::{Estimate, rank_correlation};

/// What the data say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// Everywhere, clearly.
    Holds,
    /// Somewhere, clearly not.
    Fails,
    /// Neither.
    Undecided,
}

/// A claim with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// The claim in words.
    pub claim: String,
    /// What the data say.
    pub verdict: ClaimVerdict,
    /// From which numbers.
    pub detail: String,
}

/// The level of one comparison.
const LEVEL: f64 = 0.01;
/// Costs beyond the ends of a line by less than this factor are those of its ends.
const SLACK: f64 = 1.1;

/// Decides a claim.
pub fn decide(claim: &ClaimConfig, rows: &[Row]) -> Decided {
    let (verdict, detail) = match &claim.agrees_with {
        Some(other) => agreement(claim, other, rows),
        None => comparison(claim, rows),
    };
    Decided { claim: claim.claim.clone(), verdict, detail }
}

/// One row against what it is compared with.
struct Comparison {
    label: String,
    left: Estimate,
    right: Estimate,
}

impl Comparison {
    /// `sign (left - factor right)`.
    fn margin(&self, sign: f64, factor: f64) -> Estimate {
        self.left.times(sign).plus(-sign * factor, &self.right)
    }

    fn words(&self, factor: f64) -> String {
        let times = if factor == 1.0 { String::new() } else { format!("{factor} times ") };
        let (left, right) = (number(&self.left), number(&self.right));
        format!("{left} against {times}{right} ({})", self.label)
    }
}

fn comparison(claim: &ClaimConfig, rows: &[Row]) -> (ClaimVerdict, String) {
    let (sign, other) = match (&claim.above, &claim.below) {
        (Some(other), _) => (1.0, other),
        (None, Some(other)) => (-1.0, other),
        (None, None) => return (ClaimVerdict::Undecided, "nothing to compare with".into()),
    };
    let factor = claim.factor.unwrap_or(1.0);
    let (pairs, missing) = pairs(claim, other, rows);
    if pairs.is_empty() {
        return (ClaimVerdict::Undecided, format!("no rows to compare; {missing} without a value"));
    }
    let share = LEVEL / pairs.len() as f64;
    let holds: Vec<bool> =
        pairs.iter().map(|pair| pair.margin(sign, factor).is_above_zero(LEVEL)).collect();
    let fails: Vec<bool> =
        pairs.iter().map(|pair| pair.margin(-sign, factor).is_above_zero(share)).collect();
    let holding = holds.iter().filter(|holds| **holds).count();
    let failing = fails.iter().filter(|fails| **fails).count();
    let verdict = match (failing, holding == pairs.len() && missing == 0) {
        (0, true) => ClaimVerdict::Holds,
        (0, false) => ClaimVerdict::Undecided,
        _ => ClaimVerdict::Fails,
    };
    let mut detail = format!("{}: {holding} of {} comparisons hold", claim.measure, pairs.len());
    if failing > 0 {
        detail += &format!(", {failing} fail");
    }
    if missing > 0 {
        detail += &format!(", {missing} rows have no value");
    }
    // The comparison that stands worst for the claim, in units of its error.
    let ratio = |pair: &Comparison| {
        let margin = pair.margin(sign, factor);
        let error = margin.std_error();
        if error > 0.0 { margin.mean / error } else { margin.mean * f64::MAX }
    };
    if let Some(worst) = pairs.iter().min_by(|a, b| ratio(a).total_cmp(&ratio(b))) {
        detail += &format!("; weakest: {}", worst.words(factor));
    }
    (verdict, detail)
}

/// All comparisons of the claim, and how many of its rows have no value.
fn pairs(claim: &ClaimConfig, other: &Other, rows: &[Row]) -> (Vec<Comparison>, usize) {
    let (mut pairs, mut missing) = (Vec::new(), 0);
    for row in rows.iter().filter(|row| matches(&claim.of, &row.choices)) {
        let Some(left) = row.measures.get(&claim.measure).map(|measure| measure.estimate()) else {
            missing += 1;
            continue;
        };
        let rights = match other {
            Other::Number(number) => vec![(String::new(), Estimate::exact(*number))],
            Other::Rows(selector) => {
                let alike = alike(claim, selector, row, rows);
                match cost(claim.at) {
                    None => at_equal_settings(claim, &alike),
                    Some(cost) => at_equal_cost(claim, cost, row, &alike),
                }
            }
        };
        for (name, right) in rights {
            let label = match name.is_empty() {
                true => row.label.clone(),
                false => format!("{}; {name}", row.label),
            };
            pairs.push(Comparison { label, left: left.clone(), right });
        }
    }
    (pairs, missing)
}

fn cost(at: At) -> Option<&'static str> {
    match at {
        At::Settings => None,
        At::Evaluations => Some("evaluations"),
        At::Seconds => Some("seconds"),
    }
}

/// The rows of the selector with the same choices as `row` on all axes that it does not name; at equal cost, the axis of
/// the figure is free.
fn alike<'a>(claim: &ClaimConfig, selector: &Selector, row: &Row, rows: &'a [Row]) -> Vec<&'a Row> {
    let line = row.axis.as_ref().map(|axis| axis.name.as_str());
    let free = |axis: &str| {
        selector.contains_key(axis) || (claim.at != At::Settings && line == Some(axis))
    };
    let same = |other: &&Row| {
        let mut choices = row.choices.iter().filter(|(axis, _)| !free(axis));
        choices.all(|(axis, label)| other.choices.get(axis) == Some(label))
    };
    rows.iter().filter(|other| matches(selector, &other.choices)).filter(same).collect()
}

fn at_equal_settings(claim: &ClaimConfig, alike: &[&Row]) -> Vec<(String, Estimate)> {
    let value = |row: &&Row| {
        let measure = row.measures.get(&claim.measure)?;
        Some((row.label.clone(), measure.estimate()))
    };
    alike.iter().filter_map(value).collect()
}

/// The lines of the other rows at the cost of `row`.
fn at_equal_cost(
    claim: &ClaimConfig,
    cost: &str,
    row: &Row,
    alike: &[&Row],
) -> Vec<(String, Estimate)> {
    let Some(spent) = row.measures.get(cost).map(|measure| measure.mean) else { return Vec::new() };
    let mut lines: Vec<(String, Vec<&Row>)> = Vec::new();
    for other in alike {
        let name = format!("{}, {}", other.panel, other.series);
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, line)) => line.push(other),
            None => lines.push((name, vec![other])),
        }
    }
    let value = |line: &[&Row]| {
        let mut points: Vec<(f64, Estimate)> = line
            .iter()
            .filter_map(|row| {
                let cost = row.measures.get(cost)?.mean;
                Some((cost, row.measures.get(&claim.measure)?.estimate()))
            })
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        interpolate(&points, spent)
    };
    lines
        .into_iter()
        .filter_map(|(name, line)| value(&line).map(|at| (format!("{name} at equal {cost}"), at)))
        .collect()
}

/// The line through `points` at `cost`, linear in its logarithm; `None` outside.
fn interpolate(points: &[(f64, Estimate)], cost: f64) -> Option<Estimate> {
    let (first, last) = (points.first()?, points.last()?);
    if cost < first.0 / SLACK || cost > last.0 * SLACK {
        return None;
    }
    if cost <= first.0 {
        return Some(first.1.clone());
    }
    for pair in points.windows(2) {
        let [(low, from), (high, to)] = pair else { continue };
        if cost <= *high {
            let share = if high > low { (cost / low).ln() / (high / low).ln() } else { 1.0 };
            return Some(from.times(1.0 - share).plus(share, to));
        }
    }
    Some(last.1.clone())
}

/// Spearman's correlation of two measures over the rows, with Fisher's interval at the same level.
fn agreement(claim: &ClaimConfig, other: &str, rows: &[Row]) -> (ClaimVerdict, String) {
    let pairs: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| matches(&claim.of, &row.choices))
        .filter_map(|row| {
            let (first, second) = (row.measures.get(&claim.measure)?, row.measures.get(other)?);
            Some((first.mean.abs(), second.mean))
        })
        .collect();
    let Some(correlation) = rank_correlation(&pairs) else {
        return (ClaimVerdict::Undecided, format!("{} rows are too few to rank", pairs.len()));
    };
    // The variance of atanh of a rank correlation [Fieller, Hartley & Pearson 1957]; 2.58 is the normal 1 %.
    let width = 2.576 * (1.06 / (pairs.len() as f64 - 3.0)).sqrt();
    let middle = correlation.clamp(-0.999_999, 0.999_999).atanh();
    let (low, high) = ((middle - width).tanh(), (middle + width).tanh());
    let verdict = match (low > 0.0, high < 0.5) {
        (true, _) => ClaimVerdict::Holds,
        (false, true) => ClaimVerdict::Fails,
        (false, false) => ClaimVerdict::Undecided,
    };
    let detail = format!(
        "rank correlation of {} and {other} over {} rows: {correlation:.2}, from {low:.2} to {high:.2}",
        claim.measure,
        pairs.len()
    );
    (verdict, detail)
}

/// An estimate with its error, in as many digits as that supports.
fn number(estimate: &Estimate) -> String {
    let error = estimate.std_error();
    if estimate.parts.is_empty() {
        return format!("{}", estimate.mean);
    }
    let digits = if error > 0.0 { (2.0 - error.log10().ceil()).clamp(0.0, 6.0) } else { 4.0 };
    format!("{:.*} ± {:.*}", digits as usize, estimate.mean, digits as usize, error)
}

#[cfg(test)]
mod tests;
