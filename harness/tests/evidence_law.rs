//! Whole samplers against the laws of `amc-verify`: AIS, SMC and replica exchange as they run.

use std::collections::BTreeSet;

use amc_harness::catalog::{Source, rooms};
use amc_harness::verification::cases;
use amc_verify::suite::{self, Case, Plan, Tier};

/// The laws of samplers; the core's suite runs the others.
const LAWS: [&str; 4] =
    ["population::evidence", "error_bars::coverage", "ladders::invariance", "threads::invariance"];

/// Fails if the weights, resampling or moves of AIS or SMC are not those of the ladder they claim to go down,
/// error bars of `log Z` are too narrow, too wide or around a biased estimate, rounds of swaps and moves change
/// the joint law of levels, or a bit depends on the number of threads.
#[test]
fn every_law_on_every_sampler() {
    let all = cases().unwrap();
    let seed = match std::env::var("AMC_VERIFY_SEED") {
        Ok(text) => text.parse().expect("AMC_VERIFY_SEED must be a number below 2^64"),
        Err(_) => 20_260_101,
    };
    let plan = Plan::new(Tier::Quick, &all, seed);
    let all_laws: BTreeSet<&str> = all.iter().map(Case::law).collect();
    let own: Vec<Case> = all.into_iter().filter(|case| LAWS.contains(&case.law())).collect();
    for law in amc_verify::law::ALL {
        assert!(all_laws.contains(law.name), "{} has no instance", law.name);
    }
    let mut failures = Vec::new();
    for finished in suite::run(&own, &plan, 2, &mut |_| ()) {
        if !finished.passed() {
            failures.push(format!("{:?}: {:?}", own[finished.index], finished.report));
        }
    }
    assert!(failures.is_empty(), "AMC_VERIFY_SEED={seed}\n{}", failures.join("\n"));
}

/// Fails if something that users can choose by name has no case in the suite.
#[test]
fn everything_that_can_be_chosen_is_proven() {
    let all = cases().unwrap();
    let words: BTreeSet<String> = all
        .iter()
        .flat_map(|case| {
            let text = format!("{}, {}", case.subject(), case.instance());
            text.split([',', ' ']).map(str::to_lowercase).collect::<Vec<_>>()
        })
        .collect();
    for room in rooms() {
        if !ROOMS.contains(&room.name) {
            continue;
        }
        for entry in room.entries {
            // No moves at all, levels from a list and the choice between two estimators are nothing to
            // prove; measured spacings have tests of their own.
            if ["none", "list", "lambda", "adaptive", "auto"].contains(&entry.name) {
                continue;
            }
            let name = entry.name.replace('-', "");
            let found = words.iter().any(|word| word.replace('-', "") == name);
            assert!(found, "{}/{} has no case", room.name, entry.name);
        }
    }
}

/// Fails if a setting that takes anything from a model, or one of the two things it can take, is proven for no sampler
/// with weights.
#[test]
fn every_source_is_proven() {
    let all = cases().unwrap();
    let evidence = || all.iter().filter(|case| case.law() == "population::evidence");
    for density in Source::ALL {
        for score in Source::ALL {
            let setting = format!("density {density}, score {score}");
            let exact = *density == Source::Exact && *score == Source::Exact;
            let found = evidence().any(|case| {
                let learned = case.instance().contains("density ");
                case.instance().contains(&setting) || exact && !learned
            });
            assert!(found, "there is no case with {setting}");
        }
    }
}

/// The rooms of the catalogue whose every entry needs a case.
const ROOMS: [&str; 11] = [
    "path",
    "noise-schedule",
    "spacing",
    "bridge",
    "map",
    "logdet",
    "kernel",
    "sampler",
    "swap",
    "resampling",
    "source",
];
