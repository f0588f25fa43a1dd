//! `amc model-report` from outside: a small model trained and measured.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn amc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const CONFIG: &str = "seed = 4\n[target]\ndim = 3\nseparation = 2.0\n";

/// Trains a model that is as small as can be.
fn train(folder: &Path, network: &str) {
    std::fs::write(folder.join("c.toml"), CONFIG).unwrap();
    let network = format!("train.network={network}");
    let mut arguments = vec!["train", "c.toml", "--out", "m", "--force", "--quiet"];
    for set in ["train.epochs=1", "train.samples=2000", "train.channels=8", &network] {
        arguments.extend(["--set", set]);
    }
    let output = amc(&arguments, folder);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Fails if a promised number is missing or null, levels are not asked for or not in order, or the number of threads
/// changes a bit.
#[test]
fn the_report_has_every_number() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "energy");
    let arguments =
        ["model-report", "m", "--levels", "5", "--samples", "300", "--json", "--threads"];
    let with = |threads| amc(&[&arguments[..], &[threads]].concat(), folder.path());
    let output = with("1");
    assert_eq!(output.stdout, with("3").stdout);
    let report = json(&output);
    assert_eq!(
        (&report["samples"], &report["seed"], &report["dim"]),
        (&300.into(), &4.into(), &3.into())
    );
    assert_eq!(report["network"], "energy");
    let levels = report["levels"].as_array().unwrap();
    assert_eq!((levels.len(), report["classified"].as_array().unwrap().len()), (5, 4));
    let sigma = |level: &Value| level["sigma"].as_f64().unwrap();
    assert!(levels.windows(2).all(|pair| sigma(&pair[0]) > sigma(&pair[1])));
    for path in [
        "/log_snr",
        "/relative_divergence/value",
        "/relative_divergence/std_error",
        "/divergence_per_dimension/value",
        "/divergence_per_dimension/std_error",
        "/weight_variance/value",
        "/density/ess",
        "/density/log_ratio_spread",
        "/density/modes/error/value",
        "/density/modes/error/std_error",
        "/density/modes/robust_error/value",
        "/density/modes/weights/1",
        "/density/modes/true_weights/1",
    ] {
        assert!(
            levels.iter().all(|level| level.pointer(path).is_some_and(Value::is_number)),
            "{path}"
        );
    }
    for path in [
        "/summary/worst_relative_divergence",
        "/summary/shares_within/2",
        "/summary/mode_error/value",
        "/summary/weight_variance/value",
        "/summary/predicted_ess",
        "/classified/0/model",
        "/classified/0/exact",
        "/classified/0/excess/std_error",
    ] {
        assert!(report.pointer(path).is_some_and(Value::is_number), "{path}");
    }
    assert!(report["levels"][0]["density"]["ess"].as_f64().unwrap() <= 1.0);
}

/// Fails if the table lacks a level or the summary, the figure is not drawn, or a score network is given a density.
#[test]
fn people_get_a_table_and_a_figure() {
    let folder = tempfile::tempdir().unwrap();
    for (network, panels) in [("energy", 4), ("score", 2)] {
        train(folder.path(), network);
        let arguments =
            ["model-report", "m", "--levels", "7", "--samples", "100", "--plot", "m.svg"];
        let output = amc(&arguments, folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with('│')).count(), 8, "{text}");
        assert!(text.contains("of the ESS is kept") && text.contains("within 0.005"), "{text}");
        assert_eq!(
            text.contains("mode error at the cleanest level"),
            network == "energy",
            "{text}"
        );
        let svg = std::fs::read_to_string(folder.path().join("m.svg")).unwrap();
        assert_eq!(svg.matches("rotate(270").count(), panels);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

/// Fails if a folder without a model, a file in its place, or a number out of range is not refused before any work, in a
/// line that says what to do.
#[test]
fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "score");
    let file = "m/model.safetensors";
    for (arguments, named) in [
        (vec!["model-report", "nowhere"], "amc train"),
        (vec!["model-report", file], "give the folder"),
        (vec!["model-report", "m", "--levels", "1"], "--levels"),
        (vec!["model-report", "m", "--samples", "0"], "--samples"),
        (vec!["model-report", "m", "--plot", "figure.png"], ".svg"),
    ] {
        let output = amc(&arguments, folder.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.contains(named) && message.lines().count() == 1,
            "{arguments:?}: {message}"
        );
    }
}
