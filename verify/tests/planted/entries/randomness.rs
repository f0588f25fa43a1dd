//! Defects of resampling schemes and of streams.

use amc_core::rng::{Key, Purpose, Stream};
use amc_verify::law::resampling::{
    ChosenUniforms, Counts, ExactScheme, Integrand, STANDARD_OFFSPRING, STANDARD_WEIGHTS,
    exact_mean_offspring, mean_offspring,
};
use amc_verify::law::stream::{keys, lattice, normals, tails, uniforms};
use amc_verify::suite::Case;

use super::place::PASSAGES;
use crate::mutants::draws::DrawDefect;
use crate::mutants::resampling::{self, SchemeDefect};
use crate::mutants::streams::{NumberDefect, Numbers, Omission, PairRadius, SameLanes, omitting};

pub fn defects() -> Vec<Case> {
    let mut all: Vec<Case> = DrawDefect::ALL.map(scheme).into();
    all.extend(integrated());
    all.extend(streams());
    all.extend(numbers());
    all.extend(Omission::ALL.map(part_of_key));
    all
}

/// Biases of 1e-9 and counts that a scheme must not give, with the uniforms integrated out.
fn integrated() -> [Case; 7] {
    use SchemeDefect::*;
    let entries = [
        (Offset, Counts::FloorOrCeiling),
        (SquaredUniform, Counts::FloorOrCeiling),
        (LightSkipped, Counts::Any),
        (LastStratum, Counts::Any),
        (OneRule, Counts::FloorOrCeiling),
        (RemaindersFromWeights, Counts::AtLeastFloor),
        (Multinomial, Counts::FloorOrCeiling),
    ];
    entries.map(|(defect, counts)| {
        let names = ("resampling::exact_mean_offspring", "systematic");
        let name = format!("scheme, uniforms integrated out: {defect:?}");
        Case::new(names, name, PASSAGES, move |name, budget| {
            let scheme = move |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| {
                resampling::ancestors(defect, w, u, a)
            };
            let smooth = defect == Multinomial;
            let integrand = if smooth { Integrand::Smooth } else { Integrand::Constant };
            let offspring = if smooth { 2 } else { 7 };
            let instance = ExactScheme { name, scheme: &scheme, integrand, counts };
            exact_mean_offspring(&instance, (&STANDARD_WEIGHTS, offspring), budget)
        })
    })
}

/// Tails, bits, planes and lags.
fn numbers() -> Vec<Case> {
    use NumberDefect::*;
    let mut all = Vec::new();
    for defect in [Clipped, HeavyTail, PositiveTail] {
        let name = format!("numbers: {defect:?}");
        all.push(Case::new(("stream::tails", "stream"), name, PASSAGES, move |name, budget| {
            tails(name, &|key: Key| Numbers::new(key.stream(), defect), budget)
        }));
    }
    for defect in [ThirtyTwoBits, TiedBit, Planes, OneLane] {
        let name = format!("numbers: {defect:?}");
        all.push(Case::new(("stream::lattice", "stream"), name, PASSAGES, move |name, budget| {
            lattice(name, &|key: Key| Numbers::new(key.stream(), defect), budget)
        }));
    }
    let name = "numbers: Lag".to_owned();
    all.push(Case::new(("stream::keys", "stream"), name, PASSAGES, move |name, budget| {
        keys(name, &|key: Key| Numbers::new(key.stream(), Lag), budget)
    }));
    all
}

/// A part of the key is left out. Fewer samples: these streams read their keys from text.
fn part_of_key(omission: Omission) -> Case {
    let name = format!("key without {omission:?}");
    Case::new(("stream::keys", "stream"), name, PASSAGES / 8, move |name, budget| {
        keys(name, &|key: Key| omitting(omission, key), budget)
    })
}

fn scheme(defect: DrawDefect) -> Case {
    let name = format!("scheme: {defect:?}");
    Case::new(("resampling::mean_offspring", "systematic"), name, PASSAGES, move |name, budget| {
        let scheme =
            |w: &[f64], stream: &mut Stream, a: &mut [usize]| defect.ancestors(w, stream, a);
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
        Case::new(
            named("stream::normals"),
            text("one radius for two"),
            PASSAGES,
            |name, budget| normals(name, &|key: Key| PairRadius(key.stream()), budget),
        ),
    ]
}
