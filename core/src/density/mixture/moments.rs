//! Mean and variances of a mixture, in closed form.
//!
//! `m = sum_k w_k mu_k`, `C_ii = sum_k w_k (Sigma_k,ii + (mu_ki - m_i)^2)`, `sum_k w_k = 1`.
//!
//! [`moments`] takes the numbers as any program holds them, [`Mixture::moments`] those of a checked
//! mixture.

use super::{Covariance, Mixture, entry, row, row_of};
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;

/// Fills `mean` `[d]` with `m` and `variances` `[d]` with the diagonal of `C`.
///
/// `weights` `[K]` need not be normalized, `means` is `[K x d]`, row-major, and `variance(k, i)` is
/// `Sigma_k,ii`. Numbers that overflow come out infinite or NaN.
///
/// # Errors
/// Wrong lengths, `d = 0`, no component, or weights that are all zero.
pub fn moments(
    weights: &[f64],
    means: &[f64],
    variance: impl Fn(usize, usize) -> f64,
    mean: &mut [f64],
    variances: &mut [f64],
) -> Result<()> {
    let d = mean.len();
    if d == 0 {
        return Err(Error::Empty { what: "mean" });
    }
    check_len("variances", d, variances.len())?;
    check_len("means", weights.len().saturating_mul(d), means.len())?;
    let reference = means.get(..d).ok_or(Error::Empty { what: "weights" })?;
    let total: f64 = weights.iter().sum();
    if total == 0.0 {
        return Err(Error::WeightsAllZero);
    }
    let components = || weights.iter().map(|w| w / total).zip(means.rows(d));
    // Relative to one component's mean: a common offset, however large, then costs no accuracy,
    // and a coordinate in which all means agree keeps its mean exactly.
    mean.fill(0.0);
    for (w, component) in components() {
        for (offset, (mu, origin)) in mean.iter_mut().zip(component.iter().zip(reference)) {
            *offset += w * (mu - origin);
        }
    }
    variances.fill(0.0);
    for (k, (w, component)) in components().enumerate() {
        let coordinates = mean.iter().zip(component.iter().zip(reference));
        for (i, (c, (offset, (mu, origin)))) in variances.iter_mut().zip(coordinates).enumerate() {
            let distance = (mu - origin) - offset;
            *c += w * (variance(k, i) + distance * distance);
        }
    }
    for (m, origin) in mean.iter_mut().zip(reference) {
        *m += origin;
    }
    Ok(())
}

/// `tr C / d` of the diagonal of `C`, `[d]` (0 if there is none); overflows only if an entry does, and underflows only if all do.
pub fn mean_variance(variances: &[f64]) -> f64 {
    if variances.is_empty() {
        return 0.0;
    }
    let d = variances.len() as f64;
    let mean: f64 = variances.iter().map(|variance| variance / d).sum();
    let smallest = variances.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = variances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Rounding at either end of the range may carry the sum beyond every entry. NaN stays NaN.
    if mean > largest {
        largest
    } else if mean < smallest {
        smallest
    } else {
        mean
    }
}

impl Mixture<'_> {
    /// Fills `mean` `[d]` and `variance` `[d]` with the moments of each coordinate.
    ///
    /// # Errors
    /// A wrong length of an output.
    pub fn moments(&self, mean: &mut [f64], variance: &mut [f64]) -> Result<()> {
        check_len("mean", self.dim, mean.len())?;
        let own = |k, i| self.component_variance(k, i);
        moments(self.weights, self.means, own, mean, variance)
    }

    /// `Sigma_k,jj`.
    fn component_variance(&self, k: usize, j: usize) -> f64 {
        let d = self.dim;
        match self.covariance {
            Covariance::Isotropic(values) => entry(values, k),
            Covariance::Diagonal(values) => row(values, k, d).get(j).copied().unwrap_or(0.0),
            Covariance::Full { eigenvalues, eigenvectors } => {
                let axes = row(eigenvectors, k, d * d);
                let spectrum = row(eigenvalues, k, d).iter().enumerate();
                spectrum
                    .map(|(i, l)| {
                        let q = row_of(axes, i, d).get(j).copied().unwrap_or(0.0);
                        l * q * q
                    })
                    .sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if weights, means or one covariance kind enter the moments wrongly.
    #[test]
    fn moments_of_two_components() {
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        let eigenvectors = [0.6, 0.8, -0.8, 0.6, 1.0, 0.0, 0.0, 1.0];
        let full =
            Covariance::Full { eigenvalues: &[2.0, 1.0, 3.0, 4.0], eigenvectors: &eigenvectors };
        let mixture = Mixture::new(2, &[3.0, 1.0], &[1.0, 0.0, 5.0, -4.0], full).unwrap();
        mixture.moments(&mut mean, &mut variance).unwrap();
        assert_eq!(mean, [2.0, -1.0]);
        // Sigma_0 diagonal: 2*.36 + .64, 2*.64 + .36; between the means: 3 and 3.
        assert!((variance[0] - (0.75 * 1.36 + 0.25 * 3.0 + 3.0)).abs() < 1e-14);
        assert!((variance[1] - (0.75 * 1.64 + 0.25 * 4.0 + 3.0)).abs() < 1e-14);
    }

    /// Fails if weights are taken as normalized, the spread of the means is left out, or component
    /// and coordinate are swapped: weights 1/4 and 3/4, `m = (3, -1/2)`, spread `(3, 3/4)`.
    #[test]
    fn moments_by_hand() {
        let (mut mean, mut variances) = ([9.0; 2], [9.0; 2]);
        let own = [[1.0, 2.0], [3.0, 4.0]];
        for scale in [1.0, 0.125, 8.0] {
            let (weights, means) = ([scale, 3.0 * scale], [0.0, 1.0, 4.0, -1.0]);
            moments(&weights, &means, |k, i| own[k][i], &mut mean, &mut variances).unwrap();
            assert_eq!((mean, variances), ([3.0, -0.5], [2.5 + 3.0, 3.5 + 0.75]));
        }
        assert_eq!(mean_variance(&variances), (5.5 + 4.25) / 2.0);
        assert_eq!(mean_variance(&[f64::MAX; 2]), f64::MAX);
        // Thirds of the largest number add up to more, halves of the smallest are zero.
        assert_eq!(mean_variance(&[f64::MAX; 3]), f64::MAX);
        assert_eq!(mean_variance(&[5e-324; 2]), 5e-324);
        assert!(mean_variance(&[1.0, f64::NAN]).is_nan());
        assert_eq!(mean_variance(&[]), 0.0);
    }

    /// Fails if `E x^2 - m^2` or a sum of the means themselves is used: both lose the digits of a
    /// spread that is small beside the offset. A shared mean must come back to the bit.
    #[test]
    fn offsets_cost_no_digits() {
        let (mut mean, mut variances) = ([0.0], [0.0]);
        let means = [1e6 - 0.125, 1e6 + 0.125];
        moments(&[1.0, 1.0], &means, |_, _| 1e-9, &mut mean, &mut variances).unwrap();
        assert_eq!((mean, variances), ([1e6], [0.015625 + 1e-9]));
        moments(&[0.3, 0.6, 0.1], &[0.1; 3], |_, _| 2.0, &mut mean, &mut variances).unwrap();
        assert_eq!(mean, [0.1]);
    }

    /// Fails if bad sizes pass or panic.
    #[test]
    fn moments_check_their_sizes() {
        let call = |weights: &[f64], means: &[f64], d: usize, e: usize| {
            let (mut mean, mut variances) = ([0.0; 3], [0.0; 3]);
            moments(weights, means, |_, _| 1.0, &mut mean[..d], &mut variances[..e]).unwrap_err()
        };
        assert_eq!(call(&[1.0], &[], 0, 0), Error::Empty { what: "mean" });
        assert_eq!(call(&[], &[], 1, 1), Error::Empty { what: "weights" });
        assert_eq!(call(&[0.0], &[1.0], 1, 1), Error::WeightsAllZero);
        let length = |what, expected, found| Error::Length { what, expected, found };
        assert_eq!(call(&[1.0], &[1.0], 1, 2), length("variances", 1, 2));
        assert_eq!(call(&[1.0], &[1.0], 2, 2), length("means", 2, 1));
    }

    /// Fails if every component gets the variance of the first.
    #[test]
    fn components_have_their_own_variances() {
        let (mut mean, mut variance) = ([0.0; 2], [0.0; 2]);
        let kinds =
            [Covariance::Isotropic(&[1.0, 5.0]), Covariance::Diagonal(&[1.0, 1.0, 5.0, 5.0])];
        for covariance in kinds {
            let mixture = Mixture::new(2, &[3.0, 1.0], &[0.0; 4], covariance).unwrap();
            mixture.moments(&mut mean, &mut variance).unwrap();
            assert_eq!((mean, variance), ([0.0; 2], [2.0; 2]));
        }
    }
}
