//! `[bridge]`: how a particle moves from one level to the next cleaner one.

use toml::Table;

use super::LogDetConfig;
use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{BridgeKind, BridgeVariance, FlowMapKind, LogDetEstimator, PathKind};

pub(super) const SECTION: &str = "bridge";

const DDPM: &[&str] = &[BridgeKind::Ddpm.name()];
const LOW_RANK: &[&str] = &[BridgeKind::LowRank.name()];
const FLOW_MAP: &[&str] = &[BridgeKind::FlowMap.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the move (second-order; identity on a tempering path)"),
    Key::when("kind", DDPM, "variance", "which variance it uses (noise)"),
    Key::when("kind", LOW_RANK, "rank", "most Lanczos steps, one product each (4)"),
    Key::when(
        "kind",
        LOW_RANK,
        "rank_tolerance",
        "stop where what is left is below this share of the variance (not set: never)",
    ),
    Key::when("kind", FLOW_MAP, "map", "the step (heun)"),
    Key::when("kind", FLOW_MAP, "n_iter", "fixed-point iterations of the inverse (2)"),
    Key::when("kind", FLOW_MAP, "newton", "Newton steps where those do not contract (40)"),
];

/// A validated `[bridge]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BridgeConfig {
    /// See [`BridgeKind::Identity`].
    Identity,
    /// See [`BridgeKind::ExponentialIntegrator`].
    ExponentialIntegrator,
    /// See [`BridgeKind::Ddpm`].
    Ddpm {
        /// Which variance it uses.
        variance: BridgeVariance,
    },
    /// See [`BridgeKind::IsotropicOptimal`].
    IsotropicOptimal,
    /// See [`BridgeKind::Diagonal`].
    Diagonal,
    /// See [`BridgeKind::SecondOrder`].
    SecondOrder,
    /// See [`BridgeKind::LowRank`].
    LowRank {
        /// Most Lanczos steps, at least 1.
        rank: usize,
        /// Where a particle may stop before.
        tolerance: Option<f64>,
    },
    /// See [`BridgeKind::FlowMap`].
    FlowMap(FlowMapConfig),
    /// See [`BridgeKind::Exact`].
    Exact,
}

/// The parameters of a deterministic map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowMapConfig {
    /// The step.
    pub map: FlowMapKind,
    /// Fixed-point iterations of the inverse.
    pub n_iter: usize,
    /// Newton steps after them.
    pub newton: usize,
    /// How its determinant is found.
    pub logdet: LogDetConfig,
}

impl BridgeKind {
    /// Whether the bridge reverses a noising step, which only a diffusion path has.
    pub fn denoises(self) -> bool {
        self != Self::Identity
    }
}

/// Most Lanczos steps, fixed-point iterations and Newton steps.
const MOST_RANK: usize = 32;
const MOST_ITERATIONS: usize = 1000;

/// Refuses what no map can do.
fn refuse_impossible(section: &Section<'_>, flow: &FlowMapConfig) -> Result<(), ConfigError> {
    if flow.n_iter == 0 && flow.newton == 0 {
        return Err(section.conflict(
            "n_iter",
            "leaves the inverse of the map nothing to do with bridge.newton = 0".into(),
            "use at least 1 of either".into(),
        ));
    }
    let structured = flow.logdet.estimator == LogDetEstimator::Structured;
    if structured && flow.map.to_core().stages() > 1 {
        return Err(section.conflict(
            "map",
            "has several stages, but logdet.estimator = \"structured\" knows maps of one".into(),
            "use bridge.map = \"ddim\" or logdet.estimator = \"dense\"".into(),
        ));
    }
    Ok(())
}

impl BridgeConfig {
    /// The bridge's name.
    pub fn kind(&self) -> BridgeKind {
        match self {
            Self::Identity => BridgeKind::Identity,
            Self::ExponentialIntegrator => BridgeKind::ExponentialIntegrator,
            Self::Ddpm { .. } => BridgeKind::Ddpm,
            Self::IsotropicOptimal => BridgeKind::IsotropicOptimal,
            Self::Diagonal => BridgeKind::Diagonal,
            Self::SecondOrder => BridgeKind::SecondOrder,
            Self::LowRank { .. } => BridgeKind::LowRank,
            Self::FlowMap(_) => BridgeKind::FlowMap,
            Self::Exact => BridgeKind::Exact,
        }
    }

    /// The parameters of a deterministic map, if the bridge is one.
    pub fn flow_map(&self) -> Option<&FlowMapConfig> {
        match self {
            Self::FlowMap(flow) => Some(flow),
            _ => None,
        }
    }

    /// Reads the section for a path of kind `path`; `logdet` is the section of that name.
    pub(super) fn read(
        mut section: Section<'_>,
        path: PathKind,
        logdet: LogDetConfig,
    ) -> Result<Self, ConfigError> {
        let default = match path {
            PathKind::Diffusion => BridgeKind::SecondOrder,
            PathKind::Tempering => BridgeKind::Identity,
        };
        let kind = section.choice("kind", default)?;
        if path == PathKind::Tempering && kind.denoises() {
            return Err(section.conflict(
                "kind",
                "needs a noising step, which path.kind = \"tempering\" does not have".into(),
                "use bridge.kind = \"identity\" or path.kind = \"diffusion\"".into(),
            ));
        }
        let bridge = match kind {
            BridgeKind::Identity => Self::Identity,
            BridgeKind::ExponentialIntegrator => Self::ExponentialIntegrator,
            BridgeKind::Ddpm => {
                Self::Ddpm { variance: section.choice("variance", BridgeVariance::Noise)? }
            }
            BridgeKind::IsotropicOptimal => Self::IsotropicOptimal,
            BridgeKind::Diagonal => Self::Diagonal,
            BridgeKind::SecondOrder => Self::SecondOrder,
            BridgeKind::LowRank => Self::LowRank {
                rank: section.usize("rank", 4, 1..=MOST_RANK)?,
                tolerance: section.optional_f64("rank_tolerance", Interval::Open(0.0, 1.0))?,
            },
            BridgeKind::FlowMap => Self::FlowMap(FlowMapConfig {
                map: section.choice("map", FlowMapKind::Heun)?,
                n_iter: section.usize("n_iter", 2, 0..=MOST_ITERATIONS)?,
                newton: section.usize("newton", 40, 0..=MOST_ITERATIONS)?,
                logdet,
            }),
            BridgeKind::Exact => Self::Exact,
        };
        if let Self::FlowMap(flow) = &bridge {
            refuse_impossible(&section, flow)?;
        }
        section.finish()?;
        Ok(bridge)
    }

    pub(crate) fn to_table(self) -> Table {
        let entries = Entries::new().put("kind", self.kind().name());
        match self {
            Self::Ddpm { variance } => entries.put("variance", variance.name()),
            Self::LowRank { rank, tolerance } => {
                entries.count("rank", rank).maybe("rank_tolerance", tolerance)
            }
            Self::FlowMap(flow) => entries
                .put("map", flow.map.name())
                .count("n_iter", flow.n_iter)
                .count("newton", flow.newton),
            _ => entries,
        }
        .into_table()
    }
}
