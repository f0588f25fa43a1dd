//! Score matching: regress the model's field on an unbiased estimate of the score.
//!
//! With `x = alpha x_0 + sigma eps`, both `-eps/sigma` (denoising) and `grad log gamma(x_0)/alpha` (target score
//! matching, De Bortoli et al. 2024, arXiv 2402.08667) have the score `S(x)` as their mean given `x`, and so has
//!
//! `S* = w grad log gamma(x_0)/alpha - (1 - w) eps/sigma`
//!
//! for any `w(lambda)`. The two are uncorrelated over all data, so the weight of least variance of coordinate `i` is
//! `w = alpha^2/(alpha^2 + sigma^2 I_i)` with the Fisher information `I_i = E[(d_i log gamma)^2]`: `S*` is then exact for
//! a Gaussian with independent coordinates, and for separated modes of one shape its noise is only which mode `x` came
//! from. In terms of the field (`model.rs`),
//!
//! `L = mean |F - F*|^2/d`, `F* = -(c S* + z)/kappa`,
//!
//! which for `w = 0` is `(sigma^2 + alpha^2 s_d^2)/(sigma^2 s_d^2) |D - x_0|^2/d` of the denoiser `D`. Target score matching
//! alone is weighted as published, `|alpha S - grad log gamma(x_0)|^2/d`.

use super::super::chunk::{Chunk, Read};
use super::super::model::Model;
use super::super::network::Real;
use super::super::noise::SignalNoise;
use super::super::training::TrainingData;
use crate::catalog::ScoreLossKind;
use amc_core::rng::Stream;
use amc_core::simd::{LANES, f64x8};

/// The loss of one chunk of points.
#[derive(Debug)]
pub struct ScoreMatching<T> {
    chunk: Chunk<T>,
    kind: ScoreLossKind,
    antithetic: bool,
    /// Normals, `[d x n]`.
    noise: Vec<f64x8>,
    /// Weights of the points' squares.
    weights: Vec<f64>,
    /// Sums of the points' squares.
    squares: Vec<f64>,
}

/// One sample at a level.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// Index of the sample.
    pub sample: usize,
    /// Log-SNR of its level.
    pub log_snr: f64,
}

impl<T: Real> ScoreMatching<T> {
    /// Room for `points` points, an even number of them. Antithetic, every draw makes two of opposite noise.
    pub fn new(model: &Model<T>, points: usize, kind: ScoreLossKind, antithetic: bool) -> Self {
        Self {
            chunk: Chunk::new(model, points, Read::Field),
            kind,
            antithetic,
            noise: vec![f64x8::ZERO; model.dim() * points.div_ceil(LANES)],
            weights: vec![0.0; points],
            squares: vec![0.0; points],
        }
    }

    /// Draws that a chunk takes.
    pub fn draws(&self) -> usize {
        let points = self.chunk.log_snrs.len();
        if self.antithetic { points / 2 } else { points }
    }

    /// The weight of the target's score in coordinate `i`.
    fn share_of_target(&self, level: SignalNoise, information: f64) -> f64 {
        let SignalNoise { alpha, sigma } = level;
        match self.kind {
            ScoreLossKind::Denoising => 0.0,
            ScoreLossKind::Target => 1.0,
            ScoreLossKind::Mixed => alpha * alpha / (alpha * alpha + sigma * sigma * information),
        }
    }

    /// Places the points of `draws` and, where the adjoint of the field is going to be, what it is regressed on.
    fn place(
        &mut self,
        model: &Model<T>,
        data: &TrainingData<T>,
        draws: &[Draw],
        stream: &mut Stream,
    ) {
        stream.fill_normals(&mut self.noise);
        let (d, n) = (model.dim(), self.chunk.log_snrs.len());
        for (j, point) in (0..n).map(|j| (j, draws[j % draws.len()])) {
            let level = SignalNoise::variance_preserving(point.log_snr);
            let SignalNoise { alpha, sigma } = level;
            let constants = model.moments.precondition(level);
            let sign = if j < draws.len() { 1.0 } else { -1.0 };
            let (sample, scores) = (data.sample(point.sample), data.score(point.sample));
            let noise: &[f64] = bytemuck::cast_slice(&self.noise);
            for i in 0..d {
                let eps = sign * noise[i * n + j % draws.len()];
                let z = (alpha * sample[i].to_f64() + sigma * eps) / constants.scale;
                let share = self.share_of_target(level, data.information(i));
                let of_target = if share > 0.0 { share * scores[i].to_f64() / alpha } else { 0.0 };
                let score = of_target - (1.0 - share) * eps / sigma;
                let field = -(constants.scale * score + z) / constants.kappa;
                self.chunk.z[i * n + j] = T::from_f64(z);
                self.chunk.field_adjoint[i * n + j] = T::from_f64(field);
            }
            self.chunk.log_snrs[j] = point.log_snr;
            self.weights[j] = match self.kind {
                ScoreLossKind::Denoising | ScoreLossKind::Mixed => 1.0,
                ScoreLossKind::Target => {
                    let factor = alpha * constants.kappa / constants.scale;
                    factor * factor
                }
            } / d as f64;
        }
    }

    /// The sum of the losses of the points of `draws`, `[draws()]`; afterwards [`ScoreMatching::squares`] has that of
    /// each, and the adjoint of the field is the error.
    ///
    /// # Panics
    /// On another number of draws.
    pub fn value(
        &mut self,
        model: &Model<T>,
        data: &TrainingData<T>,
        draws: &[Draw],
        stream: &mut Stream,
    ) -> f64 {
        assert_eq!(draws.len(), self.draws(), "draws of a chunk");
        self.place(model, data, draws, stream);
        self.chunk.evaluate(model, Read::Field);
        let n = self.squares.len();
        self.squares.fill(0.0);
        let rows =
            self.chunk.field.chunks_exact(n).zip(self.chunk.field_adjoint.chunks_exact_mut(n));
        for (field, adjoint) in rows {
            for ((&field, adjoint), square) in field.iter().zip(adjoint).zip(&mut self.squares) {
                *adjoint = field - *adjoint;
                *square += adjoint.to_f64() * adjoint.to_f64();
            }
        }
        self.squares.iter_mut().zip(&self.weights).for_each(|(square, weight)| *square *= weight);
        self.squares.iter().sum()
    }

    /// The losses of the points, `[n]`, after [`ScoreMatching::value`].
    pub fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// [`ScoreMatching::value`], and `scale` times its gradient added to `gradient`.
    ///
    /// # Panics
    /// As [`ScoreMatching::value`].
    pub fn add(
        &mut self,
        model: &Model<T>,
        data: &TrainingData<T>,
        (draws, stream): (&[Draw], &mut Stream),
        (scale, gradient): (f64, &mut [T]),
    ) -> f64 {
        let total = self.value(model, data, draws, stream);
        for row in self.chunk.field_adjoint.chunks_exact_mut(self.weights.len()) {
            for (adjoint, weight) in row.iter_mut().zip(&self.weights) {
                *adjoint *= T::from_f64(2.0 * scale * weight);
            }
        }
        self.chunk.backpropagate(model, Read::Field, gradient);
        total
    }
}

#[cfg(test)]
mod tests;
