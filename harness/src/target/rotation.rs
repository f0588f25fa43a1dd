//! A random rotation, and a diagonal covariance seen through it.
//!
//! `Sigma = Q diag(l) Q^T`, `Q` uniform over the orthogonal group (Haar).

use super::seeded::{Generated, standard_normals, stream};

/// A Haar-distributed orthogonal matrix, `[d x d]`, row-major.
///
/// Gram-Schmidt on the rows of a Gaussian matrix. It is the factorization whose triangle has a
/// positive diagonal, so no sign has to be fixed. Each row is projected twice: once leaves an
/// error that grows with the condition of the matrix, twice leaves rounding only.
pub(super) fn random_orthogonal(seed: u64, dim: usize) -> Vec<f64> {
    let mut stream = stream(seed, Generated::TwoModesRotation);
    let mut matrix = standard_normals(&mut stream, dim * dim);
    for row in 0..dim {
        let (done, rest) = matrix.split_at_mut(row * dim);
        let current = &mut rest[..dim];
        for _ in 0..2 {
            for earlier in done.chunks(dim) {
                let overlap = dot(earlier, current);
                for (entry, direction) in current.iter_mut().zip(earlier) {
                    *entry -= overlap * direction;
                }
            }
            let length = dot(current, current).sqrt();
            current.iter_mut().for_each(|entry| *entry /= length);
        }
    }
    matrix
}

/// `Q diag(variances) Q^T`, `[d x d]`, exactly symmetric: the lower triangle mirrors the upper.
pub(super) fn rotated(rotation: &[f64], variances: &[f64]) -> Vec<f64> {
    let dim = variances.len();
    let mut covariance = vec![0.0; dim * dim];
    for i in 0..dim {
        for j in i..dim {
            let (left, right) = (&rotation[i * dim..][..dim], &rotation[j * dim..][..dim]);
            let sum: f64 = left.iter().zip(right).zip(variances).map(|((a, b), l)| a * l * b).sum();
            covariance[i * dim + j] = sum;
            covariance[j * dim + i] = sum;
        }
    }
    covariance
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when rows are projected only once: among this many seeds some Gaussian rows are
    /// nearly parallel, and one projection then leaves far more than rounding.
    #[test]
    fn rows_are_orthonormal_to_rounding() {
        let small = (0..2000).map(|seed| (seed, 2));
        for (seed, dim) in small.chain([(5, 1), (5, 7), (5, 128)]) {
            let rotation = random_orthogonal(seed, dim);
            for i in 0..dim {
                for j in 0..=i {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    let found = dot(&rotation[i * dim..][..dim], &rotation[j * dim..][..dim]);
                    assert!((found - expected).abs() < 1e-14, "d = {dim}, ({i}, {j}): {found}");
                }
            }
        }
    }

    /// Fails when signs are not symmetric (a QR without sign fix has a fixed sign on the
    /// diagonal) or a row is not uniform on the sphere: `E Q_11 = 0`, `E Q_11^2 = 1/d`. The
    /// bounds are five standard errors over 2000 seeds.
    #[test]
    fn rotations_are_uniform() {
        let entries: Vec<f64> = (0..2000).map(|seed| random_orthogonal(seed, 3)[8]).collect();
        let mean = entries.iter().sum::<f64>() / 2000.0;
        let square = dot(&entries, &entries) / 2000.0;
        assert!(mean.abs() < 0.065 && (square - 1.0 / 3.0).abs() < 0.034, "{mean} {square}");
    }

    /// Fails when `Q^T l Q` is formed instead, or the triangles differ by a bit: the columns of
    /// `Q` must be eigenvectors with the given variances.
    #[test]
    fn rotated_covariance_has_its_eigenpairs() {
        let variances = [0.5, 3.0, 20.0];
        let rotation = random_orthogonal(1, 3);
        let covariance = rotated(&rotation, &variances);
        for (which, variance) in variances.iter().enumerate() {
            let direction: Vec<f64> = (0..3).map(|i| rotation[i * 3 + which]).collect();
            for i in 0..3 {
                let image = dot(&covariance[i * 3..][..3], &direction);
                assert!((image - variance * direction[i]).abs() < 1e-13);
                assert_eq!(covariance[i * 3 + which], covariance[which * 3 + i]);
            }
        }
    }
}
