//! Ablations against hand calculation, and what a plan refuses.

use std::path::Path;

use amc_core::transport::FlowMethod;

use super::*;
use crate::config::Override;
use crate::run::{RunError, Top};

const HEAD: &str = "[target]\nkind = \"two-modes\"\ndim = 4\nseparation = 2.0\n\
    [path]\nlevels = 12\nspacing = \"log-snr\"\n\
    [bridge]\nkind = \"flow-map\"\nmap = \"ddim\"\n\
    [logdet]\nestimator = \"power-series\"\n\
    [kernel]\nkind = \"none\"\n[sampler]\nparticles = 64\n";

fn plan(
    subject: Subject,
    text: &str,
    settings: &[&str],
    values: Option<&str>,
) -> Result<Ablation, RunError> {
    let overrides: Vec<Override> = settings.iter().map(|s| s.parse().unwrap()).collect();
    let source = Source { text, name: "c.toml", base_dir: Path::new("."), overrides: &overrides };
    Ablation::plan(subject, &source, values, 2)
}

fn determinants(ablation: &Ablation) -> Vec<DeterminantRecord> {
    let findings = ablation.measure(&mut |_| ()).unwrap();
    findings.rows.into_iter().map(|row| row.determinant.unwrap()).collect()
}

/// Fails if a bias has the wrong sign or size, leaves out a step, or is not that of the sum over the
/// steps. For one isotropic Gaussian `M = m I`, `m = -(b/A)/(alpha^2 w + v)`, and the series stops
/// `sum_{k>n} |m|^k/k` above the logarithm in every coordinate.
#[test]
fn truncation_of_a_gaussian_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let mixture = r#"{"name":"g","dim":3,"weights":[1],"means":[[0,0,0]],
        "covariance":{"kind":"isotropic","variance":0.3}}"#;
    std::fs::write(folder.path().join("g.json"), mixture).unwrap();
    let text = HEAD.replace(
        "kind = \"two-modes\"\ndim = 4\nseparation = 2.0",
        "kind = \"file\"\npath = \"g.json\"",
    );
    let overrides = ["target.standardize=none".parse().unwrap()];
    let source =
        Source { text: &text, name: "c.toml", base_dir: folder.path(), overrides: &overrides };
    let ablation = Ablation::plan(Subject::NTrunc, &source, Some("1,2,5"), 1).unwrap();
    let findings = ablation.measure(&mut |_| ()).unwrap();
    let config = &ablation.config;
    let excess = |terms: i32| -> f64 {
        let of_step = |annealing: &mut crate::sampler::Annealing<'_>, clean: usize| {
            let (schedule, step) = (annealing.schedule.unwrap(), annealing.step(clean).unwrap());
            let stages = FlowMethod::Ddim.coefficients(&schedule, &step).unwrap();
            let width = 0.3 * step.alpha_noisy * step.alpha_noisy + step.variance_noisy;
            let m = -stages.result()[0] / stages.scale() / width;
            let series: f64 = (1..=terms).map(|k| -(-m).powi(k) / f64::from(k)).sum();
            assert!(m < 0.0 && m > -1.0);
            3.0 * (series - m.ln_1p())
        };
        let times = &findings.times;
        let sum = ablation.problem.with_annealing(config, times, Top::Diffusion, |annealing, _| {
            Ok((0..times.len() - 1).map(|clean| of_step(annealing, clean)).sum())
        });
        sum.unwrap()
    };
    for (row, terms) in findings.rows.iter().zip([1, 2, 5]) {
        let (found, expected) = (row.determinant.as_ref().unwrap(), excess(terms));
        assert!(expected > 0.0);
        assert!((found.log_weight_bias / expected - 1.0).abs() < 1e-9, "{terms}: {found:?}");
        // Probes of signs see a multiple of the identity exactly.
        assert!(found.log_weight_variance < 1e-20 && found.claimed_variance < 1e-20);
        assert!((found.weight_bias / expected.exp_m1() - 1.0).abs() < 1e-9);
    }
}

/// Fails if more terms do not lower the bias, more probes not the variance (like `1/n`), products are
/// not `n_hutch ceil(n_trunc/2)`, or the variance claimed is not the one that repetitions show.
#[test]
fn terms_lower_the_bias_and_probes_the_variance() {
    let terms = plan(Subject::NTrunc, HEAD, &[], Some("8,1,4")).unwrap();
    let records = determinants(&terms);
    let bias = |i: usize| records[i].log_weight_bias;
    assert!(bias(0) > 1.5 * bias(1) && bias(1) > 1.5 * bias(2) && bias(2) > 0.0, "{records:?}");
    let products: Vec<f64> = records.iter().map(|record| record.products).collect();
    assert_eq!(products, [12.0, 24.0, 48.0]);
    let probes = determinants(&plan(Subject::NHutch, HEAD, &[], Some("4,16")).unwrap());
    let ratio = probes[0].log_weight_variance / probes[1].log_weight_variance;
    assert!((ratio - 4.0).abs() < 1.0, "{ratio}");
    for record in probes {
        let claim = record.claimed_variance / record.log_weight_variance;
        assert!((claim - 1.0).abs() < 0.3, "{claim}");
    }
}

/// Fails if the closed form leaves the bias of the exponential, or "none" hides it.
#[test]
fn the_penalty_removes_the_bias_of_weights() {
    let settings = ["logdet.n_hutch=4", "logdet.estimator=lanczos", "logdet.probes=gaussian"];
    let ablation = plan(Subject::Penalty, HEAD, &settings, None).unwrap();
    let records = determinants(&ablation);
    let [closed, series, none] = &records[..] else { panic!("{records:?}") };
    // One study for all: they differ in the penalty alone.
    assert_eq!(closed.log_weight_bias, none.log_weight_bias);
    assert_eq!(series.log_weight_variance, none.log_weight_variance);
    assert!(none.weight_bias > 3.0 * none.weight_bias_std_error, "{none:?}");
    assert!(closed.weight_bias.abs() < 0.5 * none.weight_bias, "{closed:?} {none:?}");
    assert!(closed.weight_bias.abs() < 5.0 * closed.weight_bias_std_error, "{closed:?}");
}

/// Fails if exact estimators have errors, or a default value that the configuration refuses stops the
/// others or goes unmentioned.
#[test]
fn exact_estimators_have_no_error() {
    let ablation = plan(Subject::Estimator, HEAD, &["logdet.n_hutch=6"], None).unwrap();
    let left_out = ablation.left_out.join("\n");
    assert_eq!(ablation.left_out.len(), 3, "{left_out}");
    assert!(
        left_out.starts_with("hutchpp left out: ") && left_out.contains("n_hutch"),
        "{left_out}"
    );
    for (row, record) in ablation.variants.iter().zip(determinants(&ablation)) {
        let exact = matches!(row.setting, Setting::Name("dense" | "structured"));
        assert_eq!(exact, record.log_weight_bias.abs() < 1e-9, "{:?} {record:?}", row.setting);
    }
    let heun = plan(Subject::Estimator, HEAD, &["bridge.map=heun"], None).unwrap();
    assert!(heun.left_out.iter().any(|reason| reason.starts_with("structured")));
}

/// Fails if the fixed point is not what n_iter counts, an inverse is wrong or taken for one that is not,
/// Newton is charged where it did not run, or runs are made that cannot differ.
#[test]
fn inverses_converge_with_more_iterations() {
    let ablation = plan(Subject::NIter, HEAD, &[], Some("0,2,64")).unwrap();
    let findings = ablation.measure(&mut |_| ()).unwrap();
    assert!(findings.rows.iter().all(|row| row.runs.is_none() && row.determinant.is_none()));
    let records: Vec<_> = findings.rows.iter().map(|row| row.inverse.clone().unwrap()).collect();
    let [none, few, many] = &records[..] else { panic!() };
    assert_eq!((none.fixed_point_converged, none.fixed_point_steps), (0.0, 0.0));
    assert!(none.newton_steps > few.newton_steps && few.newton_steps > many.newton_steps);
    assert!(many.fixed_point_converged > few.fixed_point_converged, "{records:?}");
    assert!(none.fixed_point_residual > few.fixed_point_residual);
    for record in &records {
        assert_eq!(record.not_inverted, 0.0);
        assert!(record.round_trip_error_worst < 1e-9, "{record:?}");
        assert!(record.round_trip_error <= record.round_trip_error_worst);
    }
    let exchange = ["sampler.kind=replica-exchange", "sampler.rounds=8", "kernel.kind=mala"];
    assert!(plan(Subject::NIter, HEAD, &exchange, None).unwrap().needs_runs());
}

/// The JSON of an ablation without its times.
fn json(ablation: &Ablation, threads: usize) -> serde_json::Value {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let found = pool.install(|| serde_json::to_value(ablation.measure(&mut |_| ()).unwrap()));
    let mut found = found.unwrap();
    for row in found["rows"].as_array_mut().unwrap() {
        if row["runs"].is_null() {
            continue;
        }
        row["runs"]["seconds"].take();
        row["runs"]["seeds"].as_array_mut().unwrap().iter_mut().for_each(|seed| {
            seed["seconds"].take();
        });
    }
    found
}

/// Fails if a bit depends on the number of threads, or seeds give the same run.
#[test]
fn threads_do_not_change_a_bit() {
    for (subject, values) in [(Subject::Map, "ddim,heun"), (Subject::NIter, "1,3")] {
        let ablation = plan(subject, HEAD, &[], Some(values)).unwrap();
        let (one, two) = (json(&ablation, 1), json(&ablation, 2));
        assert_eq!(one, two);
        let seeds = &one["rows"][0]["runs"]["seeds"];
        assert!(seeds.is_null() || seeds[0]["log_z"] != seeds[1]["log_z"]);
    }
}

/// Fails if a run of the ablation is not the run of its seed and configuration, or its cost per particle
/// holds the pilot.
#[test]
fn runs_are_those_of_their_seeds() {
    let ablation = plan(Subject::NTrunc, HEAD, &["seed=7"], Some("3")).unwrap();
    let findings = ablation.measure(&mut |_| ()).unwrap();
    let runs = findings.rows[0].runs.as_ref().unwrap();
    for (seed, found) in [7_u64, 8].into_iter().zip(&runs.seeds) {
        let mut config = ablation.variants[0].config.clone();
        config.seed = seed;
        let summary = crate::run::run(&config, &mut crate::sampler::Silent).unwrap().summary;
        assert_eq!((found.seed, found.log_z), (seed, summary.log_z));
        assert_eq!(found.ess, Some(summary.ess()));
    }
    assert_eq!(runs.log_z, 0.5 * (runs.seeds[0].log_z + runs.seeds[1].log_z));
    // One evaluation at the start and one a step; 12 probes, two products each.
    assert_eq!((runs.scores, runs.products), (1.0 + 12.0, 12.0 * 24.0));
}

/// Fails if something that cannot work or makes no difference is planned, or blamed on something else.
#[test]
fn refusals_say_what_to_do() {
    let cases: &[(Subject, &[&str], Option<&str>, &str)] = &[
        (Subject::Rank, &[], None, "--set bridge.kind=low-rank"),
        (Subject::NTrunc, &["bridge.kind=ddpm"], None, "--set bridge.kind=flow-map"),
        (Subject::NTrunc, &["logdet.estimator=dense"], None, "logdet.estimator"),
        (Subject::Penalty, &["logdet.estimator=auto"], None, "exact dense determinant"),
        (Subject::Penalty, &["logdet.estimator=hutchpp"], None, "the sketch spans all 4"),
        (Subject::NHutch, &[], Some("1"), "--values: logdet.n_hutch = 1"),
        (Subject::NTrunc, &[], Some("4,4"), "listed twice"),
        (Subject::NTrunc, &[], Some("4,,8"), "--values: logdet.n_trunc"),
        (Subject::Map, &[], Some("hein"), "heun"),
        (Subject::NIter, &["bridge.newton=0"], Some("0"), "bridge.n_iter"),
        (Subject::Estimator, &[], Some("structred"), "structured"),
    ];
    let other = HEAD.replace("map = \"ddim\"\n", "");
    for (subject, settings, values, named) in cases {
        let changed = settings.iter().any(|setting| setting.starts_with("bridge.kind"));
        let text = if changed { &other } else { HEAD };
        let Err(error) = plan(*subject, text, settings, *values) else { panic!("{named}") };
        assert!(error.is_bad_input());
        let message = error.to_string();
        assert!(message.contains(named) && message.lines().count() == 1, "{named}: {message}");
    }
    let rank = ["bridge.kind=low-rank"];
    let plan = plan(Subject::Rank, &other, &rank, None).unwrap();
    let ranks: Vec<String> = plan.variants.iter().map(|v| v.setting.to_string()).collect();
    assert_eq!(ranks, ["1", "2", "3", "4"]);
}
