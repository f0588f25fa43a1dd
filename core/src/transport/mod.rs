//! Deterministic transport: one step of the probability-flow ODE as a map `y = T(x)` between levels.
//!
//! In the variables `x/alpha` and `u = sigma/alpha` the ODE \[Song21\] is
//! `d(x/alpha)/du = -sigma_t S_t(x)`, so every explicit one-step method is a chain of stages
//!
//! `x_i = scale_i x + sum_{j < i} weight_ij S_j(x_j)`, `x_0 = x`, `T(x) = scale x + sum_j weight_j S_j(x_j)`,
//!
//! `S_j` the score at the noise level of stage `j`. [`FlowMethod`] gives the numbers ([`Stages`]),
//! [`FlowMap`] joins them with the densities: the map, products with its Jacobian
//! `J = scale (I + M)` and with its transpose, and the inverse.
//!
//! | what | file |
//! |---|---|
//! | the methods and their coefficients | `method.rs` |
//! | `T(x)` | `flow_map.rs` |
//! | `M` and `M^T` times a vector, from Hessian-vector products | `jacobian.rs` |
//! | `T^-1(y)`: fixed point, then Newton with a Krylov solver | `inverse.rs` |
//!
//! Maps of one stage are gradients: `M = (b/A) H` is symmetric, and on an exact variance-preserving
//! path `I + M` is positive definite everywhere, so they are invertible everywhere. Maps of more
//! stages have neither property; what cannot be inverted is reported, never used.

mod flow_map;
mod inverse;
mod jacobian;
mod method;

#[cfg(test)]
mod tests;

pub use flow_map::FlowMap;
pub use inverse::{Inversion, InversionRule};
pub use jacobian::Jacobian;
pub use method::{FlowMethod, MAX_STAGES, Node, Stages};
