//! Why a mixture is not fitted, each as one line for the user.
//!
//! Rows and columns are counted from 1, as in files of points.

/// Everything that can keep samples from their mixture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Numbers that are no whole rows.
    #[error("samples: {numbers} numbers are not rows of {dim}")]
    Shape {
        /// Numbers found.
        numbers: usize,
        /// Dimension `d`.
        dim: usize,
    },
    /// A number that is not finite.
    #[error("samples: row {row}, column {column} is {value}; every number must be finite")]
    NotFinite {
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The number.
        value: f64,
    },
    /// Fewer samples than determine the components.
    #[error(
        "samples: {found} of them, and {components} components of this covariance take at least {needed}; use fewer \
         components or a simpler covariance"
    )]
    TooFew {
        /// Samples found.
        found: usize,
        /// Components asked for.
        components: usize,
        /// Samples they take.
        needed: usize,
    },
    /// Fewer different samples than components.
    #[error(
        "samples: only {found} of them differ, too few for {components} components; use fewer components"
    )]
    TooFewDifferent {
        /// Different samples found.
        found: usize,
        /// Components asked for.
        components: usize,
    },
    /// A coordinate that has no spread.
    #[error(
        "samples: column {column} is {value} in every row; a density needs a spread, so leave it out"
    )]
    Constant {
        /// Column, from 1.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// A coordinate whose spread is no number.
    #[error("samples: the variance of column {column} overflows; use other units")]
    Overflow {
        /// Column, from 1.
        column: usize,
    },
    /// An option that cannot be.
    #[error("{name} = {value}: must be {allowed}")]
    Option {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// Somebody wanted it to stop.
    #[error("the fit was stopped; nothing is kept of it")]
    Stopped,
    /// A computation of the core.
    #[error(transparent)]
    Core(#[from] amc_core::error::Error),
}
