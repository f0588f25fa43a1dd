//! Time derivative of the log-density of a mixture along a diffusion path, in closed form.
//!
//! With `lambda = alpha^2 l + v` along the eigenvectors of component `k`, `f = alpha'/alpha` and
//! `lambda' = 2 f alpha^2 l + v'`,
//! `d/dt log p_t = sum_k r_k (sum_i lambda'_i (y_i^2 p_i - 1) p_i / 2 + f alpha mu_k . P_k (x - alpha mu_k))`,
//! `p = 1/lambda`, `y` the difference in the eigenbasis. It equals the Fokker-Planck form
//! `-f (d + x.S) + (g^2/2)(tr H + |S|^2)`, whose two terms cancel near the reference.

use super::evaluate::is_negligible;
use super::level::{MixtureLevel, Precisions};
use super::{entry, row, row_of};
use crate::error::Result;
use crate::linalg::RowMajor;
use crate::scratch::Scratch;
use crate::simd::{dot_scalar, f64x8, splat};

impl MixtureLevel<'_> {
    /// `d/dt log p_t(x)` where `f = alpha'/alpha` and `variance_rate = v'` at the level's time.
    ///
    /// # Errors
    /// A wrong length of `x` or a short workspace.
    pub fn time_derivative(
        &self,
        f: f64,
        variance_rate: f64,
        x: &[f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let responsibilities = scratch.take(self.mixture.components())?;
        let difference = scratch.take(self.mixture.dim)?;
        let local = self.local_point(x, &mut scratch)?;
        self.responsibilities_at(local, responsibilities, scratch)?;
        let mut sum = f64x8::ZERO;
        for (k, &r) in responsibilities.iter().enumerate() {
            if is_negligible(r) {
                continue;
            }
            for ((z, &x), &m) in difference.iter_mut().zip(local).zip(self.mean(k)) {
                *z = x - splat(m);
            }
            sum = r.mul_add(self.component_time_derivative(k, f, variance_rate, difference), sum);
        }
        Ok(sum)
    }

    /// `d/dt log N(x; alpha mu_k, alpha^2 Sigma_k + v I)` for the difference `x - alpha mu_k`.
    fn component_time_derivative(
        &self,
        k: usize,
        f: f64,
        variance_rate: f64,
        difference: &[f64x8],
    ) -> f64x8 {
        let d = self.mixture.dim;
        let signal = 2.0 * f * self.alpha * self.alpha;
        // One eigendirection: coordinate y, mean m, precision p, eigenvalue l of Sigma_k.
        let term = |y: f64x8, m: f64, p: f64, l: f64| {
            let half_rate = splat(0.5 * (signal * l + variance_rate) * p);
            half_rate * (y * y).mul_add(splat(p), splat(-1.0)) + y * splat(f * m * p)
        };
        let mean = self.mean(k);
        let eigenvalues = self.mixture.covariance.spectrum();
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                let eigenvalue = entry(eigenvalues, k);
                let pairs = difference.iter().zip(mean);
                pairs.fold(f64x8::ZERO, |sum, (&y, &m)| sum + term(y, m, precision, eigenvalue))
            }
            Precisions::Diagonal(values) => {
                let spectra = row(values, k, d).iter().zip(row(eigenvalues, k, d));
                let pairs = difference.iter().zip(mean).zip(spectra);
                pairs.fold(f64x8::ZERO, |sum, ((&y, &m), (&p, &l))| sum + term(y, m, p, l))
            }
            Precisions::Full { values, vectors } => {
                let spectra = row_of(values, k, d).iter().zip(row_of(eigenvalues, k, d));
                let axes = row_of(vectors, k, d * d).rows(d);
                axes.zip(spectra).fold(f64x8::ZERO, |sum, (axis, (&p, &l))| {
                    let m = axis.iter().zip(mean).map(|(a, m)| a * m).sum();
                    sum + term(dot_scalar(axis, difference), m, p, l)
                })
            }
        }
    }
}
