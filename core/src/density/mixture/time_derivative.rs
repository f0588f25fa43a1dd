//! Time derivative of the log-density of a mixture along a diffusion path, in closed form.
//!
//! With `lambda = alpha^2 l + v` along the eigenvectors of component `k`, `f = alpha'/alpha` and
//! `lambda' = 2 f alpha^2 l + v'`,
//! `d/dt log p_t = sum_k r_k (sum_i lambda'_i (y_i^2 p_i - 1) p_i / 2 + f alpha mu_k . P_k (x - alpha mu_k))`,
//! `p = 1/lambda`, `y` the difference in the eigenbasis. It equals the Fokker-Planck form
//! `-f (d + x.S) + (g^2/2)(tr H + |S|^2)`, whose two terms cancel near the reference.

use super::level::{MixtureLevel, Precisions};
use super::normalize::is_negligible;
use super::{entry, row};
use crate::error::Result;
use crate::linalg::RowMajor;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Task, dispatch, dot_scalar, f64x8};

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
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        dispatch(TimeDerivative { level: self, f, variance_rate, x, scratch })
    }

    #[inline(always)]
    fn time_derivative_at<V: Lanes>(
        &self,
        f: f64,
        variance_rate: f64,
        x: &[V],
        mut scratch: Scratch<'_>,
    ) -> Result<V> {
        let responsibilities = scratch.take_lanes(self.mixture.components())?;
        let difference = scratch.take_lanes::<V>(self.mixture.dim)?;
        let local = self.local_point(x, &mut scratch)?;
        self.responsibilities_at(local, responsibilities, scratch)?;
        let mut sum = V::zero();
        for (k, &r) in responsibilities.iter().enumerate() {
            if is_negligible(r) {
                continue;
            }
            for ((z, &x), &m) in difference.iter_mut().zip(local).zip(self.mean(k)) {
                *z = x - V::splat(m);
            }
            sum = r.mul_add(self.component_time_derivative(k, f, variance_rate, difference), sum);
        }
        Ok(sum)
    }

    /// `d/dt log N(x; alpha mu_k, alpha^2 Sigma_k + v I)` for the difference `x - alpha mu_k`.
    #[inline(always)]
    fn component_time_derivative<V: Lanes>(
        &self,
        k: usize,
        f: f64,
        variance_rate: f64,
        difference: &[V],
    ) -> V {
        let d = self.mixture.dim;
        let rates = Rates { f, signal: 2.0 * f * self.alpha * self.alpha, variance_rate };
        let mean = self.mean(k);
        let eigenvalues = self.mixture.covariance.spectrum();
        let mut sum = V::zero();
        match self.precisions {
            Precisions::Isotropic(values) => {
                let (p, l) = (entry(values, k), entry(eigenvalues, k));
                for (&y, &m) in difference.iter().zip(mean) {
                    sum += rates.term(y, m, p, l);
                }
            }
            Precisions::Diagonal(values) => {
                let spectra = row(values, k, d).iter().zip(row(eigenvalues, k, d));
                for ((&y, &m), (&p, &l)) in difference.iter().zip(mean).zip(spectra) {
                    sum += rates.term(y, m, p, l);
                }
            }
            Precisions::Full { values, vectors } => {
                let spectra = row(values, k, d).iter().zip(row(eigenvalues, k, d));
                for (axis, (&p, &l)) in row(vectors, k, d * d).rows(d).zip(spectra) {
                    let m = axis.iter().zip(mean).map(|(a, m)| a * m).sum();
                    sum += rates.term(dot_scalar(axis, difference), m, p, l);
                }
            }
        }
        sum
    }
}

/// How fast mean and variance of a component change.
struct Rates {
    f: f64,
    /// `2 f alpha^2`.
    signal: f64,
    variance_rate: f64,
}

impl Rates {
    /// One eigendirection: coordinate `y`, mean `m`, precision `p`, eigenvalue `l` of `Sigma_k`.
    #[inline(always)]
    fn term<V: Lanes>(&self, y: V, m: f64, p: f64, l: f64) -> V {
        let half_rate = V::splat(0.5 * (self.signal * l + self.variance_rate) * p);
        half_rate * (y * y).mul_add(V::splat(p), V::splat(-1.0)) + y * V::splat(self.f * m * p)
    }
}

struct TimeDerivative<'a, 's> {
    level: &'a MixtureLevel<'a>,
    f: f64,
    variance_rate: f64,
    x: &'a [f64x8],
    scratch: Scratch<'s>,
}

impl Task for TimeDerivative<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<f64x8> {
        let Self { level, f, variance_rate, x, scratch } = self;
        Ok(level.time_derivative_at(f, variance_rate, V::view(x), scratch)?.vector())
    }
}
