//! The problem that the simulated ranks work on: two modes on a variance-preserving path.
//!
//! `gamma = (2/3) N(-a 1, 0.05 I) + (1/3) N(a 1, 0.05 I)`, standardized coordinate-wise
//! \[Grenioux25\]; MALA with step sizes fixed beforehand. The three kinds of moves make three kinds of
//! weights. Within a mode the DDPM kernel has the mean of the exact one, so that its works depend on the
//! noise alone and are independent; those of the exponential integrator depend on the state, too; the
//! identity leaves siblings where they were, with weights as alike as MALA lets them be.

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, Identity, ddpm, exponential_integrator};
use amc_core::density::{Covariance, Mixture, MixtureLevel};
use amc_core::error::Result;
use amc_core::path::{NoiseSchedule, NoisingStep};
use amc_core::rng::{Key, Purpose};

/// Half the distance of the modes in every coordinate, and their variance.
const SEPARATION: f64 = 5.0;
const VARIANCE: f64 = 0.05;

/// The moves between levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// Draws from the DDPM kernel.
    Ddpm,
    /// Draws from the kernel of the exponential integrator.
    Integrator,
    /// Particles stay.
    Identity,
}

/// What distinguishes the problems of the simulation.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The dimension `d`.
    pub dim: usize,
    /// The number of annealing steps `L`.
    pub steps: usize,
    /// The moves between levels.
    pub moves: Moves,
    /// The seed of all random numbers.
    pub seed: u64,
}

/// Levels `0..=steps` of a path, ready to run.
pub struct Problem<'a> {
    /// The dimension `d`.
    pub dim: usize,
    /// Level 0 is the target.
    pub levels: Vec<MixtureLevel<'a>>,
    /// The noising step from level `i` to level `i + 1`.
    pub noising: Vec<NoisingStep>,
    /// MALA's step size at each level.
    pub step_sizes: Vec<f64>,
    /// MALA steps at each level.
    pub kernel_steps: usize,
    moves: Moves,
    seed: u64,
}

impl Problem<'_> {
    /// Calls `visit` with the problem.
    ///
    /// # Errors
    /// Those of the core, and of `visit`.
    pub fn with<T>(
        Choice { dim, steps, moves, seed }: Choice,
        visit: impl FnOnce(&Problem<'_>) -> Result<T>,
    ) -> Result<T> {
        let scale = libm::sqrt(VARIANCE + 8.0 * SEPARATION * SEPARATION / 9.0);
        let mut means = vec![-2.0 * SEPARATION / (3.0 * scale); dim];
        means.resize(2 * dim, 4.0 * SEPARATION / (3.0 * scale));
        let variance = [VARIANCE / (scale * scale)];
        let covariance = Covariance::Isotropic(&variance);
        let mixture = Mixture::new(dim, &[2.0 / 3.0, 1.0 / 3.0], &means, covariance)?;
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0)?;
        let time = |level: usize| level as f64 / steps as f64;
        let mut storage = vec![vec![0.0; MixtureLevel::storage_len(&mixture)]; steps + 1];
        let mut levels = Vec::with_capacity(steps + 1);
        let mut step_sizes = Vec::with_capacity(steps + 1);
        for (level, storage) in storage.iter_mut().enumerate() {
            let (alpha, noise) = (schedule.alpha(time(level)), schedule.variance(time(level)));
            levels.push(MixtureLevel::prepare(&mixture, alpha, noise, storage)?);
            // MALA's scaling with the dimension, at about its best acceptance for a Gaussian.
            let width = alpha * alpha * variance[0] + noise;
            step_sizes.push(0.7 * width / libm::cbrt(dim as f64));
        }
        let noising = (0..steps).map(|level| schedule.step(time(level), time(level + 1)));
        let noising = noising.collect::<Result<_>>()?;
        visit(&Problem { dim, levels, noising, step_sizes, kernel_steps: 2, moves, seed })
    }

    /// The number of annealing steps `L`.
    pub fn steps(&self) -> usize {
        self.noising.len()
    }

    /// The bridge from level `clean + 1` to level `clean`.
    ///
    /// # Errors
    /// Those of the core.
    pub fn bridge(&self, clean: usize) -> Result<Box<dyn Bridge + '_>> {
        let (noisy, cleaner) = (&self.levels[clean + 1], &self.levels[clean]);
        if self.moves == Moves::Identity {
            return Ok(Box::new(Identity::new(noisy, cleaner)?));
        }
        let step = self.noising[clean];
        let kernel = match self.moves {
            Moves::Integrator => exponential_integrator(&step)?,
            _ => ddpm(&step, DdpmVariance::Noise)?,
        };
        Ok(Box::new(Denoising::new(noisy, cleaner, step, kernel)?))
    }

    /// The random streams of one purpose at one level.
    pub fn key(&self, purpose: Purpose, level: usize) -> Key {
        Key::new(self.seed, purpose).level(level as u64)
    }
}
