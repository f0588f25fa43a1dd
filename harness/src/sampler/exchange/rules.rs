//! What a run of replica exchange is asked for.

use crate::catalog::SwapOrder;

/// How a level below the reference is explored between swaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explorer {
    /// By so many steps of the kernel.
    Kernel {
        /// Steps at each level and round; none if there is no kernel.
        steps: usize,
    },
    /// By a fresh exact sample, where the levels can be sampled: an oracle.
    Exact,
}

/// Where the ladders start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Independent draws of the reference at every level.
    Reference,
    /// One descent from the reference through the bridges, mixing at each level.
    Descent,
    /// One ascent from an exact sample of the target.
    Target,
    /// Independent exact samples of every level, where they can be sampled: an oracle.
    Exact,
}

/// How long and how wide a run of replica exchange is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExchangeRules {
    /// Independent ladders, at least 1.
    pub ladders: usize,
    /// Rounds that count, at least 1.
    pub rounds: usize,
    /// Rounds before them.
    pub warmup: usize,
    /// Which pairs a round swaps.
    pub order: SwapOrder,
    /// How levels are explored.
    pub explorer: Explorer,
    /// Most samples kept of level 0: at least one round, unless 0.
    pub samples: usize,
    /// Most samples kept of every level; 0 keeps none.
    pub samples_of_levels: usize,
}
