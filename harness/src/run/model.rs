//! The model of a configuration: read, and checked against everything it has to go with.

use std::path::Path;

use amc_core::path::NoiseSchedule;

use super::RunError;
use crate::catalog::{BridgeKind, Precision, Source};
use crate::config::{ModelConfig, PathFamily, RunConfig, Spacing};
use crate::learned::network::Head;
use crate::learned::{DiffusionModel, Model, ModelHeader, NoiseRange, Sources, read_model};
use crate::mixture::OwnedMixture;

/// A model with what levels take from it.
pub(super) struct LoadedModel {
    model: Box<dyn DiffusionModel>,
    sources: Sources,
    /// What a reader of the results should know.
    pub(super) warning: Option<String>,
}

impl LoadedModel {
    /// The model of a configuration; `None` where everything is exact.
    ///
    /// # Errors
    /// A file that is none, or a model of something else.
    pub(super) fn of(
        config: &RunConfig,
        target: &OwnedMixture,
        schedule: Option<&NoiseSchedule>,
    ) -> Result<Option<Self>, RunError> {
        let ModelConfig { density, score, file, precision } = &config.model;
        let (Some(file), Some(schedule), true) = (file, schedule, config.model.is_used()) else {
            return Ok(None);
        };
        let (model, header) = read_model(Path::new(file))?;
        let unfit = |problem: String| RunError::Model { file: file.clone(), problem };
        check_sizes(&header, target.dim()).map_err(unfit)?;
        check_uses(&model, config).map_err(unfit)?;
        check_levels(model.noise, config, schedule).map_err(unfit)?;
        let name = &target.parameters().name;
        let warning = if header.target != *name {
            Some(format!("the model was trained on {}, and the target is {name}", header.target))
        } else {
            let differs = target_section(&header.config) != target_section(&config.to_toml());
            differs.then(|| format!("the model was trained with another [target] than this {name}"))
        };
        let model: Box<dyn DiffusionModel> = match precision {
            Precision::F32 => Box::new(model),
            Precision::F64 => Box::new(model.to_f64()),
        };
        let sources = Sources { density: *density, score: *score };
        Ok(Some(Self { model, sources, warning }))
    }

    /// A model that comes from no file.
    pub(super) fn given(model: Box<dyn DiffusionModel>, sources: Sources) -> Self {
        Self { model, sources, warning: None }
    }

    /// The model and what is taken from it.
    pub(super) fn parts(&self) -> (&dyn DiffusionModel, Sources) {
        (self.model.as_ref(), self.sources)
    }
}

/// The section of a configuration that says what is sampled.
fn target_section(config: &str) -> Option<toml::Value> {
    config.parse::<toml::Table>().ok()?.remove("target")
}

fn check_sizes(header: &ModelHeader, dim: usize) -> Result<(), String> {
    if header.dim == dim {
        return Ok(());
    }
    Err(format!("has {} coordinates and the target {dim}; train one for it", header.dim))
}

/// Refuses a score network where a log-density or a Hessian is needed.
fn check_uses(model: &Model<f32>, config: &RunConfig) -> Result<(), String> {
    if model.head == Head::Energy {
        return Ok(());
    }
    if config.model.density == Source::Learned {
        let remedy = "use model.density = \"exact\" or train.network = \"energy\"";
        return Err(format!("is a score network without a log-density; {remedy}"));
    }
    let needs_hessian = match config.bridge.kind() {
        BridgeKind::Diagonal
        | BridgeKind::SecondOrder
        | BridgeKind::LowRank
        | BridgeKind::FlowMap => true,
        BridgeKind::Identity
        | BridgeKind::ExponentialIntegrator
        | BridgeKind::Ddpm
        | BridgeKind::IsotropicOptimal
        | BridgeKind::Exact => false,
    };
    if config.model.score == Source::Learned && needs_hessian {
        let kind = config.bridge.kind().name();
        let remedy = "use \"isotropic-optimal\" or train.network = \"energy\"";
        return Err(format!("has no Hessian, which bridge.kind = \"{kind}\" needs; {remedy}"));
    }
    Ok(())
}

/// Refuses levels that the model was not trained at. Those that are found by measurements lie between the ends.
fn check_levels(
    noise: NoiseRange,
    config: &RunConfig,
    schedule: &NoiseSchedule,
) -> Result<(), String> {
    let (first, last) = match (&config.path.spacing, config.path.family) {
        (Spacing::List { times }, _) => (times.first().copied(), times.last().copied()),
        (_, PathFamily::Diffusion { t_min, t_max, .. }) => (Some(t_min), Some(t_max)),
        (_, PathFamily::Tempering) => (None, None),
    };
    let (Some(t_min), Some(t_max)) = (first, last) else { return Ok(()) };
    let log_snr = |t: f64| libm::log(schedule.alpha(t) * schedule.alpha(t) / schedule.variance(t));
    let (cleanest, noisiest) = (log_snr(t_min), log_snr(t_max));
    let NoiseRange { lowest, highest } = noise;
    let slack = 1e-9 * (highest - lowest);
    if cleanest <= highest + slack && noisiest >= lowest - slack {
        return Ok(());
    }
    Err(format!(
        "knows log-SNRs from {lowest:.4} to {highest:.4}, and the levels go from {noisiest:.4} to \
         {cleanest:.4}; change path.t_min, path.t_max or path.schedule, or train with these"
    ))
}
