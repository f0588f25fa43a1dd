//! `amc fit` from outside: the file it writes, what it says of it, what it refuses.

use std::path::Path;
use std::process::{Command, Output};

use amc_harness::embed::{MixtureDensity, PointsMut};
use amc_harness::target::load_mixture;
use serde_json::Value;

fn amc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder with samples of an asymmetric mixture in three dimensions, drawn from it exactly.
fn samples() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mixture = r#"{"name": "two", "dim": 3, "weights": [0.7, 0.3],
        "means": [[-3, 0, 1], [4, 2, -1]],
        "covariances": [{"kind": "diagonal", "variances": [1, 0.5, 2]},
                        {"kind": "diagonal", "variances": [0.3, 1, 0.4]}],
        "standardize": "none", "origin": "test"}"#;
    std::fs::write(folder.path().join("truth.json"), mixture).unwrap();
    let config = "[target]\nkind = \"file\"\npath = \"truth.json\"\nstandardize = \"none\"\n\
                  [path]\nlevels = 24\n[sampler]\nkind = \"smc\"\nparticles = 2000\n";
    std::fs::write(folder.path().join("c.toml"), config).unwrap();
    let (truth, _) = load_mixture(&folder.path().join("truth.json")).unwrap();
    let mut rows = vec![0.0; 3 * 2000];
    MixtureDensity::new(truth).unwrap().sample(3, PointsMut::rows(&mut rows, 3).unwrap()).unwrap();
    let lines: Vec<String> =
        rows.chunks_exact(3).map(|x| format!("{},{},{}", x[0], x[1], x[2])).collect();
    std::fs::write(folder.path().join("samples.csv"), lines.join("\n")).unwrap();
    let points: Vec<String> = (0..60).map(|n| format!("{},{}", n % 7, (n * n) % 11)).collect();
    std::fs::write(folder.path().join("points.csv"), points.join("\n")).unwrap();
    folder
}

/// Fails if samples are not fitted by the mixture that they were drawn from, or the file is no target that a
/// run takes: 2000 samples determine a weight to .010, and .05 are allowed.
#[test]
fn a_fit_is_a_target() {
    let folder = samples();
    let path = folder.path();
    let arguments =
        ["fit", "samples.csv", "--components", "1-3", "--out", "fit.json", "--json", "--quiet"];
    let report = json(&amc(&arguments, path));
    assert_eq!((&report["components"], &report["dim"]), (&Value::from(2), &Value::from(3)));
    assert_eq!(report["candidates"].as_array().unwrap().len(), 3);
    assert_eq!(report["converged"], true);
    let weights: Vec<f64> =
        report["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
    assert!((weights.iter().copied().fold(0.0, f64::max) - 0.7).abs() < 0.05, "{weights:?}");
    let run = amc(&["run", "c.toml", "--set", "target.path=fit.json", "--json"], path);
    let summary = json(&run);
    let (log_z, error) = (&summary["log_z"], &summary["log_z_std_error"]);
    let (log_z, error) = (log_z.as_f64().unwrap(), error.as_f64().unwrap());
    // A fitted mixture is normalized.
    assert!(log_z.abs() < 5.0 * error.max(1e-3), "{log_z} +- {error}");
}

/// Fails if the fit depends on threads or on a second run of the same seed, or a file is written over unasked.
#[test]
fn a_seed_gives_the_same_file() {
    let folder = samples();
    let fit = |out: &str, more: &[&str]| {
        let arguments = ["fit", "points.csv", "--components", "4", "--covariance", "full"];
        amc(&[&arguments[..], &["--out", out], more].concat(), folder.path())
    };
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(fit("one.json", &["--threads", "1"]).status.success());
    assert!(fit("two.json", &["--threads", "2"]).status.success());
    assert!(
        fit("three.json", &["--seed", "3", "--restarts", "1", "--max-iterations", "1"])
            .status
            .success()
    );
    assert!(read("one.json") == read("two.json"));
    assert!(read("one.json") != read("three.json"));
    let refused = fit("one.json", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(fit("one.json", &["--force", "--seed", "2"]).status.success());
    assert!(read("one.json") != read("two.json"));
}

/// Fails if the text for people lacks what it must tell, or a doubtful fit is not warned of.
#[test]
fn people_are_told_likelihood_bic_and_weights() {
    let folder = samples();
    let arguments =
        ["fit", "points.csv", "--components", "2-3", "--out", "f.json", "--floor", "0.9"];
    let output = amc(&arguments, folder.path());
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["60 samples in 2 dimensions", "log-likelihood -", "BIC ", "weights ", " <-"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(warnings.contains("at the floor"), "{warnings}");
}

/// Fails if input is not refused before any work, in one line, with exit code 2 and the name of what is wrong.
#[test]
fn bad_input_is_refused() {
    let folder = samples();
    std::fs::write(folder.path().join("nan.csv"), "1,2\n3,nan\n4,5\n").unwrap();
    std::fs::write(folder.path().join("flat.csv"), "1,2\n3,2\n4,2\n5,2\n").unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["nan.csv", "--components", "1", "--out", "f.json"], "nan.csv"),
        (&["flat.csv", "--components", "1", "--out", "f.json"], "column 2 is 2 in every row"),
        (&["points.csv", "--components", "60", "--out", "f.json"], "60 components"),
        (&["points.csv", "--components", "0", "--out", "f.json"], "components = 0"),
        (&["points.csv", "--components", "5-2", "--out", "f.json"], "components = 5-2"),
        (&["points.csv", "--components", "x", "--out", "f.json"], "a range such as 1-8"),
        (&["points.csv", "--components", "1", "--out", "no/f.json"], "its folder does not exist"),
        (&["points.csv", "--components", "1", "--out", "."], "is a folder"),
        (&["none.txt", "--components", "1", "--out", "f.json"], "none.txt"),
    ];
    for (arguments, named) in cases {
        let output = amc(&[&["fit"], arguments].concat(), folder.path());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(named) && message.lines().count() == 1, "{message}");
        assert!(!folder.path().join("f.json").exists());
    }
}
