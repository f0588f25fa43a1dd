//! Properties of all configurations: refused in words, or read back unchanged and run to an end.

#[path = "shared_library/compile.rs"]
mod compile;
#[path = "configurations/strategy.rs"]
mod strategy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use amc_harness::catalog::{
    BarrierEstimator, BridgeKind, ClassificationKind, FlowMapKind, KernelKind, LogDetEstimator,
    NetworkKind, PathKind, Precision, SamplerKind, ScoreLossKind, SpacingKind, rooms,
};
use amc_harness::config::{ConfigError, ModelConfig, RunConfig, TargetFamily, schema};
use amc_harness::diagnostic::Status;
use amc_harness::learned::network::Head;
use amc_harness::learned::training::{Record, StepLosses, Watcher};
use amc_harness::learned::{DataMoments, Model, ModelHeader, NoiseRange, write_model};
use amc_harness::run::{Begin, RunError, Training, model_of, run};
use amc_harness::sampler::{SamplerError, Silent};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use strategy::{FILES, LIBRARY, ROOMS, SAMPLES, Values, model_name, small, to_toml, wild};

/// Reads values as a file in this folder.
fn read(values: &Values, folder: &Path) -> Result<RunConfig, ConfigError> {
    RunConfig::from_toml(&to_toml(values), "run.toml", folder, &[])
}

/// The library of the tests, compiled once.
fn library() -> &'static [u8] {
    static LIBRARY_FILE: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY_FILE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        compile::compile(folder.path(), LIBRARY, &[]);
        std::fs::read(folder.path().join(LIBRARY)).unwrap()
    })
}

/// A folder with the mixture files, models of all dimensions, and samples.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, covariance) in FILES {
        let text = format!(
            r#"{{"name":"{name}","dim":2,"weights":[0.3,0.7],"means":[[1.0,-2.0],[-1.5,0.3]],{covariance}}}"#
        );
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join(LIBRARY), library()).unwrap();
    for dim in 1..=3 {
        for (kind, head) in [("energy", Head::Energy), ("score", Head::Field)] {
            let model = model(head, dim);
            let header = ModelHeader::of(&model, "two-modes", "");
            write_model(&folder.path().join(model_name(kind, dim)), &model, &header).unwrap();
        }
    }
    let rows = (0..60).map(|i| format!("{:?},{:?}\n", f64::from(i % 7) - 2.5, f64::from(i % 11)));
    std::fs::write(folder.path().join(SAMPLES), rows.collect::<String>()).unwrap();
    folder
}

/// A small model with something in all of its matrices.
fn model(head: Head, dim: usize) -> Model<f32> {
    let noise = NoiseRange { lowest: -20.0, highest: 20.0 };
    let moments = DataMoments { mean: vec![0.2; dim], deviation: 1.1 };
    let mut model = Model::untrained(head, (4, 1), noise, moments, 3);
    let parameters = model.network.parameters.iter_mut().enumerate();
    parameters.for_each(|(i, parameter)| *parameter += 0.1 * (i as f32).sin());
    model
}

/// Reading what was written must give the same run.
fn assert_reads_back(config: &RunConfig) {
    let again = RunConfig::from_toml(&config.to_toml(), "again.toml", Path::new("/"), &[]);
    assert_eq!(again.as_ref(), Ok(config), "{}", config.to_toml());
}

/// A refusal must be one line that names a field or a section, or the place of what is no TOML.
fn assert_names_the_field(error: &ConfigError, values: &Values) {
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    if let ConfigError::Syntax { line, .. } = error {
        assert!(message.starts_with(&format!("run.toml:{line}:")), "{message}");
        return;
    }
    let sections = schema().iter().map(|(section, _)| format!("[{section}]"));
    let mut names = values.keys().cloned().chain(sections).chain(strategy::keys());
    assert!(names.any(|name| message.contains(&name)), "{message}\n{}", to_toml(values));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Fails if some values make the reader panic, are refused without saying which, or do not survive
    /// being written and read.
    #[test]
    fn any_values_are_refused_by_name_or_read_back(values in wild()) {
        match read(&values, Path::new("/configs")) {
            Ok(config) => assert_reads_back(&config),
            Err(error) => assert_names_the_field(&error, &values),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Fails if some small run panics, hangs, or ends with numbers that do not hold together: new ones
    /// every time.
    #[test]
    fn any_small_run_ends(values in small(Values::new())) {
        let measured = ["\"lambda\"", "\"adaptive\""];
        prop_assume!(!measured.contains(&values["path.spacing"].as_str()));
        let folder = folder();
        match read(&values, folder.path()) {
            Ok(config) => Tally::default().run(&config),
            Err(error) => assert_names_the_field(&error, &values),
        }
    }
}

/// Hears nothing.
struct Deaf;

impl Watcher for Deaf {
    fn stage(&mut self, _: usize, _: u64, _: u64) {}
    fn step(&mut self, _: &StepLosses) {}
    fn record(&mut self, _: &Record) {}
}

/// Trains, to a model that can be read or an error of one line; whether there is a model.
fn train(config: &RunConfig, folder: &Path) -> bool {
    let trained = Training::prepare(config, folder, Begin::Over)
        .and_then(|training| training.run(&mut Deaf).map(|trained| (training.steps(), trained)));
    match trained {
        Ok((steps, trained)) => {
            let (model, _) = model_of(folder).unwrap();
            assert_eq!(model, trained.model);
            assert!(model.network.parameters.iter().all(|p| p.is_finite()));
            assert!(steps == 0 || !trained.records.is_empty(), "{}", config.to_toml());
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert_eq!(message.lines().count(), 1, "{message}\n{}", config.to_toml());
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Fails if some small training panics, hangs, or ends with anything but a model that can be read or an
    /// error of one line: new ones every time.
    #[test]
    fn any_small_training_ends(values in small(values([("path.kind", "diffusion")]))) {
        let folder = folder();
        match read(&values, folder.path()) {
            Ok(config) => drop(train(&config, &folder.path().join("trained"))),
            Err(error) => assert_names_the_field(&error, &values),
        }
    }
}

/// Fails if hardly any small training has a model: the test above would look at refusals alone.
#[test]
fn most_small_trainings_have_a_model() {
    let mut runner = TestRunner::deterministic();
    let (mut models, mut others) = (0, 0);
    for network in NetworkKind::ALL {
        for loss in ScoreLossKind::ALL {
            for classification in ClassificationKind::ALL {
                let fixed = values([
                    ("path.kind", "diffusion"),
                    ("path.spacing", "uniform"),
                    ("model.density", "exact"),
                    ("model.score", "exact"),
                    ("train.network", network.name()),
                    ("train.loss", loss.name()),
                    ("train.classification", classification.name()),
                ]);
                let folder = folder();
                let mut configs = (0..200).filter_map(|_| {
                    let drawn = small(fixed.clone()).new_tree(&mut runner).unwrap().current();
                    // Of a library there is nothing to train on.
                    let mixture = |config: &RunConfig| {
                        !matches!(config.target.family, TargetFamily::SharedLibrary(_))
                    };
                    read(&drawn, folder.path()).ok().filter(mixture)
                });
                let possible = !(*network == NetworkKind::Score
                    && *classification != ClassificationKind::None);
                assert_eq!(configs.next().is_some(), possible, "{fixed:?}");
                for config in configs.take(3) {
                    let has_model = train(&config, &folder.path().join("trained"));
                    models += usize::from(has_model);
                    others += usize::from(!has_model);
                }
            }
        }
    }
    println!("{models} models, {others} errors");
    assert!(models > others, "{models} models, {others} errors");
}

/// What became of the runs: results, and errors by their first words.
#[derive(Default, Debug)]
struct Tally {
    results: usize,
    errors: BTreeMap<String, usize>,
    /// Names chosen in runs, `section.key = name`.
    names: BTreeSet<String>,
    /// What was taken from which model in runs with a result.
    learned: BTreeSet<String>,
}

impl Tally {
    fn note_names(&mut self, config: &RunConfig) {
        let table: toml::Table = config.to_toml().parse().unwrap();
        for (key, _) in ROOMS {
            let (section, name) = key.split_once('.').unwrap();
            let value = table.get(section).and_then(|section| section.get(name));
            if let Some(value) = value.and_then(toml::Value::as_str) {
                self.names.insert(format!("{key} = {value}"));
            }
        }
    }

    /// Runs a configuration to a result whose numbers hold together, or to an error of one line.
    fn run(&mut self, config: &RunConfig) {
        assert_reads_back(config);
        self.note_names(config);
        let text = config.to_toml();
        let run = match run(config, &mut Silent) {
            Ok(run) => run,
            // A panic behind a typed error is a panic: no user's density is in here.
            Err(RunError::Sampler(SamplerError::Panicked { message, .. })) => {
                panic!("{message}\n{text}")
            }
            Err(error) => {
                let message = error.to_string();
                assert_eq!(message.lines().count(), 1, "{message}\n{text}");
                let start: Vec<&str> = message.split(' ').take(7).collect();
                *self.errors.entry(start.join(" ")).or_default() += 1;
                return;
            }
        };
        self.results += 1;
        if let Some(file) = config.model.file.as_ref().filter(|_| config.model.is_used()) {
            let kind = if file.contains("score-") { "score" } else { "energy" };
            let ModelConfig { density, score, precision, .. } = &config.model;
            self.learned.insert(format!("{kind} {density} {score} {precision}"));
        }
        let summary = &run.summary;
        let total: f64 = run.sample.weights.iter().sum();
        assert!((total - 1.0).abs() < 1e-9, "weights sum to {total}\n{text}");
        assert!(run.sample.log_weights.iter().all(|w| *w <= 1e-9), "{text}");
        assert_eq!(run.sample.positions.len(), run.sample.weights.len() * summary.dim, "{text}");
        assert!(!summary.log_z.is_nan() || summary.verdict.status == Status::Suspect, "{text}");
        if summary.verdict.status == Status::Healthy {
            let numbers = [summary.log_z, summary.log_z_std_error];
            assert!(numbers.iter().all(|x| x.is_finite()), "{numbers:?} are healthy\n{text}");
        }
        assert!(serde_json::to_string(summary).is_ok(), "{text}");
    }
}

fn values<const N: usize>(list: [(&str, &str); N]) -> Values {
    list.into_iter().map(|(key, name)| (key.to_owned(), format!("{name:?}"))).collect()
}

/// Runs one configuration with these values, all others drawn; `None` where every one is refused.
fn run_one(
    tally: &mut Tally,
    runner: &mut TestRunner,
    folder: &Path,
    fixed: &Values,
) -> Option<()> {
    let strategy = small(fixed.clone());
    for _ in 0..200 {
        let drawn = strategy.new_tree(runner).unwrap().current();
        match read(&drawn, folder) {
            Ok(config) => {
                tally.run(&config);
                return Some(());
            }
            Err(error) => assert_names_the_field(&error, &drawn),
        }
    }
    None
}

/// The spacings that need no measurement, in turn: measured ones have a test of their own.
const SPACINGS: [&str; 4] = ["uniform", "quadratic", "list", "log-snr"];

/// Every sampler with every path, bridge, kernel, map and estimator of its determinant.
fn grid() -> Vec<Values> {
    let mut grid = Vec::new();
    for sampler in SamplerKind::ALL {
        for kernel in KernelKind::ALL {
            let base = values([("sampler.kind", sampler.name()), ("kernel.kind", kernel.name())]);
            let mut add = |more: Values| {
                let spacing = SPACINGS[grid.len() % SPACINGS.len()];
                let mut all: Values = base.clone().into_iter().chain(more).collect();
                let tempering = all["path.kind"] == "\"tempering\"";
                let spacing = if tempering && spacing == "log-snr" { "uniform" } else { spacing };
                all.extend(values([("path.spacing", spacing)]));
                grid.push(all);
            };
            add(values([("path.kind", PathKind::Tempering.name())]));
            for bridge in BridgeKind::ALL {
                let path = values([("path.kind", "diffusion"), ("bridge.kind", bridge.name())]);
                if *bridge != BridgeKind::FlowMap {
                    add(path);
                    continue;
                }
                for map in FlowMapKind::ALL {
                    for estimator in LogDetEstimator::ALL {
                        let map =
                            [("bridge.map", map.name()), ("logdet.estimator", estimator.name())];
                        add(path.clone().into_iter().chain(values(map)).collect());
                    }
                }
            }
        }
    }
    grid
}

/// Fails if some combination of sampler, path, bridge, kernel, map and estimator can never be configured,
/// panics, ends with numbers that do not hold together, or if hardly any has a result.
///
/// Also fails if an entry of the catalogue that a run can choose is never drawn, a setting with a model has no result
/// in some precision, or a new room is not known here.
#[test]
fn every_combination_runs() {
    let (folder, mut runner) = (folder(), TestRunner::deterministic());
    let mut tally = Tally::default();
    let mut impossible = 0;
    for fixed in grid() {
        let found = run_one(&mut tally, &mut runner, folder.path(), &fixed);
        // Only the structure of the Hessian does not know maps of several stages.
        let name = |key: &str| fixed.get(key).map_or("", |value| value.trim_matches('"'));
        let stages =
            FlowMapKind::from_name(name("bridge.map")).map_or(1, |map| map.to_core().stages());
        let refused = name("logdet.estimator") == "structured" && stages > 1;
        assert_eq!(found.is_none(), refused, "{fixed:?}");
        impossible += usize::from(refused);
    }
    run_measured_spacings(&mut tally, &mut runner, folder.path());
    run_what_is_missing(&mut tally, &mut runner, folder.path());
    println!("{} results, {impossible} impossible, errors {:#?}", tally.results, tally.errors);
    let errors: usize = tally.errors.values().sum();
    assert!(tally.results > 3 * errors, "{tally:?}");

    for precision in Precision::ALL {
        for setting in [
            "energy exact learned",
            "energy learned learned",
            "energy learned exact",
            "score exact learned",
        ] {
            let setting = format!("{setting} {precision}");
            assert!(tally.learned.contains(&setting), "no result with {setting}");
        }
    }
    for (key, room) in ROOMS {
        for entry in room.entries {
            let name = format!("{key} = {}", entry.name);
            assert!(tally.names.contains(&name), "{name} was never drawn");
        }
    }
    let known: BTreeSet<&str> = ROOMS.iter().map(|(_, room)| room.name).collect();
    for room in rooms().iter().filter(|room| !["metric", "check"].contains(&room.name)) {
        assert!(known.contains(room.name), "no values are drawn from {}", room.name);
    }
}

/// One run for every way of placing the levels by measurements, on either path.
fn run_measured_spacings(tally: &mut Tally, runner: &mut TestRunner, folder: &Path) {
    for path in PathKind::ALL {
        let mut fixed = values([("path.kind", path.name()), ("target.kind", "two-modes")]);
        fixed.extend(
            [("kernel.steps", "1"), ("path.tuning_rounds", "1")].map(|(k, v)| (k.into(), v.into())),
        );
        let mut with = |more: Values| {
            let all: Values = fixed.clone().into_iter().chain(more).collect();
            run_one(tally, runner, folder, &all).is_some()
        };
        assert!(with(values([("path.spacing", SpacingKind::Adaptive.name())])));
        for barrier in BarrierEstimator::ALL {
            let lambda = [("path.spacing", "lambda"), ("path.barrier", barrier.name())];
            let exact =
                matches!(barrier, BarrierEstimator::Exact | BarrierEstimator::ExactRejections);
            let possible = !(exact && *path == PathKind::Tempering);
            assert_eq!(with(values(lambda)), possible, "{path:?}, {barrier:?}");
        }
    }
}

/// One run for every name that no run has chosen so far, its selector at a choice that allows it.
fn run_what_is_missing(tally: &mut Tally, runner: &mut TestRunner, folder: &Path) {
    for (key, room) in ROOMS {
        for entry in room.entries {
            if tally.names.contains(&format!("{key} = {}", entry.name)) {
                continue;
            }
            let mut fixed = values([(key, entry.name), ("path.spacing", "uniform")]);
            let (section, name) = key.split_once('.').unwrap();
            let keys = schema().iter().filter(|(known, _)| *known == section);
            let own = keys.flat_map(|(_, keys)| *keys).find(|known| known.name == name);
            if let Some((selector, choices)) = own.and_then(|key| key.belongs_to) {
                fixed.extend(values([(&format!("{section}.{selector}"), choices[0])]));
            }
            fixed.extend(match section {
                "logdet" => values([("bridge.kind", "flow-map")]),
                "path" => Values::new(),
                _ => values([("path.kind", "diffusion")]),
            });
            run_one(tally, runner, folder, &fixed);
        }
    }
}
