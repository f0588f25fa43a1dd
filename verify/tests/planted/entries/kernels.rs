//! Defects of Markov kernels.

use amc_core::kernel::MarkovKernel;
use amc_verify::law::kernel::{KernelInstance, cache, convergence, detailed_balance, invariance};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::place::{PARTICLES, on_level};
use crate::mutants::kernels::{
    Frozen, LangevinDefect, StaleCache, WalkDefect, WrongLangevin, WrongWalk,
};
use crate::mutants::moves::{LeapfrogDefect, WrongLeapfrog};

/// A law of kernels.
type Law = fn(&KernelInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const INVARIANCE: (&str, Law) = ("kernel::invariance", invariance);
const BALANCE: (&str, Law) = ("kernel::detailed_balance", detailed_balance);
const CACHE: (&str, Law) = ("kernel::cache", cache);
const CONVERGENCE: (&str, Law) =
    ("kernel::convergence", |instance, budget| convergence(instance, (1.2, 60), budget));

pub fn defects() -> Vec<Case> {
    let mut all = Vec::new();
    for (defect, step_size) in LangevinDefect::WRONG {
        all.push(langevin(INVARIANCE, defect, step_size));
        match defect {
            // What goes stale shows in the step after.
            LangevinDefect::StaleScore | LangevinDefect::StaleLogDensity => {
                all.push(langevin(CACHE, defect, step_size));
            }
            // Flows between half-spaces hardly see it: one in fourteen runs of 512,000 misses it. That it is not the
            // ratio of the proposal, `kernel::pointwise` sees at once.
            LangevinDefect::TemperedRatio => {}
            _ => all.push(langevin(BALANCE, defect, step_size)),
        }
    }
    for (defect, step_size) in WalkDefect::WRONG {
        all.extend([INVARIANCE, BALANCE].map(|law| walk(law, defect, step_size)));
    }
    // One step more is no other law: only the law of trajectories sees it.
    for defect in LeapfrogDefect::WRONG {
        if defect != LeapfrogDefect::OneStepMore {
            all.push(leapfrog(INVARIANCE, defect));
        }
    }
    all.push(other(CACHE, "rejected proposal cached", &StaleCache));
    all.push(other(CONVERGENCE, "claims to accept, stays", &Frozen));
    all
}

pub fn controls() -> Vec<Case> {
    let laws = [INVARIANCE, BALANCE, CACHE];
    let langevin = laws.map(|law| langevin(law, LangevinDefect::None, 0.65));
    let walk = laws.map(|law| walk(law, WalkDefect::None, 0.9));
    let leapfrog = laws.map(|law| leapfrog(law, LeapfrogDefect::None));
    langevin.into_iter().chain(walk).chain(leapfrog).collect()
}

fn langevin(law: (&'static str, Law), defect: LangevinDefect, step_size: f64) -> Case {
    case(law, "mala", format!("mala: {defect:?}"), WrongLangevin { defect }, step_size)
}

fn walk(law: (&'static str, Law), defect: WalkDefect, step_size: f64) -> Case {
    case(law, "rwm", format!("rwm: {defect:?}"), WrongWalk { defect }, step_size)
}

fn leapfrog(law: (&'static str, Law), defect: LeapfrogDefect) -> Case {
    case(law, "hmc", format!("hmc: {defect:?}"), WrongLeapfrog { defect, steps: 3 }, 1.1)
}

fn other(law: (&'static str, Law), name: &str, kernel: &'static (dyn MarkovKernel + Sync)) -> Case {
    let (law, check) = law;
    Case::new((law, "rwm"), name.to_owned(), PARTICLES / 2, move |name, budget| {
        on_level(|law| check(&KernelInstance { name, kernel, step_size: 0.9, law }, budget))
    })
}

fn case(
    (law, check): (&'static str, Law),
    subject: &'static str,
    name: String,
    kernel: impl MarkovKernel + Send + 'static,
    step_size: f64,
) -> Case {
    Case::new((law, subject), name, PARTICLES, move |name, budget| {
        on_level(|law| check(&KernelInstance { name, kernel: &kernel, step_size, law }, budget))
    })
}
