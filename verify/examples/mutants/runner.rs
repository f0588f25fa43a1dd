//! Calls cargo-mutants: once for the list, and once for each pass over chosen mutants.
//!
//! Mutants are chosen by name. cargo-mutants can only leave out names (`--iterate` reads those that it caught
//! before), so it is given all others; its filter by regular expression lets fields of structs through.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judge::Outcomes;

/// Unit tests that take most of the time, and are left to the second pass.
const SLOW: [&str; 9] = [
    "logdet::tests::a_lane_that_goes_nan_stays_alone",
    "logdet::tests::indefinite_matrices_are_detected",
    "logdet::tests::values_are_those_of_the_determinant",
    "simd::exp::tests::agrees_with_libm_over_the_full_range",
    "transport::tests::maps_of_more_stages_are_inverted_until_they_fold",
    "transport::tests::one_stage_maps_are_inverted_everywhere",
    "weight::resampling::residual::tests::two_remainders_are_independent",
    "weight::resampling::tests::mean_offspring_and_bounds_over_many_seeds",
    "weight::work_sums::tests::gaussian_works_have_the_right_difference",
];
/// Test programs of the second pass: properties of the core, and the suite's comparisons with exact values.
const WIDE: [&str; 6] = ["robustness", "reference", "mixture", "precision", "teams", "flow_maps"];

/// Seconds until a mutant counts as caught there; without one the tests take 40 on a busy machine.
const WIDE_TIMEOUT: &str = "--timeout=600";

/// What a mutant has to survive.
#[derive(Debug, Clone, Copy)]
pub enum Tests {
    /// The core's unit tests but the slow ones.
    Unit,
    /// All unit tests of the core, its properties, and exact tests of `amc-verify`.
    Wide,
}

/// cargo-mutants on one workspace.
pub struct Runner<'a> {
    /// The folder of the workspace.
    pub root: &'a Path,
}

impl Runner<'_> {
    /// Names of all mutants of the core, in the order of the source.
    pub fn list(&self) -> Result<Vec<String>, String> {
        let output = self.command().args(["--list", "--colors", "never"]).output();
        let output = output.map_err(|error| format!("cargo mutants: {error}"))?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("cargo mutants --list (cargo install cargo-mutants): {message}"));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Tests the mutants `wanted`, some of `all`.
    pub fn run(&self, tests: Tests, all: &[String], wanted: &[String]) -> Result<Outcomes, String> {
        let folder = self.root.join(match tests {
            Tests::Unit => "target/mutants-unit",
            Tests::Wide => "target/mutants-wide",
        });
        let results = prepare(&folder, all, wanted)?;
        let mut command = self.command();
        command.args(["--iterate", "--no-times", "--jobs", "1", "--cargo-arg=--locked"]);
        command.args(["--cargo-arg=--lib", "--output"]).arg(&folder);
        let target = folder.join("build");
        command.env("CARGO_TARGET_DIR", &target);
        match tests {
            Tests::Unit => {
                command.args(["--", "--"]);
                command.args(SLOW.into_iter().flat_map(|test| ["--skip", test]));
            }
            Tests::Wide => {
                self.check_wide(&target)?;
                command.args(["--test-package=amc-core", "--test-package=amc-verify"]);
                command.args(["--baseline=skip", WIDE_TIMEOUT]);
                command.args(WIDE.map(|program| format!("--cargo-arg=--test={program}")));
            }
        }
        let status = command.status().map_err(|error| format!("cargo mutants: {error}"))?;
        // 0: all caught, 2: some missed, 3: some timed out. 4 would be tests that fail by themselves.
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            return Err(format!("cargo mutants ended with {status}"));
        }
        read(&results)
    }

    /// Fails unless the tests of the second pass pass without a mutant. cargo-mutants tries that with the
    /// mutated package alone, which has not all of these programs.
    fn check_wide(&self, target: &Path) -> Result<(), String> {
        let mut command = self.cargo("test");
        command.args(["--locked", "--profile=mutants", "-p=amc-core", "-p=amc-verify", "--lib"]);
        command.args(WIDE.map(|program| format!("--test={program}")));
        command.env("CARGO_TARGET_DIR", target);
        let status = command.status().map_err(|error| format!("cargo test: {error}"))?;
        let passed = status.success();
        passed.then_some(()).ok_or_else(|| "the tests fail without any mutant".to_owned())
    }

    fn command(&self) -> Command {
        let mut command = self.cargo("mutants");
        command.args(["--package", "amc-core"]);
        command
    }

    fn cargo(&self, subcommand: &str) -> Command {
        let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        command.arg(subcommand).current_dir(self.root);
        command
    }
}

/// Empties the results in `folder` and says that all mutants but the wanted ones are caught.
fn prepare(folder: &Path, all: &[String], wanted: &[String]) -> Result<PathBuf, String> {
    let results = folder.join("mutants.out");
    let failed = |error: std::io::Error| format!("{}: {error}", results.display());
    if results.exists() {
        fs::remove_dir_all(&results).map_err(failed)?;
    }
    fs::create_dir_all(&results).map_err(failed)?;
    let wanted: BTreeSet<&String> = wanted.iter().collect();
    let others: String =
        all.iter().filter(|name| !wanted.contains(name)).map(|name| format!("{name}\n")).collect();
    fs::write(results.join("previously_caught.txt"), others).map_err(failed)?;
    Ok(results)
}

/// What cargo-mutants wrote.
fn read(results: &Path) -> Result<Outcomes, String> {
    let lines = |file: &str| -> Result<Vec<String>, String> {
        let path = results.join(file);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let mut caught = lines("caught.txt")?;
    caught.extend(lines("timeout.txt")?);
    Ok(Outcomes { caught, missed: lines("missed.txt")?, unviable: lines("unviable.txt")? })
}
