//! The quality of a trained model, measured against the target of its own configuration.

use std::path::Path;

use super::{Problem, RunError, model_of};
use crate::catalog::Source;
use crate::config::{Override, RunConfig};
use crate::learned::ModelHeader;
use crate::learned::quality::{Quality, QualityRules, measure};

/// A model in a folder, measured.
#[derive(Debug, Clone)]
pub struct ModelQuality {
    /// What the file says of itself.
    pub header: ModelHeader,
    /// What was measured.
    pub rules: QualityRules,
    /// The numbers.
    pub quality: Quality,
}

/// Measures the model of a finished training with so many samples at each of so many levels; without a seed, that of
/// the training (its samples come from other streams).
///
/// # Errors
/// A folder without a model, a configuration that is none, a target that the model does not fit, a model that is not
/// finite somewhere.
pub fn model_quality(
    folder: &Path,
    (samples, levels): (usize, usize),
    seed: Option<u64>,
) -> Result<ModelQuality, RunError> {
    let (model, header) = model_of(folder)?;
    let source = format!("the configuration of {}", folder.display());
    let overrides: Vec<Override> = seed.map(Override::seed).into_iter().collect();
    let mut config = RunConfig::from_toml(&header.config, &source, folder, &overrides)?;
    // The target itself is asked for, whatever a run with this configuration would take from a model.
    (config.model.density, config.model.score) = (Source::Exact, Source::Exact);
    let problem = Problem::new(&config)?;
    if header.dim != problem.mixture.dim() {
        let problem = format!(
            "has {} coordinates and its target {} by now {}; train it again",
            header.dim,
            header.target,
            problem.mixture.dim()
        );
        return Err(RunError::Model { file: folder.display().to_string(), problem });
    }
    let rules = QualityRules { samples, levels, seed: config.seed };
    let quality = measure(&model, &problem.mixture, rules)?;
    Ok(ModelQuality { header, rules, quality })
}
