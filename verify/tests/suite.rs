//! The suite of the core, whole: every law on every instance. The samplers join it in `amc verify`.

use amc_verify::suite::{self, Plan, Tier};

/// Fails if an instance breaks a law; on a fresh seed a correct program does with probability at most 1e-6.
///
/// `AMC_VERIFY_SEED` (a number) replaces the fixed seed. `AMC_SUITE_IS_VERIFIED` says that `amc verify` has run these very cases:
/// the gate does so first, on a fresh seed.
#[test]
fn every_law_on_every_instance() {
    if std::env::var_os("AMC_SUITE_IS_VERIFIED").is_some() {
        eprintln!("left out: amc verify has run the suite");
        return;
    }
    let seed = match std::env::var("AMC_VERIFY_SEED") {
        Ok(text) => text.parse().expect("AMC_VERIFY_SEED must be a number below 2^64"),
        Err(_) => 20_260_101,
    };
    let cases = suite::cases().unwrap();
    let plan = Plan::new(Tier::Quick, &cases, seed);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failures = Vec::new();
    for finished in suite::run(&cases, &plan, threads, &mut |_| ()) {
        if !finished.passed() {
            failures.push(format!("{:?}: {:?}", cases[finished.index], finished.report));
        }
    }
    assert!(failures.is_empty(), "AMC_VERIFY_SEED={seed}\n{}", failures.join("\n"));
}
