//! Training: stages of steps, each a fixed function of the seed, the step and what was before.
//!
//! | file | what |
//! |---|---|
//! | `rules.rs` | stages and their learning rates |
//! | `data.rs` | samples as the model sees them, with the target's scores |
//! | `stage.rs` | a step: chunks in parallel, gradients summed in a fixed order |
//! | `optimizer.rs` | AdamW, clipping, the moving average |
//! | `validation.rs` | losses on samples kept apart, by noise level |
//! | `trainer.rs` | a training from its beginning, or from a checkpoint, to its end |
//! | `checkpoint.rs` | all of a training in a file, and in the one before |

mod checkpoint;
mod data;
mod optimizer;
mod rules;
mod stage;
mod trainer;
mod validation;

pub use checkpoint::{
    Checkpoint, DamagedCheckpoint, newest_checkpoint, previous_checkpoint, read_checkpoint,
    write_checkpoint,
};
pub use data::TrainingData;
pub use optimizer::{OptimizerRules, OptimizerState};
pub use rules::{ClassificationRules, StageRules, TrainingRules};
pub use stage::{Material, Stage, StepLosses};
pub use trainer::{Record, Sums, Trained, Trainer, TrainingError, Watcher};
pub use validation::{BANDS, ValidationLosses, validate};

/// Points that one thread handles together: what is kept of them stays in its second cache.
pub const CHUNK: usize = 64;
