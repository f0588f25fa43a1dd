//! Trainings: the same bits whatever the threads and however often they are stopped, and refusals in words.

#[path = "training/program.rs"]
mod program;
#[path = "training/safety.rs"]
mod safety;

use std::fs;
use std::path::{Path, PathBuf};

use amc_harness::config::RunConfig;
use amc_harness::learned::training::{
    Record, StepLosses, Watcher, read_checkpoint, write_checkpoint,
};
use amc_harness::run::{Begin, MODEL, Training};
use rayon::ThreadPoolBuilder;

const CHECKPOINT: &str = "checkpoint.safetensors";

/// A target without symmetry, two stages of a few steps, and a checkpoint after each of them.
const SMALL: &str = "seed = 3\n[target]\ndim = 2\nseparation = 1.5\n[path]\nt_min = 1e-2\n[train]\n\
    samples = 500\nepochs = 4\nbatch = 128\nchannels = 6\nblocks = 1\nclassification = \"multi-level\"\n\
    classes = 3\nclassified = 128\nfine_tune_epochs = 3\nvalidation = 0.1\ncheckpoint = 0.0\n";

fn config(text: &str) -> RunConfig {
    RunConfig::from_toml(text, "train.toml", Path::new("/"), &[]).unwrap()
}

/// Hears how many steps were made, and copies what is in the folder at each of them.
#[derive(Default)]
struct Copier {
    /// Where the checkpoint is, and where copies go, if any are wanted.
    from_to: Option<(PathBuf, PathBuf)>,
    copies: Vec<PathBuf>,
    /// Steps of each stage.
    steps: Vec<usize>,
    records: usize,
}

impl Copier {
    fn copy(&mut self, name: &str) {
        let Some((from, to)) = &self.from_to else { return };
        let copy = to.join(format!("{:03}-{name}", self.copies.len()));
        fs::create_dir_all(&copy).unwrap();
        if fs::copy(from, copy.join(CHECKPOINT)).is_ok() {
            self.copies.push(copy);
        }
    }
}

impl Watcher for Copier {
    fn stage(&mut self, index: usize, _: u64, done: u64) {
        self.steps.resize(index + 1, 0);
        self.copy(&format!("stage{index}-{done}"));
    }

    fn step(&mut self, _: &StepLosses) {
        *self.steps.last_mut().unwrap() += 1;
        self.copy("step");
    }

    fn record(&mut self, _: &Record) {
        self.records += 1;
        self.copy("record");
    }
}

fn trained(config: &RunConfig, folder: &Path, begin: Begin) -> (Vec<u8>, Vec<u8>, Copier) {
    let mut copier = Copier::default();
    Training::prepare(config, folder, begin).unwrap().run(&mut copier).unwrap();
    assert!(!folder.join(CHECKPOINT).exists(), "a finished training keeps its checkpoint");
    let records = fs::read(folder.join("training.json")).unwrap();
    (fs::read(folder.join(MODEL)).unwrap(), records, copier)
}

/// Fails if a bit of the model, or of what was recorded, depends on the number of threads; or two seeds share it.
#[test]
fn threads_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let on = |threads: usize, text: &str| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = folder.path().join(format!("on-{threads}"));
        let (model, records, _) = pool.install(|| trained(&config(text), &out, Begin::Over));
        (model, records)
    };
    let wide =
        SMALL.replace("batch = 128", "batch = 640").replace("classified = 128", "classified = 384");
    let one = on(1, &wide);
    for threads in [2, 3] {
        let other = on(threads, &wide);
        assert!(one.0 == other.0, "{threads} threads give another model");
        assert!(one.1 == other.1, "{threads} threads give other records");
    }
    assert!(one.0 != on(1, &wide.replace("seed = 3", "seed = 4")).0);
}

/// Fails if a training that was stopped at some step, validation or change of stage goes on to another model or other
/// records than one that was not.
#[test]
fn a_stopped_training_goes_on_to_the_same_bits() {
    for (name, text) in [
        ("multi-level", SMALL.to_owned()),
        ("patience", SMALL.replace("validation = 0.1", "validation = 0.3\npatience = 1\naverage = 0.0\nlearning_rate = 0.05")),
        ("score", SMALL.replace("classification = \"multi-level\"\nclasses = 3\nclassified = 128\nfine_tune_epochs = 3\n", "network = \"score\"\nlevels = \"levels\"\nantithetic = false\n")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (whole, copies) = (folder.path().join("whole"), folder.path().join("copies"));
        let config = config(&text);
        let mut copier = Copier { from_to: Some((whole.join(CHECKPOINT), copies)), ..Copier::default() };
        Training::prepare(&config, &whole, Begin::New).unwrap().run(&mut copier).unwrap();
        let model = fs::read(whole.join(MODEL)).unwrap();
        let records = fs::read(whole.join("training.json")).unwrap();
        let stages = if name == "score" { 1 } else { 2 };
        assert_eq!(copier.steps.len(), stages, "{name}");
        assert!(copier.copies.len() > 8, "{name}: {} copies", copier.copies.len());
        let all: usize = copier.steps.iter().sum();
        let mut fewest = all;
        for copy in &copier.copies {
            let (again, recorded, resumed) = trained(&config, copy, Begin::Resume);
            assert!(again == model, "{name}: {} leads to another model", copy.display());
            assert!(recorded == records, "{name}: {} leads to other records", copy.display());
            fewest = fewest.min(resumed.steps.iter().sum());
        }
        // They went on indeed, instead of beginning anew.
        assert!(fewest <= 2 && all > 4, "{name}: {fewest} of {all} steps");
    }
}

/// Fails if a training that was stopped where it had run out of patience goes on with that stage.
#[test]
fn lost_patience_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, copies) = (folder.path().join("whole"), folder.path().join("copies"));
    let config = config(&SMALL.replace("validation = 0.1", "validation = 0.1\npatience = 2"));
    let mut copier =
        Copier { from_to: Some((whole.join(CHECKPOINT), copies)), ..Copier::default() };
    Training::prepare(&config, &whole, Begin::New).unwrap().run(&mut copier).unwrap();
    let copy = &copier.copies[4];
    let mut checkpoint = read_checkpoint(&copy.join(CHECKPOINT)).unwrap();
    assert_eq!((checkpoint.stage, checkpoint.waited < 2), (0, true));
    checkpoint.waited = 2;
    write_checkpoint(&copy.join(CHECKPOINT), &checkpoint).unwrap();
    let (.., resumed) = trained(&config, copy, Begin::Resume);
    assert_eq!(resumed.steps[0], 0, "{:?}", resumed.steps);
    assert!(resumed.steps[1] > 0);
}

/// Fails if a training goes on with another configuration, or does not where only the time between checkpoints is
/// another.
#[test]
fn another_configuration_is_no_continuation() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, copies) = (folder.path().join("whole"), folder.path().join("copies"));
    let first = config(SMALL);
    let mut copier =
        Copier { from_to: Some((whole.join(CHECKPOINT), copies)), ..Copier::default() };
    Training::prepare(&first, &whole, Begin::New).unwrap().run(&mut copier).unwrap();
    let copy = &copier.copies[5];
    for (from, to) in [
        ("seed = 3", "seed = 4"),
        ("epochs = 4", "epochs = 5"),
        ("samples = 500", "samples = 501"),
        ("separation = 1.5", "separation = 1.6"),
        ("blocks = 1", "blocks = 2"),
    ] {
        let other = config(&SMALL.replacen(from, to, 1));
        let training = Training::prepare(&other, copy, Begin::Resume).unwrap();
        let message = training.run(&mut Copier::default()).unwrap_err().to_string();
        assert!(
            message.contains("another seed, target, path, [train]") && message.contains("--force"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1);
    }
    // Neither how often checkpoints are written nor how the model is going to be used is part of a training.
    let rarer = SMALL.replace("checkpoint = 0.0", "checkpoint = 50.0");
    let rarer =
        config(&(rarer + "[model]\nscore = \"learned\"\nfile = \"not-there-yet.safetensors\"\n"));
    trained(&rarer, copy, Begin::Resume);
}
