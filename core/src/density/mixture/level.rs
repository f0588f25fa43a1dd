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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    const C: f64 = 0.8;
    const S: f64 = 0.6;
    /// Axes of a shared covariance, eigenvectors in rows.
    const AXES: [f64; 4] = [C, S, -S, C];

    /// Whether means at this distance from the origin are rotated; the smallest variance of the level is 4.
    fn is_rotated(distance: f64) -> bool {
        let covariance = Covariance::Full { eigenvalues: &[12.0, 28.0], eigenvectors: &AXES };
        let means = [1.0, -2.0, 2.0 * distance * S, -2.0 * distance * C];
        let mixture = Mixture::new(2, &[0.25, 0.75], &means, covariance).unwrap();
        let mut storage = [0.0; 16];
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        MixtureLevel::prepare(&mixture, 0.5, 1.0, storage).unwrap().frame.is_some()
    }

    /// Fails if means are rotated beyond 1e3 of the smallest standard deviations of the level (2), or no longer
    /// just below: where digits would be lost, and where the fast way is accurate.
    #[test]
    fn rotated_up_to_a_thousand_deviations() {
        assert!(is_rotated(0.0) && is_rotated(1999.0));
        assert!(!is_rotated(2001.0) && !is_rotated(6e4));
    }

    /// Fails if the way back is not the inverse of the way there, or the axes are taken for columns.
    #[test]
    fn there_and_back() {
        let covariance = Covariance::Full { eigenvalues: &[2.0, 5.0], eigenvectors: &AXES };
        let mixture = Mixture::new(2, &[1.0], &[1.0, -2.0], covariance).unwrap();
        let mut storage = [0.0; 16];
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, 0.5, 1.0, storage).unwrap();
        let (x, mut local, mut back) = ([3.0, -1.0].map(splat), [splat(9.0); 2], [splat(9.0); 2]);
        level.local_coordinates(&x, &mut local);
        level.global_coordinates(&local, &mut back);
        for (found, expected) in
            [(local[0], C * 3.0 - S), (local[1], -S * 3.0 - C), (back[0], 3.0), (back[1], -1.0)]
        {
            assert!((found.to_array()[4] - expected).abs() < 1e-14, "{found} {expected}");
        }
        // The mean, halved and rotated.
        assert!((level.mean(0)[0] - 0.5 * (C - 2.0 * S)).abs() < 1e-15);
        assert!((level.mean(0)[1] - 0.5 * (-S - 2.0 * C)).abs() < 1e-15);
    }

    /// Fails if a coefficient that is negative, zero where it may not be, or not finite is accepted, or a level
    /// without noise is refused.
    #[test]
    fn coefficients_are_checked() {
        let mixture = Mixture::new(1, &[1.0], &[3.0], Covariance::Isotropic(&[2.0])).unwrap();
        let mut storage = [0.0; 4];
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        for (alpha, variance, what) in [
            (0.0, 1.0, "alpha"),
            (-1.0, 1.0, "alpha"),
            (f64::INFINITY, 1.0, "alpha"),
            (0.5, -1e-300, "variance"),
            (0.5, f64::NAN, "variance"),
        ] {
            let refused = MixtureLevel::prepare(&mixture, alpha, variance, &mut *storage);
            assert!(matches!(refused, Err(Error::OutOfRange { what: found, .. }) if found == what));
        }
        let overflown = MixtureLevel::prepare(&mixture, 0.5, 1e308 * 1.7, &mut *storage).is_ok();
        assert!(overflown);
        let tiny = MixtureLevel::prepare(&mixture, 1e-170, 0.0, &mut *storage);
        assert!(matches!(tiny, Err(Error::NotPositive { what: "level variance", index: 0, .. })));
        let level = MixtureLevel::prepare(&mixture, 0.5, 0.0, storage).unwrap();
        assert_eq!((level.alpha(), level.variance(), level.mean(0)[0]), (0.5, 0.0, 1.5));
    }
}
