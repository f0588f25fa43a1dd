//! The particles of a population, in blocks of eight, with their log-weights.
//!
//! `ESS = (sum_i w_i)^2 / sum_i w_i^2`; the mean of the weights `sum_i w_i / N` is one factor of `Z_hat`
//! \[DelMoral06\]. Sums are plain and run once through the particles: nothing is shared with the core.

use amc_core::bridge::Bridge;
use amc_core::simd::f64x8;

use crate::VerifyError;
use crate::law::evidence::Stage;
use crate::law::particles::{Particles, Workspace};
use crate::law::resampling::Scheme;
use crate::oracle::ExactLaw;

/// Lanes of a block.
const LANES: usize = 8;

/// `N` particles; lanes past the last are moved along and never looked at.
#[derive(Debug, Clone)]
pub(super) struct Swarm {
    blocks: Vec<Particles>,
    next: Vec<Particles>,
    /// Since the last resampling, `[N]`.
    pub(super) log_weights: Vec<f64>,
}

impl Swarm {
    /// `N` particles that are nowhere.
    pub(super) fn new(particles: usize, dim: usize) -> Self {
        let blocks = vec![Particles::new(dim); particles.div_ceil(LANES)];
        Self { next: blocks.clone(), blocks, log_weights: vec![0.0; particles] }
    }

    /// Places all particles by exact sampling, with equal weights.
    pub(super) fn place(
        &mut self,
        law: &dyn ExactLaw,
        workspace: &mut Workspace,
    ) -> Result<(), VerifyError> {
        self.log_weights.fill(0.0);
        for block in &mut self.blocks {
            workspace.sample(law, block)?;
        }
        Ok(())
    }

    /// Takes all particles across a bridge and returns their log-works, `[N]`, which are not yet in their
    /// weights.
    pub(super) fn cross(
        &mut self,
        bridge: &dyn Bridge,
        workspace: &mut Workspace,
    ) -> Result<Vec<f64>, VerifyError> {
        let mut works = Vec::with_capacity(LANES * self.blocks.len());
        for (block, next) in self.blocks.iter().zip(&mut self.next) {
            works.extend(workspace.forward(bridge, block, next)?.to_array());
        }
        works.truncate(self.log_weights.len());
        core::mem::swap(&mut self.blocks, &mut self.next);
        Ok(works)
    }

    /// Adds log-works to the log-weights.
    pub(super) fn weigh(&mut self, works: &[f64]) {
        self.log_weights.iter_mut().zip(works).for_each(|(weight, work)| *weight += work);
    }

    /// The moves of a stage at the level where the particles are.
    pub(super) fn mix(
        &mut self,
        stage: &Stage<'_>,
        workspace: &mut Workspace,
    ) -> Result<(), VerifyError> {
        self.blocks.iter_mut().try_for_each(|block| stage.move_particles(workspace, block))
    }

    /// The effective sample size as a fraction of `N`.
    pub(super) fn ess_fraction(&self) -> f64 {
        let weights = relative(&self.log_weights);
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        sum * sum / (squares * weights.len() as f64)
    }

    /// The weights, divided by the largest.
    pub(super) fn weights(&self) -> Vec<f64> {
        relative(&self.log_weights)
    }

    /// Draws ancestors, `[N]`, by these weights.
    pub(super) fn ancestors(
        &self,
        (scheme, weights): (&Scheme<'_>, &[f64]),
        workspace: &mut Workspace,
    ) -> Result<Vec<usize>, VerifyError> {
        let mut ancestors = vec![usize::MAX; weights.len()];
        scheme(weights, &mut workspace.stream, &mut ancestors)?;
        match ancestors.iter().find(|&&ancestor| ancestor >= weights.len()) {
            None => Ok(ancestors),
            Some(ancestor) => VerifyError::check_range(
                "ancestor",
                *ancestor as f64,
                0.0,
                weights.len().saturating_sub(1) as f64,
            )
            .map(|()| ancestors),
        }
    }

    /// Replaces the particles by copies of their ancestors, of weight one; all caches come along.
    pub(super) fn replace(&mut self, ancestors: &[usize]) {
        for (slot, &ancestor) in ancestors.iter().enumerate() {
            copy_lane(
                (&mut self.next[slot / LANES], slot % LANES),
                (&self.blocks[ancestor / LANES], ancestor % LANES),
            );
        }
        core::mem::swap(&mut self.blocks, &mut self.next);
        self.log_weights.fill(0.0);
    }

    /// Puts a state with its caches in a slot.
    pub(super) fn put(&mut self, slot: usize, (from, lane): (&Particles, usize)) {
        copy_lane((&mut self.blocks[slot / LANES], slot % LANES), (from, lane));
    }

    /// Positions, `[N x d]`, row-major.
    pub(super) fn positions(&self) -> Vec<f64> {
        let mut positions = Vec::new();
        for particle in 0..self.log_weights.len() {
            let x = &self.blocks[particle / LANES].x;
            positions.extend(x.iter().map(|x| x.to_array()[particle % LANES]));
        }
        positions
    }
}

/// Copies one state, log-density and score included.
fn copy_lane((to, to_lane): (&mut Particles, usize), (from, from_lane): (&Particles, usize)) {
    let copy = |to: &mut f64x8, from: &f64x8| {
        to.as_mut_array()[to_lane] = from.as_array()[from_lane];
    };
    to.x.iter_mut().zip(&from.x).for_each(|(to, from)| copy(to, from));
    to.score.iter_mut().zip(&from.score).for_each(|(to, from)| copy(to, from));
    copy(&mut to.log_density, &from.log_density);
}

/// The weights, divided by the largest.
fn relative(log_weights: &[f64]) -> Vec<f64> {
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    log_weights.iter().map(|weight| libm::exp(weight - top)).collect()
}

/// `log((1/N) sum_i w_i)`; `-inf` when no particle has any weight.
pub(super) fn log_mean(log_weights: &[f64]) -> f64 {
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    let sum: f64 = log_weights.iter().map(|weight| libm::exp(weight - top)).sum();
    top + libm::log(sum / log_weights.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a mean is a sum, the effective sample size is not a fraction of `N`, or a weight of zero
    /// counts.
    #[test]
    fn sums_by_hand() {
        let mut swarm = Swarm::new(4, 1);
        let log_weights = [1.0, 3.0, 0.0, 4.0].map(|w: f64| 100.0 + w.ln());
        swarm.weigh(&log_weights);
        assert!((log_mean(&swarm.log_weights) - 100.0 - f64::ln(2.0)).abs() < 1e-12);
        assert!((swarm.ess_fraction() - 64.0 / (26.0 * 4.0)).abs() < 1e-12);
        assert_eq!(log_mean(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
    }

    /// Fails if a particle, its log-density or score is taken from another ancestor, block or lane.
    #[test]
    fn copies_bring_their_caches() {
        let mut swarm = Swarm::new(11, 2);
        let lanes = |offset: f64| f64x8::new(core::array::from_fn(|lane| offset + lane as f64));
        for (b, block) in swarm.blocks.iter_mut().enumerate() {
            let offset = 8.0 * b as f64;
            block.x = vec![lanes(offset), lanes(100.0 + offset)];
            block.score = vec![lanes(200.0 + offset), lanes(300.0 + offset)];
            block.log_density = lanes(400.0 + offset);
        }
        let ancestors = [10, 9, 0, 0, 3, 3, 3, 8, 1, 10, 7];
        swarm.replace(&ancestors);
        let expected: Vec<f64> =
            ancestors.iter().flat_map(|&a| [a as f64, 100.0 + a as f64]).collect();
        assert_eq!(swarm.positions(), expected);
        for (slot, ancestor) in ancestors.iter().enumerate() {
            let (block, lane) = (&swarm.blocks[slot / 8], slot % 8);
            assert_eq!(block.score[1].to_array()[lane], 300.0 + *ancestor as f64);
            assert_eq!(block.log_density.to_array()[lane], 400.0 + *ancestor as f64);
        }
    }
}
