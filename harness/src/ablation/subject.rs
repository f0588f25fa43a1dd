//! What is varied: the setting, the bridge it belongs to, the values it takes by default.

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use crate::catalog::{BridgeKind, FlowMapKind, LogDetEstimator, PenaltyKind};
use crate::config::{BridgeConfig, RunConfig};

/// The setting that is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// flow-map: terms of the series, or Lanczos steps, for each probe of an estimated determinant. Fewer
    /// leave a bias that no number of probes removes; products grow with it
    #[value(name = "n_trunc")]
    NTrunc,
    /// flow-map: probes of an estimated determinant. The variance of a log-weight falls like 1/n_hutch,
    /// products grow like n_hutch; what the penalty leaves of the bias falls with the variance
    #[value(name = "n_hutch")]
    NHutch,
    /// flow-map: fixed-point iterations of the inverse, before Newton takes over. It decides the cost of
    /// swaps and of the way back, not what a run from the reference to the target finds
    #[value(name = "n_iter")]
    NIter,
    /// flow-map: how log|det J| is found, exactly or by one of the estimators
    #[value(name = "estimator")]
    Estimator,
    /// flow-map: what corrects the noise of an estimated determinant; without it exp(noise) is too large
    /// by about exp(variance/2)
    #[value(name = "penalty")]
    Penalty,
    /// flow-map: the step of the ODE, first to fourth order; more stages cost more scores
    #[value(name = "map")]
    Map,
    /// low-rank: Lanczos directions of the Hessian whose variance is exact; one product each
    #[value(name = "rank")]
    Rank,
}

/// One value of a subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A count.
    Number(usize),
    /// A name of the catalog.
    Name(&'static str),
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.serialize_u64(*number as u64),
            Self::Name(name) => to.serialize_str(name),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 7] = [
        Self::NTrunc,
        Self::NHutch,
        Self::NIter,
        Self::Estimator,
        Self::Penalty,
        Self::Map,
        Self::Rank,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        self.field().1
    }

    /// Section and key of the configuration that it varies.
    pub fn field(self) -> (&'static str, &'static str) {
        match self {
            Self::NTrunc => ("logdet", "n_trunc"),
            Self::NHutch => ("logdet", "n_hutch"),
            Self::NIter => ("bridge", "n_iter"),
            Self::Estimator => ("logdet", "estimator"),
            Self::Penalty => ("logdet", "penalty"),
            Self::Map => ("bridge", "map"),
            Self::Rank => ("bridge", "rank"),
        }
    }

    /// The bridge that has such a setting.
    pub fn bridge(self) -> BridgeKind {
        match self {
            Self::Rank => BridgeKind::LowRank,
            _ => BridgeKind::FlowMap,
        }
    }

    /// Whether the estimate of the determinant is studied by itself.
    pub fn is_about_determinants(self) -> bool {
        !matches!(self, Self::NIter | Self::Rank)
    }

    /// The values to try for this configuration in `dim` coordinates.
    pub(super) fn default_values(self, config: &RunConfig, dim: usize) -> Vec<String> {
        let numbers = |list: &[usize]| list.iter().map(usize::to_string).collect();
        let sketches =
            config.bridge.flow_map().is_some_and(|flow| flow.logdet.estimator.sketches());
        match self {
            Self::NTrunc => numbers(&[1, 2, 3, 4, 6, 8, 12, 16]),
            // A sketch leaves the rest too few probes below 8.
            Self::NHutch if sketches => numbers(&[8, 12, 16, 24, 32, 48]),
            Self::NHutch => numbers(&[2, 4, 8, 16, 32]),
            Self::NIter => numbers(&[0, 1, 2, 4, 8, 16, 32]),
            Self::Rank => {
                let ranks = [1, 2, 3, 4, 6, 8];
                numbers(&ranks.into_iter().filter(|&rank| rank <= dim).collect::<Vec<_>>())
            }
            Self::Estimator => {
                let all = LogDetEstimator::ALL.iter();
                let named = all.filter(|&&estimator| estimator != LogDetEstimator::Auto);
                named.map(|estimator| estimator.name().to_owned()).collect()
            }
            Self::Penalty => PenaltyKind::ALL.iter().map(|p| p.name().to_owned()).collect(),
            Self::Map => FlowMapKind::ALL.iter().map(|map| map.name().to_owned()).collect(),
        }
    }

    /// The value that a configuration has; `None` where its bridge has no such setting.
    pub(super) fn setting(self, config: &RunConfig) -> Option<Setting> {
        if let (Self::Rank, BridgeConfig::LowRank { rank, .. }) = (self, &config.bridge) {
            return Some(Setting::Number(*rank));
        }
        let flow = config.bridge.flow_map()?;
        match self {
            Self::NTrunc => Some(Setting::Number(flow.logdet.n_trunc)),
            Self::NHutch => Some(Setting::Number(flow.logdet.n_hutch)),
            Self::NIter => Some(Setting::Number(flow.n_iter)),
            Self::Estimator => Some(Setting::Name(flow.logdet.estimator.name())),
            Self::Penalty => Some(Setting::Name(flow.logdet.penalty.name())),
            Self::Map => Some(Setting::Name(flow.map.name())),
            Self::Rank => None,
        }
    }
}
