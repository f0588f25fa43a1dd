//! A target of one's own as a density of the core: rows for blocks, standardized coordinates, derivatives by
//! differences where they are asked for, failures kept until the run can report them.
//!
//! With `x = m + s y` the samplers see `log gamma(m + s y) + sum_i log s_i`, whose integral is that of `gamma`, and
//! scores `s_i (grad log gamma)_i`. Differences of the log-density are central,
//! `(log gamma(x + h e_i) - log gamma(x - h e_i)) / (2 h)` in standardized coordinates.

use std::sync::{Mutex, PoisonError};

use amc_core::density::{FiniteDifference, HessianProduct, LogDensity, Score};
use amc_core::error::{Error, Result, check_len};
use amc_core::point::Evaluations;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, blocks_to_rows, f64x8, rows_to_blocks, splat};
use bytemuck::{cast_slice, cast_slice_mut};

use super::{BatchTarget, Derivatives, TargetFailure};
use crate::target::AffineMap;

/// Most blocks of one call.
const MOST_BLOCKS: usize = 64;

/// What ends a computation after a failure that is kept elsewhere.
const FAILED: Error = Error::Unsupported { what: "the target failed" };

/// A target that is borrowed, or that goes with its run.
pub(crate) enum Held<'a> {
    /// Somebody else's.
    Borrowed(&'a dyn BatchTarget),
    /// The run's own.
    Owned(Box<dyn BatchTarget + 'a>),
}

impl Held<'_> {
    fn get(&self) -> &dyn BatchTarget {
        match self {
            Self::Borrowed(target) => *target,
            Self::Owned(target) => target.as_ref(),
        }
    }
}

/// A target of one's own in the coordinates that are sampled.
pub(crate) struct OwnDensity<'a> {
    target: Held<'a>,
    dim: usize,
    map: AffineMap,
    /// Whether the map changes nothing.
    identity: bool,
    /// `sum_i log s_i`.
    log_scale: f64,
    offers: Derivatives,
    /// Step of differences, in standardized coordinates, if they are allowed.
    step: Option<f64>,
    blocks: usize,
    failure: Mutex<Option<TargetFailure>>,
}

impl<'a> OwnDensity<'a> {
    /// The target after the map, whose derivatives come from differences with this step where it has none.
    pub(crate) fn new(target: Held<'a>, map: AffineMap, step: Option<f64>) -> Self {
        let dim = map.scale.len();
        let offers = target.get().offers(dim);
        let blocks = (target.get().points_at_once() / LANES).clamp(1, MOST_BLOCKS);
        let log_scale = map.scale.iter().map(|s| libm::log(*s)).sum();
        let failure = Mutex::new(None);
        let identity = map.scale.iter().all(|s| *s == 1.0) && map.shift.iter().all(|m| *m == 0.0);
        Self { target, dim, map, identity, log_scale, offers, step, blocks, failure }
    }

    /// What moves can be given.
    pub(crate) fn derivatives(&self) -> Derivatives {
        match self.step {
            Some(_) => Derivatives::HessianProduct,
            None => self.offers,
        }
    }

    /// The first failure of the target since this was last asked.
    pub(crate) fn take_failure(&self) -> Option<TargetFailure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The same density with products of its Hessian, where there are any.
    pub(crate) fn hessian_product(&self) -> Option<&dyn HessianProduct> {
        (self.derivatives() == Derivatives::HessianProduct).then_some(self as _)
    }

    fn kept(&self, outcome: core::result::Result<(), TargetFailure>) -> Result<()> {
        outcome.map_err(|failure| {
            let mut kept = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(failure);
            FAILED
        })
    }

    /// Rows `[8 B x d]` of the target's own coordinates from blocks `[B x d]`, and which of them were no points: a
    /// proposal that ran away is not the target's fault, so it is asked about another place, and its answer is not taken.
    fn rows(&self, x: &[f64x8], rows: &mut [f64]) -> Result<Vec<usize>> {
        let d = self.dim;
        blocks_to_rows(x, d, rows)?;
        if !self.identity {
            for row in rows.chunks_exact_mut(d) {
                let map = self.map.scale.iter().zip(&self.map.shift);
                for (x, (scale, shift)) in row.iter_mut().zip(map) {
                    *x = *x * scale + shift;
                }
            }
        }
        let mut lost = Vec::new();
        for (index, row) in rows.chunks_exact_mut(d).enumerate() {
            if !row.iter().all(|x| x.is_finite()) {
                row.copy_from_slice(&self.map.shift);
                lost.push(index);
            }
        }
        Ok(lost)
    }

    /// Blocks of gradients, or of products, from rows; times the scale.
    fn blocks(&self, rows: &[f64], out: &mut [f64x8]) -> Result<()> {
        rows_to_blocks(rows, self.dim, out)?;
        if !self.identity {
            for block in out.chunks_exact_mut(self.dim) {
                for (out, scale) in block.iter_mut().zip(&self.map.scale) {
                    *out *= splat(*scale);
                }
            }
        }
        Ok(())
    }

    /// Log-densities of blocks `x` `[B x d]`, `B` at most [`OwnDensity::blocks_at_once`]; `rows` `[B x d]` is room.
    fn evaluate(&self, x: &[f64x8], out: &mut [f64x8], rows: &mut [f64x8]) -> Result<()> {
        let rows = &mut cast_slice_mut(rows)[..LANES * x.len()];
        let lost = self.rows(x, rows)?;
        let values: &mut [f64] = cast_slice_mut(out);
        self.kept(self.target.get().log_densities(rows, self.dim, values))?;
        lost.iter().for_each(|&index| values[index] = f64::NAN);
        out.iter_mut().for_each(|value| *value += splat(self.log_scale));
        Ok(())
    }

    /// The same with the scores that the target offers; `room` `[2 B x d]`.
    fn evaluate_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        out: &mut [f64x8],
        room: &mut [f64x8],
    ) -> Result<()> {
        let (rows, scores) = room.split_at_mut(x.len());
        let (rows, scores) = (cast_slice_mut(rows), &mut cast_slice_mut(scores)[..LANES * x.len()]);
        let lost = self.rows(x, rows)?;
        let values: &mut [f64] = cast_slice_mut(out);
        let target = self.target.get();
        self.kept(target.log_densities_and_scores(rows, self.dim, values, scores))?;
        for index in lost {
            values[index] = f64::NAN;
            scores[index * self.dim..][..self.dim].fill(f64::NAN);
        }
        self.blocks(scores, score)?;
        out.iter_mut().for_each(|value| *value += splat(self.log_scale));
        Ok(())
    }

    /// Scores by differences; `room` `[2 B x d + 2 B]`.
    fn differences(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        (step, blocks): (f64, usize),
        room: &mut [f64x8],
    ) -> Result<()> {
        let d = self.dim;
        let (moved, room) = room.split_at_mut(x.len());
        let (rows, room) = room.split_at_mut(x.len());
        let (above, below) = room.split_at_mut(blocks);
        let below = &mut below[..blocks];
        moved.copy_from_slice(x);
        for j in 0..d {
            for (sign, values) in [(1.0, &mut *above), (-1.0, &mut *below)] {
                for (moved, x) in moved.chunks_exact_mut(d).zip(x.chunks_exact(d)) {
                    moved[j] = x[j] + splat(sign * step);
                }
                self.evaluate(moved, values, rows)?;
            }
            for (block, score) in score.chunks_exact_mut(d).enumerate() {
                score[j] = (above[block] - below[block]) * splat(0.5 / step);
                moved[block * d + j] = x[block * d + j];
            }
        }
        Ok(())
    }

    /// What one evaluation needs: rows, those of another place or of scores, and log-densities on both sides.
    fn room_len(&self) -> usize {
        self.blocks * (2 * self.dim + 2)
    }

    /// The density as one without products of its own, whose scores are differentiated instead. Scores that are
    /// differences themselves carry their rounding, which a step as short as for exact ones would magnify.
    fn differentiated(&self) -> FiniteDifference<'_> {
        let length = match (self.offers, self.step) {
            (Derivatives::None, Some(step)) => step / libm::cbrt(f64::EPSILON),
            _ => 1.0,
        };
        FiniteDifference::with_length(self, length).unwrap_or(FiniteDifference::new(self))
    }
}

impl LogDensity for OwnDensity<'_> {
    fn dim(&self) -> usize {
        self.dim
    }

    /// That of an evaluation, and the two vectors a coordinate of a difference of two scores.
    fn scratch_len(&self) -> usize {
        self.room_len() + 2 * self.dim
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        let mut log_density = [splat(0.0)];
        self.log_densities(x, &mut log_density, scratch)?;
        Ok(log_density[0])
    }

    fn blocks_at_once(&self) -> usize {
        self.blocks
    }

    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        check_len("x", log_densities.len() * self.dim, x.len())?;
        let rows = scratch.take(self.blocks * self.dim)?;
        let pieces = x.chunks(self.blocks * self.dim).zip(log_densities.chunks_mut(self.blocks));
        for (x, log_densities) in pieces {
            self.evaluate(x, log_densities, rows)?;
        }
        Ok(())
    }
}

impl Score for OwnDensity<'_> {
    fn log_density_and_score(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<f64x8> {
        let mut log_density = [splat(0.0)];
        self.log_densities_and_scores(x, score, &mut log_density, scratch)?;
        Ok(log_density[0])
    }

    /// A score that the target has none of is NaN: nothing that reads it was let through
    /// ([`OwnDensity::derivatives`]).
    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim;
        check_len("x", log_densities.len() * d, x.len())?;
        check_len("score", log_densities.len() * d, score.len())?;
        let room = scratch.take(self.room_len())?;
        let vectors = self.blocks * d;
        let pieces = x.chunks(vectors).zip(score.chunks_mut(vectors));
        for ((x, score), log_densities) in pieces.zip(log_densities.chunks_mut(self.blocks)) {
            match (self.offers, self.step) {
                (Derivatives::None, None) => {
                    score.fill(splat(f64::NAN));
                    self.evaluate(x, log_densities, room)?;
                }
                (Derivatives::None, Some(step)) => {
                    self.evaluate(x, log_densities, room)?;
                    self.differences(x, score, (step, log_densities.len()), room)?;
                }
                _ => self.evaluate_score(x, score, log_densities, room)?,
            }
        }
        Ok(())
    }
}

impl HessianProduct for OwnDensity<'_> {
    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        if self.offers < Derivatives::HessianProduct {
            return self.differentiated().hessian_product(x, v, out, scratch);
        }
        let d = self.dim;
        for (what, found) in [("x", x.len()), ("v", v.len()), ("out", out.len())] {
            check_len(what, d, found)?;
        }
        let (rows, directions) = (scratch.take(d)?, scratch.take(d)?);
        let products = scratch.take(d)?;
        // `H` of the standardized density is `S H S`.
        for ((scaled, v), s) in products.iter_mut().zip(v).zip(&self.map.scale) {
            *scaled = *v * splat(*s);
        }
        let lost = self.rows(x, cast_slice_mut(rows))?;
        blocks_to_rows(products, d, cast_slice_mut(directions))?;
        let target = self.target.get();
        let (rows, directions) = (cast_slice(rows), cast_slice(directions));
        let flat: &mut [f64] = cast_slice_mut(products);
        self.kept(target.hessian_products(rows, directions, d, flat))?;
        lost.iter().for_each(|index| flat[index * d..][..d].fill(f64::NAN));
        self.blocks(cast_slice(products), out)
    }

    fn count_product(&self, evaluations: &mut Evaluations) {
        if self.offers < Derivatives::HessianProduct {
            self.differentiated().count_product(evaluations);
        } else {
            evaluations.hessian_product += 1;
        }
    }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
