//! One row against what it is compared with.

use crate::experiment::statistics::{Estimate, Measure, binomial_bounds};

/// Two sides, and how they are compared.
pub(super) struct Comparison {
    /// The row and what it stands against.
    pub label: String,
    /// The row.
    pub left: Estimate,
    /// The other side.
    pub right: Estimate,
    /// Which numbers decide.
    pub by: By,
    /// Whether runs of equal seeds were to be compared and some are lost.
    pub lost_its_pairs: bool,
    /// Whether the two sides cost the same.
    pub cost: Cost,
}

/// What a row costs beside what it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// The same, or cost does not matter: the comparison decides either way.
    Equal,
    /// Less than any setting of the other: it can only be better in spite of it.
    Less,
    /// More than any setting of the other: it can only be worse in spite of it.
    More,
}

/// What a claim says of its rows: `sign (left - factor right) > 0`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    pub sign: f64,
    pub factor: f64,
    /// Whether the rows are then the better ones; `None` of measures that are neither good nor bad.
    pub says_better: Option<bool>,
}

/// The numbers that decide.
pub(super) enum By {
    /// Both means and their errors.
    Means,
    /// The numbers of both, seed by seed.
    Pairs(Vec<(f64, f64)>),
    /// How many runs of how many stopped; the other side may be a number.
    Counts((usize, usize), Option<(usize, usize)>),
}

impl Comparison {
    /// `sign (left - factor right)`.
    fn margin(&self, sign: f64, factor: f64) -> Estimate {
        if let By::Pairs(pairs) = &self.by {
            let differences = pairs.iter().map(|(left, right)| sign * (left - factor * right));
            if let Some(differences) = Measure::of(&differences.collect::<Vec<_>>()) {
                return differences.estimate();
            }
        }
        self.left.times(sign).plus(-sign * factor, &self.right)
    }

    /// Whether the costs of the sides let the comparison speak for the statement, or against it.
    pub(super) fn may(&self, statement: &Statement, hold: bool) -> bool {
        let better = statement.says_better.map(|better| better == hold);
        match self.cost {
            Cost::Equal => true,
            Cost::Less => better == Some(true),
            Cost::More => better == Some(false),
        }
    }

    /// Whether the statement is true of the row, at a two-sided level.
    pub(super) fn holds(&self, statement: &Statement, level: f64) -> bool {
        let Statement { sign, factor, .. } = *statement;
        self.may(statement, true) && self.is_beyond(sign, factor, level)
    }

    /// Whether the contrary is true of the row, at a two-sided level.
    pub(super) fn fails(&self, statement: &Statement, level: f64) -> bool {
        let Statement { sign, factor, .. } = *statement;
        self.may(statement, false) && self.is_beyond(-sign, factor, level)
    }

    /// Whether `sign (left - factor right)` is above 0 at a two-sided level.
    fn is_beyond(&self, sign: f64, factor: f64, level: f64) -> bool {
        let By::Counts(left, right) = self.by else {
            return self.margin(sign, factor).is_above_zero(level);
        };
        let bounds = |(stopped, runs)| binomial_bounds(stopped, runs, level);
        let exact = (self.right.mean, self.right.mean);
        let (left, right) = (bounds(left), right.map_or(exact, bounds));
        match sign > 0.0 {
            true => left.0 > factor * right.1,
            false => left.1 < factor * right.0,
        }
    }

    /// Whether the means alone would decide for the claim: they differ by more than half of the larger.
    pub(super) fn promises(&self, sign: f64, factor: f64) -> bool {
        let larger = self.left.mean.abs().max((factor * self.right.mean).abs());
        self.cost == Cost::Equal && self.margin(sign, factor).mean > 0.5 * larger
    }

    /// The margin in units of its error.
    pub(super) fn weight(&self, sign: f64, factor: f64) -> f64 {
        let margin = self.margin(sign, factor);
        let error = margin.std_error();
        if error > 0.0 { margin.mean / error } else { margin.mean * f64::MAX }
    }

    /// Both sides in words.
    pub(super) fn words(&self, factor: f64) -> String {
        let times = if factor == 1.0 { String::new() } else { format!("{factor} times ") };
        let (left, right) = (number(&self.left), number(&self.right));
        let spread = [&self.left, &self.right].iter().all(|side| !side.std_error().is_nan());
        let unknown = if spread { "" } else { "; one seed: no spread" };
        format!("{left} against {times}{right} ({}{unknown})", self.label)
    }
}

/// An estimate with its error, if it has one, in as many digits as that supports.
fn number(estimate: &Estimate) -> String {
    let error = estimate.std_error();
    if estimate.parts.is_empty() {
        return format!("{}", estimate.mean);
    }
    if error.is_nan() {
        return format!("{:.4}", estimate.mean);
    }
    let digits = if error > 0.0 { (2.0 - error.log10().ceil()).clamp(0.0, 6.0) } else { 4.0 };
    format!("{:.*} ± {:.*}", digits as usize, estimate.mean, digits as usize, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a single seed has an error in words, or nothing says that it has none.
    #[test]
    fn one_seed_has_no_spread() {
        let estimate = |values: &[f64]| Measure::of(values).unwrap().estimate();
        let words = |left: &[f64]| {
            let comparison = Comparison {
                label: "a; b".into(),
                left: estimate(left),
                right: Estimate::exact(0.25),
                by: By::Means,
                lost_its_pairs: false,
                cost: Cost::Equal,
            };
            comparison.words(1.0)
        };
        assert_eq!(words(&[0.5]), "0.5000 against 0.25 (a; b; one seed: no spread)");
        assert_eq!(words(&[0.3, 0.7]), "0.50 ± 0.20 against 0.25 (a; b)");
    }
}
