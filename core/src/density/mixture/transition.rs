//! The law of the cleaner state given the noisier one, exact for a mixture.
//!
//! Component by component `x_s | x_t, k ~ N(m_k, C_k)` with, along the eigenvectors of `Sigma_k`,
//! `C = v Sigma_s / Sigma_t`, `m_k = alpha_s mu_k + G (x_t - alpha_t mu_k)`, `G = a Sigma_s / Sigma_t`
//! (`Sigma_s = alpha_s^2 l + v_s`, `Sigma_t` likewise). With responsibilities `r_k(x_t)`:
//! `m = sum_k r_k m_k`, `C(x_t) = sum_k r_k (C_k + (m_k - m)(m_k - m)^T)`.
//! These are Tweedie's moments `m = (x_t + v S_t)/a`, `C = (v/a^2)(I + v H_t)` without cancellation.

use super::level::{MixtureLevel, Precisions, split};
use super::{Covariance, entry, row};
use crate::density::LogDensity;
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;
use crate::path::NoisingStep;
use crate::simd::{Lanes, add_scaled, dot, dot_scalar};

/// `p(x_s | x_t)` between two levels of a mixture, prepared once per pair of levels.
#[derive(Debug, Clone, Copy)]
pub struct MixtureTransition<'a> {
    pub(super) noisy: &'a MixtureLevel<'a>,
    step: NoisingStep,
    /// `G`, shaped like the covariance parameters.
    gains: &'a [f64],
    /// `C_k`, shaped like the covariance parameters.
    pub(super) variances: &'a [f64],
    /// `C_k^{1/2}`, likewise.
    pub(super) deviations: &'a [f64],
    /// `log det C_k`, one if shared, else `[K]`.
    log_determinants: &'a [f64],
}

impl<'a> MixtureTransition<'a> {
    /// Numbers of `f64` storage that a transition of this mixture takes.
    pub fn storage_len(level: &MixtureLevel<'_>) -> usize {
        3 * level.mixture.covariance.spectrum().len() + level.mixture.components()
    }

    /// Prepares the transition that ends at `noisy`.
    ///
    /// # Errors
    /// Wrong storage length; a step whose noisy end is not the level given.
    pub fn prepare(
        noisy: &'a MixtureLevel<'a>,
        step: &NoisingStep,
        storage: &'a mut [f64],
    ) -> Result<Self> {
        check_len("transition storage", Self::storage_len(noisy), storage.len())?;
        if step.alpha_noisy != noisy.alpha || step.variance_noisy != noisy.variance {
            return Err(Error::Unsupported { what: "the step does not end at this level" });
        }
        let spectrum = noisy.mixture.covariance.spectrum();
        let d = noisy.dim();
        let (gains, rest) = split(storage, spectrum.len())?;
        let (variances, rest) = split(rest, spectrum.len())?;
        let (deviations, log_determinants) = split(rest, spectrum.len())?;
        for ((gain, variance), l) in gains.iter_mut().zip(variances.iter_mut()).zip(spectrum) {
            let clean = step.alpha_clean * step.alpha_clean * l + step.variance_clean;
            let noisy = step.alpha_noisy * step.alpha_noisy * l + step.variance_noisy;
            *gain = step.ratio * (clean / noisy);
            *variance = step.variance * (clean / noisy);
        }
        for (deviation, variance) in deviations.iter_mut().zip(&*variances) {
            *deviation = libm::sqrt(*variance);
        }
        // Numbers held per covariance, and how often each stands on its diagonal.
        let (width, repeats) = match noisy.mixture.covariance {
            Covariance::Isotropic(_) => (1, d as f64),
            _ => (d, 1.0),
        };
        for (log_determinant, c) in log_determinants.iter_mut().zip(variances.rows(width)) {
            let sum: f64 = c.iter().map(|c| libm::log(*c)).sum();
            *log_determinant = sum * repeats;
        }
        let shared = spectrum.len() == width;
        let log_determinants: &'a [f64] = log_determinants;
        let log_determinants =
            if shared { log_determinants.get(..1).unwrap_or(&[]) } else { log_determinants };
        Ok(Self { noisy, step: *step, gains, variances, deviations, log_determinants })
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.noisy.dim()
    }

    /// The number of components `K`.
    pub fn components(&self) -> usize {
        self.noisy.mixture.components()
    }

    /// The step this transition reverses.
    pub fn step(&self) -> &NoisingStep {
        &self.step
    }

    /// Workspace, in vectors, that any method needs.
    pub fn scratch_len(&self) -> usize {
        3 * self.components() + 4 * self.dim() + self.noisy.scratch_len()
    }

    /// `out = m_k(x) = alpha_s mu_k + G (x - alpha_t mu_k)`, in the local frame.
    #[inline(always)]
    pub(super) fn component_mean<V: Lanes>(
        &self,
        k: usize,
        x: &[V],
        out: &mut [V],
        difference: &mut [V],
    ) {
        let d = self.dim();
        let mean = self.noisy.mean(k);
        // The level stores alpha_t mu_k; divided by a it is alpha_s mu_k.
        let inverse_ratio = V::splat(1.0 / self.step.ratio);
        match self.noisy.precisions {
            Precisions::Isotropic(_) => {
                let gain = V::splat(entry(self.gains, k));
                for ((o, &x), &m) in out.iter_mut().zip(x).zip(mean) {
                    let m = V::splat(m);
                    *o = (x - m).mul_add(gain, m * inverse_ratio);
                }
            }
            Precisions::Diagonal(_) => {
                let gains = row(self.gains, k, d);
                for (((o, &x), &m), &gain) in out.iter_mut().zip(x).zip(mean).zip(gains) {
                    let m = V::splat(m);
                    *o = (x - m).mul_add(V::splat(gain), m * inverse_ratio);
                }
            }
            Precisions::Full { vectors, .. } => {
                for (((o, z), &x), &m) in out.iter_mut().zip(difference.iter_mut()).zip(x).zip(mean)
                {
                    let m = V::splat(m);
                    (*o, *z) = (m * inverse_ratio, x - m);
                }
                let axes = row(vectors, k, d * d).rows(d);
                for (axis, &gain) in axes.zip(row(self.gains, k, d)) {
                    add_scaled(out, V::splat(gain) * dot_scalar(axis, difference), axis);
                }
            }
        }
    }

    /// `out += scale * diag(C_k)`, for covariances that are diagonal in the local frame.
    #[inline(always)]
    pub(super) fn add_component_diagonal<V: Lanes>(&self, k: usize, scale: V, out: &mut [V]) {
        match self.noisy.precisions {
            Precisions::Isotropic(_) => {
                let variance = entry(self.variances, k);
                for o in out.iter_mut() {
                    *o = scale.mul_add(V::splat(variance), *o);
                }
            }
            _ => {
                for (o, &c) in out.iter_mut().zip(row(self.variances, k, self.dim())) {
                    *o = scale.mul_add(V::splat(c), *o);
                }
            }
        }
    }

    /// `out += C_k^{1/2} z`, in the local frame.
    #[inline(always)]
    pub(super) fn add_component_noise<V: Lanes>(&self, k: usize, normals: &[V], out: &mut [V]) {
        let d = self.dim();
        match self.noisy.precisions {
            Precisions::Isotropic(_) => {
                let deviation = V::splat(entry(self.deviations, k));
                for (o, &z) in out.iter_mut().zip(normals) {
                    *o = deviation.mul_add(z, *o);
                }
            }
            Precisions::Diagonal(_) => {
                for ((o, &z), &c) in out.iter_mut().zip(normals).zip(row(self.deviations, k, d)) {
                    *o = V::splat(c).mul_add(z, *o);
                }
            }
            Precisions::Full { vectors, .. } => {
                let axes = row(vectors, k, d * d).rows(d);
                for ((axis, &c), &z) in axes.zip(row(self.deviations, k, d)).zip(normals) {
                    add_scaled(out, V::splat(c) * z, axis);
                }
            }
        }
    }

    /// `log det C_k`.
    pub(super) fn log_determinant(&self, k: usize) -> f64 {
        entry(self.log_determinants, k)
    }

    /// `z^T C_k^-1 z + log det C_k` for a difference `z` in the local frame.
    #[inline(always)]
    pub(super) fn component_energy<V: Lanes>(&self, k: usize, z: &[V]) -> V {
        let d = self.dim();
        let mut square = V::zero();
        match self.noisy.precisions {
            Precisions::Isotropic(_) => {
                square = dot(z, z) * V::splat(1.0 / entry(self.variances, k));
            }
            Precisions::Diagonal(_) => {
                for (&z, &c) in z.iter().zip(row(self.variances, k, d)) {
                    square = (z * z).mul_add(V::splat(1.0 / c), square);
                }
            }
            Precisions::Full { vectors, .. } => {
                let axes = row(vectors, k, d * d).rows(d);
                for (axis, &c) in axes.zip(row(self.variances, k, d)) {
                    let y = dot_scalar(axis, z);
                    square = (y * y).mul_add(V::splat(1.0 / c), square);
                }
            }
        }
        square + V::splat(self.log_determinant(k))
    }
}
