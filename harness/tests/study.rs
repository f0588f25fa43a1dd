//! The published orderings and magnitudes, AIS without MCMC on the uniform grid of 128 levels, and
//! the limits of what a run must survive. Every number here is shown in the README.

use amc_harness::config::RunConfig;
use amc_harness::run::{Summary, run};
use amc_harness::sampler::Silent;
use std::path::Path;

fn summary(text: &str) -> Summary {
    let config = RunConfig::from_toml(text, "test", Path::new("."), &[]).unwrap();
    run(&config, &mut Silent).unwrap().summary
}

/// AIS without MCMC on the default path; prints its figures, which `--nocapture` shows.
fn ais(target: &str, bridge: &str, particles: usize) -> Summary {
    let summary = summary(&format!(
        "[target]\n{target}\n[bridge]\nkind = \"{bridge}\"\n[kernel]\nkind = \"none\"\n\
         [sampler]\nparticles = {particles}\n"
    ));
    println!(
        "{:24} {bridge:24} N = {particles:5}: ESS {:.4}, log Z {:+.4} +- {:.4}, mode error {:.4}",
        summary.target,
        summary.ess(),
        summary.log_z,
        summary.log_z_std_error,
        summary.mode_weight_error
    );
    summary
}

const HARD: &str = "kind = \"two-modes\"\ndim = 64\nseparation = 5.0";

/// Fails if a second-order or isotropic-optimal kernel is not what makes the path work.
#[test]
fn good_bridges_on_two_modes_64() {
    let second = ais(HARD, "second-order", 4096);
    assert!(second.ess() > 0.99, "ESS {}", second.ess());
    assert!(second.log_z.abs() < 0.01, "log Z {}", second.log_z);
    let isotropic = ais(HARD, "isotropic-optimal", 4096);
    assert!(isotropic.ess() > 0.9, "ESS {}", isotropic.ess());
    assert!(isotropic.log_z.abs() < 0.01, "log Z {}", isotropic.log_z);
}

/// Fails if the first-order kernels look better than they are (a wrong density of the kernel, or a
/// weight that is not accumulated, would make them).
#[test]
fn poor_bridges_on_two_modes_64() {
    let ddpm = ais(HARD, "ddpm", 4096);
    assert!(ddpm.ess() < 0.02, "ESS {}", ddpm.ess());
    let integrator = ais(HARD, "exponential-integrator", 4096);
    assert!(integrator.ess() < 0.01, "ESS {}", integrator.ess());
    assert!(integrator.log_z < ddpm.log_z && ddpm.log_z < -1.0);
}

/// The other cells of the table, by magnitude: (target, bridge, published ESS).
#[test]
fn magnitudes_of_the_table() {
    let two = |dim: usize, a: f64| format!("kind = \"two-modes\"\ndim = {dim}\nseparation = {a}");
    let many = "kind = \"many-modes\"\ndim = 8\ncomponents = 16".to_owned();
    let table = [
        (two(16, 1.0), "ddpm", 0.26, 0.13..0.52),
        (two(16, 1.0), "isotropic-optimal", 0.944, 0.92..0.97),
        (two(16, 5.0), "isotropic-optimal", 0.943, 0.92..0.97),
        (two(16, 5.0), "second-order", 0.997, 0.99..1.0),
        (many, "second-order", 0.97, 0.95..1.0),
    ];
    for (target, bridge, published, range) in table {
        let found = ais(&target, bridge, 4096).ess();
        assert!(range.contains(&found), "{target} {bridge}: {found}, published {published}");
    }
}

/// Fails if a mode is lost or a weight is biased in 128 dimensions.
#[test]
fn mode_weights_of_two_modes_128() {
    let run = ais("kind = \"two-modes\"\ndim = 128\nseparation = 5.0", "second-order", 16384);
    for (found, truth) in run.mode_weights.iter().zip([2.0 / 3.0, 1.0 / 3.0]) {
        assert!((found - truth).abs() < 0.02, "{:?}", run.mode_weights);
    }
}

/// Fails if any of 32 modes is missed (the rarest has weight 0.017): independent exact draws of
/// this number have a total variation of about 0.017.
#[test]
fn mode_weights_of_many_modes_32() {
    let target = "kind = \"many-modes\"\ndim = 32\ncomponents = 32";
    let run = ais(target, "second-order", 16384);
    assert!(run.mode_weight_error < 0.03, "{}", run.mode_weight_error);
}

/// What the failure of tempering looks like from inside: one mode lost, a fine ESS, and log Z
/// off by far more than a healthy run would be.
#[test]
fn tempering_loses_a_mode() {
    let run = summary(
        "[target]\ndim = 32\n[path]\nkind = \"tempering\"\n[sampler]\nkind = \"smc\"\n\
         particles = 2048\n",
    );
    assert!(run.mode_weight_error > 0.1, "{:?}", run.mode_weights);
    assert!(run.warnings.iter().any(|w| w.contains("mode weights are off")));
}

/// Fails on a special size: d = 1, K = 1, N not a multiple of 8, one particle, extreme
/// separations, every sampler and every bridge.
#[test]
fn special_sizes_are_finite_and_right() {
    let cases = [
        "[target]\ndim = 1\nseparation = 3.0\n[sampler]\nparticles = 1003\n",
        "[target]\ndim = 2\nseparation = 1e3\n[sampler]\nparticles = 515\nkind = \"smc\"\n",
        "[target]\nkind = \"many-modes\"\ndim = 3\ncomponents = 1\n[sampler]\nparticles = 9\n",
        "[target]\ndim = 5\n[path]\nlevels = 1\n[sampler]\nparticles = 33\n[kernel]\nkind = \"hmc\"\n",
        "[target]\ndim = 4\nconditioning = \"hard\"\nrotate = true\n[sampler]\nparticles = 257\n",
        "[target]\nkind = \"gmm40\"\ndim = 2\n[sampler]\nparticles = 777\nkind = \"smc\"\n\
         [kernel]\nkind = \"rwm\"\nadapt = \"online\"\n",
    ];
    for case in cases {
        let run = summary(case);
        assert!(run.log_z.is_finite() && run.ess() > 0.0, "{case}: {}", run.log_z);
        assert_eq!(run.non_finite, 0, "{case}");
        let total: f64 = run.mode_weights.iter().sum();
        assert!((total - 1.0).abs() < 1e-12, "{case}");
        if run.config.path.levels > 1 {
            assert!(run.log_z.abs() < 0.3, "{case}: {}", run.log_z);
        }
    }
}

/// Fails if the step to the target, on which the posterior variance of ddpm is zero, uses anything
/// but the noise variance, or the run does not say so.
#[test]
fn posterior_variance_gives_way_on_the_last_step() {
    let run = |variance: &str| {
        summary(&format!(
            "[target]\ndim = 3\nseparation = 0.3\n[path]\nlevels = 1\nt_max = 0.2\n\
             [bridge]\nkind = \"ddpm\"\nvariance = \"{variance}\"\n[kernel]\nkind = \"none\"\n\
             [sampler]\nparticles = 64\n"
        ))
    };
    let (posterior, noise, scaled) = (run("posterior"), run("noise"), run("scaled"));
    assert_eq!(posterior.log_z, noise.log_z);
    assert_ne!(posterior.log_z, scaled.log_z);
    assert!(posterior.warnings.iter().any(|w| w.contains("posterior")));
}

/// Fails if a finished run is thrown away because a metric has no value: modes so narrow that all
/// exact samples coincide in double precision have no median distance.
#[test]
fn a_metric_without_a_value_does_not_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mixture = r#"{"name":"needle","dim":1,"weights":[1],"means":[[1.0]],
        "covariance":{"kind":"isotropic","variance":1e-40}}"#;
    std::fs::write(folder.path().join("m.json"), mixture).unwrap();
    let text = "[target]\nkind = \"file\"\npath = \"m.json\"\n[path]\nlevels = 3\n\
                [sampler]\nparticles = 40\n";
    let config = RunConfig::from_toml(text, "test", folder.path(), &[]).unwrap();
    let summary = run(&config, &mut Silent).unwrap().summary;
    assert!(summary.maximum_mean_discrepancy.is_nan());
    assert!(summary.warnings.iter().any(|w| w.contains("maximum_mean_discrepancy")));
    assert!(summary.log_z.is_finite());
}

/// Fails if one kind of path, schedule or spacing is broken from end to end.
#[test]
fn every_schedule_reaches_the_target() {
    for path in [
        "schedule = \"vp-cosine\"\nspacing = \"log-snr\"",
        "schedule = \"ve\"\nspacing = \"log-snr\"",
        "schedule = \"ve\"\nshape = \"rho-7\"",
        "spacing = \"quadratic\"",
        "spacing = \"list\"\ntimes = [0.001, 0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0]",
    ] {
        let run = summary(&format!(
            "[target]\ndim = 6\nseparation = 1.0\n[path]\n{path}\n[sampler]\nparticles = 1024\n"
        ));
        assert!(run.log_z.abs() < 0.1, "{path}: log Z {}", run.log_z);
        assert!(run.ess() > 0.5, "{path}: ESS {}", run.ess());
    }
}
