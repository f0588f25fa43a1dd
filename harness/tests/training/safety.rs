//! What a training survives: damaged checkpoints, a second training in its folder, another one begun over it, full
//! disks.

use std::fs;
use std::path::Path;
use std::process::Command;

use amc_harness::learned::training::{
    DamagedCheckpoint, Record, StepLosses, Watcher, previous_checkpoint,
};
use amc_harness::run::{Begin, MODEL, Training};

use super::{CHECKPOINT, SMALL, config, trained};

/// Calls `visit` after each step, stops after so many, and notes which checkpoints are damaged.
struct Stopper<F> {
    left: usize,
    visit: F,
    damaged: Vec<DamagedCheckpoint>,
}

impl<F: FnMut()> Stopper<F> {
    fn after(left: usize, visit: F) -> Self {
        Self { left, visit, damaged: Vec::new() }
    }
}

impl<F: FnMut()> Watcher for Stopper<F> {
    fn stage(&mut self, _: usize, _: u64, _: u64) {}
    fn record(&mut self, _: &Record) {}

    fn step(&mut self, _: &StepLosses) {
        (self.visit)();
        self.left -= 1;
    }

    fn damaged(&mut self, checkpoint: &DamagedCheckpoint) {
        self.damaged.push(checkpoint.clone());
    }

    fn wants_to_stop(&self) -> bool {
        self.left == 0
    }
}

/// A training that was stopped after some steps.
fn stop(text: &str, folder: &Path, begin: Begin) {
    let mut stopper = Stopper::after(5, || {});
    let stopped = Training::prepare(&config(text), folder, begin).unwrap().run(&mut stopper);
    assert!(stopped.unwrap_err().to_string().contains("stopped before the end"));
}

/// The two checkpoints of a folder.
fn checkpoints(folder: &Path) -> [std::path::PathBuf; 2] {
    let newest = folder.join(CHECKPOINT);
    [previous_checkpoint(&newest), newest]
}

fn amc() -> Command {
    Command::new(env!("CARGO_BIN_EXE_amc"))
}

/// Changes the bytes of a file.
type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

/// Fails if a checkpoint with a flipped bit or cut short ends a training that has another one, is not named, changes a
/// byte of the model, or takes the only intact one with it at the next write; or if two damaged ones are not refused with
/// the remedy.
#[test]
fn damage_of_a_checkpoint_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (model, records, _) = trained(&config(SMALL), &at("whole"), Begin::New);
    stop(SMALL, &at("stopped"), Begin::New);
    let whole = checkpoints(&at("stopped")).map(|file| fs::read(file).unwrap());
    let [previous, newest] = ["checkpoint.previous.safetensors", CHECKPOINT];
    let length = whole[1].len();
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 1;
    let cut = |at: usize| move |bytes: &mut Vec<u8>| bytes.truncate(at);
    let damages: [Damage<'_>; 6] =
        [&flip(0), &flip(200), &flip(length - 1), &cut(0), &cut(length / 2), &cut(length - 1)];
    for (i, damage) in damages.into_iter().enumerate() {
        for which in [&[0][..], &[1], &[0, 1]] {
            let out = at(&format!("damaged-{i}-{which:?}"));
            fs::create_dir(&out).unwrap();
            for (index, (file, bytes)) in checkpoints(&out).iter().zip(&whole).enumerate() {
                let mut bytes = bytes.clone();
                if which.contains(&index) {
                    damage(&mut bytes);
                }
                fs::write(file, bytes).unwrap();
            }
            let training = Training::prepare(&config(SMALL), &out, Begin::Resume).unwrap();
            let mut stopper = Stopper::after(1, || {
                // What goes on begins with an intact one under the name that the next is kept beside.
                let [_, newest] = checkpoints(&out);
                amc_harness::learned::training::read_checkpoint(&newest).unwrap();
            });
            let message = training.run(&mut stopper).unwrap_err().to_string();
            if which.len() == 2 {
                for part in [newest, previous, "--force"] {
                    assert!(message.contains(part), "damage {i}: {message}");
                }
                continue;
            }
            assert!(message.contains("stopped"), "damage {i} of {which:?}: {message}");
            let named: Vec<_> = stopper.damaged.iter().map(|one| one.file.clone()).collect();
            // The older one is not read where the newer one can be used.
            let expected = if which == [1] { vec![out.join(newest)] } else { vec![] };
            assert_eq!(named, expected, "damage {i}");
            let (again, recorded, _) = trained(&config(SMALL), &out, Begin::Resume);
            assert!(again == model && recorded == records, "damage {i} of {which:?}");
            assert!(!out.join(previous).exists());
        }
    }
    // A kill between the two renames leaves the older name alone.
    let out = at("between");
    fs::create_dir(&out).unwrap();
    fs::write(out.join(previous), &whole[1]).unwrap();
    let mut said = amc();
    said.args(["train", "c.toml", "--out", "between"]).current_dir(folder.path());
    fs::write(at("c.toml"), SMALL).unwrap();
    let said = said.output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("unfinished training"));
    let (again, ..) = trained(&config(SMALL), &out, Begin::Resume);
    assert!(again == model);
}

/// Fails if the program goes on without a damaged checkpoint and does not say so.
#[test]
fn damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    let out = folder.path().join("out");
    stop(SMALL, &out, Begin::New);
    let newest = out.join(CHECKPOINT);
    let mut bytes = fs::read(&newest).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let arguments = ["train", "c.toml", "--out", "out", "--resume"];
    let output = amc().args(arguments).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let line =
        "checkpoint.safetensors is damaged: its checksum does not fit its contents; going on";
    assert!(said.contains(line), "{said}");
}

/// Fails if a training begun over a finished one takes its model or its configuration before there is another.
#[test]
fn a_model_stays_until_the_next_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let read = || [MODEL, "config.toml", "training.json"].map(|name| fs::read(out.join(name)).ok());
    trained(&config(SMALL), &out, Begin::New);
    let first = read();
    let other = SMALL.replace("seed = 3", "seed = 4");
    let same = || assert!(read() == first, "what was there has changed");
    let training = Training::prepare(&config(&other), &out, Begin::Over).unwrap();
    training.run(&mut Stopper::after(5, same)).unwrap_err();
    assert!(read() == first);
    trained(&config(&other), &out, Begin::Resume);
    let second = read();
    assert!(second.iter().zip(&first).all(|(second, first)| second.is_some() && second != first));
}

/// Fails if a second training works in the folder of one that is at work, or takes what it has done away.
#[test]
fn a_live_training_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), SMALL).unwrap();
    let out = folder.path().join("out");
    let (model, ..) = trained(&config(SMALL), &folder.path().join("whole"), Begin::New);
    let mut tries = 0;
    let mut intruder = Stopper::after(5, || {
        tries += 1;
        for option in ["--force", "--resume"] {
            // There is a checkpoint from the first step on.
            if tries != 3 {
                continue;
            }
            let arguments = ["train", "c.toml", "--quiet", "--out", "out", option];
            let output = amc().args(arguments).current_dir(folder.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{option}: {said}");
            assert!(said.contains("another amc is at work in this folder"), "{said}");
        }
    });
    let training = Training::prepare(&config(SMALL), &out, Begin::New).unwrap();
    training.run(&mut intruder).unwrap_err();
    assert_eq!(tries, 5);
    let (again, ..) = trained(&config(SMALL), &out, Begin::Resume);
    assert!(again == model);
    assert!(!out.join(".amc-lock").exists());
}

/// Fails if a full disk is blamed on the input, loses what was kept, or is not told with the way to go on.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let text = SMALL.replace("channels = 6", "channels = 24");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), &text).unwrap();
    let (model, ..) = trained(&config(&text), &folder.path().join("whole"), Begin::New);
    let out = folder.path().join("out");
    // No file may be as long as a checkpoint; shells count in blocks of 512 or 1024 bytes.
    stop(&text, &out, Begin::New);
    let length = fs::metadata(out.join(CHECKPOINT)).unwrap().len();
    let blocks = (length / 1024 - 1).to_string();
    fs::remove_dir_all(&out).unwrap();
    let full = |options: &[&str], parts: &[&str]| {
        let script = "trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"";
        let program = env!("CARGO_BIN_EXE_amc");
        let output = Command::new("sh")
            .args(["-c", script, "sh", &blocks, program, "train", "c.toml", "--quiet"])
            .args(["--out", "out"])
            .args(options)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        for part in [&["checkpoint.safetensors", "cannot be written", "make room"], parts].concat()
        {
            assert!(said.contains(part), "{said} lacks {part}");
        }
        let names = fs::read_dir(&out).unwrap().flatten().map(|entry| entry.file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().ends_with(".part")));
    };
    full(&[], &["give the same command again"]);
    stop(&text, &out, Begin::New);
    let kept = checkpoints(&out).map(|file| fs::read(file).unwrap());
    full(&["--resume"], &["amc train CONFIG.toml --out DIR --resume"]);
    assert!(checkpoints(&out).map(|file| fs::read(file).unwrap()) == kept);
    let (again, ..) = trained(&config(&text), &out, Begin::Resume);
    assert!(again == model);
}
