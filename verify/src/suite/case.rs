//! One law on one instance, and how it is run.

use core::fmt;

use super::FALSE_POSITIVE;
use crate::sequential::{Settled, settle};
use crate::{Budget, Verdict, VerifyError, law};

/// Applies a law to an instance of the given name.
pub type Check = dyn Fn(&str, &Budget) -> Result<Verdict, VerifyError> + Send + Sync;

/// How many samples are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Half of the full samples.
    Quick,
    /// What the power of the suite is stated for.
    Full,
    /// Sixteen times the full samples.
    Deep,
}

/// One law on one instance.
pub struct Case {
    law: &'static str,
    subject: &'static str,
    instance: String,
    samples: usize,
    check: Box<Check>,
}

/// How the cases of a suite are run: samples, shares, seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    tier: Tier,
    share: f64,
    seed: u64,
}

/// What a case came to.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseReport {
    /// What the case is about.
    pub subject: &'static str,
    /// The verdict and how it was reached.
    pub settled: Settled,
}

impl Tier {
    /// Samples of the first stage where the full tier draws `full`.
    pub fn samples(self, full: usize) -> usize {
        match self {
            Self::Quick => (full / 2).max(64),
            Self::Full => full,
            Self::Deep => full.saturating_mul(16),
        }
    }
}

impl Case {
    /// `check` applies `law` to the instance; the full tier starts with `samples` samples.
    ///
    /// `subject` is the name users know the thing under test by: `mala`, `second-order`, `systematic`.
    pub fn new(
        (law, subject): (&'static str, &'static str),
        instance: String,
        samples: usize,
        check: impl Fn(&str, &Budget) -> Result<Verdict, VerifyError> + Send + Sync + 'static,
    ) -> Self {
        Self { law, subject, instance, samples, check: Box::new(check) }
    }

    /// Name of the law.
    pub fn law(&self) -> &'static str {
        self.law
    }

    /// What the case is about.
    pub fn subject(&self) -> &'static str {
        self.subject
    }

    /// Name of the instance.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Samples of the first stage of the full tier.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Applies the law once, with exactly this budget: no stages, no tier.
    ///
    /// # Errors
    /// Those of the law.
    pub fn apply(&self, budget: &Budget) -> Result<Verdict, VerifyError> {
        (self.check)(&self.instance, budget)
    }

    /// Whether chance has a part in the verdict on a correct instance; laws that are not listed in
    /// [`law::ALL`] are taken to have.
    pub fn by_chance(&self) -> bool {
        law::find(self.law).is_none_or(|law| law.by_chance)
    }

    /// Runs the case as the plan says.
    ///
    /// # Errors
    /// Those of the law.
    pub fn run(&self, plan: &Plan) -> Result<CaseReport, VerifyError> {
        let samples = plan.tier.samples(self.samples);
        let budget = Budget { false_positive: plan.share, samples, seed: plan.seed };
        let settled = settle(&budget, &|budget| self.apply(budget))?;
        Ok(CaseReport { subject: self.subject, settled })
    }
}

impl Plan {
    /// Divides [`FALSE_POSITIVE`] evenly among the `cases` that chance has a part in; pass all that will run.
    pub fn new(tier: Tier, cases: &[Case], seed: u64) -> Self {
        let spenders = cases.iter().filter(|case| case.by_chance()).count();
        Self::with_share(tier, FALSE_POSITIVE / spenders.max(1) as f64, seed)
    }

    /// Gives every case the same `share`, whatever is run.
    pub fn with_share(tier: Tier, share: f64, seed: u64) -> Self {
        Self { tier, share, seed }
    }

    /// The tier.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// What one case may cost.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] about {}", self.law, self.instance, self.subject)
    }
}
