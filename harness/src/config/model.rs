//! `[model]`: what the noisy levels take from a trained model.

use std::path::{Path, absolute};

use toml::Table;

use super::BridgeConfig;
use super::entries::Entries;
use super::error::ConfigError;
use super::path::{PathConfig, Spacing};
use super::reader::Section;
use super::schema::Key;
use crate::catalog::{BridgeKind, PathKind, Precision, Source};

pub(super) const SECTION: &str = "model";

pub(super) const KEYS: &[Key] = &[
    Key::always("density", "where log-densities of noisy levels come from (exact)"),
    Key::always("score", "where their scores come from (exact)"),
    Key::always("file", "the model, as `amc train` writes it, relative to the configuration"),
    Key::always("precision", "numbers of the network: f32 or f64 (f32)"),
];

/// A validated `[model]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Where log-densities come from.
    pub density: Source,
    /// Where scores come from.
    pub score: Source,
    /// Absolute path of the model file; there where anything is learned.
    pub file: Option<String>,
    /// Numbers of the network.
    pub precision: Precision,
}

impl ModelConfig {
    /// Whether anything comes from a model.
    pub fn is_used(&self) -> bool {
        self.density == Source::Learned || self.score == Source::Learned
    }

    /// Reads the section; a relative file path starts at `base_dir`. The file may stand there when nothing is
    /// learned: the two switches alone then go through all settings.
    pub(super) fn read(
        mut section: Section<'_>,
        base_dir: &Path,
        path: &PathConfig,
        bridge: &BridgeConfig,
    ) -> Result<Self, ConfigError> {
        let density = section.choice("density", Source::Exact)?;
        let score = section.choice("score", Source::Exact)?;
        let precision = section.choice("precision", Precision::F32)?;
        let file = section.optional_string("file")?;
        let remedy =
            "name the file that `amc train` wrote, e.g. file = \"trained/model.safetensors\"";
        let file = match file {
            Some(file) if file.is_empty() => return Err(section.missing("file", remedy)),
            Some(file) => {
                let full = absolute(base_dir.join(&file)).ok();
                let full = full.and_then(|full| full.into_os_string().into_string().ok());
                Some(full.ok_or_else(|| {
                    let conflict = "cannot be made an absolute path in UTF-8".to_owned();
                    section.conflict("file", conflict, "give an absolute path".to_owned())
                })?)
            }
            None => None,
        };
        let model = Self { density, score, file, precision };
        if model.is_used() {
            if model.file.is_none() {
                return Err(section.missing("file", remedy));
            }
            model.check(&section, path, bridge)?;
        }
        section.finish()?;
        Ok(model)
    }

    /// Refuses what no model can do.
    fn check(
        &self,
        section: &Section<'_>,
        path: &PathConfig,
        bridge: &BridgeConfig,
    ) -> Result<(), ConfigError> {
        let (density, score) = (self.density == Source::Learned, self.score == Source::Learned);
        let blamed = if score { "score" } else { "density" };
        if path.kind() == PathKind::Tempering {
            return Err(section.conflict(
                blamed,
                "needs noise levels, which path.kind = \"tempering\" does not have".into(),
                "use path.kind = \"diffusion\"".into(),
            ));
        }
        if score && bridge.kind() == BridgeKind::Exact {
            return Err(section.conflict(
                "score",
                "leaves bridge.kind = \"exact\" without the law it draws from".into(),
                "use bridge.kind = \"second-order\" or model.score = \"exact\"".into(),
            ));
        }
        if density && matches!(path.spacing, Spacing::Lambda { .. }) {
            return Err(section.conflict(
                "density",
                "does not go with path.spacing = \"lambda\", which is measured at exact levels"
                    .into(),
                "use path.spacing = \"log-snr\" or \"adaptive\", or model.density = \"exact\""
                    .into(),
            ));
        }
        Ok(())
    }

    pub(super) fn to_table(&self) -> Table {
        Entries::new()
            .put("density", self.density.name())
            .put("score", self.score.name())
            .maybe("file", self.file.as_deref())
            .put("precision", self.precision.name())
            .into_table()
    }
}
