//! Whole configurations: what they resolve to, and what is refused with which words.

use std::path::Path;

use super::*;
use crate::catalog::*;

mod bad_input;

/// Reads `text` as `run.toml` with the given `--set` arguments.
fn read(text: &str, sets: &[&str]) -> Result<RunConfig, ConfigError> {
    let overrides: Result<Vec<Override>, _> = sets.iter().map(|set| set.parse()).collect();
    RunConfig::from_toml(text, "run.toml", Path::new("/configs"), &overrides?)
}

fn read_ok(text: &str, sets: &[&str]) -> RunConfig {
    read(text, sets).unwrap_or_else(|error| panic!("{error}\nin {text}\nwith {sets:?}"))
}

/// Fails when a default changes: results published with a short file would change with it.
#[test]
fn target_alone_gives_the_documented_defaults() {
    let run = read_ok("[target]", &[]);
    let moves = MoveConfig {
        steps: 4,
        adapt: Adaptation::Frozen,
        target_acceptance: 0.574,
        step_size: None,
    };
    let expected = RunConfig {
        seed: 1,
        target: TargetConfig {
            family: TargetFamily::TwoModes {
                dim: 16,
                separation: 5.0,
                conditioning: Conditioning::None,
                rotate: false,
            },
            standardize: Some(Standardize::Diagonal),
        },
        path: PathConfig {
            family: PathFamily::Diffusion {
                schedule: NoiseSchedule::VpLinear { beta_min: 0.1, beta_max: 20.0 },
                t_min: 1e-4,
                t_max: 1.0,
            },
            levels: 128,
            spacing: Spacing::Uniform,
        },
        bridge: BridgeConfig::SecondOrder,
        model: ModelConfig {
            density: Source::Exact,
            score: Source::Exact,
            file: None,
            precision: Precision::F32,
        },
        kernel: KernelConfig::Mala(moves),
        sampler: SamplerConfig {
            algorithm: Algorithm::Ais { particles: 4096 },
            repetitions: 1,
            both_sides: true,
        },
        train: TrainConfig {
            preset: TrainingPreset::Full,
            network: NetworkKind::Energy,
            channels: None,
            blocks: 2,
            loss: ScoreLossKind::Mixed,
            classification: None,
            levels: NoiseLevels::Continuous,
            data: DataConfig::Exact(60_000),
            epochs: 500,
            batch: 2048,
            antithetic: true,
            learning_rate: 1e-3,
            warm_up: 0.05,
            weight_decay: 0.0,
            clip: 1.0,
            average: 0.999,
            validation: 0.05,
            patience: 0,
            checkpoint: 30.0,
        },
    };
    assert_eq!(run, expected);
}

/// Fails when a training loses the defaults that depend on other keys: epochs on the preset and on each other, the
/// loss on whose samples they are, classes on the classification, channels on the dimension.
#[test]
fn trainings_have_defaults_that_follow_other_keys() {
    let train = |sets: &[&str]| read_ok("", sets).train;
    assert_eq!(train(&["train.preset=short"]).epochs, 100);
    let own = train(&["train.data=mine.npy"]);
    assert_eq!(own.loss, ScoreLossKind::Denoising);
    assert_eq!(own.data, DataConfig::File("/configs/mine.npy".into()));
    let usual = ClassificationConfig {
        kind: ClassificationKind::BiLevel,
        classes: 2,
        weight: 1.0,
        classified: 512,
        epochs: 500,
    };
    assert_eq!(train(&["train.classification=bi-level"]).classification, Some(usual));
    let multi = train(&["train.classification=multi-level", "train.epochs=7"]).classification;
    let kind = ClassificationKind::MultiLevel;
    assert_eq!(multi, Some(ClassificationConfig { kind, classes: 4, epochs: 7, ..usual }));
    for (dim, channels) in [(1, 64), (20, 64), (21, 128)] {
        assert_eq!(train(&[]).channels_for(dim), channels);
        assert_eq!(train(&["train.channels=5"]).channels_for(dim), 5);
    }
    let model = "model.file=trained/model.safetensors";
    let run = read_ok("", &["model.score=learned", model]);
    assert_eq!(run.model.file.as_deref(), Some("/configs/trained/model.safetensors"));
    assert!(run.model.is_used() && !read_ok("", &[model]).model.is_used());
}

/// Fails when the example of the documentation, every usual key written out, is refused or
/// resolves to anything but the defaults it shows.
#[test]
fn the_documented_example_is_the_default() {
    let text = r#"
        seed = 1
        target = { kind = "two-modes", dim = 16, separation = 5.0 }
        path = { kind = "diffusion", schedule = "vp-linear", t_min = 1e-4, levels = 128, spacing = "uniform" }
        bridge = { kind = "second-order" }
        kernel = { kind = "mala", steps = 4, adapt = "frozen" }
        sampler = { kind = "ais", particles = 4096, resampling = "systematic", ess_threshold = 0.5 }
    "#;
    assert_eq!(read_ok(text, &[]), read_ok("", &[]));
}

/// Fails when a kind loses its own defaults.
#[test]
fn each_kind_brings_its_own_defaults() {
    let run = read_ok("[path]\nkind = \"tempering\"", &[]);
    assert_eq!(run.bridge, BridgeConfig::Identity);
    let run = read_ok("[path]\nschedule = \"vp-cosine\"\n[kernel]\nkind = \"none\"", &[]);
    let schedule = NoiseSchedule::VpCosine;
    assert_eq!(run.path.family, PathFamily::Diffusion { schedule, t_min: 1e-4, t_max: 0.999 });
    assert_eq!(run.kernel.steps(), 0);
    for (kernel, acceptance) in [("rwm", 0.234), ("mala", 0.574), ("hmc", 0.8)] {
        let run = read_ok("", &[&format!("kernel.kind={kernel}")]);
        assert_eq!(run.kernel.moves().map(|moves| moves.target_acceptance), Some(acceptance));
    }
    let run = read_ok("", &["path.schedule=ve", "sampler.kind=smc", "kernel.kind=hmc"]);
    let shape = SigmaShape::Geometric;
    let schedule = NoiseSchedule::Ve { sigma_min: 2e-3, sigma_max: 80.0, shape };
    assert_eq!(run.path.family, PathFamily::Diffusion { schedule, t_min: 1e-4, t_max: 1.0 });
    let resampling = ResamplingScheme::Systematic;
    let smc = Algorithm::Smc { particles: 4096, resampling, ess_threshold: 0.5 };
    assert_eq!(run.sampler.algorithm, smc);
    assert!(matches!(run.kernel, KernelConfig::Hmc { leapfrog_steps: 8, .. }));
    let run = read_ok("", &["target.kind=many-modes"]);
    let published = TargetFamily::ManyModes { dim: 8, components: 16, seed: None };
    assert_eq!(run.target.family, published);
    for (target, dim) in [("many-modes", 8), ("gmm40", 10)] {
        assert_eq!(read_ok("", &[&format!("target.kind={target}")]).target.dim(), Some(dim));
    }
}

/// Fails when listed times lose their order, keep level 0, or no longer imply the level number.
#[test]
fn listed_times_are_the_noisy_levels() {
    for times in ["[0.25, 0.5, 1]", "[0, 0.25, 0.5, 1]"] {
        let run = read_ok("", &["path.spacing=list", &format!("path.times={times}")]);
        assert_eq!(run.path.levels, 3);
        assert_eq!(run.path.spacing, Spacing::List { times: vec![0.25, 0.5, 1.0] });
        let PathFamily::Diffusion { t_min, t_max, .. } = run.path.family else { panic!() };
        assert_eq!((t_min, t_max), (0.25, 1.0));
    }
}

/// The times of a path given by `--set` arguments.
fn times(sets: &[&str]) -> Vec<f64> {
    let path = read_ok("", sets).path;
    let times = path.times();
    assert_eq!(times.len(), path.levels);
    assert!(times[0] > 0.0 && times.is_sorted_by(|a, b| a < b), "{times:?}");
    times
}

/// Fails when a spacing is turned round, starts at level 0 or misses an end: quadratic is fine
/// near the target on a diffusion path and near the reference on a tempering path.
#[test]
fn times_follow_the_spacing() {
    let diffusion = ["path.t_min=0.125", "path.t_max=0.625", "path.levels=3"];
    let with = |spacing: &'static str| times(&[&diffusion[..], &[spacing]].concat());
    assert_eq!(with("path.spacing=uniform"), [0.125, 0.375, 0.625]);
    assert_eq!(with("path.spacing=quadratic"), [0.125, 0.25, 0.625]);
    let tempering = ["path.kind=tempering", "path.levels=4"];
    let with = |spacing: &'static str| times(&[&tempering[..], &[spacing]].concat());
    assert_eq!(with("path.spacing=uniform"), [0.25, 0.5, 0.75, 1.0]);
    assert_eq!(with("path.spacing=quadratic"), [0.4375, 0.75, 0.9375, 1.0]);
    let list = ["path.spacing=list", "path.times=[0, 0.2, 1]"];
    assert_eq!(times(&list), [0.2, 1.0]);
}

/// Fails when the schedule of a log-snr spacing is not the one that was configured.
#[test]
fn log_snr_times_are_equally_spaced_in_their_schedule() {
    for schedule in names::<NoiseScheduleKind>() {
        let schedule = format!("path.schedule={schedule}");
        let sets = [schedule.as_str(), "path.spacing=log-snr", "path.levels=5"];
        let PathFamily::Diffusion { schedule, t_min, t_max } = read_ok("", &sets).path.family
        else {
            panic!()
        };
        let (times, schedule) = (times(&sets), schedule.to_core().unwrap());
        assert_eq!((times[0], times[4]), (t_min, t_max));
        let ratios: Vec<f64> = times.iter().map(|&t| schedule.log_snr(t)).collect();
        for pair in ratios.windows(2) {
            let step = (ratios[4] - ratios[0]) / 4.0;
            assert!((pair[1] - pair[0] - step).abs() < 1e-9 * step.abs(), "{schedule:?}");
        }
    }
}

/// Fails when a single level stands anywhere but at the noisy end.
#[test]
fn one_level_is_the_noisiest() {
    for spacing in ["uniform", "quadratic", "log-snr"] {
        let spacing = format!("path.spacing={spacing}");
        assert_eq!(times(&["path.levels=1", "path.t_max=0.75", &spacing]), [0.75]);
        if !spacing.ends_with("log-snr") {
            assert_eq!(times(&["path.levels=1", "path.kind=tempering", &spacing]), [1.0]);
        }
    }
}

/// Fails when the ranges that are accepted go beyond those of the core.
#[test]
fn extreme_schedules_reach_the_core() {
    for sets in [
        &["path.beta_min=700", "path.beta_max=700"][..],
        &["path.beta_min=5e-324"],
        &["path.schedule=ve", "path.sigma_min=1e-150", "path.sigma_max=1e150"],
        &["path.schedule=vp-cosine"],
    ] {
        let PathFamily::Diffusion { schedule, .. } = read_ok("", sets).path.family else {
            panic!()
        };
        assert!(schedule.to_core().is_ok(), "{sets:?}");
    }
}

/// Fails when a mixture file is looked for anywhere but beside the configuration.
#[test]
fn mixture_files_are_relative_to_the_configuration() {
    for (path, resolved) in [("mix.json", "/configs/mix.json"), ("/data/m.json", "/data/m.json")] {
        let run = read_ok("[target]\nkind = \"file\"", &[&format!("target.path={path}")]);
        assert_eq!(run.target.family, TargetFamily::File { path: resolved.into() });
        assert_eq!(run.target.standardize, None);
    }
}

/// Fails when the command line does not win over the file, or loses the file's other keys.
#[test]
fn overrides_replace_single_values() {
    let text = "seed = 5\n[target]\ndim = 4\n[bridge]\nkind = \"exact\"";
    let run = read_ok(text, &["seed=6", "bridge.kind=ddpm", "bridge.variance=scaled"]);
    assert_eq!((run.seed, run.target.dim()), (6, Some(4)));
    let expected = BridgeConfig::Ddpm { variance: BridgeVariance::Scaled };
    assert_eq!(run.bridge, expected);
}

/// Fails when writing a resolved configuration and reading it back changes the run, or when
/// any kind of a room cannot be configured at all.
#[test]
fn resolved_configurations_read_back_the_same() {
    let mut cases: Vec<Vec<String>> = vec![
        vec!["seed=18446744073709551615".into(), "target.rotate=true".into()],
        vec!["target.kind=many-modes".into(), "target.seed=7".into(), "target.dim=3".into()],
        vec!["target.kind=gmm40".into(), "target.seed=9223372036854775808".into()],
        vec!["target.separation=0.1".into(), "target.conditioning=hard".into()],
        vec!["path.kind=tempering".into(), "path.spacing=quadratic".into()],
        vec!["path.kind=tempering".into(), "path.spacing=list".into(), "path.times=[1]".into()],
        vec!["path.spacing=list".into(), "path.times=[1e-300, 0.3333333333333333]".into()],
        vec!["path.spacing=log-snr".into(), "path.t_min=1e-5".into(), "path.levels=1".into()],
        vec!["path.schedule=ve".into(), "path.shape=rho-7".into(), "path.sigma_max=1e9".into()],
        vec!["kernel.kind=hmc".into(), "kernel.step_size=1e-3".into(), "kernel.steps=1".into()],
        vec!["sampler.kind=smc".into(), "sampler.ess_threshold=1".into()],
        vec!["target.kind=file".into(), "target.path=a b/ü.json".into()],
        vec![
            "target.kind=shared-library".into(),
            "target.library=a.so".into(),
            "target.backbone=m.json".into(),
        ],
        vec![
            "target.kind=shared-library".into(),
            "target.library=/l/a.so".into(),
            "target.data=d.json".into(),
            "target.seed=4294967295".into(),
            "target.reference_scale=2.5".into(),
            "target.finite_differences=1e-4".into(),
            "path.kind=tempering".into(),
        ],
    ];
    let all = |field: &str, names: Vec<&str>| -> Vec<Vec<String>> {
        names.iter().map(|name| vec![format!("{field}={name}")]).collect()
    };
    cases.extend(all("target.standardize", names::<Standardize>()));
    cases.extend(all("path.schedule", names::<NoiseScheduleKind>()));
    cases.extend(all("bridge.kind", names::<BridgeKind>()));
    cases.extend(all("kernel.kind", names::<KernelKind>()));
    cases.extend(all("kernel.adapt", names::<Adaptation>()));
    for name in names::<BridgeVariance>() {
        cases.push(vec!["bridge.kind=ddpm".into(), format!("bridge.variance={name}")]);
    }
    for name in names::<FlowMapKind>() {
        cases.push(vec!["bridge.kind=flow-map".into(), format!("bridge.map={name}")]);
    }
    for name in names::<LogDetEstimator>() {
        let estimator = format!("logdet.estimator={name}");
        cases.push(vec!["bridge.kind=flow-map".into(), "bridge.map=ddim".into(), estimator]);
    }
    cases.push(vec![
        "bridge.kind=flow-map".into(),
        "bridge.n_iter=3".into(),
        "bridge.newton=0".into(),
        "logdet.n_trunc=9".into(),
        "logdet.n_hutch=21".into(),
        "logdet.probes=gaussian".into(),
        "logdet.penalty=series".into(),
    ]);
    cases.push(vec!["bridge.kind=low-rank".into(), "bridge.rank=7".into()]);
    cases.push(vec!["bridge.kind=low-rank".into(), "bridge.rank_tolerance=1e-3".into()]);
    for name in names::<Source>() {
        for key in ["density", "score"] {
            cases.push(vec![format!("model.{key}={name}"), "model.file=m.safetensors".into()]);
        }
    }
    cases.extend(all("model.precision", names::<Precision>()));
    cases.extend(all("train.preset", names::<TrainingPreset>()));
    cases.extend(all("train.network", names::<NetworkKind>()));
    cases.extend(all("train.loss", names::<ScoreLossKind>()));
    cases.extend(all("train.classification", names::<ClassificationKind>()));
    cases.extend(all("train.levels", names::<NoiseLevels>()));
    cases.push(vec![
        "train.classification=multi-level".into(),
        "train.classes=5".into(),
        "train.weight=0.25".into(),
        "train.classified=640".into(),
        "train.fine_tune_epochs=0".into(),
        "train.channels=7".into(),
        "train.blocks=3".into(),
    ]);
    cases.push(vec!["train.data=my samples/ü.csv".into(), "train.validation=0".into()]);
    cases.push(vec![
        "train.samples=123".into(),
        "train.batch=256".into(),
        "train.antithetic=false".into(),
        "train.learning_rate=0.5".into(),
        "train.warm_up=0.5".into(),
        "train.weight_decay=0.1".into(),
        "train.clip=7".into(),
        "train.average=0".into(),
        "train.patience=3".into(),
        "train.checkpoint=0".into(),
    ]);
    for name in names::<ResamplingScheme>() {
        cases.push(vec!["sampler.kind=smc".into(), format!("sampler.resampling={name}")]);
    }
    for sets in cases {
        let run = read_ok("", &sets.iter().map(String::as_str).collect::<Vec<_>>());
        let written = run.to_toml();
        assert_eq!(read_ok(&written, &[]), run, "{written}");
    }
}

fn names<C: Choice>() -> Vec<&'static str> {
    C::ALL.iter().map(|kind| kind.name()).collect()
}
