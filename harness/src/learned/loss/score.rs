//! Score matching: regress the model's field on an unbiased estimate of the score.
//!
//! With `x = alpha x_0 + sigma eps`, both `-eps/sigma` (denoising) and `grad log gamma(x_0)/alpha` (target score
//! matching, De Bortoli et al. 2024, arXiv 2402.08667) have the score `S(x)` as their mean given `x`, and so has
//!
//! `S* = w grad log gamma(x_0)/alpha - (1 - w) eps/sigma`
//!
//! for any `w(lambda)`. The two are uncorrelated over all data, so the weight of least variance of coordinate `i` is
//! `w = alpha^2/(alpha^2 + sigma^2 I_i)` with the Fisher information `I_i = E[(d_i log gamma)^2]`: `S*` is then exact for
//! a Gaussian, and for mixtures its noise is only which mode `x` came from. In terms of the field (see `model.rs`),
//!
//! `L = mean |F - F*|^2/d`, `F* = -(c S* + z)/kappa`,
//!
//! which for `w = 0` is `(sigma^2 + s_d^2)/(sigma^2 s_d^2) |D - x_0|^2/d` of the denoiser `D`. Target score matching
//! alone is weighted as published, `|alpha S - grad log gamma(x_0)|^2/d`.

use super::super::chunk::{Chunk, Read};
use super::super::model::Model;
use super::super::network::Real;
use super::super::noise::SignalNoise;
use super::super::training::TrainingData;
use amc_core::simd::{LANES, f64x8};

/// Which estimate of the score is regressed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreLoss {
    /// `w = 0`: needs samples alone.
    Denoising,
    /// `w = 1`: needs the target's score at the samples.
    Target,
    /// The weight of least variance: needs the target's score at the samples.
    Mixed,
}

/// The loss of one chunk of points.
#[derive(Debug)]
pub struct ScoreMatching<T> {
    chunk: Chunk<T>,
    /// Normals, `[d x n]`.
    noise: Vec<f64x8>,
}

/// One point of a chunk: its sample and level.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// Index of the sample.
    pub sample: usize,
    /// Log-SNR of its level.
    pub log_snr: f64,
}

impl<T: Real> ScoreMatching<T> {
    /// Room for `points` points, a multiple of 16.
    pub fn new(model: &Model<T>, points: usize) -> Self {
        Self {
            chunk: Chunk::new(model, points, Read::Field),
            noise: vec![f64x8::ZERO; model.dim() * points.div_ceil(LANES)],
        }
    }

    /// The sum of the losses of the points `draws`, and `scale` times its gradient added to `gradient`.
    ///
    /// Antithetic, the second half of the points takes the draws of the first with the opposite noise.
    pub fn add(
        &mut self,
        model: &Model<T>,
        data: &TrainingData<T>,
        (loss, antithetic): (ScoreLoss, bool),
        draws: (&[Draw], &mut amc_core::rng::Stream),
        (scale, gradient): (f64, &mut [T]),
    ) -> f64 {
        let (draws, stream) = draws;
        let (d, n) = (model.dim(), self.chunk.log_snrs.len());
        let chunk = &mut self.chunk;
        assert_eq!(draws.len(), if antithetic { n / 2 } else { n }, "draws of a chunk");
        stream.fill_normals(&mut self.noise);
        let noise: &[f64] = bytemuck::cast_slice(&self.noise);
        let half = n / 2;
        let source = |j: usize| if antithetic { j % half } else { j };
        let sign = |j: usize| if antithetic && j >= half { -1.0 } else { 1.0 };
        for (j, log_snr) in chunk.log_snrs.iter_mut().enumerate() {
            *log_snr = draws[source(j)].log_snr;
        }
        // The target of the field goes where its adjoint is going to be.
        for j in 0..n {
            let Draw { sample, log_snr } = draws[source(j)];
            let level = SignalNoise::variance_preserving(log_snr);
            let SignalNoise { alpha, sigma } = level;
            let pre = model.moments.precondition(level);
            let row = data.sample(sample);
            let scores = data.score(sample);
            for i in 0..d {
                let eps = sign(j) * noise[i * n + source(j)];
                let z = (alpha * row[i].to_f64() + sigma * eps) / pre.scale;
                let weight = match loss {
                    ScoreLoss::Denoising => 0.0,
                    ScoreLoss::Target => 1.0,
                    ScoreLoss::Mixed => {
                        alpha * alpha / (alpha * alpha + sigma * sigma * data.information(i))
                    }
                };
                let of_target =
                    if weight == 0.0 { 0.0 } else { weight * scores[i].to_f64() / alpha };
                let score = of_target - (1.0 - weight) * eps / sigma;
                chunk.z[i * n + j] = T::from_f64(z);
                chunk.field_adjoint[i * n + j] = T::from_f64(-(pre.scale * score + z) / pre.kappa);
            }
        }
        chunk.evaluate(model, Read::Field);
        let mut total = 0.0;
        for j in 0..n {
            let level = SignalNoise::variance_preserving(draws[source(j)].log_snr);
            let weight = match loss {
                ScoreLoss::Denoising | ScoreLoss::Mixed => 1.0,
                ScoreLoss::Target => {
                    let pre = model.moments.precondition(level);
                    let factor = level.alpha * pre.kappa / pre.scale;
                    factor * factor
                }
            } / d as f64;
            let mut sum = 0.0;
            for i in 0..d {
                let at = i * n + j;
                let error = (chunk.field[at] - chunk.field_adjoint[at]).to_f64();
                sum += error * error;
                chunk.field_adjoint[at] = T::from_f64(2.0 * scale * weight * error);
            }
            total += weight * sum;
        }
        chunk.backpropagate(model, Read::Field, gradient);
        total
    }
}
