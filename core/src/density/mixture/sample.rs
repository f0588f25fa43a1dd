//! Exact samples of a mixture level.
//!
//! One uniform picks the component of each lane by its weight; then
//! `x = m_k + sum_i e_ki z_i / sqrt(p_ki)` with standard normals `z`.

use super::level::{MixtureLevel, Precisions};
use super::{entry, row, row_of};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{add_scaled, f64x8, greater_equal, less, select, splat};

/// The lanes that fall to each component, for one uniform number per lane.
///
/// The uniform is scaled by the sum of the weights, taken in the same order as the cumulation, so
/// every lane chooses some component and none of weight zero, whatever rounding does.
pub(super) struct ComponentChoice {
    uniform: f64x8,
    cumulated: f64x8,
}

impl ComponentChoice {
    /// A choice among weights that sum to `total`; `uniform` lies in `(0, 1)`.
    pub(super) fn new(uniform: f64x8, total: f64x8) -> Self {
        Self { uniform: uniform * total, cumulated: f64x8::ZERO }
    }

    /// Mask of the lanes that choose the next component, of the given weight.
    pub(super) fn next(&mut self, weight: f64x8) -> f64x8 {
        let from = greater_equal(self.uniform, self.cumulated);
        self.cumulated += weight;
        from & less(self.uniform, self.cumulated)
    }
}

impl MixtureLevel<'_> {
    /// Fills `x` `[d]` with eight exact samples of this level.
    ///
    /// # Errors
    /// A wrong length of `x` or a short workspace.
    pub fn sample(
        &self,
        x: &mut [f64x8],
        stream: &mut Stream,
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.mixture.dim;
        check_len("x", d, x.len())?;
        let (normals, candidate) = (scratch.take(d)?, scratch.take(d)?);
        let local = scratch.take(d)?;
        local.fill(f64x8::ZERO);
        let weights = (0..self.mixture.components()).map(|k| splat(self.mixture.weight(k)));
        let total = weights.clone().fold(f64x8::ZERO, |sum, w| sum + w);
        let mut choice = ComponentChoice::new(stream.uniforms(), total);
        stream.fill_normals(normals);
        for (k, weight) in weights.enumerate() {
            let chosen = choice.next(weight);
            if !chosen.any() {
                continue;
            }
            self.component_sample(k, normals, candidate);
            for (x, &c) in local.iter_mut().zip(&*candidate) {
                *x = select(chosen, c, *x);
            }
        }
        self.global_coordinates(local, x);
        Ok(())
    }

    /// `out = m_k + P_k^{-1/2} z`, in the local frame.
    fn component_sample(&self, k: usize, normals: &[f64x8], out: &mut [f64x8]) {
        let d = self.mixture.dim;
        for (o, &m) in out.iter_mut().zip(self.mean(k)) {
            *o = splat(m);
        }
        match self.precisions {
            Precisions::Isotropic(values) => {
                let precision = entry(values, k);
                let deviation = splat(1.0 / libm::sqrt(precision));
                for (o, &z) in out.iter_mut().zip(normals) {
                    *o = deviation.mul_add(z, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for ((o, &z), &p) in out.iter_mut().zip(normals).zip(row(values, k, d)) {
                    *o = splat(1.0 / libm::sqrt(p)).mul_add(z, *o);
                }
            }
            Precisions::Full { values, vectors } => {
                let axes = row_of(vectors, k, d * d).rows(d);
                for ((axis, &p), &z) in axes.zip(row_of(values, k, d)).zip(normals) {
                    add_scaled(out, z * splat(1.0 / libm::sqrt(p)), axis);
                }
            }
        }
    }
}
