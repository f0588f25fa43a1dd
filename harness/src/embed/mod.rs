//! Your own target, from Rust, C or Python: what other programs call.
//!
//! | what | where |
//! |---|---|
//! | points in a caller's memory, with strides | [`Points`], [`PointsMut`] |
//! | a Gaussian mixture, perhaps noised, to evaluate and to sample | [`MixtureDensity`] |
//! | a target known by its log-density | [`Target`], for many points in one call [`BatchTarget`] |
//! | whether its score is the gradient of that | [`check_score`] |
//! | a density that other tools compiled | [`SharedLibrary`] |
//! | a run of a sampler on either | [`Sampling`], which ends with [`Sampled`] |
//!
//! No result depends on anything global: every run has threads of its own, and a call allocates no more than a few vectors.

mod check;
mod density;
mod error;
mod library;
mod own;
mod points;
mod sampled;
mod sampling;
mod target;

pub use check::{ScoreCheck, check_score};
pub use density::MixtureDensity;
pub use error::{EmbedError, EmbedErrorKind};
pub use library::{LibraryError, SharedLibrary};
pub(crate) use own::{Held, OwnDensity};
pub use points::{Points, PointsMut};
pub use sampled::Sampled;
pub use sampling::Sampling;
pub use target::{BatchTarget, Derivatives, Target, TargetFailure};
