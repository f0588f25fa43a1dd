//! Memory that does not suffice is refused, and shared by what runs at once.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program with an address space of so many KiB, in one arena: how many its threads would reserve is not known
/// beforehand.
fn amc_within(kibibytes: u64, arguments: &[&str], folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "ulimit -v $1; shift; exec \"$@\"", "sh", &kibibytes.to_string()])
        .arg(env!("CARGO_BIN_EXE_amc"))
        .args(arguments)
        .current_dir(folder)
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap()
}

/// Fails if a run that a limit of the shell leaves no room for is begun, and aborted by the allocator.
#[test]
fn a_limit_of_the_shell_is_heeded() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[target]\ndim = 16\n[path]\nlevels = 2\n[kernel]\nkind = \"none\"\n\
                  [sampler]\nparticles = 1000000\n";
    fs::write(folder.path().join("c.toml"), config).unwrap();
    let output = amc_within(400_000, &["run", "c.toml", "--quiet"], folder.path());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.contains("GiB of memory") && said.contains("sampler.particles"), "{said}");
}

/// Runs of 98 MB each, and 128 MiB of address space for the allocator's arenas, beside 64 MiB for everything else.
const CELLS: &str = r#"
title = "Large runs"
claim = "They share the memory."
[base]
target = { kind = "two-modes", dim = 2, separation = 1.0 }
path = { levels = 15, spacing = "log-snr" }
kernel = { kind = "rwm", steps = 1 }
sampler = { kind = "replica-exchange", ladders = 20000, rounds = 2, warmup = 1, samples = 20000 }
[[vary]]
name = "bridge"
role = "series"
choices = [
  { label = "EI", set = { bridge = { kind = "exponential-integrator" } } },
  { label = "ddpm", set = { bridge = { kind = "ddpm" } } },
]
[preset.quick]
seeds = [1, 2]
[preset.full]
seeds = [1]
[[claims]]
claim = "one rejects more"
measure = "mean_rejection_rate"
of = { bridge = "EI" }
above = { bridge = "ddpm" }
"#;

/// Fails if runs of an experiment are begun that do not fit beside each other, or one that does not fit at all.
#[test]
fn cells_share_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/config.toml"), CELLS).unwrap();
    let run = |kibibytes: u64| {
        let out = kibibytes.to_string();
        let arguments = ["experiment", "run", "own", "--threads", "4", "--out", &out];
        let output = amc_within(kibibytes, &arguments, folder.path());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(650_000);
    assert_eq!(code, Some(0), "{said}");
    // Two as a rule; what a process maps before it begins is not the same everywhere.
    assert!(
        said.contains("memory suffices for ") && said.contains(" at once, not for 4"),
        "{said}"
    );
    let (code, said) = run(180_000);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("its configuration") && said.contains("GiB of memory"), "{said}");
    assert_eq!(fs::read_dir(folder.path().join("180000/cells")).unwrap().count(), 0);
}
