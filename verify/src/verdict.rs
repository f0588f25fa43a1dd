//! What a law found about one instance.

use core::fmt;

use crate::Budget;

/// What follows from a law's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing contradicts the law at the budget's level.
    Passed,
    /// The law is broken, except with probability at most the budget's false-positive share.
    Refuted,
    /// A premise of the law did not hold, so passing would mean nothing; counts as a failure.
    Inconclusive,
}

/// The outcome of one law on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Name of the law.
    pub law: &'static str,
    /// Name of the instance.
    pub instance: String,
    /// Upper bound on the probability that a correct instance looks at least this wrong. Laws that
    /// hold path by path, not in the mean, have 1 or 0.
    pub p_value_bound: f64,
    /// Particles drawn, all directions and pilots together.
    pub samples: u64,
    /// What follows.
    pub conclusion: Conclusion,
    /// The numbers behind it, to read.
    pub detail: String,
}

impl Verdict {
    /// Whether the law is passed; an inconclusive verdict is not.
    pub fn passed(&self) -> bool {
        self.conclusion == Conclusion::Passed
    }

    /// Concludes from a p-value bound at the budget's share; NaN refutes, as a bound of 0.
    pub fn from_p_value(
        (law, instance): (&'static str, &str),
        budget: &Budget,
        samples: usize,
        p_value_bound: f64,
        detail: String,
    ) -> Self {
        let passed = p_value_bound > budget.false_positive;
        let conclusion = if passed { Conclusion::Passed } else { Conclusion::Refuted };
        let p_value_bound = if p_value_bound.is_nan() { 0.0 } else { p_value_bound.min(1.0) };
        let (instance, samples) = (instance.to_owned(), samples as u64);
        Self { law, instance, p_value_bound, samples, conclusion, detail }
    }

    /// The same verdict, inconclusive because `premise` does not hold.
    #[must_use]
    pub fn without_premise(mut self, premise: String) -> Self {
        self.conclusion = Conclusion::Inconclusive;
        self.detail = format!("{premise}; {}", self.detail);
        self
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, instance, p_value_bound, samples, conclusion, detail } = self;
        write!(f, "{law} [{instance}]: {conclusion:?}, p <= {p_value_bound:.2e}, ")?;
        write!(f, "{samples} samples; {detail}")
    }
}
