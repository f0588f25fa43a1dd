//! How good a model is, noise level by noise level, measured at fresh exact samples of its target.
//!
//! With `S`, `p` of the target and `s`, `p_theta` of the model at a level, `r = log p_theta - log p` at samples of `p`:
//!
//! | number | formula | a perfect model has |
//! |---|---|---|
//! | relative Fisher divergence | `E\|s - S\|^2 / E\|S\|^2` | 0 |
//! | divergence per dimension | `E\|s - S\|^2 / d` | 0 |
//! | ESS | `(sum e^r)^2 / (N sum e^2r)` | 1 |
//! | spread | standard deviation of `r` | 0 |
//! | mode error | two modes: `log(w_2'/w_1') - log(w_2/w_1)`; more: deviation of `log(w_k'/w_k)` over modes | 0 |
//! | classification | softplus loss between neighbouring levels, beside that of `p` | that of `p` |
//! | `V` | `integral of sigma^2 E\|s - S\|^2 d lambda`, `lambda` the log-SNR | 0 |
//!
//! (\[Grenioux26\], \[OuYang26\].) Without a density (score network) only the rows of `s` are there.
//!
//! **Modes.** A mode is a component, and a sample belongs to the one it was drawn from, at every noise level. The
//! model weighs it `w_k' = w_k E[e^r | k]`, normalized. Score matching does not see these weights where modes do not
//! overlap, so errors of hundreds of nats occur; everything is kept as logarithms. The mean of `e^r` then hangs on a
//! few samples; the robust error takes `E[r | k]` instead, which is below `log E[e^r | k]` by about half the variance
//! of `r` in the mode.
//!
//! **Classification.** Levels are compared in units of the signal, `x/alpha`, as in training, and the constant
//! between two levels is the one with the smallest loss, as training would find it.
//!
//! **`V`** says what a wrong score costs with the exact density (the semi-ideal setting). In units of the signal,
//! `y = x/alpha` and `u = sigma^2/alpha^2`, a move from `u` to `u - v` is a Gaussian of variance about `v` about
//! `y + v S_y`, `S_y = alpha S`. A score off by `D` moves its mean by `alpha v D`, so the weight gets the factor
//! `exp(-(alpha^2 v |D|^2)/2 - alpha sqrt(v) <D, z>)`, `z` the move's normals: log-normal, of variance
//! `alpha^2 v |D|^2`. Variances of steps add up, and with `v = du = u d lambda`
//!
//! ```text
//! V = sum alpha^2 v |D|^2 -> integral of sigma^2 E|s - S|^2 d lambda,   ESS kept = exp(-V)
//! ```
//!
//! the ESS of log-normal weights of variance `V`. It is a law of many small steps, for bridges that need the score
//! alone and those with Hessians alike; levels beyond the trained ones, and what the bridge itself loses, come on top.
//! A mean of `|D|^2` over particles is too kind where some are far worse than others (Jensen). Measured on TwoModes
//! (16, 1), short preset, 128 levels, AIS without kernel: `exp(-V) = 0.967`; the isotropic-optimal bridge kept 0.970
//! (uniform times) and 0.988 (uniform log-SNRs) of its ESS, the second-order bridge 0.969 and 0.958; on (32, 5), where
//! `exp(-V) = 0.562`, the isotropic-optimal bridge kept 0.545 and 0.616. Each level stands for its share of the
//! log-SNRs, by the trapezoidal rule.

mod classified;
mod components;
mod levels;
mod modes;
mod points;
#[cfg(test)]
mod tests;

use amc_core::error::{Error, Result};
use serde::Serialize;

pub use classified::ClassifiedPair;
pub use levels::{DensityQuality, LevelQuality};
pub use modes::ModeQuality;

use super::{DiffusionModel, SignalNoise};
use crate::mixture::OwnedMixture;
use components::Components;
use points::{Points, Scene};

/// Levels with less noise than this `sigma` are not held to the limits of the score: there it is hardest to learn.
pub const NOISY: f64 = 0.05;

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityRules {
    /// Samples at every level.
    pub samples: usize,
    /// Levels, evenly in log-SNR from the noisiest that the model knows to the cleanest; at least two.
    pub levels: usize,
    /// Seed of the samples.
    pub seed: u64,
}

/// A number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// A model, measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// From the noisiest to the cleanest.
    pub levels: Vec<LevelQuality>,
    /// Neighbouring levels told apart; none without a density.
    pub classified: Vec<ClassifiedPair>,
    /// All in a few numbers.
    pub summary: QualitySummary,
}

/// A model in a few numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualitySummary {
    /// The largest relative Fisher divergence where `sigma >= 0.05`; none if no level has as much noise.
    pub worst_relative_divergence: Option<f64>,
    /// Shares of the levels with `sigma >= 0.05` where it is at most 0.005, 0.01 and 0.05.
    pub shares_within: Option<[f64; 3]>,
    /// The mode error at the cleanest level.
    pub mode_error: Option<Measured>,
    /// `V`, of all levels.
    pub weight_variance: Measured,
    /// `exp(-V)`.
    pub predicted_ess: f64,
}

/// Limits of [`QualitySummary::shares_within`].
pub const LIMITS: [f64; 3] = [0.005, 0.01, 0.05];

/// Measures a model of the target `mixture`, in the current rayon thread pool; the same bits for any thread count.
///
/// # Errors
/// Fewer than two levels or samples, another dimension, levels out of range, a model that is not finite somewhere.
pub fn measure(
    model: &dyn DiffusionModel,
    mixture: &OwnedMixture,
    rules: QualityRules,
) -> Result<Quality> {
    for (what, count) in [("levels", rules.levels), ("samples", rules.samples)] {
        if count < 2 {
            return Err(Error::OutOfRange { what, value: count as f64, min: 2.0, max: f64::MAX });
        }
    }
    let components = Components::new(mixture)?;
    let range = model.noise();
    let last = rules.levels - 1;
    let width = (range.highest - range.lowest) / last as f64;
    let at = |index: usize| SignalNoise::variance_preserving(range.at(index as f64 / last as f64));
    let (mut levels, mut classified) = (Vec::new(), Vec::new());
    let mut noisier: Option<(f64, Points)> = None;
    for index in 0..=last {
        let neighbours = [index.checked_sub(1), (index < last).then_some(index + 1)];
        let neighbours = neighbours.map(|neighbour| neighbour.map(at));
        let scene = Scene { model, mixture, components: &components, rules };
        let points = scene.points(index, at(index), neighbours)?;
        let share = if index == 0 || index == last { 0.5 * width } else { width };
        let level = LevelQuality::of(&points, at(index), share, components.weights());
        if let Some((log_snr, noisier)) = &noisier {
            classified.extend(ClassifiedPair::of([*log_snr, level.log_snr], noisier, &points));
        }
        noisier = Some((level.log_snr, points));
        levels.push(level);
    }
    let summary = QualitySummary::of(&levels);
    Ok(Quality { levels, classified, summary })
}

impl QualitySummary {
    fn of(levels: &[LevelQuality]) -> Self {
        let noisy = levels.iter().filter(|level| level.sigma >= NOISY);
        let noisy: Vec<f64> = noisy.map(|level| level.relative_divergence.value).collect();
        let within = |limit: f64| {
            noisy.iter().filter(|&&divergence| divergence <= limit).count() as f64
                / noisy.len() as f64
        };
        let modes = levels.last().and_then(|level| level.density.as_ref()?.modes.as_ref());
        let variances = levels.iter().map(|level| level.weight_variance);
        let value = variances.clone().map(|variance| variance.value).sum::<f64>();
        let squares = variances.map(|variance| variance.std_error * variance.std_error);
        let std_error = libm::sqrt(squares.sum());
        Self {
            worst_relative_divergence: noisy.iter().copied().reduce(f64::max),
            shares_within: (!noisy.is_empty()).then(|| LIMITS.map(within)),
            mode_error: modes.map(|modes| modes.error),
            weight_variance: Measured { value, std_error },
            predicted_ess: libm::exp(-value),
        }
    }
}

impl Measured {
    /// The mean of independent numbers, at least two.
    fn mean(values: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let count = values.len() as f64;
        let value = values.clone().sum::<f64>() / count;
        let squares = values.map(|x| (x - value) * (x - value));
        let std_error = libm::sqrt(squares.sum::<f64>() / (count * (count - 1.0)));
        Self { value, std_error }
    }

    /// The ratio of the means of independent pairs, at least two; its error to first order.
    fn ratio(pairs: impl ExactSizeIterator<Item = (f64, f64)> + Clone) -> Self {
        let below = Self::mean(pairs.clone().map(|(_, below)| below)).value;
        let value = Self::mean(pairs.clone().map(|(above, _)| above)).value / below;
        let residual = Self::mean(pairs.map(|(above, below)| above - value * below));
        Self { value, std_error: residual.std_error / below }
    }

    fn scaled(self, factor: f64) -> Self {
        Self { value: factor * self.value, std_error: factor * self.std_error }
    }
}
