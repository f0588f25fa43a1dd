//! Ablations: one setting of a bridge takes several values, everything else stays as it is.
//!
//! `configuration -> plan (one configuration a value) -> levels, once -> studies, runs -> findings`.
//! What can be refused is refused by [`Ablation::plan`], before any work.
//!
//! | what is measured | how | file |
//! |---|---|---|
//! | `log Z`, effective sample size or rejections, cost | runs over several seeds | `run::estimates` |
//! | error of the estimated log-determinant | against the dense one, at exact samples of every level | `determinant.rs` |
//! | the inverse of a map | images of exact samples, led back | `inverse.rs` |
//!
//! Runs say what a setting does in the end, studies why. All values of a subject see the same points and the
//! same probes, so differences between them are not noise. What values share is computed once: the
//! levels, the exact determinants, the estimates that several penalties correct.

mod determinant;
mod findings;
mod inverse;
mod plan;
mod statistics;
mod subject;
#[cfg(test)]
mod tests;

pub use determinant::DeterminantRecord;
pub use findings::{Findings, Row, RunsRecord, StudySize};
pub use inverse::InverseRecord;
pub use plan::{Ablation, Piece, Source, Variant};
pub use statistics::Moments;
pub use subject::{Setting, Subject};
