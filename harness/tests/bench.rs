//! `amc bench` from outside: the document, the table, refusals.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn amc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

fn json(arguments: &[&str], folder: &Path) -> Value {
    let output = amc(&[&["bench", "--json"], arguments].concat(), folder);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fails if a promised field is missing, or anything is measured that was not asked for.
#[test]
fn one_document() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&["--quick", "--only", "mixture,normals"], folder.path());
    assert!(report["version"].is_string() && report["instructions"].is_string());
    for ceiling in ["fma_gflops", "exp_g_per_s", "ln_g_per_s", "bandwidth_gb_per_s"] {
        assert!(report["ceilings"][ceiling].as_f64().unwrap() > 0.01, "{ceiling}");
    }
    assert_eq!(report["runs"], serde_json::json!([]));
    let kernels = report["kernels"].as_array().unwrap();
    let named = |name: &str| kernels.iter().filter(|k| k["name"] == name).collect::<Vec<_>>();
    let (both, alone) = (named("log_density_and_score"), named("log_density"));
    assert_eq!((both.len(), alone.len(), named("normals").len()), (9, 9, 1));
    assert_eq!(kernels.len(), 19);
    assert_eq!(both[4]["kind"], "isotropic");
    assert_eq!((&both[4]["d"], &both[4]["k"]), (&128.into(), &64.into()));
    for kernel in kernels {
        let number = |field: &str| kernel[field].as_f64().unwrap();
        assert!((number("limit_ns") / number("ns") - number("share_of_limit")).abs() < 1e-12);
    }
    assert!(both.iter().all(|kernel| kernel["separated_ns"].as_f64().unwrap() > 0.0));
}

/// Fails if the table lacks the instructions, a column, or the way to read it.
#[test]
fn one_table() {
    let folder = tempfile::tempdir().unwrap();
    let output = amc(&["bench", "--quick", "--only", "uniforms,mala"], folder.path());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    for part in ["instructions ", "GFLOP/s", "of limit", "mala step", "uniforms", "ns: a particle"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("bridge") && !text.contains("efficiency"), "{text}");
}

const MIXTURE: &str = r#"{"name": "mine", "dim": 2, "weights": [0.7, 0.3], "means": [[0, 0], [1, 2]],
    "covariances": [{"kind": "isotropic", "variance": 0.5},
                    {"kind": "diagonal", "variances": [0.2, 1.5]}]}"#;

/// Fails if a mixture of the user's is measured as something else, or threads are ignored.
#[test]
fn a_mixture_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.json"), MIXTURE).unwrap();
    for threads in [1, 2] {
        let count = threads.to_string();
        let arguments =
            ["--quick", "--mixture", "m.json", "--particles", "99", "--threads", &count];
        let report = json(&arguments, folder.path());
        assert!(report["ceilings"]["fma_gflops"].as_f64().unwrap() > 0.1);
        assert!(report["instructions"].is_string());
        let mixture = &report["mixture"];
        assert_eq!((&mixture["name"], &mixture["kind"]), (&"mine".into(), &"diagonal".into()));
        assert_eq!((&mixture["d"], &mixture["k"]), (&2.into(), &2.into()));
        assert_eq!((&mixture["particles"], &mixture["threads"]), (&99.into(), &threads.into()));
        let number = |field: &str| mixture[field].as_f64().unwrap();
        let share = number("limit_ns") / number("ns_per_particle");
        assert!(share > 0.0 && (share - number("share_of_limit")).abs() < 1e-12);
    }
}

/// Fails if bad input is accepted, starts a measurement, or is reported in more than one line.
#[test]
fn bad_input_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.json"), MIXTURE).unwrap();
    std::fs::write(folder.path().join("bad.json"), MIXTURE.replace("0.7", "-0.7")).unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["--only", "mixtures"], "mixture"),
        (&["--mixture", "absent.json"], "absent.json"),
        (&["--mixture", "bad.json"], "weights"),
        (&["--mixture", "m.json", "--particles", "0"], "--particles: 0"),
        (&["--mixture", "m.json", "--particles", "-5"], "--particles"),
        (&["--mixture", "m.json", "--particles", "1000000000000"], "choose 1 to"),
        (&["--mixture", "m.json", "--only", "mixture"], "--only"),
        (&["--particles", "100"], "--mixture"),
        (&["--threads", "100000"], "--threads"),
        (&["--mixture", "m.json", "--threads", "100000"], "--threads"),
    ];
    for (arguments, named) in cases {
        let output = amc(&[&["bench"], *arguments].concat(), folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.contains(named), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
