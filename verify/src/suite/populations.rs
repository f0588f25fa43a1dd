//! The plain sequential Monte Carlo sampler of this crate against its conditional one: by every scheme, through
//! bridges that keep particles in place and such that do not. Samplers of other crates add cases of their own.

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, Identity, ddpm};
use amc_core::kernel::{Mala, MarkovKernel, RandomWalk};
use amc_core::path::NoisingStep;
use amc_core::weight::Resampling;

use super::Case;
use super::place::linear_schedule;
use crate::law::evidence::{Ladder, Moves, Stage};
use crate::law::population::{PopulationInstance, Resampler, evidence, smc};
use crate::law::resampling::core_scheme;
use crate::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep, TemperedGaussian};
use crate::{Budget, Verdict, VerifyError};

const LAW: &str = "population::evidence";
/// Runs of the sampler, and as many conditional ones.
const RUNS: usize = 24_000;
/// A population that fills no whole number of blocks.
const PARTICLES: usize = 9;
/// The plane between the modes of the standard problems: shares of about 0.3 and 0.7.
const MODES: (&[f64], f64) = (&[1.0, -1.0, 0.5], 0.0);
const TIMES: [f64; 5] = [0.5, 0.3, 0.18, 0.08, 0.0];
/// The last level is not normalized.
const BETAS: [f64; 5] = [0.0, 0.1, 0.3, 0.55, 0.8];

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for denoising in [false, true] {
        for scheme in Resampling::ALL.map(Some).into_iter().chain([None]) {
            let bridge = if denoising { "ddpm" } else { "identity" };
            let name = format!("plain, {bridge}, {}", scheme.map_or("ais", Resampling::name));
            let subject = scheme.map_or("ais", |_| "smc");
            all.push(Case::new((LAW, subject), name, RUNS, move |name, budget| {
                on_diffusion(name, denoising, scheme, budget)
            }));
        }
    }
    let name = "plain, tempering to 0.8, ssp".to_owned();
    all.push(Case::new((LAW, "smc"), name, RUNS, on_tempering));
    all
}

fn on_diffusion(
    name: &str,
    denoising: bool,
    scheme: Option<Resampling>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let schedule = linear_schedule()?;
    let steps: Result<Vec<NoisingStep>, _> =
        TIMES.windows(2).map(|pair| schedule.step(pair[1], pair[0])).collect();
    Fixture::new(FixtureKind::DiagonalPerComponent)?.with_steps(&steps?, |steps| {
        let bridges: Result<Vec<_>, VerifyError> =
            steps.iter().map(|step| bridge_of(step, denoising)).collect();
        let bridges = bridges?;
        let pairs = steps.iter().zip(&bridges);
        let stages: Vec<Stage<'_>> = pairs
            .map(|(step, bridge)| {
                let (bridge, clean) = (bridge.as_ref(), &step.clean.level);
                Stage { bridge, clean, moves: moves(&Mala, 0.25) }
            })
            .collect();
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(VerifyError::TooFewSamples { what: "stages", needed: 1, found: 0 });
        };
        let (noisiest, target) = (first.noisy, last.clean);
        let ladder = Ladder { name, noisiest, target, stages: &stages };
        check(ladder, scheme.map(|scheme| (scheme, 0.8)), MODES, budget)
    })?
}

fn bridge_of<'a>(
    step: &'a FixtureStep<'_>,
    denoising: bool,
) -> Result<Box<dyn Bridge + 'a>, VerifyError> {
    let (noisy, clean) = (&step.noisy.level, &step.clean.level);
    if denoising {
        let kernel = ddpm(&step.step, DdpmVariance::Scaled)?;
        Ok(Box::new(Denoising::new(noisy, clean, step.step, kernel)?))
    } else {
        Ok(Box::new(Identity::new(noisy, clean)?))
    }
}

fn on_tempering(name: &str, budget: &Budget) -> Result<Verdict, VerifyError> {
    TemperedGaussian::with_levels(&BETAS, |levels| {
        let bridges: Result<Vec<_>, VerifyError> = levels
            .windows(2)
            .map(|pair| Ok(Identity::new(pair[0].density(), pair[1].density())?))
            .collect();
        let bridges = bridges?;
        let stages: Vec<Stage<'_>> = bridges
            .iter()
            .zip(levels.iter().skip(1))
            .map(|(bridge, level)| {
                let (clean, moves) = (level.density(), moves(&RandomWalk, 0.4));
                Stage { bridge, clean, moves }
            })
            .collect();
        let (Some(noisiest), Some(target)) = (levels.first(), levels.last()) else {
            return Err(VerifyError::TooFewSamples { what: "levels", needed: 1, found: 0 });
        };
        let ladder = Ladder { name, noisiest, target, stages: &stages };
        check(ladder, Some((Resampling::Ssp, 0.5)), (&[1.0, 0.2, -0.4], 0.5), budget)
    })?
}

fn moves(kernel: &dyn MarkovKernel, step_size: f64) -> Option<Moves<'_>> {
    Some(Moves { kernel, step_size, steps: 1 })
}

fn check(
    ladder: Ladder<'_>,
    rule: Option<(Resampling, f64)>,
    half_space: (&[f64], f64),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let scheme = core_scheme(rule.map_or(Resampling::Systematic, |(scheme, _)| scheme));
    let resampler = rule.map(|(_, threshold)| Resampler { scheme: &scheme, threshold, skipped: 0 });
    let instance = PopulationInstance { ladder, particles: PARTICLES, resampler, half_space };
    evidence(&|seed| smc(&instance, seed), &instance, budget)
}
