//! Deterministic maps as bridges, with exact determinants and with estimated ones.

use amc_core::bridge::Transport;
use amc_core::density::{HessianProduct, MixtureLevel};
use amc_core::logdet::{
    Dense, HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PowerSeries,
    ProbeLaw, Structured,
};
use amc_core::transport::{FlowMap, FlowMethod};

use super::bridges::{SAMPLES, places};
use super::{Case, Place, swaps};
use crate::law::bridge::{BridgeInstance, crooks, pathwise};
use crate::oracle::{Fixture, FixtureKind, FixtureStep};
use crate::{Budget, Verdict, VerifyError};

/// How the determinant is found.
#[derive(Debug, Clone, Copy)]
enum Determinant {
    Dense,
    Structured,
    PowerSeries,
    Lanczos,
    HutchPlusPlus,
    RecentredHutchPlusPlus,
    LanczosHutchPlusPlus,
}

/// A law of bridges.
type Law = fn(&BridgeInstance<'_>, &Budget) -> Result<Verdict, VerifyError>;

const ESTIMATED: [Determinant; 5] = [
    Determinant::PowerSeries,
    Determinant::Lanczos,
    Determinant::HutchPlusPlus,
    Determinant::RecentredHutchPlusPlus,
    Determinant::LanczosHutchPlusPlus,
];

pub(super) fn cases() -> Result<Vec<Case>, VerifyError> {
    let mut all = Vec::new();
    for place in places()? {
        for method in FlowMethod::ALL {
            for determinant in [Determinant::Dense, Determinant::Structured] {
                if determinant.exists(method, place.kind) {
                    all.push(case(("bridge::pathwise", pathwise), (method, determinant), place));
                    all.push(case(("bridge::crooks", crooks), (method, determinant), place));
                }
            }
        }
    }
    for method in FlowMethod::ALL {
        // Better maps get longer steps, as some swaps must be rejected.
        let (far, near) = if method.stages() > 2 { (0.55, 0.3) } else { (0.3, 0.1) };
        for place in [
            Place::new(FixtureKind::IsotropicShared, (0.1, far))?,
            Place::new(FixtureKind::FullPerComponent, (0.0, near))?,
        ] {
            all.extend(swaps::LAWS.map(|(law, check)| swap((law, check), method, place)));
        }
    }
    for method in [FlowMethod::Ddim, FlowMethod::Heun] {
        for determinant in ESTIMATED {
            let place = Place::new(FixtureKind::FullPerComponent, (0.2, 0.25))?;
            all.push(case(("bridge::crooks", crooks), (method, determinant), place));
        }
    }
    Ok(all)
}

fn case(
    (law, check): (&'static str, Law),
    (method, determinant): (FlowMethod, Determinant),
    place: Place,
) -> Case {
    let name = format!("{}, {}, {}", name_of(method), determinant.name(), place.name());
    Case::new((law, "flow-map"), name, SAMPLES, move |name, budget| {
        let samples =
            if determinant.is_estimated() { budget.samples.min(SAMPLES) } else { budget.samples };
        let budget = &Budget { samples, ..*budget };
        with_bridge((method, determinant), &place, |step, bridge| {
            let (noisy, clean) = (step.noisy, step.clean);
            check(&BridgeInstance { name, bridge: &bridge, noisy, clean }, budget)
        })
    })
}

/// The name users choose the method by.
const fn name_of(method: FlowMethod) -> &'static str {
    match method {
        FlowMethod::PfEi => "pf-ei",
        FlowMethod::Ddim => "ddim",
        FlowMethod::Heun => "heun",
        FlowMethod::ThirdOrder => "third-order",
        FlowMethod::FourthOrder => "fourth-order",
    }
}

/// Swaps through a map whose inverse is checked.
fn swap((law, check): (&'static str, Law), method: FlowMethod, place: Place) -> Case {
    let name = format!("{}, {}", name_of(method), place.name());
    Case::new((law, "flow-map"), name, swaps::SAMPLES, move |name, budget| {
        with_bridge((method, Determinant::Dense), &place, |step, bridge| {
            let (noisy, clean) = (step.noisy, step.clean);
            let bridge = &bridge.checked();
            check(&BridgeInstance { name, bridge, noisy, clean }, budget)
        })
    })
}

impl Determinant {
    /// The name users choose it by.
    const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Structured => "structured",
            Self::PowerSeries => "power-series",
            Self::Lanczos => "lanczos",
            Self::HutchPlusPlus => "hutchpp",
            Self::RecentredHutchPlusPlus => "recentred-hutchpp",
            Self::LanczosHutchPlusPlus => "lanczos-hutchpp",
        }
    }

    /// Whether the identity in cuts of the work is exact for normal noise alone: of the order of 1e-3 here, so that no more
    /// passages are drawn than leave it far below what they can see.
    const fn is_estimated(self) -> bool {
        !matches!(self, Self::Dense | Self::Structured)
    }

    /// The structure is that of a mixture's Hessian at one level.
    fn exists(self, method: FlowMethod, kind: FixtureKind) -> bool {
        !matches!(self, Self::Structured) || (method.stages() == 1 && kind.is_shared())
    }

    /// The estimator with its penalty.
    fn estimator(self) -> Result<(Box<dyn LogDeterminant>, Penalty), VerifyError> {
        let rademacher = ProbeLaw::Rademacher;
        let estimator: Box<dyn LogDeterminant> = match self {
            Self::Dense => return Ok((Box::new(Dense), Penalty::None)),
            Self::Structured => return Ok((Box::new(Structured), Penalty::None)),
            Self::PowerSeries => Box::new(PowerSeries::new(24, 8, rademacher)?),
            Self::Lanczos => Box::new(LanczosQuadrature::new(6, 8, ProbeLaw::Gaussian)?),
            Self::HutchPlusPlus => {
                Box::new(HutchPlusPlus::new(Logarithm::Series { terms: 24 }, 8, rademacher)?)
            }
            Self::RecentredHutchPlusPlus => {
                let logarithm = Logarithm::Recentred { terms: 24, steps: 6 };
                Box::new(HutchPlusPlus::new(logarithm, 8, rademacher)?)
            }
            Self::LanczosHutchPlusPlus => {
                Box::new(HutchPlusPlus::new(Logarithm::Lanczos { steps: 6 }, 8, rademacher)?)
            }
        };
        Ok((estimator, Penalty::ClosedForm))
    }
}

/// Calls `visit` with the bridge of a map over the step of a place.
fn with_bridge<R>(
    (method, determinant): (FlowMethod, Determinant),
    place: &Place,
    visit: impl FnOnce(&FixtureStep<'_>, Transport<'_>) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let (estimator, penalty) = determinant.estimator()?;
    place.with_step(|fixture, step| {
        with_map(fixture, place, (step, method), |map| {
            visit(step, Transport::new(map, &step.clean.level, estimator.as_ref(), penalty)?)
        })
    })
}

/// Calls `visit` with the map of a step; nodes between the levels are prepared for it.
fn with_map<R>(
    fixture: &Fixture,
    place: &Place,
    (step, method): (&FixtureStep<'_>, FlowMethod),
    visit: impl FnOnce(FlowMap<'_>) -> Result<R, VerifyError>,
) -> Result<R, VerifyError> {
    let stages = method.coefficients(&place.schedule, &step.step)?;
    let mixture = fixture.mixture()?;
    let len = MixtureLevel::storage_len(&mixture);
    let mut storage: Vec<Vec<f64>> = stages.nodes().iter().map(|_| vec![0.0; len]).collect();
    let levels: Result<Vec<MixtureLevel<'_>>, _> = stages
        .nodes()
        .iter()
        .zip(&mut storage)
        .map(|(node, storage)| MixtureLevel::prepare(&mixture, node.alpha, node.variance, storage))
        .collect();
    let levels = levels?;
    let densities: Vec<&dyn HessianProduct> = levels.iter().map(|level| level as _).collect();
    visit(FlowMap::new(stages, &densities)?)
}
