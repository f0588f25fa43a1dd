//! Wrong sources of random numbers.

use amc_core::rng::Stream;
use amc_core::simd::f64x8;
use amc_verify::law::stream::Draws;

/// All lanes hold one number.
pub struct SameLanes(pub Stream);

impl Draws for SameLanes {
    fn uniforms(&mut self) -> f64x8 {
        f64x8::splat(self.0.uniform())
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.0.fill_normals(out);
    }
}

/// Neighbouring vectors share their sizes: uncorrelated, normal, and not independent.
pub struct PairRadius(pub Stream);

impl Draws for PairRadius {
    fn uniforms(&mut self) -> f64x8 {
        self.0.uniforms()
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.0.fill_normals(out);
        let (pairs, _) = out.as_chunks_mut::<2>();
        for [first, second] in pairs {
            *second = first.abs().copysign(*second);
        }
    }
}
