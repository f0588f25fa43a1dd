//! Configurations drawn key by key: any values for any keys, and small runs in which every value fits its key.

use std::collections::BTreeMap;

use amc_harness::catalog::{
    Adaptation, BarrierEstimator, BridgeKind, BridgeVariance, Choice, ClassificationKind,
    Conditioning, FlowMapKind, KernelKind, LadderStart, LogDetEstimator, NetworkKind, NoiseLevels,
    NoiseScheduleKind, PathKind, PenaltyKind, Precision, ProbeKind, ResamplingScheme, Room,
    SamplerKind, ScoreLossKind, SigmaShape, Source, SpacingKind, Standardize, SwapOrder,
    TargetKind, TrainingPreset,
};
use amc_harness::config::schema;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Values by key, `section.key`, as they stand in a file.
pub type Values = BTreeMap<String, String>;

/// Every key whose values are names, with the room that they stand in.
pub const ROOMS: [(&str, Room); 28] = [
    ("target.kind", TargetKind::ROOM),
    ("target.standardize", Standardize::ROOM),
    ("target.conditioning", Conditioning::ROOM),
    ("path.kind", PathKind::ROOM),
    ("path.schedule", NoiseScheduleKind::ROOM),
    ("path.shape", SigmaShape::ROOM),
    ("path.spacing", SpacingKind::ROOM),
    ("path.barrier", BarrierEstimator::ROOM),
    ("bridge.kind", BridgeKind::ROOM),
    ("bridge.variance", BridgeVariance::ROOM),
    ("bridge.map", FlowMapKind::ROOM),
    ("logdet.estimator", LogDetEstimator::ROOM),
    ("logdet.probes", ProbeKind::ROOM),
    ("logdet.penalty", PenaltyKind::ROOM),
    ("model.density", Source::ROOM),
    ("model.score", Source::ROOM),
    ("model.precision", Precision::ROOM),
    ("kernel.kind", KernelKind::ROOM),
    ("kernel.adapt", Adaptation::ROOM),
    ("sampler.kind", SamplerKind::ROOM),
    ("sampler.start", LadderStart::ROOM),
    ("sampler.swap", SwapOrder::ROOM),
    ("sampler.resampling", ResamplingScheme::ROOM),
    ("train.preset", TrainingPreset::ROOM),
    ("train.network", NetworkKind::ROOM),
    ("train.loss", ScoreLossKind::ROOM),
    ("train.classification", ClassificationKind::ROOM),
    ("train.levels", NoiseLevels::ROOM),
];

/// The model of a kind in so many coordinates, "energy" or "score".
pub fn model_name(kind: &str, dim: usize) -> String {
    format!("{kind}-{dim}.safetensors")
}

/// Samples of two coordinates that a training may ask for.
pub const SAMPLES: &str = "samples.csv";

/// A density of two coordinates, compiled.
pub const LIBRARY: &str = "model.so";

/// The mixture files that a target of kind "file" may ask for.
pub const FILES: [(&str, &str); 3] = [
    (
        "isotropic.json",
        r#""covariances":[{"kind":"isotropic","variance":0.3},{"kind":"isotropic","variance":0.8}]"#,
    ),
    ("diagonal.json", r#""covariance":{"kind":"diagonal","variances":[0.3,1.5]}"#),
    (
        "full.json",
        r#""covariances":[{"kind":"full","matrix":[[0.5,0.2],[0.2,0.4]]},{"kind":"full","matrix":[[0.9,-0.3],[-0.3,0.6]]}]"#,
    ),
];

/// Every key of every section, and the seed.
pub fn keys() -> Vec<String> {
    let sections = schema().iter();
    let keys = sections
        .flat_map(|(section, keys)| keys.iter().map(move |k| format!("{section}.{}", k.name)));
    std::iter::once("seed".to_owned()).chain(keys).collect()
}

/// The text of a file with these values.
pub fn to_toml(values: &Values) -> String {
    let mut text = String::new();
    for (key, value) in values.iter().filter(|(key, _)| !key.contains('.')) {
        text.push_str(&format!("{key} = {value}\n"));
    }
    for (section, _) in schema() {
        let prefix = format!("{section}.");
        let own =
            || values.iter().filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?, value)));
        if own().next().is_some() {
            text.push_str(&format!("[{section}]\n"));
            own().for_each(|(key, value)| text.push_str(&format!("{key} = {value}\n")));
        }
    }
    text
}

fn words(list: &[&str]) -> BoxedStrategy<String> {
    let list: Vec<String> = list.iter().map(|word| (*word).to_owned()).collect();
    prop::sample::select(list).boxed()
}

fn names(room: Room) -> BoxedStrategy<String> {
    let names: Vec<String> = room.entries.iter().map(|entry| format!("{:?}", entry.name)).collect();
    prop::sample::select(names).boxed()
}

fn integers(range: std::ops::RangeInclusive<u64>) -> BoxedStrategy<String> {
    range.prop_map(|n| n.to_string()).boxed()
}

/// Mostly in this range, at times a number that breaks things.
fn floats(range: std::ops::Range<f64>) -> BoxedStrategy<String> {
    let special =
        words(&["5e-324", "1e-300", "1e-9", "1e9", "1e150", "1e300", "1.0", "0.0", "700.0"]);
    prop_oneof![6 => range.prop_map(|x| format!("{x:?}")), 1 => special].boxed()
}

fn times() -> BoxedStrategy<String> {
    let list = prop::collection::vec(1e-4..0.99f64, 0..3);
    (list, any::<bool>())
        .prop_map(|(mut times, to_the_end)| {
            times.push(if to_the_end { 1.0 } else { 0.995 });
            times.sort_by(f64::total_cmp);
            format!("{times:?}")
        })
        .boxed()
}

/// A value that fits a key, of a size that runs in no time; `None` for a key that no one has thought of.
fn fitting(key: &str) -> Option<BoxedStrategy<String>> {
    if let Some((_, room)) = ROOMS.iter().find(|(name, _)| *name == key) {
        return Some(names(*room));
    }
    Some(match key {
        "seed" | "target.seed" => integers(0..=1 << 40),
        "target.dim" => integers(1..=3),
        "target.separation" => floats(0.1..4.0),
        "target.rotate" | "target.reject_failures" | "sampler.both_sides" => {
            words(&["true", "false"])
        }
        "target.components" => integers(1..=4),
        "target.path" => {
            let files: Vec<String> = FILES.iter().map(|(name, _)| format!("{name:?}")).collect();
            prop::sample::select(files).boxed()
        }
        "target.library" => words(&[&format!("{LIBRARY:?}")]),
        "target.data" => words(&["\"{}\"", "\"\""]),
        "target.backbone" => {
            let files: Vec<String> = FILES.iter().map(|(name, _)| format!("{name:?}")).collect();
            prop::sample::select(files).boxed()
        }
        "target.reference_scale" => floats(0.5..9.0),
        "target.finite_differences" => floats(1e-5..0.1),
        "path.levels" => integers(1..=4),
        "path.times" => times(),
        "path.tuning_rounds" => integers(1..=2),
        "path.cess" => floats(0.3..0.9),
        "path.t_min" => floats(1e-4..0.2),
        "path.t_max" => floats(0.5..0.999),
        "path.beta_min" => floats(0.05..1.0),
        "path.beta_max" => floats(5.0..30.0),
        "path.sigma_min" => floats(1e-3..0.1),
        "path.sigma_max" => floats(5.0..80.0),
        "bridge.rank" => integers(1..=4),
        "bridge.rank_tolerance" => floats(1e-3..0.5),
        "bridge.n_iter" => integers(0..=3),
        "bridge.newton" => integers(0..=20),
        "logdet.n_trunc" => integers(1..=8),
        "logdet.n_hutch" => integers(2..=14),
        // Of a kind; `small` puts in the dimension.
        "model.file" => words(&["\"energy\"", "\"energy\"", "\"energy\"", "\"score\""]),
        "train.channels" => integers(1..=6),
        "train.blocks" => integers(1..=3),
        "train.classes" => integers(2..=8),
        "train.weight" => floats(0.1..3.0),
        "train.classified" | "train.batch" => words(&["128", "256", "384", "200"]),
        "train.fine_tune_epochs" | "train.epochs" => integers(0..=3),
        "train.samples" => integers(2..=400),
        "train.data" => words(&[&format!("{SAMPLES:?}")]),
        "train.antithetic" => words(&["true", "false"]),
        "train.learning_rate" => floats(1e-4..0.5),
        "train.warm_up" | "train.validation" => floats(0.0..0.5),
        "train.weight_decay" => floats(0.0..0.1),
        "train.clip" => floats(0.1..10.0),
        "train.average" => floats(0.0..0.99),
        "train.patience" => integers(0..=2),
        "train.checkpoint" => floats(0.0..1.0),
        "kernel.steps" => integers(0..=3),
        "kernel.target_acceptance" => floats(0.2..0.9),
        "kernel.step_size" => floats(1e-3..3.0),
        "kernel.leapfrog_steps" => integers(1..=4),
        "sampler.particles" => integers(1..=32),
        "sampler.ess_threshold" => floats(0.0..1.0),
        "sampler.ladders" => integers(2..=9),
        "sampler.rounds" => integers(2..=6),
        "sampler.warmup" => integers(0..=4),
        "sampler.steps_per_swap" => integers(0..=2),
        "sampler.samples" => integers(1..=40),
        "sampler.repetitions" => integers(1..=2),
        _ => return None,
    })
}

/// Keys without which a run takes its full size, and those that choose what others mean.
fn always(key: &str) -> bool {
    const SIZES: [&str; 16] = [
        "target.dim",
        "target.path",
        "target.library",
        "target.components",
        "path.levels",
        "path.times",
        "path.tuning_rounds",
        "sampler.particles",
        "sampler.rounds",
        "model.file",
        "train.batch",
        "train.channels",
        "train.classified",
        "train.epochs",
        "train.fine_tune_epochs",
        "train.samples",
    ];
    SIZES.contains(&key)
        || key.ends_with(".kind")
        || key == "path.schedule"
        || key == "path.spacing"
}

/// Values of a small run in which `fixed` has been decided; keys that do not apply are left out.
pub fn small(fixed: Values) -> BoxedStrategy<Values> {
    let drawn: Vec<_> = keys()
        .into_iter()
        .map(|key| {
            let value = fitting(&key).unwrap_or_else(|| panic!("no values are drawn for {key}"));
            let value = match always(&key) {
                true => value.prop_map(Some).boxed(),
                false => prop::option::of(value).boxed(),
            };
            value.prop_map(move |value| (key.clone(), value))
        })
        .collect();
    drawn
        .prop_map(move |drawn| {
            let given = drawn.into_iter().filter_map(|(key, value)| Some((key, value?)));
            let mut values: Values = given.collect();
            values.extend(fixed.clone());
            drop_what_does_not_apply(&mut values);
            values
        })
        .boxed()
}

fn drop_what_does_not_apply(values: &mut Values) {
    let is = |values: &Values, key: &str, value: &str| {
        values.get(key).map(String::as_str) == Some(value)
    };
    if is(values, "path.kind", "\"tempering\"") {
        values.insert("bridge.kind".into(), "\"identity\"".into());
        values.remove("path.schedule");
    }
    if is(values, "target.kind", "\"shared-library\"") {
        if is(values, "path.kind", "\"diffusion\"") {
            let file = format!("{:?}", FILES[0].0);
            values.entry("target.backbone".into()).or_insert(file);
        }
        if values.contains_key("target.backbone") {
            values.remove("target.reference_scale");
        }
        if let Some(seed) = values.get_mut("target.seed") {
            seed.truncate(9);
        }
    }
    if is(values, "path.spacing", "\"adaptive\"") || is(values, "path.spacing", "\"list\"") {
        values.remove("path.levels");
    }
    if let Some(kind) = values.get("model.file") {
        let of_file =
            ["\"file\"", "\"shared-library\""].iter().any(|kind| is(values, "target.kind", kind));
        let dim = values.get("target.dim").filter(|_| !of_file);
        let dim = dim.map_or(2, |dim| dim.parse().expect("a number"));
        let name = model_name(kind.trim_matches('"'), dim);
        values.insert("model.file".into(), format!("{name:?}"));
    }
    if values.contains_key("train.data") {
        values.remove("train.samples");
    }
    // A selector may itself not apply.
    for _ in 0..2 {
        for (section, keys) in schema() {
            for key in *keys {
                let Some((selector, choices)) = key.belongs_to else { continue };
                let chosen = values.get(&format!("{section}.{selector}"));
                let fits = chosen.is_some_and(|v| choices.contains(&v.trim_matches('"')));
                if !fits {
                    values.remove(&format!("{section}.{}", key.name));
                }
            }
        }
    }
}

/// Any values for some of the keys, and at times a key that does not exist.
pub fn wild() -> BoxedStrategy<Values> {
    let junk = words(&[
        "nan",
        "-inf",
        "1e400",
        "-1",
        "0",
        "9223372036854775807",
        "\"\"",
        "\"second order\"",
        "[]",
        "[0.5, 0.2]",
        "[[1]]",
        "{}",
        "1979-05-27",
        "true",
        "\"\\n\"",
        "1e-320",
        "0.999999999999",
    ]);
    let mut some: Vec<_> = keys();
    some.extend(["bridge.knid", "sampler.ä", "nothing"].map(str::to_owned));
    let drawn: Vec<_> = some
        .into_iter()
        .map(|key| {
            let own = fitting(&key).unwrap_or_else(|| junk.clone());
            let exists = keys().contains(&key);
            let value = Union::new_weighted(vec![(12, own), (1, junk.clone())]);
            let there = if exists { 0.25 } else { 0.01 };
            prop::option::weighted(there, value).prop_map(move |value| (key.clone(), value))
        })
        .collect();
    drawn.prop_map(|drawn| drawn.into_iter().filter_map(|(k, v)| Some((k, v?))).collect()).boxed()
}
