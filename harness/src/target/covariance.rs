//! The three kinds of component covariance, all first-class, and the check of full matrices.
//!
//! Isotropic `s I`, diagonal `diag(s_1..s_d)`, full `Sigma`. One covariance may be shared by all
//! components; samplers exploit that, so it is never expanded.

use super::TargetError;

/// Component covariances of a mixture, one shared by all components or one for each.
///
/// The length tells which: `1`, `d` or `d * d` entries are one shared covariance, `K` times as
/// many are one per component. With `K = 1` the two coincide, and are called shared.
#[derive(Debug, Clone, PartialEq)]
pub enum Covariance {
    /// `Sigma_k = s_k I`: the variances, `[1]` or `[K]`.
    Isotropic(Vec<f64>),
    /// `Sigma_k = diag(s_k)`: the variances, `[d]` or `[K x d]`, row-major.
    Diagonal(Vec<f64>),
    /// Symmetric positive definite matrices, `[d x d]` or `[K x d x d]`, row-major.
    Full(Vec<f64>),
}

impl Covariance {
    /// The kind as the interchange format spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Isotropic(_) => "isotropic",
            Self::Diagonal(_) => "diagonal",
            Self::Full(_) => "full",
        }
    }

    /// All numbers held, in the layout of the variant.
    pub fn entries(&self) -> &[f64] {
        match self {
            Self::Isotropic(entries) | Self::Diagonal(entries) | Self::Full(entries) => entries,
        }
    }

    /// Numbers that one covariance takes in dimension `dim`: `1`, `d` or `d * d`.
    pub fn entries_per_component(&self, dim: usize) -> usize {
        match self {
            Self::Isotropic(_) => 1,
            Self::Diagonal(_) => dim,
            Self::Full(_) => dim * dim,
        }
    }

    /// Whether one covariance serves all components.
    pub fn is_shared(&self, dim: usize) -> bool {
        self.entries().len() == self.entries_per_component(dim)
    }

    /// Numbers of the covariance of component `k`, `[1]`, `[d]` or `[d x d]`.
    pub fn component(&self, dim: usize, k: usize) -> &[f64] {
        let length = self.entries_per_component(dim);
        let start = if self.is_shared(dim) { 0 } else { k * length };
        &self.entries()[start..start + length]
    }

    /// Entry `(i, i)` of the covariance of component `k`.
    pub fn variance(&self, dim: usize, k: usize, i: usize) -> f64 {
        let entries = self.component(dim, k);
        match self {
            Self::Isotropic(_) => entries[0],
            Self::Diagonal(_) => entries[i],
            Self::Full(_) => entries[i * dim + i],
        }
    }

    /// Joins single covariances into one list of `K`, all of the most general kind among them.
    ///
    /// Isotropic becomes diagonal and diagonal becomes full where needed; the law is the same.
    pub(super) fn join(parts: &[Self], dim: usize) -> Self {
        let has = |kind| parts.iter().any(|part| part.kind() == kind);
        if has("full") {
            let cells = |part: &Self| -> Vec<f64> {
                (0..dim * dim).map(|at| part.entry(dim, at / dim, at % dim)).collect()
            };
            return Self::Full(parts.iter().flat_map(cells).collect());
        }
        let variances = |count: usize| {
            let row = move |part: &Self| -> Vec<f64> {
                (0..count).map(|i| part.variance(dim, 0, i)).collect()
            };
            parts.iter().flat_map(row).collect()
        };
        if has("diagonal") { Self::Diagonal(variances(dim)) } else { Self::Isotropic(variances(1)) }
    }

    /// Entry `(i, j)` of the covariance of component `k`.
    pub fn covariance(&self, dim: usize, k: usize, (i, j): (usize, usize)) -> f64 {
        match self {
            Self::Full(_) => self.component(dim, k)[i * dim + j],
            _ if i == j => self.variance(dim, k, i),
            _ => 0.0,
        }
    }

    /// Entry `(i, j)` of a single covariance.
    fn entry(&self, dim: usize, i: usize, j: usize) -> f64 {
        match self {
            Self::Full(entries) => entries[i * dim + j],
            _ if i == j => self.variance(dim, 0, i),
            _ => 0.0,
        }
    }
}

/// Checks one full covariance `[d x d]` and returns it exactly symmetric.
///
/// Differences between mirror images up to 1e-12 of `sqrt(Sigma_ii Sigma_jj)` count as rounding
/// and are averaged away. Positive definiteness is decided by a Cholesky factorization of the
/// correlation matrix, so that it does not depend on the units of the coordinates.
///
/// # Errors
/// [`TargetError::Value`] for a diagonal entry that is not above 0,
/// [`TargetError::NotSymmetric`], [`TargetError::NotPositiveDefinite`].
pub(super) fn checked_matrix(
    mut matrix: Vec<f64>,
    dim: usize,
    file: &str,
    field: &str,
) -> Result<Vec<f64>, TargetError> {
    for i in 0..dim {
        let value = matrix[i * dim + i];
        if value <= 0.0 {
            let field = format!("{field}[{i}][{i}]");
            return Err(TargetError::Value {
                file: file.into(),
                field,
                value,
                allowed: "greater than 0",
            });
        }
    }
    let deviations: Vec<f64> = (0..dim).map(|i| matrix[i * dim + i].sqrt()).collect();
    let mut correlation = vec![1.0; dim * dim];
    for row in 0..dim {
        for column in row + 1..dim {
            let (upper, lower) = (matrix[row * dim + column], matrix[column * dim + row]);
            let scale = deviations[row] * deviations[column];
            if (upper - lower).abs() > 1e-12 * scale {
                let (file, field) = (file.into(), field.into());
                return Err(TargetError::NotSymmetric { file, field, row, column, upper, lower });
            }
            // Halves first: the sum of two huge entries would overflow.
            let middle = if upper == lower { upper } else { 0.5 * upper + 0.5 * lower };
            matrix[row * dim + column] = middle;
            matrix[column * dim + row] = middle;
            correlation[column * dim + row] = middle / scale;
        }
    }
    let tolerance = dim as f64 * f64::EPSILON;
    match failing_pivot(&mut correlation, dim, tolerance) {
        None => Ok(matrix),
        Some((row, pivot)) => Err(TargetError::NotPositiveDefinite {
            file: file.into(),
            field: field.into(),
            row,
            pivot,
            tolerance,
        }),
    }
}

/// Factorizes the lower triangle in place; the first pivot not above `tolerance`, if any.
fn failing_pivot(lower: &mut [f64], dim: usize, tolerance: f64) -> Option<(usize, f64)> {
    for row in 0..dim {
        for column in 0..=row {
            let dot: f64 =
                (0..column).map(|k| lower[row * dim + k] * lower[column * dim + k]).sum();
            let rest = lower[row * dim + column] - dot;
            if column < row {
                lower[row * dim + column] = rest / lower[column * dim + column];
            } else if rest > tolerance {
                lower[row * dim + row] = rest.sqrt();
            } else {
                // NaN from overflowing entries ends here too.
                return Some((row, rest));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a list is read as shared or a shared covariance is offset by the component.
    #[test]
    fn component_slices() {
        let shared = Covariance::Diagonal(vec![1.0, 2.0]);
        assert_eq!((shared.component(2, 3), shared.variance(2, 3, 1)), (&[1.0, 2.0][..], 2.0));
        let list = Covariance::Full(vec![1.0, 0.1, 0.1, 2.0, 3.0, 0.2, 0.2, 4.0]);
        assert!(!list.is_shared(2));
        assert_eq!((list.variance(2, 0, 1), list.variance(2, 1, 0)), (2.0, 3.0));
    }

    /// Fails when promotion loses off-diagonal entries or fills them for narrower kinds.
    #[test]
    fn mixed_kinds_take_the_most_general() {
        let isotropic = Covariance::Isotropic(vec![3.0]);
        let diagonal = Covariance::Diagonal(vec![1.0, 2.0]);
        let full = Covariance::Full(vec![5.0, 0.5, 0.5, 6.0]);
        let two = Covariance::join(&[isotropic.clone(), diagonal.clone()], 2);
        assert_eq!(two, Covariance::Diagonal(vec![3.0, 3.0, 1.0, 2.0]));
        let three = Covariance::join(&[diagonal, full, isotropic], 2);
        let expected = vec![1.0, 0.0, 0.0, 2.0, 5.0, 0.5, 0.5, 6.0, 3.0, 0.0, 0.0, 3.0];
        assert_eq!(three, Covariance::Full(expected));
    }

    /// Fails when the tolerance is absolute: the same correlations must pass in any units.
    #[test]
    fn definiteness_does_not_depend_on_units() {
        for unit in [1e-150, 1.0, 1e150] {
            let matrix = |r: f64| vec![unit, r * unit * 1e3, r * unit * 1e3, unit * 1e6];
            assert!(checked_matrix(matrix(0.999_999), 2, "f", "m").is_ok());
            let error = checked_matrix(matrix(1.0 + 1e-9), 2, "f", "m").unwrap_err();
            assert!(matches!(error, TargetError::NotPositiveDefinite { row: 1, .. }), "{error}");
        }
    }

    /// Fails when the factorization stops at pairs: every two of these three coordinates are
    /// compatible, but a positive last correlation contradicts the other two.
    #[test]
    fn definiteness_looks_at_all_coordinates() {
        let matrix = |r: f64| vec![1.0, 0.9, -0.5, 0.9, 1.0, r, -0.5, r, 1.0];
        assert!(checked_matrix(matrix(-0.8), 3, "f", "m").is_ok());
        let error = checked_matrix(matrix(0.8), 3, "f", "m").unwrap_err();
        assert!(matches!(error, TargetError::NotPositiveDefinite { row: 2, .. }), "{error}");
    }

    /// Fails when rounding-level asymmetry is refused, kept, or confused with a real one.
    #[test]
    fn rounding_is_averaged_away_and_asymmetry_refused() {
        let matrix = checked_matrix(vec![2.0, 0.5, 0.5 + 1e-15, 1.0], 2, "f", "m").unwrap();
        assert_eq!(matrix[1].to_bits(), matrix[2].to_bits());
        let error = checked_matrix(vec![2.0, 0.5, 0.6, 1.0], 2, "f", "m").unwrap_err();
        assert!(matches!(error, TargetError::NotSymmetric { row: 0, column: 1, .. }), "{error}");
    }
}
