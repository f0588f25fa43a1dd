//! The bridge of a deterministic map: `y = T(x)`, and back `x = T^-1(y)`.
//!
//! `log_work(x, T(x)) = log p_s(T(x)) - log p_t(x) + log|det J_T(x)|`, the Jacobian in place of the ratio
//! of kernels, `log|det J| = d log A + log|det(I + M)|`. Where the determinant is estimated, with
//! variance `chi2` of the mean, the penalty `u_B` \[Ceperley99\] corrects what is exponentiated: the
//! forward work is lowered by it, the backward work, which enters with a minus sign, is raised. So both
//! `E[exp(work forward)]` and `E[exp(-work backward)]` are right, and a swap accepts with both factors.
//!
//! A pair that is not `(x, T(x))` has no work (NaN). Lanes whose inverse is not found, or whose Jacobian is
//! seen not to be positive definite, get NaN as well, which every sampler rejects and counts.

use super::{Bridge, Crossing, Faults};
use crate::density::Score;
use crate::error::{Result, check_len};
use crate::logdet::{Estimate, LogDeterminant, Penalty, PenaltyRule};
use crate::point::{Context, Point, PointMut};
use crate::simd::blocks::dot;
use crate::simd::{equal, f64x8, less, select, splat};
use crate::transport::{FlowMap, InversionRule, Jacobian};

/// Distance, beside `1 + |x|`, at which an inverse counts as the point it should return.
const RETURNED: f64 = 1e-8;
/// Distance, beside `1 + |y|`, at which a pair counts as one of the map.
const PAIRED: f64 = 1e-9;

/// The move `y = T(x)`.
#[derive(Clone, Copy)]
pub struct Transport<'a> {
    map: FlowMap<'a>,
    clean: &'a dyn Score,
    determinant: &'a dyn LogDeterminant,
    penalty: PenaltyRule,
    inversion: InversionRule,
    returns: bool,
}

/// The logarithm of the determinant in the lanes, and what is wrong with it.
struct LogDet {
    value: f64x8,
    penalty: f64x8,
    truncation: f64x8,
    faults: Faults,
}

impl<'a> Transport<'a> {
    /// The bridge from the map's noisier level to `clean`.
    ///
    /// It takes the map for one-to-one. One of several stages may not be: where it folds, weights of a
    /// forward run count every preimage, so use steps short enough, or [`Transport::checked`].
    ///
    /// # Errors
    /// Different dimensions; a penalty for a single sample.
    pub fn new(
        map: FlowMap<'a>,
        clean: &'a dyn Score,
        determinant: &'a dyn LogDeterminant,
        penalty: Penalty,
    ) -> Result<Self> {
        check_len("dimension of the cleaner level", map.dim(), clean.dim())?;
        let penalty = PenaltyRule::new(penalty, determinant.probes(map.dim()))?;
        let inversion = InversionRule::default();
        Ok(Self { map, clean, determinant, penalty, inversion, returns: false })
    }

    /// Looks for inverses by this rule.
    #[must_use]
    pub fn with_inversion(self, inversion: InversionRule) -> Self {
        Self { inversion, ..self }
    }

    /// Rejects a forward move unless the inverse leads back to where it came from: what swaps need for
    /// exact invariance whatever the map. It costs an inversion.
    #[must_use]
    pub fn checked(self) -> Self {
        Self { returns: true, ..self }
    }

    /// `log|det J|` at a point, from the linearization there; `image` becomes `T(x)`.
    fn log_determinant(
        &self,
        x: Point<'_>,
        image: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<LogDet> {
        let memory = context.scratch.take(self.map.linearization_len())?;
        let jacobian = self.map.linearize(x.x, x.score, image, memory, context.reborrow())?;
        let estimate = self.determinant.estimate(&jacobian, context)?;
        let Estimate { value, variance, bound, not_positive, .. } = estimate;
        let (penalty, past_penalty) = self.penalty.log_factor(variance);
        let scale = self.map.dim() as f64 * libm::log(self.map.stages().scale());
        let faults = Faults {
            not_positive,
            past_penalty,
            diverged: equal(bound, splat(f64::INFINITY)),
            ..Faults::default()
        };
        Ok(LogDet { value: value + splat(scale), penalty, truncation: bound, faults })
    }

    /// Workspace, in vectors, of [`Transport::log_determinant`].
    fn determinant_scratch_len(&self) -> usize {
        let estimator = self.determinant.scratch_len(Jacobian::shape(&self.map));
        self.map.linearization_len() + estimator.max(self.map.scratch_len())
    }
}

impl Bridge for Transport<'_> {
    fn dim(&self) -> usize {
        self.clean.dim()
    }

    fn scratch_len(&self) -> usize {
        let back = 2 * self.dim() + self.map.invert_scratch_len();
        let determinant = self.dim() + self.determinant_scratch_len();
        back.max(determinant).max(self.clean.scratch_len())
    }

    fn forward(
        &self,
        x: Point<'_>,
        mut y: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        let LogDet { value, penalty, truncation, mut faults } =
            self.log_determinant(x, y.x, context.reborrow())?;
        y.evaluate(self.clean, &mut context)?;
        if self.returns {
            let d = self.dim();
            let (back, score) = (context.scratch.take(d)?, context.scratch.take(d)?);
            let mut log_density = f64x8::ZERO;
            let mut point = PointMut { x: back, log_density: &mut log_density, score };
            let found = self.map.invert(y.x, self.inversion, point.reborrow(), context)?;
            faults.not_inverted = !(found.converged & close(point.x, x.x, RETURNED));
        }
        let log_work = (*y.log_density - x.log_density) + (value - penalty);
        Ok(Crossing { log_work: without(faults, log_work), truncation, faults })
    }

    fn backward(
        &self,
        y: Point<'_>,
        mut x: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Crossing> {
        let found = self.map.invert(y.x, self.inversion, x.reborrow(), context.reborrow())?;
        let image = context.scratch.take(self.dim())?;
        let LogDet { value, penalty, truncation, mut faults } =
            self.log_determinant(x.as_point(), image, context)?;
        faults.not_inverted = !found.converged;
        faults.not_positive |= found.not_positive;
        let log_work = (y.log_density - *x.log_density) + (value + penalty);
        Ok(Crossing { log_work: without(faults, log_work), truncation, faults })
    }

    /// The work of a forward move from `x`, NaN where that does not lead to `y`. Draws probes where the
    /// determinant is estimated.
    fn log_work(&self, x: Point<'_>, y: Point<'_>, mut context: Context<'_>) -> Result<f64x8> {
        let image = context.scratch.take(self.dim())?;
        let LogDet { value, penalty, faults, .. } = self.log_determinant(x, image, context)?;
        let log_work = (y.log_density - x.log_density) + (value - penalty);
        let paired = close(image, y.x, PAIRED);
        Ok(without(faults, select(paired, log_work, splat(f64::NAN))))
    }
}

/// Mask of the lanes in which two points are closer than `tolerance (1 + |b|)`.
fn close(a: &[f64x8], b: &[f64x8], tolerance: f64) -> f64x8 {
    let square = a.iter().zip(b).fold(f64x8::ZERO, |sum, (&a, &b)| {
        let difference = a - b;
        difference.mul_add(difference, sum)
    });
    less(square.sqrt(), splat(tolerance) * (splat(1.0) + dot(b, b).sqrt()))
}

/// The work, NaN in the lanes that must be rejected.
fn without(faults: Faults, log_work: f64x8) -> f64x8 {
    select(faults.rejected(), splat(f64::NAN), log_work)
}

#[cfg(test)]
mod tests;
