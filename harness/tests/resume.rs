//! Runs that are killed, run out of disk or find their checkpoint damaged, and go on to the same bits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Runs with every kind of stage: levels tuned by replica exchange, a pilot, repetitions with resampling, the way back;
/// levels found by a descent; ladders with warm-up.
const CONFIGS: [&str; 5] = [
    r#"
        [target]
        dim = 6
        separation = 3.0
        [path]
        levels = 12
        spacing = "lambda"
        barrier = "rejections"
        tuning_rounds = 3
        [bridge]
        kind = "ddpm"
        [kernel]
        kind = "mala"
        steps = 3
        [sampler]
        kind = "smc"
        particles = 300
        repetitions = 2
    "#,
    r#"
        [target]
        dim = 5
        [path]
        kind = "tempering"
        spacing = "adaptive"
        cess = 0.9
        [kernel]
        kind = "hmc"
        steps = 2
        adapt = "online"
        [sampler]
        kind = "ais"
        particles = 333
    "#,
    r#"
        [target]
        dim = 4
        [path]
        levels = 8
        [bridge]
        kind = "isotropic-optimal"
        [kernel]
        kind = "rwm"
        steps = 2
        adapt = "online"
        [sampler]
        kind = "replica-exchange"
        ladders = 12
        rounds = 60
        warmup = 30
        swap = "stochastic"
    "#,
    // A map with estimated determinants, whose faults and truncation are counted; a mixture of one's own; frozen steps.
    r#"
        [target]
        kind = "file"
        path = "mixture.json"
        [path]
        levels = 4
        [bridge]
        kind = "flow-map"
        map = "heun"
        [logdet]
        estimator = "power-series"
        n_trunc = 2
        [kernel]
        kind = "mala"
        [sampler]
        kind = "replica-exchange"
        ladders = 9
        rounds = 16
        warmup = 4
        start = "descent"
    "#,
    // Levels at equal barrier from SMC; a map with counted faults in AIS.
    r#"
        [target]
        kind = "file"
        path = "mixture.json"
        [path]
        levels = 7
        spacing = "lambda"
        barrier = "smc"
        [bridge]
        kind = "flow-map"
        map = "ddim"
        [logdet]
        estimator = "power-series"
        n_trunc = 2
        [kernel]
        kind = "rwm"
        [sampler]
        kind = "ais"
        particles = 100
    "#,
];

/// A mixture with full covariances and uneven modes.
const MIXTURE: &str = r#"{
    "name": "own", "dim": 3, "weights": [0.8, 0.2], "means": [[-3, 0, 1], [2, 1, 0]],
    "covariances": [
        {"kind": "full", "matrix": [[1.0, 0.6, 0], [0.6, 0.8, 0], [0, 0, 0.1]]},
        {"kind": "isotropic", "variance": 0.5}
    ]
}"#;

/// A folder for the runs of one configuration, and what an uninterrupted one wrote.
struct Bench {
    folder: tempfile::TempDir,
    expected: BTreeMap<String, Vec<u8>>,
    seconds: f64,
}

impl Bench {
    /// Keeps the run after every level or round, as those do that are killed: so it takes as long.
    fn new(config: &str) -> Self {
        Self::kept_every("1", config)
    }

    fn kept_every(every: &str, config: &str) -> Self {
        // In memory where there is such a folder: bringing files to a disk takes ten times as long as the runs.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        fs::write(folder.path().join("c.toml"), config).unwrap();
        fs::write(folder.path().join("mixture.json"), MIXTURE).unwrap();
        let out = folder.path().join("whole");
        let start = Instant::now();
        let output = begin(folder.path(), &out, &["--checkpoint-every", every]).output().unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert_success(&output);
        Self { expected: contents(&out), folder, seconds }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Goes on to the end and compares every byte; returns what was said on stderr.
    fn finish(&self, out: &Path) -> String {
        self.finish_with(out, &[])
    }

    fn finish_with(&self, out: &Path, arguments: &[&str]) -> String {
        let output = resume(out).args(arguments).output().unwrap();
        assert_success(&output);
        let found = contents(out);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&self.expected));
        for (name, bytes) in &self.expected {
            assert!(found[name] == *bytes, "{name} differs");
        }
        String::from_utf8(output.stderr).unwrap()
    }
}

fn amc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until all `files` are there, and no longer than the process that is to write them lives.
fn wait_for(files: &[PathBuf], child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !files.iter().all(|file| file.exists()) {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "{ended:?} before {files:?} were there");
        assert!(Instant::now() < deadline, "{files:?} are not there after a minute");
        sleep(Duration::from_millis(1));
    }
}

fn begin(folder: &Path, out: &Path, arguments: &[&str]) -> Command {
    let mut command = amc();
    command.arg("run").arg(folder.join("c.toml")).arg("--out").arg(out).args(arguments);
    command
}

fn resume(out: &Path) -> Command {
    let mut command = amc();
    command.arg("resume").arg(out);
    command
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// All files of a finished run but the manifest, whose checksum of the summary knows how long it took; the summary
/// without its times.
fn contents(out: &Path) -> BTreeMap<String, Vec<u8>> {
    fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(out, "", &mut files);
    // A process killed at its very end leaves its lock, which is nobody's, or a checkpoint that was put aside.
    files.retain(|name, _| !name.starts_with(".amc-lock") && !name.starts_with(".checkpoint.part"));
    assert!(files.remove("manifest.json").is_some(), "{:?}", files.keys());
    amc_harness::storage::Manifest::check(out).unwrap();
    let summary = files.get_mut("summary.json").unwrap();
    let mut table: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(summary).unwrap();
    for time in ["seconds", "sampling_seconds"] {
        assert!(table.remove(time).is_some());
    }
    *summary = serde_json::to_vec(&table).unwrap();
    files
}

/// Numbers in `[0, 1)`, other ones in every run of the test.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self(now.as_nanos() as u64 | 1)
    }

    fn roll(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Whether a killed process left a file that it was writing.
fn was_writing(out: &Path) -> bool {
    let parts = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .any(|name| name.ends_with(".part"))
    };
    parts(out) || parts(&out.join("checkpoint"))
}

/// Fails if one of 200 kills at random times changes a bit of any file of the run, leaves a folder that no command goes
/// on with, or if no kill fell into a write.
#[test]
fn two_hundred_kills_change_nothing() {
    let benches: Vec<Bench> = CONFIGS.iter().map(|config| Bench::new(config)).collect();
    let mut dice = Dice::new();
    let (mut kills, mut in_writes, mut begun) = (0, 0, 0);
    while kills < 200 {
        // The last one takes twenty times as long as the others.
        let quick = benches.len() - 1;
        let bench = &benches[if begun % 50 == 49 { quick } else { begun % quick }];
        let out = bench.out("killed");
        let _ = fs::remove_dir_all(&out);
        begun += 1;
        let mut command = begin(bench.folder.path(), &out, &["--checkpoint-every", "1"]);
        // One in four is killed again while it goes on.
        let mut more = if begun % 4 == 0 { 3 } else { 1 };
        while more > 0 {
            let mut process = command.spawn().unwrap();
            sleep(Duration::from_secs_f64(dice.roll() * bench.seconds));
            process.kill().unwrap();
            if process.wait().unwrap().success() {
                break;
            }
            kills += 1;
            in_writes += usize::from(was_writing(&out));
            more -= 1;
            command = match out.join("checkpoint/run").exists() {
                true => resume(&out),
                // It had not got so far as to say what it is.
                false => begin(bench.folder.path(), &out, &["--checkpoint-every", "1", "--force"]),
            };
        }
        if out.join("checkpoint/run").exists() {
            let said = bench.finish(&out);
            assert!(!said.contains("damaged"), "{said}");
        } else if !out.join("manifest.json").exists() {
            assert_success(&command.output().unwrap());
        }
        let found = contents(&out);
        assert!(found.keys().eq(bench.expected.keys()), "run {begun}: {:?}", found.keys());
        assert!(found == bench.expected, "run {begun}");
    }
    assert!(in_writes >= 3, "only {in_writes} of {kills} kills fell into a write");
    println!("{kills} kills in {begun} runs, {in_writes} of them inside writes");
}

/// A run of the first configuration that was stopped in the middle by a signal.
fn stopped(bench: &Bench, name: &str) -> PathBuf {
    let out = bench.out(name);
    // Stopped from outside at a moment when all kinds of files of a checkpoint are there.
    let mut process =
        begin(bench.folder.path(), &out, &["--checkpoint-every", "1"]).spawn().unwrap();
    let files =
        ["stage-0003", "state", "state.previous"].map(|file| out.join("checkpoint").join(file));
    wait_for(&files, &mut process);
    process.kill().unwrap();
    process.wait().unwrap();
    out
}

/// Fails if a file of a checkpoint that was cut short or has a flipped bit is believed, is not named, or keeps the run
/// from its result.
#[test]
fn damage_is_named_and_changes_nothing() {
    let bench = Bench::new(CONFIGS[0]);
    let mut dice = Dice::new();
    let whole = stopped(&bench, "stopped");
    let names: Vec<String> = fs::read_dir(whole.join("checkpoint"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".part"))
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    let copy = bench.out("damaged");
    for name in &names {
        for cut in [true, false] {
            let _ = fs::remove_dir_all(&copy);
            fs::create_dir_all(copy.join("checkpoint")).unwrap();
            for name in &names {
                let file = Path::new("checkpoint").join(name);
                fs::copy(whole.join(&file), copy.join(&file)).unwrap();
            }
            let file = copy.join("checkpoint").join(name);
            let mut bytes = fs::read(&file).unwrap();
            let at = (dice.roll() * bytes.len() as f64) as usize;
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << (dice.roll() * 8.0) as u32;
            }
            fs::write(&file, bytes).unwrap();
            let said = bench.finish(&copy);
            let named = said.contains(&format!("checkpoint/{name} is damaged"));
            // The older state is read only where the newer one is of no use.
            assert!(named || name == "state.previous", "{name}, cut: {cut}, at {at}: {said}");
        }
    }
}

/// Fails if the mixture can change between two parts of a run, or restoring it does not help.
#[test]
fn a_changed_target_is_refused() {
    let bench = Bench::new(CONFIGS[3]);
    let out = bench.out("stopped");
    let mut process =
        begin(bench.folder.path(), &out, &["--checkpoint-every", "1"]).spawn().unwrap();
    wait_for(&[out.join("checkpoint/state")], &mut process);
    process.kill().unwrap();
    process.wait().unwrap();
    let mixture = bench.folder.path().join("mixture.json");
    // The digit that matters least: the sixteenth of one mean.
    fs::write(&mixture, MIXTURE.replace("[2, 1, 0]", "[2, 1.0000000000000002, 0]")).unwrap();
    let output = resume(&out).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("is not what it was when the run began")
    );
    fs::write(&mixture, MIXTURE).unwrap();
    bench.finish(&out);
}

/// Fails if a second process works in the folder of a live run, or takes its checkpoint away.
#[test]
fn a_live_run_is_left_alone() {
    let bench = Bench::kept_every("1h", &CONFIGS[2].replace("rounds = 60", "rounds = 3000"));
    let out = bench.out("live");
    let mut process =
        begin(bench.folder.path(), &out, &["--checkpoint-every", "1"]).spawn().unwrap();
    wait_for(&[out.join("checkpoint/state")], &mut process);
    for mut command in [begin(bench.folder.path(), &out, &["--force"]), resume(&out)] {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("another amc is at work in this folder"), "{said}");
    }
    // It is still at work, and what it has kept is whole.
    assert!(process.try_wait().unwrap().is_none(), "the run was over before it was left alone");
    process.kill().unwrap();
    process.wait().unwrap();
    bench.finish_with(&out, &["--checkpoint-every", "1h"]);
}

/// Fails if both copies of what a run is can be lost without a clear message.
#[test]
fn a_run_that_cannot_go_on_says_why() {
    let bench = Bench::new(CONFIGS[0]);
    let out = stopped(&bench, "stopped");
    let message = |out: &Path| {
        let output = resume(out).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let run = out.join("checkpoint/run");
    let kept = fs::read(&run).unwrap();
    fs::write(&run, &kept[..40]).unwrap();
    fs::write(out.join("checkpoint/run.copy"), b"").unwrap();
    let said = message(&out);
    assert!(said.contains("run is damaged") && said.contains("--force"), "{said}");
    fs::write(&run, &kept).unwrap();
    // On a machine with fused multiply-adds the portable kernels give other bits.
    if cfg!(target_arch = "x86_64")
        && !cfg!(target_feature = "fma")
        && std::is_x86_feature_detected!("avx2")
    {
        let output = resume(&out).env("AMC_ISA", "portable").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("give other bits") && said.contains("AMC_ISA="), "{said}");
    }
    bench.finish(&out);
    assert!(message(&out).contains("finished run"));
    assert!(message(&bench.out("nowhere")).contains("no unfinished run"));
    let output = begin(bench.folder.path(), &stopped(&bench, "again"), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("amc resume"));
}

/// Fails if Ctrl-C loses the level in progress, does not say how to go on, or the rest gives other bits.
#[cfg(unix)]
#[test]
fn an_interrupt_saves_and_says_how_to_go_on() {
    let bench = Bench::kept_every("1h", &CONFIGS[2].replace("rounds = 60", "rounds = 3000"));
    let out = bench.out("interrupted");
    // Nothing is kept of a stage in progress unless the interrupt does it.
    let arguments = ["--checkpoint-every", "1h"];
    let mut process = begin(bench.folder.path(), &out, &arguments).spawn().unwrap();
    wait_for(&[out.join("checkpoint/stage-0000")], &mut process);
    let kill = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("stopping after this level") && said.contains("amc resume"), "{said}");
    assert!(out.join("checkpoint/state").exists());
    bench.finish(&out);
}

/// Fails if a full disk spoils what was kept, goes unnoticed, or the run does not go on once there is room. Needs the
/// right to mount; without it nothing is tested, which the output says.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let bench = Bench::new(CONFIGS[0]);
    let disk = bench.out("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |options: &str| {
        Command::new("mount").args(["-t", "tmpfs", "-o", options, "amc"]).arg(&disk).status()
    };
    if !mount("size=256k").is_ok_and(|status| status.success()) {
        println!("a disk cannot be mounted here: a full one is not tested");
        return;
    }
    let out = disk.join("run");
    let mut sizes = [300, 400, 500, 700, 4096].into_iter();
    let mut output =
        begin(bench.folder.path(), &out, &["--checkpoint-every", "1"]).output().unwrap();
    let mut stops = 0;
    while !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot be written") && said.contains("amc resume"), "{said}");
        stops += 1;
        let size = sizes.next().unwrap();
        assert!(mount(&format!("remount,size={size}k")).unwrap().success());
        output = resume(&out).output().unwrap();
    }
    let found = contents(&out);
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    assert!(stops >= 2, "the disk was never full");
    assert!(found == bench.expected);
}
