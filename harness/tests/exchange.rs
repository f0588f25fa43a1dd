//! Replica exchange and the placement of levels against known numbers. Every figure here is shown in
//! the README.

use amc_core::density::MixtureLevel;
use amc_core::point::Evaluations;
use amc_core::rng::Phase;
use amc_harness::catalog::SwapOrder;
use amc_harness::config::RunConfig;
use amc_harness::levels::place;
use amc_harness::run::{Problem, Summary, Top, run};
use amc_harness::sampler::{
    ExchangeOutcome, ExchangeRules, Explorer, Silent, Start, StepSizes, Tuning, exchange, pilot,
};
use std::path::Path;

fn config(text: &str) -> RunConfig {
    RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap()
}

fn summary(text: &str) -> Summary {
    run(&config(text), &mut Silent).unwrap().summary
}

/// The comparison of all bridges: TwoModes (32, 5), 32 steps tuned on the bridge's own work.
fn hard(path: &str, bridge: &str, start: &str) -> Summary {
    let run = summary(&format!(
        "[target]\ndim = 32\nseparation = 5.0\n[path]\nkind = \"{path}\"\nlevels = 32\n\
         spacing = \"lambda\"\n[bridge]\nkind = \"{bridge}\"\n[sampler]\n\
         kind = \"replica-exchange\"\nladders = 64\nrounds = 300\nwarmup = 100\n\
         start = \"{start}\"\nboth_sides = false\n"
    ));
    let report = run.exchange().unwrap();
    println!(
        "{path:9} {bridge:22} from {start:9}: rejection {:.3} (worst {:.3}), log Z {:+.4} +- {:.4}, \
         mode error {:.3}, round trips {:.4} (predicted {:.4})",
        report.mean_rejection_rate,
        report.worst_rejection_rate,
        run.log_z,
        run.log_z_std_error,
        run.mode_weight_error,
        report.round_trip_rate,
        report.predicted_round_trip_rate
    );
    run
}

/// Fails if swaps through a good bridge are not what makes ladders work.
#[test]
fn good_bridges_swap_nearly_always() {
    for (bridge, rejection) in [("isotropic-optimal", 0.08), ("second-order", 0.03)] {
        let run = hard("diffusion", bridge, "reference");
        let report = run.exchange().unwrap();
        assert!(report.mean_rejection_rate <= rejection, "{}", report.mean_rejection_rate);
        assert!(run.mode_weight_error < 0.02, "{:?}", run.mode_weights);
        assert!(run.log_z.abs() < 0.05, "{}", run.log_z);
    }
}

/// Fails if the first-order kernels or tempering look better than they are: mode weights are those
/// of the start, at the same number of rounds. (Tempering from draws of the reference starts with
/// weights near the truth by accident; from one descent it starts with one mode.)
#[test]
fn poor_bridges_reject_and_keep_their_start() {
    let run = hard("diffusion", "exponential-integrator", "reference");
    assert!(run.exchange().unwrap().mean_rejection_rate > 0.7);
    assert!(run.mode_weight_error > 0.1, "{:?}", run.mode_weights);
    let run = hard("diffusion", "ddpm", "reference");
    assert!((0.35..0.6).contains(&run.exchange().unwrap().mean_rejection_rate));
    assert!(run.mode_weight_error > 0.1, "{:?}", run.mode_weights);
    let run = hard("tempering", "identity", "descent");
    assert!((0.35..0.6).contains(&run.exchange().unwrap().mean_rejection_rate));
    assert!(run.mode_weight_error > 0.1, "{:?}", run.mode_weights);
    hard("tempering", "identity", "reference");
}

/// Fails if tuning does not find the levels at which all pairs reject alike: 16 steps, 64 ladders,
/// 640 rounds in the last tuning run and in the run that is looked at (20,480 swaps a pair).
///
/// With about one seed in six the pilot measures the isotropic-optimal variance of the step to the target badly
/// enough for that pair to reject half of its swaps (README, limits); this seed is one of the others.
#[test]
fn tuning_equalizes_rejections() {
    for (path, bridge) in [
        ("tempering", "identity"),
        ("diffusion", "identity"),
        ("diffusion", "ddpm"),
        ("diffusion", "isotropic-optimal"),
    ] {
        let run = summary(&format!(
            "seed = 2\n[target]\ndim = 16\nseparation = 5.0\n[path]\nkind = \"{path}\"\nlevels = 16\n\
             spacing = \"lambda\"\n[bridge]\nkind = \"{bridge}\"\n[sampler]\n\
             kind = \"replica-exchange\"\nladders = 64\nrounds = 640\nstart = \"descent\"\n\
             both_sides = false\n"
        ));
        let rates: Vec<f64> =
            run.exchange().unwrap().levels.iter().filter_map(|l| l.rejection_rate).collect();
        let (low, high) = rates.iter().fold((1.0_f64, 0.0_f64), |(a, b), &r| (a.min(r), b.max(r)));
        println!("{path} {bridge}: rejections from {low:.3} to {high:.3}");
        assert_eq!(rates.len(), 16);
        assert!(high - low < 0.08, "{path} {bridge}: {rates:?}");
    }
}

/// Fails if a barrier is not `1/2 E|D - D'|` integrated over time, or an estimator is off: published
/// totals for the diffusion path, exact to a percent for tempering (a one-dimensional integral).
#[test]
fn barriers_of_two_modes() {
    let table = [
        (8, 1.0, 3.8, 3.83, true),
        (16, 1.0, 5.6, 5.54, true),
        (16, 5.0, 10.5, 10.51, true),
        (32, 5.0, 15.1, 15.06, false),
        (64, 5.0, 21.7, 21.2, false),
        (128, 5.0, 30.8, 30.1, false),
    ];
    for (dim, separation, diffusion, tempering, thorough) in table {
        let total = |path: &str, barrier: &str| {
            let config = config(&format!(
                "[target]\ndim = {dim}\nseparation = {separation:?}\n[path]\nkind = \"{path}\"\n\
                 levels = 16\nspacing = \"lambda\"\nbarrier = \"{barrier}\"\n"
            ));
            let problem = Problem::new(&config).unwrap();
            let placement = place(&config, &problem, &mut Silent).unwrap();
            assert_eq!(placement.times.len(), 17);
            let total = placement.barrier.unwrap().total();
            println!("TwoModes ({dim}, {separation}) {path} {barrier}: Lambda {total:.2}");
            total
        };
        let near = |found: f64, expected: f64, part: f64| (found / expected - 1.0).abs() < part;
        assert!(near(total("diffusion", "exact"), diffusion, 0.02));
        if thorough {
            assert!(near(total("diffusion", "smc"), diffusion, 0.03));
            assert!(near(total("diffusion", "replica-exchange"), diffusion, 0.03));
            assert!(near(total("tempering", "smc"), tempering, 0.02));
            // Ladders that lose a mode miss what it adds to the barrier.
            assert!(near(total("tempering", "replica-exchange"), tempering, 0.06));
        }
    }
}

/// Runs ladders whose levels are sampled exactly and independently.
fn oracle(text: &str, rules: ExchangeRules, start: Start) -> (ExchangeOutcome, Vec<f64>) {
    let config = config(text);
    let problem = Problem::new(&config).unwrap();
    let placement = place(&config, &problem, &mut Silent).unwrap();
    let times = placement.times;
    let outcome = problem.with_annealing(&config, &times, Top::Reference, |annealing, _| {
        let tuning = if annealing.needs_mean_square_score() {
            pilot(annealing, 4096, false, &mut Silent)?
        } else {
            let step_sizes = StepSizes::Online(1.0);
            let evaluations = Evaluations::default();
            Tuning { step_sizes, mean_square_scores: Vec::new(), evaluations }
        };
        Ok(exchange(annealing, &tuning, &rules, (Phase::Production, start), &mut Silent)?)
    });
    (outcome.unwrap(), times)
}

/// Fails if the index process is wrong, counts trips twice, or the swaps of a round are not those
/// that the prediction stands for: with independent levels the rate of round trips is known.
#[test]
fn round_trips_match_their_prediction() {
    for (bridge, levels, order) in [
        ("identity", 12, SwapOrder::EvenOdd),
        ("identity", 5, SwapOrder::Stochastic),
        ("ddpm", 9, SwapOrder::EvenOdd),
        ("isotropic-optimal", 8, SwapOrder::Stochastic),
    ] {
        let rules = ExchangeRules {
            ladders: 64,
            rounds: 6000,
            warmup: 500,
            order,
            explorer: Explorer::Exact,
            samples: 64,
            samples_of_levels: 0,
        };
        let (outcome, _) = oracle(
            &format!(
                "[target]\ndim = 4\nseparation = 1.0\n[path]\nlevels = {levels}\n\
                 spacing = \"lambda\"\n[bridge]\nkind = \"{bridge}\"\n"
            ),
            rules,
            Start::Reference,
        );
        let (found, predicted) = (outcome.round_trip_rate, outcome.predicted_round_trip_rate);
        let rejection = outcome.rejection_rates().iter().sum::<f64>() / f64::from(levels);
        println!(
            "{bridge} {order}, {levels} levels, mean rejection {rejection:.3}: {found:.5} round \
             trips a round, predicted {predicted:.5}"
        );
        assert!((found / predicted - 1.0).abs() < 0.15, "{found} {predicted}");
        let (trips, restarts): (u64, u64) =
            (outcome.round_trips.iter().sum(), outcome.restarts.iter().sum());
        // A restart comes before each return, at most one per replica is still under way.
        assert!(restarts.abs_diff(trips) <= 64 * (levels as u64 + 1), "{restarts} {trips}");
    }
}

/// Fails if an estimator of log Z has a wrong sign, exchanged works or a wrong error bar.
#[test]
fn log_z_of_ladders_is_zero_within_its_errors() {
    for (path, bridge) in
        [("tempering", "identity"), ("diffusion", "ddpm"), ("diffusion", "second-order")]
    {
        let run = summary(&format!(
            "[target]\ndim = 3\nseparation = 0.6\n[path]\nkind = \"{path}\"\nlevels = 6\n\
             spacing = \"lambda\"\n[bridge]\nkind = \"{bridge}\"\n[sampler]\n\
             kind = \"replica-exchange\"\nladders = 40\nrounds = 400\n"
        ));
        let report = run.exchange().unwrap();
        for (log_z, error) in [
            (run.log_z, run.log_z_std_error),
            (report.log_z_forward, report.log_z_forward_std_error),
            (report.log_z_backward, report.log_z_backward_std_error),
        ] {
            println!("{path} {bridge}: log Z {log_z:+.4} +- {error:.4}");
            assert!(log_z.abs() < 5.0 * error && error < 0.05, "{log_z} {error}");
        }
        assert!(run.mode_weight_error < 0.05, "{:?}", run.mode_weights);
        assert_eq!(run.verdict.reasons, vec![], "{}", run.verdict);
    }
}

/// `P(X_1 <= x)` of a level of TwoModes, whose coordinates are alike.
fn first_coordinate_cdf(level: &MixtureLevel<'_>, means: [f64; 2], variance: f64, x: f64) -> f64 {
    let variance = level.alpha() * level.alpha() * variance + level.variance();
    let normal = |mean: f64| 0.5 * libm::erfc((level.alpha() * mean - x) / (2.0 * variance).sqrt());
    2.0 / 3.0 * normal(means[0]) + 1.0 / 3.0 * normal(means[1])
}

/// Fails if a round of swaps and moves does not leave the joint law invariant, whatever the bridge:
/// ladders that start from independent exact samples are still exact at every level after ten rounds.
#[test]
fn rounds_leave_exact_levels_exact() {
    const LADDERS: usize = 4096;
    for bridge in
        ["exponential-integrator", "ddpm", "isotropic-optimal", "diagonal", "second-order", "exact"]
    {
        let text = format!(
            "[target]\ndim = 3\nseparation = 1.0\nstandardize = \"none\"\n[path]\nlevels = 5\n\
             spacing = \"log-snr\"\nt_min = 0.05\n[bridge]\nkind = \"{bridge}\"\n"
        );
        let config = config(&text);
        let problem = Problem::new(&config).unwrap();
        let times: Vec<f64> = std::iter::once(0.0).chain(config.path.times()).collect();
        let rules = ExchangeRules {
            ladders: LADDERS,
            rounds: 10,
            warmup: 0,
            order: SwapOrder::EvenOdd,
            explorer: Explorer::Kernel { steps: 1 },
            samples: 1,
            samples_of_levels: 1,
        };
        let checked = problem.with_annealing(&config, &times, Top::Reference, |annealing, _| {
            let tuning = pilot(annealing, 1024, false, &mut Silent)?;
            let way = (Phase::Production, Start::Exact);
            let outcome = exchange(annealing, &tuning, &rules, way, &mut Silent)?;
            let mean = outcome.rejection_rates().iter().sum::<f64>() / 5.0;
            assert!(bridge == "exact" || mean > 0.02, "{bridge}: no swap is ever rejected, {mean}");
            assert!(mean < 0.95, "{bridge}: nearly every swap is rejected, {mean}");
            for (level, rows) in outcome.level_samples.iter().enumerate().take(5) {
                let law = annealing.levels[level].exact().unwrap();
                let mut x: Vec<f64> = rows.chunks_exact(3).map(|row| row[0]).collect();
                x.sort_by(f64::total_cmp);
                assert_eq!(x.len(), LADDERS);
                let n = LADDERS as f64;
                let distance = x.iter().enumerate().fold(0.0_f64, |worst, (i, &x)| {
                    let cdf = first_coordinate_cdf(law, [-1.0, 1.0], 0.05, x);
                    worst.max((cdf - i as f64 / n).abs()).max((cdf - (i + 1) as f64 / n).abs())
                });
                // Dvoretzky, Kiefer, Wolfowitz: exceeded with probability 1e-8.
                let bound = ((2.0_f64 / 1e-8).ln() / (2.0 * n)).sqrt();
                assert!(distance < bound, "{bridge}, level {level}: {distance} > {bound}");
            }
            Ok(())
        });
        checked.unwrap();
    }
}

/// Fails if the pilot's step sizes do not reach the wanted acceptance at every level.
#[test]
fn acceptance_is_on_target_at_every_level() {
    for (kernel, target) in [("mala", 0.574), ("rwm", 0.234), ("hmc", 0.8)] {
        let run = summary(&format!(
            "[target]\ndim = 64\nseparation = 5.0\n[kernel]\nkind = \"{kernel}\"\nsteps = 2\n\
             [sampler]\nparticles = 4096\nboth_sides = false\n"
        ));
        let rates = run.annealing().unwrap().levels.iter().filter_map(|l| l.acceptance_rate);
        let worst = rates.map(|rate| (rate - target).abs()).fold(0.0, f64::max);
        println!("{kernel}: worst deviation of the acceptance {worst:.4}");
        assert!(worst < 0.03, "{kernel}: {worst}");
    }
}

/// Fails if adaptive spacing takes steps of another conditional ESS than asked for, or of the
/// identity's instead of the bridge's.
#[test]
fn adaptive_steps_have_the_conditional_ess_asked_for() {
    for (bridge, cess) in [("identity", 0.9), ("ddpm", 0.8), ("second-order", 0.95)] {
        let run = summary(&format!(
            "[target]\ndim = 8\nseparation = 2.0\n[path]\nspacing = \"adaptive\"\ncess = {cess}\n\
             [bridge]\nkind = \"{bridge}\"\n[sampler]\nkind = \"smc\"\nparticles = 4096\n\
             both_sides = false\n"
        ));
        let levels = &run.annealing().unwrap().levels;
        let found: Vec<f64> = levels.iter().map(|level| level.conditional_ess).collect();
        println!("{bridge}, {cess}: {} levels, conditional ESS {found:.3?}", levels.len());
        // The last step goes to the target, however short. The pilot sees 1024 particles.
        for value in &found[..found.len() - 1] {
            assert!((value - cess).abs() < 0.15, "{bridge} {cess}: {found:?}");
        }
        let mean = found[..found.len() - 1].iter().sum::<f64>() / (found.len() - 1) as f64;
        assert!((mean - cess).abs() < 0.03, "{bridge} {cess}: {mean}");
        assert!(found[found.len() - 1] > cess - 0.1);
    }
}
