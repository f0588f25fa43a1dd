//! Which numbers a level hands out: those of the target or those of the model, each where it was asked for.

use amc_core::density::{
    Covariance, Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel, Score,
};
use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_harness::catalog::Source;
use amc_harness::learned::network::Head;
use amc_harness::learned::{BLOCKS, DiffusionModel, SignalNoise, SourcedLevel, Sources};

use super::models::{DIM, assert_close, evaluate, lanes, memory, moments, points, random};

const WEIGHTS: [f64; 2] = [0.3, 0.7];
const MEANS: [f64; 6] = [-1.0, 0.4, 0.2, 1.3, -0.5, 2.0];
const VARIANCES: [f64; 6] = [0.3, 0.6, 0.2, 0.8, 0.15, 0.5];
const PLACE: SignalNoise = SignalNoise { alpha: 0.8, sigma: 0.6 };

/// Calls `visit` with the exact level of a mixture.
fn with_exact(visit: impl FnOnce(&MixtureLevel<'_>)) {
    let mixture = Mixture::new(DIM, &WEIGHTS, &MEANS, Covariance::Diagonal(&VARIANCES)).unwrap();
    let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
    let variance = PLACE.sigma * PLACE.sigma;
    visit(&MixtureLevel::prepare(&mixture, PLACE.alpha, variance, &mut storage).unwrap());
}

fn exact_numbers(level: &MixtureLevel<'_>, x: &[f64x8]) -> (Vec<f64x8>, Vec<f64x8>) {
    let (mut log_densities, mut scores) = (memory(x.len() / DIM), memory(x.len()));
    let mut room = memory(level.scratch_len());
    for (x, (score, log_density)) in
        x.chunks_exact(DIM).zip(scores.chunks_exact_mut(DIM).zip(&mut log_densities))
    {
        let scratch = Scratch::new(&mut room);
        *log_density = level.log_density_and_score(x, score, scratch).unwrap();
    }
    (log_densities, scores)
}

/// Fails if some method of a level takes a log-density or a score from the wrong source, the two being swapped
/// among other mistakes, in any of the four settings and any number of blocks.
#[test]
fn every_corner_takes_from_its_sources() {
    let model = random(Head::Energy, moments());
    let learned = model.level(PLACE);
    let x = points(PLACE, &model.moments, 2 * BLOCKS + 3);
    let of_model = evaluate(learned.as_ref(), &x);
    with_exact(|exact| {
        let of_target = exact_numbers(exact, &x);
        let differ = |one: &[f64x8], other: &[f64x8]| {
            lanes(one).iter().zip(lanes(other)).all(|(a, b)| (a - b).abs() > 1e-9)
        };
        assert!(differ(&of_model.0, &of_target.0) && differ(&of_model.1, &of_target.1));
        for density in [Source::Exact, Source::Learned] {
            for score in [Source::Exact, Source::Learned] {
                let sources = Sources { density, score };
                let level = SourcedLevel::new(*exact, learned.as_ref(), sources).unwrap();
                let log_densities = match density {
                    Source::Exact => &of_target.0,
                    Source::Learned => &of_model.0,
                };
                let scores = match score {
                    Source::Exact => &of_target.1,
                    Source::Learned => &of_model.1,
                };
                assert_numbers(&level, &x, (log_densities, scores));
            }
        }
    });
}

/// One block at a time and all at once, together and apart.
fn assert_numbers(
    level: &SourcedLevel<'_>,
    x: &[f64x8],
    (log_densities, scores): (&[f64x8], &[f64x8]),
) {
    let what = |method: &str| format!("{:?}, {method}", level.sources());
    let mut room = memory(level.scratch_len());
    let (mut found, mut alone) = (memory(log_densities.len()), memory(log_densities.len()));
    let mut gradients = memory(x.len());
    let blocks = x.chunks_exact(DIM).zip(gradients.chunks_exact_mut(DIM));
    for ((x, score), (found, alone)) in blocks.zip(found.iter_mut().zip(&mut alone)) {
        *found = level.log_density_and_score(x, score, Scratch::new(&mut room)).unwrap();
        *alone = level.log_density(x, Scratch::new(&mut room)).unwrap();
    }
    assert_close(&found, log_densities, 1e-12, &what("log_density_and_score"));
    assert_close(&gradients, scores, 1e-12, &what("log_density_and_score"));
    assert_close(&alone, log_densities, 1e-12, &what("log_density"));
    let (mut found, mut gradients) = (memory(found.len()), memory(x.len()));
    let scratch = Scratch::new(&mut room);
    level.log_densities_and_scores(x, &mut gradients, &mut found, scratch).unwrap();
    assert_close(&found, log_densities, 1e-12, &what("log_densities_and_scores"));
    assert_close(&gradients, scores, 1e-12, &what("log_densities_and_scores"));
    found.fill(splat(f64::NAN));
    level.log_densities(x, &mut found, Scratch::new(&mut room)).unwrap();
    assert_close(&found, log_densities, 1e-12, &what("log_densities"));
}

/// Fails if the Hessian belongs to anything but the score, in either form, or a learned one claims the structure of
/// the target's.
#[test]
fn hessians_belong_to_the_score() {
    let model = random(Head::Energy, moments());
    let learned = model.level(PLACE);
    let x = points(PLACE, &model.moments, 1);
    with_exact(|exact| {
        for density in [Source::Exact, Source::Learned] {
            for score in [Source::Exact, Source::Learned] {
                let sources = Sources { density, score };
                let level = SourcedLevel::new(*exact, learned.as_ref(), sources).unwrap();
                let step = 1e-5;
                for i in 0..DIM {
                    let scores = |by: f64| {
                        let mut x = x.clone();
                        x[i] += splat(by);
                        let mut score = memory(DIM);
                        let mut room = memory(level.scratch_len());
                        let scratch = Scratch::new(&mut room);
                        level.log_density_and_score(&x, &mut score, scratch).unwrap();
                        score
                    };
                    let (up, down) = (scores(step), scores(-step));
                    let ends = up.iter().zip(&down);
                    let slopes: Vec<f64x8> =
                        ends.map(|(up, down)| (*up - *down) / splat(2.0 * step)).collect();
                    for product in products(&level, &x, i) {
                        assert_close(&product, &slopes, 1e-6, &format!("{sources:?}, {i}"));
                    }
                }
                let learned = score == Source::Learned;
                assert_eq!(level.structure_rank() == 0, learned, "{sources:?}");
            }
        }
    });
}

/// A column of the Hessian: from the whole of it, a product, and a product by the linearization.
fn products(level: &SourcedLevel<'_>, x: &[f64x8], i: usize) -> [Vec<f64x8>; 3] {
    let mut room = memory(level.hessian_scratch_len());
    let mut unit = vec![splat(0.0); DIM];
    unit[i] = splat(1.0);
    let mut whole = memory(DIM * DIM);
    level.hessian(x, &mut whole, Scratch::new(&mut room)).unwrap();
    let row = whole[i * DIM..(i + 1) * DIM].to_vec();
    let mut product = memory(DIM);
    level.hessian_product(x, &unit, &mut product, Scratch::new(&mut room)).unwrap();
    let mut kept = memory(level.linearization_len());
    level.linearize(x, &mut kept, Scratch::new(&mut room)).unwrap();
    let mut linearized = memory(DIM);
    level.linearized_product(&kept, &unit, &mut linearized, Scratch::new(&mut room)).unwrap();
    [row, product, linearized]
}

/// Fails if a score network hands out a log-density or a Hessian, or a model of another dimension is taken.
#[test]
fn what_a_model_lacks_is_refused() {
    let model = random(Head::Field, moments());
    let learned = model.level(PLACE);
    with_exact(|exact| {
        let sources = |density, score| Sources { density, score };
        for score in [Source::Exact, Source::Learned] {
            let asked = sources(Source::Learned, score);
            assert!(SourcedLevel::new(*exact, learned.as_ref(), asked).is_err());
        }
        let asked = sources(Source::Exact, Source::Learned);
        let level = SourcedLevel::new(*exact, learned.as_ref(), asked).unwrap();
        assert!(!level.has_hessian());
        let mut room = memory(level.hessian_scratch_len());
        let x = points(PLACE, &model.moments, 1);
        assert!(level.hessian(&x, &mut memory(DIM * DIM), Scratch::new(&mut room)).is_err());
        let mut small = moments();
        small.mean.pop();
        let other = random(Head::Energy, small);
        let other = other.level(PLACE);
        assert!(SourcedLevel::new(*exact, other.as_ref(), asked).is_err());
    });
}
