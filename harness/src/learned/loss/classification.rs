//! DiffCLF: which of `k` noise levels a point came from \[OuYang26\].
//!
//! For each sample, `k` distinct levels with independent noises give points `x_1 .. x_k`; the logit of level `i` at
//! point `j` is `q_ij = log p_theta(t_i, x_j) - f_i`, with a free constant `f_i` for each level, and
//!
//! `L = -mean_j (q_jj - logsumexp_i q_ij)`
//!
//! (for `k = 2` a mean of two softplus). Its optimum is the true log-density of every level up to a constant, across
//! modes however far apart, where score matching only sees the gradient inside each. The constants are linear
//! interpolations between nodes in the log-SNR, 0 at the noisiest.
//!
//! All levels are seen in units of the signal, `x/alpha = x_0 + (sigma/alpha) noise`, so that modes keep their place;
//! the Jacobian of that belongs to the constants. Levels far apart are told apart with certainty whatever the weights
//! of the modes are, in high dimension all the more: the `k` levels of a sample are uniform in a window of log-SNRs,
//! whose width is log-uniform between `2/sqrt(d)` and all.

use super::super::chunk::{Chunk, Read};
use super::super::model::Model;
use super::super::network::Real;
use super::super::noise::{NoiseRange, SignalNoise};
use super::super::training::TrainingData;
use amc_core::rng::Stream;

/// The free constants of the levels, with their gradient beside them in the caller's vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelConstants {
    /// The levels they span.
    pub noise: NoiseRange,
    /// Nodes besides the one at the noisiest level, which is 0.
    pub nodes: usize,
}

impl LevelConstants {
    /// The node below a log-SNR and the share of the way to the next; nodes count from the noisiest.
    fn place(&self, log_snr: f64) -> (usize, f64) {
        let width = self.noise.highest - self.noise.lowest;
        let place = (log_snr - self.noise.lowest) / width * self.nodes as f64;
        let node = (place.max(0.0) as usize).min(self.nodes - 1);
        (node, place - node as f64)
    }

    /// `f` at a log-SNR; `values` `[nodes]`.
    pub fn at<T: Real>(&self, values: &[T], log_snr: f64) -> f64 {
        let (node, share) = self.place(log_snr);
        let low = if node == 0 { 0.0 } else { values[node - 1].to_f64() };
        low + share * (values[node].to_f64() - low)
    }

    /// Adds the gradient of `adjoint f(log_snr)`.
    pub fn add_gradient<T: Real>(&self, gradient: &mut [T], log_snr: f64, adjoint: f64) {
        let (node, share) = self.place(log_snr);
        if node > 0 {
            gradient[node - 1] += T::from_f64((1.0 - share) * adjoint);
        }
        gradient[node] += T::from_f64(share * adjoint);
    }
}

/// The loss of one chunk of samples.
#[derive(Debug)]
pub struct Classification<T> {
    chunk: Chunk<T>,
    levels: usize,
    constants: LevelConstants,
}

impl<T: Real> Classification<T> {
    /// Room for `samples` samples at `levels` levels each, at least 2.
    pub fn new(model: &Model<T>, samples: usize, levels: usize, constants: LevelConstants) -> Self {
        let points = samples * levels * levels;
        Self { chunk: Chunk::new(model, points, Read::Energy), levels, constants }
    }

    /// The sum of the losses of `samples`; `scale` times its gradient is added to that of the parameters and that of
    /// the constants.
    pub fn add(
        &mut self,
        (model, constants): (&Model<T>, &[T]),
        data: &TrainingData<T>,
        (samples, stream): (&[usize], &mut Stream),
        scale: f64,
        (gradient, constants_gradient): (&mut [T], &mut [T]),
    ) -> f64 {
        let (d, k) = (model.dim(), self.levels);
        let group = k * k;
        let n = samples.len() * group;
        let range = model.noise;
        let width = range.highest - range.lowest;
        let narrow = (2.0 / libm::sqrt(d as f64)).min(width);
        let chunk = &mut self.chunk;
        let mut eps = vec![0.0; d];
        for (g, &sample) in samples.iter().enumerate() {
            let span = narrow * libm::pow(width / narrow, stream.uniform());
            let start = range.lowest + (width - span) * stream.uniform();
            let row = data.sample(sample);
            for i in 0..k {
                let log_snr = start + span * stream.uniform();
                chunk.log_snrs[g * group + i * k..g * group + (i + 1) * k].fill(log_snr);
            }
            for j in 0..k {
                let noise = SignalNoise::variance_preserving(chunk.log_snrs[g * group + j * k]);
                let spread = noise.sigma / noise.alpha;
                stream.fill_scalar_normals(&mut eps);
                for i in 0..k {
                    let at = g * group + i * k + j;
                    let level = SignalNoise::variance_preserving(chunk.log_snrs[at]);
                    let scale = model.moments.precondition(level).scale / level.alpha;
                    for (coordinate, &eps) in eps.iter().enumerate() {
                        let x = row[coordinate].to_f64() + spread * eps;
                        chunk.z[coordinate * n + at] = T::from_f64(x / scale);
                    }
                }
            }
        }
        chunk.evaluate(model, Read::Energy);
        let mut total = 0.0;
        let mut logits = vec![0.0; group];
        for g in 0..samples.len() {
            for (at, logit) in logits.iter_mut().enumerate() {
                let index = g * group + at;
                let level = SignalNoise::variance_preserving(chunk.log_snrs[index]);
                let pre = model.moments.precondition(level);
                let square: f64 =
                    (0..d).map(|i| chunk.z[i * n + index].to_f64()).map(|z| z * z).sum();
                *logit = -0.5 * square
                    - d as f64 * libm::log(pre.scale / level.alpha)
                    - pre.kappa * chunk.energy[index].to_f64()
                    - self.constants.at(constants, chunk.log_snrs[index]);
            }
            let kappas = (0..k).map(|i| {
                let log_snr = chunk.log_snrs[g * group + i * k];
                model.moments.precondition(SignalNoise::variance_preserving(log_snr)).kappa
            });
            let weight = 1.0 / (1.0 + kappas.fold(0.0, f64::max));
            for j in 0..k {
                let column = |i: usize| logits[i * k + j];
                let most = (0..k).map(column).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = (0..k).map(|i| libm::exp(column(i) - most)).sum();
                let normalizer = most + libm::log(sum);
                total += (normalizer - column(j)) / k as f64;
                for i in 0..k {
                    let index = g * group + i * k + j;
                    let log_snr = chunk.log_snrs[index];
                    let share = libm::exp(column(i) - normalizer) - if i == j { 1.0 } else { 0.0 };
                    let adjoint = weight * scale * share / k as f64;
                    let level = SignalNoise::variance_preserving(log_snr);
                    let kappa = model.moments.precondition(level).kappa;
                    chunk.energy_adjoint[index] = T::from_f64(-kappa * adjoint);
                    self.constants.add_gradient(constants_gradient, log_snr, -adjoint);
                }
            }
        }
        chunk.backpropagate(model, Read::Energy, gradient);
        total
    }
}
