//! The identity bridge: the state stays, the level changes. Classical tempering \[Neal01\].
//!
//! `log_work(x, x) = log p_s(x) - log p_t(x)`.

use super::{Bridge, Crossing};
use crate::density::Score;
use crate::error::{Result, check_len};
use crate::point::{Context, Point, PointMut};
use crate::simd::{copy, f64x8};

/// `y = x` between two levels.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    noisy: &'a dyn Score,
    clean: &'a dyn Score,
}

impl<'a> Identity<'a> {
    /// The identity between a noisier and a cleaner level.
    ///
    /// # Errors
    /// Different dimensions.
    pub fn new(noisy: &'a dyn Score, clean: &'a dyn Score) -> Result<Self> {
        check_len("dimension of the cleaner level", noisy.dim(), clean.dim())?;
        Ok(Self { noisy, clean })
    }
}

impl Bridge for Identity<'_> {
    fn dim(&self) -> usize {
        self.clean.dim()
    }

    fn scratch_len(&self) -> usize {
        self.noisy.scratch_len().max(self.clean.scratch_len())
    }

    fn forward(
        &self,
        x: Point<'_>,
        mut y: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        copy(y.x, x.x);
        y.evaluate(self.clean, &mut context)?;
        Ok(Crossing::from(*y.log_density - x.log_density))
    }

    fn backward(
        &self,
        y: Point<'_>,
        mut x: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        copy(x.x, y.x);
        x.evaluate(self.noisy, &mut context)?;
        Ok(Crossing::from(y.log_density - *x.log_density))
    }

    fn log_work(&self, x: Point<'_>, y: Point<'_>, _context: Context<'_>) -> Result<f64x8> {
        Ok(y.log_density - x.log_density)
    }
}
