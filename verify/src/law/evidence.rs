//! The law of annealed importance sampling along a ladder of levels.
//!
//! With `W` the sum of log-works, `E[e^W] = Z_0 / Z_L` \[Neal01\]; tested in the bounded two-sided form
//! of the bridge law, with reverse runs from the exact target.

use amc_core::bridge::Bridge;
use amc_core::density::Score;
use amc_core::kernel::MarkovKernel;
use amc_core::rng::{Key, Stream};

use super::direction;
use super::fluctuation::{Passage, Passages, compare};
use super::particles::{MoveTally, Particles, Workspace};
use crate::oracle::ExactLaw;
use crate::{Budget, Verdict, VerifyError};

/// One stage of a ladder: a bridge, and Markov moves at the level it leads to.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The bridge down to the next cleaner level.
    pub bridge: &'a dyn Bridge,
    /// That level's density.
    pub clean: &'a dyn Score,
    /// Moves at that level, if any.
    pub moves: Option<Moves<'a>>,
}

/// Reversible Markov moves at one level.
#[derive(Clone, Copy)]
pub struct Moves<'a> {
    /// A kernel that is reversible: the reverse run uses it as it is.
    pub kernel: &'a dyn MarkovKernel,
    /// Its step size.
    pub step_size: f64,
    /// Steps per visit.
    pub steps: usize,
}

/// A ladder with exact samples at both ends; stages from the noisiest level down.
#[derive(Clone, Copy)]
pub struct Ladder<'a> {
    /// Name in verdicts.
    pub name: &'a str,
    /// The noisiest level.
    pub noisiest: &'a dyn ExactLaw,
    /// The target, where the last stage leads.
    pub target: &'a dyn ExactLaw,
    /// Stages, noisiest first.
    pub stages: &'a [Stage<'a>],
}

/// `(Z_L/Z_0) E_fwd[e^W g] = E_rev[g]` over whole runs.
///
/// A pass excludes, beyond the laws of each bridge, weights that leave out or double a stage, moves
/// that do not leave their level invariant, and scores that are stale after a move. Inconclusive where moves (almost)
/// always or never accept.
///
/// # Errors
/// Those of the bridges and kernels, and of an unusable budget.
pub fn crooks(ladder: &Ladder<'_>, budget: &Budget) -> Result<Verdict, VerifyError> {
    const LAW: &str = "evidence::crooks";
    budget.check()?;
    VerifyError::check_samples("stages of a ladder", 1, ladder.stages.len())?;
    let key = budget.key(LAW, ladder.name);
    let blocks = budget.blocks();
    let pilot_blocks = blocks.div_ceil(8);
    let (pilot, _) = passages(ladder, &key.round(1), pilot_blocks)?;
    let (main, moves) = passages(ladder, &key, blocks)?;
    let log_evidence = ladder.target.log_normalizer() - ladder.noisiest.log_normalizer();
    let found = compare(&pilot, &main, log_evidence)?;
    let samples = 16 * (blocks + pilot_blocks);
    let names = (LAW, ladder.name);
    let verdict = Verdict::from_p_value(names, budget, samples, found.p_value, found.detail);
    match moves.missing_premise() {
        Some(premise) if verdict.passed() => Ok(verdict.without_premise(premise)),
        _ => Ok(verdict),
    }
}

fn passages(
    ladder: &Ladder<'_>,
    key: &Key,
    blocks: usize,
) -> Result<(Passages, MoveTally), VerifyError> {
    let dim = ladder.target.density().dim();
    let directions = [direction(dim, 0), direction(dim, 1)];
    // Kernels may share choices between the eight lanes of a block, as HMC does its length.
    let moved = ladder.stages.iter().any(|stage| stage.moves.is_some());
    let mut passages = Passages::default();
    passages.together = if moved { 8 } else { 1 };
    let mut workspace = ladder.workspace(key.stream());
    for block in 0..blocks {
        workspace.stream = key.block(block as u64).stream();
        for reverse in [false, true] {
            let (works, [noisy, clean]) = if reverse {
                ladder.reverse(&mut workspace, dim)?
            } else {
                ladder.forward(&mut workspace, dim)?
            };
            let list = if reverse { &mut passages.reverse } else { &mut passages.forward };
            list.extend(Passage::of_block(works, &noisy, &clean, &directions));
        }
    }
    Ok((passages, workspace.moves))
}

impl Ladder<'_> {
    /// From the noisiest level to the target: works, and the states at the two ends.
    fn forward(
        &self,
        workspace: &mut Workspace,
        dim: usize,
    ) -> Result<([f64; 8], [Particles; 2]), VerifyError> {
        let mut here = Particles::new(dim);
        workspace.sample(self.noisiest, &mut here)?;
        let start = here.clone();
        let mut works = amc_core::simd::f64x8::ZERO;
        for stage in self.stages {
            let mut next = Particles::new(dim);
            works += workspace.forward(stage.bridge, &here, &mut next)?;
            stage.move_particles(workspace, &mut next)?;
            here = next;
        }
        Ok((works.to_array(), [start, here]))
    }

    /// The time-reversed run from the target; the work of the pairs as the forward run counts it.
    fn reverse(
        &self,
        workspace: &mut Workspace,
        dim: usize,
    ) -> Result<([f64; 8], [Particles; 2]), VerifyError> {
        let mut here = Particles::new(dim);
        workspace.sample(self.target, &mut here)?;
        let start = here.clone();
        let mut works = amc_core::simd::f64x8::ZERO;
        for stage in self.stages.iter().rev() {
            stage.move_particles(workspace, &mut here)?;
            let mut next = Particles::new(dim);
            works += workspace.backward(stage.bridge, &here, &mut next)?;
            here = next;
        }
        Ok((works.to_array(), [here, start]))
    }

    pub(super) fn workspace(&self, stream: Stream) -> Workspace {
        let dim = self.target.density().dim();
        let stages = self.stages.iter().map(|stage| {
            let density = stage.clean.scratch_len();
            let kernel = stage.moves.map_or(0, |moves| moves.kernel.scratch_len(dim));
            stage.bridge.scratch_len().max(density + kernel)
        });
        let ends = [self.noisiest, self.target];
        let ends = ends.map(|end| end.scratch_len().max(end.density().scratch_len()));
        Workspace::new(stages.chain(ends).max().unwrap_or(0), stream)
    }
}

impl Stage<'_> {
    pub(super) fn move_particles(
        &self,
        workspace: &mut Workspace,
        particles: &mut Particles,
    ) -> Result<(), VerifyError> {
        let Some(moves) = self.moves else { return Ok(()) };
        for _ in 0..moves.steps {
            workspace.step(moves.kernel, self.clean, moves.step_size, particles)?;
        }
        if moves.kernel.leaves_score_stale() {
            workspace.evaluate(self.clean, particles)?;
        }
        Ok(())
    }
}
