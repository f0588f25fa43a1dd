//! Standardization: the moments of a mixture in closed form, and the affine map made of them.
//!
//! `m = sum_k w_k mu_k`, `C_ii = sum_k w_k (Sigma_k,ii + (mu_ki - m_i)^2)`, `sum_k w_k = 1`;
//! `x_i -> (x_i - m_i)/s_i` takes `Sigma_ij` to `Sigma_ij/(s_i s_j)`, with `s_i = sqrt(C_ii)`, or
//! `sqrt(tr C / d)` for all coordinates alike. The image of a mixture is a mixture of the same
//! weights, so a normalized one stays normalized.

use super::check_finite;
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

/// `tr C / d` of the diagonal of `C`, `[d]`; overflows only if an entry does.
pub fn mean_variance(variances: &[f64]) -> f64 {
    let d = variances.len() as f64;
    variances.iter().map(|variance| variance / d).sum()
}

/// The map `x_i -> (x_i - shift_i)/scale_i`, borrowed from the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineMap<'a> {
    shift: &'a [f64],
    scale: &'a [f64],
}

impl<'a> AffineMap<'a> {
    /// Checks and borrows `shift` `[d]` and `scale` `[d]`.
    ///
    /// # Errors
    /// No coordinate, different lengths, entries that are not finite, scales not above zero.
    pub fn new(shift: &'a [f64], scale: &'a [f64]) -> Result<Self> {
        if shift.is_empty() {
            return Err(Error::Empty { what: "shift" });
        }
        check_len("scale", shift.len(), scale.len())?;
        check_finite("shift", shift)?;
        check_finite("scale", scale)?;
        match scale.iter().enumerate().find(|(_, s)| **s <= 0.0) {
            Some((index, &value)) => Err(Error::NotPositive { what: "scale", index, value }),
            None => Ok(Self { shift, scale }),
        }
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.shift.len()
    }

    /// Whether all coordinates have one scale, to the bit: isotropic covariances then stay so.
    pub fn is_uniform(&self) -> bool {
        self.scale.windows(2).all(|pair| pair.first() == pair.last())
    }

    /// Maps points `[N x d]`, row-major; a rest shorter than a row stays as it is.
    pub fn apply(&self, points: &mut [f64]) {
        self.for_each(points, |x, shift, scale| (x - shift) / scale);
    }

    /// Maps points `[N x d]`, row-major, back; a rest stays as it is here too.
    pub fn invert(&self, points: &mut [f64]) {
        self.for_each(points, |x, shift, scale| x * scale + shift);
    }

    /// Turns the variances of diagonal covariances, `[d]` or `[K x d]`, into those of the image:
    /// `Sigma_ii/s_i^2`.
    pub fn map_variances(&self, variances: &mut [f64]) {
        self.for_each(variances, |variance, _, scale| variance / (scale * scale));
    }

    /// Turns full covariances, `[d x d]` or `[K x d x d]`, into those of the image:
    /// `Sigma_ij/(s_i s_j)`, symmetric to the bit if `Sigma` was.
    pub fn map_matrices(&self, matrices: &mut [f64]) {
        for (row, row_scale) in matrices.rows_mut(self.dim()).zip(self.scale.iter().cycle()) {
            for (entry, column_scale) in row.iter_mut().zip(self.scale) {
                *entry /= row_scale * column_scale;
            }
        }
    }

    fn for_each(&self, points: &mut [f64], change: impl Fn(f64, f64, f64) -> f64) {
        for row in points.rows_mut(self.dim()) {
            for (x, (shift, scale)) in row.iter_mut().zip(self.shift.iter().zip(self.scale)) {
                *x = change(*x, *shift, *scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Fails if rows are walked by column, shift and scale change places, or the way back is not
    /// the way there; the third row is incomplete.
    #[test]
    fn points_go_there_and_back() {
        let map = AffineMap::new(&[3.0, -0.5], &[4.0, 0.5]).unwrap();
        let mut points = [7.0, 0.0, -1.0, 1.5, 9.0];
        map.apply(&mut points);
        assert_eq!(points, [1.0, 1.0, -1.0, 4.0, 9.0]);
        map.invert(&mut points);
        assert_eq!(points, [7.0, 0.0, -1.0, 1.5, 9.0]);
        assert!(!map.is_uniform() && AffineMap::new(&[1.0; 3], &[0.1; 3]).unwrap().is_uniform());
        assert!(!AffineMap::new(&[1.0; 3], &[1.0, 1.0, 2.0]).unwrap().is_uniform());
    }

    /// Fails if a variance is divided by the scale once, an off-diagonal entry by one scale only,
    /// or the second component by the scales of other coordinates.
    #[test]
    fn covariances_follow_the_points() {
        let map = AffineMap::new(&[0.0, 5.0], &[2.0, 4.0]).unwrap();
        let mut variances = [8.0, 32.0, 4.0, 16.0];
        map.map_variances(&mut variances);
        assert_eq!(variances, [2.0, 2.0, 1.0, 1.0]);
        let mut matrices = [8.0, 4.0, 4.0, 32.0, 4.0, -8.0, -8.0, 48.0];
        map.map_matrices(&mut matrices);
        assert_eq!(matrices, [2.0, 0.5, 0.5, 2.0, 1.0, -1.0, -1.0, 3.0]);
    }

    /// Fails if a map that cannot be undone is accepted or blamed on another field.
    #[test]
    fn bad_maps_are_named() {
        let new = |shift, scale| AffineMap::new(shift, scale).unwrap_err();
        let length = Error::Length { what: "scale", expected: 1, found: 2 };
        let negative = Error::NotPositive { what: "scale", index: 0, value: -2.0 };
        assert_eq!(new(&[], &[]), Error::Empty { what: "shift" });
        assert_eq!(new(&[0.0], &[1.0, 1.0]), length);
        assert_eq!(new(&[f64::NAN], &[1.0]), Error::NotFinite { what: "shift", index: 0 });
        assert_eq!(new(&[0.0], &[f64::INFINITY]), Error::NotFinite { what: "scale", index: 0 });
        assert_eq!(new(&[0.0], &[-2.0]), negative);
        assert!(AffineMap::new(&[0.0], &[0.0]).is_err());
    }
}
