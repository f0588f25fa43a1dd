//! Exact samples of a mixture at a noise level, each with the component it was drawn from.
//!
//! A uniform picks the component by its weight; the sample is one of that component alone, diffused. (The core's own
//! sampler of a level keeps its choice to itself.)

use amc_core::density::MixtureLevel;
use amc_core::error::Result;
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};

use crate::learned::SignalNoise;
use crate::mixture::OwnedMixture;
use crate::target::{Covariance, MixtureParameters};

/// The components of a mixture, one by one.
pub(super) struct Components {
    parts: Vec<OwnedMixture>,
    weights: Vec<f64>,
}

impl Components {
    /// Takes a mixture apart.
    pub(super) fn new(mixture: &OwnedMixture) -> Result<Self> {
        let parameters = mixture.parameters();
        let dim = parameters.dim;
        let part = |k: usize| {
            let entries = parameters.covariance.component(dim, k).to_vec();
            OwnedMixture::new(MixtureParameters {
                name: parameters.name.clone(),
                dim,
                weights: vec![1.0],
                means: parameters.mean(k).to_vec(),
                covariance: match parameters.covariance {
                    Covariance::Isotropic(_) => Covariance::Isotropic(entries),
                    Covariance::Diagonal(_) => Covariance::Diagonal(entries),
                    Covariance::Full(_) => Covariance::Full(entries),
                },
                origin: String::new(),
            })
        };
        let parts = (0..parameters.components()).map(part).collect::<Result<_>>()?;
        let view = mixture.view();
        let weights = (0..parameters.components()).map(|k| view.weight(k)).collect();
        Ok(Self { parts, weights })
    }

    /// Weights, normalized, `[K]`.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Room for [`Components::at`].
    pub(super) fn storage(&self) -> Vec<Vec<f64>> {
        self.parts.iter().map(OwnedMixture::level_storage).collect()
    }

    /// All components at a level.
    pub(super) fn at<'a>(
        &'a self,
        level: SignalNoise,
        storage: &'a mut [Vec<f64>],
    ) -> Result<ComponentLevels<'a>> {
        let SignalNoise { alpha, sigma } = level;
        let parts = self.parts.iter().zip(storage);
        let levels = parts
            .map(|(part, storage)| {
                MixtureLevel::prepare(&part.view(), alpha, sigma * sigma, storage)
            })
            .collect::<Result<_>>()?;
        let mut total = 0.0;
        let cumulated = self.weights.iter().map(|weight| {
            total += weight;
            total
        });
        Ok(ComponentLevels { levels, cumulated: cumulated.collect() })
    }
}

/// The components at a level.
pub(super) struct ComponentLevels<'a> {
    levels: Vec<MixtureLevel<'a>>,
    cumulated: Vec<f64>,
}

impl ComponentLevels<'_> {
    /// Workspace, in vectors, of [`ComponentLevels::sample`].
    pub(super) fn scratch_len(&self) -> usize {
        use amc_core::density::LogDensity;
        let dim = self.levels.first().map_or(0, LogDensity::dim);
        dim + self.levels.iter().map(LogDensity::scratch_len).max().unwrap_or(0)
    }

    /// Fills `x` `[d]` with eight samples and says which component each is of.
    pub(super) fn sample(
        &self,
        x: &mut [f64x8],
        stream: &mut Stream,
        mut scratch: Scratch<'_>,
    ) -> Result<[usize; LANES]> {
        let total = self.cumulated.last().copied().unwrap_or(1.0);
        let chosen = stream.uniforms().to_array().map(|uniform| {
            // A component of weight zero ends where the one before it does, so none falls to it.
            self.cumulated.partition_point(|&end| end <= uniform * total)
        });
        let candidate = scratch.take(x.len())?;
        for (k, level) in self.levels.iter().enumerate().filter(|(k, _)| chosen.contains(k)) {
            level.sample(candidate, stream, scratch.reborrow())?;
            for (x, candidate) in x.iter_mut().zip(&*candidate) {
                let (kept, candidate) = (x.to_array(), candidate.to_array());
                *x = f64x8::new(std::array::from_fn(|lane| {
                    if chosen[lane] == k { candidate[lane] } else { kept[lane] }
                }));
            }
        }
        Ok(chosen)
    }
}
