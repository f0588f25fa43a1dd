//! What the suites share: the budget, the seed it starts from, how a verdict is asserted, and running on
//! every set of instructions.

#![allow(dead_code, reason = "every test program has its own copy of this file")]

use std::sync::{Mutex, PoisonError};

use amc_core::path::NoiseSchedule;
use amc_core::simd::Instructions;
use amc_verify::{Budget, Verdict, VerifyError};

/// False-positive share of one verdict: with at most 1000 verdicts that chance has a part in, over all
/// suites, a correct program fails with probability at most 1e-6 on a fresh seed.
pub const SHARE: f64 = 1e-9;

/// The budget, with the seed from `AMC_VERIFY_SEED` (a number) or a fixed one.
pub fn budget() -> Budget {
    let seed = match std::env::var("AMC_VERIFY_SEED") {
        Ok(text) => text.parse().expect("AMC_VERIFY_SEED must be a number below 2^64"),
        Err(_) => 20_260_101,
    };
    Budget { false_positive: SHARE, samples: 64_000, seed }
}

/// The budget of the laws of swaps, each of whose samples takes nine proposals either way.
pub fn swap_budget() -> Budget {
    Budget { samples: 16_000, ..budget() }
}

/// Fails with the verdict and the seed that reproduces it.
#[track_caller]
pub fn assert_passes(verdict: Result<Verdict, VerifyError>) {
    let verdict = verdict.unwrap();
    if std::env::var_os("AMC_VERIFY_PRINT").is_some() {
        println!("{verdict}");
    }
    assert!(verdict.passed(), "AMC_VERIFY_SEED={}: {verdict}", budget().seed);
}

/// The noise schedule of most instances.
pub fn vp() -> NoiseSchedule {
    NoiseSchedule::vp_linear(0.1, 20.0).unwrap()
}

/// Calls `check` on every set of instructions of this processor, and leaves the fastest in force.
///
/// The set is one for the whole process and tests run in threads: every test of a program that compares
/// bits, or means to run on a certain set, has to go through here, where a lock keeps the others out.
pub fn on_every_instruction_set(mut check: impl FnMut(Instructions)) {
    static LOCK: Mutex<()> = Mutex::new(());
    struct Fastest;
    impl Drop for Fastest {
        fn drop(&mut self) {
            let _ = Instructions::best().force();
        }
    }
    // A test that failed in here has left nothing half done.
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let _afterwards = Fastest;
    for set in Instructions::ALL.into_iter().filter(|set| set.is_available()) {
        set.force().unwrap();
        // Shown if the check fails.
        println!("on {set}");
        check(set);
    }
}
