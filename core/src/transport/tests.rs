//! The map, its Jacobian and its inverse on mixtures.

use super::*;
use crate::density::{Covariance, HessianProduct, Mixture, MixtureLevel};
use crate::krylov::LinearOperator;
use crate::path::{NoiseSchedule, NoisingStep};
use crate::point::{Context, Evaluations, PointMut};
use crate::rng::{Key, Purpose};
use crate::scratch::Scratch;
use crate::simd::{dot, f64x8, splat};

const D: usize = 5;
const ROOM: usize = 1024;

/// Two modes at `-a` and `2 a` in every coordinate (unequal weights and variances).
fn with_map(
    separation: f64,
    (s, t): (f64, f64),
    method: FlowMethod,
    visit: impl FnOnce(&FlowMap<'_>, &NoisingStep),
) {
    let means: [f64; 2 * D] =
        core::array::from_fn(
            |i| if i < D { -separation } else { 2.0 * separation + 0.1 * i as f64 },
        );
    let mixture =
        Mixture::new(D, &[0.7, 0.3], &means, Covariance::Isotropic(&[0.02, 0.03])).unwrap();
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
    let step = schedule.step(s, t).unwrap();
    let stages = method.coefficients(&schedule, &step).unwrap();
    let mut storage = [[0.0; 4 * D + 4]; MAX_STAGES];
    let mut levels = storage.iter_mut().zip(stages.nodes()).map(|(storage, node)| {
        MixtureLevel::prepare(&mixture, node.alpha, node.variance, storage).unwrap()
    });
    let first = levels.next().unwrap();
    let all: [MixtureLevel<'_>; MAX_STAGES] =
        core::array::from_fn(|i| if i == 0 { first } else { levels.next().unwrap_or(first) });
    let densities: [&dyn HessianProduct; MAX_STAGES] = core::array::from_fn(|i| &all[i] as _);
    visit(&FlowMap::new(stages, &densities[..stages.count()]).unwrap(), &step);
}

/// Calls `visit` with exactly `room` vectors of workspace.
fn with_context<T>(room: usize, visit: impl FnOnce(Context<'_>) -> T) -> T {
    let mut memory = [f64x8::ZERO; ROOM];
    let mut evaluations = Evaluations::default();
    visit(Context {
        stream: &mut Key::new(1, Purpose::User).stream(),
        scratch: Scratch::new(&mut memory[..room]),
        evaluations: &mut evaluations,
    })
}

fn score_at(map: &FlowMap<'_>, x: &[f64x8; D]) -> [f64x8; D] {
    let mut score = [f64x8::ZERO; D];
    with_context(map.noisy().scratch_len(), |context| {
        map.noisy().log_density_and_score(x, &mut score, context.scratch).unwrap();
    });
    score
}

fn image(map: &FlowMap<'_>, x: &[f64x8; D]) -> [f64x8; D] {
    let (score, mut out) = (score_at(map, x), [f64x8::ZERO; D]);
    with_context(map.scratch_len(), |context| map.apply(x, &score, &mut out, context).unwrap());
    out
}

/// Points near the line through both modes, a different one in every lane: one far outside, seven side
/// by side from `start` on, in units of the separation.
fn points(step: &NoisingStep, separation: f64, start: f64) -> [f64x8; D] {
    let mut x = [f64x8::ZERO; D];
    Key::new(9, Purpose::User).stream().fill_normals(&mut x);
    let along =
        f64x8::new(core::array::from_fn(
            |lane| {
                if lane == 7 { 40.0 } else { start + 0.01 * lane as f64 }
            },
        ));
    x.map(|z| splat(step.alpha_noisy * separation) * along + splat(0.01) * z)
}

/// Fails if a weight, a sign or an index in the forward chain is wrong (against central differences
/// of the map), or in the backward one (`u . M v = v . M^T u`).
#[test]
fn products_are_those_of_the_jacobian() {
    for method in FlowMethod::ALL {
        with_map(1.0, (0.1, 0.2), method, |map, step| {
            let x = points(step, 1.0, 0.45);
            let (score, mut value) = (score_at(map, &x), [f64x8::ZERO; D]);
            let mut memory = [f64x8::ZERO; ROOM];
            let memory = &mut memory[..map.linearization_len()];
            let jacobian = with_context(map.scratch_len(), |context| {
                map.linearize(&x, &score, &mut value, memory, context).unwrap()
            });
            assert_eq!(value, image(map, &x));
            let (mut v, mut u) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
            let mut stream = Key::new(2, Purpose::User).stream();
            stream.fill_normals(&mut v);
            stream.fill_normals(&mut u);
            let (mut product, mut transposed) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
            with_context(jacobian.scratch_len(), |c| jacobian.apply(&v, &mut product, c).unwrap());
            with_context(jacobian.scratch_len(), |c| {
                jacobian.apply_transposed(&u, &mut transposed, c).unwrap();
            });
            let h = 1e-6;
            let shifted =
                |sign: f64| image(map, &core::array::from_fn(|i| x[i] + splat(sign * h) * v[i]));
            let (above, below) = (shifted(1.0), shifted(-1.0));
            let scale = map.stages().scale();
            for i in 0..D {
                let slope = (above[i] - below[i]) * splat(0.5 / h);
                let error = ((v[i] + product[i]) * splat(scale) - slope).abs().to_array();
                let size = product[i].abs().to_array();
                for (lane, (error, size)) in error.into_iter().zip(size).enumerate() {
                    assert!(
                        error < 1e-6 * (1.0 + size),
                        "{method:?} lane {lane}: {error:e} {size}"
                    );
                }
            }
            let (one, other) = (dot(&u, &product), dot(&v, &transposed));
            let gap = (one - other).abs().to_array();
            for (gap, size) in gap.into_iter().zip(one.abs().to_array()) {
                assert!(gap < 1e-11 * (1.0 + size), "{method:?} {gap}");
            }
        });
    }
}

/// What inverting the images of 480 points found.
struct RoundTrip {
    /// Largest error of `T^-1(T(x))` beside `|x|`, of the points that came back.
    worst: f64,
    /// Largest Rayleigh quotient of `M` along the line.
    largest: f64,
    /// Points whose image was inverted to another point with the same image.
    elsewhere: usize,
    /// Points for which no inverse was found.
    lost: usize,
}

/// Inverts images across both modes and the ridge between them.
fn round_trip(separation: f64, times: (f64, f64), method: FlowMethod) -> RoundTrip {
    let (mut worst, mut largest, mut elsewhere, mut lost) = (0.0_f64, 0.0_f64, 0, 0);
    with_map(separation, times, method, |map, step| {
        for block in 0..60 {
            let x = points(step, separation, -1.5 + 0.07 * f64::from(block));
            let y = image(map, &x);
            let (mut back, mut log_density) = ([f64x8::ZERO; D], f64x8::ZERO);
            let mut score = [f64x8::ZERO; D];
            let found = with_context(map.invert_scratch_len(), |context| {
                let point =
                    PointMut { x: &mut back, log_density: &mut log_density, score: &mut score };
                map.invert(&y, InversionRule::default(), point, context).unwrap()
            });
            let residual = found.residual.to_array();
            lost += (!found.converged).to_bitmask().count_ones() as usize;
            assert_eq!(score, score_at(map, &back));
            let difference: [f64x8; D] = core::array::from_fn(|i| back[i] - x[i]);
            let error = (dot(&difference, &difference) / dot(&x, &x)).sqrt().to_array();
            for (error, &residual) in error.into_iter().zip(&residual) {
                if error < 1e-9 {
                    worst = worst.max(error);
                } else if residual < 1e-12 {
                    elsewhere += 1;
                }
            }

            let (mut product, along) = ([f64x8::ZERO; D], [splat(1.0); D]);
            let mut memory = [f64x8::ZERO; ROOM];
            let memory = &mut memory[..map.linearization_len()];
            let score = score_at(map, &x);
            let jacobian = with_context(map.scratch_len(), |context| {
                map.linearize(&x, &score, &mut product, memory, context).unwrap()
            });
            with_context(jacobian.scratch_len(), |context| {
                jacobian.apply(&along, &mut product, context).unwrap();
            });
            let quotient = (dot(&along, &product) * splat(1.0 / D as f64)).to_array();
            largest = quotient.into_iter().fold(largest, f64::max);
        }
    });
    RoundTrip { worst, largest, elsewhere, lost }
}

/// Fails if the inverse stops early, loses digits, or is lost on the ridge between the modes, where
/// the fixed point diverges.
#[test]
fn one_stage_maps_are_inverted_everywhere() {
    let mut farthest = 0.0_f64;
    for method in [FlowMethod::PfEi, FlowMethod::Ddim] {
        for separation in [0.5, 1.0, 3.0] {
            for times in [(0.0, 1e-4), (0.01, 0.012), (0.05, 0.07), (0.2, 0.3), (0.5, 1.0)] {
                let RoundTrip { worst, largest, elsewhere, lost } =
                    round_trip(separation, times, method);
                assert!(worst < 1e-12, "{method:?} {separation} {times:?}: {worst}");
                assert_eq!((elsewhere, lost), (0, 0), "{method:?} {separation} {times:?}");
                farthest = farthest.max(largest);
            }
        }
    }
    assert!(farthest > 30.0, "the ridge was not visited: {farthest}");
}

/// Fails if GMRES or the line search loses a map that is not a gradient, or if a step so long that the
/// map folds goes unnoticed: points are then lost, or come back elsewhere.
#[test]
fn maps_of_more_stages_are_inverted_until_they_fold() {
    for method in FlowMethod::ALL.into_iter().filter(|method| method.stages() > 1) {
        for times in [(0.0, 1e-4), (0.01, 0.012), (0.03, 0.032), (0.2, 0.21)] {
            let RoundTrip { worst, elsewhere, lost, .. } = round_trip(1.0, times, method);
            assert!(worst < 1e-12, "{method:?} {times:?}: {worst}");
            assert_eq!((elsewhere, lost), (0, 0), "{method:?} {times:?}");
        }
        let folded = round_trip(1.0, (0.2, 0.5), method);
        assert!(folded.elsewhere + folded.lost > 0, "{method:?}");
    }
}
