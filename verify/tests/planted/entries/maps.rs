//! Defects of the determinants of deterministic maps.

use amc_core::bridge::Transport;
use amc_core::density::{HessianProduct, MixtureLevel};
use amc_core::logdet::Penalty;
use amc_core::transport::{FlowMap, FlowMethod};
use amc_verify::law::bridge::{BridgeInstance, crooks};
use amc_verify::oracle::{Fixture, FixtureKind};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::place::{PASSAGES, schedule};
use crate::mutants::maps::WrongDeterminant;

pub fn defects() -> Vec<Case> {
    let mut all = Vec::new();
    for method in [FlowMethod::Ddim, FlowMethod::ThirdOrder] {
        for (what, factor, shift) in [
            ("left out", 0.0, 0.0),
            ("of the wrong sign", -1.0, 0.0),
            ("twice", 2.0, 0.0),
            ("of I + M instead of A (I + M)", 1.0, -3.0),
            ("too large by 5 percent", 1.0, 0.05),
        ] {
            let name = format!("{method:?}: determinant {what}");
            all.push(Case::new(
                ("bridge::crooks", "flow-map"),
                name,
                PASSAGES,
                move |name, budget| on_map(name, method, (factor, shift), budget),
            ));
        }
    }
    all
}

/// The determinant is `factor log|det J| + shift`; a shift of `-3` stands for `d log A` left out.
fn on_map(
    name: &str,
    method: FlowMethod,
    (factor, shift): (f64, f64),
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    let fixture = Fixture::new(FixtureKind::FullPerComponent)?;
    let step = schedule().step(0.2, 0.25)?;
    let shift = if shift == -3.0 { -3.0 * libm::log(1.0 / step.ratio) } else { shift };
    fixture.with_step(&step, |step| {
        let stages = method.coefficients(&schedule(), &step.step)?;
        let mixture = fixture.mixture()?;
        let len = MixtureLevel::storage_len(&mixture);
        let mut storage: Vec<Vec<f64>> = stages.nodes().iter().map(|_| vec![0.0; len]).collect();
        let nodes = stages.nodes().iter().zip(&mut storage);
        let levels: Result<Vec<MixtureLevel<'_>>, _> = nodes
            .map(|(n, storage)| MixtureLevel::prepare(&mixture, n.alpha, n.variance, storage))
            .collect();
        let levels = levels?;
        let densities: Vec<&dyn HessianProduct> = levels.iter().map(|level| level as _).collect();
        let map = FlowMap::new(stages, &densities)?;
        let wrong = WrongDeterminant { factor, shift };
        let bridge = &Transport::new(map, &step.clean.level, &wrong, Penalty::None)?;
        let (noisy, clean) = (step.noisy, step.clean);
        crooks(&BridgeInstance { name, bridge, noisy, clean }, budget)
    })?
}
