//! The exact bridge on every kind of mixture: no increment of any log-weight, at any level.

use amc_core::rng::{Key, Phase, Purpose};
use amc_harness::config::RunConfig;
use amc_harness::run::{Problem, Top};
use amc_harness::sampler::{Direction, Population};

const ISOTROPIC: &str = r#"{"kind":"isotropic","variance":0.3}"#;
const DIAGONAL: &str = r#"{"kind":"diagonal","variances":[0.3,0.05,1.2]}"#;
const FULL: &str = r#"{"kind":"full","matrix":[[0.5,0.2,0.1],[0.2,0.4,-0.1],[0.1,-0.1,0.3]]}"#;
const OTHER: &str = r#"{"kind":"full","matrix":[[0.2,-0.1,0.0],[-0.1,0.6,0.2],[0.0,0.2,0.9]]}"#;

fn mixture(covariance: &str) -> String {
    format!(
        r#"{{"name":"test","dim":3,"weights":[0.2,0.7,1e-300],
            "means":[[1.0,-2.0,0.5],[-1.5,0.3,2.0],[4.0,4.0,-4.0]],{covariance}}}"#
    )
}

/// Fails if densities of neighbouring levels, noising kernel and posterior do not fit together to
/// rounding: `log p_s + log q - log p_t - log k = 0` for every particle.
#[test]
fn increments_vanish() {
    let shared = |c: &str| mixture(&format!(r#""covariance":{c}"#));
    let own = |c: [&str; 3]| mixture(&format!(r#""covariances":[{}]"#, c.join(",")));
    let iso = |v: f64| format!(r#"{{"kind":"isotropic","variance":{v}}}"#);
    let files = [
        shared(ISOTROPIC),
        shared(DIAGONAL),
        shared(FULL),
        own([&iso(0.1), &iso(0.9), &iso(0.4)]),
        own([DIAGONAL, &iso(0.2), DIAGONAL]),
        own([FULL, OTHER, &iso(0.7)]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (case, file) in files.iter().enumerate() {
        let path = folder.path().join(format!("{case}.json"));
        std::fs::write(&path, file).unwrap();
        for standardize in ["none", "diagonal", "scalar"] {
            let text = format!(
                "seed = 3\n[target]\nkind = \"file\"\npath = \"{case}.json\"\n\
                 standardize = \"{standardize}\"\n[path]\nlevels = 20\n[bridge]\nkind = \"exact\"\n"
            );
            let config = RunConfig::from_toml(&text, "test", folder.path(), &[]).unwrap();
            check(&config, &format!("case {case}, {standardize}"));
        }
    }
}

fn check(config: &RunConfig, what: &str) {
    let problem = Problem::new(config).unwrap();
    let times: Vec<f64> = std::iter::once(0.0).chain(config.path.times()).collect();
    let run = problem.with_annealing(config, &times, Top::Diffusion, |annealing, _target| {
        let (mut population, _) = Population::from_reference(annealing, 203, Phase::Production)?;
        for level in (0..annealing.steps()).rev() {
            let before = population.log_weights().to_vec();
            let key = Key::new(config.seed, Purpose::Bridge).level(level as u64);
            annealing.with_bridge(level, None, |bridge| {
                population.cross(bridge, Direction::Forward, key)
            })?;
            for (after, before) in population.log_weights().iter().zip(before) {
                let work = after - before;
                assert!(work.abs() < 1e-9, "{what}, level {level}: {work}");
            }
        }
        Ok(())
    });
    run.unwrap();
}
