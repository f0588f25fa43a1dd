//! `[target]`: what is sampled.

use std::path::{Path, absolute};

use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::memory::fits;
use super::reader::Section;
use super::schema::Key;
use super::value::{Interval, seed_to_toml};
use crate::catalog::{Conditioning, Standardize, TargetKind};

pub(super) const SECTION: &str = "target";

const TWO_MODES: &[&str] = &[TargetKind::TwoModes.name()];
const MANY_MODES: &[&str] = &[TargetKind::ManyModes.name()];
const SEEDED: &[&str] = &[TargetKind::ManyModes.name(), TargetKind::Gmm40.name()];
const NAMED: &[&str] =
    &[TargetKind::TwoModes.name(), TargetKind::ManyModes.name(), TargetKind::Gmm40.name()];
const FILE: &[&str] = &[TargetKind::File.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the family (two-modes)"),
    Key::when("kind", NAMED, "dim", "number of coordinates (16; many-modes 8; gmm40 10)"),
    Key::when("kind", TWO_MODES, "separation", "each mode's distance from 0, per coordinate (5.0)"),
    Key::when("kind", TWO_MODES, "conditioning", "how unequal the variances are (none)"),
    Key::when("kind", TWO_MODES, "rotate", "rotate to full covariances (false)"),
    Key::when("kind", MANY_MODES, "components", "number of modes (16)"),
    Key::when("kind", SEEDED, "seed", "draws the means (not set: the published means)"),
    Key::when("kind", FILE, "path", "mixture file, relative to the configuration"),
    Key::always("standardize", "centring and scaling (diagonal; file: as the file says)"),
];

/// Largest number of coordinates or components.
const MOST: usize = 1 << 20;

/// A validated `[target]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetConfig {
    /// The family and its parameters.
    pub family: TargetFamily,
    /// How it is centred and scaled; `None` leaves that to the mixture file.
    pub standardize: Option<Standardize>,
}

/// A target family with the parameters that it has.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetFamily {
    /// See [`TargetKind::TwoModes`].
    TwoModes {
        /// Number of coordinates.
        dim: usize,
        /// The modes lie at minus and plus this number in every coordinate.
        separation: f64,
        /// How unequal the variances are.
        conditioning: Conditioning,
        /// Whether a random rotation makes the covariance full.
        rotate: bool,
    },
    /// See [`TargetKind::ManyModes`].
    ManyModes {
        /// Number of coordinates.
        dim: usize,
        /// Number of modes.
        components: usize,
        /// Draws the means; `None` stands for the published ones.
        seed: Option<u64>,
    },
    /// See [`TargetKind::Gmm40`].
    Gmm40 {
        /// Number of coordinates.
        dim: usize,
        /// Draws the means; `None` stands for the published ones.
        seed: Option<u64>,
    },
    /// See [`TargetKind::File`].
    File {
        /// Absolute path of the mixture file.
        path: String,
    },
}

impl TargetConfig {
    /// The family's name.
    pub fn kind(&self) -> TargetKind {
        match self.family {
            TargetFamily::TwoModes { .. } => TargetKind::TwoModes,
            TargetFamily::ManyModes { .. } => TargetKind::ManyModes,
            TargetFamily::Gmm40 { .. } => TargetKind::Gmm40,
            TargetFamily::File { .. } => TargetKind::File,
        }
    }

    /// Number of coordinates; `None` where only the mixture file knows it.
    pub fn dim(&self) -> Option<usize> {
        match self.family {
            TargetFamily::TwoModes { dim, .. }
            | TargetFamily::ManyModes { dim, .. }
            | TargetFamily::Gmm40 { dim, .. } => Some(dim),
            TargetFamily::File { .. } => None,
        }
    }

    /// Reads the section; a relative file path starts at `base_dir`.
    pub(super) fn read(mut section: Section<'_>, base_dir: &Path) -> Result<Self, ConfigError> {
        let kind = section.choice("kind", TargetKind::TwoModes)?;
        let family = match kind {
            TargetKind::TwoModes => two_modes(&mut section)?,
            TargetKind::ManyModes => many_modes(&mut section)?,
            TargetKind::Gmm40 => TargetFamily::Gmm40 {
                dim: section.usize("dim", 10, 1..=MOST)?,
                seed: section.optional_u64("seed")?,
            },
            TargetKind::File => TargetFamily::File { path: file_path(&mut section, base_dir)? },
        };
        let default = (kind != TargetKind::File).then_some(Standardize::Diagonal);
        let standardize = section.optional_choice("standardize")?.or(default);
        section.finish()?;
        Ok(Self { family, standardize })
    }

    pub(super) fn to_table(&self) -> Table {
        let entries = Entries::new().put("kind", self.kind().name());
        let entries = match &self.family {
            TargetFamily::TwoModes { dim, separation, conditioning, rotate } => entries
                .count("dim", *dim)
                .put("separation", *separation)
                .put("conditioning", conditioning.name())
                .put("rotate", *rotate),
            TargetFamily::ManyModes { dim, components, seed } => entries
                .count("dim", *dim)
                .count("components", *components)
                .maybe("seed", seed.map(seed_to_toml)),
            TargetFamily::Gmm40 { dim, seed } => {
                entries.count("dim", *dim).maybe("seed", seed.map(seed_to_toml))
            }
            TargetFamily::File { path } => entries.put("path", path.as_str()),
        };
        entries.maybe("standardize", self.standardize.map(Standardize::name)).into_table()
    }
}

fn two_modes(section: &mut Section<'_>) -> Result<TargetFamily, ConfigError> {
    let dim = section.usize("dim", 16, 1..=MOST)?;
    let rotate = section.bool("rotate", false)?;
    if rotate {
        let rows = "its rows (the rotated covariance is dim x dim)".to_owned();
        fits(dim, dim, || (format!("target.dim = {dim}"), rows))?;
    }
    Ok(TargetFamily::TwoModes {
        dim,
        // Beyond a million the standardized variance drowns in rounding.
        separation: section.f64("separation", 5.0, Interval::Above(0.0, 1e6))?,
        conditioning: section.choice("conditioning", Conditioning::None)?,
        rotate,
    })
}

fn many_modes(section: &mut Section<'_>) -> Result<TargetFamily, ConfigError> {
    let dim = section.usize("dim", 8, 1..=MOST)?;
    let components = section.usize("components", 16, 1..=MOST)?;
    fits(components, dim, || {
        (format!("target.components = {components}"), format!("target.dim = {dim}"))
    })?;
    Ok(TargetFamily::ManyModes { dim, components, seed: section.optional_u64("seed")? })
}

/// The mixture file as an absolute path, so that a resolved configuration works from anywhere.
fn file_path(section: &mut Section<'_>, base_dir: &Path) -> Result<String, ConfigError> {
    let remedy = r#"target.kind = "file" needs path = "mixture.json""#;
    let path = section.string("path", remedy)?;
    if path.is_empty() {
        return Err(section.missing("path", remedy));
    }
    let full = absolute(base_dir.join(&path)).ok();
    full.and_then(|full| full.into_os_string().into_string().ok()).ok_or_else(|| {
        let conflict = "cannot be made an absolute path in UTF-8".to_owned();
        section.conflict("path", conflict, "give an absolute path".to_owned())
    })
}
