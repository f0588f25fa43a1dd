//! What a network remembers of one evaluation: memory of the caller, carved up once.
//!
//! Everything is channel-major: `[channels x n]`, one row for a channel, `n` points side by side.

use super::Real;
use super::shape::{MOST_ACTIVATIONS, Shape};

/// What an evaluation must be able to do afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: outputs alone.
    Nothing,
    /// One pass back to the input.
    Gradient,
    /// Derivatives along directions, each with its way back: Hessian-vector products.
    Linearization,
    /// One pass back to the weights.
    Weights,
    /// A pass back to the input, a derivative along a direction and its way back to the weights: second
    /// derivatives in training.
    WeightsOfGradient,
}

/// One matrix `[c x n]` for each activation `h = phi(s)`; empty where it is not kept.
pub(super) type Rows<'m, T> = [&'m mut [T]; MOST_ACTIVATIONS];

/// The memory of one evaluation of `n` points.
#[derive(Debug)]
pub struct Tape<'m, T> {
    /// `h`.
    pub(super) value: Rows<'m, T>,
    /// `phi'(s)`.
    pub(super) first: Rows<'m, T>,
    /// `phi''(s)`, and after the gradient pass its product with the adjoint of `h`.
    pub(super) bend: Rows<'m, T>,
    /// Adjoint of `s`.
    pub(super) adjoint: Rows<'m, T>,
    /// Tangent of `s`.
    pub(super) tangent: Rows<'m, T>,
    /// Tangent of `h`.
    pub(super) value_tangent: Rows<'m, T>,
    /// The stream of residuals and two passing matrices, `[c x n]` each.
    pub(super) stream: &'m mut [T],
    pub(super) passing: &'m mut [T],
    pub(super) other: &'m mut [T],
}

/// Takes `len` numbers off the front.
pub(super) fn take<'m, T>(memory: &mut &'m mut [T], len: usize) -> &'m mut [T] {
    let (piece, rest) = std::mem::take(memory).split_at_mut(len);
    *memory = rest;
    piece
}

/// Rows for `activations` activations of `len` numbers each, if they are wanted.
pub(super) fn rows<'m, T>(
    memory: &mut &'m mut [T],
    activations: usize,
    len: usize,
    wanted: bool,
) -> Rows<'m, T> {
    let count = if wanted { activations } else { 0 };
    std::array::from_fn(|i| take(memory, if i < count { len } else { 0 }))
}

impl Keep {
    /// Whether value, first, bend, adjoint, tangent, value tangent are kept.
    fn kept(self) -> [bool; 6] {
        match self {
            Self::Nothing => [false; 6],
            Self::Gradient => [false, true, false, false, false, false],
            Self::Linearization => [false, true, true, false, false, false],
            Self::Weights => [true, true, false, false, false, false],
            Self::WeightsOfGradient => [true; 6],
        }
    }
}

impl<'m, T: Real> Tape<'m, T> {
    /// Numbers that a tape for `points` points takes; what [`Keep::Linearization`] keeps lies in front.
    pub fn len(shape: &Shape, points: usize, keep: Keep) -> usize {
        let kept = keep.kept().into_iter().filter(|&kept| kept).count();
        (kept * shape.activations() + 3) * shape.channels * points
    }

    /// A tape over `memory`, of at least [`Tape::len`] numbers.
    ///
    /// # Panics
    /// When the memory is too short: an error of this room.
    pub fn new(shape: &Shape, points: usize, keep: Keep, mut memory: &'m mut [T]) -> Self {
        let len = shape.channels * points;
        let [value, first, bend, adjoint, tangent, value_tangent] =
            keep.kept().map(|kept| rows(&mut memory, shape.activations(), len, kept));
        let [stream, passing, other] = std::array::from_fn(|_| take(&mut memory, len));
        Self { value, first, bend, adjoint, tangent, value_tangent, stream, passing, other }
    }
}
