//! A level of a diffusion path whose log-density and score each come from the target or from a model.
//!
//! | `model.density` | `model.score` | setting of the study |
//! |---|---|---|
//! | exact | exact | ideal |
//! | exact | learned | semi-ideal |
//! | learned | learned | learned |
//! | learned | exact | the fourth corner |
//!
//! A score that is not the gradient of the density next to it costs no exactness: bridges and kernels use it to propose,
//! and weigh or reject by the density. The Hessian belongs to the score.

use amc_core::density::{Hessian, HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::error::{Error, Result, check_len};
use amc_core::linalg::DiagonalPlusLowRank;
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};

use super::level::{BLOCKS, ModelLevel};
use crate::catalog::Source;

/// Where the log-density and the score of a level come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// Of the log-density.
    pub density: Source,
    /// Of the score.
    pub score: Source,
}

/// A level of a target with a model of it.
#[derive(Clone, Copy)]
pub struct SourcedLevel<'a> {
    exact: MixtureLevel<'a>,
    model: &'a dyn ModelLevel,
    sources: Sources,
}

impl<'a> SourcedLevel<'a> {
    /// The level with what `sources` say.
    ///
    /// # Errors
    /// Different dimensions; a learned log-density from a model that has none.
    pub fn new(
        exact: MixtureLevel<'a>,
        model: &'a dyn ModelLevel,
        sources: Sources,
    ) -> Result<Self> {
        check_len("dimension of the model", exact.dim(), model.dim())?;
        if sources.density == Source::Learned && !model.has_density() {
            return Err(Error::Unsupported { what: "a field network has no log-density" });
        }
        Ok(Self { exact, model, sources })
    }

    /// The exact level of the target at this time, whatever is taken from the model.
    pub fn target(&self) -> &MixtureLevel<'a> {
        &self.exact
    }

    /// What comes from where.
    pub fn sources(&self) -> Sources {
        self.sources
    }

    /// Whether there are products with the Hessian of the score.
    pub fn has_hessian(&self) -> bool {
        self.sources.score == Source::Exact || self.model.has_density()
    }

    fn score_is_learned(&self) -> bool {
        self.sources.score == Source::Learned
    }
}

impl LogDensity for SourcedLevel<'_> {
    fn dim(&self) -> usize {
        self.exact.dim()
    }

    fn scratch_len(&self) -> usize {
        // Where the sources differ, what is not wanted of the exact level goes into the workspace.
        let unwanted = BLOCKS * (self.dim() + 1);
        unwanted + self.exact.scratch_len().max(self.model.scratch_len())
    }

    fn log_density(&self, x: &[f64x8], scratch: Scratch<'_>) -> Result<f64x8> {
        let mut log_density = [splat(0.0)];
        self.log_densities(x, &mut log_density, scratch)?;
        Ok(log_density[0])
    }

    fn blocks_at_once(&self) -> usize {
        BLOCKS
    }

    fn log_densities(
        &self,
        x: &[f64x8],
        log_densities: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        match self.sources.density {
            Source::Exact => self.exact.log_densities(x, log_densities, scratch),
            Source::Learned => self.model.evaluate(x, log_densities, &mut [], scratch),
        }
    }
}

impl Score for SourcedLevel<'_> {
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

    fn log_densities_and_scores(
        &self,
        x: &[f64x8],
        score: &mut [f64x8],
        log_densities: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        let d = self.dim();
        match (self.sources.density, self.sources.score) {
            (Source::Exact, Source::Exact) => {
                self.exact.log_densities_and_scores(x, score, log_densities, scratch)
            }
            (Source::Learned, Source::Learned) => {
                self.model.evaluate(x, log_densities, score, scratch)
            }
            (Source::Exact, Source::Learned) => {
                self.exact.log_densities(x, log_densities, scratch.reborrow())?;
                self.model.evaluate(x, &mut [], score, scratch)
            }
            (Source::Learned, Source::Exact) => {
                check_len("x", log_densities.len() * d, x.len())?;
                let unwanted = scratch.take(BLOCKS)?;
                let pieces = x.chunks(d * BLOCKS).zip(score.chunks_mut(d * BLOCKS));
                for (x, score) in pieces {
                    let unwanted = &mut unwanted[..x.len() / d];
                    self.exact.log_densities_and_scores(x, score, unwanted, scratch.reborrow())?;
                }
                self.model.evaluate(x, log_densities, &mut [], scratch)
            }
        }
    }
}

impl HessianProduct for SourcedLevel<'_> {
    fn hessian_scratch_len(&self) -> usize {
        let linearization = self.model.linearization_len();
        let learned = linearization + self.dim() * self.dim() + self.model.hessian_scratch_len();
        learned.max(self.exact.hessian_scratch_len()).max(self.scratch_len())
    }

    fn hessian_product(
        &self,
        x: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        mut scratch: Scratch<'_>,
    ) -> Result<()> {
        if !self.score_is_learned() {
            return self.exact.hessian_product(x, v, out, scratch);
        }
        let memory = scratch.take(self.model.linearization_len())?;
        self.model.linearize(x, memory, scratch.reborrow())?;
        self.model.products(memory, v, out, scratch)
    }

    fn linearization_len(&self) -> usize {
        if self.score_is_learned() {
            self.model.linearization_len()
        } else {
            self.exact.linearization_len()
        }
    }

    fn linearize(&self, x: &[f64x8], memory: &mut [f64x8], scratch: Scratch<'_>) -> Result<()> {
        if self.score_is_learned() {
            self.model.linearize(x, memory, scratch)
        } else {
            self.exact.linearize(x, memory, scratch)
        }
    }

    fn linearized_product(
        &self,
        memory: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        scratch: Scratch<'_>,
    ) -> Result<()> {
        if self.score_is_learned() {
            self.model.products(memory, v, out, scratch)
        } else {
            self.exact.linearized_product(memory, v, out, scratch)
        }
    }

    fn structure<'m>(&self, memory: &'m [f64x8]) -> Option<DiagonalPlusLowRank<'m>> {
        if self.score_is_learned() { None } else { self.exact.structure(memory) }
    }

    fn structure_rank(&self) -> usize {
        if self.score_is_learned() { 0 } else { self.exact.structure_rank() }
    }
}

impl Hessian for SourcedLevel<'_> {
    fn hessian(&self, x: &[f64x8], out: &mut [f64x8], mut scratch: Scratch<'_>) -> Result<()> {
        if !self.score_is_learned() {
            return self.exact.hessian(x, out, scratch);
        }
        let d = self.dim();
        check_len("Hessian", d * d, out.len())?;
        let memory = scratch.take(self.model.linearization_len())?;
        self.model.linearize(x, memory, scratch.reborrow())?;
        let units = scratch.take(d * d)?;
        units.fill(splat(0.0));
        units.iter_mut().step_by(d + 1).for_each(|unit| *unit = splat(1.0));
        self.model.products(memory, units, out, scratch)
    }
}
