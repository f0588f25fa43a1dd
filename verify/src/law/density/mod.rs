//! Laws of a density: its derivatives, its normalization, and what ties both to its samples.
//!
//! | law | asks of the density |
//! |---|---|
//! | [`derivatives`] | the score, and products with the Hessian or the Hessian where there are any |
//! | [`normalization`] | three dimensions at most |
//! | [`stein`] | exact samples |

mod derivatives;
mod normalization;
mod stein;

use amc_core::density::{Hessian, HessianProduct};

use crate::oracle::ExactLaw;

pub use derivatives::derivatives;
pub use normalization::normalization;
pub use stein::stein;

/// A density with what it offers beyond the score.
#[derive(Clone, Copy)]
pub struct DensityInstance<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The density, with exact samples and projections.
    pub law: &'a dyn ExactLaw,
    /// The same density's products with the Hessian.
    pub product: Option<&'a dyn HessianProduct>,
    /// The same density's Hessian.
    pub hessian: Option<&'a dyn Hessian>,
}
