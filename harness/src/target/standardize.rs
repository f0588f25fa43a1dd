//! Standardization of the mixtures of this room: the vectors around the core's formulas.
//!
//! See [`amc_core::density::mixture::moments`] for the moments and
//! [`amc_core::density::mixture::AffineMap`] for what the map does to points and covariances.

use amc_core::density::mixture;
use amc_core::error::Result as CoreResult;

use super::{Covariance, MixtureParameters, Standardize, TargetError};

/// The mean of a mixture and the diagonal of its covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `m`, `[d]`.
    pub mean: Vec<f64>,
    /// `C_ii`, `[d]`.
    pub variances: Vec<f64>,
}

/// The numbers of a map `x_i -> (x_i - shift_i)/scale_i`.
#[derive(Debug, Clone, PartialEq)]
pub struct AffineMap {
    /// What is subtracted, `[d]`.
    pub shift: Vec<f64>,
    /// What is divided by, `[d]`, greater than 0.
    pub scale: Vec<f64>,
}

impl AffineMap {
    /// The core's view of the map, which does the mapping.
    ///
    /// # Errors
    /// What [`mixture::AffineMap::new`] refuses; never for a map made by [`standardize`].
    pub fn view(&self) -> CoreResult<mixture::AffineMap<'_>> {
        mixture::AffineMap::new(&self.shift, &self.scale)
    }
}

/// Closed-form moments of a mixture: `m` and the diagonal of `C`.
///
/// # Panics
/// When the lengths of the parameters do not fit together, or no weight is positive.
pub fn moments(parameters: &MixtureParameters) -> Moments {
    let MixtureParameters { dim, weights, means, .. } = parameters;
    let (mut mean, mut variances) = (vec![0.0; *dim], vec![0.0; *dim]);
    let variance = |k, i| parameters.variance(k, i);
    mixture::moments(weights, means, variance, &mut mean, &mut variances)
        .expect("the parameters of a mixture fit together");
    Moments { mean, variances }
}

/// The standardized mixture, and the map that took it there.
///
/// Isotropic covariances become diagonal when the scales differ (shared stays shared) and stay
/// isotropic when all scales are the same to the bit; diagonal stays diagonal, full stays full.
///
/// # Errors
/// [`TargetError::Variance`] when a mean or variance overflows, or a variance is not above 0
/// (no positive definite covariance has that).
pub fn standardize(
    parameters: &MixtureParameters,
    choice: Standardize,
) -> Result<(MixtureParameters, AffineMap), TargetError> {
    let dim = parameters.dim;
    if choice == Standardize::None {
        let identity = AffineMap { shift: vec![0.0; dim], scale: vec![1.0; dim] };
        return Ok((parameters.clone(), identity));
    }
    let Moments { mean, variances } = moments(parameters);
    for (coordinate, (&mean, &variance)) in mean.iter().zip(&variances).enumerate() {
        if !(mean.is_finite() && variance.is_finite() && variance > 0.0) {
            // A file may give its mixture any name; escaped, it stays on one line.
            let name = parameters.name.escape_debug().to_string();
            return Err(TargetError::Variance { name, coordinate, mean, variance });
        }
    }
    let scale: Vec<f64> = if choice == Standardize::Scalar {
        vec![mixture::mean_variance(&variances).sqrt(); dim]
    } else {
        variances.iter().map(|variance| variance.sqrt()).collect()
    };
    let map = AffineMap { shift: mean, scale };
    let view = map.view().expect("finite means and positive variances were checked above");
    let mut mapped = parameters.clone();
    view.apply(&mut mapped.means);
    mapped.covariance = image(mapped.covariance, &view);
    Ok((mapped, map))
}

/// The covariances that the map makes of these.
fn image(covariance: Covariance, map: &mixture::AffineMap<'_>) -> Covariance {
    match covariance {
        Covariance::Isotropic(variances) => {
            let row = |variance| std::iter::repeat_n(variance, map.dim());
            let mut rows: Vec<f64> = variances.into_iter().flat_map(row).collect();
            map.map_variances(&mut rows);
            if !map.is_uniform() {
                return Covariance::Diagonal(rows);
            }
            Covariance::Isotropic(rows.into_iter().step_by(map.dim()).collect())
        }
        Covariance::Diagonal(mut variances) => {
            map.map_variances(&mut variances);
            Covariance::Diagonal(variances)
        }
        Covariance::Full(mut matrices) => {
            map.map_matrices(&mut matrices);
            Covariance::Full(matrices)
        }
    }
}

#[cfg(test)]
#[path = "standardize_tests.rs"]
mod tests;
