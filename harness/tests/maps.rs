//! Deterministic maps and the low-rank kernel inside the samplers: the figures of the README.

use amc_harness::config::{Override, RunConfig};
use amc_harness::diagnostic::Status;
use amc_harness::run::{Summary, run};
use amc_harness::sampler::Silent;
use std::path::Path;

const TWO_MODES: &str = "target = { kind = \"two-modes\", dim = 64, separation = 5.0 }\n";
const MANY_MODES: &str = "target = { kind = \"many-modes\", dim = 8, components = 16 }\n";
/// AIS without MCMC, log-SNR levels, one side.
const PLAIN: &str = "path.spacing = \"log-snr\"\nkernel.kind = \"none\"\nsampler.both_sides = false\n\
    sampler.particles = 4096\n";

/// Runs with these settings, each `section.key=value`, and prints the main figures.
fn summary(text: &str, settings: &[&str]) -> Summary {
    let overrides: Vec<Override> = settings.iter().map(|set| set.parse().unwrap()).collect();
    let config = RunConfig::from_toml(text, "test", Path::new("."), &overrides).unwrap();
    let summary = run(&config, &mut Silent).unwrap().summary;
    let (n, steps) = (summary.particles as f64, (summary.times.len() - 1) as f64);
    println!(
        "{:18} {settings:?}: ESS {:.4}, log Z {:+.4} +- {:.4}, a step: {:.1} scores, {:.1} products",
        summary.target,
        summary.ess(),
        summary.log_z,
        summary.log_z_std_error,
        summary.evaluations.score as f64 / n / steps,
        summary.evaluations.hessian_product as f64 / n / steps,
    );
    summary
}

/// AIS through a map.
fn map(target: &str, settings: &[&str]) -> Summary {
    let text = format!("{target}{PLAIN}bridge.kind = \"flow-map\"\n");
    let found = summary(&text, settings);
    let report = found.map.expect("a map reports its faults");
    assert_eq!((report.not_inverted, report.diverged), (0, 0));
    assert!(report.truncation.is_finite());
    assert!(report.not_positive * 1000 < report.crossings, "{report:?}");
    found
}

fn within_its_error(summary: &Summary) {
    let (log_z, error) = (summary.log_z, summary.log_z_std_error);
    assert!(log_z.abs() < 5.0 * error, "log Z {log_z} +- {error}");
}

/// Fails if a map or its determinant is not that of the published table, log-SNR grid of 128 levels with exact determinants: DDIM .942, PF-EI .29.
#[test]
fn first_order_maps_on_the_log_snr_grid() {
    let exact = ["bridge.map=ddim", "logdet.estimator=structured"];
    let ddim = map(TWO_MODES, &exact);
    assert!(ddim.ess() > 0.9 && ddim.ess() < 0.97, "{}", ddim.ess());
    within_its_error(&ddim);
    let pf_ei = map(TWO_MODES, &["bridge.map=pf-ei", "logdet.estimator=structured"]);
    assert!(pf_ei.ess() > 0.15 && pf_ei.ess() < 0.45, "{}", pf_ei.ess());
    // Dense and structured are the same numbers up to rounding.
    let dense = map(TWO_MODES, &["bridge.map=ddim", "logdet.estimator=dense"]);
    assert!((dense.log_z - ddim.log_z).abs() < 1e-8);
}

/// Fails if estimated determinants cost more than a tenth of the effective sample size, bias `log Z` beyond
/// its error, or take more than a third of the products of dense ones.
#[test]
fn estimated_determinants_on_the_log_snr_grid() {
    let exact = map(TWO_MODES, &["bridge.map=ddim", "logdet.estimator=structured"]);
    for settings in [
        ["logdet.estimator=lanczos-hutchpp", "logdet.n_trunc=4", "logdet.n_hutch=8"],
        ["logdet.estimator=lanczos", "logdet.n_trunc=4", "logdet.n_hutch=4"],
    ] {
        let settings = [&["bridge.map=ddim"][..], &settings].concat();
        let estimated = map(TWO_MODES, &settings);
        assert!(estimated.ess() > 0.9 * exact.ess(), "{}", estimated.ess());
        within_its_error(&estimated);
        let dense = 64 * estimated.map.unwrap().crossings;
        assert!(estimated.evaluations.hessian_product * 3 < dense);
    }
}

/// Fails if a map of higher order is not what makes few levels enough: Heun at 32 steps, third and fourth
/// order at as many scores.
#[test]
fn maps_of_higher_order_with_few_levels() {
    let levels = |n: usize| format!("path.levels={n}");
    let dense = "logdet.estimator=dense";
    for (target, least) in [(TWO_MODES, 0.95), (MANY_MODES, 0.97)] {
        let heun = map(target, &["bridge.map=heun", &levels(32), dense]);
        assert!(heun.ess() > least, "{}", heun.ess());
        within_its_error(&heun);
        let estimator = ["logdet.estimator=lanczos-hutchpp", "logdet.n_hutch=12"];
        let estimated = map(target, &[&["bridge.map=heun", &levels(32)], &estimator[..]].concat());
        assert!(estimated.ess() > 0.9 * heun.ess(), "{}", estimated.ess());
        within_its_error(&estimated);
        let third = map(target, &["bridge.map=third-order", &levels(21), dense]);
        let fourth = map(target, &["bridge.map=fourth-order", &levels(16), dense]);
        assert!(third.ess() > least && fourth.ess() > heun.ess() - 0.01);
    }
}

/// Fails if, at equal score evaluations with exact determinants, third order does not win with few and
/// fourth order with many.
#[test]
fn methods_at_equal_scores() {
    let ess = |target: &str, method: &str, levels: usize| {
        let levels = format!("path.levels={levels}");
        let method = format!("bridge.map={method}");
        let settings = [&levels, &method, "logdet.estimator=dense", "sampler.particles=2048"];
        let text = format!("{target}{PLAIN}bridge.kind = \"flow-map\"\n");
        summary(&text, &settings).ess()
    };
    for target in [TWO_MODES, MANY_MODES] {
        let few = [("ddim", 32), ("heun", 16), ("third-order", 11), ("fourth-order", 8)];
        let [ddim, heun, third, fourth] = few.map(|(method, levels)| ess(target, method, levels));
        assert!(third > ddim.max(heun).max(fourth) + 0.05, "{third}");
        let more = [("ddim", 64), ("heun", 32), ("third-order", 21), ("fourth-order", 16)];
        let [ddim, heun, third, fourth] = more.map(|(method, levels)| ess(target, method, levels));
        assert!(third.min(fourth) > ddim + 0.04 && third.max(fourth) > heun);
        assert!(fourth > 0.98);
    }
}

/// Fails if low rank with 4 products a step is worse than second order with 8 on ManyModes (8, 16), 64 uniform
/// levels, median of ten seeds (one particle with a large weight, as a run in twenty has, halves its ESS); ddpm,
/// which has none, must fail.
#[test]
fn low_rank_is_as_good_as_second_order() {
    let text = format!("{MANY_MODES}{PLAIN}path.levels = 64\n");
    let median = |settings: &[&str], products: u64| {
        let ess = (1..=10).map(|seed| {
            let seed = format!("seed={seed}");
            let settings = [settings, &["path.spacing=uniform", &seed]].concat();
            let found = summary(&text, &settings);
            within_its_error(&found);
            assert_eq!(found.evaluations.hessian_product, products * 64 * 4096);
            found.ess()
        });
        let mut ess: Vec<f64> = ess.collect();
        ess.sort_by(f64::total_cmp);
        0.5 * (ess[4] + ess[5])
    };
    let low_rank = median(&["bridge.kind=low-rank", "bridge.rank=4"], 4);
    let second = median(&["bridge.kind=second-order"], 8);
    println!("median ESS: low rank {low_rank:.4}, second order {second:.4}");
    assert!(low_rank > 0.9 && low_rank > second - 0.02, "{low_rank} {second}");
    let ddpm = summary(&text, &["bridge.kind=ddpm", "path.spacing=uniform"]);
    assert!(ddpm.ess() < 0.1);
}

/// Fails if the inverse is not the inverse inside a run: the way back from exact samples then does not
/// bracket `log Z`, and the verdict says so.
#[test]
fn the_way_back_through_a_map_brackets_log_z() {
    for settings in [
        ["bridge.map=ddim", "logdet.estimator=structured"],
        ["bridge.map=heun", "logdet.estimator=auto"],
    ] {
        let text = format!("{TWO_MODES}{PLAIN}bridge.kind = \"flow-map\"\npath.levels = 64\n");
        let settings =
            [&settings[..], &["sampler.both_sides=true", "sampler.particles=1024"]].concat();
        let found = summary(&text, &settings);
        assert!(found.verdict.status == Status::Healthy, "{}", found.verdict);
        let (upper, error) = (found.log_z_upper.unwrap(), found.log_z_upper_std_error.unwrap());
        assert!(upper.abs() < 5.0 * error + 0.01, "{upper} +- {error}");
    }
}

/// Fails if swaps through maps lose a mode, or if estimated determinants bias them visibly.
#[test]
fn replica_exchange_through_maps() {
    let text = "target = { kind = \"two-modes\", dim = 16, separation = 5.0 }\n\
        path = { levels = 16, spacing = \"log-snr\" }\nkernel.steps = 2\n\
        sampler = { kind = \"replica-exchange\", ladders = 64, rounds = 300 }\n\
        bridge.kind = \"flow-map\"\n";
    let mut rejections = Vec::new();
    for settings in [
        ["bridge.map=ddim", "logdet.estimator=dense"],
        ["bridge.map=ddim", "logdet.estimator=lanczos-hutchpp"],
        ["bridge.map=fourth-order", "logdet.estimator=dense"],
    ] {
        let found = summary(text, &settings);
        let report = found.exchange().unwrap();
        println!(
            "  mean rejection {:.4}, mode error {:.4}",
            report.mean_rejection_rate, found.mode_weight_error
        );
        assert!(found.verdict.status == Status::Healthy, "{}", found.verdict);
        assert!(found.mode_weight_error < 0.02, "{}", found.mode_weight_error);
        within_its_error(&found);
        rejections.push(report.mean_rejection_rate);
    }
    let [exact, estimated, fourth] = rejections[..] else { unreachable!() };
    assert!(estimated < exact + 0.02 && fourth < 0.01, "{rejections:?}");
}
