//! What target and model say at exact samples of a level: all that the report is made of.

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::{Error, Result, check_len};
use amc_core::rng::{Key, Phase, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8, splat};
use rayon::prelude::*;

use super::QualityRules;
use super::components::{ComponentLevels, Components};
use crate::learned::{BLOCKS, DiffusionModel, ModelLevel, SignalNoise};
use crate::mixture::OwnedMixture;

/// A model with its target.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) model: &'a dyn DiffusionModel,
    pub(super) mixture: &'a OwnedMixture,
    pub(super) components: &'a Components,
    pub(super) rules: QualityRules,
}

/// A level of both.
struct Pair<'a> {
    place: SignalNoise,
    exact: MixtureLevel<'a>,
    model: Box<dyn ModelLevel + 'a>,
}

/// What is known at one sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// The component it was drawn from.
    pub(super) component: usize,
    /// `|s - S|^2`.
    pub(super) difference: f64,
    /// `|S|^2`.
    pub(super) square: f64,
    /// `log p_theta - log p`; 0 without a density.
    pub(super) log_ratio: f64,
    /// Against the noisier and the cleaner neighbour.
    pub(super) told: [Told; 2],
}

/// The log-density under a sample's own level less that under a neighbour, both in units of the signal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) model: f64,
    pub(super) exact: f64,
}

/// The samples of a level.
pub(super) struct Points {
    /// The dimension `d`.
    pub(super) dim: usize,
    /// Whether the model has a density.
    pub(super) has_density: bool,
    pub(super) points: Vec<Point>,
}

impl<'a> Scene<'a> {
    fn pair(&self, place: SignalNoise, storage: &'a mut [f64]) -> Result<Pair<'a>> {
        let SignalNoise { alpha, sigma } = place;
        let exact = MixtureLevel::prepare(&self.mixture.view(), alpha, sigma * sigma, storage)?;
        Ok(Pair { place, exact, model: self.model.level(place) })
    }

    /// Draws the samples of level `index` and evaluates everything there.
    pub(super) fn points(
        &self,
        index: usize,
        place: SignalNoise,
        neighbours: [Option<SignalNoise>; 2],
    ) -> Result<Points> {
        let mut storage = [(); 3].map(|()| self.mixture.level_storage());
        let [own, noisier, cleaner] = &mut storage;
        let own = self.pair(place, own)?;
        let dim = own.exact.dim();
        check_len("dimension of the model", dim, own.model.dim())?;
        let has_density = own.model.has_density();
        let pair = |place: Option<SignalNoise>, storage| {
            place.filter(|_| has_density).map(|place| self.pair(place, storage)).transpose()
        };
        let [first, second] = neighbours;
        let neighbours = [pair(first, noisier)?, pair(second, cleaner)?];
        let mut of_components = self.components.storage();
        let sampler = self.components.at(place, &mut of_components)?;
        let key = Key::new(self.rules.seed, Purpose::TargetSample)
            .phase(Phase::Study)
            .level(index as u64);
        let blocks = self.rules.samples.div_ceil(LANES);
        let chunks = (0..blocks.div_ceil(BLOCKS)).into_par_iter().map(|chunk| {
            let blocks = chunk * BLOCKS..((chunk + 1) * BLOCKS).min(blocks);
            let keys = blocks.map(|block| key.block(block as u64)).collect::<Vec<_>>();
            evaluate(&own, &neighbours, &sampler, &keys)
        });
        let chunks = chunks.collect::<Result<Vec<_>>>()?;
        let mut points = chunks.concat();
        points.truncate(self.rules.samples);
        if points.iter().any(|point| !point.is_finite()) {
            return Err(Error::NotFinite { what: "the model at a level of the report", index });
        }
        Ok(Points { dim, has_density, points })
    }
}

impl Point {
    fn is_finite(&self) -> bool {
        let told = self.told.iter().flat_map(|told| [told.model, told.exact]);
        [self.difference, self.square, self.log_ratio].into_iter().chain(told).all(f64::is_finite)
    }
}

/// Some blocks, one for each key, all lanes of them.
fn evaluate(
    own: &Pair<'_>,
    neighbours: &[Option<Pair<'_>>; 2],
    sampler: &ComponentLevels<'_>,
    keys: &[Key],
) -> Result<Vec<Point>> {
    let (d, blocks) = (own.exact.dim(), keys.len());
    let pairs = neighbours.iter().flatten().chain([own]);
    let needed = pairs.map(|pair| pair.exact.scratch_len().max(pair.model.scratch_len()));
    let mut memory = vec![splat(0.0); needed.fold(sampler.scratch_len(), usize::max)];
    let mut scratch = Scratch::new(&mut memory);
    let mut x = vec![splat(0.0); blocks * d];
    let mut components = Vec::with_capacity(blocks);
    for (x, key) in x.chunks_exact_mut(d).zip(keys) {
        components.push(sampler.sample(x, &mut key.stream(), scratch.reborrow())?);
    }
    let (mut exact, mut exact_scores) = (vec![splat(0.0); blocks], x.clone());
    own.exact.log_densities_and_scores(&x, &mut exact_scores, &mut exact, scratch.reborrow())?;
    let (mut learned, mut scores) = (exact.clone(), x.clone());
    let wanted = if own.model.has_density() { &mut learned[..] } else { &mut [] };
    own.model.evaluate(&x, wanted, &mut scores, scratch.reborrow())?;
    let mut told = vec![[[Told::default(); LANES]; 2]; blocks];
    for (side, neighbour) in neighbours.iter().enumerate() {
        let Some(neighbour) = neighbour else { continue };
        let (there_learned, there_exact) = seen_from(neighbour, own, &x, scratch.reborrow())?;
        for (block, told) in told.iter_mut().enumerate() {
            let model = (learned[block] - there_learned[block]).to_array();
            let exact = (exact[block] - there_exact[block]).to_array();
            told[side] =
                std::array::from_fn(|lane| Told { model: model[lane], exact: exact[lane] });
        }
    }
    let mut points = Vec::with_capacity(blocks * LANES);
    for block in 0..blocks {
        let row = block * d..(block + 1) * d;
        let (mut difference, mut square) = (splat(0.0), splat(0.0));
        for (&s, &exact) in scores[row.clone()].iter().zip(&exact_scores[row]) {
            difference += (s - exact) * (s - exact);
            square += exact * exact;
        }
        let (difference, square) = (difference.to_array(), square.to_array());
        let log_ratio = (learned[block] - exact[block]).to_array();
        points.extend((0..LANES).map(|lane| Point {
            component: components[block][lane],
            difference: difference[lane],
            square: square[lane],
            log_ratio: log_ratio[lane],
            told: told[block].map(|told| told[lane]),
        }));
    }
    Ok(points)
}

/// Log-densities, learned and exact, of `there` at samples `x` of `own`, as densities of `own`'s coordinates if both
/// are seen in units of the signal: `y = x/alpha` has the density `alpha^d p(alpha y)`.
fn seen_from(
    there: &Pair<'_>,
    own: &Pair<'_>,
    x: &[f64x8],
    mut scratch: Scratch<'_>,
) -> Result<(Vec<f64x8>, Vec<f64x8>)> {
    let d = own.exact.dim();
    let ratio = there.place.alpha / own.place.alpha;
    let x: Vec<f64x8> = x.iter().map(|&x| x * splat(ratio)).collect();
    let mut learned = vec![splat(0.0); x.len() / d];
    there.model.evaluate(&x, &mut learned, &mut [], scratch.reborrow())?;
    let exact = x.chunks_exact(d).map(|x| there.exact.log_density(x, scratch.reborrow()));
    let mut exact = exact.collect::<Result<Vec<_>>>()?;
    let volume = splat(d as f64 * libm::log(ratio));
    learned.iter_mut().chain(&mut exact).for_each(|log_density| *log_density += volume);
    Ok((learned, exact))
}
