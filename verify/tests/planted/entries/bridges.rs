//! Defects of bridges.

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, ddpm};
use amc_verify::law::bridge::{BridgeInstance, crooks, pathwise};
use amc_verify::oracle::{FixtureKind, FixtureStep};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::place::{PASSAGES, on_step};
use crate::mutants::bridges::{Altered, Defect, GaussianKernel, Slip};

/// A law of bridges.
pub type Law = fn(&BridgeInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const PATHWISE: (&str, Law) = ("bridge::pathwise", pathwise);
const CROOKS: (&str, Law) = ("bridge::crooks", crooks);

pub fn defects() -> Vec<Case> {
    use Defect::*;
    let slips = [
        (PATHWISE, Slip::DriftSignInDensity),
        (CROOKS, Slip::WrongVarianceInDensity),
        (CROOKS, Slip::NoNormalization),
        (CROOKS, Slip::DeviationForVariance),
        (CROOKS, Slip::SharedNoise),
        (CROOKS, Slip::HalfTheDrift),
    ];
    let defects = [
        (CROOKS, InvertedRatio),
        (CROOKS, NegatedWork),
        (CROOKS, ForgottenNoisyDensity),
        (CROOKS, ForgottenCleanDensity),
        (CROOKS, ForgottenBackward),
        (CROOKS, HalvedWork),
        (CROOKS, NoisierBackward),
        (PATHWISE, BackwardSign),
        (PATHWISE, StaleDensity),
        (PATHWISE, NotANumber),
    ];
    let slips = slips.into_iter().map(|(law, slip)| kernel(law, slip));
    slips.chain(defects.into_iter().map(|(law, defect)| bridge(law, defect))).collect()
}

pub fn controls() -> Vec<Case> {
    [PATHWISE, CROOKS].map(|law| kernel(law, Slip::None)).into()
}

fn kernel((law, check): (&'static str, Law), slip: Slip) -> Case {
    let name = format!("denoising kernel: {slip:?}");
    Case::new((law, "ddpm"), name, PASSAGES, move |name, budget| {
        on_step(FixtureKind::DiagonalPerComponent, (0.2, 0.25), |step| {
            let kernel = GaussianKernel::new(&step.step, slip);
            let (noisy, clean) = (step.noisy, step.clean);
            let bridge = &Denoising::new(&noisy.level, &clean.level, step.step, kernel)?;
            check(&BridgeInstance { name, bridge, noisy, clean }, budget)
        })
    })
}

fn bridge((law, check): (&'static str, Law), defect: Defect) -> Case {
    let name = format!("bridge: {defect:?}");
    Case::new((law, "ddpm"), name, PASSAGES, move |name, budget| {
        on_step(FixtureKind::DiagonalPerComponent, (0.2, 0.25), |step| {
            with_altered(defect, step, |bridge| {
                let (noisy, clean) = (step.noisy, step.clean);
                check(&BridgeInstance { name, bridge, noisy, clean }, budget)
            })
        })
    })
}

/// Calls `visit` with a DDPM bridge that has the defect.
pub fn with_altered<R>(
    defect: Defect,
    step: &FixtureStep<'_>,
    visit: impl FnOnce(&dyn Bridge) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let kernel = ddpm(&step.step, DdpmVariance::Noise)?;
    let (noisy, clean) = (&step.noisy.level, &step.clean.level);
    let inner = &Denoising::new(noisy, clean, step.step, kernel)?;
    visit(&Altered { inner, noisy, step: step.step, defect })
}
