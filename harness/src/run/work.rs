//! What a run cost per particle, from its summary: what "at equal cost" compares.

use serde::Deserialize;

/// Evaluations of one kind each.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Counts {
    pub(crate) density: u64,
    pub(crate) score: u64,
    pub(crate) hessian_product: u64,
}

/// The part of `summary.json` that says what a run cost.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Work {
    /// Of the whole run.
    pub(crate) evaluations: Counts,
    /// Of the run from the other side.
    #[serde(default)]
    reverse_evaluations: Counts,
    /// Of the check of a map for folds.
    #[serde(default)]
    check_evaluations: Counts,
    /// Samples.
    pub(crate) particles: u64,
    ladders: Option<u64>,
    rounds: Option<u64>,
    warmup: Option<u64>,
}

/// Evaluations for one particle, or for one ladder in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerParticle {
    pub(crate) density: f64,
    pub(crate) score: f64,
    pub(crate) hessian_product: f64,
}

impl PerParticle {
    /// Of all kinds together.
    pub(crate) fn total(&self) -> f64 {
        self.score + self.density + self.hessian_product
    }
}

impl Work {
    /// What evaluations are shared by: particles, or ladders times rounds, warm-up included.
    pub(crate) fn shares(&self) -> f64 {
        match (self.ladders, self.rounds) {
            (Some(ladders), Some(rounds)) => {
                ladders as f64 * (rounds as f64 + self.warmup.unwrap_or(0) as f64)
            }
            _ => self.particles as f64,
        }
    }

    /// What the method needs, placing the levels and the pilot included, without the run from the other side and the check of
    /// a map, which no method needs. `None` of nothing to share it.
    pub(crate) fn per_particle(&self) -> Option<PerParticle> {
        let shares = self.shares();
        let needed = |of: fn(&Counts) -> u64| {
            let others = [self.reverse_evaluations, self.check_evaluations];
            (of(&self.evaluations) as f64 - others.iter().map(|c| of(c) as f64).sum::<f64>())
                / shares
        };
        (shares > 0.0).then(|| PerParticle {
            density: needed(|counts| counts.density),
            score: needed(|counts| counts.score),
            hessian_product: needed(|counts| counts.hessian_product),
        })
    }
}
