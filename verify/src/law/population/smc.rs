//! A plain sequential Monte Carlo sampler: what [`super::evidence`] expects of a sampler, in one screen.
//!
//! ```text
//! x ~ noisiest level, log w = 0
//! for every stage:   cross its bridge:           log w += log_work
//!                    if ESS < threshold N:       log Z += log mean w, resample, log w = 0
//!                    moves at the cleaner level
//! log Z += log mean w
//! ```
//!
//! \[DelMoral06\]; without a resampler it is annealed importance sampling \[Neal01\].

use amc_core::rng::{Key, Purpose};

use super::swarm::{Swarm, log_mean};
use super::{PopulationInstance, PopulationRun};
use crate::VerifyError;

/// Runs `N` particles down the instance's ladder.
///
/// # Errors
/// Those of the bridges, the kernels and the scheme.
pub fn smc(instance: &PopulationInstance<'_>, seed: u64) -> Result<PopulationRun, VerifyError> {
    let ladder = &instance.ladder;
    let mut workspace = ladder.workspace(Key::new(seed, Purpose::User).stream());
    let mut swarm = Swarm::new(instance.particles, instance.dim());
    let (mut log_z, mut resamplings) = (0.0, 0);
    swarm.place(ladder.noisiest, &mut workspace)?;
    for (number, stage) in ladder.stages.iter().enumerate() {
        let works = swarm.cross(stage.bridge, &mut workspace)?;
        swarm.weigh(&works);
        if let Some(resampler) = instance.resampler_at(number, swarm.ess_fraction()) {
            log_z += log_mean(&swarm.log_weights);
            let weights = swarm.weights();
            let ancestors = swarm.ancestors((resampler.scheme, &weights), &mut workspace)?;
            swarm.replace(&ancestors);
            resamplings += 1;
        }
        swarm.mix(stage, &mut workspace)?;
    }
    log_z += log_mean(&swarm.log_weights);
    let positions = swarm.positions();
    Ok(PopulationRun { log_z, positions, log_weights: swarm.log_weights, resamplings })
}
