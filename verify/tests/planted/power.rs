//! How surely each planted defect is caught, and by how many samples: measured on demand.
//!
//! A case passes by mistake when its first stage accepts, `p > b + c` ([`amc_verify::sequential`]); later stages
//! come only where that did not happen. The samples of the first stage are doubled from 64 until no one of
//! 3,000 fresh repetitions accepts: then the power is at least 0.999 with confidence 0.95
//! (`0.999^3000 = 0.05`). An inconclusive stage counts as a miss. Laws that hold path by path see a defect on the
//! paths it is on, or never: they get a tenth of the repetitions.
//!
//! ```text
//! cargo test --release -p amc-verify --test planted power -- --ignored --nocapture > power.md
//! ```
//!
//! takes hours; `AMC_VERIFY_SECONDS` stops the repetitions of an entry after so many seconds (those done are counted),
//! `AMC_VERIFY_REPETITIONS` asks for fewer, and `AMC_VERIFY_ONLY` is a part of the names of those to measure.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use amc_verify::sequential::first_acceptance;
use amc_verify::suite::Case;
use amc_verify::{Budget, Conclusion};

use super::{SHARE, entries, seed};

/// What one entry may take.
struct Effort {
    repetitions: usize,
    seconds: f64,
}

/// What was measured of one entry.
struct Power {
    /// Samples of the first stage at which no repetition missed.
    samples: usize,
    repetitions: usize,
    misses: usize,
    seconds: f64,
}

/// Fails if a defect needs more samples than the full tier of the suite has; prints the table.
#[test]
#[ignore = "takes hours; see docs/src/verification.md"]
fn power() {
    let effort = Effort {
        repetitions: number("AMC_VERIFY_REPETITIONS").unwrap_or(3000),
        seconds: number("AMC_VERIFY_SECONDS").map_or(f64::INFINITY, |seconds| seconds as f64),
    };
    let only = std::env::var("AMC_VERIFY_ONLY").unwrap_or_default();
    let all: Vec<Case> = entries::defects();
    let chosen: Vec<&Case> = all
        .iter()
        .filter(|case| case.instance().contains(&only) || case.law().contains(&only))
        .collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let power = measure(case, &effort);
                    let row = row(case, &power);
                    eprintln!("{row} {:.0} s", power.seconds);
                    rows.lock().unwrap().push((row, power.misses > 0));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort();
    println!("| defect | law | samples needed | suite, quick | suite, full | misses |");
    println!("|---|---|---|---|---|---|");
    rows.iter().for_each(|(row, _)| println!("{row}"));
    let weak: Vec<&String> = rows.iter().filter(|row| row.1).map(|row| &row.0).collect();
    assert!(weak.is_empty(), "missed at the samples of the full tier: {weak:#?}");
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn row(case: &Case, power: &Power) -> String {
    let full = case.samples();
    let quick = amc_verify::suite::Tier::Quick.samples(full);
    let Power { samples, repetitions, misses, .. } = power;
    format!(
        "| {} | `{}` | {samples} | {quick} | {full} | {misses} of {repetitions} |",
        case.instance(),
        case.law()
    )
}

/// Doubles the samples until nothing is missed, or those of the full tier are reached.
fn measure(case: &Case, effort: &Effort) -> Power {
    let start = Instant::now();
    let mut samples = 64;
    loop {
        let (last, from) = (samples >= case.samples(), Instant::now());
        let (mut misses, mut repetitions) = (0, 0);
        let most = effort.repetitions / if case.by_chance() { 1 } else { 10 };
        while repetitions < most && from.elapsed().as_secs_f64() < effort.seconds {
            misses += usize::from(is_missed(case, samples, repetitions));
            repetitions += 1;
            if misses > 0 && !last {
                break;
            }
        }
        if misses == 0 || last {
            let seconds = start.elapsed().as_secs_f64();
            return Power { samples, repetitions, misses, seconds };
        }
        samples = (2 * samples).min(case.samples());
    }
}

/// Whether the first stage of a fresh repetition accepts, or says nothing.
fn is_missed(case: &Case, samples: usize, repetition: usize) -> bool {
    let seed = seed().wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(repetition as u64 + 1));
    let verdict = case.apply(&Budget { false_positive: SHARE, samples, seed }).unwrap();
    let inconclusive = verdict.conclusion == Conclusion::Inconclusive;
    inconclusive || verdict.p_value_bound > first_acceptance(SHARE)
}
