//! Numbers that are known beforehand: of an untrained model on a Gaussian, and of one that was trained on it.

use amc_core::rng::{Key, Purpose};
use amc_harness::catalog::ScoreLossKind;
use amc_harness::config::RunConfig;
use amc_harness::learned::network::Head;
use amc_harness::learned::training::{
    Material, OptimizerRules, OptimizerState, Stage, StageRules, TrainingData, validate,
};
use amc_harness::learned::{
    DataMoments, Model, ModelHeader, NoiseRange, TrainedLevels, write_model,
};
use amc_harness::run::run;
use amc_harness::sampler::Silent;

const NOISE: NoiseRange = NoiseRange { lowest: -6.0, highest: 6.0 };

/// Samples of `N(0, diag(s^2))` with their scores.
fn gaussian(deviations: &[f64], count: usize) -> TrainingData<f64> {
    let d = deviations.len();
    let mut samples = vec![0.0; count * d];
    Key::new(3, Purpose::User).stream().fill_scalar_normals(&mut samples);
    let mut scores = samples.clone();
    for (row, score) in samples.chunks_exact_mut(d).zip(scores.chunks_exact_mut(d)) {
        for ((x, score), s) in row.iter_mut().zip(score).zip(deviations) {
            (*x, *score) = (s * *x, -*x / s);
        }
    }
    TrainingData::new(d, &samples, Some(&scores))
}

fn stage(score: ScoreLossKind, steps: u64) -> StageRules {
    StageRules {
        steps,
        batch: 512,
        score,
        antithetic: false,
        classification: None,
        learning_rate: 3e-3,
        warm_up: 0.1,
        optimizer: OptimizerRules::default(),
    }
}

/// Fails if the untrained model's denoising loss on its own Gaussian is not 1 at every level (unit variance of what it is
/// regressed on), or its target loss not `sigma^2/(s^2 c^2)`: preconditioning, the factor `1/d`, weights and bands.
#[test]
fn losses_of_the_untrained_model() {
    let s = 1.3;
    let data = gaussian(&[s; 3], 20_000);
    let moments = DataMoments { mean: vec![0.0; 3], deviation: s };
    let model = Model::<f64>::untrained(Head::Energy, (8, 1), NOISE, moments, 1);
    let levels = TrainedLevels::Continuous(NOISE);
    let constants = levels.constants();
    let zeros = vec![0.0; constants.count()];
    let material = Material { data: &data, levels: &levels, constants: &constants };
    let losses = |kind| validate(&model, &zeros, material, &stage(kind, 1), 5);
    for band in losses(ScoreLossKind::Denoising).bands {
        assert!((band - 1.0).abs() < 0.15, "{band}");
    }
    for (index, band) in losses(ScoreLossKind::Target).bands.into_iter().enumerate() {
        // The mean over the band of sigma^2/(s^2 (alpha^2 s^2 + sigma^2)).
        let expected = (0..1000)
            .map(|i| {
                let odds = (-NOISE.at((index as f64 + (f64::from(i) + 0.5) / 1000.0) / 8.0)).exp();
                odds / (s * s * (s * s + odds)) / 1000.0
            })
            .sum::<f64>();
        assert!((band / expected - 1.0).abs() < 0.2, "{index}: {band} {expected}");
    }
}

/// Fails if training does not improve a model that has something to learn: a Gaussian whose coordinates have widths of their
/// own, for which the mixed loss goes to zero; and if half of the noises are not the opposite of the others.
#[test]
fn training_learns() {
    let data = gaussian(&[1.6, 0.4], 4000);
    for (head, antithetic) in [(Head::Energy, true), (Head::Field, false)] {
        let mut model = Model::<f64>::untrained(head, (16, 1), NOISE, data.moments().clone(), 1);
        let levels = TrainedLevels::Continuous(NOISE);
        let constants = levels.constants();
        let rules = StageRules { antithetic, ..stage(ScoreLossKind::Mixed, 300) };
        let material = Material { data: &data, levels: &levels, constants: &constants };
        let zeros = vec![0.0; constants.count()];
        let before = validate(&model, &zeros, material, &rules, 5).score;
        let network = model.network.parameters.len();
        let mut parameters = model.network.parameters.clone();
        parameters.extend(&zeros);
        let mut state = OptimizerState::new(parameters);
        let mut stage = Stage::new(rules, &model, material, (1, 0));
        for _ in 0..rules.steps {
            stage.step(&mut model, &mut state);
        }
        model.network.parameters.copy_from_slice(&state.average[..network]);
        let after = validate(&model, &zeros, material, &rules, 5).score;
        assert!(after < 0.1 * before, "{head:?}: {before} {after}");
    }
}

/// Fails if a sampler gives a model other levels than it gives the target, or a bridge reads something else of it: for one
/// Gaussian the untrained model is the target at every level, so every number of a run is that of the exact one.
#[test]
fn an_exact_model_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mixture = r#"{"name":"one","dim":2,"weights":[1.0],"means":[[0.7,-0.4]],"covariance":{"kind":"isotropic","variance":0.6}}"#;
    std::fs::write(folder.path().join("one.json"), mixture).unwrap();
    let moments = DataMoments { mean: vec![0.7, -0.4], deviation: 0.6_f64.sqrt() };
    let noise = NoiseRange { lowest: -30.0, highest: 30.0 };
    let model = Model::<f32>::untrained(Head::Energy, (8, 1), noise, moments, 1);
    let path = folder.path().join("model.safetensors");
    write_model(&path, &model, &ModelHeader::of(&model, "one", "")).unwrap();
    let bridges = [
        "kind = \"isotropic-optimal\"",
        "kind = \"second-order\"",
        "kind = \"diagonal\"",
        "kind = \"low-rank\"\nrank = 2",
        "kind = \"flow-map\"\nmap = \"ddim\"\n[logdet]\nestimator = \"dense\"",
        "kind = \"flow-map\"\nmap = \"fourth-order\"\n[logdet]\nestimator = \"dense\"",
    ];
    for schedule in ["vp-linear", "ve"] {
        for bridge in bridges {
            let log_z = |density: &str, score: &str| {
                let text = format!(
                    "[target]\nkind = \"file\"\npath = \"one.json\"\nstandardize = \"none\"\n\
                     [path]\nlevels = 4\nspacing = \"log-snr\"\nschedule = \"{schedule}\"\n[bridge]\n{bridge}\n\
                     [kernel]\nkind = \"none\"\n[sampler]\nparticles = 64\n\
                     [model]\ndensity = \"{density}\"\nscore = \"{score}\"\nfile = \"model.safetensors\"\nprecision = \"f64\"\n"
                );
                let config = RunConfig::from_toml(&text, "test", folder.path(), &[]).unwrap();
                let run = run(&config, &mut Silent).unwrap();
                (run.summary.log_z, run.summary.log_z_upper.unwrap())
            };
            let exact = log_z("exact", "exact");
            for (density, score) in
                [("exact", "learned"), ("learned", "learned"), ("learned", "exact")]
            {
                let found = log_z(density, score);
                let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
                let alike = near(found.0, exact.0) && near(found.1, exact.1);
                // Low rank starts its trace from a probe where there is no structure to read it from.
                let free = bridge.contains("low-rank") || bridge.contains("isotropic");
                let small = found.0.abs() < 0.3 && found.1.abs() < 0.3;
                assert!(
                    alike || free && small,
                    "{schedule} {bridge} {density} {score} {found:?} {exact:?}"
                );
            }
        }
    }
}
