//! Folders to report on: small runs and an experiment, with the files of a finished one.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use amc_harness::storage::Manifest;
use npyz::WriterBuilder;

pub fn amc(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

/// An SMC run on three modes in three dimensions, with snapshots of three levels.
pub fn particles(base: &Path, name: &str) {
    let text = "[target]\nkind = \"many-modes\"\ndim = 3\ncomponents = 3\n[path]\nlevels = 8\n[sampler]\n\
        kind = \"smc\"\nparticles = 64\n";
    run(base, name, text);
    let levels = [(8, 1.0), (4, 0.3), (0, 0.0)];
    snapshots(&base.join(name), &levels, 40, 3, None);
    seal(&base.join(name));
}

/// Replica exchange on the same target, with paths of replicas.
pub fn ladders(base: &Path, name: &str) {
    let text = "[target]\nkind = \"many-modes\"\ndim = 3\ncomponents = 3\n[path]\nlevels = 4\n[sampler]\n\
        kind = \"replica-exchange\"\nladders = 8\nrounds = 30\n";
    run(base, name, text);
    snapshots(&base.join(name), &[(4, 1.0), (0, 0.0)], 16, 3, Some([25, 2, 5]));
    seal(&base.join(name));
}

/// Another run into a folder, killed as soon as `amc resume` can go on with it.
pub fn killed(base: &Path, name: &str) {
    let text = "[target]\nkind = \"many-modes\"\ndim = 2\ncomponents = 2\n[path]\nlevels = 2\n[sampler]\n\
        kind = \"replica-exchange\"\nladders = 8\nrounds = 2000\n";
    fs::write(base.join("config-of-run.toml"), text).unwrap();
    // Kept after every round it cannot be over before it is killed.
    let arguments = ["run", "config-of-run.toml", "--force", "--quiet", "--out", name];
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.args(arguments).args(["--checkpoint-every", "1"]).current_dir(base);
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let state = base.join(name).join("checkpoint/state");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !state.exists() {
        assert!(process.try_wait().unwrap().is_none(), "the run was over before it was kept");
        assert!(Instant::now() < deadline, "nothing was kept in a minute");
        sleep(Duration::from_millis(2));
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

/// One particle or two, one mode, one level, one dimension.
pub fn tiny(base: &Path, name: &str) {
    let text = "[target]\nkind = \"many-modes\"\ndim = 1\ncomponents = 1\n[path]\nlevels = 1\n[sampler]\n\
        kind = \"ais\"\nparticles = 2\nboth_sides = false\n";
    run(base, name, text);
    snapshots(&base.join(name), &[(1, 1.0), (0, 0.0)], 1, 1, None);
    seal(&base.join(name));
}

fn run(base: &Path, name: &str, config: &str) {
    let folder = base.join(name);
    fs::create_dir_all(&folder).unwrap();
    let file = base.join("config-of-run.toml");
    fs::write(&file, config).unwrap();
    let arguments = ["run", "config-of-run.toml", "--force", "--quiet", "--out", name];
    let output = amc(&arguments, base);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Writes `snapshots.npz`: `[levels, count, dim]` positions on a lattice, weights from even to uneven.
fn snapshots(
    folder: &Path,
    levels: &[(i64, f64)],
    count: usize,
    dim: usize,
    replicas: Option<[usize; 3]>,
) {
    let mut archive = zip::ZipWriter::new(File::create(folder.join("snapshots.npz")).unwrap());
    let cells = levels.len() * count;
    let positions =
        (0..cells * dim).map(|i| ((i * 37 % 101) as f64 / 25.0) - 2.0).collect::<Vec<_>>();
    let weights = (0..cells).map(|i| -((i % 7) as f64)).collect::<Vec<_>>();
    let times: Vec<f64> = levels.iter().map(|level| level.1).collect();
    let shape = [levels.len(), count, dim];
    write(
        &mut archive,
        "levels",
        &levels.iter().map(|level| level.0).collect::<Vec<_>>(),
        &shape[..1],
    );
    write(&mut archive, "times", &times, &shape[..1]);
    write(&mut archive, "positions", &positions, &shape);
    write(&mut archive, "log_weights", &weights, &shape[..2]);
    if let Some([rounds, ladders, levels]) = replicas {
        // Replicas rotate through the levels, ladders in opposite directions.
        let at = |i: usize| {
            let (level, ladder, round) = (i % levels, i / levels % ladders, i / levels / ladders);
            let by = if ladder == 0 { round } else { levels * rounds - round };
            ((level + by) % levels) as i64
        };
        let all: Vec<i64> = (0..rounds * ladders * levels).map(at).collect();
        write(&mut archive, "replicas", &all, &[rounds, ladders, levels]);
    }
    archive.finish().unwrap();
}

fn write<T: npyz::AutoSerialize + Copy>(
    archive: &mut zip::ZipWriter<File>,
    name: &str,
    values: &[T],
    shape: &[usize],
) {
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file(format!("{name}.npy"), options).unwrap();
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let builder = npyz::WriteOptions::new().default_dtype().shape(&shape);
    let mut writer = builder.writer(archive).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
}

/// Writes the manifest of what stands in a folder.
pub fn seal(folder: &Path) {
    let _ = fs::remove_file(folder.join("manifest.json"));
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Manifest::of(folder, &names).and_then(|manifest| manifest.write(folder)).unwrap();
}

/// Flips the last byte of a file.
pub fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Takes values from a summary, and puts markup into its texts.
pub fn untidy_summary(folder: &Path) {
    let path = folder.join("summary.json");
    let mut summary: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for name in ["log_z", "sliced_wasserstein", "mode_weight_error", "ess", "barrier"] {
        summary[name] = serde_json::Value::Null;
    }
    summary["mode_weights"][1] = serde_json::Value::Null;
    summary["levels"][2]["ess"] = serde_json::Value::Null;
    summary["target"] = "<script>alert(\"'&\u{1}".into();
    summary["verdict"] = serde_json::json!({
        "status": "suspect", "coverage": "unverified", "note": "no <b>",
        "reasons": [{"check": "pareto-k", "value": null, "limit": 0.7, "message": "a < b"}]
    });
    fs::write(&path, summary.to_string()).unwrap();
    seal(folder);
}

/// An experiment of two panels: one over an axis, with a value missing, and one without an axis.
pub fn experiment(base: &Path, name: &str) {
    let folder = base.join(name);
    fs::create_dir_all(&folder).unwrap();
    let measure = |mean: f64, error: Option<f64>| serde_json::json!({"mean": mean, "std_error": error, "values": [mean]});
    let row = |series: &str, levels: u32, ess: Option<serde_json::Value>| {
        let mut row = serde_json::json!({
            "label": format!("AIS, {series}, {levels} levels"), "choices": {}, "settings": {"levels": levels, "bridge": series},
            "axis": {"name": "levels", "value": levels}, "series": series, "panel": "AIS, two-modes (16, 5)",
            "runs": 2, "failed": u32::from(levels == 16),
            "measures": {"log_z": measure(-1.0 / f64::from(levels), Some(0.1)),
                "sliced_wasserstein": measure(0.5 / f64::from(levels), None),
                "evaluations": measure(3.0 * f64::from(levels), Some(0.0)), "seconds": measure(0.5, Some(0.01)),
                "acceptance_rate": measure(0.57, Some(0.01))}
        });
        if let Some(ess) = ess {
            row["measures"]["ess"] = ess;
        }
        row
    };
    let plain = |label: &str, log_z: f64| {
        serde_json::json!({
            "label": label, "choices": {}, "settings": {}, "axis": null, "series": label, "panel": "SMC, b", "runs": 3, "failed": 0,
            "measures": {"log_z": measure(log_z, Some(0.2)), "sliced_wasserstein": measure(0.3, Some(0.02)),
                "evaluations": measure(200.0, None)}
        })
    };
    let results = serde_json::json!({
        "experiment": name, "preset": "quick", "title": "A study of <bridges>", "claim": "x & y", "version": "0",
        "grid_sha256": "0", "instructions": "portable", "seeds": [1, 2],
        "rows": [row("second order", 16, Some(measure(0.9, Some(0.01)))), row("second order", 64, Some(measure(0.98, Some(0.004)))),
            row("first <order>", 16, None), row("first <order>", 64, Some(measure(0.01, Some(0.002)))),
            plain("plain <row>", -0.5), plain("another row", 0.1)],
        "claims": [{"claim": "a <claim>", "verdict": "holds", "detail": "ESS 0.98 ± 0.004", "about_time": false},
            {"claim": "b", "verdict": "fails", "detail": "", "about_time": false}, {"claim": "c", "verdict": "undecided", "detail": "?", "about_time": false}]
    });
    fs::write(folder.join("results.json"), results.to_string()).unwrap();
    seal(&folder);
}
