//! A model at one level: its score is the gradient of its log-density, its Hessian that of its score.

use amc_core::scratch::Scratch;
use amc_core::simd::{f64x8, splat};
use amc_harness::learned::network::Head;
use amc_harness::learned::{BLOCKS, DiffusionModel, ModelLevel, SignalNoise};

use super::models::{
    DIM, assert_close, evaluate, levels, memory, moments, points, random, to_f32, untrained,
};

/// The Hessian at one block, column by column, through [`ModelLevel::linearize`] and [`ModelLevel::products`].
fn hessian(level: &dyn ModelLevel, x: &[f64x8]) -> Vec<f64x8> {
    let mut room = memory(level.hessian_scratch_len());
    let mut kept = memory(level.linearization_len());
    level.linearize(x, &mut kept, Scratch::new(&mut room)).unwrap();
    room.fill(splat(f64::NAN));
    let mut units = vec![splat(0.0); DIM * DIM];
    units.iter_mut().step_by(DIM + 1).for_each(|unit| *unit = splat(1.0));
    let mut out = memory(DIM * DIM);
    level.products(&kept, &units, &mut out, Scratch::new(&mut room)).unwrap();
    out
}

/// Central differences along coordinate `i` of what `of` gives, `[n]` blocks.
fn difference(
    x: &[f64x8],
    (i, step): (usize, f64),
    of: &dyn Fn(&[f64x8]) -> Vec<f64x8>,
) -> Vec<f64x8> {
    let moved = |by: f64| {
        let mut x = x.to_vec();
        x.iter_mut().skip(i).step_by(DIM).for_each(|x| *x += splat(by));
        of(&x)
    };
    let (up, down) = (moved(step), moved(-step));
    up.iter().zip(&down).map(|(up, down)| (*up - *down) / splat(2.0 * step)).collect()
}

/// Fails if the score of an energy is not the gradient of its log-density in some coordinate, at some level.
#[test]
fn scores_are_gradients_of_log_densities() {
    let model = random(Head::Energy, moments());
    for place in levels() {
        let level = model.level(place);
        let x = points(place, &model.moments, 4);
        let (_, scores) = evaluate(level.as_ref(), &x);
        let step = 1e-5 * model.moments.precondition(place).scale;
        for i in 0..DIM {
            let of = |x: &[f64x8]| evaluate(level.as_ref(), x).0;
            let slopes = difference(&x, (i, step), &of);
            let own: Vec<f64x8> = scores.iter().skip(i).step_by(DIM).copied().collect();
            assert_close(&own, &slopes, 1e-6, &format!("{place:?}, coordinate {i}"));
        }
    }
}

/// Fails if products with the Hessian differ from differences of the score, or the Hessian is not symmetric; or if
/// single precision is further from that than its digits allow.
#[test]
fn hessians_are_derivatives_of_scores() {
    let model = random(Head::Energy, moments());
    let single = to_f32(&model);
    for place in levels() {
        let (level, single) = (model.level(place), single.level(place));
        let x = points(place, &model.moments, 1);
        let exact = hessian(level.as_ref(), &x);
        let step = 1e-5 * model.moments.precondition(place).scale;
        let of = |x: &[f64x8]| evaluate(level.as_ref(), x).1;
        let slopes: Vec<f64x8> = (0..DIM).flat_map(|i| difference(&x, (i, step), &of)).collect();
        assert_close(&exact, &slopes, 1e-6, &format!("{place:?}"));
        for (hessian, digits, asymmetry) in
            [(&exact, 0.0, 1e-12), (&hessian(single.as_ref(), &x), 1e-4, 1e-5)]
        {
            assert_close(hessian, &exact, digits, &format!("{place:?}, precision"));
            let transposed: Vec<f64x8> =
                (0..DIM * DIM).map(|at| hessian[at % DIM * DIM + at / DIM]).collect();
            assert_close(hessian, &transposed, asymmetry, &format!("{place:?}, symmetry"));
        }
    }
}

/// Fails if more directions than are handled together, or scaled ones, give other products than one by one.
#[test]
fn products_are_linear_however_many_there_are() {
    let model = random(Head::Energy, moments());
    let place = SignalNoise::variance_preserving(1.0);
    let level = model.level(place);
    let x = points(place, &model.moments, 1);
    let columns = hessian(level.as_ref(), &x);
    let directions = points(place, &model.moments, 37);
    let mut room = memory(level.hessian_scratch_len());
    let mut kept = memory(level.linearization_len());
    level.linearize(&x, &mut kept, Scratch::new(&mut room)).unwrap();
    let mut found = memory(directions.len());
    level.products(&kept, &directions, &mut found, Scratch::new(&mut room)).unwrap();
    let by_columns = |v: &[f64x8], i: usize| {
        (0..DIM).map(|j| columns[j * DIM + i] * v[j]).fold(splat(0.0), |sum, term| sum + term)
    };
    let expected: Vec<f64x8> = directions
        .chunks_exact(DIM)
        .flat_map(|v| (0..DIM).map(move |i| (v, i)))
        .map(|(v, i)| by_columns(v, i))
        .collect();
    assert_close(&found, &expected, 1e-12, "37 directions");
}

/// Fails if an untrained model is anything but `N(alpha m, c^2 I)` with `c^2 = alpha^2 s_d^2 + sigma^2`.
#[test]
fn untrained_models_are_gaussians() {
    for head in [Head::Energy, Head::Field] {
        let model = untrained(head, moments());
        for place in levels() {
            let level = model.level(place);
            let x = points(place, &model.moments, 3);
            let (log_densities, scores) = evaluate(level.as_ref(), &x);
            let SignalNoise { alpha, sigma } = place;
            let variance = alpha * alpha * 1.3 * 1.3 + sigma * sigma;
            let means = moments().mean;
            let from_mean = |at: usize| x[at] - splat(alpha * means[at % DIM]);
            let expected: Vec<f64x8> =
                (0..x.len()).map(|at| -from_mean(at) / splat(variance)).collect();
            assert_close(&scores, &expected, 1e-13, &format!("{head:?}, {place:?}, score"));
            assert_eq!(level.has_density(), head == Head::Energy);
            if head == Head::Field {
                continue;
            }
            let constant = -0.5 * DIM as f64 * (std::f64::consts::TAU * variance).ln();
            let square = |block: usize| {
                let terms = (0..DIM).map(|i| from_mean(block * DIM + i));
                terms.fold(splat(0.0), |sum, x| sum + x * x)
            };
            let expected: Vec<f64x8> = (0..log_densities.len())
                .map(|block| splat(constant) - square(block) / splat(2.0 * variance))
                .collect();
            assert_close(&log_densities, &expected, 1e-13, &format!("{place:?}, log-density"));
        }
    }
}

/// Fails if a block gives other numbers in a batch than alone, or log-densities and scores others together than
/// each by itself.
#[test]
fn batches_give_the_numbers_of_single_blocks() {
    for head in [Head::Energy, Head::Field] {
        let model = random(head, moments());
        let place = SignalNoise::variance_preserving(2.0);
        let level = model.level(place);
        let blocks = 2 * BLOCKS + 5;
        let x = points(place, &model.moments, blocks);
        let (log_densities, scores) = evaluate(level.as_ref(), &x);
        let alone: Vec<_> = x.chunks_exact(DIM).map(|x| evaluate(level.as_ref(), x)).collect();
        let alone_scores: Vec<f64x8> = alone.iter().flat_map(|(_, s)| s.clone()).collect();
        assert_close(&scores, &alone_scores, 1e-13, "scores");
        let mut room = memory(level.scratch_len());
        let mut only = memory(x.len());
        level.evaluate(&x, &mut [], &mut only, Scratch::new(&mut room)).unwrap();
        assert_close(&only, &scores, 1e-13, "scores by themselves");
        let mut only = memory(blocks);
        let evaluated = level.evaluate(&x, &mut only, &mut [], Scratch::new(&mut room));
        assert_eq!(evaluated.is_ok(), head == Head::Energy);
        if head == Head::Energy {
            let alone: Vec<f64x8> = alone.iter().flat_map(|(p, _)| p.clone()).collect();
            assert_close(&log_densities, &alone, 1e-13, "log-densities");
            assert_close(&only, &log_densities, 1e-13, "log-densities by themselves");
        }
    }
}

/// Fails if single precision loses more than its digits.
#[test]
fn single_precision_keeps_its_digits() {
    for head in [Head::Energy, Head::Field] {
        let model = random(head, moments());
        let single = to_f32(&model);
        for place in levels() {
            let x = points(place, &model.moments, 3);
            let (density, score) = evaluate(model.level(place).as_ref(), &x);
            let (density32, score32) = evaluate(single.level(place).as_ref(), &x);
            assert_close(&score32, &score, 1e-5, &format!("{head:?}, {place:?}"));
            if head == Head::Energy {
                assert_close(&density32, &density, 1e-5, &format!("{place:?}"));
            }
            assert!(score32 != score, "single precision is double");
        }
    }
}
