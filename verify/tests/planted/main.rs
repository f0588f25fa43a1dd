//! Planted defects: wrong bridges, kernels, swaps, schemes, streams, samplers, densities, each of which the law
//! named beside it must refute. A test that the tests can fail.
//!
//! An entry is a case of the suite about something wrong, with the samples that the full tier of the suite
//! gives that law. Every entry is refuted here; `power.rs` measures, on demand, how surely.

mod entries;
mod mutants;
mod power;
mod premises;

use std::thread::available_parallelism;

use amc_verify::Conclusion;
use amc_verify::suite::{self, Case, Plan, Tier};

/// The share of one case in the suite, rounded down.
const SHARE: f64 = 1e-9;

/// The seed from `AMC_VERIFY_SEED` (a number) or a fixed one.
fn seed() -> u64 {
    match std::env::var("AMC_VERIFY_SEED") {
        Ok(text) => text.parse().expect("AMC_VERIFY_SEED must be a number below 2^64"),
        Err(_) => 20_260_101,
    }
}

/// Runs cases and returns the sentences about those for which `is_wrong` holds.
fn wrong(cases: &[Case], is_wrong: impl Fn(&suite::Finished) -> bool) -> Vec<String> {
    let plan = Plan::with_share(Tier::Full, SHARE, seed());
    let threads = available_parallelism().map_or(1, usize::from);
    let finished = suite::run(cases, &plan, threads, &mut |_| ());
    let wrong = finished.iter().filter(|finished| is_wrong(finished));
    wrong.map(|f| format!("{:?}: {:?}", cases[f.index], f.report)).collect()
}

fn is_refuted(finished: &suite::Finished) -> bool {
    let report = finished.report.as_ref();
    report.is_ok_and(|report| report.settled.verdict.conclusion == Conclusion::Refuted)
}

/// Fails if a defect passes, is inconclusive, or its law cannot be evaluated on it.
#[test]
fn every_defect_is_refuted() {
    let cases = entries::defects();
    let missed = wrong(&cases, |finished| !is_refuted(finished));
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
}

/// Fails if what the defects were planted in does not pass without them: they would prove nothing.
#[test]
fn the_same_without_a_defect_passes() {
    let cases = entries::controls();
    let failed = wrong(&cases, |finished| !finished.passed());
    assert!(failed.is_empty(), "right but failed:\n{}", failed.join("\n"));
}

/// Fails if two entries share a name and law, and with them random numbers; or if the list has shrunk below what
/// the documentation promises.
#[test]
fn the_list_is_long_and_has_no_duplicates() {
    let all: Vec<Case> = entries::defects();
    let names: std::collections::BTreeSet<_> =
        all.iter().map(|case| (case.law(), case.instance().to_owned())).collect();
    assert_eq!(names.len(), all.len());
    let defects: std::collections::BTreeSet<_> =
        all.iter().map(|case| (case.subject(), case.instance().to_owned())).collect();
    assert!(defects.len() >= 60, "{} defects", defects.len());
}
