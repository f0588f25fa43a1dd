//! Consecutive blocks of eight particles: all of a population, or the share of one rank.
//!
//! A block draws from the stream of its own number in the whole population, so what happens to it
//! does not depend on who holds it.

use amc_core::bridge::Bridge;
use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::Result;
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::Key;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};

/// Positions, scores `[blocks x d]` and log-densities `[blocks]`.
#[derive(Clone)]
pub struct Blocks {
    dim: usize,
    /// Number of the first block in the whole population.
    first: usize,
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: Vec<f64x8>,
}

/// Doubles in the state of one particle: position, score, log-density.
pub fn state_len(dim: usize) -> usize {
    2 * dim + 1
}

impl Blocks {
    /// Room for `blocks` blocks, the first of which has the number `first`.
    pub fn new(dim: usize, first: usize, blocks: usize) -> Self {
        let vectors = vec![f64x8::ZERO; blocks * dim];
        let log_density = vec![f64x8::ZERO; blocks];
        Self { dim, first, score: vectors.clone(), x: vectors, log_density }
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The number of particles.
    pub fn particles(&self) -> usize {
        LANES * self.log_density.len()
    }

    /// The points with their numbers in the whole population.
    pub fn points_mut(&mut self) -> impl Iterator<Item = (usize, PointMut<'_>)> {
        let rows = self.x.chunks_mut(self.dim).zip(self.score.chunks_mut(self.dim));
        let points = rows.zip(&mut self.log_density);
        points.enumerate().map(|(block, ((x, score), log_density))| {
            (self.first + block, PointMut { x, log_density, score })
        })
    }

    /// Draws exact samples of a level.
    ///
    /// # Errors
    /// Those of the core.
    pub fn sample(&mut self, level: &MixtureLevel<'_>, key: Key) -> Result<()> {
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        for (number, mut point) in self.points_mut() {
            let mut stream = key.block(number as u64).stream();
            level.sample(point.x, &mut stream, Scratch::new(&mut memory))?;
            let mut evaluations = Evaluations::default();
            let scratch = Scratch::new(&mut memory);
            let mut context =
                Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
            point.evaluate(level, &mut context)?;
        }
        Ok(())
    }

    /// Crosses a bridge to the cleaner level and adds the log-works to `log_weights`, `[particles]`.
    ///
    /// # Errors
    /// Those of the bridge.
    pub fn cross(&mut self, bridge: &dyn Bridge, key: Key, log_weights: &mut [f64]) -> Result<()> {
        let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
        let mut next = Self::new(self.dim, self.first, self.log_density.len());
        let pairs = self.points_mut().zip(next.points_mut());
        for (((number, from), (_, to)), weights) in pairs.zip(log_weights.chunks_mut(LANES)) {
            let mut stream = key.block(number as u64).stream();
            let mut evaluations = Evaluations::default();
            let scratch = Scratch::new(&mut memory);
            let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
            let works = bridge.forward(from.as_point(), to, context)?.log_work.to_array();
            for (weight, work) in weights.iter_mut().zip(works) {
                let sum = *weight + work;
                // A fault costs the particle its weight, as in the program.
                let fault = sum.is_nan() || sum == f64::INFINITY;
                *weight = if fault { f64::NEG_INFINITY } else { sum };
            }
        }
        *self = next;
        Ok(())
    }

    /// `steps` steps of MALA.
    ///
    /// # Errors
    /// Those of the density.
    pub fn mix(
        &mut self,
        density: &dyn Score,
        (steps, step_size): (usize, f64),
        key: Key,
    ) -> Result<()> {
        let mut memory = vec![f64x8::ZERO; Mala.scratch_len(self.dim) + density.scratch_len()];
        for (number, mut point) in self.points_mut() {
            let mut stream = key.block(number as u64).stream();
            let mut evaluations = Evaluations::default();
            for _ in 0..steps {
                let scratch = Scratch::new(&mut memory);
                let context =
                    Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
                Mala.step(density, step_size, point.reborrow(), context)?;
            }
        }
        Ok(())
    }

    /// Appends the state of one particle: what a message carries.
    pub fn pack(&self, particle: usize, message: &mut Vec<f64>) {
        let (block, lane) = (particle / LANES, particle % LANES);
        let row = block * self.dim..(block + 1) * self.dim;
        let vectors = self.x[row.clone()].iter().chain(&self.score[row]);
        message.extend(vectors.chain([&self.log_density[block]]).map(|v| v.as_array()[lane]));
    }

    /// Replaces all particles by `states`, `[particles x (2d + 1)]` as packed.
    pub fn unpack(&mut self, states: &[f64]) {
        let (dim, len) = (self.dim, state_len(self.dim));
        for ((_, point), states) in self.points_mut().zip(states.chunks(LANES * len)) {
            let column = |j: usize| f64x8::new(std::array::from_fn(|lane| states[lane * len + j]));
            point.x.iter_mut().enumerate().for_each(|(j, x)| *x = column(j));
            point.score.iter_mut().enumerate().for_each(|(j, s)| *s = column(dim + j));
            *point.log_density = column(2 * dim);
        }
    }

    /// All states, `[particles x (2d + 1)]`.
    pub fn states(&self) -> Vec<f64> {
        let mut states = Vec::with_capacity(self.particles() * state_len(self.dim));
        (0..self.particles()).for_each(|particle| self.pack(particle, &mut states));
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a coordinate, a score or a lane ends up in another's place.
    #[test]
    fn states_survive_the_journey() {
        let states: Vec<f64> = (0..2 * LANES * state_len(3)).map(|i| i as f64).collect();
        let mut blocks = Blocks::new(3, 5, 2);
        blocks.unpack(&states);
        assert_eq!(blocks.states(), states);
        // Particle 9 is lane 1 of the second block; its second coordinate is entry 1 of its state.
        assert_eq!(blocks.x[3 + 1].to_array()[1], states[9 * 7 + 1]);
        assert_eq!(blocks.points_mut().map(|(number, _)| number).collect::<Vec<_>>(), [5, 6]);
    }
}
