//! Defects of single moves of kernels.

use amc_core::kernel::{Hmc, Mala, MarkovKernel};
use amc_verify::law::kernel::{
    IncrementInstance, KernelInstance, LangevinProposal, Proposal, RandomWalkProposal, increments,
    pointwise, trajectory, transition,
};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::place::{PASSAGES, on_level};
use crate::mutants::kernels::{LangevinDefect, WrongLangevin};
use crate::mutants::moves::{Alteration, Altered, LeapfrogDefect, WrongLeapfrog};

/// A law of moves with a proposal.
type Law = fn(&KernelInstance<'_>, &dyn Proposal, &Budget) -> Result<Verdict, VerifyError>;

const POINTWISE: (&str, Law) = ("kernel::pointwise", pointwise);
const TRANSITION: (&str, Law) = ("kernel::transition", transition);

pub fn defects() -> Vec<Case> {
    let langevin_entries = [
        (POINTWISE, LangevinDefect::NoProposalRatio, 0.65),
        (POINTWISE, LangevinDefect::InvertedProposalRatio, 0.35),
        (POINTWISE, LangevinDefect::ReverseDriftAtWrongPoint, 0.35),
        (POINTWISE, LangevinDefect::RatioVariance, 0.65),
        (POINTWISE, LangevinDefect::HalfTheRatio, 0.65),
        (POINTWISE, LangevinDefect::LargerUniform, 0.65),
        (POINTWISE, LangevinDefect::TemperedRatio, 0.65),
        (TRANSITION, LangevinDefect::HalfTheNoise, 0.65),
        (TRANSITION, LangevinDefect::DriftTwice, 0.35),
    ];
    let mut all: Vec<Case> =
        langevin_entries.map(|(law, defect, step_size)| langevin(law, defect, step_size)).into();
    all.extend(
        [
            (POINTWISE, Alteration::RareRatio),
            (POINTWISE, Alteration::DecidedTwice),
            (POINTWISE, Alteration::RejectedMoved),
            (POINTWISE, Alteration::AlmostOne),
            (TRANSITION, Alteration::HalfNoiseInOneCoordinate),
            (TRANSITION, Alteration::SharedNoise),
        ]
        .map(|(law, alteration)| walk(law, alteration)),
    );
    all.extend(LeapfrogDefect::WRONG.map(followed));
    all.push(other_length());
    all.extend(bare());
    all
}

pub fn controls() -> Vec<Case> {
    vec![
        langevin(POINTWISE, LangevinDefect::None, 0.65),
        langevin(TRANSITION, LangevinDefect::None, 0.65),
        followed(LeapfrogDefect::None),
        // The ratio of a symmetric proposal is right whatever its size.
        walk(POINTWISE, Alteration::HalfNoiseInOneCoordinate),
        walk(POINTWISE, Alteration::SharedNoise),
    ]
}

fn langevin((law, check): (&'static str, Law), defect: LangevinDefect, step_size: f64) -> Case {
    let name = format!("mala: {defect:?}");
    Case::new((law, "mala"), name, PASSAGES, move |name, budget| {
        on_level(|law| {
            let kernel = &WrongLangevin { defect };
            let instance = KernelInstance { name, kernel, step_size, law };
            check(&instance, &LangevinProposal { step_size }, budget)
        })
    })
}

fn walk((law, check): (&'static str, Law), alteration: Alteration) -> Case {
    let name = format!("rwm: {alteration:?}");
    Case::new((law, "rwm"), name, PASSAGES, move |name, budget| {
        on_level(|law| {
            let (kernel, step_size) = (&Altered { alteration }, 0.9);
            let instance = KernelInstance { name, kernel, step_size, law };
            check(&instance, &RandomWalkProposal { step_size }, budget)
        })
    })
}

fn followed(defect: LeapfrogDefect) -> Case {
    let name = format!("hmc: {defect:?}");
    Case::new(("kernel::trajectory", "hmc"), name, PASSAGES, move |name, budget| {
        on_level(|law| {
            let kernel = &WrongLeapfrog { defect, steps: 3 };
            trajectory(&KernelInstance { name, kernel, step_size: 1.1, law }, 3, budget)
        })
    })
}

fn other_length() -> Case {
    let name = "hmc: trajectories of two steps for three".to_owned();
    Case::new(("kernel::trajectory", "hmc"), name, PASSAGES, move |name, budget| {
        on_level(|law| {
            let kernel = &Hmc::new(2)?;
            trajectory(&KernelInstance { name, kernel, step_size: 1.1, law }, 3, budget)
        })
    })
}

/// Noise or drift of another size, noise shared between coordinates, rejections on a linear density.
fn bare() -> Vec<Case> {
    const SLOPE: [f64; 3] = [0.7, -1.9, 0.2];
    const FLAT: [f64; 3] = [0.0; 3];
    const H: f64 = 0.37;
    let names = |subject| ("kernel::increments", subject);
    let increments_of = |name: &str, kernel: &dyn MarkovKernel, step_size, budget: &Budget| {
        let (slope, drift, deviation) = (&SLOPE, H, libm::sqrt(2.0 * H));
        let instance = IncrementInstance { name, kernel, step_size, slope, drift, deviation };
        increments(&instance, budget)
    };
    let too_large = "mala: step 4 percent too large".to_owned();
    let mut all = vec![Case::new(names("mala"), too_large, PASSAGES, move |name, budget| {
        increments_of(name, &Mala, 1.08 * H, budget)
    })];
    for defect in [
        LangevinDefect::NoProposalRatio,
        LangevinDefect::HalfTheNoise,
        LangevinDefect::DriftTwice,
        LangevinDefect::InvertedProposalRatio,
        LangevinDefect::OneNormal,
    ] {
        let name = format!("mala: {defect:?}");
        all.push(Case::new(names("mala"), name, PASSAGES, move |name, budget| {
            increments_of(name, &WrongLangevin { defect }, H, budget)
        }));
    }
    for alteration in [Alteration::HalfNoiseInOneCoordinate, Alteration::SharedNoise] {
        let name = format!("rwm: {alteration:?}");
        all.push(Case::new(names("rwm"), name, PASSAGES, move |name, budget| {
            let (kernel, step_size, slope) = (&Altered { alteration }, H, &FLAT);
            let (drift, deviation) = (0.0, H);
            let instance = IncrementInstance { name, kernel, step_size, slope, drift, deviation };
            increments(&instance, budget)
        }));
    }
    all
}
