//! Operators for tests: dense matrices, a different one in every lane, and a place to run on.

extern crate std;

use super::{Estimate, LogDeterminant};
use crate::error::{Result, check_len};
use crate::krylov::{LinearOperator, OperatorShape};
use crate::linalg::DiagonalPlusLowRank;
use crate::point::{Context, Evaluations};
use crate::rng::{Key, Purpose, Stream};
use crate::scratch::Scratch;
use crate::simd::{dot, f64x8, splat};
use std::vec::Vec;

/// Workspace the product of [`Matrices`] asks for, and checks.
const PRODUCT: usize = 3;

/// Eight dense matrices; a product counts as one of a Hessian.
pub(crate) struct Matrices {
    pub(crate) d: usize,
    /// `[d x d]`.
    pub(crate) entries: Vec<f64x8>,
    pub(crate) symmetric: bool,
    /// `scale`, `D`, `U`.
    pub(crate) structure: Option<(f64, Vec<f64x8>, Vec<f64x8>)>,
}

/// The stream of a test.
pub(crate) fn stream(seed: u64) -> Stream {
    Key::new(seed, Purpose::User).stream()
}

/// Calls `f` with a workspace of exactly `len` vectors of garbage.
pub(crate) fn run<R>(len: usize, seed: u64, f: impl FnOnce(Context<'_>) -> R) -> R {
    let mut memory = std::vec![splat(1e77); len];
    let (mut stream, mut evaluations) = (stream(seed), Evaluations::default());
    let scratch = Scratch::new(&mut memory);
    f(Context { stream: &mut stream, scratch, evaluations: &mut evaluations })
}

/// An estimate with exactly the workspace the estimator asks for, and the products it took.
pub(crate) fn estimate(
    estimator: &dyn LogDeterminant,
    operator: &Matrices,
    seed: u64,
) -> (Estimate, u64) {
    run(estimator.scratch_len(operator.shape()), seed, |mut context| {
        let estimate = estimator.estimate(operator, context.reborrow()).unwrap();
        (estimate, context.evaluations.hessian_product)
    })
}

/// A random rotation, row-major, by Gram-Schmidt.
fn rotation(d: usize, stream: &mut Stream) -> Vec<f64> {
    let mut rows = std::vec![0.0; d * d];
    stream.fill_scalar_normals(&mut rows);
    for i in 0..d {
        for _ in 0..2 {
            for j in 0..i {
                let overlap: f64 = (0..d).map(|k| rows[i * d + k] * rows[j * d + k]).sum();
                (0..d).for_each(|k| rows[i * d + k] -= overlap * rows[j * d + k]);
            }
        }
        let norm = libm::sqrt((0..d).map(|k| rows[i * d + k] * rows[i * d + k]).sum());
        (0..d).for_each(|k| rows[i * d + k] /= norm);
    }
    rows
}

impl Matrices {
    /// Symmetric matrices with eigenvalues `eigenvalue(lane, i)` in random bases.
    pub(crate) fn with_spectrum(d: usize, eigenvalue: impl Fn(usize, usize) -> f64) -> Self {
        Self::seeded(d, 11, eigenvalue)
    }

    /// The same with bases from a seed.
    pub(crate) fn seeded(d: usize, seed: u64, eigenvalue: impl Fn(usize, usize) -> f64) -> Self {
        let mut stream = stream(seed);
        let mut lanes = std::vec![[0.0; 8]; d * d];
        for lane in 0..8 {
            let q = rotation(d, &mut stream);
            for i in 0..d {
                for j in 0..d {
                    lanes[i * d + j][lane] =
                        (0..d).map(|e| q[e * d + i] * eigenvalue(lane, e) * q[e * d + j]).sum();
                }
            }
        }
        let entries = lanes.into_iter().map(f64x8::new).collect();
        Self { d, entries, symmetric: true, structure: None }
    }

    /// Matrices that are not symmetric, of norm about `norm`.
    pub(crate) fn general(d: usize, seed: u64, norm: f64) -> Self {
        let mut entries = std::vec![f64x8::ZERO; d * d];
        stream(seed).fill_normals(&mut entries);
        let scale = splat(norm * 0.5 / libm::sqrt(d as f64));
        entries.iter_mut().for_each(|entry| *entry *= scale);
        Self { d, entries, symmetric: false, structure: None }
    }

    /// `scale (U^T U - diag D)` with random `D` in `[0, width)`, and `U` `[rank x d]`.
    pub(crate) fn structured(d: usize, rank: usize, scale: f64, width: f64) -> Self {
        let mut stream = stream(5);
        let diagonal: Vec<f64x8> = (0..d).map(|_| stream.uniforms() * splat(width)).collect();
        let mut rows = std::vec![f64x8::ZERO; rank * d];
        stream.fill_normals(&mut rows);
        let mut entries = std::vec![f64x8::ZERO; d * d];
        for i in 0..d {
            for j in 0..d {
                let inner =
                    (0..rank).fold(f64x8::ZERO, |s, k| s + rows[k * d + i] * rows[k * d + j]);
                let diagonal = if i == j { diagonal[i] } else { f64x8::ZERO };
                entries[i * d + j] = splat(scale) * (inner - diagonal);
            }
        }
        Self { d, entries, symmetric: true, structure: Some((scale, diagonal, rows)) }
    }

    pub(crate) fn shape(&self) -> OperatorShape {
        let rank = self.structure.as_ref().map_or(0, |s| s.2.len() / self.d);
        OperatorShape { dim: self.d, product: PRODUCT, rank }
    }

    /// Puts a number into an entry (and its mirror image) of one lane.
    pub(crate) fn spoil(&mut self, lane: usize, value: f64) {
        for index in [1, self.d] {
            let mut lanes = self.entries[index].to_array();
            lanes[lane] = value;
            self.entries[index] = f64x8::new(lanes);
        }
    }

    /// `log|det(I + M)|` of one lane by Gaussian elimination, which shares no code.
    pub(crate) fn log_determinant(&self, lane: usize) -> f64 {
        let d = self.d;
        let mut a: Vec<f64> = self.entries.iter().map(|entry| entry.to_array()[lane]).collect();
        (0..d).for_each(|i| a[i * d + i] += 1.0);
        let mut sum = 0.0;
        for k in 0..d {
            let p = (k..d).max_by(|&i, &j| a[i * d + k].abs().total_cmp(&a[j * d + k].abs()));
            (0..d).for_each(|j| a.swap(k * d + j, p.unwrap() * d + j));
            sum += libm::log(a[k * d + k].abs());
            for i in k + 1..d {
                let factor = a[i * d + k] / a[k * d + k];
                (k..d).for_each(|j| a[i * d + j] -= factor * a[k * d + j]);
            }
        }
        sum
    }
}

impl LinearOperator for Matrices {
    fn dim(&self) -> usize {
        self.d
    }

    fn scratch_len(&self) -> usize {
        PRODUCT
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], mut context: Context<'_>) -> Result<()> {
        check_len("v", self.d, v.len())?;
        context.scratch.take(PRODUCT)?.fill(splat(f64::NAN));
        context.evaluations.hessian_product += 1;
        for (out, row) in out.iter_mut().zip(self.entries.chunks(self.d)) {
            *out = dot(row, v);
        }
        Ok(())
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], mut c: Context<'_>) -> Result<()> {
        c.scratch.take(PRODUCT)?.fill(splat(f64::NAN));
        c.evaluations.hessian_product += 1;
        out.fill(f64x8::ZERO);
        for (row, &v) in self.entries.chunks(self.d).zip(v) {
            for (out, &entry) in out.iter_mut().zip(row) {
                *out = v.mul_add(entry, *out);
            }
        }
        Ok(())
    }

    fn is_symmetric(&self) -> bool {
        self.symmetric
    }

    fn structure(&self) -> Option<DiagonalPlusLowRank<'_>> {
        let (scale, diagonal, rows) = self.structure.as_ref()?;
        Some(DiagonalPlusLowRank { scale: *scale, diagonal, rows })
    }
}
