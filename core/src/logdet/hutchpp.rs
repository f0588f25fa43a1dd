//! Hutch++ \[Meyer21\]: the trace of `F = log(I + M)` within a sketched range exactly, outside by probes.
//!
//! `Q` (orthonormal rows) spans `F s_1, .., F s_k` for fresh probes `s_i`, and with `P = Q^T Q`
//!
//! `tr F = tr(Q F Q^T) + tr((I - P) F (I - P))`,
//!
//! for any `F`. The first trace takes `k` quadratic forms; for the second each probe `z`, with
//! `z' = (I - P) z`, gives one sample `z'^T (F - e I) z' + e (d - rank Q)`. Its mean does not depend on
//! `e`, which one more probe sets to what is left, `e = z'^T F z'/|z'|^2`: a bulk at a constant value,
//! as Jacobians of mixtures have it, then makes no noise. Given `Q` and `e` the samples are independent
//! and unbiased, of variance `2 |(I - P) (F - e I) (I - P)|_F^2` for Gaussian probes: the noise of
//! outliers of the spectrum is in the sketch.
//!
//! For signs, diagonal matrices make no noise in Hutchinson's estimate but do here, because the
//! projection mixes coordinates: where `M` is dominated by its diagonal, Hutchinson's is the better one.

use super::function::MatrixFunction;
use super::lanczos_logarithm::{LanczosLogarithm, MAX_STEPS};
use super::samples::Samples;
use super::series::Series;
use super::{Estimate, LogDeterminant, MAX_PROBES, MAX_TERMS, ProbeLaw, check_count, on_symmetric};
use crate::error::Result;
use crate::krylov::{Gram, LinearOperator, OperatorShape, Spectrum};
use crate::linalg::RowMajor;
use crate::point::Context;
use crate::simd::blocks::{dot, remove_along};
use crate::simd::{f64x8, less_equal, ln, select, splat};

/// Size, beside what it was, below which a direction counts as one of the span.
const VANISHING: f64 = 1e-10;

/// How the logarithm of a matrix is applied to a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logarithm {
    /// The power series of `log(I + M)`; any `M` with spectral radius below 1. An application takes
    /// `terms` products, a quadratic form of a symmetric `M` half of them.
    Series {
        /// Terms, 1 to 64.
        terms: usize,
    },
    /// The series about the middle `c` of the spectrum's bounds `[l, u]`, which converges for every
    /// `I + M > 0`: `d log c + tr log(I + (I + M - c I)/c)`, with `rho = (u - l)/(u + l)`.
    ///
    /// The bounds come from Lanczos steps on a random start of their own ([`Spectrum`]); `l` is not
    /// taken below half the smallest Ritz value. A Ritz value of `I + M` that is not above zero marks
    /// the lane. Products as for the series, and `steps` more.
    Recentred {
        /// Terms, 1 to 64.
        terms: usize,
        /// Lanczos steps for the bounds, 1 to 32.
        steps: usize,
    },
    /// `log((I + M)/c)` by Lanczos, `c` the exponential of the mean logarithm that one probe of its own
    /// sees, so that the bulk of the spectrum is near zero and the sketch finds the outliers. `steps`
    /// products for every application or quadratic form. A Ritz value of `I + M` that is not above zero
    /// marks the lane.
    Lanczos {
        /// Lanczos steps, 1 to 32.
        steps: usize,
    },
}

/// Hutch++ on the logarithm of `I + M`.
///
/// Of `n` vectors `k = ceil(n/3)` build the sketch, `k` measure it, and the `n - 2k` that are left are the
/// samples behind `variance`; one more form sets `e`, and [`Logarithm::Lanczos`] takes one for its center.
/// So Lanczos costs `steps (n + 2)` products, fewer where spaces are exhausted. Where `k` is the
/// dimension or more the trace is taken over the unit vectors: exact up to truncation, variance and
/// probes 0.
///
/// `bound`: for the series the remainder with the known radius or the largest seen (an estimate from
/// below for [`Logarithm::Series`]); for Lanczos the sum over the sketch, plus the mean over the
/// probes, of the differences between the rules of `steps` and `steps - 1` points (an estimate,
/// unknown for one step), 0 where all Krylov spaces were exhausted.
///
/// [`Logarithm::Recentred`] and [`Logarithm::Lanczos`] work on the Gram operator where `M` is not
/// symmetric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HutchPlusPlus {
    logarithm: Logarithm,
    vectors: usize,
    law: ProbeLaw,
}

impl HutchPlusPlus {
    /// `vectors`, `n` above: 8 to 4096, so that at least two samples are left.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::error::Error::OutOfRange), also for terms and steps.
    pub fn new(logarithm: Logarithm, vectors: usize, law: ProbeLaw) -> Result<Self> {
        check_count("vectors of Hutch++", vectors, 8, MAX_PROBES)?;
        match logarithm {
            Logarithm::Series { terms } => {
                check_count("terms of the power series", terms, 1, MAX_TERMS)?;
            }
            Logarithm::Recentred { terms, steps } => {
                check_count("terms of the power series", terms, 1, MAX_TERMS)?;
                check_count("Lanczos steps", steps, 1, MAX_STEPS)?;
            }
            Logarithm::Lanczos { steps } => check_count("Lanczos steps", steps, 1, MAX_STEPS)?,
        }
        Ok(Self { logarithm, vectors, law })
    }

    /// `k`, or `None` where the sketch would span everything.
    fn sketch(&self, d: usize) -> Option<usize> {
        Some(self.vectors.div_ceil(3)).filter(|&k| k < d)
    }

    /// `tr F`.
    fn trace(
        &self,
        function: &mut dyn MatrixFunction,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let d = operator.dim();
        let vector = context.scratch.take(d)?;
        let (mut trace, mut truncation) = (f64x8::ZERO, f64x8::ZERO);
        let Some(k) = self.sketch(d) else {
            for j in 0..d {
                vector.fill(f64x8::ZERO);
                vector.iter_mut().skip(j).take(1).for_each(|entry| *entry = splat(1.0));
                let form = function.quadratic_form(operator, vector, context.reborrow())?;
                trace += form.value;
                truncation += form.truncation;
            }
            let bound = truncation + function.remainder(d);
            let not_positive = function.not_positive();
            return Ok(Estimate { bound, not_positive, ..Estimate::exact(trace) });
        };
        let basis = context.scratch.take(k * d)?;
        for i in 0..k {
            let Some((done, rest)) = basis.split_at_mut_checked(i * d) else { break };
            let Some((row, _)) = rest.split_at_mut_checked(d) else { break };
            self.law.fill(context.stream, vector);
            function.apply(operator, vector, row, context.reborrow())?;
            join(done, row);
        }
        for row in basis.rows(d) {
            let form = function.quadratic_form(operator, row, context.reborrow())?;
            trace += form.value;
            truncation += form.truncation;
        }
        let rank_outside = splat(d as f64) - dot(basis, basis);
        self.law.fill(context.stream, vector);
        remove(basis, vector);
        let square = dot(vector, vector);
        let form = function.quadratic_form(operator, vector, context.reborrow())?;
        let nothing_left = less_equal(square, f64x8::ZERO);
        let level = select(nothing_left, f64x8::ZERO, form.value / square);
        trace += level * rank_outside;
        let (mut samples, mut outside) = (Samples::default(), f64x8::ZERO);
        let probes = self.vectors.saturating_sub(2 * k);
        for _ in 0..probes {
            self.law.fill(context.stream, vector);
            remove(basis, vector);
            let form = function.quadratic_form(operator, vector, context.reborrow())?;
            samples.push(trace + form.value - level * dot(vector, vector));
            outside += form.truncation;
        }
        truncation += outside * splat(1.0 / probes as f64);
        Ok(Estimate {
            value: samples.mean(),
            variance: samples.variance_of_mean(),
            probes,
            bound: truncation + function.remainder(d),
            not_positive: function.not_positive(),
        })
    }

    /// The recentred series.
    fn recentred(
        &self,
        terms: usize,
        steps: usize,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let d = operator.dim();
        let (one, half) = (splat(1.0), splat(0.5));
        let spectrum = {
            let mut context = context.reborrow();
            let start = context.scratch.take(d)?;
            ProbeLaw::Gaussian.fill(context.stream, start);
            Spectrum::estimate(operator, start, steps, context)?
        };
        let smallest = one + spectrum.smallest;
        let not_positive = less_equal(smallest, f64x8::ZERO);
        let (lower, upper) = (one + spectrum.lower, one + spectrum.upper);
        let floor = half * smallest;
        let lower = select(less_equal(lower, floor), floor, lower);
        let center = select(not_positive, splat(f64::NAN), half * (lower + upper));
        let mut series = Series::new(terms, center, (upper - lower) / (upper + lower));
        let estimate = self.trace(&mut series, operator, context)?;
        let value = splat(d as f64).mul_add(ln(center), estimate.value);
        Ok(Estimate { value, not_positive, ..estimate })
    }

    /// The logarithm by Lanczos.
    fn lanczos(
        &self,
        steps: usize,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let d = operator.dim();
        let logarithm = LanczosLogarithm::new(steps);
        let (mut logarithm, log_center) = {
            let (mut logarithm, mut context) = (logarithm, context.reborrow());
            let z = context.scratch.take(d)?;
            self.law.fill(context.stream, z);
            let form = logarithm.quadratic_form(operator, z, context)?;
            (logarithm, form.value / dot(z, z))
        };
        logarithm = logarithm.centered(log_center);
        let estimate = self.trace(&mut logarithm, operator, context)?;
        Ok(Estimate { value: splat(d as f64).mul_add(log_center, estimate.value), ..estimate })
    }
}

/// Makes `row` a unit vector orthogonal to the rows `done` (Gram-Schmidt, twice), or zero in the
/// lanes in which it lies in their span.
fn join(done: &[f64x8], row: &mut [f64x8]) {
    let before = dot(row, row).sqrt();
    remove(done, row);
    remove(done, row);
    let after = dot(row, row).sqrt();
    let vanishes = less_equal(after, splat(VANISHING) * before);
    let scale = select(vanishes, f64x8::ZERO, splat(1.0) / after);
    row.iter_mut().for_each(|entry| *entry *= scale);
}

/// `v <- v - Q^T Q v`.
fn remove(basis: &[f64x8], v: &mut [f64x8]) {
    for row in basis.rows(v.len()) {
        remove_along(row, v);
    }
}

impl LogDeterminant for HutchPlusPlus {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        let d = shape.dim;
        let basis = self.sketch(d).map_or(0, |k| k * d);
        let gram = Gram::shape(shape).product;
        d + match self.logarithm {
            Logarithm::Series { .. } => basis + Series::scratch_len(d) + shape.product,
            Logarithm::Recentred { steps, .. } => {
                (basis + Series::scratch_len(d)).max(Spectrum::scratch_len(d, steps)) + gram
            }
            Logarithm::Lanczos { steps } => basis + LanczosLogarithm::scratch_len(d, steps) + gram,
        }
    }

    fn probes(&self, dim: usize) -> usize {
        self.sketch(dim).map_or(0, |k| self.vectors.saturating_sub(2 * k))
    }

    fn estimate(&self, operator: &dyn LinearOperator, context: Context<'_>) -> Result<Estimate> {
        match self.logarithm {
            Logarithm::Series { terms } => self.trace(&mut Series::plain(terms), operator, context),
            Logarithm::Recentred { terms, steps } => {
                on_symmetric(operator, |m| self.recentred(terms, steps, m, context))
            }
            Logarithm::Lanczos { steps } => {
                on_symmetric(operator, |m| self.lanczos(steps, m, context))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::function::Form;
    use super::super::testing::{Matrices, run};
    use super::*;

    /// Fails if one pass of Gram-Schmidt is left out (nearly parallel rows then keep an overlap of 1e-9), a
    /// row is not of unit length, or a row of the span, in lane 5, is not set to zero.
    #[test]
    fn nearly_parallel_rows_become_orthonormal() {
        const D: usize = 6;
        let entry = |i: usize| splat(1.0 + 0.37 * i as f64 - 0.11 * (i * i) as f64);
        let mut basis: [f64x8; 2 * D] = core::array::from_fn(|index| {
            let (row, i) = (index / D, index % D);
            let mut step = [1e-8; 8];
            step[5] = 0.0;
            let difference = splat(row as f64 * (i * i % 5) as f64) * f64x8::new(step);
            entry(i) + difference
        });
        let (first, second) = basis.split_at_mut(D);
        join(&[], first);
        join(first, second);
        let overlap = dot(first, second).to_array();
        let lengths = dot(second, second).to_array();
        assert!((dot(first, first).to_array()[2] - 1.0).abs() < 1e-15);
        for lane in 0..8 {
            let length = if lane == 5 { 0.0 } else { 1.0 };
            assert!((lengths[lane] - length).abs() < 1e-14);
            assert!(overlap[lane].abs() < 1e-14, "{}", overlap[lane]);
        }
    }

    /// `F = 3 I` in every lane, with a truncation of `|v|^2/4 + 2` a form and a remainder of `d/8`.
    struct Threefold;

    impl MatrixFunction for Threefold {
        fn apply(
            &mut self,
            _: &dyn LinearOperator,
            v: &[f64x8],
            out: &mut [f64x8],
            _: Context<'_>,
        ) -> Result<()> {
            for (out, &v) in out.iter_mut().zip(v) {
                *out = splat(3.0) * v;
            }
            Ok(())
        }
        fn quadratic_form(
            &mut self,
            _: &dyn LinearOperator,
            v: &[f64x8],
            _: Context<'_>,
        ) -> Result<Form> {
            let square = dot(v, v);
            Ok(Form {
                value: splat(3.0) * square,
                truncation: splat(0.25).mul_add(square, splat(2.0)),
            })
        }
        fn remainder(&self, d: usize) -> f64x8 {
            splat(d as f64 / 8.0)
        }
        fn not_positive(&self) -> f64x8 {
            f64x8::ZERO
        }
    }

    /// Fails if a bound leaves out the sketch or the probes, counts the probes by their number instead of their
    /// mean, or misses the remainder: of 10 vectors 4 are the sketch, unit vectors of truncation 2.25 each, and
    /// two are probes, whose truncations have mean `2 + |z'|^2/4` with `|z'|^2` from 0 on. In four dimensions
    /// the trace is a sum over unit vectors.
    #[test]
    fn bounds_count_sketch_and_probes() {
        let method =
            HutchPlusPlus::new(Logarithm::Series { terms: 1 }, 10, ProbeLaw::Rademacher).unwrap();
        for (d, probes) in [(4, 0), (5, 2), (40, 2)] {
            let operator = Matrices::with_spectrum(d, |_, _| 0.0);
            let estimate =
                run(6 * d, 3, |context| method.trace(&mut Threefold, &operator, context)).unwrap();
            assert_eq!(estimate.probes, probes);
            let least = 4.0 * 2.25 + d as f64 / 8.0 + if probes > 0 { 2.0 } else { 0.0 };
            for lane in 0..8 {
                let (value, bound) =
                    (estimate.value.to_array()[lane], estimate.bound.to_array()[lane]);
                assert!((value - 3.0 * d as f64).abs() < 1e-11, "{d}: {value}");
                // Rademacher probes have |z|^2 = d, of which the sketch takes a part.
                let spread = if probes > 0 { d as f64 / 4.0 } else { 1e-12 };
                assert!(least - 1e-12 < bound && bound < least + spread, "{d}: {bound} {least}");
                if d == 40 {
                    assert!(bound > least + 0.25 * spread, "{bound} {least}");
                }
            }
        }
    }
}
