//! `[bridge]`: how a particle moves from one level to the next cleaner one.

use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schema::Key;
use crate::catalog::{BridgeKind, BridgeVariance, PathKind};

pub(super) const SECTION: &str = "bridge";

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the move (second-order; identity on a tempering path)"),
    Key::when("kind", &[BridgeKind::Ddpm.name()], "variance", "which variance it uses (noise)"),
];

/// A validated `[bridge]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeConfig {
    /// The bridge's name.
    pub kind: BridgeKind,
    /// Which variance ddpm uses; every other bridge has its own and ignores this.
    pub variance: BridgeVariance,
}

impl BridgeKind {
    /// Whether the bridge reverses a noising step, which only a diffusion path has.
    pub fn denoises(self) -> bool {
        self != Self::Identity
    }
}

impl BridgeConfig {
    /// Reads the section for a path of kind `path`.
    pub(super) fn read(mut section: Section<'_>, path: PathKind) -> Result<Self, ConfigError> {
        let kind = section.choice(
            "kind",
            match path {
                PathKind::Diffusion => BridgeKind::SecondOrder,
                PathKind::Tempering => BridgeKind::Identity,
            },
        )?;
        if path == PathKind::Tempering && kind.denoises() {
            return Err(section.conflict(
                "kind",
                "needs a noising step, which path.kind = \"tempering\" does not have".into(),
                "use bridge.kind = \"identity\" or path.kind = \"diffusion\"".into(),
            ));
        }
        let variance = match kind {
            BridgeKind::Ddpm => section.choice("variance", BridgeVariance::Noise)?,
            _ => BridgeVariance::Noise,
        };
        section.finish()?;
        Ok(Self { kind, variance })
    }

    pub(super) fn to_table(self) -> Table {
        let variance = (self.kind == BridgeKind::Ddpm).then_some(self.variance.name());
        Entries::new().put("kind", self.kind.name()).maybe("variance", variance).into_table()
    }
}
