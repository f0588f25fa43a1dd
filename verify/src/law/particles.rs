//! One owned block of eight particles with its workspace, for the laws to drive.

use amc_core::bridge::Bridge;
use amc_core::density::Score;
use amc_core::error::Result;
use amc_core::exchange::{SwapOutcome, swap_scratch_len};
use amc_core::kernel::{MarkovKernel, Outcome};
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::Stream;
use amc_core::scratch::Scratch;
use amc_core::simd::{dot_scalar, f64x8, splat};

use super::swap::SwapMove;
use crate::oracle::ExactLaw;

/// A block of particles at one level.
#[derive(Debug, Clone)]
pub(crate) struct Particles {
    pub(crate) x: Vec<f64x8>,
    pub(crate) log_density: f64x8,
    pub(crate) score: Vec<f64x8>,
}

/// One particle of a block, in plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    /// `[d]`
    pub(crate) x: Vec<f64>,
    pub(crate) log_density: f64,
    /// `[d]`
    pub(crate) score: Vec<f64>,
}

/// Memory and stream of one block.
#[derive(Debug)]
pub(crate) struct Workspace {
    memory: Vec<f64x8>,
    pub(crate) stream: Stream,
    evaluations: Evaluations,
    /// Of all kernel steps so far.
    pub(crate) moves: MoveTally,
}

/// How often kernels accepted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MoveTally {
    proposals: usize,
    acceptance: f64,
}

/// Mean acceptance of the moves between bridges outside of which they would not matter: (almost) no move, or
/// (almost) no decision.
const ACCEPTANCE: (f64, f64) = (0.05, 0.99);

impl MoveTally {
    fn add(&mut self, outcome: &Outcome) {
        self.proposals += 8;
        self.acceptance += outcome.acceptance_probability.to_array().iter().sum::<f64>();
    }

    /// Why a pass would say nothing of the moves, if there were any.
    pub(crate) fn missing_premise(&self) -> Option<String> {
        let (low, high) = ACCEPTANCE;
        let mean = self.acceptance / self.proposals.max(1) as f64;
        let tells = self.proposals == 0 || (mean > low && mean < high);
        (!tells).then(|| format!("mean acceptance of the moves {mean:.4} not in ({low}, {high})"))
    }
}

impl Particles {
    /// Particles that are nowhere: NaN shows if one is used before it is placed.
    pub(crate) fn new(dim: usize) -> Self {
        let nan = splat(f64::NAN);
        Self { x: vec![nan; dim], log_density: nan, score: vec![nan; dim] }
    }

    pub(crate) fn point(&self) -> Point<'_> {
        Point { x: &self.x, log_density: self.log_density, score: &self.score }
    }

    pub(crate) fn point_mut(&mut self) -> PointMut<'_> {
        PointMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }

    /// `direction . x` of each particle.
    pub(crate) fn project(&self, direction: &[f64]) -> [f64; 8] {
        dot_scalar(direction, &self.x).to_array()
    }

    /// The particle of one lane below eight.
    pub(crate) fn lane(&self, lane: usize) -> Lane {
        let of = |block: &[f64x8]| block.iter().map(|v| v.as_array()[lane]).collect();
        Lane {
            x: of(&self.x),
            log_density: self.log_density.as_array()[lane],
            score: of(&self.score),
        }
    }
}

impl Workspace {
    /// Room for `len` vectors, and the block's stream.
    pub(crate) fn new(len: usize, stream: Stream) -> Self {
        Self {
            memory: vec![splat(f64::NAN); len],
            stream,
            evaluations: Evaluations::default(),
            moves: MoveTally::default(),
        }
    }

    /// Exactly `len` vectors of room: a callee that asked for too little fails.
    fn context(&mut self, len: usize) -> Context<'_> {
        let len = len.min(self.memory.len());
        Context {
            stream: &mut self.stream,
            scratch: Scratch::new(&mut self.memory[..len]),
            evaluations: &mut self.evaluations,
        }
    }

    /// Places the particles by exact sampling and evaluates them.
    pub(crate) fn sample(&mut self, law: &dyn ExactLaw, particles: &mut Particles) -> Result<()> {
        let Context { stream, scratch, .. } = self.context(law.scratch_len());
        law.sample(&mut particles.x, stream, scratch)?;
        self.evaluate(law.density(), particles)
    }

    /// Evaluates the particles where they are.
    pub(crate) fn evaluate(
        &mut self,
        density: &dyn Score,
        particles: &mut Particles,
    ) -> Result<()> {
        particles.point_mut().evaluate(density, &mut self.context(density.scratch_len()))
    }

    /// The log-density alone.
    pub(crate) fn log_density(
        &mut self,
        density: &dyn Score,
        particles: &Particles,
    ) -> Result<f64x8> {
        density.log_density(&particles.x, self.context(density.scratch_len()).scratch)
    }

    pub(crate) fn forward(
        &mut self,
        bridge: &dyn Bridge,
        x: &Particles,
        y: &mut Particles,
    ) -> Result<f64x8> {
        let context = self.context(bridge.scratch_len());
        Ok(bridge.forward(x.point(), y.point_mut(), context)?.log_work)
    }

    pub(crate) fn backward(
        &mut self,
        bridge: &dyn Bridge,
        y: &Particles,
        x: &mut Particles,
    ) -> Result<f64x8> {
        let context = self.context(bridge.scratch_len());
        Ok(bridge.backward(y.point(), x.point_mut(), context)?.log_work)
    }

    pub(crate) fn log_work(
        &mut self,
        bridge: &dyn Bridge,
        x: &Particles,
        y: &Particles,
    ) -> Result<f64x8> {
        bridge.log_work(x.point(), y.point(), self.context(bridge.scratch_len()))
    }

    /// One swap of the two levels.
    pub(crate) fn swap(
        &mut self,
        swap: &SwapMove<'_>,
        bridge: &dyn Bridge,
        noisy: &mut Particles,
        clean: &mut Particles,
    ) -> Result<SwapOutcome> {
        let context = self.context(swap_scratch_len(bridge));
        swap(bridge, noisy.point_mut(), clean.point_mut(), context)
    }

    /// One kernel step.
    pub(crate) fn step(
        &mut self,
        kernel: &dyn MarkovKernel,
        density: &dyn Score,
        step_size: f64,
        particles: &mut Particles,
    ) -> Result<Outcome> {
        let len = kernel.scratch_len(density.dim()) + density.scratch_len();
        let outcome = kernel.step(density, step_size, particles.point_mut(), self.context(len))?;
        self.moves.add(&outcome);
        Ok(outcome)
    }
}
