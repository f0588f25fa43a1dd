//! What a run of the suite came to.

use amc_core::simd::Instructions;
use amc_verify::Conclusion;
use amc_verify::law::{self, Law};
use amc_verify::suite::{Case, FALSE_POSITIVE, Finished, Plan, Tier};
use serde::Serialize;

/// A run of the suite.
#[derive(Debug, Clone, Serialize)]
pub struct VerificationReport {
    /// Version of the program.
    pub version: &'static str,
    /// Instructions in force.
    pub instructions: &'static str,
    /// `quick`, `full` or `deep`.
    pub tier: &'static str,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Threads the cases ran on.
    pub threads: usize,
    /// Largest probability of failing a correct program.
    pub false_positive: f64,
    /// What each of the cases that chance has a part in may cost of it.
    pub share: f64,
    /// Number of those cases.
    pub by_chance: usize,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that broke their law.
    pub refuted: usize,
    /// Cases whose premise did not hold.
    pub inconclusive: usize,
    /// Cases that could not be run.
    pub errors: usize,
    /// Particles, pairs or draws, all cases together.
    pub samples: u64,
    /// Wall time of the whole.
    pub seconds: f64,
    /// Law by law.
    pub laws: Vec<LawRecord>,
    /// Case by case.
    pub cases: Vec<CaseRecord>,
}

/// All cases of one law.
#[derive(Debug, Clone, Serialize)]
pub struct LawRecord {
    /// Name of the law.
    pub law: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What a pass excludes.
    pub excludes: &'static str,
    /// Number of cases.
    pub cases: usize,
    /// How many passed.
    pub passed: usize,
    /// The smallest p-value bound of a case.
    pub smallest_p_value_bound: f64,
    /// Samples of all cases.
    pub samples: u64,
    /// Time of all cases, one after the other.
    pub seconds: f64,
}

/// One law on one instance.
#[derive(Debug, Clone, Serialize)]
pub struct CaseRecord {
    /// Name of the law.
    pub law: &'static str,
    /// What the case is about, by the name users know it by.
    pub subject: &'static str,
    /// Name of the instance.
    pub instance: String,
    /// `passed`, `refuted`, `inconclusive` or `error`.
    pub conclusion: &'static str,
    /// Bound on the probability that a correct instance looks at least this wrong in the last stage; 1 or
    /// 0 for laws that hold path by path; nothing where the case could not run.
    pub p_value_bound: Option<f64>,
    /// At or below this bound the last stage refutes.
    pub threshold: Option<f64>,
    /// Samples of all stages.
    pub samples: u64,
    /// Stages run.
    pub stages: u32,
    /// Wall time.
    pub seconds: f64,
    /// The numbers behind the verdict, or the error.
    pub detail: String,
}

impl VerificationReport {
    /// The report of a run of these cases, which took `seconds`.
    pub fn new(
        cases: &[Case],
        finished: &[Finished],
        plan: &Plan,
        (threads, seconds): (usize, f64),
    ) -> Self {
        let pairs = cases.iter().zip(finished);
        let cases_done: Vec<CaseRecord> =
            pairs.map(|(case, finished)| CaseRecord::new(case, finished)).collect();
        let count = |what: &str| cases_done.iter().filter(|c| c.conclusion == what).count();
        let tier = match plan.tier() {
            Tier::Quick => "quick",
            Tier::Full => "full",
            Tier::Deep => "deep",
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            instructions: Instructions::current().name(),
            tier,
            seed: plan.seed(),
            threads,
            false_positive: FALSE_POSITIVE,
            share: plan.share(),
            by_chance: cases.iter().filter(|case| case.by_chance()).count(),
            passed: count(PASSED),
            refuted: count(REFUTED),
            inconclusive: count(INCONCLUSIVE),
            errors: count(ERROR),
            samples: cases_done.iter().map(|case| case.samples).sum(),
            seconds,
            laws: law::ALL.iter().filter_map(|law| LawRecord::new(law, &cases_done)).collect(),
            cases: cases_done,
        }
    }

    /// Cases that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &CaseRecord> {
        self.cases.iter().filter(|case| !case.passed())
    }
}

const PASSED: &str = "passed";
const REFUTED: &str = "refuted";
const INCONCLUSIVE: &str = "inconclusive";
const ERROR: &str = "error";

impl CaseRecord {
    fn new(case: &Case, finished: &Finished) -> Self {
        let seconds = finished.seconds;
        let (law, subject, instance) = (case.law(), case.subject(), case.instance().to_owned());
        match &finished.report {
            Ok(report) => {
                let settled = &report.settled;
                let conclusion = match settled.verdict.conclusion {
                    Conclusion::Passed => PASSED,
                    Conclusion::Refuted => REFUTED,
                    Conclusion::Inconclusive => INCONCLUSIVE,
                };
                Self {
                    law,
                    subject,
                    instance,
                    conclusion,
                    p_value_bound: Some(settled.verdict.p_value_bound),
                    threshold: Some(settled.threshold),
                    samples: settled.verdict.samples,
                    stages: settled.stages,
                    seconds,
                    detail: settled.verdict.detail.clone(),
                }
            }
            Err(error) => Self {
                law,
                subject,
                instance,
                conclusion: ERROR,
                p_value_bound: None,
                threshold: None,
                samples: 0,
                stages: 0,
                seconds,
                detail: error.to_string(),
            },
        }
    }

    /// Whether the law is passed.
    pub fn passed(&self) -> bool {
        self.conclusion == PASSED
    }
}

impl LawRecord {
    /// The cases of a law; none if there are none.
    fn new(law: &Law, cases: &[CaseRecord]) -> Option<Self> {
        let own: Vec<&CaseRecord> = cases.iter().filter(|case| case.law == law.name).collect();
        (!own.is_empty()).then(|| Self {
            law: law.name,
            statement: law.statement,
            excludes: law.excludes,
            cases: own.len(),
            passed: own.iter().filter(|case| case.passed()).count(),
            smallest_p_value_bound: own.iter().filter_map(|c| c.p_value_bound).fold(1.0, f64::min),
            samples: own.iter().map(|case| case.samples).sum(),
            seconds: own.iter().map(|case| case.seconds).sum(),
        })
    }
}
