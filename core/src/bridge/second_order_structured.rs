//! The second-order kernel `N(m, C)` where `C = diag(D) + U^T U` with at most `K` rows in `U`.
//!
//! That is the case for mixtures whose components are isotropic, diagonal, or share a full
//! covariance. In units of `D^{1/2}`, with `W = U D^{-1/2}`: sampling is `O(dK)`, `y = m + D^{1/2} w`,
//! `w = z + W^T zeta`. The density uses the `K x K` matrix `A = I + W W^T`:
//! `log det C = log det D + log det A` (determinant lemma), and with `zeta* = A^-1 W w` (Woodbury)
//! `(y-m)^T C^-1 (y-m) = |w - W^T zeta*|^2 + |zeta*|^2`, a sum of squares, so far modes cost no digits.
//! Where one component is alone `U` is empty; where all share a covariance `D` is known beforehand.

use super::{DenoisingKernel, LOG_TWO_PI};
use crate::density::mixture::MixtureTransition;
use crate::error::{Error, Result, check_len};
use crate::linalg::{Cholesky, RowMajor};
use crate::point::{Context, Point};
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Task, dispatch, dot, f64x8};

/// `k(y | x) = N(m(x), diag(D) + U^T U)`.
#[derive(Clone, Copy)]
pub struct SecondOrderStructured<'a> {
    transition: &'a MixtureTransition<'a>,
}

/// Moments at one block of points, in the local frame.
struct Factor<'m, V> {
    mean: &'m [V],
    /// `D^{1/2}`, `[d]`.
    deviations: &'m [V],
    /// `W`, `[rank x d]`.
    rows: &'m [V],
    rank: usize,
    /// `log det D`.
    log_determinant: V,
}

impl<'a> SecondOrderStructured<'a> {
    /// The kernel of a transition whose covariances have a common frame.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for full covariances that differ between components.
    pub fn new(transition: &'a MixtureTransition<'a>) -> Result<Self> {
        if transition.is_diagonal_plus_low_rank() {
            Ok(Self { transition })
        } else {
            let what = "full covariances that differ between components need the dense kernel";
            Err(Error::Unsupported { what })
        }
    }

    /// Room for a [`Factor`].
    fn factor_len(&self) -> usize {
        (self.transition.components() + 2) * self.transition.dim()
    }

    /// Fills `memory` with the moments at `x`.
    #[inline(always)]
    fn factor<'m, V: Lanes>(
        &self,
        x: &[V],
        memory: &'m mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<Factor<'m, V>> {
        let d = self.transition.dim();
        let mut memory = Scratch::new(memory);
        let (mean, deviations) = (memory.take_lanes::<V>(d)?, memory.take_lanes::<V>(d)?);
        let rows = memory.take_lanes::<V>(self.transition.components() * d)?;
        let (rank, log_determinant) = self.transition.diagonal_plus_low_rank(
            x,
            mean,
            deviations,
            rows,
            scratch.reborrow(),
        )?;
        let rows = rows.get_mut(..rank * d).unwrap_or(&mut []);
        if rank > 0 {
            let inverse = scratch.take_lanes::<V>(d)?;
            for (i, &c) in inverse.iter_mut().zip(&*deviations) {
                *i = V::splat(1.0) / c;
            }
            for row in rows.rows_mut(d) {
                for (u, &i) in row.iter_mut().zip(&*inverse) {
                    *u *= i;
                }
            }
        }
        Ok(Factor { mean, deviations, rows, rank, log_determinant })
    }

    /// `log k` for `w = D^{-1/2} (y - m)`, which is overwritten.
    #[inline(always)]
    fn log_normal<V: Lanes>(
        &self,
        factor: &Factor<'_, V>,
        w: &mut [V],
        mut scratch: Scratch<'_>,
    ) -> Result<V> {
        let (d, rank) = (self.transition.dim(), factor.rank);
        let mut energy = V::splat(d as f64 * LOG_TWO_PI) + factor.log_determinant;
        if rank > 0 {
            let matrix = scratch.take_lanes::<V>(rank * rank)?;
            let zeta = scratch.take_lanes::<V>(rank)?;
            for (i, (row, z)) in factor.rows.rows(d).zip(zeta.iter_mut()).enumerate() {
                *z = dot(row, w);
                let matrix_row = matrix.rows_mut(rank).skip(i).take(1).flatten();
                let others = factor.rows.rows(d);
                for (j, (entry, other)) in matrix_row.zip(others).take(i + 1).enumerate() {
                    let unit = if i == j { 1.0 } else { 0.0 };
                    *entry = dot(row, other) + V::splat(unit);
                }
            }
            let cholesky = Cholesky::factor(rank, matrix)?;
            cholesky.solve_lower(zeta);
            cholesky.solve_upper(zeta);
            for (row, &z) in factor.rows.rows(d).zip(&*zeta) {
                for (w, &u) in w.iter_mut().zip(row) {
                    *w = (-z).mul_add(u, *w);
                }
            }
            energy += cholesky.log_determinant() + dot(zeta, zeta);
        }
        Ok(V::splat(-0.5) * (energy + dot(w, w)))
    }
}

impl DenoisingKernel for SecondOrderStructured<'_> {
    fn scratch_len(&self) -> usize {
        let (d, components) = (self.transition.dim(), self.transition.components());
        let density = components * (components + 1) + d;
        self.factor_len() + components + 2 * d + density.max(self.transition.scratch_len())
    }

    fn sample(&self, x: Point<'_>, y: &mut [f64x8], context: Context<'_>) -> Result<f64x8> {
        let d = self.transition.dim();
        check_len("y", d, y.len())?;
        context.evaluations.hessian_product += d as u64;
        let (stream, scratch) = (context.stream, context.scratch);
        dispatch(Sample { kernel: self, x: x.x, y, stream, scratch })
    }

    fn log_density(&self, x: Point<'_>, y: &[f64x8], context: Context<'_>) -> Result<f64x8> {
        let d = self.transition.dim();
        check_len("y", d, y.len())?;
        context.evaluations.hessian_product += d as u64;
        dispatch(LogDensity { kernel: self, x: x.x, y, scratch: context.scratch })
    }
}

struct Sample<'a, 's> {
    kernel: &'a SecondOrderStructured<'a>,
    x: &'a [f64x8],
    y: &'a mut [f64x8],
    stream: &'a mut Stream,
    scratch: Scratch<'s>,
}

impl Task for Sample<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Result<f64x8> {
        let (kernel, d) = (self.kernel, self.y.len());
        let memory = self.scratch.take(kernel.factor_len())?;
        let factor = kernel.factor(V::view(self.x), memory, self.scratch.reborrow())?;
        let (w, local) = (self.scratch.take_lanes::<V>(d)?, self.scratch.take_lanes::<V>(d)?);
        let zeta = self.scratch.take_lanes::<V>(factor.rank)?;
        self.stream.fill_normal_lanes(w);
        self.stream.fill_normal_lanes(zeta);
        for (row, &z) in factor.rows.rows(d).zip(&*zeta) {
            for (w, &u) in w.iter_mut().zip(row) {
                *w = z.mul_add(u, *w);
            }
        }
        let moments = factor.mean.iter().zip(factor.deviations);
        for ((y, &w), (&m, &c)) in local.iter_mut().zip(&*w).zip(moments) {
            *y = c.mul_add(w, m);
        }
        kernel.transition.global_coordinates(local, V::view_mut(self.y));
        Ok(kernel.log_normal(&factor, w, self.scratch)?.vector())
    }
}

struct LogDensity<'a, 's> {
    kernel: &'a SecondOrderStructured<'a>,
    x: &'a [f64x8],
    y: &'a [f64x8],
    scratch: Scratch<'s>,
}

impl Task for LogDensity<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Result<f64x8> {
        let kernel = self.kernel;
        let memory = self.scratch.take(kernel.factor_len())?;
        let factor = kernel.factor(V::view(self.x), memory, self.scratch.reborrow())?;
        let w = self.scratch.take_lanes::<V>(self.y.len())?;
        kernel.transition.local_coordinates(V::view(self.y), w);
        for ((w, &m), &c) in w.iter_mut().zip(factor.mean).zip(factor.deviations) {
            *w = (*w - m) / c;
        }
        Ok(kernel.log_normal(&factor, w, self.scratch)?.vector())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture, MixtureLevel};
    use crate::path::NoiseSchedule;
    use crate::point::Evaluations;
    use crate::rng::{Key, Purpose};
    use crate::simd::splat;

    const D: usize = 1;
    /// So many that the matrix `[K x K]` takes more than an evaluation of the mixture.
    const K: usize = 20;

    /// Samples and evaluates with so much less workspace than promised, with all components in use.
    fn run(less: usize) -> Result<[f64x8; 2]> {
        let means: [f64; K * D] = core::array::from_fn(|i| 0.3 * i as f64 - 0.01 * (i * i) as f64);
        let variances: [f64; K] = core::array::from_fn(|k| 0.5 + 0.1 * k as f64);
        let mixture = Mixture::new(D, &[1.0; K], &means, Covariance::Isotropic(&variances))?;
        let step = NoiseSchedule::vp_linear(0.1, 20.0)?.step(0.2, 0.3)?;
        let (mut storage, mut numbers) = ([0.0; 128], [0.0; 128]);
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        let level =
            MixtureLevel::prepare(&mixture, step.alpha_noisy, step.variance_noisy, storage)?;
        let numbers = &mut numbers[..MixtureTransition::storage_len(&level)];
        let transition = MixtureTransition::prepare(&level, &step, numbers)?;
        let kernel = SecondOrderStructured::new(&transition)?;
        let mut memory = [splat(f64::NAN); 1024];
        let memory = &mut memory[..kernel.scratch_len() - less];
        let (mut stream, mut evaluations) =
            (Key::new(2, Purpose::User).stream(), Evaluations::default());
        let mut context = Context {
            stream: &mut stream,
            scratch: Scratch::new(memory),
            evaluations: &mut evaluations,
        };
        let (x, mut y) = ([splat(0.4)], [splat(0.0); D]);
        let point = Point { x: &x, log_density: splat(0.0), score: &[splat(0.0); D] };
        let drawn = kernel.sample(point, &mut y, context.reborrow())?;
        Ok([drawn, kernel.log_density(point, &y, context)?])
    }

    /// Fails if less room is promised than many components in few dimensions take, or the density of a sample
    /// is not the one reported with it.
    #[test]
    fn promised_room_is_enough_for_many_components() {
        let [drawn, evaluated] = run(0).unwrap();
        for (drawn, evaluated) in drawn.to_array().into_iter().zip(evaluated.to_array()) {
            assert!((drawn - evaluated).abs() < 1e-12, "{drawn} {evaluated}");
        }
    }

    /// Fails if more is promised than `d` vectors beyond what is taken.
    #[test]
    fn little_room_is_left() {
        assert!(run(D).is_ok() && run(D + 1).is_err());
    }
}
