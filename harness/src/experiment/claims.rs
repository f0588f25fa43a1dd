//! Verdicts on what an experiment is to show, from the spread of its seeds alone.
//!
//! A comparison of two rows holds where their difference is beyond what Student's distribution with Welch's degrees of
//! freedom exceeds in 1 % of all cases, two-sided; between 2.6 and, with four seeds each, 5.8 standard errors. A claim
//! *holds* if all of its comparisons do. It *fails* if one is as clearly the other way round, at 1 % divided by
//! the number of comparisons. Anything else is *undecided*, and the detail says how many hold. Shares of runs that
//! stopped are compared by exact binomial bounds at the same level.
//!
//! Paired claims, and all that count evaluations, compare runs of equal seeds, which use the same random numbers: the differences are
//! one sample. Where a run is lost they are compared as others are.
//!
//! At equal settings rows are compared whose choices are the same but for those that `above` or `below` names. At equal
//! cost a row stands against the line of the other method, linear in the logarithm of the cost between its rows. A row that
//! costs less than all of the line stands against its cheapest setting: where it is better, it is better at equal cost
//! too, as no method is taken to lose by having more, and where it is not, a claim that it is stays open. Likewise one that
//! costs more than all of the line can only be worse, than its dearest setting. Rows that can say nothing for a claim are
//! left out, and it does not hold where more than half are. Rows without a value, or of whose runs some stopped (but for measures that count these), are missing: a claim does not
//! hold on the rest.

mod agreement;
mod comparison;
mod pairs;

use serde::{Deserialize, Serialize};

use super::config::{At, ClaimConfig};
use super::measures;
use super::results::Row;
use agreement::agreement;
use comparison::{Comparison, Cost, Statement};
use pairs::{Found, find};

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
    /// Whether times decide, which no two machines have in common.
    pub about_time: bool,
}

/// The level of one comparison.
const LEVEL: f64 = 0.01;

/// Decides a claim.
pub fn decide(claim: &ClaimConfig, rows: &[Row]) -> Decided {
    let (verdict, detail) = match &claim.agrees_with {
        Some(other) => agreement(claim, other, rows),
        None => comparison(claim, rows),
    };
    let about_time = claim.at == At::Seconds || measures::TIMES.contains(&claim.measure.as_str());
    Decided { claim: claim.claim.clone(), verdict, detail, about_time }
}

fn comparison(claim: &ClaimConfig, rows: &[Row]) -> (ClaimVerdict, String) {
    let (sign, other) = match (&claim.above, &claim.below) {
        (Some(other), _) => (1.0, other),
        (None, Some(other)) => (-1.0, other),
        (None, None) => return (ClaimVerdict::Undecided, "nothing to compare with".into()),
    };
    let factor = claim.factor.unwrap_or(1.0);
    let found = find(claim, other, rows);
    let all = found.comparisons.len();
    let share = LEVEL / all.max(1) as f64;
    let better = if claim.absolute { Some(-1.0) } else { measures::better(&claim.measure) };
    let says_better = better.map(|better| better * sign > 0.0);
    let statement = Statement { sign, factor, says_better };
    let holds = |pair: &Comparison| pair.holds(&statement, LEVEL);
    let fails = |pair: &Comparison| pair.fails(&statement, share);
    let decides = |pair: &&Comparison| pair.may(&statement, true) || fails(pair);
    let pairs: Vec<&Comparison> = found.comparisons.iter().filter(decides).collect();
    if pairs.is_empty() {
        let why = found.why_nothing(claim.at);
        return (ClaimVerdict::Undecided, format!("no rows to compare: {why}"));
    }
    let holding = pairs.iter().filter(|pair| holds(pair)).count();
    let failing = pairs.iter().filter(|pair| fails(pair)).count();
    let whole = found.missing.is_empty() && 2 * (all - pairs.len()) <= all;
    let verdict = match (failing, holding == pairs.len() && whole) {
        (0, true) => ClaimVerdict::Holds,
        (0, false) => ClaimVerdict::Undecided,
        _ => ClaimVerdict::Fails,
    };
    (verdict, detail(claim, &found, &pairs, &statement, (holding, failing)))
}

/// The numbers behind a verdict, which `pairs` decide.
fn detail(
    claim: &ClaimConfig,
    found: &Found,
    pairs: &[&Comparison],
    statement: &Statement,
    (holding, failing): (usize, usize),
) -> String {
    let mut detail = format!("{}: {holding} of {} comparisons hold", claim.measure, pairs.len());
    let beyond = |cost| pairs.iter().filter(|pair| pair.cost == cost).count();
    for (count, word) in [(beyond(Cost::Less), "less"), (beyond(Cost::More), "more")] {
        if count > 0 {
            detail += &format!(" ({count} at {word} cost than any setting of the other)");
        }
    }
    // One may hold and fail at once only where a factor is negative, which none is.
    let open = pairs.len() - holding - failing;
    for (count, word) in [(failing, "fail"), (open, "undecided")] {
        if count > 0 {
            detail += &format!(", {count} {word}");
        }
    }
    let Statement { sign, factor, .. } = *statement;
    let few = |pair: &&&Comparison| pair.promises(sign, factor) && !pair.holds(statement, LEVEL);
    match pairs.iter().filter(few).count() {
        0 => {}
        few => detail += &format!(" ({few} with too few seeds to tell)"),
    }
    let all = found.comparisons.len();
    if all > pairs.len() {
        let unreached = all - pairs.len();
        detail += &format!("; {unreached} of {all} settings have no equal {}", claim.at.name());
    }
    if let Some(first) = found.missing.first() {
        let count = found.missing.len();
        detail += &format!("; {count} rows without a value or with failed runs ({first})");
    }
    let unpaired = pairs.iter().filter(|pair| pair.lost_its_pairs).count();
    if unpaired > 0 {
        detail += &format!("; {unpaired} not paired, as runs are lost");
    }
    let weight = |pair: &Comparison| pair.weight(sign, factor);
    if let Some(worst) = pairs.iter().min_by(|a, b| weight(a).total_cmp(&weight(b))) {
        detail += &format!("; weakest: {}", worst.words(factor));
    }
    detail
}

#[cfg(test)]
mod tests;
