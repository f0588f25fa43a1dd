//! Noise levels as a model sees them: by their log signal-to-noise ratio, and the features of it.
//!
//! A model depends on a level `(alpha, sigma)` through `lambda = log(alpha^2/sigma^2)` alone, up to the scale of `x`,
//! so one model serves every noise schedule. Its time is `t' = 0.3 ((lambda - mean)/deviation - 1)` over the levels it
//! is trained on, and its features are 1, `t'`, and sines and cosines of `t'` at frequencies in geometric progression.

use amc_core::simd::{LANES, Lanes, Task, dispatch, f64x8, sin_cos_turns, splat};

use super::network::Real;

/// Time features of a network.
pub const FEATURES: usize = 32;

/// Frequencies, in radians per unit of `t'`; levels span about 1.04 of it.
const LOWEST_FREQUENCY: f64 = 2.0;
const HIGHEST_FREQUENCY: f64 = 80.0;
const FREQUENCIES: usize = FEATURES / 2 - 1;

/// Signal and noise of a level: `x = alpha x_0 + sigma noise`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignalNoise {
    /// `alpha`.
    pub alpha: f64,
    /// `sigma`.
    pub sigma: f64,
}

impl SignalNoise {
    /// The level of this log-SNR with `alpha^2 + sigma^2 = 1`.
    pub fn variance_preserving(log_snr: f64) -> Self {
        let odds = libm::exp(-log_snr);
        Self { alpha: 1.0 / libm::sqrt(1.0 + odds), sigma: 1.0 / libm::sqrt(1.0 + 1.0 / odds) }
    }

    /// `lambda = log(alpha^2/sigma^2)`.
    pub fn log_snr(self) -> f64 {
        2.0 * libm::log(self.alpha / self.sigma)
    }
}

/// The log-SNRs a model is trained on.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NoiseRange {
    /// Of the noisiest level.
    pub lowest: f64,
    /// Of the cleanest level.
    pub highest: f64,
}

impl NoiseRange {
    /// The log-SNR at a share of the way from the noisiest level to the cleanest.
    pub fn at(&self, share: f64) -> f64 {
        self.lowest + share * (self.highest - self.lowest)
    }

    /// `t'` where log-SNRs are uniform in the range.
    pub fn time(&self, log_snr: f64) -> f64 {
        let (mean, width) = (0.5 * (self.lowest + self.highest), self.highest - self.lowest);
        let deviation = width / libm::sqrt(12.0);
        0.3 * ((log_snr - mean) / deviation - 1.0)
    }

    /// Writes the features of log-SNRs `[n]` into `out` `[E x n]`.
    pub fn features<T: Real>(&self, log_snrs: &[f64], out: &mut [T]) {
        let n = log_snrs.len();
        for (block, log_snrs) in log_snrs.chunks(LANES).enumerate() {
            let mut times = [0.0; LANES];
            for (time, &log_snr) in times.iter_mut().zip(log_snrs) {
                *time = self.time(log_snr);
            }
            let mut features = [splat(0.0); FEATURES];
            dispatch(Features { times: f64x8::new(times), out: &mut features });
            for (row, feature) in out.chunks_exact_mut(n).zip(&features) {
                let row = &mut row[block * LANES..];
                for (out, &feature) in row.iter_mut().zip(feature.as_array()).take(log_snrs.len()) {
                    *out = T::from_f64(feature);
                }
            }
        }
    }
}

/// The features of eight times.
struct Features<'a> {
    times: f64x8,
    out: &'a mut [f64x8; FEATURES],
}

impl Task for Features<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let time = V::of(self.times);
        let out = V::view_mut(self.out);
        out[0] = V::splat(1.0);
        out[1] = time;
        let growth =
            libm::pow(HIGHEST_FREQUENCY / LOWEST_FREQUENCY, 1.0 / (FREQUENCIES as f64 - 1.0));
        let mut frequency = LOWEST_FREQUENCY / std::f64::consts::TAU;
        for pair in out[2..].chunks_exact_mut(2) {
            (pair[0], pair[1]) = sin_cos_turns(time * V::splat(frequency));
            frequency *= growth;
        }
    }
}
