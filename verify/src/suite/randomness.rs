//! Resampling schemes and random streams.

use amc_core::rng::{Key, Stream};
use amc_core::simd::f64x8;
use amc_core::weight::Resampling;

use super::Case;
use crate::law::resampling::{
    ChosenUniforms, Counts, ExactScheme, Integrand, STANDARD_OFFSPRING, STANDARD_WEIGHTS,
    core_scheme, exact_mean_offspring, mean_offspring,
};
use crate::law::stream::{Draws, Source, keys, lattice, normals, tails, uniforms};
use crate::{Budget, Verdict, VerifyError};

/// Draws of a scheme, or vectors of a stream.
const SAMPLES: usize = 64_000;

/// Weights and the number of offspring.
type Problem = (&'static [f64], usize);

const STANDARD: Problem = (&STANDARD_WEIGHTS, STANDARD_OFFSPRING);
const FEWER: Problem = (&STANDARD_WEIGHTS, 3);
/// Expected counts are integers.
const INTEGERS: Problem = (&[1.0, 0.0, 2.0, 5.0, 0.0], 8);
const DOMINATED: Problem = (&[1e-3, 0.0, 7.0, 2e-3, 0.4, 0.0], 4);
/// Two uniforms remain after the floors.
const TWO_LEFT: Problem = (&[0.0, 3.2, 0.9, 1.4, 0.0, 2.5], 5);
const TWO: Problem = (&[0.3, 0.0, 2.1, 0.7, 0.0], 2);
const THREE: Problem = (&[0.0, 0.9, 2.1, 0.0], 3);

pub(super) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for scheme in Resampling::ALL {
        let names = ("resampling::mean_offspring", scheme.name());
        all.push(Case::new(names, scheme.name().to_owned(), SAMPLES, move |name, budget| {
            mean_offspring(name, &core_scheme(scheme), STANDARD, budget)
        }));
        let problems: &[(&str, Problem)] = match scheme {
            Resampling::Multinomial => &[("two", TWO), ("three", THREE)],
            Resampling::Residual => {
                &[("two left", TWO_LEFT), ("integers", INTEGERS), ("dominated", DOMINATED)]
            }
            _ => &[
                ("standard", STANDARD),
                ("integers", INTEGERS),
                ("dominated", DOMINATED),
                ("fewer", FEWER),
            ],
        };
        all.extend(problems.iter().map(|&(place, problem)| integrated(scheme, place, problem)));
    }
    let alternating = |key: Key| Alternating { stream: key.stream(), one_by_one: false };
    let name = || "one by one and lanes in turn".to_owned();
    all.push(Case::new(("stream::uniforms", "stream"), name(), SAMPLES, move |name, budget| {
        uniforms(name, &alternating, budget)
    }));
    all.push(Case::new(("stream::lattice", "stream"), name(), SAMPLES, move |name, budget| {
        lattice(name, &alternating, budget)
    }));
    all.extend(STREAM_LAWS.map(|(law, check)| {
        Case::new((law, "stream"), "keyed".to_owned(), SAMPLES, move |name, budget| {
            check(name, &|key: Key| key.stream(), budget)
        })
    }));
    all
}

/// The uniforms integrated out.
fn integrated(scheme: Resampling, place: &str, problem: Problem) -> Case {
    let names = ("resampling::exact_mean_offspring", scheme.name());
    let name = format!("{}, {place}", scheme.name());
    Case::new(names, name, SAMPLES, move |name, budget| {
        let draw =
            move |w: &[f64], u: &mut ChosenUniforms<'_>, a: &mut [usize]| scheme.ancestors(w, u, a);
        let (integrand, counts) = (Integrand::of(scheme), Counts::of(scheme));
        exact_mean_offspring(
            &ExactScheme { name, scheme: &draw, integrand, counts },
            problem,
            budget,
        )
    })
}

/// The numbers of a stream one by one, which resampling, trajectories and coins take, in turn with those of its lanes.
struct Alternating {
    stream: Stream,
    one_by_one: bool,
}

impl Draws for Alternating {
    fn uniforms(&mut self) -> f64x8 {
        self.one_by_one = !self.one_by_one;
        match self.one_by_one {
            true => f64x8::new(core::array::from_fn(|_| self.stream.uniform())),
            false => self.stream.uniforms(),
        }
    }

    fn normals(&mut self, out: &mut [f64x8]) {
        self.stream.fill_normals(out);
    }
}

/// A law of streams.
type StreamLaw = fn(&str, Source<'_, Stream>, &Budget) -> Result<Verdict, VerifyError>;

const STREAM_LAWS: [(&str, StreamLaw); 5] = [
    ("stream::uniforms", uniforms),
    ("stream::normals", normals),
    ("stream::tails", tails),
    ("stream::lattice", lattice),
    ("stream::keys", keys),
];
