//! The inverse of a flow map: `x = T^-1(y)`, eight points at once.
//!
//! First the fixed point `x <- x - (T(x) - y)/A`, which is `x <- (y - sum_j weight_j S_j(x_j))/A`: it
//! converges where `M = J/A - I` has a spectral radius below 1. Where it does not contract (between
//! modes `M` is large, and yet an exact variance-preserving map is invertible there), Newton:
//! `(I + M) delta = -(T(x) - y)/A` by conjugate gradients or GMRES, from products with `M` alone, and
//! `x <- x + delta/2^k` with the first `k` that makes `|T(x) - y|` smaller. For a map of one stage that is
//! Newton's method for the minimum of the strictly convex `A|x|^2/2 + b log p_t(x) - x.y`; its only
//! stationary point is the solution, and the residual falls along `delta` as long as `J` is regular.
//!
//! A lane has converged when its residual is down to rounding, beside `|y| + |A x|`. The caller decides
//! what to do with those that have not; nothing is used silently.

use super::{FlowMap, Jacobian};
use crate::error::{Result, check_len};
use crate::krylov::{solve, solve_scratch_len};
use crate::point::{Context, PointMut};
use crate::simd::blocks::dot;
use crate::simd::{f64x8, greater, less, less_equal, select, splat};

/// How long an inverse is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InversionRule {
    /// Fixed-point iterations before Newton takes over; one score evaluation a stage each.
    pub fixed_point: usize,
    /// Newton steps; 0 leaves what does not contract unconverged.
    pub newton: usize,
}

impl Default for InversionRule {
    /// 2 fixed-point iterations, which settle easy steps, and 40 Newton steps.
    fn default() -> Self {
        Self { fixed_point: 2, newton: 40 }
    }
}

/// How the search ended, lane by lane.
#[derive(Debug, Clone, Copy)]
pub struct Inversion {
    /// `|T(x) - y| / (|y| + |A x|)` at the point returned.
    pub residual: f64x8,
    /// Mask of the lanes that converged.
    pub converged: f64x8,
    /// Mask of the lanes in which Newton met a Jacobian that is not positive definite (one stage).
    pub not_positive: f64x8,
    /// Iterations made: fixed point and Newton.
    pub iterations: (usize, usize),
}

/// Residual at which the search ends: rounding of the map itself.
const GOAL: f64 = 4e-16;
/// Residual that still counts as converged where it stops falling.
const ACCEPTED: f64 = 1e-12;
/// A fixed point that does not gain this factor an iteration is left to Newton.
const CONTRACTION: f64 = 0.7;
/// Most halvings of a Newton step.
const HALVINGS: usize = 40;
/// Residual of a Newton system.
const SYSTEM_RESIDUAL: f64 = 1e-7;

/// Most products spent on a Newton system: a few more than the dimension takes in exact arithmetic.
fn system_iterations(d: usize) -> usize {
    d.saturating_add(4).min(40)
}

/// Where the search stands: `point` holds `x` with its cached values, `error` is `T(x) - y`.
struct Search<'s, 'p> {
    point: PointMut<'p>,
    error: &'s mut [f64x8],
    /// `|T(x) - y|`, and beside what it is measured.
    norm: f64x8,
    size: f64x8,
}

/// Room for the next iterate.
struct Trial<'s> {
    x: &'s mut [f64x8],
    score: &'s mut [f64x8],
    error: &'s mut [f64x8],
}

impl FlowMap<'_> {
    /// Workspace, in vectors, of [`FlowMap::invert`].
    pub fn invert_scratch_len(&self) -> usize {
        let d = self.dim();
        let symmetric = self.stages().count() == 1;
        let system = self.linearization_len()
            + solve_scratch_len(Jacobian::shape(self), symmetric, system_iterations(d));
        6 * d + system.max(self.linearization_len() + self.scratch_len())
    }

    /// Looks for the `x` with `T(x) = y`; `point` becomes it, evaluated at the noisier level.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace. What was not found is reported, not an error.
    pub fn invert(
        &self,
        y: &[f64x8],
        rule: InversionRule,
        mut point: PointMut<'_>,
        mut context: Context<'_>,
    ) -> Result<Inversion> {
        let d = self.dim();
        check_len("y", d, y.len())?;
        check_len("x", d, point.x.len())?;
        check_len("score", d, point.score.len())?;
        let error = context.scratch.take(d)?;
        let mut trial = Trial {
            x: context.scratch.take(d)?,
            score: context.scratch.take(d)?,
            error: context.scratch.take(d)?,
        };
        let (delta, right) = (context.scratch.take(d)?, context.scratch.take(d)?);
        for (x, &y) in point.x.iter_mut().zip(y) {
            *x = y * splat(1.0 / self.stages().scale());
        }
        point.evaluate(self.noisy(), &mut context)?;
        self.apply(point.x, point.score, error, context.reborrow())?;
        subtract(error, y);
        let mut search = Search { point, error, norm: f64x8::ZERO, size: f64x8::ZERO };
        search.measure(self, y);

        let mut contracting = search.far();
        let mut fixed_point = 0;
        while fixed_point < rule.fixed_point && contracting.to_bitmask() != 0 {
            let before = search.norm;
            for (delta, &error) in delta.iter_mut().zip(&*search.error) {
                *delta = error * splat(-1.0 / self.stages().scale());
            }
            search.step(self, y, (delta, splat(1.0)), contracting, &mut trial, &mut context)?;
            contracting &= search.far() & less(search.norm, splat(CONTRACTION) * before);
            fixed_point += 1;
        }

        let (mut newton, mut not_positive, mut stuck) = (0, f64x8::ZERO, f64x8::ZERO);
        loop {
            let active = search.far() & !stuck;
            if newton == rule.newton || active.to_bitmask() == 0 {
                break;
            }
            newton += 1;
            let bent = self.newton_direction(&search, active, delta, right, context.reborrow())?;
            not_positive |= active & bent;
            let before = search.norm;
            let mut waiting = active;
            let mut length = splat(1.0);
            for _ in 0..HALVINGS {
                let moved =
                    search.step(self, y, (delta, length), waiting, &mut trial, &mut context)?;
                waiting &= !moved;
                if waiting.to_bitmask() == 0 {
                    break;
                }
                length *= splat(0.5);
                // At the level of rounding a shorter step gains nothing.
                waiting &= greater(search.norm, splat(ACCEPTED) * search.size);
            }
            // A lane without numbers has nothing to gain either.
            stuck |= active & !less(search.norm, before);
        }
        let converged = less_equal(search.norm, splat(ACCEPTED) * search.size);
        // The origin may be its own image.
        let none = less_equal(search.norm, f64x8::ZERO);
        let residual = select(none, f64x8::ZERO, search.norm / search.size);
        Ok(Inversion { residual, converged, not_positive, iterations: (fixed_point, newton) })
    }

    /// `delta = -J^-1 (T(x) - y)`; returns the mask of lanes whose Jacobian is not positive definite.
    fn newton_direction(
        &self,
        search: &Search<'_, '_>,
        active: f64x8,
        delta: &mut [f64x8],
        right: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<f64x8> {
        let memory = context.scratch.take(self.linearization_len())?;
        let point = search.point.as_point();
        // `right` takes T(x) first, which is known already.
        let jacobian = self.linearize(point.x, point.score, right, memory, context.reborrow())?;
        // Nothing is solved for in lanes at rest.
        for (right, &error) in right.iter_mut().zip(&*search.error) {
            *right = select(active, error * splat(-1.0 / self.stages().scale()), f64x8::ZERO);
        }
        let limits = (system_iterations(self.dim()), SYSTEM_RESIDUAL);
        Ok(solve(&jacobian, right, delta, limits, context)?.indefinite)
    }
}

impl Search<'_, '_> {
    /// Measures `error`.
    fn measure(&mut self, map: &FlowMap<'_>, y: &[f64x8]) {
        let scale = splat(map.stages().scale());
        self.norm = dot(self.error, self.error).sqrt();
        self.size = dot(y, y).sqrt() + scale * dot(self.point.x, self.point.x).sqrt();
    }

    /// Mask of the lanes whose residual is above rounding; NaN is far.
    fn far(&self) -> f64x8 {
        !less_equal(self.norm, splat(GOAL) * self.size)
    }

    /// Moves the lanes of `wanted` by `length delta` where that makes the residual smaller; returns the
    /// mask of those it moved.
    fn step(
        &mut self,
        map: &FlowMap<'_>,
        y: &[f64x8],
        (delta, length): (&[f64x8], f64x8),
        wanted: f64x8,
        trial: &mut Trial<'_>,
        context: &mut Context<'_>,
    ) -> Result<f64x8> {
        for ((trial, &x), &delta) in trial.x.iter_mut().zip(&*self.point.x).zip(delta) {
            *trial = select(wanted, length.mul_add(delta, x), x);
        }
        let mut log_density = f64x8::ZERO;
        let mut at = PointMut { x: trial.x, log_density: &mut log_density, score: trial.score };
        at.evaluate(map.noisy(), context)?;
        map.apply(at.x, at.score, trial.error, context.reborrow())?;
        subtract(trial.error, y);
        let norm = dot(trial.error, trial.error).sqrt();
        // A start that is not finite is left by the first finite point.
        let better = wanted & (less(norm, self.norm) | !less_equal(self.norm, self.norm));
        let moved = better & less(norm, splat(f64::INFINITY));
        let pairs = self.point.x.iter_mut().zip(self.point.score.iter_mut());
        for ((x, score), (&new_x, &new_score)) in pairs.zip(trial.x.iter().zip(&*trial.score)) {
            *x = select(moved, new_x, *x);
            *score = select(moved, new_score, *score);
        }
        for (error, &new) in self.error.iter_mut().zip(&*trial.error) {
            *error = select(moved, new, *error);
        }
        *self.point.log_density = select(moved, log_density, *self.point.log_density);
        self.measure(map, y);
        Ok(moved)
    }
}

/// `error -= y`.
fn subtract(error: &mut [f64x8], y: &[f64x8]) {
    for (error, &y) in error.iter_mut().zip(y) {
        *error -= y;
    }
}
