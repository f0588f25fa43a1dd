//! Defects of resampling schemes and of streams.

use amc_core::rng::{Key, Purpose, Stream};
use amc_verify::law::resampling::{STANDARD_OFFSPRING, STANDARD_WEIGHTS, mean_offspring};
use amc_verify::law::stream::{normals, uniforms};
use amc_verify::suite::Case;

use super::place::PASSAGES;
use crate::mutants::draws::DrawDefect;
use crate::mutants::streams::{PairRadius, SameLanes};

pub fn defects() -> Vec<Case> {
    let mut all: Vec<Case> = DrawDefect::ALL.map(scheme).into();
    all.extend(streams());
    all
}

fn scheme(defect: DrawDefect) -> Case {
    let name = format!("scheme: {defect:?}");
    Case::new(("resampling::mean_offspring", "systematic"), name, PASSAGES, move |name, budget| {
        let scheme = |w: &[f64], stream: &mut Stream, a: &mut [usize]| defect.ancestors(w, stream, a);
        mean_offspring(name, &scheme, (&STANDARD_WEIGHTS, STANDARD_OFFSPRING), budget)
    })
}

/// Streams that ignore part of their key, or whose numbers are wrong.
fn streams() -> [Case; 5] {
    let named = |law: &'static str| (law, "stream");
    let text = |name: &str| format!("stream: {name}");
    [
        Case::new(named("stream::uniforms"), text("key ignored"), PASSAGES, |name, budget| {
            let seed = budget.seed;
            uniforms(name, &move |_: Key| Key::new(seed, Purpose::User).stream(), budget)
        }),
        Case::new(named("stream::uniforms"), text("round ignored"), PASSAGES, |name, budget| {
            uniforms(name, &|key: Key| key.round(0).stream(), budget)
        }),
        Case::new(named("stream::normals"), text("round ignored"), PASSAGES, |name, budget| {
            normals(name, &|key: Key| key.round(0).stream(), budget)
        }),
        Case::new(named("stream::uniforms"), text("all lanes equal"), PASSAGES, |name, budget| {
            uniforms(name, &|key: Key| SameLanes(key.stream()), budget)
        }),
        Case::new(named("stream::normals"), text("one radius for two"), PASSAGES, |name, budget| {
            normals(name, &|key: Key| PairRadius(key.stream()), budget)
        }),
    ]
}
