//! Factorizations, eigenvalues and Krylov methods on matrices of any numbers.

use amc_core::error::{Result, check_len};
use amc_core::krylov::{
    Gram, Lanczos, LinearOperator, OperatorShape, Spectrum, solve, solve_scratch_len,
};
use amc_core::linalg::{Cholesky, Lu, TridiagonalCholesky, symmetric_eigen};
use amc_core::point::Context;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use proptest::prelude::*;

use super::numbers::{number, numbers, with_context};

/// One matrix in all lanes but lane 3, which holds the identity: what goes wrong elsewhere must not show there.
pub struct Matrix {
    pub dim: usize,
    pub entries: Vec<f64x8>,
    pub symmetric: bool,
}

impl Matrix {
    /// From `[d x d]` numbers; the upper triangle is mirrored if it is to be symmetric.
    pub fn new(dim: usize, numbers: &[f64], symmetric: bool) -> Self {
        let at = |i: usize, j: usize| {
            let (i, j) = if symmetric && i > j { (j, i) } else { (i, j) };
            numbers[i * dim + j]
        };
        let entry = |i: usize, j: usize| {
            let identity = if i == j { 1.0 } else { 0.0 };
            f64x8::new(core::array::from_fn(|lane| if lane == 3 { identity } else { at(i, j) }))
        };
        let entries = (0..dim * dim).map(|n| entry(n / dim, n % dim)).collect();
        Self { dim, entries, symmetric }
    }

    pub fn shape(&self) -> OperatorShape {
        OperatorShape { dim: self.dim, product: 0, rank: 0 }
    }

    fn multiply(&self, v: &[f64x8], out: &mut [f64x8], transposed: bool) -> Result<()> {
        check_len("v", self.dim, v.len())?;
        check_len("out", self.dim, out.len())?;
        for (i, out) in out.iter_mut().enumerate() {
            let entry = |j: usize| if transposed { j * self.dim + i } else { i * self.dim + j };
            *out = (0..self.dim).fold(f64x8::ZERO, |sum, j| sum + self.entries[entry(j)] * v[j]);
        }
        Ok(())
    }
}

impl LinearOperator for Matrix {
    fn dim(&self) -> usize {
        self.dim
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        context.evaluations.hessian_product += 1;
        self.multiply(v, out, false)
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        context.evaluations.hessian_product += 1;
        self.multiply(v, out, true)
    }

    fn is_symmetric(&self) -> bool {
        self.symmetric
    }
}

/// Numbers of a matrix: those that break things, or small ones.
pub fn entries() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1..5usize).prop_flat_map(|d| {
        let small = prop::collection::vec(-0.3..0.3f64, d * d);
        (Just(d), prop_oneof![prop::collection::vec(number(), d * d), small])
    })
}

fn lane(x: f64x8, lane: usize) -> f64 {
    x.to_array()[lane]
}

proptest! {
    /// Fails if a slice that is no square matrix passes, a lane that cannot be factored spoils another, or
    /// the logarithm of a determinant is `+inf` for finite entries.
    #[test]
    fn factorizations_are_refused_or_stay_in_their_lane(
        (d, numbers) in entries(),
        short in 0..3usize,
    ) {
        let matrix = Matrix::new(d, &numbers, true);
        let mut work = matrix.entries.clone();
        work.truncate((d * d).saturating_sub(short));
        let fits = work.len() == d * d;
        let cholesky = Cholesky::factor(d, &mut work);
        prop_assert_eq!(cholesky.is_ok(), fits);
        if let Ok(cholesky) = cholesky {
            prop_assert_eq!(lane(cholesky.log_determinant(), 3), 0.0);
            let mut x = vec![f64x8::splat(0.5); d];
            cholesky.solve_lower(&mut x);
            cholesky.solve_upper(&mut x);
            prop_assert!(x.iter().all(|x| lane(*x, 3) == 0.5), "{x:?}");
        }
        let mut work = matrix.entries.clone();
        work.truncate((d * d).saturating_sub(short));
        let lu = Lu::log_abs_determinant(d, &mut work);
        prop_assert_eq!(lu.is_ok(), fits);
        if let Ok((log_abs, negative)) = lu {
            prop_assert!(lane(log_abs, 3) == 0.0 && negative.to_bitmask() & 8 == 0);
        }
    }

    /// Fails if a tridiagonal matrix that has no factor gives anything but that of the identity.
    #[test]
    fn tridiagonal_factors_are_of_positive_matrices(
        diagonal in numbers(5),
        beside in prop::collection::vec(number(), 5),
    ) {
        let n = diagonal.len();
        let mut diagonal: Vec<f64x8> = diagonal.into_iter().map(f64x8::splat).collect();
        let mut beside: Vec<f64x8> = beside.into_iter().take(n).map(f64x8::splat).collect();
        let (factor, positive) = TridiagonalCholesky::factor(&mut diagonal, &mut beside);
        let log_determinant = lane(factor.log_determinant(), 0);
        prop_assert!(positive.to_bitmask() != 0 || log_determinant == 0.0);
        prop_assert!(!log_determinant.is_nan());
        let mut x = vec![f64x8::splat(1.0); n];
        factor.solve_lower(&mut x);
        prop_assert!(positive.to_bitmask() != 0 || x.iter().all(|x| lane(*x, 0) == 1.0));
    }

    /// Fails if numbers that are no symmetric matrix pass, eigenvectors are not orthonormal or do not
    /// belong to their eigenvalues, or the sweeps do not end.
    #[test]
    fn eigenvalues_are_refused_or_right(
        (d, numbers) in entries(),
        symmetric in prop::bool::weighted(0.8),
    ) {
        let at = |i: usize, j: usize| {
            numbers[if symmetric && i > j { j * d + i } else { i * d + j }]
        };
        let matrix: Vec<f64> = (0..d * d).map(|n| at(n / d, n % d)).collect();
        let mut work = matrix.clone();
        let (mut values, mut vectors) = (vec![0.0; d], vec![0.0; d * d]);
        if symmetric_eigen(&mut work, &mut values, &mut vectors).is_err() {
            return Ok(());
        }
        prop_assert!(matrix.iter().all(|a| a.is_finite()));
        let largest = matrix.iter().fold(0.0_f64, |max, a| max.max(a.abs()));
        // Sums of squares beyond leave the range of doubles.
        if !(1e-140..1e140).contains(&largest) {
            return Ok(());
        }
        for (i, (value, row)) in values.iter().zip(vectors.chunks(d)).enumerate() {
            for (j, other) in vectors.chunks(d).enumerate() {
                let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                prop_assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12, "{vectors:?}");
            }
            for k in 0..d {
                let image: f64 = (0..d).map(|j| matrix[k * d + j] * row[j]).sum();
                // A matrix may be unsymmetric by 1e-10 of its largest entry.
                prop_assert!((image - value * row[k]).abs() <= 1e-9 * largest, "{values:?}");
            }
        }
    }

    /// Fails if Lanczos, its bounds of the spectrum, conjugate gradients or GMRES panic on any matrix or
    /// start, take one of the wrong length or too many steps, or spoil another lane.
    #[test]
    fn krylov_methods_stay_in_their_lane(
        (d, numbers) in entries(),
        symmetric in any::<bool>(),
        steps in prop_oneof![0..6usize, Just(65), Just(usize::MAX)],
        start in prop::collection::vec(number(), 0..6),
        tolerance in number(),
    ) {
        let matrix = Matrix::new(d, &numbers, symmetric);
        let fits = start.len() == d;
        let start: Vec<f64x8> = start
            .iter()
            .map(|&x| f64x8::new(core::array::from_fn(|lane| if lane == 3 { 1.0 } else { x })))
            .collect();
        let few = steps.min(8);
        let room = Spectrum::scratch_len(d, few) + 4 * d + solve_scratch_len(matrix.shape(), symmetric, few);
        let gram = Gram::new(&matrix);
        let operators: [&dyn LinearOperator; 2] = [&matrix, &gram];
        for operator in operators.into_iter().skip(usize::from(!symmetric)) {
            let found = with_context(room, 1, |c| Spectrum::estimate(operator, &start, steps, c));
            let counts = (1..=Spectrum::MAX_STEPS).contains(&steps);
            prop_assert!(found.is_err() || (fits && counts));
            if let Ok(found) = found {
                // The identity, or (I + I)^T (I + I) - I.
                let expected = if operator.is_symmetric() && symmetric { [1.0, 3.0] } else { [3.0, 3.0] };
                let smallest = lane(found.smallest, 3);
                prop_assert!(expected.iter().any(|e| (smallest - e).abs() < 1e-12), "{smallest}");
            }
        }
        let mut storage = vec![f64x8::ZERO; Lanczos::storage_len(d, few)];
        let found = with_context(room, 2, |context| {
            Lanczos::run_until(&gram, &start, few, tolerance, &mut storage, context).map(|l| l.rank)
        });
        prop_assert_eq!(found.is_ok(), fits);
        let mut x = vec![f64x8::splat(f64::NAN); d];
        let solved = with_context(room, 3, |c| solve(&matrix, &start, &mut x, (few, 1e-8), c));
        prop_assert_eq!(solved.is_ok(), fits);
        if solved.is_ok() && few > 0 {
            prop_assert!(x.iter().all(|x| (lane(*x, 3) - 0.5).abs() < 1e-12), "{x:?}");
        }
    }

    /// Fails if a workspace hands out more than it has, or forgets what it had.
    #[test]
    fn workspaces_are_refused_or_disjoint(room in 0..20usize, pieces in prop::collection::vec(0..9usize, 0..6)) {
        let mut memory = vec![f64x8::ZERO; room];
        let mut scratch = Scratch::new(&mut memory);
        let mut left = room;
        for (number, len) in pieces.into_iter().enumerate() {
            let Ok(piece) = scratch.take(len) else {
                prop_assert!(len > left);
                break;
            };
            prop_assert!(len <= left && piece.iter().all(|x| lane(*x, 0) == 0.0));
            piece.fill(f64x8::splat(1.0 + number as f64));
            left -= len;
        }
    }
}
