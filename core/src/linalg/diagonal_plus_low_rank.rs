//! Symmetric matrices of a known structure: `A = scale (U^T U - diag(D))` in some orthonormal frame.

use crate::simd::blocks::dot;
use crate::simd::{f64x8, splat};

/// `A = scale (U^T U - diag(D))` in some orthonormal frame.
#[derive(Debug, Clone, Copy)]
pub struct DiagonalPlusLowRank<'a> {
    /// Common factor, greater than 0.
    pub scale: f64,
    /// `D`, `[d]`.
    pub diagonal: &'a [f64x8],
    /// `U`, `[rank x d]`, row-major.
    pub rows: &'a [f64x8],
}

impl DiagonalPlusLowRank<'_> {
    /// `tr A = scale (|U|^2 - sum D)`.
    pub fn trace(&self) -> f64x8 {
        let diagonal = self.diagonal.iter().fold(f64x8::ZERO, |sum, &entry| sum + entry);
        splat(self.scale) * (dot(self.rows, self.rows) - diagonal)
    }
}
