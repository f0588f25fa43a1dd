//! Whole samplers against the laws of `amc-verify`: AIS, SMC and replica exchange as they run.

use std::time::Instant;

use amc_harness::verification::samplers::cases;
use amc_verify::Budget;

/// False-positive share of one verdict, that of the suites of `amc-verify`.
const SHARE: f64 = 1e-9;

/// The budget, with the seed from `AMC_VERIFY_SEED` (a number) or a fixed one.
fn budget() -> Budget {
    let seed = match std::env::var("AMC_VERIFY_SEED") {
        Ok(text) => text.parse().expect("AMC_VERIFY_SEED must be a number below 2^64"),
        Err(_) => 20_260_101,
    };
    Budget { false_positive: SHARE, samples: 64, seed }
}

/// Fails if a case of this law does not pass; all are shown.
fn check(law: &str) {
    let mut failures = Vec::new();
    for case in cases().into_iter().filter(|case| case.law == law) {
        let start = Instant::now();
        let verdict = case.verdict(&budget()).unwrap();
        println!("{:5.2} s {verdict}", start.elapsed().as_secs_f64());
        assert_eq!((verdict.law, verdict.instance.as_str()), (case.law, case.instance.as_str()));
        if !verdict.passed() {
            failures.push(verdict.to_string());
        }
    }
    assert!(failures.is_empty(), "AMC_VERIFY_SEED={}: {failures:#?}", budget().seed);
}

/// Fails if the weights, resampling or moves of AIS or SMC are not those of the ladder they claim to go down.
#[test]
fn evidence_of_populations() {
    check("population::evidence");
}

/// Fails if error bars of `log Z` are too narrow, too wide or around a biased estimate.
#[test]
fn error_bars() {
    check("error_bars::coverage");
}

/// Fails if rounds of swaps and moves change the joint law of the levels.
#[test]
fn levels_of_ladders() {
    check("ladders::invariance");
}

/// Fails if a bit depends on the number of threads.
#[test]
fn threads() {
    check("threads::invariance");
}
