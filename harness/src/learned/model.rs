//! A diffusion model: a network with its preconditioning, so that what is untrained is the moment-matched Gaussian.
//!
//! With the data's mean `m` and scalar variance `s_d^2`, at a level `(alpha, sigma)`
//!
//! ```text
//! c^2 = alpha^2 s_d^2 + sigma^2,   z = (x - alpha m)/c,   kappa = s_d alpha/sigma
//! log p_theta(x) = -|x - alpha m|^2/(2 c^2) - (d/2) log(2 pi c^2) - kappa E(t', z)
//! score S = -(z + kappa F(t', z))/c,   F = grad E
//! ```
//!
//! (Karras et al. 2022, arXiv 2206.00364: the denoiser is `c_skip x + c_out F` with a unit-variance target for `F` at
//! every noise level.) A field network gives `F`, so a score alone.

use super::level::{ModelLevel, NetworkLevel};
use super::network::{Head, Layer, Network, Part, Real, Shape};
use super::noise::{FEATURES, NoiseRange, SignalNoise};
use amc_core::rng::{Key, Purpose};

/// A network with what turns it into a diffusion model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<T> {
    /// Energy or field.
    pub head: Head,
    /// The network.
    pub network: Network<T>,
    /// The levels it knows.
    pub noise: NoiseRange,
    /// First two moments of the data.
    pub moments: DataMoments,
}

/// A model of either precision.
pub trait DiffusionModel: Send + Sync {
    /// The model at a level.
    fn level(&self, level: SignalNoise) -> Box<dyn ModelLevel + '_>;

    /// The levels it knows.
    fn noise(&self) -> NoiseRange;
}

impl<T: Real> DiffusionModel for Model<T> {
    fn level(&self, level: SignalNoise) -> Box<dyn ModelLevel + '_> {
        Box::new(NetworkLevel::new(self, level))
    }

    fn noise(&self) -> NoiseRange {
        self.noise
    }
}

/// What the untrained model knows of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct DataMoments {
    /// `m`, `[d]`.
    pub mean: Vec<f64>,
    /// `s_d`, the root of the mean variance of the coordinates.
    pub deviation: f64,
}

/// The constants of one level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Precondition {
    /// `c`.
    pub scale: f64,
    /// `kappa`.
    pub kappa: f64,
}

impl DataMoments {
    /// The constants of a level.
    pub fn precondition(&self, level: SignalNoise) -> Precondition {
        let SignalNoise { alpha, sigma } = level;
        let signal = alpha * self.deviation;
        Precondition { scale: libm::hypot(signal, sigma), kappa: signal / sigma }
    }
}

impl<T: Real> Model<T> {
    /// An untrained model: hidden layers drawn at random, nothing in the outputs.
    pub fn untrained(
        head: Head,
        (channels, blocks): (usize, usize),
        noise: NoiseRange,
        moments: DataMoments,
        seed: u64,
    ) -> Self {
        let dim = moments.mean.len();
        let shape = Shape { dim, channels, blocks, features: FEATURES };
        let mut parameters = vec![T::default(); shape.parameters()];
        let key = Key::new(seed, Purpose::Initialization);
        for (index, part) in shape.parts().enumerate() {
            let inputs = shape.size(part).1 as f64;
            // Half of the features' squares are spent on the constant, sines and cosines.
            let deviation = match part {
                Part::Weight(Layer::Output) | Part::Gain | Part::Linear => continue,
                Part::Time(Layer::Output) => continue,
                Part::Weight(Layer::Second(_)) => 1.0 / libm::sqrt(inputs * blocks as f64),
                Part::Weight(_) => 1.0 / libm::sqrt(inputs),
                Part::Time(Layer::Second(_)) => continue,
                Part::Time(_) => 1.0 / libm::sqrt(0.5 * inputs),
            };
            let target = &mut parameters[shape.range(part)];
            let mut normals = vec![0.0; target.len()];
            key.level(index as u64).stream().fill_scalar_normals(&mut normals);
            for (parameter, normal) in target.iter_mut().zip(normals) {
                *parameter = T::from_f64(deviation * normal);
            }
        }
        Self { head, network: Network { shape, parameters }, noise, moments }
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.network.shape.dim
    }
}
