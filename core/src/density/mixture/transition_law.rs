//! The law of `x_s` given `x_t` itself: its density and exact samples.

use super::normalize::{SMALLEST, normalize_exponentials};
use super::sample::ComponentChoice;
use super::transition::MixtureTransition;
use crate::error::{Result, check_len};
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{Lanes, Mask, Task, dispatch, f64x8};

impl MixtureTransition<'_> {
    /// `log p(x_s = y | x_t = x)`, the mixture `sum_k r_k(x) N(y; m_k, C_k)`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    pub fn log_density(&self, x: &[f64x8], y: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        dispatch(LogDensity { law: self, x, y, scratch })
    }

    /// Draws `y ~ p(x_s | x_t = x)`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    pub fn sample(
        &self,
        x: &[f64x8],
        y: &mut [f64x8],
        stream: &mut Stream,
        scratch: Scratch<'_>,
    ) -> Result<()> {
        dispatch(Sample { law: self, x, y, stream, scratch })
    }
}

struct LogDensity<'a, 's> {
    law: &'a MixtureTransition<'a>,
    x: &'a [f64x8],
    y: &'a [f64x8],
    scratch: Scratch<'s>,
}

impl Task for LogDensity<'_, '_> {
    type Output = Result<f64x8>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<f64x8> {
        let Self { law, x, y, mut scratch } = self;
        let (d, components) = (law.dim(), law.components());
        check_len("x", d, x.len())?;
        check_len("y", d, y.len())?;
        let joint = scratch.take_lanes::<V>(components)?;
        let prior = scratch.take_lanes::<V>(components)?;
        let (mean, difference) = (scratch.take_lanes::<V>(d)?, scratch.take_lanes::<V>(d)?);
        let local_y = law.noisy.local_point(V::view(y), &mut scratch)?;
        let local_x = law.noisy.local_point(V::view(x), &mut scratch)?;
        law.noisy.log_joint(local_x, prior, &mut [], scratch)?;
        let normalization = V::splat(d as f64 * libm::log(core::f64::consts::TAU));
        for (k, (joint, &prior)) in joint.iter_mut().zip(&*prior).enumerate() {
            law.component_mean(k, local_x, mean, difference);
            for ((o, &y), &m) in difference.iter_mut().zip(local_y).zip(&*mean) {
                *o = y - m;
            }
            let energy = law.component_energy(k, difference);
            *joint = prior - V::splat(0.5) * (energy + normalization);
        }
        let (joint, prior) =
            (normalize_exponentials(joint, SMALLEST), normalize_exponentials(prior, SMALLEST));
        Ok((joint - prior).vector())
    }
}

struct Sample<'a, 's> {
    law: &'a MixtureTransition<'a>,
    x: &'a [f64x8],
    y: &'a mut [f64x8],
    stream: &'a mut Stream,
    scratch: Scratch<'s>,
}

impl Task for Sample<'_, '_> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<()> {
        let Self { law, x, y, stream, mut scratch } = self;
        let d = law.dim();
        check_len("y", d, y.len())?;
        let responsibilities = scratch.take_lanes::<V>(law.components())?;
        let (normals, mean) = (scratch.take_lanes::<V>(d)?, scratch.take_lanes::<V>(d)?);
        let (difference, local_y) = (scratch.take_lanes::<V>(d)?, scratch.take_lanes::<V>(d)?);
        let local_x = law.noisy.local_point(V::view(x), &mut scratch)?;
        law.noisy.responsibilities_at(local_x, responsibilities, scratch)?;
        let mut total = V::zero();
        for &r in responsibilities.iter() {
            total += r;
        }
        let mut choice = ComponentChoice::new(stream.uniform_lanes(), total);
        stream.fill_normal_lanes(normals);
        // A lane without a valid responsibility keeps NaN, which its weight will show.
        for y in local_y.iter_mut() {
            *y = V::splat(f64::NAN);
        }
        for (k, &r) in responsibilities.iter().enumerate() {
            let chosen = choice.next(r);
            if !chosen.any() {
                continue;
            }
            law.component_mean(k, local_x, mean, difference);
            law.add_component_noise(k, normals, mean);
            for (y, &m) in local_y.iter_mut().zip(&*mean) {
                *y = V::select(chosen, m, *y);
            }
        }
        law.global_coordinates(local_y, V::view_mut(y));
        Ok(())
    }
}
