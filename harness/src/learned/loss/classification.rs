//! DiffCLF: which of `k` noise levels a point came from \[OuYang26\].
//!
//! For each sample, `k` distinct levels with independent noises give points `x_1 .. x_k`; the logit of level `i` at
//! point `j` is `q_ij = log p_theta(t_i, x_j) - f_i`, with a free constant `f_i` for each level, and
//!
//! `L = -mean_j (q_jj - logsumexp_i q_ij)`
//!
//! (for `k = 2` a mean of two softplus). Its optimum is the true log-density of every level up to a constant, across
//! modes however far apart, where score matching only sees the gradient inside each. `levels.rs` has the constants.
//!
//! Two choices make it learn. All levels are seen in units of the signal, `x/alpha = x_0 + (sigma/alpha) noise`, so
//! that modes keep their place (the Jacobian of that belongs to the constants); and levels far apart, which are told
//! apart with certainty whatever the weights of the modes are, in high dimension all the more, are not all there is:
//! the `k` levels of a sample come from a window whose width is log-uniform between `2/sqrt(d)` and everything.
//! In gradients every sample counts `1/(1 + max kappa)`: the adjoint of the energy is then at most 1 at any level, as that
//! of the field is in the score loss, where without it the cleanest levels (`kappa` to 300) drown everything else.

use super::super::chunk::{Chunk, Read};
use super::super::levels::{LevelConstants, TrainedLevels};
use super::super::model::{Model, Precondition};
use super::super::network::Real;
use super::super::noise::SignalNoise;
use super::super::training::TrainingData;
use amc_core::rng::Stream;

/// The loss of one chunk of samples.
#[derive(Debug)]
pub struct Classification<T> {
    chunk: Chunk<T>,
    classes: usize,
    /// Points of the energies, `[samples x k x k]`: level, then point.
    logits: Vec<f64>,
}

impl<T: Real> Classification<T> {
    /// Room for `points` evaluations: `points/classes^2` samples.
    pub fn new(model: &Model<T>, points: usize, classes: usize) -> Self {
        let used = points / (classes * classes) * classes * classes;
        Self { chunk: Chunk::new(model, used, Read::Energy), classes, logits: vec![0.0; used] }
    }

    /// Samples that a chunk takes.
    pub fn samples(&self) -> usize {
        self.logits.len() / (self.classes * self.classes)
    }

    /// Draws levels and noises for all samples and places their points under all levels.
    fn place(
        &mut self,
        model: &Model<T>,
        (data, levels): (&TrainingData<T>, &TrainedLevels),
        samples: &[usize],
        stream: &mut Stream,
    ) {
        let (d, k, n) = (model.dim(), self.classes, self.logits.len());
        let narrow = 2.0 / libm::sqrt(d as f64);
        let mut eps = [0.0; 8];
        for (g, &sample) in samples.iter().enumerate() {
            let start = g * k * k;
            let mut log_snrs = [0.0; 8];
            levels.draw_window(narrow, stream, &mut log_snrs[..k]);
            for (i, &log_snr) in log_snrs[..k].iter().enumerate() {
                self.chunk.log_snrs[start + i * k..][..k].fill(log_snr);
            }
            let row = data.sample(sample);
            for j in 0..k {
                let noise = SignalNoise::variance_preserving(log_snrs[j]);
                let spread = noise.sigma / noise.alpha;
                for (coordinate, x) in row.iter().enumerate() {
                    // Eight normals at a time.
                    if coordinate % eps.len() == 0 {
                        stream.fill_scalar_normals(&mut eps);
                    }
                    let x = x.to_f64() + spread * eps[coordinate % eps.len()];
                    for i in 0..k {
                        let level = SignalNoise::variance_preserving(log_snrs[i]);
                        let scale = model.moments.precondition(level).scale / level.alpha;
                        self.chunk.z[coordinate * n + start + i * k + j] = T::from_f64(x / scale);
                    }
                }
            }
        }
    }

    /// The constants of the level that evaluation `at` is made under, and its log-SNR.
    fn level(&self, model: &Model<T>, at: usize) -> (SignalNoise, Precondition, f64) {
        let log_snr = self.chunk.log_snrs[at];
        let level = SignalNoise::variance_preserving(log_snr);
        (level, model.moments.precondition(level), log_snr)
    }

    /// The sum of the losses of `samples`, `[samples()]`.
    ///
    /// # Panics
    /// On another number of samples.
    pub fn value(
        &mut self,
        (model, constants): (&Model<T>, (&LevelConstants, &[T])),
        source: (&TrainingData<T>, &TrainedLevels),
        (samples, stream): (&[usize], &mut Stream),
    ) -> f64 {
        assert_eq!(samples.len(), self.samples(), "samples of a chunk");
        self.place(model, source, samples, stream);
        self.chunk.evaluate(model, Read::Energy);
        let (d, k, n) = (model.dim(), self.classes, self.logits.len());
        for at in 0..n {
            let (level, Precondition { scale, kappa }, log_snr) = self.level(model, at);
            let squares = (0..d).map(|i| self.chunk.z[i * n + at].to_f64()).map(|z| z * z);
            self.logits[at] = -0.5 * squares.sum::<f64>()
                - d as f64 * libm::log(scale / level.alpha)
                - kappa * self.chunk.energy[at].to_f64()
                - constants.0.at(constants.1, log_snr);
        }
        let columns = (0..samples.len()).flat_map(|g| (0..k).map(move |j| (g * k * k, j)));
        columns
            .map(|(start, j)| {
                (self.normalizer(start, j) - self.logits[start + j * k + j]) / k as f64
            })
            .sum()
    }

    /// `logsumexp_i q_ij` of the sample whose evaluations begin at `start`.
    fn normalizer(&self, start: usize, j: usize) -> f64 {
        let column = || (0..self.classes).map(|i| self.logits[start + i * self.classes + j]);
        let most = column().fold(f64::NEG_INFINITY, f64::max);
        most + libm::log(column().map(|q| libm::exp(q - most)).sum())
    }

    /// [`Classification::value`], and `scale` times its gradient (weighted, see above) added to that of the parameters
    /// and that of the constants.
    ///
    /// # Panics
    /// As [`Classification::value`].
    pub fn add(
        &mut self,
        (model, constants): (&Model<T>, (&LevelConstants, &[T])),
        source: (&TrainingData<T>, &TrainedLevels),
        draws: (&[usize], &mut Stream),
        (scale, gradient, of_constants): (f64, &mut [T], &mut [T]),
    ) -> f64 {
        let total = self.value((model, constants), source, draws);
        let k = self.classes;
        for start in (0..self.logits.len()).step_by(k * k) {
            let kappas = (0..k).map(|i| self.level(model, start + i * k).1.kappa);
            let weight = scale / ((1.0 + kappas.fold(0.0, f64::max)) * k as f64);
            for j in 0..k {
                let normalizer = self.normalizer(start, j);
                for i in 0..k {
                    let at = start + i * k + j;
                    let (_, Precondition { kappa, .. }, log_snr) = self.level(model, at);
                    let own = if i == j { 1.0 } else { 0.0 };
                    let adjoint = weight * (libm::exp(self.logits[at] - normalizer) - own);
                    self.chunk.energy_adjoint[at] = T::from_f64(-kappa * adjoint);
                    constants.0.add_gradient(of_constants, log_snr, -adjoint);
                }
            }
        }
        self.chunk.backpropagate(model, Read::Energy, gradient);
        total
    }
}
