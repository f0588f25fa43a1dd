//! The mixture at one noise level, prepared once: scaled means, precisions, log-constants.
//!
//! `log p_t(x) = logsumexp_k (c_k - (x - alpha mu_k)^T P_k (x - alpha mu_k) / 2)` with
//! `c_k = log w_k - (d log 2 pi + log det(alpha^2 Sigma_k + v I)) / 2`.

use super::dense_precision::{self, fill_dense_precisions};
use super::panels::pack;
use super::{Covariance, Mixture, entry, row, row_of};
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;
use crate::simd::{Lanes, add_scaled, copy, dot_scalar};

/// `p_t = sum_k w_k N(alpha mu_k, alpha^2 Sigma_k + v I)`, ready to evaluate and to sample.
///
/// A view: the numbers live in storage that [`MixtureLevel::prepare`] filled.
#[derive(Debug, Clone, Copy)]
pub struct MixtureLevel<'a> {
    pub(super) mixture: Mixture<'a>,
    pub(super) alpha: f64,
    pub(super) variance: f64,
    /// `[K]`
    pub(super) log_constants: &'a [f64],
    /// `[K x d]`, in the local frame.
    pub(super) means: &'a [f64],
    pub(super) precisions: Precisions<'a>,
    pub(super) packed: Packed<'a>,
    /// `[d x d]`, rows are the axes of the local frame; `None` for the coordinate axes.
    pub(super) frame: Option<&'a [f64]>,
}

/// Precisions `1/(alpha^2 l + v)`, one entry shared by all components or one for each.
#[derive(Debug, Clone, Copy)]
pub(super) enum Precisions<'a> {
    /// `[1]` or `[K]`
    Isotropic(&'a [f64]),
    /// `[d]` or `[K x d]`, along the axes of the local frame.
    Diagonal(&'a [f64]),
    /// Along each component's own eigenvectors.
    Full {
        /// `[K x d]`
        values: &'a [f64],
        /// `[K x d x d]`, eigenvectors in rows.
        vectors: &'a [f64],
    },
}

/// Copies of parameters in the order of the micro-kernels (`panels.rs`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    /// Means, `[K x d]`; empty for full covariances.
    pub(super) means: &'a [f64],
    /// Precisions, `[K x d]`, of components with diagonals of their own; empty otherwise.
    pub(super) precisions: &'a [f64],
    /// `P_k` as matrices, `[K]` packed matrices `[d x d]`; empty where eigenvectors serve instead.
    pub(super) dense: &'a [f64],
}

impl Packed<'_> {
    /// Numbers for means, precisions and matrices.
    fn lens(mixture: &Mixture<'_>) -> [usize; 3] {
        let (means, d) = (mixture.means.len(), mixture.dim);
        match mixture.covariance {
            Covariance::Isotropic(_) => [means, 0, 0],
            Covariance::Diagonal(values) if values.len() == d => [means, 0, 0],
            Covariance::Diagonal(values) => [means, values.len(), 0],
            Covariance::Full { eigenvalues, .. } if eigenvalues.len() == d => [means, 0, 0],
            Covariance::Full { eigenvectors, .. } => {
                [0, 0, dense_precision::storage_len(eigenvectors)]
            }
        }
    }
}

impl<'a> MixtureLevel<'a> {
    /// Numbers of `f64` storage that a level of this mixture takes.
    pub fn storage_len(mixture: &Mixture<'_>) -> usize {
        let plain = mixture.means.len() + mixture.components();
        let packed: usize = Packed::lens(mixture).iter().sum();
        plain + mixture.covariance.spectrum().len() + packed
    }

    /// Fills `storage` for the level with these coefficients and returns the view of it.
    ///
    /// `alpha > 0` and `variance >= 0`: `X_t = alpha X_0 + sqrt(variance) eps`.
    ///
    /// # Errors
    /// Wrong storage length; coefficients out of range; a covariance that underflows to zero.
    pub fn prepare(
        mixture: &Mixture<'a>,
        alpha: f64,
        variance: f64,
        storage: &'a mut [f64],
    ) -> Result<Self> {
        check_len("level storage", Self::storage_len(mixture), storage.len())?;
        check_coefficient("alpha", alpha, f64::MIN_POSITIVE)?;
        check_coefficient("variance", variance, 0.0)?;
        let (means, rest) = split(storage, mixture.means.len())?;
        let (log_constants, rest) = split(rest, mixture.components())?;
        let (precisions, rest) = split(rest, mixture.covariance.spectrum().len())?;
        let frame = match mixture.covariance {
            Covariance::Full { eigenvalues, eigenvectors }
                if eigenvalues.len() == mixture.dim
                    && rotation_is_accurate(mixture, alpha, variance) =>
            {
                Some(eigenvectors)
            }
            _ => None,
        };
        fill_means(mixture, alpha, frame, means);
        fill_precisions(mixture, alpha, variance, precisions)?;
        fill_log_constants(mixture, precisions, log_constants);
        let packed = fill_packed(mixture, means, precisions, rest)?;
        let precisions = match mixture.covariance {
            Covariance::Isotropic(_) => Precisions::Isotropic(precisions),
            Covariance::Full { eigenvectors, .. } if frame.is_none() => {
                Precisions::Full { values: precisions, vectors: eigenvectors }
            }
            _ => Precisions::Diagonal(precisions),
        };
        let mixture = *mixture;
        Ok(Self { mixture, alpha, variance, log_constants, means, precisions, packed, frame })
    }

    /// The parameters of the mixture behind this level.
    pub fn mixture(&self) -> &Mixture<'a> {
        &self.mixture
    }

    /// `alpha` of this level.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// `v = sigma^2` of this level.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Mean of component `k` in the local frame, `[d]`.
    #[inline(always)]
    pub(super) fn mean(&self, k: usize) -> &'a [f64] {
        row_of(self.means, k, self.mixture.dim)
    }

    /// `out = F x`: coordinates along the axes of the local frame.
    #[inline(always)]
    pub(super) fn local_coordinates<V: Lanes>(&self, x: &[V], out: &mut [V]) {
        match self.frame {
            Some(axes) => {
                for (o, axis) in out.iter_mut().zip(axes.rows(self.mixture.dim)) {
                    *o = dot_scalar(axis, x);
                }
            }
            None => copy(out, x),
        }
    }

    /// `out = F^T y`: back from the local frame.
    #[inline(always)]
    pub(super) fn global_coordinates<V: Lanes>(&self, y: &[V], out: &mut [V]) {
        match self.frame {
            Some(axes) => {
                for o in out.iter_mut() {
                    *o = V::zero();
                }
                for (&coordinate, axis) in y.iter().zip(axes.rows(self.mixture.dim)) {
                    add_scaled(out, coordinate, axis);
                }
            }
            None => copy(out, y),
        }
    }
}

/// Fills the copies for the micro-kernels.
fn fill_packed<'a>(
    mixture: &Mixture<'_>,
    means: &[f64],
    precisions: &[f64],
    storage: &'a mut [f64],
) -> Result<Packed<'a>> {
    let [means_len, precisions_len, _] = Packed::lens(mixture);
    let (packed_means, rest) = split(storage, means_len)?;
    let (packed_precisions, dense) = split(rest, precisions_len)?;
    if means_len > 0 {
        pack(means, mixture.dim, packed_means);
    }
    if precisions_len > 0 {
        pack(precisions, mixture.dim, packed_precisions);
    }
    let dense = match mixture.covariance {
        Covariance::Full { eigenvectors, .. } if !dense.is_empty() => {
            fill_dense_precisions(precisions, eigenvectors, mixture.dim, dense)
        }
        _ => &[],
    };
    Ok(Packed { means: packed_means, precisions: packed_precisions, dense })
}

/// Whether means may be rotated before a point is subtracted from them. Rotated coordinates are off by about
/// 1.5e-16 of their size, which must not show in differences of one standard deviation.
fn rotation_is_accurate(mixture: &Mixture<'_>, alpha: f64, variance: f64) -> bool {
    const MOST_DEVIATIONS: f64 = 1e3;
    let spectrum = mixture.covariance.spectrum().iter();
    let smallest =
        spectrum.fold(f64::INFINITY, |least, &l| least.min(alpha * alpha * l + variance));
    let longest = mixture.means.rows(mixture.dim).fold(0.0_f64, |longest, mean| {
        longest.max(mean.iter().map(|m| alpha * alpha * m * m).sum())
    });
    longest <= MOST_DEVIATIONS * MOST_DEVIATIONS * smallest
}

/// `alpha mu_k`, in the local frame.
fn fill_means(mixture: &Mixture<'_>, alpha: f64, frame: Option<&[f64]>, means: &mut [f64]) {
    let d = mixture.dim;
    for (out, mean) in means.rows_mut(d).zip(mixture.means.rows(d)) {
        for (i, o) in out.iter_mut().enumerate() {
            let coordinate = match frame {
                Some(axes) => row_of(axes, i, d).iter().zip(mean).map(|(a, m)| a * m).sum(),
                None => mean.get(i).copied().unwrap_or(0.0),
            };
            *o = alpha * coordinate;
        }
    }
}

/// `1/(alpha^2 l + v)`; refuses a variance that over- or underflows.
fn fill_precisions(
    mixture: &Mixture<'_>,
    alpha: f64,
    variance: f64,
    precisions: &mut [f64],
) -> Result<()> {
    let spectrum = mixture.covariance.spectrum();
    for (index, (out, l)) in precisions.iter_mut().zip(spectrum).enumerate() {
        *out = 1.0 / (alpha * alpha * l + variance);
        if !out.is_finite() || *out <= 0.0 {
            let value = 1.0 / *out;
            return Err(Error::NotPositive { what: "level variance", index, value });
        }
    }
    Ok(())
}

/// `c_k`.
fn fill_log_constants(mixture: &Mixture<'_>, precisions: &[f64], log_constants: &mut [f64]) {
    let d = mixture.dim;
    let log_two_pi = libm::log(core::f64::consts::TAU);
    for (k, out) in log_constants.iter_mut().enumerate() {
        let log_det_precision: f64 = match mixture.covariance {
            Covariance::Isotropic(_) => d as f64 * libm::log(entry(precisions, k)),
            _ => row(precisions, k, d).iter().map(|p| libm::log(*p)).sum(),
        };
        *out = libm::log(mixture.weight(k)) + 0.5 * (log_det_precision - d as f64 * log_two_pi);
    }
}

/// Cuts prepared storage in two.
pub(super) fn split(storage: &mut [f64], at: usize) -> Result<(&mut [f64], &mut [f64])> {
    let found = storage.len();
    storage.split_at_mut_checked(at).ok_or(Error::Length {
        what: "prepared storage",
        expected: at,
        found,
    })
}

fn check_coefficient(what: &'static str, value: f64, min: f64) -> Result<()> {
    if value >= min && value.is_finite() {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, value, min, max: f64::MAX })
    }
}
