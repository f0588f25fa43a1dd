//! What the caller chooses: steps, the curvature of the complement, the start.

#[cfg(doc)]
use crate::density::HessianProduct;

/// How many Lanczos steps are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rank {
    /// This many, 1 to [`LowRank::LARGEST_RANK`](super::LowRank::LARGEST_RANK); no more than `d`.
    Fixed(usize),
    /// As many as a lane needs: it ends where the residual `v beta_j`, in units of the posterior
    /// covariance `v/a^2`, is at most `tolerance`; products end with the last lane.
    Tolerance {
        /// Most steps, as in [`Rank::Fixed`].
        most: usize,
        /// Largest residual left out.
        tolerance: f64,
    },
}

/// Where the curvature `c` of the complement comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trace {
    /// `(tr H - tr T)/(d - r)` with the exact trace of [`HessianProduct::structure`]; no products.
    Structure,
    /// `sum z^T H z / sum |z|^2` over this many normal probes, projected on the complement; one
    /// product each.
    Probes(usize),
}

/// Where the Krylov space starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From the score; where it is zero the lane's `r` is 0.
    Score,
    /// From standard normals out of the stream.
    Random,
}
