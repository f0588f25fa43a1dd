//! Standardization: the affine map that takes a mixture to another scale and centre.
//!
//! `x_i -> (x_i - m_i)/s_i` takes `Sigma_ij` to `Sigma_ij/(s_i s_j)`. With the mean `m` of the mixture
//! and `s_i = sqrt(C_ii)`, or `sqrt(tr C / d)` for all coordinates alike ([`super::moments`]), the
//! image has mean 0 and unit variances. It is a mixture of the same weights, so a normalized one
//! stays normalized.

use super::check_finite;
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;

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
