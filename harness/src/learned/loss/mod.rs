//! Losses: what a model is trained on, one file each.
//!
//! | file | loss |
//! |---|---|
//! | `score.rs` | denoising, target and mixed score matching |
//! | `classification.rs` | which of `k` noise levels a point came from (DiffCLF) |

mod classification;
mod score;

pub use classification::Classification;
pub use score::{Draw, ScoreMatching};
