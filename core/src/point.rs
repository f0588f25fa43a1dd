//! A block of eight particles with what is known of them at one level.
//!
//! Kernels and bridges pass the cached `(log p, S)` along, so a move evaluates only where it goes.

mod blocks;

pub(crate) use blocks::blocks_in_cache;
pub use blocks::{Blocks, BlocksMut, Team};

use crate::density::Score;
use crate::error::Result;
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{copy, f64x8};

/// Eight particles at a level: position, log-density and score there.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// Position, `[d]`.
    pub x: &'a [f64x8],
    /// `log p(x)` of the level.
    pub log_density: f64x8,
    /// `S(x)` of the level, `[d]`.
    pub score: &'a [f64x8],
}

/// A [`Point`] that can be moved.
#[derive(Debug)]
pub struct PointMut<'a> {
    /// Position, `[d]`.
    pub x: &'a mut [f64x8],
    /// `log p(x)` of the level.
    pub log_density: &'a mut f64x8,
    /// `S(x)` of the level, `[d]`.
    pub score: &'a mut [f64x8],
}

/// How often densities were evaluated, per particle: the cost unit of the field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evaluations {
    /// Log-densities.
    pub density: u64,
    /// Scores (each comes with a log-density, which is counted above too).
    pub score: u64,
    /// Hessian-vector products; a Hessian, its diagonal or its structured factor counts as `d`,
    /// what a target without structure would pay for it.
    pub hessian_product: u64,
}

impl Evaluations {
    /// Adds `other`, counted for `particles` particles.
    pub fn add(&mut self, other: &Self, particles: u64) {
        self.density = self.density.wrapping_add(other.density.wrapping_mul(particles));
        self.score = self.score.wrapping_add(other.score.wrapping_mul(particles));
        self.hessian_product =
            self.hessian_product.wrapping_add(other.hessian_product.wrapping_mul(particles));
    }

    /// Adds so many scores, each with its log-density.
    pub(crate) fn count_scores(&mut self, scores: u64) {
        self.density = self.density.wrapping_add(scores);
        self.score = self.score.wrapping_add(scores);
    }
}

/// What a move needs besides the particles: randomness, room to work, and the cost account.
#[derive(Debug)]
pub struct Context<'a> {
    /// The stream of this block for this purpose.
    pub stream: &'a mut Stream,
    /// Workspace.
    pub scratch: Scratch<'a>,
    /// Evaluations made so far.
    pub evaluations: &'a mut Evaluations,
}

impl Context<'_> {
    /// The same context for a nested call.
    pub fn reborrow(&mut self) -> Context<'_> {
        Context {
            stream: self.stream,
            scratch: self.scratch.reborrow(),
            evaluations: self.evaluations,
        }
    }
}

impl PointMut<'_> {
    /// Evaluates log-density and score at the current position.
    ///
    /// # Errors
    /// Those of the density.
    pub fn evaluate(&mut self, density: &dyn Score, context: &mut Context<'_>) -> Result<()> {
        *self.log_density =
            density.log_density_and_score(self.x, self.score, context.scratch.reborrow())?;
        context.evaluations.count_scores(1);
        Ok(())
    }

    /// The point, to read.
    pub fn as_point(&self) -> Point<'_> {
        Point { x: self.x, log_density: *self.log_density, score: self.score }
    }

    /// The same point for a nested call.
    pub fn reborrow(&mut self) -> PointMut<'_> {
        PointMut { x: self.x, log_density: self.log_density, score: self.score }
    }

    /// Takes over another point.
    pub fn copy_from(&mut self, other: Point<'_>) {
        copy(self.x, other.x);
        copy(self.score, other.score);
        *self.log_density = other.log_density;
    }
}
