//! The law of whole populations: right samplers pass, and wrong ones are refuted at its budget.

mod common;
#[path = "mutants/smc.rs"]
mod smc;

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, Identity, ddpm};
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::weight::Resampling;
use amc_verify::law::evidence::{Ladder, Moves, Stage};
use amc_verify::law::population::{self, PopulationInstance, PopulationRun, Resampler};
use amc_verify::law::resampling::core_scheme;
use amc_verify::oracle::{ExactLaw, Fixture, FixtureKind, FixtureStep, TemperedGaussian};
use amc_verify::{Budget, Conclusion, Verdict, VerifyError};
use common::{assert_passes, budget, vp};
use smc::{SmcDefect, smc_with};

/// Runs a verdict, and the same again: a run is a few thousand particles and moves.
fn population_budget() -> Budget {
    Budget { samples: 16_000, ..budget() }
}

fn moves(kernel: &dyn MarkovKernel) -> Option<Moves<'_>> {
    Some(Moves { kernel, step_size: 0.25, steps: 1 })
}

/// Calls `visit` with a ladder of denoising steps, or of identities between the same levels.
fn on_diffusion(name: &str, denoising: bool, visit: impl FnOnce(&Ladder<'_>)) {
    let times = [0.45, 0.3, 0.15, 0.05, 0.0];
    let steps: Vec<_> = times.windows(2).map(|t| vp().step(t[1], t[0]).unwrap()).collect();
    let fixture = Fixture::new(FixtureKind::DiagonalPerComponent).unwrap();
    let with = |steps: &[&FixtureStep<'_>]| {
        let bridges: Vec<Box<dyn Bridge + '_>> = steps
            .iter()
            .map(|step| {
                let (noisy, clean) = (&step.noisy.level, &step.clean.level);
                let kernel = ddpm(&step.step, DdpmVariance::Scaled).unwrap();
                match denoising {
                    true => Box::new(Denoising::new(noisy, clean, step.step, kernel).unwrap())
                        as Box<dyn Bridge>,
                    false => Box::new(Identity::new(noisy, clean).unwrap()),
                }
            })
            .collect();
        let stages: Vec<Stage<'_>> = steps
            .iter()
            .zip(&bridges)
            .map(|(step, bridge)| Stage {
                bridge: bridge.as_ref(),
                clean: &step.clean.level,
                moves: moves(&Mala),
            })
            .collect();
        let (noisiest, target) = (steps[0].noisy, steps[steps.len() - 1].clean);
        visit(&Ladder { name, noisiest, target, stages: &stages });
    };
    fixture.with_steps(&steps, with).unwrap();
}

const MODES: (&[f64], f64) = (&[1.0, -1.0, 0.5], 0.0);

#[test]
fn reference_smc() {
    for scheme in Resampling::ALL {
        let name = format!("plain smc, identity, {}", scheme.name());
        on_diffusion(&name, false, |ladder| {
            let scheme = core_scheme(scheme);
            let resampler = Some(Resampler { scheme: &scheme, threshold: 0.5, skipped: 0 });
            let instance =
                PopulationInstance { ladder: *ladder, particles: 8, resampler, half_space: MODES };
            let sampler = |seed| population::smc(&instance, seed);
            assert_passes(population::evidence(&sampler, &instance, &population_budget()));
        });
    }
}

/// Every defect, on the identity's ladder with sixteen particles.
#[test]
fn planted_in_smc() {
    on_diffusion("smc by hand", false, |ladder| {
        let scheme = core_scheme(smc::SCHEME);
        let resampler = Some(Resampler { scheme: &scheme, threshold: 0.5, skipped: 0 });
        let right =
            PopulationInstance { ladder: *ladder, particles: 16, resampler, half_space: MODES };
        let sampler = |seed| smc_with(SmcDefect::None, &right, seed);
        assert_passes(population::evidence(&sampler, &right, &population_budget()));
        for defect in SmcDefect::ALL {
            let name = format!("{defect:?}");
            let ladder = Ladder { name: &name, ..*ladder };
            let wrong = PopulationInstance { ladder, ..right };
            let sampler = |seed| smc_with(defect, &wrong, seed);
            let v = population::evidence(&sampler, &wrong, &population_budget());
            println!("{}", v.unwrap());
        }
    });
}
