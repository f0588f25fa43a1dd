//! How long a step of training and an evaluation of a network take: `cargo test --release -p amc-harness --test
//! learned_speed -- --ignored --nocapture`, on a quiet machine.

use std::time::Instant;

use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use amc_harness::catalog::ScoreLossKind;
use amc_harness::learned::network::Head;
use amc_harness::learned::training::{
    ClassificationRules, Material, OptimizerRules, OptimizerState, Stage, StageRules, TrainingData,
};
use amc_harness::learned::{
    BLOCKS, DataMoments, Model, ModelLevel, NetworkLevel, NoiseRange, SignalNoise, TrainedLevels,
};
use rayon::prelude::*;

const DIM: usize = 16;
const NOISE: NoiseRange = NoiseRange { lowest: -10.0, highest: 11.5 };

fn model(head: Head) -> Model<f32> {
    let moments = DataMoments { mean: vec![0.0; DIM], deviation: 1.0 };
    let mut model = Model::untrained(head, (128, 2), NOISE, moments, 1);
    // Zeros in the outputs would be no slower, but nobody has such a model.
    let mut stream = Key::new(2, Purpose::User).stream();
    model.network.parameters.iter_mut().for_each(|p| *p += 0.01 * stream.uniform() as f32);
    model
}

/// The shortest and the middle of many times, in milliseconds.
fn times(repeats: usize, mut work: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..repeats)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[repeats / 2])
}

/// A step at 4 x 128 channels, batch 2048, d = 16.
#[test]
#[ignore = "a measurement: it needs a quiet machine and prints figures"]
fn training_step() {
    let mut samples = vec![0.0; 60_000 * DIM];
    Key::new(1, Purpose::User).stream().fill_scalar_normals(&mut samples);
    let data = TrainingData::<f32>::new(DIM, &samples, None);
    let levels = TrainedLevels::Continuous(NOISE);
    let constants = levels.constants();
    for (head, classified) in [(Head::Energy, 0), (Head::Energy, 512), (Head::Field, 0)] {
        let mut model = model(head);
        let material = Material { data: &data, levels: &levels, constants: &constants };
        let rules = StageRules {
            steps: 1000,
            batch: 2048,
            score: ScoreLossKind::Denoising,
            antithetic: true,
            classification: (classified > 0).then_some(ClassificationRules {
                classes: 2,
                points: classified,
                weight: 1.0,
            }),
            learning_rate: 1e-3,
            warm_up: 0.05,
            optimizer: OptimizerRules::default(),
        };
        let mut parameters = model.network.parameters.clone();
        parameters.resize(parameters.len() + constants.count(), 0.0);
        let mut state = OptimizerState::new(parameters);
        let mut stage = Stage::new(rules, &model, material, (1, 0));
        let (least, middle) = times(200, || {
            stage.step(&mut model, &mut state);
        });
        println!("{head:?}, {classified} classified: {least:.2} ms a step, median {middle:.2}");
    }
}

/// Scores of 2048 particles at 4 x 128 channels, d = 16.
#[test]
#[ignore = "a measurement: it needs a quiet machine and prints figures"]
fn inference() {
    let blocks = 2048 / LANES;
    let mut x = vec![f64x8::ZERO; blocks * DIM];
    Key::new(1, Purpose::User).stream().fill_normals(&mut x);
    let mut scores = vec![f64x8::ZERO; x.len()];
    for head in [Head::Field, Head::Energy] {
        let model = model(head);
        let level = NetworkLevel::new(&model, SignalNoise::variance_preserving(0.5));
        let (least, middle) = times(300, || {
            let teams = x.par_chunks(BLOCKS * DIM).zip(scores.par_chunks_mut(BLOCKS * DIM));
            teams.for_each_init(
                || vec![f64x8::ZERO; level.scratch_len()],
                |memory, (x, scores)| {
                    level.evaluate(x, &mut [], scores, Scratch::new(memory)).unwrap();
                },
            );
        });
        println!("{head:?}: {least:.2} ms for 2048 particles, median {middle:.2}");
    }
}
