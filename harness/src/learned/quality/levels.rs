//! The quality of a model at one level.

use amc_core::weight::effective_sample_size;
use serde::Serialize;

use super::Measured;
use super::modes::ModeQuality;
use super::points::Points;
use crate::learned::SignalNoise;

/// A level, measured; the module's table says what the numbers are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelQuality {
    /// `lambda = log(alpha^2/sigma^2)`.
    pub log_snr: f64,
    /// The noise where `alpha^2 + sigma^2 = 1`.
    pub sigma: f64,
    /// `E|s - S|^2 / E|S|^2`.
    pub relative_divergence: Measured,
    /// `E|s - S|^2 / d`.
    pub divergence_per_dimension: Measured,
    /// The level's part of `V`.
    pub weight_variance: Measured,
    /// Of the density, if the model has one.
    pub density: Option<DensityQuality>,
}

/// What a density is worth at a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DensityQuality {
    /// ESS of `p_theta/p` at samples of `p`, as a share of their number.
    pub ess: f64,
    /// Mean of `log p_theta - log p`: a constant, which costs nothing by itself.
    pub log_ratio_mean: Measured,
    /// Its standard deviation.
    pub log_ratio_spread: f64,
    /// Weights of modes; none where there are fewer than two.
    pub modes: Option<ModeQuality>,
}

impl LevelQuality {
    /// Reduces the samples of a level that stands for `width` of the log-SNRs; `weights` are those of the modes.
    pub(super) fn of(points: &Points, place: SignalNoise, width: f64, weights: &[f64]) -> Self {
        let Points { dim, has_density, points } = points;
        let divergence = Measured::mean(points.iter().map(|point| point.difference));
        let pairs = points.iter().map(|point| (point.difference, point.square));
        let density = || {
            let log_ratios: Vec<f64> = points.iter().map(|point| point.log_ratio).collect();
            let count = log_ratios.len() as f64;
            let log_ratio_mean = Measured::mean(log_ratios.iter().copied());
            DensityQuality {
                ess: effective_sample_size(&log_ratios) / count,
                log_ratio_mean,
                log_ratio_spread: log_ratio_mean.std_error * libm::sqrt(count),
                modes: ModeQuality::of(points, weights),
            }
        };
        Self {
            log_snr: place.log_snr(),
            sigma: place.sigma,
            relative_divergence: Measured::ratio(pairs),
            divergence_per_dimension: divergence.scaled(1.0 / *dim as f64),
            weight_variance: divergence.scaled(place.sigma * place.sigma * width),
            density: has_density.then(density),
        }
    }
}
