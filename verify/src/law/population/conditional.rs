//! Conditional SMC around a trajectory that ends in an exact sample of the target.
//!
//! The trajectory is the time reversal of what a particle does: an exact sample of the target, moves at
//! its level (they are reversible), the bridge backward, and so on up to the noisiest level. It
//! sits in a slot `b` that nothing overwrites, and the others do as in any run:
//!
//! ```text
//! b uniform over the N slots
//! resampling:  ancestors a ~ scheme, weighted by O_b(a): accept them with probability O_b(a)/N
//!              b uniform over the offspring of b
//! ```
//!
//! With `r(a)` the probability of the scheme and `E[O_i] = N W_i`, this has the probability
//! `r(a) 1{a_b' = b}/(N W_b)`, so that `r(a) 1{a_b' = b} mean(w) = w_b` times it: the means of the weights turn
//! into the weights of the trajectory, which turn its own forward law into the reversed one
//! \[Andrieu, Doucet & Holenstein 2010\], whatever dependence the scheme has between ancestors.

use amc_core::rng::Stream;

use super::swarm::{Swarm, log_mean};
use super::{PopulationInstance, PopulationRun, Resampler};
use crate::VerifyError;
use crate::law::particles::{MoveTally, Particles, Workspace};

/// Draws of ancestors without offspring of the trajectory after which the scheme is given up, in units of the
/// `1/W_b` that are needed on average: a right scheme fails so with probability `e^-60`.
const PATIENCE: f64 = 60.0;

/// Room for conditional runs, and the eight trajectories they are around.
pub(super) struct Conditional<'a> {
    instance: &'a PopulationInstance<'a>,
    pub(super) workspace: Workspace,
    swarm: Swarm,
    references: References,
}

/// Eight trajectories, one a lane.
struct References {
    /// At the noisiest level.
    start: Particles,
    /// Stage by stage.
    stages: Vec<Passed>,
}

/// What eight trajectories did in one stage.
#[derive(Clone)]
struct Passed {
    /// As the forward run counts it.
    works: [f64; 8],
    /// Behind the bridge, before the moves.
    crossed: Particles,
    /// After the moves.
    moved: Particles,
}

impl<'a> Conditional<'a> {
    /// No trajectories yet.
    pub(super) fn new(instance: &'a PopulationInstance<'a>, stream: Stream) -> Self {
        let nowhere = Particles::new(instance.dim());
        let passed =
            Passed { works: [f64::NAN; 8], crossed: nowhere.clone(), moved: nowhere.clone() };
        let stages = vec![passed; instance.ladder.stages.len()];
        Self {
            instance,
            workspace: instance.ladder.workspace(stream),
            swarm: Swarm::new(instance.particles, instance.dim()),
            references: References { start: nowhere, stages },
        }
    }

    /// How the moves of all runs fared.
    pub(super) fn moves(&self) -> MoveTally {
        self.workspace.moves
    }

    /// Draws eight trajectories from the target up.
    pub(super) fn draw_references(&mut self) -> Result<(), VerifyError> {
        let (ladder, workspace) = (&self.instance.ladder, &mut self.workspace);
        let mut here = Particles::new(self.instance.dim());
        workspace.sample(ladder.target, &mut here)?;
        let stages = ladder.stages.iter().zip(&mut self.references.stages);
        for (stage, passed) in stages.rev() {
            passed.moved.clone_from(&here);
            stage.move_particles(workspace, &mut here)?;
            passed.crossed.clone_from(&here);
            let mut noisier = Particles::new(self.instance.dim());
            passed.works = workspace.backward(stage.bridge, &here, &mut noisier)?.to_array();
            here = noisier;
        }
        self.references.start = here;
        Ok(())
    }

    /// The run around the trajectory in this lane, and the slot where it ends.
    pub(super) fn run(&mut self, lane: usize) -> Result<(PopulationRun, usize), VerifyError> {
        let Self { instance, workspace, swarm, references } = self;
        let ladder = &instance.ladder;
        let mut slot = one_of(instance.particles, workspace);
        let (mut log_z, mut resamplings) = (0.0, 0);
        swarm.place(ladder.noisiest, workspace)?;
        swarm.put(slot, (&references.start, lane));
        let stages = ladder.stages.iter().zip(&references.stages);
        for (number, (stage, passed)) in stages.enumerate() {
            let mut works = swarm.cross(stage.bridge, workspace)?;
            works[slot] = passed.works[lane];
            swarm.put(slot, (&passed.crossed, lane));
            swarm.weigh(&works);
            if let Some(resampler) = instance.resampler_at(number, swarm.ess_fraction()) {
                log_z += log_mean(&swarm.log_weights);
                slot = resample_around(slot, &resampler, swarm, workspace)?;
                resamplings += 1;
            }
            swarm.mix(stage, workspace)?;
            swarm.put(slot, (&passed.moved, lane));
        }
        log_z += log_mean(&swarm.log_weights);
        let (positions, log_weights) = (swarm.positions(), swarm.log_weights.clone());
        Ok((PopulationRun { log_z, positions, log_weights, resamplings }, slot))
    }
}

impl<'a> PopulationInstance<'a> {
    /// The resampler, if it strikes at this stage with this effective sample size (a fraction of `N`).
    pub(super) fn resampler_at(&self, stage: usize, ess_fraction: f64) -> Option<Resampler<'a>> {
        self.resampler.filter(|r| stage >= r.skipped && ess_fraction < r.threshold)
    }
}

/// Resamples with at least one offspring of `slot`, and returns the slot of one of them.
fn resample_around(
    slot: usize,
    resampler: &Resampler<'_>,
    swarm: &mut Swarm,
    workspace: &mut Workspace,
) -> Result<usize, VerifyError> {
    let weights = swarm.weights();
    let share = weights[slot] / weights.iter().sum::<f64>();
    for _ in 0..(PATIENCE / share.max(1e-9)) as usize {
        let ancestors = swarm.ancestors((resampler.scheme, &weights), workspace)?;
        // A uniform slot is one of the O_b offspring with probability O_b/N, and then a uniform one.
        let candidate = one_of(ancestors.len(), workspace);
        if ancestors.get(candidate) == Some(&slot) {
            swarm.replace(&ancestors);
            return Ok(candidate);
        }
    }
    Err(VerifyError::Sampler(format!(
        "the resampling scheme gives no offspring to particle {slot}, which has the weight {share:.3e}"
    )))
}

/// A uniform index below `count`.
fn one_of(count: usize, workspace: &mut Workspace) -> usize {
    let index = (workspace.stream.uniform() * count as f64) as usize;
    index.min(count.saturating_sub(1))
}
