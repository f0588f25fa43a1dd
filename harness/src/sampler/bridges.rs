//! The bridges of an annealing problem: from a choice to the moves between its levels.

use amc_core::bridge::{
    Bridge, DdpmVariance, Denoising, DenoisingKernel, Diagonal, Exact, HessianMoments, Identity,
    LowRank, Rank, SecondOrderDense, SecondOrderStructured, Start, Trace, Transport, ddpm,
    exponential_integrator, isotropic_optimal,
};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{HessianProduct, MixtureLevel, Score};
use amc_core::error::{Error, Result};
use amc_core::logdet::{LogDeterminant, Penalty};
use amc_core::path::NoisingStep;
use amc_core::transport::{FlowMap, FlowMethod, InversionRule, Stages};

use super::{Annealing, Diffused, Level, MeanSquareScore};
use crate::catalog::BridgeKind;
use crate::learned::{ModelLevel, SignalNoise, SourcedLevel};

/// The moves between levels, with the parameters that they have.
pub enum BridgeChoice {
    /// See [`BridgeKind::Identity`].
    Identity,
    /// See [`BridgeKind::ExponentialIntegrator`].
    ExponentialIntegrator,
    /// See [`BridgeKind::Ddpm`].
    Ddpm(DdpmVariance),
    /// See [`BridgeKind::IsotropicOptimal`].
    IsotropicOptimal,
    /// See [`BridgeKind::Diagonal`].
    Diagonal,
    /// See [`BridgeKind::SecondOrder`].
    SecondOrder,
    /// See [`BridgeKind::LowRank`].
    LowRank(Rank),
    /// See [`BridgeKind::FlowMap`].
    FlowMap(FlowChoice),
    /// See [`BridgeKind::Exact`].
    Exact,
}

/// A deterministic map with what its work takes.
pub struct FlowChoice {
    /// The step.
    pub method: FlowMethod,
    /// How its inverse is found.
    pub inversion: InversionRule,
    /// How its determinant is found.
    pub determinant: Box<dyn LogDeterminant>,
    /// What corrects the noise of that.
    pub penalty: Penalty,
    /// Whether a forward move is rejected unless the inverse leads back: swaps need it.
    pub checked: bool,
}

/// A denoising bridge on a path that has no noising steps.
pub(super) const NO_DIFFUSION: Error =
    Error::Unsupported { what: "a denoising bridge needs a diffusion path" };

/// A move that needs more of a score than its model has.
const NO_HESSIAN: Error =
    Error::Unsupported { what: "this bridge needs the Hessian of an energy network" };

/// The law of a cleaner state is not known of a learned score.
const EXACT_OF_LEARNED: Error =
    Error::Unsupported { what: "the exact bridge needs the exact score" };

impl BridgeChoice {
    /// The bridge's name.
    pub fn kind(&self) -> BridgeKind {
        match self {
            Self::Identity => BridgeKind::Identity,
            Self::ExponentialIntegrator => BridgeKind::ExponentialIntegrator,
            Self::Ddpm(_) => BridgeKind::Ddpm,
            Self::IsotropicOptimal => BridgeKind::IsotropicOptimal,
            Self::Diagonal => BridgeKind::Diagonal,
            Self::SecondOrder => BridgeKind::SecondOrder,
            Self::LowRank(_) => BridgeKind::LowRank,
            Self::FlowMap(_) => BridgeKind::FlowMap,
            Self::Exact => BridgeKind::Exact,
        }
    }

    /// Whether the bridge reads the score of the noisier level.
    pub fn denoises(&self) -> bool {
        self.kind().denoises()
    }

    /// Whether the bridge needs moments of the cleaner state given the noisier one.
    fn needs_moments(&self) -> bool {
        matches!(self, Self::Diagonal | Self::SecondOrder | Self::Exact)
    }
}

/// What a bridge borrows besides the levels: room first, then what is prepared in it.
#[derive(Default)]
struct Storage<'m> {
    stages: Option<Stages>,
    transition: Vec<f64>,
    /// Of the nodes of a map that lie between the levels.
    nodes: Vec<Vec<f64>>,
    /// The model at them, if levels have one.
    models: Vec<Option<Box<dyn ModelLevel + 'm>>>,
}

/// What was prepared in a [`Storage`].
#[derive(Default)]
struct Parts<'s> {
    /// The coefficients of a map.
    stages: Option<Stages>,
    /// Exact moments, where the score is exact.
    transition: Option<MixtureTransition<'s>>,
    /// Moments from the Hessian of a learned score.
    moments: Option<HessianMoments<'s>>,
    /// The densities of the nodes of a map after the first; `None` for the cleaner level itself.
    nodes: Vec<Option<Diffused<'s>>>,
}

impl Annealing<'_> {
    /// Calls `visit` with the bridge from level `clean + 1` to level `clean`.
    ///
    /// `mean_square_score` is that of the noisier level (isotropic-optimal only).
    ///
    /// # Errors
    /// Parameters the bridge refuses, and the errors of `visit`.
    pub fn with_bridge<T, E: From<Error>>(
        &self,
        clean: usize,
        mean_square_score: Option<MeanSquareScore>,
        visit: impl FnOnce(&dyn Bridge) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        let mut storage = self.storage(clean)?;
        let parts = self.parts(clean, &mut storage)?;
        visit(self.bridge(clean, mean_square_score, &parts)?.as_ref())
    }

    /// Calls `visit` with all bridges; `bridges[i]` goes from level `i + 1` to level `i`.
    ///
    /// `mean_square_scores` are those of levels `0..=L` (isotropic-optimal only).
    ///
    /// # Errors
    /// As [`Annealing::with_bridge`].
    pub fn with_bridges<T, E: From<Error>>(
        &self,
        mean_square_scores: &[MeanSquareScore],
        visit: impl FnOnce(&[Box<dyn Bridge + '_>]) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        let storage: Result<Vec<Storage<'_>>> =
            (0..self.steps()).map(|clean| self.storage(clean)).collect();
        let mut storage = storage?;
        let parts: Result<Vec<Parts<'_>>> = storage
            .iter_mut()
            .enumerate()
            .map(|(clean, storage)| self.parts(clean, storage))
            .collect();
        let parts = parts?;
        let bridges: Result<Vec<Box<dyn Bridge + '_>>> = parts
            .iter()
            .enumerate()
            .map(|(clean, parts)| {
                self.bridge(clean, mean_square_scores.get(clean + 1).copied(), parts)
            })
            .collect();
        visit(&bridges?)
    }

    /// Calls `visit` with the deterministic map from level `clean + 1` to level `clean`.
    ///
    /// # Errors
    /// A bridge that has no map, and as [`Annealing::with_bridge`].
    pub fn with_flow_map<T, E: From<Error>>(
        &self,
        clean: usize,
        visit: impl FnOnce(&FlowMap<'_>) -> core::result::Result<T, E>,
    ) -> core::result::Result<T, E> {
        let BridgeChoice::FlowMap(_) = self.bridge else {
            return Err(Error::Unsupported { what: "only the flow-map bridge has a map" }.into());
        };
        let mut storage = self.storage(clean)?;
        let parts = self.parts(clean, &mut storage)?;
        let ends = (&self.levels[clean + 1], &self.levels[clean]);
        visit(&flow_map(ends, &parts)?)
    }

    /// The bridge to level `clean`, of the parts prepared for it.
    fn bridge<'s>(
        &'s self,
        clean: usize,
        mean_square_score: Option<MeanSquareScore>,
        parts: &'s Parts<'s>,
    ) -> Result<Box<dyn Bridge + 's>> {
        let (noisy, clean_level) = (&self.levels[clean + 1], &self.levels[clean]);
        if let BridgeChoice::Identity = self.bridge {
            return Ok(Box::new(Identity::new(noisy.density(), clean_level.density())?));
        }
        let step = self.step(clean)?;
        let join = Join { noisy: noisy.density(), clean: clean_level.density(), step };
        let transition = || parts.transition.as_ref().ok_or(NO_DIFFUSION);
        match &self.bridge {
            BridgeChoice::Identity => Err(NO_DIFFUSION),
            BridgeChoice::ExponentialIntegrator => join.bridge(exponential_integrator(&step)?),
            BridgeChoice::Ddpm(variance) => {
                join.bridge(ddpm(&step, self.ddpm_variance_at(clean, *variance))?)
            }
            BridgeChoice::IsotropicOptimal => {
                let MeanSquareScore { mean, standard_error } =
                    mean_square_score.unwrap_or(MeanSquareScore::UNKNOWN);
                join.bridge(isotropic_optimal(&step, mean, standard_error)?)
            }
            BridgeChoice::Diagonal => match &parts.moments {
                Some(moments) => join.bridge(Diagonal::new(moments)),
                None => join.bridge(Diagonal::new(transition()?)),
            },
            BridgeChoice::SecondOrder => match &parts.moments {
                Some(moments) => join.bridge(SecondOrderDense::new(moments)),
                None if structure_pays(transition()?) => {
                    join.bridge(SecondOrderStructured::new(transition()?)?)
                }
                None => join.bridge(SecondOrderDense::new(transition()?)),
            },
            BridgeChoice::LowRank(rank) => {
                let noisy = noisy.hessian_product().ok_or(NO_HESSIAN)?;
                join.bridge(LowRank::new(noisy, step, *rank, trace_of(noisy), Start::Random)?)
            }
            BridgeChoice::FlowMap(flow) => {
                let map = flow_map((noisy, clean_level), parts)?;
                let bridge =
                    Transport::new(map, join.clean, flow.determinant.as_ref(), flow.penalty)?;
                let bridge = bridge.with_inversion(flow.inversion);
                Ok(Box::new(if flow.checked { bridge.checked() } else { bridge }))
            }
            BridgeChoice::Exact => join.bridge(Exact::new(transition()?)),
        }
    }

    /// The coefficients of the map to level `clean`; `None` for other bridges.
    fn stages(&self, clean: usize) -> Result<Option<Stages>> {
        let BridgeChoice::FlowMap(flow) = &self.bridge else { return Ok(None) };
        let schedule = self.schedule.as_ref().ok_or(NO_DIFFUSION)?;
        flow.method.coefficients(schedule, &self.step(clean)?).map(Some)
    }

    /// Room for [`Annealing::parts`].
    fn storage(&self, clean: usize) -> Result<Storage<'_>> {
        let Some(noisy) = self.levels[clean + 1].diffusion() else {
            return Ok(Storage::default());
        };
        let exact = noisy.exact_score().filter(|_| self.bridge.needs_moments());
        let transition = exact.map_or(0, MixtureTransition::storage_len);
        let node = MixtureLevel::storage_len(noisy.target().mixture());
        let stages = self.stages(clean)?;
        let nodes = stages.iter().flat_map(|stages| stages.nodes().iter().skip(1));
        let (mut rooms, mut models) = (Vec::new(), Vec::new());
        for place in nodes {
            rooms.push(vec![0.0; node]);
            let sigma = libm::sqrt(place.variance);
            let model = self.model.filter(|_| sigma > 0.0);
            let level = SignalNoise { alpha: place.alpha, sigma };
            models.push(model.map(|(model, _)| model.level(level)));
        }
        Ok(Storage { stages, transition: vec![0.0; transition], nodes: rooms, models })
    }

    /// What the bridge to level `clean` needs besides the levels.
    fn parts<'s>(&'s self, clean: usize, storage: &'s mut Storage<'_>) -> Result<Parts<'s>> {
        let Some(noisy) = self.levels[clean + 1].diffusion() else { return Ok(Parts::default()) };
        let mut parts = Parts { stages: storage.stages, ..Parts::default() };
        if self.bridge.needs_moments() {
            let step = self.step(clean)?;
            let room = storage.transition.as_mut_slice();
            match (noisy.exact_score(), &self.bridge) {
                (Some(level), _) => {
                    parts.transition = Some(MixtureTransition::prepare(level, &step, room)?);
                }
                (None, BridgeChoice::Exact) => return Err(EXACT_OF_LEARNED),
                (None, _) => {
                    let hessian = noisy.hessian().ok_or(NO_HESSIAN)?;
                    parts.moments = Some(HessianMoments::new(hessian, step));
                }
            }
        }
        let clean_level = self.levels[clean].diffusion().map(Diffused::target);
        let at_clean = clean_level.map(|level| (level.alpha(), level.variance()));
        let places = storage.stages.iter().flat_map(|stages| stages.nodes().iter().skip(1));
        for (index, (node, room)) in places.zip(&mut storage.nodes).enumerate() {
            if at_clean == Some((node.alpha, node.variance)) {
                parts.nodes.push(None);
                continue;
            }
            let mixture = noisy.target().mixture();
            let exact = MixtureLevel::prepare(mixture, node.alpha, node.variance, room)?;
            parts.nodes.push(Some(match (self.model, storage.models.get(index)) {
                (Some((_, sources)), Some(Some(model))) => {
                    Diffused::Sourced(SourcedLevel::new(exact, model.as_ref(), sources)?)
                }
                _ => Diffused::Exact(exact),
            }));
        }
        Ok(parts)
    }

    /// The variance ddpm uses on the step to level `clean`.
    ///
    /// The posterior variance is zero on the step to the target, which has the noise variance
    /// instead (the run says so in a warning).
    fn ddpm_variance_at(&self, clean: usize, variance: DdpmVariance) -> DdpmVariance {
        match variance {
            DdpmVariance::Posterior if self.times[clean] == 0.0 => DdpmVariance::Noise,
            variance => variance,
        }
    }
}

/// The deterministic map of one step.
fn flow_map<'s>(
    (noisy, clean): (&'s Level<'s>, &'s Level<'s>),
    parts: &'s Parts<'s>,
) -> Result<FlowMap<'s>> {
    let mut densities = vec![noisy.hessian_product().ok_or(NO_HESSIAN)?];
    for node in &parts.nodes {
        densities.push(match node {
            Some(level) => level.hessian().ok_or(NO_HESSIAN)?,
            None => clean.hessian_product().ok_or(NO_HESSIAN)?,
        });
    }
    FlowMap::new(parts.stages.ok_or(NO_DIFFUSION)?, &densities)
}

/// Where low rank takes the curvature of the complement from: the structure of the Hessian where it has
/// one, which is exact and costs no product, else one probe. A random start beats the score:
/// mean ESS .912 instead of .904 at rank 4 on ManyModes (8, 16), 64 uniform levels.
fn trace_of(noisy: &dyn HessianProduct) -> Trace {
    if noisy.structure_rank() > 0 { Trace::Structure } else { Trace::Probes(1) }
}

/// The `K x K` form costs less than the `d x d` form when there are fewer components than
/// coordinates.
fn structure_pays(transition: &MixtureTransition<'_>) -> bool {
    transition.is_diagonal_plus_low_rank() && transition.components() <= transition.dim()
}

/// The two ends of a denoising bridge and the step between them.
struct Join<'a> {
    noisy: &'a dyn Score,
    clean: &'a dyn Score,
    step: NoisingStep,
}

impl<'a> Join<'a> {
    fn bridge<K: DenoisingKernel + 'a>(&self, kernel: K) -> Result<Box<dyn Bridge + 'a>> {
        Ok(Box::new(Denoising::new(self.noisy, self.clean, self.step, kernel)?))
    }
}
