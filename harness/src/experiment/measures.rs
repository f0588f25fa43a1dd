//! The numbers of one run that rows are compared by, from its summary.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// All measures; a run has those that mean something for it.
pub const NAMES: &[&str] = &[
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
pub const TIMES: &[&str] = &["seconds", "ess_per_second"];

/// The measures of a run that went through.
///
/// Evaluations are those of the production run, for one particle (of one ladder in one round of those that count):
/// what placing the levels, the pilot and the run from the other side took is left out. The effective sample
/// size is that of weights; replica exchange has none. `failure` is 1 for a run that stopped, else 0: its mean is their share.
pub fn of_summary(summary: &Json) -> BTreeMap<String, f64> {
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
    put("log_z_error", number("log_z").map(f64::abs));
    let excess = |distance: f64| number("sliced_wasserstein_floor").map(|floor| distance - floor);
    put("sliced_wasserstein_excess", number("sliced_wasserstein").and_then(excess));
    put("seconds", number("sampling_seconds"));

    let particles = match (number("ladders"), number("rounds")) {
        (Some(ladders), Some(rounds)) => ladders * rounds,
        _ => number("particles").unwrap_or(f64::NAN),
    };
    let kinds = ["score", "density", "hessian_product"].map(|kind| {
        let part = |name: &str| summary[name][kind].as_f64().unwrap_or(0.0);
        let others = ["placement_evaluations", "pilot_evaluations", "reverse_evaluations"];
        (part("evaluations") - others.iter().map(|name| part(name)).sum::<f64>()) / particles
    });
    let all: f64 = kinds.iter().sum();
    put("evaluations", Some(all));
    for (name, count) in ["scores", "densities", "hessian_products"].iter().zip(kinds) {
        put(name, Some(count));
    }
    if let Some(ess) = number("ess") {
        put("ess_per_evaluation", Some(ess / all));
        let seconds = number("sampling_seconds").unwrap_or(f64::NAN);
        put("ess_per_second", Some(ess * particles / seconds));
    }
    found
}

/// The measures of a run that stopped: with weights, it has no effective sample left.
pub fn of_failure(weighted: bool) -> BTreeMap<String, f64> {
    let ess = weighted.then(|| ("ess".to_owned(), 0.0));
    ess.into_iter().chain([("failure".to_owned(), 1.0)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Fails if the pilot or the run from the other side is counted, or evaluations are not per particle: of
    /// 100 particles, (1000 - 300 - 100) scores and 200 products.
    #[test]
    fn evaluations_are_those_of_production() {
        let summary = json!({
            "log_z": -0.5, "ess": 0.4, "particles": 100, "sampling_seconds": 2.0, "seconds": 7.0,
            "sliced_wasserstein": 0.3, "sliced_wasserstein_floor": 0.1, "barrier": null,
            "evaluations": {"score": 1000, "density": 0, "hessian_product": 200},
            "pilot_evaluations": {"score": 300, "density": 0, "hessian_product": 0},
            "reverse_evaluations": {"score": 100, "density": 0, "hessian_product": 0},
        });
        let found = of_summary(&summary);
        for (name, expected) in [
            ("evaluations", 8.0),
            ("scores", 6.0),
            ("hessian_products", 2.0),
            ("ess_per_evaluation", 0.05),
            ("ess_per_second", 20.0),
            ("seconds", 2.0),
            ("log_z_error", 0.5),
            ("sliced_wasserstein_excess", 0.2),
        ] {
            assert!((found[name] - expected).abs() < 1e-12, "{name}: {}", found[name]);
        }
        assert!(!found.contains_key("barrier") && !found.contains_key("mean_rejection_rate"));
        assert!(found.keys().all(|name| NAMES.contains(&name.as_str())));
    }

    /// Fails if a run without weights gets an effective sample size, or a failed one with weights has none.
    #[test]
    fn a_failure_has_no_effective_sample() {
        assert_eq!(
            of_failure(true),
            BTreeMap::from([("ess".into(), 0.0), ("failure".into(), 1.0)])
        );
        assert_eq!(of_failure(false), BTreeMap::from([("failure".into(), 1.0)]));
    }

    /// Fails if replica exchange is divided by the samples it keeps.
    #[test]
    fn exchange_counts_ladders_and_rounds() {
        let summary = json!({
            "particles": 7, "ladders": 4, "rounds": 50,
            "evaluations": {"score": 2000, "density": 0, "hessian_product": 0},
        });
        assert_eq!(of_summary(&summary)["evaluations"], 10.0);
    }
}
