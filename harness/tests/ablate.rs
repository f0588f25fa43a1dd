//! `amc ablate` from outside: the table, the figure, the document, refusals.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn amc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

const CONFIG: &str = "[target]\ndim = 4\nseparation = 2.0\n[path]\nlevels = 8\nspacing = \"log-snr\"\n\
    [bridge]\nkind = \"flow-map\"\nmap = \"ddim\"\n[logdet]\nestimator = \"power-series\"\n\
    [kernel]\nkind = \"none\"\n[sampler]\nparticles = 40\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), CONFIG).unwrap();
    folder
}

/// Fails if a value or a table is missing, the figure is not written whole, or anything but results goes
/// to stdout.
#[test]
fn table_and_figure() {
    let folder = folder();
    for (subject, values, columns) in [
        ("n_trunc", "2,5", ["bias of log w", "log Z (truth 0)"]),
        ("map", "ddim,heun", ["bias of log w", "log Z (truth 0)"]),
        ("n_iter", "1,4", ["needs Newton", "No runs"]),
    ] {
        let arguments = ["ablate", subject, "c.toml", "--values", values, "--plot", "f.svg"];
        let output = amc(&arguments, folder.path());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        for part in columns {
            assert!(text.contains(part), "{part}: {text}");
        }
        for value in values.split(',') {
            assert!(text.contains(&format!("│ {value} ")), "{value}: {text}");
        }
        let svg = std::fs::read_to_string(folder.path().join("f.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("rotate(270").count(), 3, "{subject}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Fails if the document lacks what was promised of it.
#[test]
fn one_document() {
    let folder = folder();
    let arguments =
        ["ablate", "n_hutch", "c.toml", "--values", "4,2", "--seeds", "3", "--seed", "5", "--json"];
    let output = amc(&arguments, folder.path());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["subject"], "n_hutch");
    assert_eq!(found["seeds"], serde_json::json!([5, 6, 7]));
    assert_eq!(found["config"]["logdet"]["n_trunc"], 6);
    let rows = found["rows"].as_array().unwrap();
    assert_eq!([&rows[0]["value"], &rows[1]["value"]], [2, 4]);
    for row in rows {
        assert_eq!(row["runs"]["seeds"].as_array().unwrap().len(), 3);
        assert!(row["runs"]["log_z_deviation"].as_f64().unwrap() > 0.0);
        assert!(row["determinant"]["log_weight_variance"].as_f64().unwrap() > 0.0);
    }
}

/// Fails if bad input is accepted, reported in more than one line or with another exit code, or leaves
/// a file behind.
#[test]
fn bad_input_is_refused_in_one_line() {
    let folder = folder();
    let cases: &[(&[&str], &str)] = &[
        (&["n_trun", "c.toml"], "n_trunc"),
        (&["n_trunc", "absent.toml"], "absent.toml"),
        (&["n_trunc", "c.toml", "--values", "0"], "--values: logdet.n_trunc = 0"),
        (&["n_trunc", "c.toml", "--values", "-3"], "--values: logdet.n_trunc = -3"),
        (&["n_trunc", "c.toml", "--values", "2,x"], "logdet.n_trunc"),
        (&["n_trunc", "c.toml", "--values", ""], "logdet.n_trunc"),
        (&["n_trunc", "c.toml", "--seeds", "0"], "--seeds"),
        (&["n_trunc", "c.toml", "--plot", "f.png"], ".svg"),
        (&["n_trunc", "c.toml", "--plot", "absent/f.svg"], "--plot"),
        (&["n_trunc", "c.toml", "--set", "logdet.estimator=dense"], "logdet.estimator"),
        (&["rank", "c.toml"], "--set bridge.kind=low-rank"),
        (&["n_trunc", "c.toml", "--threads", "100000"], "--threads"),
    ];
    for (arguments, named) in cases {
        let plot = if arguments.contains(&"--plot") { &[][..] } else { &["--plot", "f.svg"] };
        let arguments = [&["ablate"], *arguments, plot].concat();
        let output = amc(&arguments, folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.contains(named), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{arguments:?}");
    }
}
