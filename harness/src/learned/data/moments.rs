//! Moments of samples, and the map that standardizes them as a target is standardized.
//!
//! `m_i = 1/N sum_n x_ni`, `C_ii = 1/N sum_n (x_ni - m_i)^2`; the map is `x -> (x - m)/s` with
//! `s_i = C_ii^(1/2)` (diagonal), or one `s_d = (1/d sum_i C_ii)^(1/2)` for all coordinates (scalar), SPEC
//! section 1. The divisor is `N`, so that standardized samples have a variance of exactly 1.

use amc_core::density::mixture;

use super::{DataError, Samples};
use crate::target::{AffineMap, Moments, Standardize};

impl Samples {
    /// Mean and variance of each coordinate.
    ///
    /// # Errors
    /// [`DataError::Constant`] for a coordinate without spread, [`DataError::Spread`] for moments that
    /// overflow or vanish in double precision.
    pub fn moments(&self) -> Result<Moments, DataError> {
        let count = self.count() as f64;
        let mut mean = vec![0.0; self.dim];
        for row in self.rows.chunks_exact(self.dim) {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += x);
        }
        mean.iter_mut().for_each(|m| *m /= count);
        let mut variances = vec![0.0; self.dim];
        for row in self.rows.chunks_exact(self.dim) {
            for ((variance, m), x) in variances.iter_mut().zip(&mean).zip(row) {
                *variance += (x - m) * (x - m);
            }
        }
        variances.iter_mut().for_each(|variance| *variance /= count);
        for (i, (&mean, &variance)) in mean.iter().zip(&variances).enumerate() {
            self.check_coordinate(i, mean, variance)?;
        }
        Ok(Moments { mean, variances })
    }

    fn check_coordinate(&self, i: usize, mean: f64, variance: f64) -> Result<(), DataError> {
        let mut values = self.rows.iter().skip(i).step_by(self.dim);
        // Rounding of the mean gives a constant a variance above 0, so that is no test.
        if let Some(&value) = values.next()
            && values.all(|&other| other == value)
        {
            return Err(DataError::Constant { column: i + 1, value });
        }
        if !(mean.is_finite() && variance.is_normal()) {
            return Err(DataError::Spread { column: i + 1, mean, variance });
        }
        Ok(())
    }

    /// The map to mean 0 and variance 1, of each coordinate or of all together.
    ///
    /// # Errors
    /// Those of [`Samples::moments`], also for [`Standardize::None`], whose map is the identity.
    pub fn standardization(&self, choice: Standardize) -> Result<AffineMap, DataError> {
        let Moments { mean, variances } = self.moments()?;
        Ok(match choice {
            Standardize::None => {
                AffineMap { shift: vec![0.0; self.dim], scale: vec![1.0; self.dim] }
            }
            Standardize::Scalar => {
                let scale = mixture::mean_variance(&variances).sqrt();
                AffineMap { shift: mean, scale: vec![scale; self.dim] }
            }
            Standardize::Diagonal => {
                let scale = variances.iter().map(|variance| variance.sqrt()).collect();
                AffineMap { shift: mean, scale }
            }
        })
    }

    /// The samples in the coordinates of a map, `(x - shift)/scale`.
    ///
    /// # Errors
    /// What [`AffineMap::view`] refuses, and a map of another dimension.
    pub fn mapped(mut self, map: &AffineMap) -> amc_core::error::Result<Self> {
        let view = map.view()?;
        if view.dim() != self.dim {
            return Err(amc_core::error::Error::Length {
                what: "map",
                expected: self.dim,
                found: view.dim(),
            });
        }
        view.apply(&mut self.rows);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(dim: usize, rows: &[f64]) -> Samples {
        Samples::new("test", dim, rows.to_vec()).unwrap()
    }

    /// Fails if coordinates are mixed up, or the divisor is N - 1: by hand, (1, 2, 6) has mean 3 and variance 14/3.
    #[test]
    fn moments_are_those_of_each_coordinate() {
        let found = samples(2, &[1.0, 10.0, 2.0, 10.0, 6.0, 40.0]).moments().unwrap();
        assert_eq!(found.mean, [3.0, 20.0]);
        let expected = [14.0 / 3.0, 200.0];
        for (found, expected) in found.variances.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-15, "{found} {expected}");
        }
    }

    /// Fails if a map does not give mean 0 and the variance it promises, or the scalar map scales coordinates apart.
    #[test]
    fn standardized_samples_have_mean_0_and_variance_1() {
        let given = samples(2, &[1.0, 10.0, 2.0, 10.0, 6.0, 40.0, -7.5, 3.0]);
        for choice in [Standardize::Scalar, Standardize::Diagonal] {
            let map = given.standardization(choice).unwrap();
            let Moments { mean, variances } =
                given.clone().mapped(&map).unwrap().moments().unwrap();
            assert!(mean.iter().all(|m| m.abs() < 1e-15), "{mean:?}");
            let average = (variances[0] + variances[1]) / 2.0;
            assert!((average - 1.0).abs() < 1e-14, "{variances:?}");
            let apart = (variances[0] - 1.0).abs() > 0.1;
            assert_eq!(apart, choice == Standardize::Scalar, "{variances:?}");
        }
        let identity = given.standardization(Standardize::None).unwrap();
        assert_eq!(given.clone().mapped(&identity).unwrap(), given);
        let other = AffineMap { shift: vec![0.0; 3], scale: vec![1.0; 3] };
        assert!(given.mapped(&other).is_err());
    }

    /// Fails if a coordinate that no density has is divided by its rounding error, or overflow passes for a spread.
    #[test]
    fn coordinates_without_a_density_are_refused() {
        let message = |rows: &[f64]| samples(2, rows).moments().unwrap_err().to_string();
        let constant = message(&[1.0, 0.1, 2.0, 0.1, 6.0, 0.1]);
        assert!(constant.contains("samples, column 2: 0.1 in every row; leave"), "{constant}");
        assert!(
            message(&[1e200, 1.0, -1e200, 2.0]).contains("column 1: mean 0e0 and variance inf")
        );
        assert!(message(&[0.0, 0.0, 1.0, 1e-200]).contains("column 2: mean"));
        let large = samples(1, &[1.7e308, 1.6e308]).moments().unwrap_err().to_string();
        assert!(large.contains("column 1: mean inf"), "{large}");
    }
}
