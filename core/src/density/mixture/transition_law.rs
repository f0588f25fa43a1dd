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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::density::{Covariance, Mixture, MixtureLevel};
    use crate::path::NoiseSchedule;
    use crate::rng::{Key, Purpose};
    use crate::simd::splat;

    /// Fails if a lane that lost its numbers gets a sample that looks like one, or a neighbour loses its own.
    #[test]
    fn a_lost_lane_stays_lost() {
        let means = [-2.0, 0.5, 1.0, 3.0];
        let mixture =
            Mixture::new(2, &[0.25, 0.75], &means, Covariance::Isotropic(&[0.5])).unwrap();
        let step = NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(0.2, 0.3).unwrap();
        let (mut storage, mut numbers) = ([0.0; 16], [0.0; 16]);
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
        let level = MixtureLevel::prepare(&mixture, alpha, variance, storage).unwrap();
        let numbers = &mut numbers[..MixtureTransition::storage_len(&level)];
        let law = MixtureTransition::prepare(&level, &step, numbers).unwrap();
        let mut lanes = [0.3; 8];
        lanes[6] = f64::NAN;
        let (x, mut y) = ([f64x8::new(lanes), splat(1.2)], [splat(7.0); 2]);
        let mut memory = [splat(0.0); 64];
        let mut stream = Key::new(1, Purpose::User).stream();
        law.sample(&x, &mut y, &mut stream, Scratch::new(&mut memory)).unwrap();
        for y in y {
            for (lane, y) in y.to_array().into_iter().enumerate() {
                assert_eq!(y.is_nan(), lane == 6, "{lane} {y}");
            }
        }
        let density = law.log_density(&x, &y, Scratch::new(&mut memory)).unwrap().to_array();
        assert!(density[6].is_nan() && density[5].is_finite());
    }
}
