//! `docs/src/files.md` says what files hold: every key of real ones is looked up there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The page, one section a heading. `None` where the crate stands alone, without the repository around it.
fn page() -> Option<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = top.join("docs/src/files.md");
    if !file.exists() && !top.join("ARCHITECTURE.md").exists() {
        println!("skipped: {} is not there, as the crate stands alone", file.display());
        return None;
    }
    Some(fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// The words in backticks from a heading to the next one that starts with `end`.
fn documented(page: &str, heading: &str, end: &str) -> BTreeSet<String> {
    let start = page.find(heading).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = &page[start + heading.len()..];
    let section = &section[..section.find(end).unwrap_or(section.len())];
    // Without programs, which name what they please.
    let text = section.split("```").step_by(2).collect::<String>();
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Panics unless each key of an object, and of those in it, has its word; `without` are not entered.
fn look_up(value: &Value, words: &BTreeSet<String>, path: &str, without: &[&str]) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                let path = format!("{path}{key}");
                let known = words.contains(key) || words.contains(&path);
                assert!(known, "files.md does not know {path}");
                if !without.contains(&key.as_str()) {
                    look_up(inner, words, &format!("{path}."), without);
                }
            }
        }
        Value::Array(entries) => {
            let path = format!("{}[].", path.trim_end_matches('.'));
            entries.iter().for_each(|entry| look_up(entry, words, &path, without));
        }
        _ => {}
    }
}

/// Looks up a summary, each of its objects in its own section.
fn look_up_summary(page: &str, summary: &Value) {
    let section = |name: &str| documented(page, &format!("\n### {name}\n"), "\n#");
    let objects = ["levels", "verdict", "symptoms", "map"];
    let exchange = summary["ladders"].is_u64();
    let own = if exchange { "Fields of replica exchange" } else { "Fields of AIS and SMC" };
    let mut words = documented(page, "\n## summary.json\n", "\n###");
    words.extend(section(own));
    look_up(summary, &words, "", &[&objects[..], &["config"]].concat());
    for (name, heading) in objects.into_iter().zip(["Levels", "Verdict", "Symptoms", "Map"]) {
        look_up(&summary[name], &section(heading), "", &[]);
    }
}

fn amc(arguments: &[&str], folder: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_amc")).args(arguments).current_dir(folder).output().unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Fails if a summary has a field that the page does not describe where it describes its object.
#[test]
fn every_field_of_a_summary_is_described() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    let common = "target = { dim = 2 }\nkernel = { kind = \"mala\" }\n";
    for own in [
        "path = { levels = 4, spacing = \"lambda\" }\nsampler = { kind = \"smc\", particles = 64, repetitions = 2 }",
        // A map with estimated determinants, and a verdict with reasons.
        "path = { levels = 4 }\nbridge = { kind = \"flow-map\", map = \"ddim\" }\n\
         logdet = { estimator = \"power-series\", n_trunc = 2 }\nsampler = { kind = \"ais\", particles = 64 }",
        "path = { levels = 4 }\nsampler = { kind = \"replica-exchange\", ladders = 8, rounds = 16 }",
    ] {
        fs::write(folder.path().join("c.toml"), format!("{common}{own}\n")).unwrap();
        let output = amc(&["run", "c.toml", "--json", "--quiet"], folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        look_up_summary(&page, &serde_json::from_slice(&output.stdout).unwrap());
    }
}

/// A row with a model that is trained for it, and one whose runs lose all their particles: the pilot rejects what an inverse of one
/// iteration does not lead back.
const EXPERIMENT: &str = r#"
title = "t"
claim = "c"
[base]
target = { kind = "two-modes", dim = 8, separation = 5.0 }
train = { samples = 300, epochs = 2, batch = 128, channels = 4, blocks = 1, validation = 0.2 }
kernel = { kind = "mala", steps = 1 }
[[model]]
name = "small"
set = { seed = 1 }
[[vary]]
name = "levels"
role = "axis"
key = "path.levels"
values = [4]
[[vary]]
name = "method"
role = "series"
choices = [
  { label = "learned", set = { model = { file = "small", score = "learned" }, sampler = { particles = 64 } } },
  { label = "lost", set = { path = { spacing = "log-snr" }, logdet = { estimator = "dense" }, bridge = { kind = "flow-map", map = "ddim", newton = 0, n_iter = 1 }, sampler = { kind = "replica-exchange", ladders = 2, rounds = 4 } } },
]
[preset.quick]
seeds = [7, 8]
[preset.full]
seeds = [7]
[[claims]]
claim = "the model keeps more"
measure = "ess"
of = { method = "learned" }
above = { method = "lost" }
"#;

/// Fails if the plan, a cell, the results, or the record of a model of an experiment has a field that the page does not
/// describe, or the manifest leaves the model out.
#[test]
fn every_field_of_an_experiment_is_described() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::write(folder.path().join("own/config.toml"), EXPERIMENT).unwrap();
    let output = amc(&["experiment", "run", "own", "--out", "out", "--quiet"], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = folder.path().join("out");
    let words = documented(&page, "\n## An experiment\n", "\n## ");
    // Names of axes are the experiment's own.
    let own = ["levels", "method"].map(str::to_owned);
    let words: BTreeSet<String> = words.into_iter().chain(own).collect();
    look_up(&json(&out.join("plan.json")), &words, "", &[]);
    look_up(&json(&out.join("results.json")), &words, "", &[]);
    let mut kinds = BTreeSet::new();
    for entry in fs::read_dir(out.join("cells")).unwrap() {
        let cell = json(&entry.unwrap().path());
        kinds.insert(cell["error"].is_string());
        look_up(&cell, &words, "", &["summary"]);
        if cell["summary"].is_object() {
            look_up_summary(&page, &cell["summary"]);
        }
    }
    assert_eq!(kinds.len(), 2, "a finished and a failed run are needed");
    assert!(json(&out.join("results.json"))["rows"][1]["failures"].is_array());

    let words = documented(&page, "\n## A training\n", "\n## ");
    look_up(&json(&out.join("model/small/training.json")), &words, "", &[]);
    let manifest = fs::read_to_string(out.join("manifest.json")).unwrap();
    for file in ["model.safetensors", "config.toml", "training.json"] {
        assert!(manifest.contains(&format!("\"model/small/{file}\"")), "{file}: {manifest}");
    }
}
