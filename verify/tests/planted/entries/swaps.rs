//! Defects of swaps, and of what they swap through.

use amc_core::bridge::{DdpmVariance, Denoising, Identity, ddpm};
use amc_core::exchange;
use amc_verify::law::bridge::BridgeInstance;
use amc_verify::law::swap::SwapMove;
use amc_verify::law::{free_energy, swap};
use amc_verify::oracle::{ExactLaw, FixtureKind, TemperedGaussian};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::bridges::with_altered;
use super::place::{PAIRS, on_step};
use crate::mutants::bridges::Defect;
use crate::mutants::swaps::{SwapDefect, swap_with};

/// A law of swaps.
type Law = fn(&SwapMove<'_>, &BridgeInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const PATHWISE: (&str, Law) = ("swap::pathwise", swap::pathwise);
const INVARIANCE: (&str, Law) = ("swap::invariance", swap::invariance);
const FREE_ENERGY: (&str, Law) = ("free_energy::bridge_sampling", free_energy::bridge_sampling);

/// What the swap goes through.
#[derive(Debug, Clone, Copy)]
enum Through {
    Ddpm,
    /// Between tempering levels, whose normalizers differ.
    Identity,
}

pub fn defects() -> Vec<Case> {
    use SwapDefect::*;
    let swaps = [
        (INVARIANCE, BackwardSign),
        (INVARIANCE, BackwardAlone),
        (INVARIANCE, AlwaysAccepted),
        (INVARIANCE, OneDecision),
        (INVARIANCE, ChainedProposals),
        (INVARIANCE, OnlyCleanMoves),
        (INVARIANCE, OnlyNoisyMoves),
        (PATHWISE, OnlyCleanMoves),
        (PATHWISE, OnlyNoisyMoves),
        (PATHWISE, StaleDensity),
        (PATHWISE, Frozen),
        (PATHWISE, ExchangedWorks),
        (FREE_ENERGY, ExchangedWorks),
        (FREE_ENERGY, ForgottenWorks),
    ];
    let mut all = Vec::new();
    for through in [Through::Ddpm, Through::Identity] {
        all.extend(swaps.map(|(law, defect)| case(law, defect, through)));
    }
    for defect in [
        Defect::NoisierBackward,
        Defect::InvertedRatio,
        Defect::NegatedWork,
        Defect::ForgottenNoisyDensity,
        Defect::NoWork,
    ] {
        all.push(through_wrong_bridge(defect));
    }
    all
}

pub fn controls() -> Vec<Case> {
    let both = [Through::Ddpm, Through::Identity];
    let laws = [PATHWISE, INVARIANCE, FREE_ENERGY];
    both.into_iter()
        .flat_map(|through| laws.map(|law| case(law, SwapDefect::Nothing, through)))
        .collect()
}

fn case((law, check): (&'static str, Law), defect: SwapDefect, through: Through) -> Case {
    let name = format!("swap through {through:?}: {defect:?}");
    Case::new((law, "replica-exchange"), name, PAIRS, move |name, budget| {
        through.with_instance(name, |instance| check(&swap_with(defect), instance, budget))
    })
}

/// The core's swap, through a bridge that has a defect.
fn through_wrong_bridge(defect: Defect) -> Case {
    let name = format!("swap, bridge: {defect:?}");
    Case::new(("swap::invariance", "replica-exchange"), name, PAIRS, move |name, budget| {
        on_step(FixtureKind::DiagonalPerComponent, (0.1, 0.3), |step| {
            with_altered(defect, step, |bridge| {
                let (noisy, clean) = (step.noisy, step.clean);
                let instance = BridgeInstance { name, bridge, noisy, clean };
                swap::invariance(&exchange::swap, &instance, budget)
            })
        })
    })
}

impl Through {
    fn with_instance<R>(
        self,
        name: &str,
        visit: impl FnOnce(&BridgeInstance<'_>) -> Result<R, VerifyError>,
    ) -> Result<R, VerifyError> {
        match self {
            Self::Ddpm => on_step(FixtureKind::DiagonalPerComponent, (0.1, 0.3), |step| {
                let kernel = ddpm(&step.step, DdpmVariance::Noise)?;
                let (noisy, clean) = (step.noisy, step.clean);
                let bridge = &Denoising::new(&noisy.level, &clean.level, step.step, kernel)?;
                visit(&BridgeInstance { name, bridge, noisy, clean })
            }),
            Self::Identity => TemperedGaussian::with_levels(&[0.3, 0.55], |levels| {
                let (noisy, clean) = (&levels[0], &levels[1]);
                let bridge = &Identity::new(noisy.density(), clean.density())?;
                visit(&BridgeInstance { name, bridge, noisy, clean })
            })?,
        }
    }
}
