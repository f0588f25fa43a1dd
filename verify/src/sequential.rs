//! Sequential testing: accept early when clear, draw more when in doubt (Gandy & Scott 2020,
//! arXiv 2001.06465, algorithm 3 \[Gandy21\]).
//!
//! With a false-positive share `a` and `k` stages, stage `i = 0, .., k-1` draws `n g^i` fresh samples and
//! looks at its p-value `p_i` alone:
//!
//! ```text
//! b_0 = a/k,  c = b_0^(1/k)
//! p_i <= b_i:      refute
//! p_i >  b_i + c:  accept
//! otherwise:       b_(i+1) = b_i / c, next stage; what is not refuted at the last stage is accepted
//! ```
//!
//! A correct instance has `P(p <= x) <= x` at every stage, so it reaches stage `i` with probability at most
//! `c^i` beyond what refutes, and is refuted with probability at most
//! `b_0 + c b_1 + c^2 b_2 + .. = k b_0 = a`. The last stage refutes from `p <= c` on: for `a = 1e-9` and three
//! stages `c = 7e-4`, so an instance that is wrong escapes only if its p-value is above `7e-4` once, not
//! above `1e-9`. That is what the samples of a suite go by.

use core::fmt;

use crate::{Budget, Conclusion, Verdict, VerifyError};

/// Stages at most.
const STAGES: u32 = 3;
/// Growth of the samples from stage to stage.
const GROWTH: usize = 4;

/// A verdict, and how many stages it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The verdict of the last stage, with the samples of all stages. Its conclusion is that of the whole.
    pub verdict: Verdict,
    /// Stages run.
    pub stages: u32,
    /// The p-value bound at or below which the last stage refuted.
    pub threshold: f64,
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, stages, threshold } = self;
        write!(f, "{verdict} (stage {stages} refutes from {threshold:.1e} down)")
    }
}

/// Runs a law stage by stage within the false-positive share of the budget, whose samples are those of the
/// first stage.
///
/// `law` is called with a budget of its own for each stage: other samples, another seed. Its own
/// conclusion is not looked at, except that an inconclusive stage, whose premise did not hold, is no
/// acceptance: the next one draws more, and after the last the whole is inconclusive.
///
/// # Errors
/// Those of the law, and of an unusable budget.
pub fn settle(
    budget: &Budget,
    law: &dyn Fn(&Budget) -> Result<Verdict, VerifyError>,
) -> Result<Settled, VerifyError> {
    budget.check()?;
    let mut threshold = budget.false_positive / f64::from(STAGES);
    let doubt = libm::pow(threshold, 1.0 / f64::from(STAGES));
    let (mut samples, mut drawn) = (budget.samples, 0);
    for stage in 1..=STAGES {
        let own = Budget { samples, ..budget.stage(stage) };
        let mut verdict = law(&own)?;
        drawn += verdict.samples;
        verdict.samples = drawn;
        let p_value = verdict.p_value_bound;
        let premise = verdict.conclusion != Conclusion::Inconclusive;
        let refuted = p_value <= threshold;
        if refuted || stage == STAGES || (premise && p_value > threshold + doubt) {
            if refuted || premise {
                verdict.conclusion = if refuted { Conclusion::Refuted } else { Conclusion::Passed };
            }
            return Ok(Settled { verdict, stages: stage, threshold });
        }
        threshold /= doubt;
        samples = samples.saturating_mul(GROWTH);
    }
    // The loop returns at its last stage.
    Err(VerifyError::TooFewSamples { what: "stages", needed: 1, found: 0 })
}

/// The p-value above which the first stage accepts: what a wrong instance must stay below.
pub fn first_acceptance(false_positive: f64) -> f64 {
    let threshold = false_positive / f64::from(STAGES);
    threshold + libm::pow(threshold, 1.0 / f64::from(STAGES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};
    use core::cell::RefCell;

    const BUDGET: Budget = Budget { false_positive: 0.03, samples: 100, seed: 5 };

    fn verdict(budget: &Budget, p_value: f64) -> Verdict {
        let names = ("law", "it");
        Verdict::from_p_value(names, budget, budget.samples, p_value, String::new())
    }

    /// Runs on the p-values given, stage by stage.
    fn on(p_values: &[f64]) -> (Settled, Vec<Budget>) {
        let seen = RefCell::new(Vec::new());
        let law = |budget: &Budget| {
            let stage = seen.borrow().len();
            seen.borrow_mut().push(*budget);
            Ok(verdict(budget, p_values[stage]))
        };
        (settle(&BUDGET, &law).unwrap(), seen.into_inner())
    }

    /// Fails if a threshold is not that of its stage, by hand: `b = 0.01`, `c = 0.2154`, then
    /// `b/c = 0.0464` and `b/c^2 = 0.2154`; or stages share seeds, or do not grow.
    #[test]
    fn thresholds_by_hand() {
        use Conclusion::{Passed, Refuted};
        for (p_values, conclusion, stages) in [
            (&[0.0099][..], Refuted, 1),
            (&[0.2255], Passed, 1),
            (&[0.0101, 0.0463], Refuted, 2),
            (&[0.2253, 0.2620], Passed, 2),
            (&[0.2253, 0.0465, 0.2153], Refuted, 3),
            (&[0.2253, 0.2617, 0.2156], Passed, 3),
        ] {
            let (settled, budgets) = on(p_values);
            assert_eq!((settled.verdict.conclusion, settled.stages), (conclusion, stages));
            let samples: Vec<usize> = budgets.iter().map(|budget| budget.samples).collect();
            assert_eq!(samples, [100, 400, 1600][..stages as usize]);
            assert_eq!(settled.verdict.samples, samples.iter().sum::<usize>() as u64);
            let mut seeds: Vec<u64> = budgets.iter().map(|budget| budget.seed).collect();
            seeds.dedup();
            assert_eq!(seeds.len(), stages as usize);
        }
        assert!((first_acceptance(0.03) - 0.2254).abs() < 1e-4);
    }

    /// Fails if a correct instance is refuted more often than its share: uniform p-values, share 0.03;
    /// the count of refutations in 1e5 runs beyond five standard deviations of that share.
    #[test]
    fn share_is_kept() {
        let mut stream = Key::new(8, Purpose::User).stream();
        let mut refuted = 0;
        for _ in 0..100_000 {
            let p_values = [stream.uniform(), stream.uniform(), stream.uniform()];
            refuted += u32::from(on(&p_values).0.verdict.conclusion == Conclusion::Refuted);
        }
        // Continuing takes p in (b, b + c], of probability c exactly: the share is used up.
        assert!((refuted as f64 - 3000.0).abs() < 5.0 * 54.0, "{refuted}");
    }

    /// Fails if a stage whose premise failed counts as acceptance, or ends the test early.
    #[test]
    fn premises_are_tried_again() {
        let law = |held_from: usize| {
            let law = move |budget: &Budget| {
                let verdict = verdict(budget, 0.9);
                let held = budget.samples >= held_from;
                Ok(if held { verdict } else { verdict.without_premise("no".to_owned()) })
            };
            let settled = settle(&BUDGET, &law).unwrap();
            (settled.verdict.conclusion, settled.stages)
        };
        assert_eq!(law(0), (Conclusion::Passed, 1));
        assert_eq!(law(300), (Conclusion::Passed, 2));
        assert_eq!(law(1 << 40), (Conclusion::Inconclusive, 3));
    }
}
