//! What a model is worth on samples it was not trained on, with the same noises every time.

use amc_core::rng::{Key, Phase, Purpose};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::loss::{Classification, Draw, ScoreMatching};
use super::super::model::Model;
use super::super::network::Real;
use super::stage::Material;
use super::{CHUNK, StageRules};

/// Parts of the log-SNR range whose losses are told apart.
pub const BANDS: usize = 8;

/// Chunks of the score and of the classification.
const CHUNKS: usize = 32;

/// Losses on samples kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValidationLosses {
    /// Of the score, mean over levels.
    pub score: f64,
    /// The same in equal parts of the log-SNR range, from the noisiest.
    pub bands: [f64; BANDS],
    /// Of the classification, where there is one.
    pub classification: Option<f64>,
}

impl ValidationLosses {
    /// What a stage wants to be small.
    pub fn total(&self, rules: &StageRules) -> f64 {
        let weight = rules.classification.map_or(0.0, |classification| classification.weight);
        self.score + weight * self.classification.unwrap_or(0.0)
    }
}

/// Losses of a model, with the free constants of the levels, on the samples of `material`.
pub fn validate<T: Real>(
    model: &Model<T>,
    constants: &[T],
    material: Material<'_, T>,
    rules: &StageRules,
    seed: u64,
) -> ValidationLosses {
    let key = Key::new(seed, Purpose::Training).phase(Phase::Study);
    let count = material.data.len();
    let bands: Vec<[f64; BANDS]> = (0..CHUNKS)
        .into_par_iter()
        .map(|chunk| {
            let mut loss = ScoreMatching::new(model, CHUNK, rules.score, rules.antithetic);
            let mut stream = key.block(chunk as u64).stream();
            let draws = loss.draws();
            // Every chunk goes once through all levels.
            let drawn: Vec<Draw> = (0..draws)
                .map(|i| Draw {
                    sample: (chunk * draws + i) % count,
                    log_snr: material.levels.at((i as f64 + stream.uniform()) / draws as f64),
                })
                .collect();
            loss.value(model, material.data, &drawn, &mut stream);
            let mut bands = [0.0; BANDS];
            for (point, square) in loss.squares().iter().enumerate() {
                bands[point % draws * BANDS / draws] += square / (CHUNK / BANDS * CHUNKS) as f64;
            }
            bands
        })
        .collect();
    let mut sums = [0.0; BANDS];
    bands.iter().flatten().enumerate().for_each(|(at, band)| sums[at % BANDS] += band);
    let classification = rules.classification.map(|classification| {
        let losses: Vec<f64> = (0..CHUNKS)
            .into_par_iter()
            .map(|chunk| {
                let mut loss = Classification::new(model, CHUNK, classification.classes);
                let mut stream = key.round(1).block(chunk as u64).stream();
                let each = loss.samples();
                let samples: Vec<usize> = (0..each).map(|i| (chunk * each + i) % count).collect();
                let constants = (material.constants, constants);
                let source = (material.data, material.levels);
                loss.value((model, constants), source, (&samples, &mut stream)) / each as f64
            })
            .collect();
        losses.iter().sum::<f64>() / CHUNKS as f64
    });
    ValidationLosses { score: sums.iter().sum::<f64>() / BANDS as f64, bands: sums, classification }
}
