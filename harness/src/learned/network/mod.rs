//! A residual network with time features, and all differentiation that models and losses need.
//!
//! | file | what |
//! |---|---|
//! | `shape.rs` | the formula of the network, its matrices |
//! | `passes.rs` | forward, input-gradient, tangents, and the adjoints of all of them |
//! | `head.rs` | energy and score from the outputs, with their derivatives |
//! | `activation.rs`, `matrix.rs`, `real.rs` | SiLU, matrix products, `f32` and `f64` |
//! | `tape.rs` | memory of an evaluation |

mod activation;
mod head;
mod matrix;
mod passes;
mod real;
mod shape;
mod tape;
#[cfg(test)]
mod tests;

pub use head::{Head, Inputs, OutputAdjoints, Outputs, Response};
pub use passes::{Sink, Times};
pub use real::Real;
pub use shape::{Layer, MOST_BLOCKS, Part, Shape};
pub use tape::{Keep, Tape};

/// A network: its sizes and its parameters, in the order of [`Shape::parts`].
#[derive(Debug, Clone, PartialEq)]
pub struct Network<T> {
    /// The sizes.
    pub shape: Shape,
    /// The parameters, `[shape.parameters()]`.
    pub parameters: Vec<T>,
}
