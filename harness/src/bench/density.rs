//! Log-densities, scores and Hessian-vector products of mixtures.

use amc_core::density::{HessianProduct, LogDensity, MixtureLevel, Score};
use amc_core::error::Result as CoreResult;
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};
use rayon::prelude::*;
use std::ops::Range;

use super::cases::{Case, Overlap, samples};
use super::ceilings::Ceilings;
use super::report::{MixtureRecord, Report};
use super::work::{Quantity, Work};
use super::{Clock, Plan};
use crate::mixture::OwnedMixture;
use crate::run::RunError;

/// Blocks that a thread takes at a time.
const PIECE: usize = 64;

/// Log-density and score at `x` `[blocks x d]` into `log_density` `[blocks]` and `score`
/// `[blocks x d]`; `memory` is the workspace of the density.
///
/// The one place in which speed measurements evaluate many blocks.
///
/// # Errors
/// Those of the density.
pub fn evaluate_all(
    density: &dyn Score,
    x: &[f64x8],
    log_density: &mut [f64x8],
    score: &mut [f64x8],
    memory: &mut [f64x8],
) -> CoreResult<()> {
    density.log_densities_and_scores(x, score, log_density, Scratch::new(memory))
}

/// A mixture at exact samples of itself, with room for what is evaluated there.
struct Bed<'a> {
    level: MixtureLevel<'a>,
    x: Vec<f64x8>,
    log_density: Vec<f64x8>,
    score: Vec<f64x8>,
    memory: Vec<f64x8>,
}

impl<'a> Bed<'a> {
    fn new(
        mixture: &'a OwnedMixture,
        storage: &'a mut [f64],
        particles: usize,
    ) -> CoreResult<Self> {
        let level = MixtureLevel::prepare(&mixture.view(), 1.0, 0.0, storage)?;
        let blocks = particles.div_ceil(LANES);
        let x = samples(&level, blocks)?;
        let memory = vec![f64x8::ZERO; level.hessian_scratch_len().max(level.scratch_len())];
        let log_density = vec![f64x8::ZERO; blocks];
        let score = vec![f64x8::ZERO; x.len()];
        Ok(Self { level, x, log_density, score, memory })
    }

    /// Nanoseconds a lane of a pass of `seconds`.
    fn per_particle(&self, seconds: f64) -> f64 {
        seconds * 1e9 / (self.log_density.len() * LANES) as f64
    }

    fn log_density_and_score(&mut self, clock: &Clock) -> CoreResult<f64> {
        let Self { level, x, log_density, score, memory } = self;
        let seconds = clock.pass(log_density.len(), |blocks| {
            let vectors = vectors_of(&blocks, level.dim());
            let (x, score) = (&x[vectors.clone()], &mut score[vectors]);
            evaluate_all(level, x, &mut log_density[blocks], score, memory)
        })?;
        Ok(self.per_particle(seconds))
    }

    fn log_density(&mut self, clock: &Clock) -> CoreResult<f64> {
        let Self { level, x, log_density, memory, .. } = self;
        let d = level.dim();
        let seconds = clock.pass(log_density.len(), |blocks| {
            let x = x[vectors_of(&blocks, d)].chunks_exact(d);
            for (x, log_density) in x.zip(&mut log_density[blocks]) {
                *log_density = level.log_density(x, Scratch::new(memory))?;
            }
            Ok(())
        })?;
        Ok(self.per_particle(seconds))
    }

    /// Products with the positions, which are as good as any vectors.
    fn hessian_product(&mut self, clock: &Clock) -> CoreResult<f64> {
        let Self { level, x, score, memory, log_density } = self;
        let d = level.dim();
        let seconds = clock.pass(log_density.len(), |blocks| {
            let vectors = vectors_of(&blocks, d);
            let x = x[vectors.clone()].chunks_exact(d);
            for (x, out) in x.zip(score[vectors].chunks_exact_mut(d)) {
                level.hessian_product(x, x, out, Scratch::new(memory))?;
            }
            Ok(())
        })?;
        Ok(self.per_particle(seconds))
    }
}

/// The vectors that hold so many coordinates of these blocks.
pub(super) fn vectors_of(blocks: &Range<usize>, dim: usize) -> Range<usize> {
    blocks.start * dim..blocks.end * dim
}

/// Log-density and score of every case, dense and separated, and the log-density alone.
pub(super) fn measure(
    plan: &Plan,
    report: &mut Report,
    begin: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    let clock = plan.clock();
    let mut alone = Vec::new();
    for case in Case::GOALS {
        begin(&format!("log-density and score, {}", label(case)));
        let mixture = case.mixture(Overlap::Separated)?;
        let mut storage = mixture.level_storage();
        let mut bed = Bed::new(&mixture, &mut storage, plan.particles())?;
        let separated_ns = bed.log_density_and_score(&clock)?;
        let mixture = case.mixture(Overlap::Dense)?;
        let mut storage = mixture.level_storage();
        let mut bed = Bed::new(&mixture, &mut storage, plan.particles())?;
        let ns = bed.log_density_and_score(&clock)?;
        let work = Work::of_mixture(case, Quantity::LogDensityAndScore);
        let record = report.add("log_density_and_score", ns, Some(work));
        record.case = Some(case.into());
        record.separated_ns = Some(separated_ns);
        alone.push((case, bed.log_density(&clock)?));
    }
    for (case, ns) in alone {
        let work = Work::of_mixture(case, Quantity::LogDensity);
        report.add("log_density", ns, Some(work)).case = Some(case.into());
    }
    Ok(())
}

/// Hessian-vector products of every dense case.
pub(super) fn measure_hessian_products(
    plan: &Plan,
    report: &mut Report,
    begin: &mut dyn FnMut(&str),
) -> Result<(), RunError> {
    for case in Case::GOALS {
        begin(&format!("Hessian-vector product, {}", label(case)));
        let mixture = case.mixture(Overlap::Dense)?;
        let mut storage = mixture.level_storage();
        let ns =
            Bed::new(&mixture, &mut storage, plan.particles())?.hessian_product(&plan.clock())?;
        let work = Work::of_mixture(case, Quantity::HessianProduct);
        report.add("hessian_product", ns, Some(work)).case = Some(case.into());
    }
    Ok(())
}

/// Log-density and score of a given mixture at exact samples of it, shared by the threads of `pool`.
///
/// # Errors
/// Those of the core.
pub fn measure_mixture(
    mixture: &OwnedMixture,
    particles: usize,
    pool: &rayon::ThreadPool,
    ceilings: &Ceilings,
    clock: &Clock,
) -> Result<MixtureRecord, RunError> {
    let mut storage = mixture.level_storage();
    let mut bed = Bed::new(mixture, &mut storage, particles)?;
    let threads = pool.current_num_threads();
    let ns = if threads == 1 {
        bed.log_density_and_score(clock)?
    } else {
        let seconds = clock.pass(1, |_| pool.install(|| evaluate_in_parallel(&mut bed)))?;
        bed.per_particle(seconds)
    };
    // What the caller asked for is what it costs, lanes past the last particle included.
    let ns_per_particle = ns * (bed.log_density.len() * LANES) as f64 / particles as f64;
    let case = Case::of(mixture.parameters());
    let work = Work::of_mixture(case, Quantity::LogDensityAndScore);
    // More threads than cores share their peak.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limit_ns = work.limit_ns(ceilings) / threads.min(cores) as f64;
    Ok(MixtureRecord {
        name: mixture.parameters().name.clone(),
        kind: case.kind.name(),
        d: case.dim,
        k: case.components,
        particles,
        threads,
        ns_per_particle,
        limit_ns,
        share_of_limit: limit_ns / ns_per_particle,
    })
}

/// One pass, the pieces of which are shared by the threads.
fn evaluate_in_parallel(bed: &mut Bed<'_>) -> CoreResult<()> {
    let Bed { level, x, log_density, score, memory } = bed;
    let vectors = PIECE * level.dim();
    let pieces = x.par_chunks(vectors).zip(score.par_chunks_mut(vectors));
    pieces.zip(log_density.par_chunks_mut(PIECE)).try_for_each_init(
        || vec![f64x8::ZERO; memory.len()],
        |memory, ((x, score), log_density)| evaluate_all(level, x, log_density, score, memory),
    )
}

/// Kind and size, for the progress bar.
pub(super) fn label(case: Case) -> String {
    format!("{} d = {}, K = {}", case.kind.name(), case.dim, case.components)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Kind;

    /// Fails if a block is left out, evaluated elsewhere, or threads change the numbers.
    #[test]
    fn every_block_is_evaluated_in_its_place() {
        let case = Case { kind: Kind::Full, dim: 3, components: 2 };
        let mixture = case.mixture(Overlap::Separated).unwrap();
        let mut storage = mixture.level_storage();
        let mut bed = Bed::new(&mixture, &mut storage, 8 * PIECE * 2 + 11).unwrap();
        assert_eq!(bed.log_density.len(), 2 * PIECE + 2);
        evaluate_in_parallel(&mut bed).unwrap();
        let together = (bed.log_density.clone(), bed.score.clone());
        bed.log_density.fill(f64x8::ZERO);
        bed.score.fill(f64x8::ZERO);
        bed.log_density_and_score(&Clock::new(std::time::Duration::from_millis(50))).unwrap();
        assert_eq!(together, (bed.log_density.clone(), bed.score.clone()));
        let last = bed.x.chunks_exact(3).next_back().unwrap();
        let alone = bed.level.log_density(last, Scratch::new(&mut bed.memory)).unwrap();
        assert!(
            (alone - bed.log_density[2 * PIECE + 1]).to_array().iter().all(|e| e.abs() < 1e-12)
        );
    }
}
