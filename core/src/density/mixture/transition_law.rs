//! The law of `x_s` given `x_t` itself: its density and exact samples.

use super::evaluate::{SMALLEST, normalize_exponentials};
use super::sample::ComponentChoice;
use super::transition::MixtureTransition;
use crate::error::{Result, check_len};
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::{f64x8, select, splat};

impl MixtureTransition<'_> {
    /// `log p(x_s = y | x_t = x)`, the mixture `sum_k r_k(x) N(y; m_k, C_k)`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace.
    pub fn log_density(&self, x: &[f64x8], y: &[f64x8], mut scratch: Scratch<'_>) -> Result<f64x8> {
        let d = self.dim();
        check_len("x", d, x.len())?;
        check_len("y", d, y.len())?;
        let (joint, prior) = (scratch.take(self.components())?, scratch.take(self.components())?);
        let (mean, difference) = (scratch.take(d)?, scratch.take(d)?);
        let local_y = self.noisy.local_point(y, &mut scratch)?;
        let local_x = self.noisy.local_point(x, &mut scratch)?;
        self.noisy.log_joint(local_x, prior, &mut [], scratch)?;
        let normalization = splat(d as f64 * libm::log(core::f64::consts::TAU));
        for (k, (joint, &prior)) in joint.iter_mut().zip(&*prior).enumerate() {
            self.component_mean(k, local_x, mean, difference);
            for ((o, &y), &m) in difference.iter_mut().zip(local_y).zip(&*mean) {
                *o = y - m;
            }
            let energy = self.component_energy(k, difference);
            *joint = prior - splat(0.5) * (energy + normalization);
        }
        Ok(normalize_exponentials(joint, SMALLEST) - normalize_exponentials(prior, SMALLEST))
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
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("y", d, y.len())?;
        let responsibilities = scratch.take(self.components())?;
        let (normals, mean) = (scratch.take(d)?, scratch.take(d)?);
        let (difference, local_y) = (scratch.take(d)?, scratch.take(d)?);
        let local_x = self.noisy.local_point(x, &mut scratch)?;
        self.noisy.responsibilities_at(local_x, responsibilities, scratch)?;
        let total = responsibilities.iter().fold(f64x8::ZERO, |sum, &r| sum + r);
        let mut choice = ComponentChoice::new(stream.uniforms(), total);
        stream.fill_normals(normals);
        // A lane without a valid responsibility keeps NaN, which its weight will show.
        local_y.fill(splat(f64::NAN));
        for (k, &r) in responsibilities.iter().enumerate() {
            let chosen = choice.next(r);
            if !chosen.any() {
                continue;
            }
            self.component_mean(k, local_x, mean, difference);
            self.add_component_noise(k, normals, mean);
            for (y, &m) in local_y.iter_mut().zip(&*mean) {
                *y = select(chosen, m, *y);
            }
        }
        self.global_coordinates(local_y, y);
        Ok(())
    }
}
