//! Sequential testing: accept early when clear, draw more when in doubt (Gandy & Scott 2020,
//! arXiv 2001.06465, algorithm 3 \[Gandy21\]).
//!
//! With a false-positive share `a` and at most three stages, stage `i = 0, 1, 2` draws `n 4^i` fresh samples and looks
//! at its p-value `p_i` alone:
//!
//! ```text
//! b = a/7,  c = b^(1/3)
//! p_i <= b:                              refute
//! premise holds and p_i > b + c:         accept
//! premise holds and b < p_i <= b + c:    in doubt: b <- b / c, next stage
//! premise does not hold:                 next stage with the same b
//! ```
//!
//! What is not refuted at the last stage is accepted, or inconclusive if the premise still does not hold. A correct
//! instance has `P(p <= x) <= x` at every stage. With `k` stages left it is refuted with probability at most
//! `V_k(b) = b + c V_(k-1)(b/c) + V_(k-1)(b)`, as it is in doubt with probability `c` at most and without its premise with
//! any probability: `V_1 = b`, `V_2 = 3b`, `V_3 = 7b = a`. (Algorithm 3 has no premises, and `b = a/3`.)
//! The last stage refutes from `p <= b/c^2 = c` on: for `a = 1e-9`, `c = 5.2e-4`, so an instance that is wrong escapes
//! only if its p-value is above `5.2e-4` once, not above `1e-9`. That is what the samples of a suite go by.

use core::fmt;

use crate::{Budget, Conclusion, Verdict, VerifyError};

/// Stages at most.
const STAGES: u32 = 3;
/// The share in units of the first threshold.
const UNITS: f64 = 7.0;
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
    let mut threshold = budget.false_positive / UNITS;
    let doubt = libm::pow(threshold, 1.0 / f64::from(STAGES));
    let (mut samples, mut drawn) = (budget.samples, 0);
    for stage in 1..=STAGES {
        let own = Budget { samples, ..budget.stage(stage) };
        let mut verdict = law(&own)?;
        drawn += verdict.samples;
        verdict.samples = drawn;
        let p_value = verdict.p_value_bound;
        let premise = verdict.conclusion != Conclusion::Inconclusive;
        // NaN is no acceptance.
        let refuted = p_value <= threshold || p_value.is_nan();
        if refuted || stage == STAGES || (premise && p_value > threshold + doubt) {
            if refuted || premise {
                verdict.conclusion = if refuted { Conclusion::Refuted } else { Conclusion::Passed };
            }
            return Ok(Settled { verdict, stages: stage, threshold });
        }
        if premise {
            threshold /= doubt;
        }
        samples = samples.saturating_mul(GROWTH);
    }
    // The loop returns at its last stage.
    Err(VerifyError::TooFewSamples { what: "stages", needed: 1, found: 0 })
}

/// The p-value above which the first stage accepts: what a wrong instance must stay below.
pub fn first_acceptance(false_positive: f64) -> f64 {
    let threshold = false_positive / UNITS;
    threshold + libm::pow(threshold, 1.0 / f64::from(STAGES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};
    use core::cell::RefCell;

    const BUDGET: Budget = Budget { false_positive: 0.07, samples: 100, seed: 5 };

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
        assert!((first_acceptance(0.07) - 0.2254).abs() < 1e-4);
    }

    /// Fails if a correct instance is refuted more often than its share of 0.07: uniform p-values, the first `without` stages
    /// without their premise where `p > 0.07`; counts in 1e5 runs within five standard deviations of `3b`,
    /// `b + 0.06 (2b/c) + 0.93 (2b)`, and the same once more; all below 7000.
    #[test]
    fn share_is_kept() {
        let mut stream = Key::new(8, Purpose::User).stream();
        for (without, expected) in [(0, 3000.0), (1, 3417.0), (2, 3624.0)] {
            let mut refuted = 0;
            for _ in 0..100_000 {
                let stage = RefCell::new(0);
                let p_values = [stream.uniform(), stream.uniform(), stream.uniform()];
                let law = |budget: &Budget| {
                    let now = stage.replace_with(|stage| *stage + 1);
                    let verdict = verdict(budget, p_values[now]);
                    let passed = verdict.passed();
                    Ok(if now < without && passed {
                        verdict.without_premise("no".to_owned())
                    } else {
                        verdict
                    })
                };
                let settled = settle(&BUDGET, &law).unwrap();
                refuted += u32::from(settled.verdict.conclusion == Conclusion::Refuted);
            }
            assert!((f64::from(refuted) - expected).abs() < 5.0 * 54.0, "{without} {refuted}");
        }
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
