//! Learned models from outside, in double precision: levels, sources, losses.
//!
//! All derivatives are compared with differences of what they are derivatives of, everything that has a closed
//! form with that form. Parameters are random in all matrices: an untrained network would hide most mistakes.

#[path = "learned/classification.rs"]
mod classification;
#[path = "learned/closed_forms.rs"]
mod closed_forms;
#[path = "learned/level.rs"]
mod level;
#[path = "learned/models.rs"]
mod models;
#[path = "learned/score_loss.rs"]
mod score_loss;
#[path = "learned/sourced.rs"]
mod sourced;
