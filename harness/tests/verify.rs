//! `amc verify` from outside: what it prints and writes, exit codes, reproducibility, refusals.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn amc(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.arg("verify").args(arguments).current_dir(folder).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fails if spaces or capitals in a choice drop cases silently.
#[test]
fn choices_are_forgiving() {
    let folder = tempfile::tempdir().unwrap();
    let count = |only: &str| {
        json(&amc(&["--only", only, "--json"], folder.path()))["cases"].as_array().unwrap().len()
    };
    assert_eq!(count("stream::tails,Path::Spacing"), count("stream::tails, path::spacing"));
}

/// A few cheap cases of several laws.
const SOME: [&str; 2] = ["--only", "systematic,path::spacing,stream::tails"];

/// Fails if a promised key is missing, a count is not that of the cases, or the ledger does not balance.
#[test]
fn json_holds_the_whole_report() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&amc(&[&SOME[..], &["--json", "--seed", "3"]].concat(), folder.path()));
    let cases = report["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        for key in ["law", "subject", "instance", "conclusion", "p_value_bound", "samples"] {
            assert!(!case[key].is_null(), "{key} is missing");
        }
        assert_eq!(case["conclusion"], "passed", "{case}");
    }
    assert_eq!(report["passed"].as_u64().unwrap() as usize, cases.len());
    assert_eq!((&report["refuted"], &report["errors"]), (&0.into(), &0.into()));
    assert_eq!((&report["seed"], &report["tier"]), (&3.into(), &"quick".into()));
    let spent = report["share"].as_f64().unwrap() * report["by_chance"].as_f64().unwrap();
    assert!((spent / report["false_positive"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}

/// Fails if a verdict depends on the number of threads, or not on the seed.
#[test]
fn one_seed_one_result() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str, threads: &str| {
        let more = ["--json", "--seed", seed, "--threads", threads];
        let mut report = json(&amc(&[&SOME[..], &more].concat(), folder.path()));
        for case in report["cases"].as_array_mut().unwrap() {
            case["seconds"] = Value::Null;
        }
        report["cases"].clone()
    };
    let alone = run("5", "1");
    assert_eq!(alone, run("5", "2"));
    assert_ne!(alone, run("6", "2"));
}

/// Fails if a run without a seed does not name a fresh one, or the table lacks a case or the summary.
#[test]
fn table_and_fresh_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let seed = || {
        let output = amc(&["--only", "stream::tails"], folder.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert!(text.contains("stream::tails") && text.contains("1 of 1 cases passed"), "{text}");
        text.split("seed ").nth(1).unwrap().split(',').next().unwrap().to_owned()
    };
    assert_ne!(seed(), seed());
}

/// Fails if the page is not written whole, or part of it stays behind.
#[test]
fn page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = amc(&[&SOME[..], &["--html", "v.html"]].concat(), folder.path());
    assert!(output.status.success());
    let page = std::fs::read_to_string(folder.path().join("v.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("resampling::mean_offspring"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Fails if a law is missing from the list, or the list runs something.
#[test]
fn list_shows_every_law() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8(amc(&["--list"], folder.path()).stdout).unwrap();
    for law in amc_verify::law::ALL {
        assert!(text.contains(law.name) && text.contains(law.excludes), "{}", law.name);
    }
    let items = json(&amc(&["--list", "--json"], folder.path()));
    assert_eq!(items.as_array().unwrap().len(), amc_verify::law::ALL.len());
}

/// Fails if bad input is not refused before any work with one line that names it, and exit code 2.
#[test]
fn bad_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, named) in [
        (&["--only", "sytematic"][..], "sytematic"),
        (&["--only", ""], "--only"),
        (&["--tier", "fast"], "fast"),
        (&["--html", "page.txt"], ".html"),
        (&["--html", "missing/page.html"], "missing/page.html"),
        (&["--seed", "-1"], "--seed"),
        (&["--seed", "1e3"], "whole number"),
        (&["--threads", "100000"], "100000"),
    ] {
        let output = amc(arguments, folder.path());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(named) && message.trim_end().lines().count() == 1, "{message}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
