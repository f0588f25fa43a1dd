//! Resampling schemes and random streams.

use amc_core::rng::{Key, Stream};
use amc_core::weight::Resampling;

use super::Case;
use crate::law::resampling::{STANDARD_OFFSPRING, STANDARD_WEIGHTS, core_scheme, mean_offspring};
use crate::law::stream::{normals, uniforms};

/// Draws of a scheme, or vectors of a stream.
const SAMPLES: usize = 64_000;

pub(super) fn cases() -> Vec<Case> {
    let schemes = Resampling::ALL.map(|scheme| {
        let names = ("resampling::mean_offspring", scheme.name());
        Case::new(names, scheme.name().to_owned(), SAMPLES, move |name, budget| {
            let problem = (&STANDARD_WEIGHTS[..], STANDARD_OFFSPRING);
            mean_offspring(name, &core_scheme(scheme), problem, budget)
        })
    });
    let source = |key: Key| -> Stream { key.stream() };
    let streams = [
        Case::new(("stream::uniforms", "stream"), "keyed".to_owned(), SAMPLES, move |name, b| {
            uniforms(name, &source, b)
        }),
        Case::new(("stream::normals", "stream"), "keyed".to_owned(), SAMPLES, move |name, b| {
            normals(name, &source, b)
        }),
    ];
    schemes.into_iter().chain(streams).collect()
}
