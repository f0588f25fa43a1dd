//! Tridiagonal matrices with known log-determinants, to run estimators on.

use amc_core::error::Result;
use amc_core::krylov::{LinearOperator, OperatorShape};
use amc_core::point::Context;
use amc_core::simd::f64x8;

/// A tridiagonal matrix, another one in every lane: cheap products, and its determinant is a recurrence.
#[derive(Debug, Clone)]
pub struct Tridiagonal {
    diagonal: Vec<f64x8>,
    upper: Vec<f64x8>,
    lower: Vec<f64x8>,
    symmetric: bool,
}

fn lanes(f: impl Fn(f64) -> f64) -> f64x8 {
    f64x8::new(core::array::from_fn(|lane| f(lane as f64)))
}

impl Tridiagonal {
    /// Diagonal entries around 0.05, within `spread`; off the diagonal around `coupling`.
    pub fn new(d: usize, coupling: f64, spread: f64, symmetric: bool) -> Self {
        let entries = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64x8> {
            (0..d).map(|i| lanes(|lane| f(i as f64, lane))).collect()
        };
        let diagonal = entries(&|i, lane| 0.05 + spread * libm::sin(1.3 * i + 0.7 * lane));
        let upper = entries(&|i, lane| coupling * (1.0 + 0.3 * libm::cos(2.1 * i + lane)));
        let other = entries(&|i, lane| coupling * (0.8 - 0.5 * libm::sin(i + 2.0 * lane)));
        let lower = if symmetric { upper.clone() } else { other };
        Self { diagonal, upper, lower, symmetric }
    }

    /// What estimators must know of it.
    pub fn shape(&self) -> OperatorShape {
        OperatorShape { dim: self.diagonal.len(), product: 0, rank: 0 }
    }

    /// `log det(I + M)` by the continued fraction of the leading minors.
    pub fn log_determinant(&self) -> [f64; 8] {
        core::array::from_fn(|lane| {
            let (mut ratio, mut sum) = (1.0, 0.0);
            for i in 0..self.diagonal.len() {
                let product = if i == 0 {
                    0.0
                } else {
                    self.upper[i - 1].to_array()[lane] * self.lower[i - 1].to_array()[lane]
                };
                ratio = 1.0 + self.diagonal[i].to_array()[lane] - product / ratio;
                sum += libm::log(ratio);
            }
            sum
        })
    }

    /// Where `w^T F w` lies for unit vectors, in all lanes: `F = log(I + M)`, or half the logarithm of its Gram matrix.
    ///
    /// By Gershgorin, `|M - D|_2 <= r`. For a symmetric `M` that bounds the eigenvalues. For any other the singular values
    /// of `I + M` are those of `I + D` within `r`, and `|log(I + M)|_2 <= -log(1 - |M|_2)`.
    pub fn range_of_forms(&self) -> (f64, f64) {
        let (mut low, mut high, mut off) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for i in 0..self.diagonal.len() {
            for lane in 0..8 {
                let at = |v: &[f64x8], i: usize| v[i].to_array()[lane].abs();
                let row = at(&self.upper, i) + if i > 0 { at(&self.lower, i - 1) } else { 0.0 };
                let column = at(&self.lower, i) + if i > 0 { at(&self.upper, i - 1) } else { 0.0 };
                off = off.max(row).max(column);
                let entry = self.diagonal[i].to_array()[lane];
                (low, high) = (low.min(entry), high.max(entry));
            }
        }
        if self.symmetric {
            return (libm::log1p(low - off), libm::log1p(high + off));
        }
        let norm = low.abs().max(high.abs()) + off;
        (libm::log1p(-norm), -libm::log1p(-norm))
    }

    fn multiply(&self, upper: &[f64x8], lower: &[f64x8], v: &[f64x8], out: &mut [f64x8]) {
        let d = v.len();
        for i in 0..d {
            let mut sum = self.diagonal[i] * v[i];
            if i > 0 {
                sum += lower[i - 1] * v[i - 1];
            }
            if i + 1 < d {
                sum += upper[i] * v[i + 1];
            }
            out[i] = sum;
        }
    }
}

impl LinearOperator for Tridiagonal {
    fn dim(&self) -> usize {
        self.diagonal.len()
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        context.evaluations.hessian_product += 1;
        self.multiply(&self.upper, &self.lower, v, out);
        Ok(())
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        context.evaluations.hessian_product += 1;
        self.multiply(&self.lower, &self.upper, v, out);
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.symmetric
    }
}
