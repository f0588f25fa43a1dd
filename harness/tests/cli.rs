//! The program from outside: outputs, exit codes, reproducibility, refusals.

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

const SMALL: &str = "[target]\ndim = 4\nseparation = 2.0\n[path]\nlevels = 12\n\
                     [sampler]\nparticles = 301\n";

/// Fails if a promised key is missing or stdout holds anything but the JSON document.
#[test]
fn run_prints_every_promised_key() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    let summary = json(&amc(&["run", "c.toml", "--json"], folder.path()));
    for key in [
        "log_z",
        "log_z_std_error",
        "ess",
        "mode_weights",
        "mode_weight_error",
        "sliced_wasserstein",
        "sliced_wasserstein_floor",
        "acceptance_rate",
        "seconds",
        "seed",
        "instructions",
    ] {
        assert!(!summary[key].is_null(), "{key} is missing");
    }
    for key in ["density", "score", "hessian_product"] {
        assert!(summary["evaluations"][key].as_u64().unwrap() > 0, "{key}");
    }
    assert!(summary["warnings"].is_array());
    assert!(summary["ess"].as_f64().unwrap() <= 1.0);
}

/// Summary without its times, and samples, of `c.toml` on one and on two threads.
fn on_one_and_two_threads(folder: &Path, settings: &[impl AsRef<str>]) -> [(Value, Vec<u8>); 2] {
    ["1", "2"].map(|threads| {
        let mut arguments = vec!["run", "c.toml", "--json", "--threads", threads];
        arguments.extend(["--out", threads, "--force"]);
        settings.iter().for_each(|s| arguments.extend(["--set", s.as_ref()]));
        let mut summary = json(&amc(&arguments, folder));
        summary["seconds"] = Value::Null;
        summary["sampling_seconds"] = Value::Null;
        (summary, std::fs::read(folder.join(threads).join("samples.npz")).unwrap())
    })
}

/// Fails if the result depends on the number of threads, in any bit of summary or samples.
#[test]
fn threads_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    for kernel in ["mala", "hmc", "rwm"] {
        for (sampler, adapt) in [("ais", "frozen"), ("smc", "online")] {
            let settings = [
                format!("kernel.kind={kernel}"),
                format!("kernel.adapt={adapt}"),
                format!("sampler.kind={sampler}"),
                "bridge.kind=isotropic-optimal".to_owned(),
            ];
            let results = on_one_and_two_threads(folder.path(), &settings);
            assert_eq!(results[0].0, results[1].0, "{kernel} {sampler}");
            assert!(results[0].1 == results[1].1, "{kernel} {sampler}: samples differ");
        }
    }
    // Maps draw probes and search for inverses.
    for bridge in ["flow-map", "low-rank"] {
        let mut settings = vec![format!("bridge.kind={bridge}")];
        if bridge == "flow-map" {
            settings.push("logdet.estimator=lanczos".to_owned());
        }
        let results = on_one_and_two_threads(folder.path(), &settings);
        assert_eq!(results[0].0, results[1].0, "{bridge}");
        assert!(results[0].1 == results[1].1, "{bridge}: samples differ");
    }
}

/// Fails if the resolved configuration does not reproduce the run, or --out loses a file.
#[test]
fn the_resolved_configuration_reproduces_the_run() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    let first = amc(&["run", "c.toml", "--seed", "9", "--out", "a", "--json"], folder.path());
    let again = amc(&["run", "a/config.toml", "--out", "b", "--json"], folder.path());
    assert_eq!(json(&first)["log_z"], json(&again)["log_z"]);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("a/samples.npz") == read("b/samples.npz"));
    let summary: Value = serde_json::from_slice(&read("a/summary.json")).unwrap();
    assert_eq!(summary["seed"], 9);
    // A finished run is not overwritten by accident.
    let refused = amc(&["run", "c.toml", "--out", "a"], folder.path());
    assert_eq!(refused.status.code(), Some(2));
    let files = std::fs::read_dir(folder.path().join("a")).unwrap().count();
    assert_eq!(files, 8);
}

/// Fails if an array of samples.npz is missing, misshapen or not what the summary was made of.
#[test]
fn samples_read_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    let summary = json(&amc(&["run", "c.toml", "--out", "a", "--json"], folder.path()));
    let file = std::fs::File::open(folder.path().join("a/samples.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut array = |name: &str, shape: &[u64]| -> Vec<f64> {
        let array = npyz::NpyFile::new(archive.by_name(&format!("{name}.npy")).unwrap()).unwrap();
        assert_eq!(array.shape(), shape, "{name}");
        array.into_vec().unwrap()
    };
    let positions = array("positions", &[301, 4]);
    let weights: Vec<f64> = array("log_weights", &[301]).iter().map(|w| w.exp()).collect();
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let ess = 1.0 / weights.iter().map(|w| w * w).sum::<f64>() / 301.0;
    assert!((ess - summary["ess"].as_f64().unwrap()).abs() < 1e-12);
    // TwoModes(4, 2): mean -a/3, variance 0.05 + 8 a^2/9; modes at -2 and 2 in original coordinates.
    let (shift, scale) = (array("shift", &[4]), array("scale", &[4]));
    for (shift, scale) in shift.iter().zip(&scale) {
        assert!((shift + 2.0 / 3.0).abs() < 1e-14);
        assert!((scale * scale - (0.05 + 32.0 / 9.0)).abs() < 1e-14);
    }
    for row in positions.chunks_exact(4) {
        let original = row[0] * scale[0] + shift[0];
        assert!((original.abs() - 2.0).abs() < 1.5, "{original} is at no mode");
    }
}

/// Fails if bad input is accepted, blamed on another field, reported in more than one line, or
/// leaves output behind.
#[test]
fn bad_input_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let head = r#"{"name":"m","dim":2,"#;
    let iso = r#""covariance":{"kind":"isotropic","variance":1.0}"#;
    write("good.json", &format!(r#"{head}"weights":[1],"means":[[0,0]],{iso}}}"#));
    write("negative.json", &format!(r#"{head}"weights":[-1],"means":[[0,0]],{iso}}}"#));
    write("zero.json", &format!(r#"{head}"weights":[0],"means":[[0,0]],{iso}}}"#));
    write("ragged.json", &format!(r#"{head}"weights":[1],"means":[[0]],{iso}}}"#));
    write("nan.json", &format!(r#"{head}"weights":[1],"means":[[0,NaN]],{iso}}}"#));
    let spd = r#""covariance":{"kind":"full","matrix":[[1,2],[2,1]]}"#;
    write("spd.json", &format!(r#"{head}"weights":[1],"means":[[0,0]],{spd}}}"#));
    write("c.toml", SMALL);
    write("unquoted.toml", "[target]\nkind = two-modes\n");
    write("file.toml", "[target]\nkind = \"file\"\npath = \"good.json\"\n");
    write("blocked", "a file, not a folder");
    write("good.csv", "0.5,1\n");
    write("empty.csv", "");
    write("ragged.csv", "1,2\n3\n");
    write("bad.csv", "1,nan\n");
    let target = |file: &str| format!("target.path={file}.json");
    let set = |setting: &str| {
        ["run", "c.toml", "--out", "out", "--set", setting].map(str::to_owned).to_vec()
    };
    let file = |name: &str| {
        ["run", "file.toml", "--out", "out", "--set", &target(name)].map(str::to_owned).to_vec()
    };
    let eval = |mixture: &str, points: &str, time: &str| {
        let quantity = "log-density";
        ["eval", "--mixture", mixture, "--points", points, "--time", time, "--quantity", quantity]
            .map(str::to_owned)
            .to_vec()
    };
    let own = |arguments: &[&str]| arguments.iter().map(|&a| a.to_owned()).collect::<Vec<_>>();
    let cases: Vec<(Vec<String>, &str)> = vec![
        (file("negative"), "weights"),
        (file("zero"), "weights"),
        (file("ragged"), "means"),
        (file("nan"), "means"),
        (file("spd"), "positive definite"),
        (file("missing"), "missing.json"),
        (set("sampler.particles=0"), "sampler.particles"),
        (set("sampler.ladders=0"), "sampler.ladders"),
        (set("sampler.swap=odd"), "sampler.swap"),
        (set("path.barrier=exact"), "path.barrier"),
        (set("path.spacing=lambdaa"), "path.spacing"),
        (set("sampler.both_sides=1"), "sampler.both_sides"),
        (set("path.times=[0.5, 0.2]"), "path.times"),
        (set("bridge.kind=second"), "second-order"),
        (set("brigde.kind=ddpm"), "bridge"),
        (
            own(&["run", "c.toml", "--set", "path.kind=tempering", "--set", "bridge.kind=ddpm"]),
            "bridge.kind",
        ),
        (set("target.dim=-3"), "target.dim"),
        (set("sampler.particles=1000000000000"), "sampler.particles"),
        (own(&["run", "absent.toml"]), "absent.toml"),
        (own(&["run", "c.toml", "--out", "blocked"]), "blocked"),
        (own(&["run", "c.toml", "--threads", "100000"]), "--threads"),
        (own(&["list", "bridges"]), "bridge"),
        (own(&["run"]), "<CONFIG>"),
        (own(&["run", "c.toml", "--sed", "1"]), "--seed"),
        (own(&["run", "c.toml", "--seed", "-1"]), "--seed"),
        (own(&["run", "c.toml", "--set", "a.b.c=1"]), "more than two parts"),
        (own(&["run", "unquoted.toml"]), "needs quotes"),
        (own(&["compare", "--preset", "fast"]), "[possible values: quick, full]"),
        (own(&["eval", "--quantity", "density"]), "log-density"),
        (set("päth.levels=3"), "--set: \"päth\""),
        (set("target.näme=3"), "--set: target.\"näme\""),
        (set("path.beta_max=0.01"), "--set: path.beta_max = 0.01"),
        (set("target.components=3"), "is not set"),
        (eval("good.json", "empty.csv", "0"), "empty.csv"),
        (eval("good.json", "ragged.csv", "0"), "ragged.csv"),
        (eval("good.json", "bad.csv", "0"), "bad.csv"),
        (eval("good.json", "good.csv", "-1"), "--time"),
        (eval("good.json", "good.csv", "nan"), "--time"),
    ];
    for (arguments, named) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = amc(&arguments, folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{arguments:?}: {message}");
        assert!(message.contains(named), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!folder.path().join("out").exists(), "{arguments:?} left output behind");
    }
}

/// Fails if a file that cannot be written leaves others of the run behind, under any name, or
/// removes a file that is not of the run.
#[test]
fn output_is_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    for blocked in ["config.toml", "samples.npz", "summary.json"] {
        let out = folder.path().join(format!("out-{blocked}"));
        std::fs::create_dir_all(out.join(format!(".{blocked}.part"))).unwrap();
        std::fs::write(out.join("other"), "mine").unwrap();
        let arguments = ["run", "c.toml", "--quiet", "--out", out.to_str().unwrap()];
        let output = amc(&arguments, folder.path());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        assert!(message.contains(blocked) && output.stdout.is_empty(), "{message}");
        let left = std::fs::read_dir(&out).unwrap().count();
        assert_eq!(
            left, 2,
            "{blocked}: more than the checkpoint is left behind, or something gone"
        );
        assert!(out.join("checkpoint/run").exists());
        let output = amc(&["resume", out.to_str().unwrap(), "--quiet"], folder.path());
        assert!(output.status.success() && out.join("manifest.json").exists());
    }
}

/// Fails if a full disk is reported in more than one line, or with anything on stdout.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    // Where the archive is written before it gets its name.
    let place = folder.path().join("out/.samples.npz.part");
    std::os::unix::fs::symlink("/dev/full", place).unwrap();
    let output = amc(&["run", "c.toml", "--quiet", "--out", "out"], folder.path());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.starts_with("error: out/samples.npz: cannot be written"), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    // The checkpoint alone, to go on from.
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
}

/// Fails if some number of particles, down to one, keeps a run from its summary.
#[test]
fn few_particles_are_enough_for_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    for particles in [1, 2, 7, 9] {
        for sampler in ["ais", "smc"] {
            let particles = format!("sampler.particles={particles}");
            let sampler = format!("sampler.kind={sampler}");
            let arguments = ["run", "c.toml", "--json", "--set", &particles, "--set", &sampler];
            let summary = json(&amc(&arguments, folder.path()));
            for key in ["log_z", "ess", "sliced_wasserstein", "maximum_mean_discrepancy"] {
                assert!(summary[key].is_f64(), "{particles} {sampler}: {key}");
            }
            // So few particles are never enough to be trusted.
            assert_ne!(summary["verdict"]["status"], "healthy", "{particles} {sampler}");
            assert!(summary["symptoms"]["weights"]["particles"].is_u64());
        }
    }
}

/// A small run of replica exchange on tuned levels.
const LADDERS: &str = "[target]\ndim = 4\nseparation = 1.0\n[path]\nlevels = 6\nspacing = \"lambda\"\n\
                       tuning_rounds = 3\n[bridge]\nkind = \"ddpm\"\n[sampler]\n\
                       kind = \"replica-exchange\"\nladders = 11\nrounds = 60\n";

/// Fails if ladders, their levels or their samples depend on the number of threads, or a promised key
/// is missing.
#[test]
fn ladders_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), LADDERS).unwrap();
    for settings in [
        ["sampler.swap=even-odd", "kernel.adapt=frozen"],
        ["sampler.swap=stochastic", "kernel.adapt=online"],
        ["path.barrier=replica-exchange", "sampler.start=descent"],
    ] {
        let results = on_one_and_two_threads(folder.path(), &settings);
        assert_eq!(results[0].0, results[1].0, "{settings:?}");
        assert!(results[0].1 == results[1].1, "{settings:?}: samples differ");
        let summary = &results[0].0;
        for key in [
            "verdict",
            "log_z_forward",
            "log_z_backward",
            "mean_rejection_rate",
            "round_trips",
            "restarts",
            "kept_every",
            "round_trip_rate",
            "predicted_round_trip_rate",
            "levels",
            "times",
            "barrier",
        ] {
            assert!(!summary[key].is_null(), "{key} is missing");
        }
        assert_eq!(summary["round_trips"].as_array().unwrap().len(), 11);
        assert_eq!(summary["times"].as_array().unwrap().len(), 7);
        assert_eq!(summary["particles"], 60 * 11);
        assert_eq!(summary["kept_every"], 1);
    }
    // Room for two rounds: the first and the thirty-third.
    let output = amc(&["run", "c.toml", "--set", "sampler.samples=22"], folder.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("22, of one round in 32"), "{text}");
}

/// Fails if a run goes into the folder of an experiment, whatever of it is there and whether or not it is forced to.
#[test]
fn the_folder_of_an_experiment_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    for file in ["plan.json", "results.json", "cells/0000-1.json"] {
        std::fs::create_dir_all(out.join(file).parent().unwrap()).unwrap();
        std::fs::write(out.join(file), "of an experiment").unwrap();
        for force in [&[][..], &["--force"]] {
            let run = [&["run", "c.toml", "--quiet", "--out", "out"], force].concat();
            let output = amc(&run, folder.path());
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{file}: {message}");
            let (what, _) = file.split_once('/').unwrap_or((file, ""));
            assert!(message.contains(&format!("holds an experiment ({what})")), "{message}");
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1, "{file}");
        std::fs::remove_dir_all(&out).unwrap();
    }
}

/// Fails if Ctrl-C says nothing where nothing is kept, or waits for a level to end.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_says_that_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    // An hour or more.
    let text = SMALL.replace("301", "1000000").replace("levels = 12", "levels = 2000");
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.args(["run", "c.toml", "--quiet"]).current_dir(folder.path());
    let piped = std::process::Stdio::piped;
    let process = command.stdout(piped()).stderr(piped()).spawn().unwrap();
    // Ctrl-C is the second bit of the signals that a process listens to.
    let status = format!("/proc/{}/status", process.id());
    let listens = || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
        caught.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|m| m & 2 != 0)
    };
    for _ in 0..1000 {
        if listens() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // Where nobody listens, this ends it too.
    for signal in ["-INT", "-TERM"] {
        let id = process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).stderr(piped()).output().unwrap();
        assert!(sent.status.success() || signal == "-TERM");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert_eq!(said, "error: stopped; nothing was kept: --out DIR keeps a run\n");
}

/// Fails if `amc schedule` prints anything but JSON where asked, loses its figure, leaves one behind
/// when it refuses, or its levels are not those of the run.
#[test]
fn schedule_prints_and_plots() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("c.toml"), "[target]\ndim = 4\n[path]\nlevels = 9\n").unwrap();
    let arguments = ["schedule", "c.toml", "--json", "--plot", "figure.svg"];
    let report = json(&amc(&arguments, folder.path()));
    assert_eq!(report["times"].as_array().unwrap().len(), 10);
    assert_eq!(
        report["nodes"].as_array().unwrap().len(),
        report["local"].as_array().unwrap().len()
    );
    assert!(report["barrier"].as_f64().unwrap() > 1.0);
    assert!(report["recommended_levels"].as_u64().unwrap() > 1);
    let figure = std::fs::read_to_string(path("figure.svg")).unwrap();
    assert!(figure.contains("<svg") && figure.trim_end().ends_with("</svg>"));
    let run = ["run", "c.toml", "--json", "--set", "path.spacing=lambda"];
    let run = json(&amc(&[&run[..], &["--set", "sampler.particles=64"]].concat(), folder.path()));
    assert_eq!(run["times"], report["times"]);

    let text = amc(&["schedule", "c.toml", "--threads", "1"], folder.path());
    let text = String::from_utf8(text.stdout).unwrap();
    for part in ["lambda(t)", "Lambda(t)", "recommended", "level"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let refused = amc(&["schedule", "c.toml", "--plot", "no/figure.svg"], folder.path());
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.starts_with("error: no/figure.svg"), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
}

/// Fails if `amc eval` is not the density of the reference file, quantity by quantity.
#[test]
fn eval_agrees_with_the_reference_file() {
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../reference/mixture_reference.json");
    let reference: Value =
        serde_json::from_str(&std::fs::read_to_string(reference).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in reference["cases"].as_array().unwrap() {
        let covariances: Vec<Value> = case["covariances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|matrix| serde_json::json!({"kind": "full", "matrix": matrix}))
            .collect();
        let mixture = serde_json::json!({
            "name": "reference", "dim": case["dim"], "weights": case["weights"],
            "means": case["means"], "covariances": covariances, "standardize": "none",
        });
        std::fs::write(folder.path().join("m.json"), mixture.to_string()).unwrap();
        for point in case["points"].as_array().unwrap() {
            check_eval(point, folder.path());
        }
    }
}

fn check_eval(point: &Value, folder: &Path) {
    let row: Vec<String> = point["x"].as_array().unwrap().iter().map(ToString::to_string).collect();
    std::fs::write(folder.join("p.csv"), row.join(",") + "\n").unwrap();
    let time = point["time"].to_string();
    let quantities = "log-density,score,hessian,responsibilities,time-derivative";
    let arguments = [
        "eval",
        "--mixture",
        "m.json",
        "--points",
        "p.csv",
        "--time",
        &time,
        "--quantity",
        quantities,
        "--json",
    ];
    let output = json(&amc(&arguments, folder));
    let results = output["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    let mut names = vec![
        ("log_density", "log_density"),
        ("score", "score"),
        ("hessian", "hessian"),
        ("responsibilities", "responsibilities"),
    ];
    if !point["log_density_time_derivative"].is_null() {
        names.push(("time_derivative", "log_density_time_derivative"));
    }
    for (ours, theirs) in names {
        let (found, expected) = (numbers(&results[0][ours]), numbers(&point[theirs]));
        let scale = expected.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(&expected) {
            assert!((f - e).abs() <= 1e-11 * scale, "{ours} at t = {time}: {f} instead of {e}");
        }
    }
}

/// All numbers of nested arrays, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(entries) => entries.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

/// Fails if a name of the catalog is missing from `amc list`, or JSON and text disagree.
#[test]
fn list_shows_the_whole_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8(amc(&["list"], folder.path()).stdout).unwrap();
    let items = json(&amc(&["list", "--json"], folder.path()));
    for room in amc_harness::catalog::rooms() {
        for entry in room.entries {
            assert!(text.contains(entry.name) && text.contains(entry.summary));
            let listed = items.as_array().unwrap().iter();
            assert!(listed.clone().any(|i| i["room"] == room.name && i["name"] == entry.name));
        }
    }
}
