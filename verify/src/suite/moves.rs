//! Single moves of kernels: ratios, proposals, trajectories, and bare increments.

use amc_core::kernel::{Hmc, Mala, RandomWalk};

use super::Case;
use super::kernels::Level;
use crate::law::kernel::{
    IncrementInstance, KernelInstance, LangevinProposal, LeapfrogProposal, Proposal,
    RandomWalkProposal, increments, pointwise, trajectory, transition,
};
use crate::oracle::FixtureKind;
use crate::{Budget, Verdict, VerifyError};

/// Moves.
const SAMPLES: usize = 64_000;
/// Steps of the trajectories that are followed.
const TRAJECTORIES: [u32; 2] = [2, 5];

/// A kernel whose proposal has a density.
#[derive(Debug, Clone, Copy)]
enum Move {
    Rwm,
    Mala,
    /// One leapfrog step.
    Leapfrog,
}

/// A law of moves with a proposal.
type Law = fn(&KernelInstance<'_>, &dyn Proposal, &Budget) -> Result<Verdict, VerifyError>;

const LAWS: [(&str, Law); 2] =
    [("kernel::pointwise", pointwise), ("kernel::transition", transition)];

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for level in [
        Level::Diffusion(FixtureKind::IsotropicPerComponent),
        Level::Diffusion(FixtureKind::FullShared),
        Level::Tempering,
    ] {
        for kernel in [Move::Rwm, Move::Mala, Move::Leapfrog] {
            all.extend(LAWS.map(|law| single(law, kernel, level)));
        }
        all.extend(TRAJECTORIES.map(|steps| followed(steps, level)));
    }
    all.extend([Move::Rwm, Move::Mala, Move::Leapfrog].map(bare));
    all
}

fn single((law, check): (&'static str, Law), kernel: Move, level: Level) -> Case {
    let name = format!("{}, {}", kernel.name(), level.name());
    Case::new((law, kernel.subject()), name, SAMPLES, move |name, budget| {
        level.with_law(|law, scale| match kernel {
            Move::Rwm => {
                let (kernel, step_size) = (&RandomWalk, scale);
                let instance = KernelInstance { name, kernel, step_size, law };
                check(&instance, &RandomWalkProposal { step_size }, budget)
            }
            Move::Mala => {
                let (kernel, step_size) = (&Mala, 0.8 * scale * scale);
                let instance = KernelInstance { name, kernel, step_size, law };
                check(&instance, &LangevinProposal { step_size }, budget)
            }
            Move::Leapfrog => {
                let (kernel, step_size) = (&Hmc::new(1)?, 1.3 * scale);
                let instance = KernelInstance { name, kernel, step_size, law };
                check(&instance, &LeapfrogProposal { step_size }, budget)
            }
        })
    })
}

fn followed(steps: u32, level: Level) -> Case {
    let name = format!("hmc {steps}, {}", level.name());
    Case::new(("kernel::trajectory", "hmc"), name, SAMPLES, move |name, budget| {
        level.with_law(|law, scale| {
            let (kernel, step_size) = (&Hmc::new(steps)?, 1.3 * scale);
            trajectory(&KernelInstance { name, kernel, step_size, law }, steps, budget)
        })
    })
}

/// On a linear log-density every proposal is accepted.
fn bare(kernel: Move) -> Case {
    const SLOPE: [f64; 4] = [0.7, -1.9, 0.2, 1.1];
    const STEP_SIZE: f64 = 0.37;
    let names = ("kernel::increments", kernel.subject());
    Case::new(names, kernel.name().to_owned(), SAMPLES, move |name, budget| {
        let step_size = STEP_SIZE;
        let check = |kernel, slope, drift, deviation| {
            let instance = IncrementInstance { name, kernel, step_size, slope, drift, deviation };
            increments(&instance, budget)
        };
        let h = STEP_SIZE;
        match kernel {
            Move::Rwm => check(&RandomWalk, &[0.0; 4], 0.0, h),
            Move::Mala => check(&Mala, &SLOPE, h, libm::sqrt(2.0 * h)),
            Move::Leapfrog => check(&Hmc::new(1)?, &SLOPE, 0.5 * h * h, h),
        }
    })
}

impl Move {
    const fn subject(self) -> &'static str {
        match self {
            Self::Rwm => "rwm",
            Self::Mala => "mala",
            Self::Leapfrog => "hmc",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Leapfrog => "hmc 1",
            _ => self.subject(),
        }
    }
}
