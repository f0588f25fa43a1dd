//! The map `T(x) = scale x + sum_j weight_j S_j(x_j)` of one step, with the densities of its stages.

use super::{Jacobian, MAX_STAGES, Stages};
use crate::density::HessianProduct;
use crate::error::{Error, Result, check_len};
use crate::linalg::RowMajor;
use crate::point::Context;
use crate::simd::blocks::add_product;
use crate::simd::{f64x8, splat};

/// A deterministic map from the noisier level `t` to the cleaner level `s`.
#[derive(Clone, Copy)]
pub struct FlowMap<'a> {
    stages: Stages,
    /// The densities of the stages; what lies past the last stage repeats the first.
    densities: [&'a dyn HessianProduct; MAX_STAGES],
}

/// What a stage needs besides its score: where it stands, and the part of the chain before it.
pub(super) struct Stage<'a> {
    pub(super) density: &'a dyn HessianProduct,
    /// Factor of `x`.
    pub(super) scale: f64,
    /// Factors of the scores of the stages before.
    pub(super) weights: &'a [f64],
}

impl<'a> FlowMap<'a> {
    /// The map with these coefficients; `densities` are those of the nodes of its stages, in order, the
    /// noisier level first.
    ///
    /// # Errors
    /// As many densities as stages, all of one dimension, are needed.
    pub fn new(stages: Stages, densities: &[&'a dyn HessianProduct]) -> Result<Self> {
        check_len("densities of the stages", stages.count(), densities.len())?;
        let Some(&first) = densities.first() else {
            return Err(Error::Empty { what: "densities of the stages" });
        };
        let mut all = [first; MAX_STAGES];
        for (slot, &density) in all.iter_mut().zip(densities) {
            check_len("dimension of a stage", first.dim(), density.dim())?;
            *slot = density;
        }
        Ok(Self { stages, densities: all })
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.noisy().dim()
    }

    /// The noisier level, where the map starts.
    pub fn noisy(&self) -> &'a dyn HessianProduct {
        let [first, ..] = self.densities;
        first
    }

    /// The coefficients.
    pub fn stages(&self) -> &Stages {
        &self.stages
    }

    /// The stages in order.
    pub(super) fn chain(&self) -> impl Iterator<Item = Stage<'_>> {
        let rows = self.stages.rows().zip(self.densities);
        rows.map(|((scale, weights), density)| Stage { density, scale, weights })
    }

    /// Most workspace, in vectors, that a density of a stage needs.
    pub(super) fn density_scratch_len(&self) -> usize {
        self.densities.iter().map(|density| density.scratch_len()).max().unwrap_or(0)
    }

    /// Workspace, in vectors, of [`FlowMap::apply`] and [`FlowMap::linearize`].
    pub fn scratch_len(&self) -> usize {
        (self.stages.count() + 1) * self.dim() + self.density_scratch_len()
    }

    /// `out = T(x)`, both `[d]`; `score` is that of the noisier level at `x`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace. Numbers that are not finite are returned, not errors.
    pub fn apply(
        &self,
        x: &[f64x8],
        score: &[f64x8],
        out: &mut [f64x8],
        context: Context<'_>,
    ) -> Result<()> {
        self.run(x, score, out, context, |_, _, _| Ok(()))
    }

    /// Numbers of vectors that [`FlowMap::linearize`] fills.
    pub fn linearization_len(&self) -> usize {
        self.chain().map(|stage| stage.density.linearization_len()).sum()
    }

    /// `out = T(x)`, and the Jacobian there; `memory` is `[linearization_len]`.
    ///
    /// # Errors
    /// As [`FlowMap::apply`].
    pub fn linearize<'m>(
        &'m self,
        x: &[f64x8],
        score: &[f64x8],
        out: &mut [f64x8],
        memory: &'m mut [f64x8],
        context: Context<'_>,
    ) -> Result<Jacobian<'m>> {
        check_len("linearization of the map", self.linearization_len(), memory.len())?;
        let mut rest = &mut *memory;
        self.run(x, score, out, context, |density, x, context| {
            let len = density.linearization_len();
            let whole = core::mem::take(&mut rest);
            let found = whole.len();
            let (own, after) =
                whole.split_at_mut_checked(len).ok_or(Error::Scratch { needed: len, found })?;
            rest = after;
            density.linearize(x, own, context.scratch)
        })?;
        Ok(Jacobian::new(self, memory))
    }

    /// Goes through the stages; `visit` sees each density with the point at which it stands.
    fn run(
        &self,
        x: &[f64x8],
        score: &[f64x8],
        out: &mut [f64x8],
        mut context: Context<'_>,
        mut visit: impl FnMut(&'a dyn HessianProduct, &[f64x8], Context<'_>) -> Result<()>,
    ) -> Result<()> {
        let d = self.dim();
        check_len("x", d, x.len())?;
        check_len("score", d, score.len())?;
        check_len("T(x)", d, out.len())?;
        let scores = context.scratch.take(self.stages.count() * d)?;
        let place = context.scratch.take(d)?;
        for (i, (stage, density)) in self.chain().zip(self.densities).enumerate() {
            let Some((done, rest)) = scores.split_at_mut_checked(i * d) else { break };
            let Some((own, _)) = rest.split_at_mut_checked(d) else { break };
            if i == 0 {
                crate::simd::copy(own, score);
                visit(density, x, context.reborrow())?;
                continue;
            }
            combine(place, stage.scale, x, stage.weights, done);
            density.log_density_and_score(place, own, context.scratch.reborrow())?;
            context.evaluations.density += 1;
            context.evaluations.score += 1;
            visit(density, place, context.reborrow())?;
        }
        combine(out, self.stages.scale(), x, self.stages.result(), scores);
        Ok(())
    }
}

/// `out = scale x + sum_j weights_j rows_j`.
pub(super) fn combine(out: &mut [f64x8], scale: f64, x: &[f64x8], weights: &[f64], rows: &[f64x8]) {
    let width = out.len();
    for (o, &x) in out.iter_mut().zip(x) {
        *o = splat(scale) * x;
    }
    for (&weight, row) in weights.iter().zip(rows.rows(width)) {
        // A weight of zero must not let in a score that is not finite.
        if weight != 0.0 {
            add_product(out, splat(weight), row);
        }
    }
}
