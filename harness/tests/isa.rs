//! `AMC_ISA` from outside: what is in force is said everywhere, what is not there is refused.

use std::path::Path;
use std::process::{Command, Output};

use amc_core::simd::Instructions;
use serde_json::Value;

const CONFIG: &str = "[target]\ndim = 3\nseparation = 2.0\n[path]\nlevels = 6\n\
    [bridge]\nkind = \"low-rank\"\n[sampler]\nparticles = 33\n";

fn amc(set: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.args(arguments).current_dir(folder).env("AMC_ISA", set).output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), CONFIG).unwrap();
    folder
}

fn available() -> impl Iterator<Item = Instructions> {
    Instructions::ALL.into_iter().filter(|set| set.is_available())
}

/// Fails if the variable does not choose, or an output does not say what was chosen.
#[test]
fn every_output_names_the_instructions() {
    let folder = folder();
    for set in available() {
        let name = set.name();
        let version = amc(name, &["--version"], folder.path());
        let expected = format!("instructions: {name}; this processor: portable");
        assert!(String::from_utf8_lossy(&version.stdout).contains(&expected), "{version:?}");
        let subcommands: [&[&str]; 3] = [
            &["run", "c.toml", "--out", name],
            &["schedule", "c.toml"],
            &["ablate", "rank", "c.toml", "--values", "1,2", "--seeds", "1"],
        ];
        for arguments in subcommands {
            let text = amc(name, arguments, folder.path());
            let text = String::from_utf8_lossy(&text.stdout).into_owned();
            assert_eq!(text.matches(&format!("instructions {name}")).count(), 1, "{text}");
            let arguments = [arguments, &["--json", "--force"]].concat();
            let kept = if arguments[0] == "run" { arguments.len() } else { arguments.len() - 1 };
            let document = amc(name, &arguments[..kept], folder.path());
            let document: Value = serde_json::from_slice(&document.stdout).unwrap();
            assert_eq!(document["instructions"], name, "{arguments:?}");
        }
        let summary = std::fs::read(folder.path().join(name).join("summary.json")).unwrap();
        let summary: Value = serde_json::from_slice(&summary).unwrap();
        assert_eq!(summary["instructions"], name);
    }
}

/// Fails if a name that is none, or instructions that are not there, start any work or go unexplained.
#[test]
fn what_is_not_there_is_refused_in_one_line() {
    let folder = folder();
    let missing = Instructions::ALL.into_iter().filter(|set| !set.is_available());
    for name in ["sse9", "AVX2", " avx2"].into_iter().chain(missing.map(Instructions::name)) {
        let output = amc(name, &["run", "c.toml", "--out", "out"], folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        for part in ["AMC_ISA", name, "set it to one of portable"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(output.stdout.is_empty() && !folder.path().join("out").exists());
    }
}

/// Fails if an empty variable is taken for a name.
#[test]
fn an_empty_variable_chooses_the_best() {
    let output = amc("", &["--version"], folder().path());
    let expected = format!("instructions: {};", Instructions::best());
    assert!(String::from_utf8_lossy(&output.stdout).contains(&expected), "{output:?}");
}
