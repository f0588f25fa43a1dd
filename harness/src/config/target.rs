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
const SEEDED: &[&str] =
    &[TargetKind::ManyModes.name(), TargetKind::Gmm40.name(), TargetKind::SharedLibrary.name()];
const NAMED: &[&str] =
    &[TargetKind::TwoModes.name(), TargetKind::ManyModes.name(), TargetKind::Gmm40.name()];
const FILE: &[&str] = &[TargetKind::File.name()];
const LIBRARY: &[&str] = &[TargetKind::SharedLibrary.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the family (two-modes)"),
    Key::when("kind", NAMED, "dim", "number of coordinates (16; many-modes 8; gmm40 10)"),
    Key::when("kind", TWO_MODES, "separation", "each mode's distance from 0, per coordinate (5.0)"),
    Key::when("kind", TWO_MODES, "conditioning", "how unequal the variances are (none)"),
    Key::when("kind", TWO_MODES, "rotate", "rotate to full covariances (false)"),
    Key::when("kind", MANY_MODES, "components", "number of modes (16)"),
    Key::when(
        "kind",
        SEEDED,
        "seed",
        "draws the means (not set: the published means); of a library, for the model's own data (0)",
    ),
    Key::when("kind", FILE, "path", "mixture file, relative to the configuration"),
    Key::when("kind", LIBRARY, "library", "the shared library, relative to the configuration"),
    Key::when("kind", LIBRARY, "data", "of the model: JSON, or a file that ends in .json (none)"),
    Key::when(
        "kind",
        LIBRARY,
        "backbone",
        "mixture file near the target, whose path leads to it (none)",
    ),
    Key::when(
        "kind",
        LIBRARY,
        "reference_scale",
        "width of the start of tempering, without backbone (1.0)",
    ),
    Key::when(
        "kind",
        LIBRARY,
        "finite_differences",
        "step of derivatives that it lacks (not set: refused)",
    ),
    Key::when(
        "kind",
        LIBRARY,
        "reject_failures",
        "where the model fails its density is 0 (false: a failure ends the run)",
    ),
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
    /// See [`TargetKind::SharedLibrary`].
    SharedLibrary(LibraryConfig),
}

/// A density in a shared library, and the path to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LibraryConfig {
    /// Absolute path of the library.
    pub library: String,
    /// The model's data: JSON, or the absolute path of a file that ends in `.json`.
    pub data: Option<String>,
    /// Seed of what the model draws when it is made.
    pub seed: u32,
    /// Absolute path of the mixture whose diffusion path leads to the target.
    pub backbone: Option<String>,
    /// Standard deviation of all coordinates of the Gaussian that a tempering path starts from, without backbone.
    pub reference_scale: f64,
    /// Step of differences for derivatives that the library lacks.
    pub finite_differences: Option<f64>,
    /// Whether a point that the model fails at is one of density zero; else it ends the run.
    pub reject_failures: bool,
}

impl LibraryConfig {
    /// The library, and the file of its data if that is one.
    pub fn files(&self) -> Vec<&String> {
        let data = self.data.as_ref().filter(|data| data.ends_with(".json"));
        std::iter::once(&self.library).chain(data).collect()
    }
}

impl TargetConfig {
    /// The family's name.
    pub fn kind(&self) -> TargetKind {
        match self.family {
            TargetFamily::TwoModes { .. } => TargetKind::TwoModes,
            TargetFamily::ManyModes { .. } => TargetKind::ManyModes,
            TargetFamily::Gmm40 { .. } => TargetKind::Gmm40,
            TargetFamily::File { .. } => TargetKind::File,
            TargetFamily::SharedLibrary(_) => TargetKind::SharedLibrary,
        }
    }

    /// Number of coordinates; `None` where only the mixture file knows it.
    pub fn dim(&self) -> Option<usize> {
        match self.family {
            TargetFamily::TwoModes { dim, .. }
            | TargetFamily::ManyModes { dim, .. }
            | TargetFamily::Gmm40 { dim, .. } => Some(dim),
            TargetFamily::File { .. } | TargetFamily::SharedLibrary(_) => None,
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
            TargetKind::File => {
                let remedy = r#"target.kind = "file" needs path = "mixture.json""#;
                TargetFamily::File { path: required_path(&mut section, "path", remedy, base_dir)? }
            }
            TargetKind::SharedLibrary => {
                TargetFamily::SharedLibrary(shared_library(&mut section, base_dir)?)
            }
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
            TargetFamily::SharedLibrary(library) => entries
                .put("library", library.library.as_str())
                .maybe("data", library.data.as_deref())
                .put("seed", i64::from(library.seed))
                .maybe("backbone", library.backbone.as_deref())
                .maybe(
                    "reference_scale",
                    library.backbone.is_none().then_some(library.reference_scale),
                )
                .maybe("finite_differences", library.finite_differences)
                .put("reject_failures", library.reject_failures),
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

fn shared_library(
    section: &mut Section<'_>,
    base_dir: &Path,
) -> Result<LibraryConfig, ConfigError> {
    let remedy = r#"target.kind = "shared-library" needs library = "model.so""#;
    let library = required_path(section, "library", remedy, base_dir)?;
    let data = match section.optional_string("data")? {
        Some(text) if text.ends_with(".json") => Some(full_path(section, "data", &text, base_dir)?),
        other => other,
    };
    let seed = match section.optional_u64("seed")?.map(u32::try_from) {
        None => 0,
        Some(Ok(seed)) => seed,
        Some(Err(_)) => {
            let conflict = format!("is more than {}, the most that a library takes", u32::MAX);
            return Err(section.conflict("seed", conflict, "give a smaller one".to_owned()));
        }
    };
    let backbone = section.optional_string("backbone")?;
    let backbone =
        backbone.map(|path| full_path(section, "backbone", &path, base_dir)).transpose()?;
    let scale = section.optional_f64("reference_scale", Interval::Above(0.0, 1e6))?;
    if backbone.is_some() && scale.is_some() {
        let conflict = "is told by target.backbone too".to_owned();
        return Err(section.conflict(
            "reference_scale",
            conflict,
            "give one of the two".to_owned(),
        ));
    }
    let finite_differences =
        section.optional_f64("finite_differences", Interval::Open(0.0, 1.0))?;
    let reference_scale = scale.unwrap_or(1.0);
    let reject_failures = section.bool("reject_failures", false)?;
    Ok(LibraryConfig {
        library,
        data,
        seed,
        backbone,
        reference_scale,
        finite_differences,
        reject_failures,
    })
}

/// A file that must be given.
fn required_path(
    section: &mut Section<'_>,
    key: &'static str,
    remedy: &str,
    base_dir: &Path,
) -> Result<String, ConfigError> {
    let path = section.string(key, remedy)?;
    if path.is_empty() {
        return Err(section.missing(key, remedy));
    }
    full_path(section, key, &path, base_dir)
}

/// The file as an absolute path, so that a resolved configuration works from anywhere.
fn full_path(
    section: &Section<'_>,
    key: &str,
    path: &str,
    base_dir: &Path,
) -> Result<String, ConfigError> {
    let full = absolute(base_dir.join(path)).ok();
    full.and_then(|full| full.into_os_string().into_string().ok()).ok_or_else(|| {
        let conflict = "cannot be made an absolute path in UTF-8".to_owned();
        section.conflict(key, conflict, "give an absolute path".to_owned())
    })
}
