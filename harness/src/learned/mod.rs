//! Learned diffusion models: an energy or a score trained from samples of the target only.
//!
//! `samples -> losses -> training -> model file -> levels of a sampler`. A model gives `log p_theta(t, x)` and its
//! exact score (energy network) or a score alone (score network); `model.density` and `model.score` of a
//! configuration say which of the two a sampler takes from it. Level 0 is always the target itself, so results stay
//! asymptotically exact whatever the model.
//!
//! | room | what lives there |
//! |---|---|
//! | [`network`] | the residual network, its input-gradient and the adjoints of both: all differentiation |
//! | `noise`, `model` | levels by their log-SNR, time features; preconditioning |
//! | `levels` | the levels a model is trained at |
//! | `level`, `sourced` | a model at one level; log-density and score from target or model |
//! | [`loss`] | score matching, classification of noise levels |
//! | [`training`] | the optimizer, stages, checkpoints |
//! | [`quality`] | how good a model is, level by level |
//! | [`data`] | a user's own training samples |
//! | [`file`](mod@file) | models and checkpoints on disk |

mod chunk;
pub mod data;
pub mod file;
mod level;
mod levels;
pub mod loss;
mod model;
pub mod network;
mod noise;
pub mod quality;
mod sourced;
mod stored;
pub mod training;

pub use level::{BLOCKS, ModelLevel, NetworkLevel};
pub use levels::{LevelConstants, TrainedLevels};
pub use model::{DataMoments, DiffusionModel, Model, Precondition};
pub use noise::{FEATURES, NoiseRange, SignalNoise};
pub use sourced::{SourcedLevel, Sources};
pub use stored::{ModelHeader, read_model, write_model};
