//! The engine as a whole: configurations, grids, resumption, and one small experiment from end to end.

use std::path::{Path, PathBuf};

use super::config::ExperimentConfig;
use super::runner::FinishedCell;
use super::*;

/// A folder that is there and empty.
fn room() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Two bridges and a tempering path at two numbers of levels, tempering through the identity alone.
const SMALL: &str = r#"
title = "t"
claim = "c"
[base]
path = { levels = 4 }
kernel = { kind = "none" }
sampler = { particles = 64, both_sides = false }
target = { kind = "two-modes", dim = 3, separation = 1.0 }
[[vary]]
name = "path"
choices = [
  { label = "diffusion", set = { path = { kind = "diffusion" } } },
  { label = "tempering", set = { path = { kind = "tempering" } } },
]
[[vary]]
name = "bridge"
role = "series"
choices = [
  { label = "none", set = { bridge = { kind = "identity" }, kernel = { kind = "mala", steps = 1 } } },
  { label = "second order", set = { bridge = { kind = "second-order" } } },
]
[[vary]]
name = "levels"
role = "axis"
key = "path.levels"
unit = "levels"
values = [4, 8, 16]
[[exclude]]
path = "tempering"
bridge = "second order"
[preset.quick]
seeds = [1, 2, 3]
only = { levels = [4, 16] }
[preset.full]
seeds = [7]
set = { sampler = { particles = 80 } }
exclude = [{ levels = 8 }, { levels = 16 }]
[[claims]]
claim = "second order keeps more"
measure = "ess"
of = { bridge = "second order" }
above = { bridge = "none" }
"#;

fn experiment(text: &str) -> Experiment {
    Experiment {
        name: "small".into(),
        origin: "small.toml".into(),
        base_dir: PathBuf::from("."),
        config: ExperimentConfig::from_toml(text, "small.toml").unwrap(),
        expected: None,
    }
}

/// Fails if a rule leaves out too much or too little, a preset's choices or keys are ignored, or labels, places, lines and
/// panels are mixed up.
#[test]
fn axes_are_crossed_and_rules_leave_out() {
    let small = experiment(SMALL);
    let plan = Plan::new(&small, Preset::Quick, Path::new("."), None).unwrap();
    let labels: Vec<&str> = plan.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "diffusion, none, 4 levels",
            "diffusion, none, 16 levels",
            "diffusion, second order, 4 levels",
            "diffusion, second order, 16 levels",
            "tempering, none, 4 levels",
            "tempering, none, 16 levels",
        ]
    );
    let row = &plan.rows[3];
    assert_eq!((row.series.as_str(), row.panel.as_str()), ("second order", "diffusion"));
    assert_eq!(
        row.axis.as_ref().map(|axis| (axis.name.as_str(), axis.value)),
        Some(("levels", 16.0))
    );
    assert_eq!(row.settings["levels"], serde_json::json!(16.0));
    assert_eq!(row.settings["particles"], serde_json::json!(64));
    assert_eq!(plan.cells.len(), 18);
    let cell = &plan.cells[10];
    assert_eq!((cell.seed, cell.config.seed, cell.config.path.levels), (2, 2, 16));
    assert_eq!(plan.rows[cell.row].label, labels[3]);

    let full = Plan::new(&small, Preset::Full, Path::new("."), None).unwrap();
    assert_eq!((full.rows.len(), full.cells.len()), (3, 3));
    assert_eq!(full.cells[0].config.sampler.particles(), Some(80));
    assert_ne!(plan.fingerprint, full.fingerprint);
}

/// Fails if a model that no row of the preset reads is trained, or a row does not find its model in the folder.
#[test]
fn models_are_those_of_the_rows() {
    let semi_ideal = find("semi-ideal").unwrap();
    let quick = Plan::new(&semi_ideal, Preset::Quick, Path::new("out"), None).unwrap();
    let full = Plan::new(&semi_ideal, Preset::Full, Path::new("out"), None).unwrap();
    assert_eq!((quick.models.len(), full.models.len()), (1, 2));
    let file = quick.cells[0].config.model.file.clone().unwrap();
    let end = Path::new("out/model").join(&quick.models[0].0).join("model.safetensors");
    assert!(Path::new(&file).ends_with(&end), "{file}");
}

/// Fails if a mistake in a configuration is accepted, or the message names neither the key nor the remedy.
#[test]
fn mistakes_are_named() {
    for (from, to, words) in [
        ("title = \"t\"", "titel = \"t\"", &["small.toml", "titel", "title"][..]),
        (
            "role = \"series\"",
            "role = \"axis\"",
            &["vary \"levels\": role = \"axis\"", "second axis", "bridge"],
        ),
        ("role = \"series\"", "role = \"line\"", &["role = \"line\"", "panel, series, axis"]),
        (
            "measure = \"ess\"",
            "at = \"cost\"\nmeasure = \"ess\"",
            &["at = \"cost\"", "evaluations"],
        ),
        (
            "above = { bridge = \"none\" }",
            "above = { bridge = \"second order\" }",
            &["with themselves"],
        ),
        ("measure = \"ess\"", "measure = \"ess\"\nabsolute = true\npaired = true", &["absolute"]),
        (
            "bridge = \"second order\"\n[p",
            "bridge = \"second\"\n[p",
            &["exclude[0]", "second order"],
        ),
        ("seeds = [1, 2, 3]", "seeds = []", &["preset.quick.seeds = []", "[1, 2, 3]"]),
        ("seeds = [7]", "seeds = [7, 7]", &["preset.full.seeds", "different"]),
        ("seeds = [7]", "seeds = 7", &["line", "{ first = 1, last = 24 }"]),
        ("seeds = [7]", "seeds = { first = 7, last = 6 }", &["line", "seeds from 7 to 6"]),
        ("seeds = [7]", "seeds = { first = 0, last = 10000 }", &["line", "1 to 10000"]),
        ("only = { levels = [4, 16] }", "only = { level = 4 }", &["preset.quick.only", "levels"]),
        ("measure = \"ess\"", "measure = \"ess\"\nfactor = -3", &["factor = -3", "positive"]),
        ("measure = \"ess\"", "measure = \"ess\"\nfactor = nan", &["factor = NaN", "positive"]),
        ("measure = \"ess\"", "measure = \"eps\"", &["measure = \"eps\"", "ess"]),
        ("above = {", "below = 0.1\nabove = {", &["second order keeps more", "give one"]),
        ("above = { bridge = \"none\" }", "", &["has 0 of above"]),
        ("values = [4, 8, 16]", "values = []", &["vary \"levels\"", "values = [] is empty"]),
        ("values = [4, 8, 16]", "values = [4, 8, 4]", &["\"4\" twice"]),
        ("name = \"levels\"", "name = \"path\"", &["vary \"path\"", "stands twice"]),
        ("key = \"path.levels\"", "key = \"levels\"", &["section.key"]),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "{from}");
        let message = ExperimentConfig::from_toml(&text, "small.toml").unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
    }
    // What the configuration of a run refuses names the row.
    let wrong = experiment(&SMALL.replace("\"second-order\"", "\"second\""));
    let message = Plan::new(&wrong, Preset::Quick, Path::new("."), None).unwrap_err().to_string();
    assert!(message.contains("diffusion, second order, 4 levels"), "{message}");
    assert!(message.contains("bridge.kind = \"second\""), "{message}");
}

/// Fails if a range leaves out one of its ends.
#[test]
fn a_range_is_the_list_of_its_seeds() {
    let range = SMALL.replacen("seeds = [1, 2, 3]", "seeds = { first = 1, last = 3 }", 1);
    assert_ne!(range, SMALL);
    let seeds = |text: &str| experiment(text).config.preset.quick.unwrap().seeds;
    assert_eq!(seeds(&range), seeds(SMALL));
}

/// Fails if expectations are taken for those of other settings, or lost by what changes no run of theirs.
#[test]
fn a_grid_is_its_settings() {
    let grid = |text: &str| {
        let experiment = experiment(text);
        Plan::new(&experiment, Preset::Quick, Path::new("."), None).unwrap().grid_sha256
    };
    let own = grid(SMALL);
    for (from, to) in [
        ("seeds = [1, 2, 3]", "seeds = [4, 5, 6]"),
        ("seeds = [7]", "seeds = [8, 9]"),
        ("title = \"t\"", "# a comment\ntitle = \"another\""),
        ("measure = \"ess\"", "measure = \"log_z\""),
        ("particles = 80", "particles = 96"),
    ] {
        assert_eq!(grid(&SMALL.replacen(from, to, 1)), own, "{to}");
    }
    for (from, to) in [
        ("particles = 64", "particles = 72"),
        ("steps = 1", "steps = 2"),
        ("only = { levels = [4, 16] }", "only = { levels = [4, 8] }"),
    ] {
        assert_ne!(grid(&SMALL.replacen(from, to, 1)), own, "{to}");
    }
}

/// Fails if seeds that are left out are told as if they were there.
#[test]
fn seeds_are_told_as_they_are() {
    let words = seeds_in_words;
    assert_eq!(words(&[3, 4, 5, 6]), "3 to 6");
    assert_eq!(words(&[3, 4, 6]), "3, 4, 6");
    assert_eq!(words(&[6, 5, 4]), "6, 5, 4");
    assert_eq!(words(&[3, 4]), "3, 4");
    assert_eq!(words(&[u64::MAX]), u64::MAX.to_string());
}

/// What does not depend on time.
fn timeless(mut results: Results) -> Results {
    for row in &mut results.rows {
        row.measures.retain(|name, _| !measures::TIMES.contains(&name.as_str()));
    }
    results
}

/// Notes what is damaged.
#[derive(Default)]
struct Noted(std::sync::Mutex<Vec<String>>);

impl Watcher for Noted {
    fn done(&self, _cost: f64, _label: &str) {}
    fn training(&self, _name: &str) {}
    fn damaged(&self, file: &Path, _what: &str) {
        self.0.lock().unwrap().push(file.display().to_string());
    }
}

/// Fails if a target's file may change between two runs of one folder, or a preset that is not there is taken for another.
#[test]
fn files_and_presets_are_part_of_the_plan() {
    let room = room();
    let file = room.path().join("mixture.json");
    let mixture = |mean: f64| format!("{{\"weights\": [1.0], \"means\": [[{mean}, 0.0, 0.0]]}}");
    let own = "target = { kind = \"file\", path = \"mixture.json\" }";
    let text = SMALL.replace("target = { kind = \"two-modes\", dim = 3, separation = 1.0 }", own);
    let mut small = experiment(&text);
    small.base_dir = room.path().to_owned();
    let fingerprint = |mean: f64| {
        std::fs::write(&file, mixture(mean)).unwrap();
        Plan::new(&small, Preset::Quick, Path::new("."), None).unwrap().fingerprint
    };
    let first = fingerprint(1.0);
    assert_ne!(first, fingerprint(2.0));
    assert_eq!(first, fingerprint(1.0));
    std::fs::remove_file(&file).unwrap();
    assert!(Plan::new(&small, Preset::Quick, Path::new("."), None).is_err());

    let start = SMALL.find("[preset.full]").unwrap();
    let end = SMALL.find("[[claims]]").unwrap();
    let quick = experiment(&format!("{}{}", &SMALL[..start], &SMALL[end..]));
    assert!(Plan::new(&quick, Preset::Quick, Path::new("."), None).is_ok());
    let message = Plan::new(&quick, Preset::Full, Path::new("."), None).unwrap_err().to_string();
    assert!(message.contains("has no preset \"full\": add [preset.full] with seeds"), "{message}");
}

/// Fails if times of one setting are taken together, so that a busy hour is taken for a slow method: seeds go first.
#[test]
fn seeds_go_before_settings() {
    struct Order(std::sync::Mutex<Vec<String>>);
    impl Watcher for Order {
        fn done(&self, _cost: f64, label: &str) {
            self.0.lock().unwrap().push(label.to_owned());
        }
        fn training(&self, _name: &str) {}
        fn damaged(&self, _file: &Path, _what: &str) {}
        fn stop(&self) -> bool {
            self.0.lock().unwrap().len() == 6
        }
    }
    let small = experiment(SMALL);
    let plan = Plan::new(&small, Preset::Quick, Path::new("."), None).unwrap();
    let (room, order) = (room(), Order(Vec::new().into()));
    let stopped = execute(&small, &plan, &room.path().join("run"), 1, &order).unwrap_err();
    assert!(stopped.to_string().contains("the same command goes on"), "{stopped}");
    assert!(!stopped.is_bad_input());
    let mut labels = order.0.lock().unwrap().clone();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), 6, "{labels:?}");
}

/// Fails if results depend on threads, on an interruption or on cells of another plan, a finished cell is run again, or a
/// damaged one is taken for a result.
#[test]
fn a_run_goes_on_where_it_was() {
    let small = experiment(SMALL);
    let plan = Plan::new(&small, Preset::Quick, Path::new("."), None).unwrap();
    let (first, second) = (room(), room());
    let run = |room: &tempfile::TempDir, threads| {
        execute(&small, &plan, &room.path().join("run"), threads, &Unwatched)
    };
    let whole = run(&first, 1).unwrap();
    assert_eq!(whole.rows.iter().map(|row| row.runs).sum::<usize>(), 18);
    assert!(whole.rows.iter().all(|row| row.failed == 0 && row.measures["ess"].values.len() == 3));
    assert_eq!(timeless(run(&second, 3).unwrap()), timeless(whole.clone()));

    // Cells that are there are kept: one carries a mark. Those that are not are run again.
    let cells = second.path().join("run/cells");
    let marked = cells.join(format!("{}.json", plan.cells[4].id));
    let mut cell: FinishedCell =
        serde_json::from_str(&std::fs::read_to_string(&marked).unwrap()).unwrap();
    (cell.summary, cell.error) = (None, Some("lost".into()));
    std::fs::write(&marked, runner::sealed(cell).unwrap()).unwrap();
    for lost in [0, 7, 17] {
        std::fs::remove_file(cells.join(format!("{}.json", plan.cells[lost].id))).unwrap();
    }
    std::fs::remove_file(second.path().join("run/manifest.json")).unwrap();
    assert!(read_results(&second.path().join("run")).is_err());
    let again = run(&second, 2).unwrap();
    assert_eq!(
        (again.rows[1].failed, again.rows[1].failures.clone()),
        (1, vec!["lost".to_owned()])
    );
    assert_eq!(again.rows[1].measures["ess"].values.len(), 3);
    assert_eq!(again.rows[1].measures["log_z"].values.len(), 2);
    let (mut again, mut whole) = (timeless(again), timeless(whole));
    again.rows.remove(1);
    let whole_row = whole.rows.remove(1);
    assert_eq!(again.rows, whole.rows);
    let text = read_results(&second.path().join("run")).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap().rows.len(), 6);

    // Half a file, a changed number, a cell of another row: they are run again, and named.
    let other = std::fs::read_to_string(cells.join(format!("{}.json", plan.cells[0].id))).unwrap();
    let kept = std::fs::read_to_string(&marked).unwrap();
    let changed = kept.replace("\"lost\"", "\"last\"");
    assert_ne!(changed, kept);
    for damaged in ["{\"id\": \"00", &changed, &other] {
        std::fs::write(&marked, damaged).unwrap();
        let noted = Noted::default();
        let out = second.path().join("run");
        let again = execute(&small, &plan, &out, 2, &noted).unwrap();
        assert_eq!(*noted.0.lock().unwrap(), [marked.display().to_string()]);
        assert_eq!(timeless(again).rows[1], whole_row);
        assert!(read_results(&out).is_ok());
    }

    // Another plan, a damaged one, and a folder in use.
    let file = second.path().join("run/plan.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    run(&second, 2).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "the manifest knew it");
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    std::fs::remove_file(second.path().join("run/manifest.json")).unwrap();
    let message = run(&second, 2).unwrap_err().to_string();
    assert!(message.contains("plan.json is damaged") && message.contains("remove the folder"));
    std::fs::write(&file, text).unwrap();
    let lock = crate::storage::Lock::take(&second.path().join("run")).unwrap();
    assert!(run(&second, 2).unwrap_err().to_string().contains("in use by another process"));
    drop(lock);
    let full = Plan::new(&small, Preset::Full, Path::new("."), None).unwrap();
    let refused = execute(&small, &full, &second.path().join("run"), 1, &Unwatched);
    assert!(refused.unwrap_err().to_string().contains("another preset, quick"));
}

/// Fails if a training with damaged checkpoints ends its experiment, begins anew where one is intact, does not name what
/// is damaged, or comes to another model.
#[test]
fn damaged_checkpoints_cost_time_alone() {
    /// Notes what is damaged, and stops after so many steps.
    struct Stopping(Noted, std::sync::atomic::AtomicUsize, usize);
    impl Watcher for Stopping {
        fn done(&self, _cost: f64, _label: &str) {}
        fn training(&self, _name: &str) {}
        fn damaged(&self, file: &Path, what: &str) {
            self.0.damaged(file, what);
        }
        fn stop(&self) -> bool {
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 >= self.2
        }
    }
    let text = "[target]\ndim = 2\n[train]\nsamples = 500\nepochs = 4\nbatch = 128\nchannels = 6\nblocks = 1\n\
                checkpoint = 0.0\n";
    let config = crate::config::RunConfig::from_toml(text, "t", Path::new("/"), &[]).unwrap();
    let small = experiment(SMALL);
    let mut plan = Plan::new(&small, Preset::Quick, Path::new("."), None).unwrap();
    plan.models = vec![("m".into(), config)];
    let room = room();
    let whole = room.path().join("whole");
    let steps = |most| Stopping(Noted::default(), 0.into(), most);
    let watcher = steps(usize::MAX);
    training::train_models(&plan, &whole, &watcher).unwrap();
    let all = watcher.1.into_inner();
    let model = |out: &Path| std::fs::read(out.join("model/m/model.safetensors")).unwrap();
    let names = ["checkpoint.safetensors", "checkpoint.previous.safetensors"];
    for damaged in 0..3 {
        let out = room.path().join(damaged.to_string());
        let stopped = training::train_models(&plan, &out, &steps(4)).unwrap_err();
        assert!(stopped.to_string().contains("the same command goes on"), "{stopped}");
        let files = names.map(|name| out.join("model/m").join(name));
        for file in &files[..damaged] {
            let mut bytes = std::fs::read(file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(file, bytes).unwrap();
        }
        let watcher = steps(usize::MAX);
        training::train_models(&plan, &out, &watcher).unwrap();
        let named: Vec<_> =
            files[..damaged].iter().map(|file| file.display().to_string()).collect();
        assert_eq!(*watcher.0.0.lock().unwrap(), named);
        assert!(model(&out) == model(&whole), "{damaged} damaged");
        // So short a training is validated at every step, and kept again where it stops.
        let left = [all - 4, all - 4, all];
        assert_eq!(watcher.1.into_inner(), left[damaged], "{damaged} damaged");
        assert!(files.iter().all(|file| !file.exists()));
    }
}

/// Fails if the manifest knows what is not of the plan, or that of before stands while a cell is rewritten.
#[test]
fn the_manifest_is_that_of_the_plan() {
    use crate::storage::Manifest;

    /// Stops after the first cell.
    #[derive(Default)]
    struct Once(std::sync::atomic::AtomicBool);
    impl Watcher for Once {
        fn done(&self, _cost: f64, label: &str) {
            self.0.fetch_or(!label.is_empty(), std::sync::atomic::Ordering::Relaxed);
        }
        fn training(&self, _name: &str) {}
        fn damaged(&self, _file: &Path, _what: &str) {}
        fn stop(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }
    let small = experiment(SMALL);
    let plan = Plan::new(&small, Preset::Full, Path::new("."), None).unwrap();
    let room = room();
    let out = room.path().join("run");
    execute(&small, &plan, &out, 1, &Unwatched).unwrap();
    std::fs::create_dir_all(out.join("model/other")).unwrap();
    for foreign in ["cells/note.txt", "cells/0009-1.json", "model/other/model.safetensors"] {
        std::fs::write(out.join(foreign), "").unwrap();
    }
    execute(&small, &plan, &out, 1, &Unwatched).unwrap();
    let manifest = Manifest::check(&out).unwrap();
    let known: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let cells = ["cells/0000-7.json", "cells/0001-7.json", "cells/0002-7.json"];
    assert_eq!(known, [&cells[..], &["plan.json", "results.json"]].concat());

    for lost in &cells[1..] {
        std::fs::remove_file(out.join(lost)).unwrap();
    }
    assert!(execute(&small, &plan, &out, 1, &Once::default()).is_err());
    assert!(!Manifest::is_in(&out), "a folder with other cells than its results is called whole");
}

/// Fails if results that were changed after the run are read as if they were not.
#[test]
fn changed_results_are_refused() {
    let small = experiment(SMALL);
    let plan = Plan::new(&small, Preset::Full, Path::new("."), None).unwrap();
    let room = room();
    let out = room.path().join("run");
    execute(&small, &plan, &out, 1, &Unwatched).unwrap();
    assert!(read_results(&out).is_ok());
    let file = out.join("results.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"failed\": 0", "\"failed\": 1", 1)).unwrap();
    assert!(read_results(&out).unwrap_err().to_string().contains("changed or damaged"));
}

/// Fails if a run that loses all its particles stops the experiment, or is not counted. The pilot rejects what an inverse of
/// one iteration, without Newton's steps, does not lead back.
#[test]
fn a_run_that_fails_is_a_result() {
    let text = SMALL
        .replace("kind = \"none\" }", "kind = \"mala\", steps = 1 }\nlogdet = { estimator = \"dense\" }")
        .replace("sampler = {", "sampler = { kind = \"replica-exchange\", ladders = 2, rounds = 4,")
        .replace("dim = 3, separation = 1.0", "dim = 8, separation = 5.0")
        .replace("kind = \"second-order\" }", "kind = \"flow-map\", map = \"ddim\", newton = 0, n_iter = 1 }, path = { spacing = \"log-snr\" }");
    let lost = experiment(&text);
    let plan = Plan::new(&lost, Preset::Full, Path::new("."), None).unwrap();
    let room = room();
    let results = execute(&lost, &plan, &room.path().join("run"), 2, &Unwatched).unwrap();
    let failed: Vec<usize> = results.rows.iter().map(|row| row.failed).collect();
    assert_eq!(failed, [0, 1, 0]);
    let row = &results.rows[1];
    assert_eq!(row.measures.keys().collect::<Vec<_>>(), ["failure"]);
    assert_eq!(row.measures["failure"].values, [1.0]);
    assert!(row.failures[0].contains("lost their weight"), "{:?}", row.failures);
    assert_eq!(results.rows[0].measures["failure"].values, [0.0]);
}

/// Fails if a folder of an experiment is not in the list or the other way round, one of its configurations is refused,
/// a cell of either preset is, a README is missing, or what is expected belongs to something else.
#[test]
fn every_experiment_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut folders: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let mut listed: Vec<&str> = names().collect();
    folders.sort();
    listed.sort_unstable();
    assert_eq!(folders, listed);
    for name in names() {
        let known = find(name).unwrap();
        let file = std::fs::read_to_string(root.join(name).join("config.toml")).unwrap();
        assert_eq!(ExperimentConfig::from_toml(&file, name).unwrap(), known.config, "{name}");
        for preset in [Preset::Quick, Preset::Full] {
            let plan = Plan::new(&known, preset, Path::new("."), None).unwrap();
            assert!(plan.cells.len() >= 3 * plan.rows.len(), "{name}");
        }
        assert!(known.config.claims.len() >= 3, "{name}");
        assert!(root.join(name).join("README.md").exists(), "{name}");
        let on_disk = root.join(name).join("expected.json").exists();
        assert_eq!(known.expected.is_some(), on_disk, "{name}");
        let Some(expected) = known.expected else { continue };
        let expected: Expectation = serde_json::from_str(&expected).unwrap();
        let plan = Plan::new(&find(name).unwrap(), Preset::Quick, Path::new("."), None).unwrap();
        assert_eq!(
            expected.grid_sha256, plan.grid_sha256,
            "{name}: what is expected is of another configuration"
        );
        let mut labels: Vec<&str> = plan.rows.iter().map(|row| row.label.as_str()).collect();
        labels.sort_unstable();
        assert_eq!(expected.rows.keys().collect::<Vec<_>>(), labels, "{name}");
        assert_eq!((expected.experiment.as_str(), expected.preset.as_str()), (name, "quick"));
        assert_eq!(
            expected.expected_runs,
            known.config.preset.quick.as_ref().unwrap().seeds.len(),
            "{name}"
        );
        assert!(expected.numbers() > plan.rows.len(), "{name}");
    }
}
