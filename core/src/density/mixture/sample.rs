//! Exact samples of a mixture level.
//!
//! One uniform picks the component of each lane by its weight; then
//! `x = m_k + sum_i e_ki z_i / sqrt(p_ki)` with standard normals `z`.

use super::level::{MixtureLevel, Precisions};
use super::{entry, row};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Mask, Task, add_scaled, dispatch, f64x8, greater_equal, less};

/// The lanes that fall to each component, for one uniform number per lane.
///
/// The uniform is scaled by the sum of the weights, taken in the same order as the cumulation, so
/// every lane chooses some component and none of weight zero, whatever rounding does.
pub(super) struct ComponentChoice<V> {
    uniform: V,
    cumulated: V,
}

impl<V: Lanes> ComponentChoice<V> {
    /// A choice among weights that sum to `total`; `uniform` lies in `(0, 1)`.
    #[inline(always)]
    pub(super) fn new(uniform: V, total: V) -> Self {
        Self { uniform: uniform * total, cumulated: V::zero() }
    }

    /// Mask of the lanes that choose the next component, of the given weight.
    #[inline(always)]
    pub(super) fn next(&mut self, weight: V) -> V::Mask {
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
    pub fn sample(&self, x: &mut [f64x8], stream: &mut Stream, scratch: Scratch<'_>) -> Result<()> {
        dispatch(Sample { level: self, x, stream, scratch })
    }

    /// `out = m_k + P_k^{-1/2} z`, in the local frame.
    #[inline(always)]
    fn component_sample<V: Lanes>(&self, k: usize, normals: &[V], out: &mut [V]) {
        let d = self.mixture.dim;
        for (o, &m) in out.iter_mut().zip(self.mean(k)) {
            *o = V::splat(m);
        }
        match self.precisions {
            Precisions::Isotropic(values) => {
                let deviation = V::splat(1.0 / libm::sqrt(entry(values, k)));
                for (o, &z) in out.iter_mut().zip(normals) {
                    *o = deviation.mul_add(z, *o);
                }
            }
            Precisions::Diagonal(values) => {
                for ((o, &z), &p) in out.iter_mut().zip(normals).zip(row(values, k, d)) {
                    *o = V::splat(1.0 / libm::sqrt(p)).mul_add(z, *o);
                }
            }
            Precisions::Full { values, vectors } => {
                let axes = row(vectors, k, d * d).rows(d);
                for ((axis, &p), &z) in axes.zip(row(values, k, d)).zip(normals) {
                    add_scaled(out, z * V::splat(1.0 / libm::sqrt(p)), axis);
                }
            }
        }
    }
}

struct Sample<'a, 's> {
    level: &'a MixtureLevel<'a>,
    x: &'a mut [f64x8],
    stream: &'a mut Stream,
    scratch: Scratch<'s>,
}

impl Task for Sample<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let Self { level, x, stream, mut scratch } = self;
        let d = level.mixture.dim;
        check_len("x", d, x.len())?;
        let (normals, candidate) = (scratch.take_lanes::<V>(d)?, scratch.take_lanes::<V>(d)?);
        let local = scratch.take_lanes::<V>(d)?;
        for x in local.iter_mut() {
            *x = V::zero();
        }
        let components = level.mixture.components();
        let mut total = V::zero();
        for k in 0..components {
            total += V::splat(level.mixture.weight(k));
        }
        let mut choice = ComponentChoice::new(stream.uniform_lanes(), total);
        stream.fill_normal_lanes(normals);
        for k in 0..components {
            let chosen = choice.next(V::splat(level.mixture.weight(k)));
            if !chosen.any() {
                continue;
            }
            level.component_sample(k, normals, candidate);
            for (x, &c) in local.iter_mut().zip(&*candidate) {
                *x = V::select(chosen, c, *x);
            }
        }
        level.global_coordinates(local, V::view_mut(x));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::splat;

    /// Components that lane 2 chooses among weights 1, 0 and 3 by uniforms in the other lanes.
    fn chosen(uniform: f64, total: f64) -> [bool; 3] {
        let mut choice = ComponentChoice::new(splat(uniform), splat(total));
        [1.0, 0.0, 3.0].map(|weight| choice.next(splat(weight)).all())
    }

    /// Fails if the uniform is not scaled by the sum of the weights, a boundary belongs to both sides or to
    /// none, or a weight of zero is chosen.
    #[test]
    fn components_by_their_share() {
        for (uniform, first) in [(1e-300, true), (0.2499, true), (0.25, false), (0.5, false)] {
            assert_eq!(chosen(uniform, 4.0), [first, false, !first], "{uniform}");
        }
        assert_eq!(chosen(1.0 - 0.5 * f64::EPSILON, 4.0), [false, false, true]);
        assert_eq!(chosen(0.5, 1.0), [true, false, false]);
    }
}
