//! `amc experiment` as a program: a killed run that goes on, a check that notices, a list.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

const CONFIG: &str = r#"
title = "Second order against EI"
claim = "Second order keeps its particles."
[base]
target = { kind = "two-modes", dim = 4, separation = 2.0 }
path = { levels = 8 }
kernel = { kind = "none" }
sampler = { particles = 256, both_sides = false }
[[vary]]
name = "bridge"
role = "series"
choices = [
  { label = "EI", set = { bridge = { kind = "exponential-integrator" } } },
  { label = "second order", set = { bridge = { kind = "second-order" } } },
]
[[vary]]
name = "levels"
role = "axis"
key = "path.levels"
values = [24, 32, 64]
[preset.quick]
seeds = [1, 2, 3, 4, 5, 6]
[preset.full]
seeds = [1, 2, 3, 4, 5, 6, 7]
[[claims]]
claim = "second order keeps more"
measure = "ess"
of = { bridge = "second order" }
above = { bridge = "EI" }
[[claims]]
claim = "EI keeps more"
measure = "ess"
of = { bridge = "EI" }
above = { bridge = "second order" }
"#;

fn amc(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.arg("experiment").args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    amc(arguments).output().unwrap()
}

fn own_experiment(room: &Path) -> String {
    let folder = room.join("own");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), CONFIG).unwrap();
    folder.display().to_string()
}

/// The rows of the results without what depends on time.
fn rows(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("results.json")).unwrap();
    let mut results: Value = serde_json::from_str(&text).unwrap();
    for row in results["rows"].as_array_mut().unwrap() {
        let measures = row["measures"].as_object_mut().unwrap();
        assert!(measures.remove("seconds").is_some());
        assert!(measures.remove("ess_per_second").is_some());
    }
    results["rows"].take()
}

/// Fails if a run that was killed at any moment does not go on, loses or repeats cells, leaves half a file under a final
/// name, or ends with other results than one that was not.
#[test]
fn a_killed_run_goes_on() {
    let room = tempfile::tempdir().unwrap();
    let own = own_experiment(room.path());
    let (whole, killed) = (room.path().join("whole"), room.path().join("killed"));
    let run = |out: &Path, threads: &str| {
        amc(&["run", &own, "--out", out.to_str().unwrap(), "--threads", threads, "--quiet"])
    };
    assert!(run(&whole, "1").output().unwrap().status.success());
    let mut kills = 0;
    for attempt in 0_u64..200 {
        let mut child = run(&killed, "2").stdout(std::process::Stdio::null()).spawn().unwrap();
        // Later and later, so that every attempt gets further.
        std::thread::sleep(Duration::from_millis(20 + 15 * attempt));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 0, "the run was over before it could be killed");
    assert_eq!(rows(&killed), rows(&whole));
    let manifest = std::fs::read_to_string(killed.join("manifest.json")).unwrap();
    assert!(!manifest.contains(".part"));
    assert_eq!(manifest.matches("cells/").count(), 36);
}

/// Fails if claims and their verdicts do not reach the reader, a check passes what deviates or refuses what does not, or exit
/// codes do not tell a deviation (1) from what was refused (2).
#[test]
fn a_check_compares_with_what_is_expected() {
    let room = tempfile::tempdir().unwrap();
    let own = own_experiment(room.path());
    let path = |name: &str| room.path().join(name).display().to_string();
    let (out, reference) = (path("out"), path("reference"));
    let done = output(&["run", &own, "--out", &out, "--quiet"]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("holds: second order keeps more"), "{text}");
    assert!(text.contains("FAILS: EI keeps more"), "{text}");
    assert!(output(&["run", &own, "--out", &reference, "--quiet", "--expect"]).status.success());
    let expected = format!("{reference}/expected.json");

    let check = |expected: &str| output(&["check", &out, "--expected", expected]);
    let passed = check(&expected);
    let text = String::from_utf8_lossy(&passed.stdout).into_owned();
    assert_eq!(passed.status.code(), Some(0), "{text}");
    assert!(text.contains("numbers and verdicts are as expected"), "{text}");

    // What was expected of one row is asked of another.
    let swapped = std::fs::read_to_string(&expected).unwrap();
    let swapped = swapped.replace("EI, 64", "x").replace("second order, 64", "EI, 64");
    let file = path("swapped.json");
    std::fs::write(&file, swapped.replace("\"x\"", "\"second order, 64\"")).unwrap();
    let deviating = check(&file);
    let text = String::from_utf8_lossy(&deviating.stdout).into_owned();
    assert_eq!(deviating.status.code(), Some(1), "{text}");
    assert!(
        text.contains("second order, 64: ess is") && text.contains("above the interval"),
        "{text}"
    );

    // Without a name of ours there is nothing to compare with; another preset is not compared.
    let unknown = output(&["check", &out]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(said.contains("no expectations are kept for own's quick preset"), "{said}");
    let makes = "`amc experiment run path/to/own --preset quick --expect --out OTHER`";
    assert!(said.contains(makes) && said.contains("--expected OTHER/expected.json"), "{said}");
    // What they were made from shows nothing about them; beside other runs they are found.
    let own_runs = output(&["check", &reference]);
    assert_eq!(own_runs.status.code(), Some(2));
    let said = String::from_utf8_lossy(&own_runs.stderr).into_owned();
    let next = format!("`amc experiment check OTHER --expected {expected}`");
    assert!(said.contains("--preset quick --out OTHER`") && said.contains(&next), "{said}");
    std::fs::copy(&expected, format!("{out}/expected.json")).unwrap();
    assert_eq!(output(&["check", &out]).status.code(), Some(0));
    // Nor is another experiment of the same name and rows.
    let foreign = std::fs::read_to_string(&expected).unwrap();
    let digest = foreign.find("grid_sha256\": \"").unwrap() + 15;
    let mut bytes = foreign.into_bytes();
    bytes[digest] = if bytes[digest] == b'0' { b'1' } else { b'0' };
    std::fs::write(&file, bytes).unwrap();
    let refused = check(&file);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("other settings"));
    // What differs is said, and nothing else.
    let preset = format!(
        "is for preset full, and {out} holds preset quick; `amc experiment run path/to/own"
    );
    let name = format!("is for the experiment rank, and {out} holds own: give");
    for (from, to, words) in [("\"quick\"", "\"full\"", preset), ("\"own\"", "\"rank\"", name)] {
        let other = std::fs::read_to_string(&expected).unwrap().replace(from, to);
        std::fs::write(&file, other).unwrap();
        let refused = check(&file);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(&words), "{said}");
    }
    // Nor is a run that is not finished.
    std::fs::remove_file(Path::new(&out).join("manifest.json")).unwrap();
    let unfinished = check(&expected);
    assert_eq!(unfinished.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unfinished.stderr).contains("unfinished"));
}

/// Fails if damage of any file goes unsaid, or the command that is said does not mend it or runs intact cells again.
#[test]
fn damage_is_mended_by_the_command_that_is_said() {
    let room = tempfile::tempdir().unwrap();
    let own = own_experiment(room.path());
    let folder = room.path().join("out");
    let out = folder.to_str().unwrap();
    let run = || assert!(output(&["run", &own, "--out", out, "--quiet"]).status.success());
    run();
    let said = || {
        let report = Command::new(env!("CARGO_BIN_EXE_amc")).args(["report", out]).output();
        [output(&["check", out]), report.unwrap()].map(|refused| {
            assert_eq!(refused.status.code(), Some(2));
            String::from_utf8(refused.stderr).unwrap()
        })
    };
    let again = format!("`amc experiment run path/to/own --preset quick --out {out}`");
    let whole = rows(&folder);
    let written = || folder.join("cells/0003-2.json").metadata().unwrap().modified().unwrap();
    let before = written();
    for name in ["results.json", "plan.json", "manifest.json", "cells/0000-1.json"] {
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(folder.join(name), bytes).unwrap();
        for said in said() {
            assert!(said.contains(name) && said.contains(&again), "{name}: {said}");
            assert!(said.contains("keeps the cells that are intact"), "{name}: {said}");
        }
        run();
        let whole_again = String::from_utf8(output(&["check", out]).stderr).unwrap();
        assert!(whole_again.contains("no expectations are kept"), "{name}: {whole_again}");
        assert_eq!((rows(&folder), written()), (whole.clone(), before), "{name}");
    }
    // A manifest that does not know the results, as one of something else.
    let manifest = amc_harness::storage::Manifest::of(&folder, &["plan.json"]).unwrap();
    manifest.write(&folder).unwrap();
    for said in said() {
        assert!(said.contains("is not in manifest.json"), "{said}");
    }
}

/// Fails if the example in the help is refused, or its data do not decide its claim.
#[test]
fn the_example_in_the_help_decides_its_claim() {
    let room = tempfile::tempdir().unwrap();
    let help = String::from_utf8(output(&["--help"]).stdout).unwrap();
    let (_, example) = help.split_once("a config.toml like this one:\n").unwrap();
    let (example, _) = example.split_once("\nExit codes").unwrap();
    let own = own_experiment(room.path());
    std::fs::write(Path::new(&own).join("config.toml"), example).unwrap();
    let out = room.path().join("out");
    let done = output(&["run", &own, "--out", out.to_str().unwrap(), "--quiet", "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let results: Value = serde_json::from_slice(&done.stdout).unwrap();
    let claims = results["claims"].as_array().unwrap();
    assert!(!claims.is_empty() && claims.iter().all(|c| c["verdict"] != "undecided"), "{claims:?}");
}

/// Fails if an interrupted run ends without finishing its cells, without saying how to go on, or with another code than 130.
#[cfg(unix)]
#[test]
fn an_interrupt_is_obeyed() {
    let room = tempfile::tempdir().unwrap();
    let own = own_experiment(room.path());
    let config = Path::new(&own).join("config.toml");
    let slow = CONFIG.replace("particles = 256", "particles = 8192");
    std::fs::write(config, slow).unwrap();
    let out = room.path().join("out");
    let child = amc(&["run", &own, "--out", out.to_str().unwrap(), "--threads", "1"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let cells = out.join("cells");
    let some = || std::fs::read_dir(&cells).is_ok_and(|cells| cells.count() > 0);
    for _ in 0..3000 {
        if some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(some(), "no cell was finished in a minute");
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped; the same command goes on"), "{said}");
    assert!(!out.join("manifest.json").exists());
    let refused = output(&["check", out.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let again = format!("`amc experiment run path/to/own --preset quick --out {}`", out.display());
    assert!(said.contains("is unfinished") && said.contains(&again), "{said}");
}

/// Fails if the list leaves an experiment out, a quick preset is estimated at more than three minutes, or a misspelt name does not lead to the right one.
#[test]
fn experiments_are_listed() {
    let listed = output(&["list", "--json", "--threads", "2"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 16);
    for entry in listed {
        let (quick, full) = (&entry["quick"], &entry["full"]);
        assert!(quick["runs"].as_u64() < full["runs"].as_u64(), "{entry}");
        assert!(
            quick["estimated_seconds"].as_f64() < full["estimated_seconds"].as_f64(),
            "{entry}"
        );
        assert!(quick["estimated_seconds"].as_f64() < Some(180.0), "{entry}");
    }
    for (threads, words) in [("1", "for 1 thread.\n"), ("2", "for 2 threads.\n")] {
        let text = String::from_utf8(output(&["list", "--threads", threads]).stdout).unwrap();
        assert!(text.ends_with(words), "{text}");
    }
    let misspelt = output(&["run", "kernel-variances"]);
    assert_eq!(misspelt.status.code(), Some(2));
    let message = String::from_utf8_lossy(&misspelt.stderr).into_owned();
    assert!(message.contains("did you mean \"kernel-variance\"?"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}
