//! `amc train` from outside: killed, refused, diverging.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use amc_harness::learned::training::{previous_checkpoint, read_checkpoint};
use amc_harness::run::MODEL;

use super::{CHECKPOINT, SMALL};

fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amc"));
    command.args(["train", "c.toml", "--quiet"]).args(arguments).current_dir(folder);
    command
}

fn train(arguments: &[&str], folder: &Path) -> Output {
    command(arguments, folder).output().unwrap()
}

/// Fails unless the program ended with this code and one line that has these parts.
fn assert_refused(output: &Output, code: i32, parts: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{message} lacks {part}");
    }
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), text).unwrap();
    folder
}

/// Fails if a training that was killed, at three moments one after the other, goes on to another model than one that
/// was not; or if the killed ones leave nothing to go on from.
#[test]
fn a_killed_training_goes_on_to_the_same_bytes() {
    let text =
        SMALL.replace("samples = 500", "samples = 20000").replace("channels = 6", "channels = 24");
    let folder = folder_with(&text);
    let output = train(&["--out", "whole"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let checkpoint = folder.path().join("killed").join(CHECKPOINT);
    let previous = previous_checkpoint(&checkpoint);
    let mut kills = 0;
    for attempt in 0..3 {
        let mut arguments = vec!["--out", "killed"];
        if attempt > 0 {
            arguments.push("--resume");
        }
        let mut child = command(&arguments, folder.path()).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !checkpoint.exists() && begun.elapsed() < Duration::from_secs(60) {
            sleep(Duration::from_millis(5));
        }
        // Anywhere in a step, a validation or the writing of a checkpoint.
        sleep(Duration::from_millis(150 + 37 * attempt));
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        kills += usize::from(running);
        if !running {
            break;
        }
        // A kill between the two renames leaves the one before alone.
        let file = if checkpoint.exists() { &checkpoint } else { &previous };
        let stopped = read_checkpoint(file).unwrap();
        assert!(stopped.state.steps > 0 || stopped.stage > 0);
    }
    assert!(kills > 0, "the training was over before it could be killed");
    if checkpoint.exists() || previous.exists() {
        let output = train(&["--out", "killed", "--resume"], folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for name in [MODEL, "training.json", "config.toml"] {
        let [whole, killed] =
            ["whole", "killed"].map(|out| fs::read(folder.path().join(out).join(name)).unwrap());
        assert!(whole == killed, "{name} differs");
    }
    assert!(!checkpoint.exists() && !previous.exists());
}

/// Fails if samples that are no samples of the target begin a training, or are refused without saying what is wrong.
#[test]
fn bad_samples_are_refused() {
    let text = SMALL.replace("samples = 500", "data = \"mine.csv\"");
    let folder = folder_with(&text);
    for (rows, parts) in [
        ("0.5,1.0\nnan,2.0\n1.5,0.0\n", &["mine.csv", "row 2"][..]),
        ("0.5,1.0,2.0\n1.0,2.0,1.0\n", &["mine.csv", "3 cells", "2 expected"]),
        ("0.5,1.0\n0.7,1.0\n0.9,1.0\n", &["column 2", "1 in every row"]),
    ] {
        fs::write(folder.path().join("mine.csv"), rows).unwrap();
        assert_refused(&train(&["--out", "out"], folder.path()), 2, parts);
        assert!(!folder.path().join("out").join(CHECKPOINT).exists());
    }
}

/// Fails if a training that diverges ends with a model, or without a word, or without its last good checkpoint.
#[test]
fn divergence_ends_a_training() {
    let text = SMALL.replace("epochs = 4", "epochs = 40").replace(
        "classification = \"multi-level\"\nclasses = 3\nclassified = 128\nfine_tune_epochs = 3\n",
        "",
    ) + "loss = \"denoising\"\nlearning_rate = 0.9\nclip = 9e8\nwarm_up = 0.0\n";
    let folder = folder_with(&text);
    // Without samples kept apart the losses of the training have to tell.
    let alone = train(&["--out", "alone", "--set", "train.validation=0"], folder.path());
    assert_refused(&alone, 1, &["diverged at step"]);
    let output = train(&["--out", "out"], folder.path());
    assert_refused(&output, 1, &["diverged at step", "train.learning_rate", "--force"]);
    let out = folder.path().join("out");
    assert!(!out.join(MODEL).exists());
    let kept = read_checkpoint(&out.join(CHECKPOINT)).unwrap();
    assert!(kept.state.steps > 0);
    for vector in [&kept.state.parameters, &kept.state.average] {
        assert!(vector.iter().all(|x| x.is_finite()));
    }
}

/// Fails if a training begins over another, goes on without one, or is refused without the remedy.
#[test]
fn folders_in_use_are_refused() {
    let folder = folder_with(SMALL);
    let run = |arguments: &[&str]| train(arguments, folder.path());
    assert_refused(&run(&["--out", "out", "--resume"]), 2, &["out", "drop --resume"]);
    assert!(run(&["--out", "out"]).status.success());
    assert_refused(&run(&["--out", "out"]), 2, &["trained model already", "--force"]);
    assert!(run(&["--out", "out", "--force"]).status.success());
    fs::create_dir(folder.path().join("half")).unwrap();
    fs::write(folder.path().join("half").join(CHECKPOINT), "damaged").unwrap();
    let remedies = ["unfinished training", "--resume", "--force"];
    assert_refused(&run(&["--out", "half"]), 2, &remedies);
    assert_refused(&run(&["--out", "half", "--resume"]), 2, &["half", "safetensors", "--force"]);
    assert!(run(&["--out", "half", "--force"]).status.success());
}
