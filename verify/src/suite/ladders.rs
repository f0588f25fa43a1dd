//! Annealed importance sampling along ladders: diffusion through second order, tempering through the
//! identity, with and without moves.

use amc_core::bridge::{Denoising, Identity, SecondOrderDense};
use amc_core::kernel::{Mala, MarkovKernel, RandomWalk};
use amc_core::path::NoisingStep;

use super::Case;
use super::bridges::SAMPLES;
use super::place::linear_schedule;
use crate::law::evidence::{Ladder, Moves, Stage, crooks};
use crate::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep, TemperedGaussian};
use crate::{Budget, Verdict, VerifyError};

const LAW: &str = "evidence::crooks";
const TIMES: [f64; 6] = [0.0, 0.06, 0.12, 0.18, 0.24, 0.3];
const BETAS: [f64; 6] = [0.0, 0.15, 0.35, 0.6, 0.8, 1.0];

pub(super) fn cases() -> Vec<Case> {
    let kernels: [(&str, Option<&'static (dyn MarkovKernel + Sync)>); 3] =
        [("no moves", None), ("rwm", Some(&RandomWalk)), ("mala", Some(&Mala))];
    let mut all = Vec::new();
    for kind in [FixtureKind::DiagonalShared, FixtureKind::FullPerComponent] {
        for (moves, kernel) in kernels {
            let name = format!("diffusion, {}, {moves}", kind.name());
            all.push(Case::new((LAW, "ais"), name, SAMPLES, move |name, budget| {
                let kernel = kernel.map(|kernel| kernel as &dyn MarkovKernel);
                on_diffusion(name, kind, kernel, budget)
            }));
        }
    }
    // Half the path as well: its normalizers differ.
    for (name, stages) in [("tempering, mala", 5), ("half tempering, mala", 3)] {
        all.push(Case::new((LAW, "ais"), name.to_owned(), SAMPLES, move |name, budget| {
            on_tempering(name, stages, budget)
        }));
    }
    all
}

fn on_diffusion(
    name: &str,
    kind: FixtureKind,
    kernel: Option<&dyn MarkovKernel>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let schedule = linear_schedule()?;
    let steps: Result<Vec<NoisingStep>, _> =
        TIMES.windows(2).rev().map(|pair| schedule.step(pair[0], pair[1])).collect();
    Fixture::new(kind)?.with_steps(&steps?, |steps| {
        let bridges: Result<Vec<_>, VerifyError> = steps.iter().map(|step| bridge(step)).collect();
        let bridges = bridges?;
        let moves = kernel.map(|kernel| Moves { kernel, step_size: 0.2, steps: 2 });
        let stages: Vec<Stage<'_>> = steps
            .iter()
            .zip(&bridges)
            .map(|(step, bridge)| Stage { bridge, clean: &step.clean.level, moves })
            .collect();
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(VerifyError::TooFewSamples { what: "stages", needed: 1, found: 0 });
        };
        let (noisiest, target) = (first.noisy, last.clean);
        crooks(&Ladder { name, noisiest, target, stages: &stages }, budget)
    })?
}

fn bridge<'a>(
    step: &'a FixtureStep<'_>,
) -> Result<Denoising<'a, SecondOrderDense<'a>>, VerifyError> {
    let kernel = SecondOrderDense::new(&step.transition);
    Ok(Denoising::new(&step.noisy.level, &step.clean.level, step.step, kernel)?)
}

fn on_tempering(name: &str, stages: usize, budget: &Budget) -> Result<Verdict, VerifyError> {
    TemperedGaussian::with_levels(&BETAS[..=stages], |levels| {
        let pairs: Result<Vec<_>, VerifyError> = levels
            .windows(2)
            .map(|pair| Ok(Identity::new(pair[0].density(), pair[1].density())?))
            .collect();
        let pairs = pairs?;
        let moves = Some(Moves { kernel: &Mala, step_size: 0.1, steps: 2 });
        let stages: Vec<Stage<'_>> = pairs
            .iter()
            .zip(levels.iter().skip(1))
            .map(|(bridge, level)| Stage { bridge, clean: level.density(), moves })
            .collect();
        let (Some(noisiest), Some(target)) = (levels.first(), levels.last()) else {
            return Err(VerifyError::TooFewSamples { what: "levels", needed: 1, found: 0 });
        };
        crooks(&Ladder { name, noisiest, target, stages: &stages }, budget)
    })?
}
