//! Log-density, responsibilities and score of a mixture level.
//!
//! `log p = logsumexp_k q_k`, `r_k = exp(q_k - log p)`, `S = sum_k r_k g_k`,
//! `g_k = P_k (m_k - x)`. Differences `m_k - x` are formed directly: the expanded square
//! `|x|^2 - 2 x.m + |m|^2` loses digits at large separations, and on processors with adders of their own it
//! is no faster.
//!
//! A component with `q_k < max_j q_j - 57.6` in a lane, that is `r_k < 1e-25`, has responsibility zero there;
//! one that has it in all lanes is not visited again. What is left out is, with `|g_k| <= |P_k|^(1/2) s_k^(1/2)`
//! and the square `s_k = 2 (c_k - q_k)`, at most `1e-25 (s_max^(1/2) + 11 + b) |P_k|^(1/2)` for a component, `s_max`
//! the square of the one that dominates and `b^2 = 2 max(c_k - c_max, 0)` (34 for d = 128 and precisions 1e4 times as
//! high): below the rounding of the score at any distance. Each lane decides for
//! itself, so it does not depend on its neighbours.

use super::level::{MixtureLevel, Precisions};
use super::normalize::{
    NEGLIGIBLE, SMALLEST, is_negligible, normalize_exponentials, normalize_groups,
};
use super::row_sums::{Rows, subtract_rows, sum_rows};
use super::tile_sums::{OwnSquares, Products, SharedSquares, Squares, sum_tiles};
use super::{entry, row, row_of};
use crate::density::{LogDensity, Score};
use crate::error::{Result, check_len};
use crate::linalg::{RowMajor, pieces, pieces_mut};
use crate::scratch::Scratch;
use crate::simd::{Kernel, Lanes, Task, add_scaled, dispatch, dot, dot_scalar, f64x8};

/// Most blocks evaluated together, and most vectors that they take.
const GROUP: usize = 8;
const GROUP_VECTORS: usize = 256;

impl MixtureLevel<'_> {
    /// Responsibilities `r_k(x) = P(component k | x)`, `[K]`; returns `log p(x)`.
    ///
    /// Those below 1e-307 are zero.
    ///
    /// # Errors
    /// A wrong length of `x` or `responsibilities`, or a short workspace.
    pub fn responsibilities(
        &self,
        x: &[f64x8],
        responsibilities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        dispatch(Responsibilities { level: self, x, responsibilities, scratch })
    }

    /// The same for a point in the local frame; those below 1e-25 are zero.
    #[inline(always)]
    pub(super) fn responsibilities_at<V: Lanes>(
        &self,
        local: &[V],
        responsibilities: &mut [V],
        scratch: Scratch<'_>,
    ) -> Result<V> {
        self.log_joint(local, responsibilities, &mut [], scratch)?;
        Ok(normalize_exponentials(responsibilities, NEGLIGIBLE))
    }

    /// `q_k = log w_k + log N(x; m_k, P_k^-1)` for points in the local frame: `local` `[B x d]`, `q`
    /// `[B x K]`, block after block.
    ///
    /// Keeps `-g_k` in `gradients`, `[B x K x d]`, where the level has matrices and `gradients` is not empty.
    #[inline(always)]
    pub(super) fn log_joint<V: Lanes>(
        &self,
        local: &[V],
        q: &mut [V],
        gradients: &mut [V],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        V::call(LogJoint { level: self, local, q, gradients, scratch })
    }

    #[inline(always)]
    fn log_joint_in_line<V: Lanes>(
        &self,
        local: &[V],
        q: &mut [V],
        gradients: &mut [V],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let (d, components) = (self.mixture.dim, self.mixture.components());
        let blocks = local.len() / d.max(1);
        check_len("responsibilities", blocks.saturating_mul(components), q.len())?;
        let m = self.packed.means;
        let points = local.rows(d).zip(q.rows_mut(components));
        match self.precisions {
            Precisions::Isotropic(_) => {
                for (x, q) in points {
                    sum_tiles(Squares, x, m, q);
                }
            }
            Precisions::Diagonal(values) if values.len() == d => {
                for (x, q) in points {
                    sum_tiles(SharedSquares(values), x, m, q);
                }
            }
            Precisions::Diagonal(_) => {
                for (x, q) in points {
                    sum_tiles(OwnSquares(self.packed.precisions), x, m, q);
                }
            }
            Precisions::Full { .. } => {
                let (difference, product) = (scratch.take_lanes(d)?, scratch.take_lanes(d)?);
                let mut kept = gradients.rows_mut(d.saturating_mul(components));
                for (x, q) in points {
                    let kept = kept.next().unwrap_or(&mut []);
                    self.full_squares(x, q, kept, difference, product);
                }
            }
        }
        for q in q.rows_mut(components) {
            self.squares_to_exponents(q);
        }
        Ok(())
    }

    /// `c_k - s_k p_k / 2` (without `p` where the square has it), in place.
    #[inline(always)]
    fn squares_to_exponents<V: Lanes>(&self, q: &mut [V]) {
        let constants = q.iter_mut().zip(self.log_constants);
        match self.precisions {
            Precisions::Isotropic(values) if values.len() > 1 => {
                for ((q, &constant), &p) in constants.zip(values) {
                    *q = q.mul_add(V::splat(-0.5 * p), V::splat(constant));
                }
            }
            Precisions::Isotropic(values) => {
                let half = V::splat(-0.5 * entry(values, 0));
                for (q, &constant) in constants {
                    *q = q.mul_add(half, V::splat(constant));
                }
            }
            _ => {
                for (q, &constant) in constants {
                    *q = q.mul_add(V::splat(-0.5), V::splat(constant));
                }
            }
        }
    }

    /// `(x - m_k)^T P_k (x - m_k)` of full covariances, `[K]`.
    #[inline(always)]
    fn full_squares<V: Lanes>(
        &self,
        x: &[V],
        squares: &mut [V],
        gradients: &mut [V],
        difference: &mut [V],
        product: &mut [V],
    ) {
        let d = self.mixture.dim;
        let mut kept = gradients.rows_mut(d);
        for (k, square) in squares.iter_mut().enumerate() {
            subtract_mean(x, self.mean(k), difference);
            let m = row_of(self.packed.dense, k, d * d);
            if m.is_empty() {
                *square = self.square_along_axes(k, difference);
                continue;
            }
            let out = kept.next().unwrap_or(&mut *product);
            sum_tiles(Products, difference, m, out);
            *square = dot(difference, out);
        }
    }

    /// `sum_i p_ki (q_ki . z)^2` along the eigenvectors of component `k`.
    #[inline(always)]
    fn square_along_axes<V: Lanes>(&self, k: usize, z: &[V]) -> V {
        let Precisions::Full { values, vectors } = self.precisions else { return V::zero() };
        let d = self.mixture.dim;
        let mut sum = V::zero();
        for (axis, &p) in row(vectors, k, d * d).rows(d).zip(row(values, k, d)) {
            let y = dot_scalar(axis, z);
            sum = (y * y).mul_add(V::splat(p), sum);
        }
        sum
    }

    /// Points in the local frame, `[B x d]`: `x` itself, or coordinates in `scratch`.
    #[inline(always)]
    pub(super) fn local_point<'x, 's: 'x, V: Lanes>(
        &self,
        x: &'x [V],
        scratch: &mut Scratch<'s>,
    ) -> Result<&'x [V]> {
        let d = self.mixture.dim;
        if x.is_empty() || !x.len().is_multiple_of(d.max(1)) {
            check_len("x", d, x.len())?;
        }
        if self.frame.is_none() {
            return Ok(x);
        }
        let local = scratch.take_lanes(x.len())?;
        for (x, local) in x.rows(d).zip(local.rows_mut(d)) {
            self.local_coordinates(x, local);
        }
        Ok(local)
    }

    /// `out += scale * g_k`, `g_k = P_k (m_k - x)`, in the local frame.
    #[inline(always)]
    pub(super) fn add_component_score<V: Lanes>(
        &self,
        k: usize,
        scale: V,
        x: &[V],
        out: &mut [V],
        difference: &mut [V],
    ) {
        let mean = self.mean(k);
        let d = self.mixture.dim;
        match self.precisions {
            Precisions::Isotropic(values) => {
                let scale = scale * V::splat(entry(values, k));
                for ((o, &x), &m) in out.iter_mut().zip(x).zip(mean) {
                    *o = scale.mul_add(V::splat(m) - x, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for (((o, &x), &m), &p) in out.iter_mut().zip(x).zip(mean).zip(row(values, k, d)) {
                    *o = (scale * V::splat(p)).mul_add(V::splat(m) - x, *o);
                }
            }
            Precisions::Full { .. } => {
                subtract_mean(x, mean, difference);
                self.add_precision_product(k, -scale, difference, out);
            }
        }
    }

    /// `out += scale * P_k v`, in the local frame.
    #[inline(always)]
    pub(super) fn add_precision_product<V: Lanes>(
        &self,
        k: usize,
        scale: V,
        v: &[V],
        out: &mut [V],
    ) {
        let d = self.mixture.dim;
        match self.precisions {
            Precisions::Isotropic(values) => {
                let scale = scale * V::splat(entry(values, k));
                for (o, &v) in out.iter_mut().zip(v) {
                    *o = scale.mul_add(v, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for ((o, &v), &p) in out.iter_mut().zip(v).zip(row(values, k, d)) {
                    *o = (scale * V::splat(p)).mul_add(v, *o);
                }
            }
            Precisions::Full { values, vectors } => {
                let axes = row(vectors, k, d * d).rows(d);
                for (axis, &p) in axes.zip(row(values, k, d)) {
                    add_scaled(out, (scale * V::splat(p)) * dot_scalar(axis, v), axis);
                }
            }
        }
    }

    /// `out = sum_k r_k g_k` in the local frame, for blocks side by side: `local`, `out` `[B x d]`,
    /// `responsibilities` `[B x K]`; `weights` is room of [`Self::weights_len`].
    #[inline(always)]
    pub(super) fn local_score<V: Lanes>(
        &self,
        local: &[V],
        responsibilities: &[V],
        out: &mut [V],
        weights: &mut [V],
    ) {
        V::call(LocalScore { level: self, local, responsibilities, out, weights });
    }

    #[inline(always)]
    fn local_score_in_line<V: Lanes>(
        &self,
        local: &[V],
        responsibilities: &[V],
        out: &mut [V],
        weights: &mut [V],
    ) {
        let (d, components) = (self.mixture.dim, self.mixture.components());
        let points = local.rows(d).zip(responsibilities.rows(components)).zip(out.rows_mut(d));
        let plain = Rows { means: self.packed.means, precisions: &[] };
        match self.precisions {
            Precisions::Isotropic(values) if values.len() > 1 => {
                let weights = weights.get_mut(..components).unwrap_or(&mut []);
                for ((x, r), out) in points {
                    for ((w, &r), &p) in weights.iter_mut().zip(r).zip(values) {
                        *w = r * V::splat(p);
                    }
                    sum_rows(plain, weights, x, out);
                }
            }
            Precisions::Isotropic(values) => {
                let p = V::splat(entry(values, 0));
                for ((x, r), out) in points {
                    sum_rows(plain, r, x, out);
                    for o in out.iter_mut() {
                        *o *= p;
                    }
                }
            }
            Precisions::Diagonal(values) if values.len() == d => {
                for ((x, r), out) in points {
                    sum_rows(plain, r, x, out);
                    for (o, &p) in out.iter_mut().zip(values) {
                        *o *= V::splat(p);
                    }
                }
            }
            Precisions::Diagonal(_) => {
                let (means, precisions) = (self.packed.means, self.packed.precisions);
                let rows = Rows { means, precisions };
                for ((x, r), out) in points {
                    sum_rows(rows, r, x, out);
                }
            }
            Precisions::Full { .. } => {
                for ((x, r), out) in points {
                    for o in out.iter_mut() {
                        *o = V::zero();
                    }
                    for (k, &r) in r.iter().enumerate() {
                        if !is_negligible(r) {
                            self.add_component_score(k, r, x, out, weights);
                        }
                    }
                }
            }
        }
    }

    /// `log p` and, in `score`, its gradient, for up to [`Self::group_len`] blocks: `x`, `score` `[B x d]`,
    /// `log_densities` `[B]`.
    ///
    /// One phase after the other for all blocks, so that the long chains of exponentials and
    /// logarithms of several blocks overlap.
    #[inline(always)]
    pub(super) fn evaluate<V: Lanes>(
        &self,
        x: &[V],
        score: &mut [V],
        log_densities: &mut [V],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let (d, components) = (self.mixture.dim, self.mixture.components());
        let blocks = log_densities.len();
        let responsibilities = scratch.take_lanes::<V>(blocks * components)?;
        let gradients = scratch.take_lanes::<V>(blocks * self.gradients_len())?;
        let weights = scratch.take_lanes::<V>(self.weights_len())?;
        let local = self.local_point(x, &mut scratch)?;
        self.log_joint(local, responsibilities, gradients, scratch.reborrow())?;
        normalize_groups(responsibilities, log_densities, NEGLIGIBLE);
        if !gradients.is_empty() {
            let gradients = gradients.rows(self.gradients_len());
            let points = responsibilities.rows(components).zip(score.rows_mut(d));
            for ((r, score), gradients) in points.zip(gradients) {
                subtract_rows(r, gradients, score);
            }
        } else if self.frame.is_none() {
            self.local_score(local, responsibilities, score, weights);
        } else {
            let local_score = scratch.take_lanes::<V>(blocks * d)?;
            self.local_score(local, responsibilities, local_score, weights);
            for (local, score) in local_score.rows(d).zip(score.rows_mut(d)) {
                self.global_coordinates(local, score);
            }
        }
        Ok(())
    }

    /// Blocks that are evaluated together: as many as keep what they share in the first cache.
    #[inline(always)]
    fn group_len(&self) -> usize {
        (GROUP_VECTORS / self.vectors_per_block().max(1)).clamp(1, GROUP)
    }

    /// Vectors that one block takes in an evaluation, besides what is shared.
    #[inline(always)]
    fn vectors_per_block(&self) -> usize {
        self.mixture.components() + 2 * self.mixture.dim + self.gradients_len()
    }

    /// Room of [`Self::local_score`]: `d` vectors, or `K` where components have precisions of their own.
    pub(super) fn weights_len(&self) -> usize {
        self.mixture.dim.max(self.mixture.components())
    }

    /// Vectors for the gradients of all components, `[K x d]`; none where a component's score is as
    /// cheap to compute again.
    pub(super) fn gradients_len(&self) -> usize {
        if self.packed.dense.is_empty() { 0 } else { self.means.len() }
    }
}

impl LogDensity for MixtureLevel<'_> {
    fn dim(&self) -> usize {
        self.mixture.dim
    }

    fn scratch_len(&self) -> usize {
        self.group_len() * self.vectors_per_block() + self.linearization_scratch()
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        dispatch(LogDensityOf { level: self, x, scratch })
    }
}

impl Score for MixtureLevel<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let mut log_density = [f64x8::ZERO];
        let log_densities = &mut log_density;
        dispatch(Evaluate { level: self, x, score, log_densities, scratch })?;
        let [log_density] = log_density;
        Ok(log_density)
    }

    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        dispatch(Evaluate { level: self, x, score, log_densities, scratch })
    }
}

struct LogJoint<'a, 's, V> {
    level: &'a MixtureLevel<'a>,
    local: &'a [V],
    q: &'a mut [V],
    gradients: &'a mut [V],
    scratch: Scratch<'s>,
}

impl<V: Lanes> Kernel<V> for LogJoint<'_, '_, V> {
    type Output = Result<()>;

    #[inline(always)]
    fn run(self) -> Result<()> {
        self.level.log_joint_in_line(self.local, self.q, self.gradients, self.scratch)
    }
}

struct LocalScore<'a, V> {
    level: &'a MixtureLevel<'a>,
    local: &'a [V],
    responsibilities: &'a [V],
    out: &'a mut [V],
    weights: &'a mut [V],
}

impl<V: Lanes> Kernel<V> for LocalScore<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { level, local, responsibilities, out, weights } = self;
        level.local_score_in_line(local, responsibilities, out, weights);
    }
}

struct Responsibilities<'a, 's> {
    level: &'a MixtureLevel<'a>,
    x: &'a [f64x8],
    responsibilities: &'a mut [f64x8],
    scratch: Scratch<'s>,
}

impl Task for Responsibilities<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Result<f64x8> {
        let responsibilities = V::view_mut(self.responsibilities);
        let local = self.level.local_point(V::view(self.x), &mut self.scratch)?;
        self.level.log_joint(local, responsibilities, &mut [], self.scratch)?;
        Ok(normalize_exponentials(responsibilities, SMALLEST).vector())
    }
}

struct LogDensityOf<'a, 's> {
    level: &'a MixtureLevel<'a>,
    x: &'a [f64x8],
    scratch: Scratch<'s>,
}

impl Task for LogDensityOf<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Result<f64x8> {
        let responsibilities = self.scratch.take_lanes::<V>(self.level.mixture.components())?;
        let local = self.level.local_point(V::view(self.x), &mut self.scratch)?;
        Ok(self.level.responsibilities_at(local, responsibilities, self.scratch)?.vector())
    }
}

/// Blocks side by side: `x` and `score` `[B x d]`, `log_densities` `[B]`.
struct Evaluate<'a, 's> {
    level: &'a MixtureLevel<'a>,
    x: &'a [f64x8],
    score: &'a mut [f64x8],
    log_densities: &'a mut [f64x8],
    scratch: Scratch<'s>,
}

impl Task for Evaluate<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Result<()> {
        let d = self.level.mixture.dim;
        let total = self.log_densities.len().saturating_mul(d);
        check_len("x", total, self.x.len())?;
        check_len("score", total, self.score.len())?;
        let group = self.level.group_len();
        let vectors = (group * d).max(1);
        let groups =
            pieces(V::view(self.x), vectors).zip(pieces_mut(V::view_mut(self.score), vectors));
        for ((x, score), log_densities) in
            groups.zip(pieces_mut(V::view_mut(self.log_densities), group))
        {
            self.level.evaluate(x, score, log_densities, self.scratch.reborrow())?;
        }
        Ok(())
    }
}

#[inline(always)]
fn subtract_mean<V: Lanes>(x: &[V], mean: &[f64], out: &mut [V]) {
    for ((o, &x), &m) in out.iter_mut().zip(x).zip(mean) {
        *o = x - V::splat(m);
    }
}
