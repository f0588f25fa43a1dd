//! The numbers of one run that rows are compared by, from its summary.

use std::collections::BTreeMap;

use crate::metric::mode_weight_floor;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::run::Work;

/// All measures; a run has those that mean something for it.
pub(crate) const NAMES: &[&str] = &[
    "failure",
    "log_z",
    "log_z_error",
    "ess",
    "minimum_ess",
    "sliced_wasserstein",
    "sliced_wasserstein_floor",
    "sliced_wasserstein_excess",
    "maximum_mean_discrepancy",
    "kolmogorov_smirnov",
    "mode_weight_error",
    "mode_weight_floor",
    "mean_rejection_rate",
    "worst_rejection_rate",
    "round_trip_rate",
    "acceptance_rate",
    "barrier",
    "non_finite",
    "evaluations",
    "scores",
    "densities",
    "hessian_products",
    "seconds",
    "ess_per_evaluation",
    "ess_per_second",
];

/// The measures of times, which no two runs have in common.
pub(crate) const TIMES: &[&str] = &["seconds", "ess_per_second"];

/// The measures that are counts, which equal random numbers leave equal.
pub(crate) const COUNTS: [&str; 4] = ["evaluations", "scores", "densities", "hessian_products"];

/// The measures that say of a run that stopped how much it has left: nothing.
pub(crate) const OF_WEIGHTS: [&str; 3] = ["ess", "ess_per_evaluation", "ess_per_second"];

/// Which of two numbers is better: 1 for the larger, -1 for the smaller; `None` of what is neither.
pub(super) fn better(name: &str) -> Option<f64> {
    const LARGER: [&str; 5] =
        ["ess", "minimum_ess", "ess_per_evaluation", "ess_per_second", "round_trip_rate"];
    const SMALLER: [&str; 9] = [
        "failure",
        "log_z_error",
        "sliced_wasserstein",
        "sliced_wasserstein_excess",
        "maximum_mean_discrepancy",
        "kolmogorov_smirnov",
        "mode_weight_error",
        "mean_rejection_rate",
        "worst_rejection_rate",
    ];
    let larger = LARGER.contains(&name).then_some(1.0);
    larger.or_else(|| SMALLER.contains(&name).then_some(-1.0))
}

/// Whether a run that stopped has a number of this measure, so that its row is whole.
pub(crate) fn counts_failures(name: &str) -> bool {
    name == "failure" || OF_WEIGHTS.contains(&name)
}

/// The measures of a run that went through.
///
/// Evaluations are all that the method needs, for one particle (of one ladder in one round, warm-up included): placing
/// the levels and the pilot count, the run from the other side and the check of a map for folds do not. Seconds are
/// `thread_seconds` of the same work. The effective sample size is that of weights; replica exchange has none.
/// `failure` is 1 for a run that stopped, else 0: its mean is their share.
pub(crate) fn of_summary(summary: &Json, thread_seconds: Option<f64>) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::from([("failure".to_owned(), 0.0)]);
    for name in NAMES {
        if let Some(number) = summary[*name].as_f64() {
            found.insert((*name).to_owned(), number);
        }
    }
    let mut put = |name: &str, number: Option<f64>| {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            found.insert(name.to_owned(), number);
        }
    };
    let number = |name: &str| summary[name].as_f64();
    // The truth of log Z is 0 where there is one: of targets that are no mixtures it is not known.
    let known = summary["true_mode_weights"].as_array().is_some_and(|weights| !weights.is_empty());
    put("log_z_error", number("log_z").filter(|_| known).map(f64::abs));
    let excess = |distance: f64| number("sliced_wasserstein_floor").map(|floor| distance - floor);
    put("sliced_wasserstein_excess", number("sliced_wasserstein").and_then(excess));
    put("seconds", thread_seconds);
    let truth: Vec<f64> =
        serde_json::from_value(summary["true_mode_weights"].clone()).unwrap_or_default();
    let effective = number("particles").map(|n| n * number("ess").unwrap_or(1.0));
    put("mode_weight_floor", effective.and_then(|n| mode_weight_floor(&truth, n).ok()));

    let work = Work::deserialize(summary).ok();
    if let Some((work, needed)) = work.and_then(|work| Some((work, work.per_particle()?))) {
        put("evaluations", Some(needed.total()));
        put("scores", Some(needed.score));
        put("densities", Some(needed.density));
        put("hessian_products", Some(needed.hessian_product));
        if let Some(ess) = number("ess") {
            put("ess_per_evaluation", Some(ess / needed.total()));
            put("ess_per_second", thread_seconds.map(|seconds| ess * work.shares() / seconds));
        }
    }
    found
}

/// The measures of a run that stopped: with weights, it has no effective sample left.
pub(crate) fn of_failure(weighted: bool) -> BTreeMap<String, f64> {
    let lost = if weighted { &OF_WEIGHTS[..] } else { &[] };
    let lost = lost.iter().map(|name| ((*name).to_owned(), 0.0));
    lost.chain([("failure".to_owned(), 1.0)]).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::config::RunConfig;
    use crate::run::run;
    use crate::sampler::Silent;

    /// Fails if the pilot or the placing of levels is left out, the run from the other side or the check of a map is counted, or
    /// evaluations are not per particle: of 100 particles, (1000 - 100 - 50) scores, (700 - 30 - 10) densities and (220 - 5 - 15) products.
    #[test]
    fn evaluations_are_what_the_method_needs() {
        let summary = json!({
            "log_z": -0.5, "ess": 0.4, "particles": 100, "sampling_seconds": 2.0, "seconds": 7.0,
            "sliced_wasserstein": 0.3, "sliced_wasserstein_floor": 0.1, "barrier": null,
            "true_mode_weights": [0.5, 0.5],
            "evaluations": {"score": 1000, "density": 700, "hessian_product": 220},
            "placement_evaluations": {"score": 70, "density": 40, "hessian_product": 9},
            "pilot_evaluations": {"score": 300, "density": 60, "hessian_product": 12},
            "reverse_evaluations": {"score": 100, "density": 30, "hessian_product": 5},
            "check_evaluations": {"score": 50, "density": 10, "hessian_product": 15},
        });
        let found = of_summary(&summary, Some(1.6));
        for (name, expected) in [
            ("evaluations", 17.1),
            ("scores", 8.5),
            ("densities", 6.6),
            ("hessian_products", 2.0),
            ("ess_per_evaluation", 0.4 / 17.1),
            ("ess_per_second", 25.0),
            ("seconds", 1.6),
            ("log_z_error", 0.5),
            ("sliced_wasserstein_excess", 0.2),
        ] {
            assert!((found[name] - expected).abs() < 1e-12, "{name}: {}", found[name]);
        }
        assert!(!found.contains_key("barrier") && !found.contains_key("mean_rejection_rate"));
        assert!(found.keys().all(|name| NAMES.contains(&name.as_str())));
    }

    /// Fails if log Z of a target whose truth is not known passes for its own error.
    #[test]
    fn an_unknown_truth_has_no_error() {
        let mut summary = json!({
            "log_z": -0.5, "particles": 1, "true_mode_weights": [1.0],
            "evaluations": {"score": 1, "density": 0, "hessian_product": 0},
        });
        assert_eq!(of_summary(&summary, None)["log_z_error"], 0.5);
        summary["true_mode_weights"] = json!([]);
        let found = of_summary(&summary, None);
        assert!(found["log_z"] == -0.5 && !found.contains_key("log_z_error"), "{found:?}");
    }

    /// Fails if a run without weights gets an effective sample size, or a failed one with weights has none.
    #[test]
    fn a_failure_has_no_effective_sample() {
        let lost = of_failure(true);
        let names = ["ess", "ess_per_evaluation", "ess_per_second", "failure"];
        assert_eq!(lost.keys().collect::<Vec<_>>(), names);
        assert!(names[..3].iter().all(|name| lost[*name] == 0.0) && lost["failure"] == 1.0);
        assert_eq!(of_failure(false), BTreeMap::from([("failure".into(), 1.0)]));
    }

    /// Fails if replica exchange is divided by the samples it keeps, or its warm-up is counted above the line alone.
    #[test]
    fn exchange_counts_ladders_and_rounds() {
        let summary = json!({
            "particles": 7, "ladders": 4, "rounds": 40, "warmup": 10,
            "evaluations": {"score": 2000, "density": 0, "hessian_product": 0},
        });
        assert_eq!(of_summary(&summary, None)["evaluations"], 10.0);
    }

    /// The measures that a configuration yields.
    fn measured(text: &str) -> Vec<String> {
        let config = RunConfig::from_toml(text, "text", Path::new("."), &[]).unwrap();
        let run = run(&config, &mut Silent).unwrap();
        let summary = serde_json::to_value(&run.summary).unwrap();
        of_summary(&summary, Some(run.sampling_thread_seconds)).into_keys().collect()
    }

    /// Fails if a field of the summary has another name than the measures look for, so that a measure is lost without a word;
    /// or one is found where it means nothing.
    #[test]
    fn runs_have_the_measures_that_are_promised() {
        let of_weights = ["ess", "minimum_ess", "ess_per_evaluation", "ess_per_second"];
        let of_swaps = ["mean_rejection_rate", "worst_rejection_rate", "round_trip_rate"];
        let all_but = |others: &[&str]| {
            let mut names: Vec<String> = NAMES
                .iter()
                .filter(|name| !others.contains(name))
                .map(|&name| name.into())
                .collect();
            names.sort();
            names
        };
        let common = "target = { dim = 2 }\npath = { levels = 4, spacing = \"lambda\" }\nkernel = { kind = \"mala\" }\n";
        for sampler in ["ais", "smc"] {
            let found =
                measured(&format!("{common}sampler = {{ kind = \"{sampler}\", particles = 64 }}"));
            assert_eq!(found, all_but(&of_swaps), "{sampler}");
        }
        let exchange = "sampler = { kind = \"replica-exchange\", ladders = 8, rounds = 16 }";
        assert_eq!(measured(&format!("{common}{exchange}")), all_but(&of_weights));
        // Without a kernel, and with levels that no barrier placed.
        let plain = "target = { dim = 2 }\npath = { levels = 4 }\nkernel = { kind = \"none\" }\nsampler = { particles = 64 }";
        let missing = [&of_swaps[..], &["acceptance_rate", "barrier"]].concat();
        assert_eq!(measured(plain), all_but(&missing));
    }
}
