//! `[kernel]`: the Markov moves inside a level.

use amc_core::kernel::{Hmc, Mala, RandomWalk};
use toml::Table;

use super::entries::Entries;
use super::error::ConfigError;
use super::reader::Section;
use super::schema::Key;
use super::value::Interval;
use crate::catalog::{Adaptation, KernelKind};

pub(super) const SECTION: &str = "kernel";

const MOVING: &[&str] = &[KernelKind::Rwm.name(), KernelKind::Mala.name(), KernelKind::Hmc.name()];
const HMC: &[&str] = &[KernelKind::Hmc.name()];

pub(super) const KEYS: &[Key] = &[
    Key::always("kind", "the Markov kernel (mala)"),
    Key::always("steps", "moves at each level (4; none 0)"),
    Key::when("kind", MOVING, "adapt", "when step sizes are tuned (frozen)"),
    Key::when(
        "kind",
        MOVING,
        "target_acceptance",
        "acceptance rate that step sizes are tuned to (0.574 mala, 0.234 rwm, 0.8 hmc)",
    ),
    Key::when("kind", MOVING, "step_size", "where the tuning starts (not set: from the level)"),
    Key::when("kind", HMC, "leapfrog_steps", "mean number of steps of a trajectory (8)"),
];

/// A validated `[kernel]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KernelConfig {
    /// No moves.
    None,
    /// Random-walk Metropolis.
    Rwm(MoveConfig),
    /// Metropolis-adjusted Langevin.
    Mala(MoveConfig),
    /// Hamiltonian Monte Carlo.
    Hmc {
        /// What it shares with the other kernels.
        moves: MoveConfig,
        /// Mean number of leapfrog steps; the number itself is jittered.
        leapfrog_steps: usize,
    },
}

/// What every kernel that moves has in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoveConfig {
    /// Moves at each level, at least 1.
    pub steps: usize,
    /// When step sizes are tuned.
    pub adapt: Adaptation,
    /// The acceptance rate that step sizes are tuned to, between 0 and 1.
    pub target_acceptance: f64,
    /// Where the tuning starts at every level; `None` leaves that to the kernel.
    pub step_size: Option<f64>,
}

impl MoveConfig {
    fn new(steps: usize, target_acceptance: f64) -> Self {
        Self { steps, adapt: Adaptation::Frozen, target_acceptance, step_size: None }
    }
}

impl KernelConfig {
    /// Random-walk Metropolis: so many steps at each level, tuned by a pilot.
    pub fn rwm(steps: usize) -> Self {
        Self::Rwm(MoveConfig::new(steps, RandomWalk::TARGET_ACCEPTANCE))
    }

    /// MALA: so many steps at each level, tuned by a pilot.
    pub fn mala(steps: usize) -> Self {
        Self::Mala(MoveConfig::new(steps, Mala::TARGET_ACCEPTANCE))
    }

    /// HMC: so many trajectories at each level, tuned by a pilot.
    pub fn hmc(steps: usize, leapfrog_steps: usize) -> Self {
        Self::Hmc { moves: MoveConfig::new(steps, Hmc::TARGET_ACCEPTANCE), leapfrog_steps }
    }

    /// The kernel's name.
    pub fn kind(&self) -> KernelKind {
        match self {
            Self::None => KernelKind::None,
            Self::Rwm(_) => KernelKind::Rwm,
            Self::Mala(_) => KernelKind::Mala,
            Self::Hmc { .. } => KernelKind::Hmc,
        }
    }

    /// What the kernel shares with the others; `None` where nothing moves.
    pub fn moves(&self) -> Option<&MoveConfig> {
        match self {
            Self::None => None,
            Self::Rwm(moves) | Self::Mala(moves) | Self::Hmc { moves, .. } => Some(moves),
        }
    }

    /// Moves at each level, 0 where nothing moves.
    pub fn steps(&self) -> usize {
        self.moves().map_or(0, |moves| moves.steps)
    }

    pub(super) fn read(mut section: Section<'_>) -> Result<Self, ConfigError> {
        let kernel = match section.choice("kind", KernelKind::Mala)? {
            KernelKind::None => nothing(&mut section)?,
            KernelKind::Rwm => Self::Rwm(moves(&mut section, RandomWalk::TARGET_ACCEPTANCE)?),
            KernelKind::Mala => Self::Mala(moves(&mut section, Mala::TARGET_ACCEPTANCE)?),
            KernelKind::Hmc => Self::Hmc {
                moves: moves(&mut section, Hmc::TARGET_ACCEPTANCE)?,
                leapfrog_steps: section.usize("leapfrog_steps", 8, 1..=10_000)?,
            },
        };
        section.finish()?;
        Ok(kernel)
    }

    pub(crate) fn to_table(self) -> Table {
        let entries = Entries::new().put("kind", self.kind().name()).count("steps", self.steps());
        let entries = match self.moves() {
            None => entries,
            Some(moves) => entries
                .put("adapt", moves.adapt.name())
                .put("target_acceptance", moves.target_acceptance)
                .maybe("step_size", moves.step_size),
        };
        match self {
            Self::Hmc { leapfrog_steps, .. } => entries.count("leapfrog_steps", leapfrog_steps),
            _ => entries,
        }
        .into_table()
    }
}

/// Most moves at a level: more are a typing error.
const MOST_STEPS: usize = 1_000_000;

fn nothing(section: &mut Section<'_>) -> Result<KernelConfig, ConfigError> {
    match section.usize("steps", 0, 0..=MOST_STEPS)? {
        0 => Ok(KernelConfig::None),
        _ => Err(section.conflict(
            "steps",
            "asks for moves, but kernel.kind = \"none\" makes none".into(),
            "drop kernel.steps or use kernel.kind = \"mala\"".into(),
        )),
    }
}

fn moves(section: &mut Section<'_>, acceptance: f64) -> Result<MoveConfig, ConfigError> {
    let steps = section.usize("steps", 4, 0..=MOST_STEPS)?;
    if steps == 0 {
        return Err(section.conflict(
            "steps",
            "leaves the kernel nothing to do".into(),
            "use at least 1, or kernel.kind = \"none\"".into(),
        ));
    }
    Ok(MoveConfig {
        steps,
        adapt: section.choice("adapt", Adaptation::Frozen)?,
        target_acceptance: section.f64(
            "target_acceptance",
            acceptance,
            Interval::Open(0.0, 1.0),
        )?,
        step_size: section.optional_f64("step_size", Interval::Above(0.0, 1e6))?,
    })
}
