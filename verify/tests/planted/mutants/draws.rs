//! Resampling schemes that are wrong only in the mean over many draws.

use amc_core::error::Result;
use amc_core::rng::Stream;
use amc_core::weight::Resampling;

/// What is wrong with the scheme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DrawDefect {
    /// Every stratum is drawn at its middle instead of uniformly.
    Middles,
    /// Weights to the power 1.05.
    PoweredWeights,
    /// Every ancestor is the next particle.
    OffByOne,
    /// The uniform of systematic resampling comes from the lower nine tenths.
    ShortUniform,
    /// The square of the uniform.
    SquaredUniform,
}

impl DrawDefect {
    pub const ALL: [Self; 5] = [
        Self::Middles,
        Self::PoweredWeights,
        Self::OffByOne,
        Self::ShortUniform,
        Self::SquaredUniform,
    ];

    /// Draws ancestors with the defect.
    pub fn ancestors(
        self,
        weights: &[f64],
        stream: &mut Stream,
        ancestors: &mut [usize],
    ) -> Result<()> {
        match self {
            Self::PoweredWeights => {
                let powered: Vec<f64> = weights.iter().map(|w| w.powf(1.05)).collect();
                Resampling::Systematic.ancestors(&powered, stream, ancestors)
            }
            Self::OffByOne => {
                Resampling::Systematic.ancestors(weights, stream, ancestors)?;
                ancestors.iter_mut().for_each(|a| *a += 1);
                Ok(())
            }
            _ => {
                let uniform = stream.uniform();
                let offset = match self {
                    Self::Middles => 0.5,
                    Self::ShortUniform => 0.9 * uniform,
                    _ => uniform * uniform,
                };
                systematic(weights, offset, ancestors);
                Ok(())
            }
        }
    }
}

/// Systematic resampling with the given offset in each stratum.
fn systematic(weights: &[f64], offset: f64, ancestors: &mut [usize]) {
    let (total, count) = (weights.iter().sum::<f64>(), ancestors.len() as f64);
    for (m, ancestor) in ancestors.iter_mut().enumerate() {
        let point = (m as f64 + offset) / count * total;
        let mut sum = 0.0;
        let found = weights.iter().position(|w| {
            sum += w;
            sum > point
        });
        *ancestor = found.unwrap();
    }
}
