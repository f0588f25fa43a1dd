use super::*;
use crate::bridge::{HessianMoments, SecondOrderDense, SecondOrderStructured};
use crate::density::mixture::MixtureTransition;
use crate::density::{Covariance, Hessian, LogDensity, Mixture, MixtureLevel, Score};
use crate::linalg::{Cholesky, symmetric_eigen};
use crate::path::NoiseSchedule;
use crate::point::Evaluations;
use crate::rng::{Key, Purpose};
use crate::simd::{greater, less_equal, select};

const FIXED: fn(usize) -> Rank = Rank::Fixed;
const TRACES: [Trace; 2] = [Trace::Structure, Trace::Probes(2)];
const STARTS: [Start; 2] = [Start::Score, Start::Random];

pub(super) fn step(s: f64) -> NoisingStep {
    NoiseSchedule::vp_linear(0.1, 20.0).unwrap().step(s, s + 0.1).unwrap()
}

/// Runs `method` with exactly the workspace promised, every number of which is NaN.
fn with_context<T>(
    kernel: &dyn DenoisingKernel,
    seed: u64,
    method: impl FnOnce(Context<'_>) -> T,
) -> (T, Evaluations) {
    let mut memory = [splat(f64::NAN); 1024];
    let (mut stream, mut evaluations) =
        (Key::new(seed, Purpose::User).stream(), Evaluations::default());
    let scratch = Scratch::new(&mut memory[..kernel.scratch_len()]);
    let context = Context { stream: &mut stream, scratch, evaluations: &mut evaluations };
    (method(context), evaluations)
}

fn log_density(kernel: &dyn DenoisingKernel, x: Point<'_>, y: &[f64x8], seed: u64) -> [f64; 8] {
    with_context(kernel, seed, |context| kernel.log_density(x, y, context)).0.unwrap().to_array()
}

/// Calls `check` with the level and the points of a mixture in `D` dimensions, all lanes different.
pub(super) fn with_level<const D: usize>(
    covariance: Covariance<'_>,
    step: &NoisingStep,
    means: &[f64],
    check: impl FnOnce(&MixtureLevel<'_>, Point<'_>),
) {
    let weights = &[0.5, 0.3, 0.2][..means.len() / D];
    let mixture = Mixture::new(D, weights, means, covariance).unwrap();
    let mut storage = [0.0; 128];
    let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
    let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
    let level = MixtureLevel::prepare(&mixture, alpha, variance, storage).unwrap();
    let x: [f64x8; D] = core::array::from_fn(|i| {
        f64x8::new(core::array::from_fn(|l| {
            0.25 * l as f64 - 0.7 + 0.3 * ((i * (l + 3)) % 5) as f64
        }))
    });
    let (mut score, mut memory) = ([f64x8::ZERO; D], [f64x8::ZERO; 128]);
    let log_density =
        level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    check(&level, Point { x: &x, log_density, score: &score });
}

pub(super) const MEANS_3: [f64; 9] = [1.6, -0.4, 0.9, -0.7, 1.1, -0.2, 0.3, -1.3, -1.5];
const MEANS_5: [f64; 15] =
    [1.6, -0.4, 0.9, 0.2, -1.1, -0.7, 1.1, -0.2, 1.4, 0.6, 0.3, -1.3, -1.5, -0.5, 0.8];
pub(super) const DIAGONAL: [f64; 9] = [0.5, 0.15, 0.9, 0.25, 0.7, 0.4, 0.8, 0.3, 0.12];

/// The precision of a kernel in three dimensions, from the second differences of its log-density,
/// which is checked to be the logarithm of a normalized Gaussian around `m` in every lane.
fn precision(kernel: &LowRank<'_>, x: Point<'_>, seed: u64) -> [f64x8; 9] {
    let at = |offsets: &[(usize, f64)]| {
        let mut y = [f64x8::ZERO; 3];
        kernel.with_mean(x, &mut y, |y, mean| *y = mean);
        offsets.iter().for_each(|&(i, offset)| y[i] += splat(offset));
        f64x8::new(log_density(kernel, x, &y, seed))
    };
    let top = at(&[]);
    let mut matrix = [f64x8::ZERO; 9];
    for i in 0..3 {
        let (above, below) = (at(&[(i, 0.5)]), at(&[(i, -0.5)]));
        let allowed = splat(1e-9) * (splat(1.0) + above.abs());
        assert!(
            less_equal((above - below).abs(), allowed).all(),
            "off centre: {above:?} {below:?}"
        );
        for j in 0..3 {
            let (both, first, second) =
                (at(&[(i, 1.0), (j, 1.0)]), at(&[(i, 1.0)]), at(&[(j, 1.0)]));
            matrix[3 * i + j] = first + second - both - top;
        }
    }
    let mut factor = matrix;
    let log_determinant = Cholesky::factor(3, &mut factor).unwrap().log_determinant();
    let expected = splat(0.5) * (log_determinant - splat(3.0 * LOG_TWO_PI));
    for (found, expected) in top.to_array().into_iter().zip(expected.to_array()) {
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} for {expected}");
    }
    matrix
}

/// `(v/a^2)((1 + v c) I + v V^T (T - c I) V)` of lane `l` in plain numbers, two steps from `start`.
fn dense(hessian: &[f64x8; 9], start: [f64; 3], step: &NoisingStep, l: usize) -> [[f64; 3]; 3] {
    let h = |i: usize, j: usize| hessian[3 * i + j].to_array()[l];
    let times = |v: [f64; 3]| -> [f64; 3] {
        core::array::from_fn(|i| (0..3).map(|j| h(i, j) * v[j]).sum())
    };
    let dot = |a: [f64; 3], b: [f64; 3]| (0..3).map(|i| a[i] * b[i]).sum::<f64>();
    let unit = |a: [f64; 3]| a.map(|e| e / libm::sqrt(dot(a, a)));
    let first = unit(start);
    let image = times(first);
    let along = dot(first, image);
    let second = unit(core::array::from_fn(|i| image[i] - along * first[i]));
    let basis = [first, second];
    let t = |p: usize, q: usize| dot(basis[p], times(basis[q]));
    let c = h(0, 0) + h(1, 1) + h(2, 2) - t(0, 0) - t(1, 1);
    core::array::from_fn(|i| {
        core::array::from_fn(|j| {
            let mut entry = if i == j { 1.0 + step.variance * c } else { 0.0 };
            for p in 0..2 {
                for q in 0..2 {
                    let inner = t(p, q) - if p == q { c } else { 0.0 };
                    entry += step.variance * basis[p][i] * inner * basis[q][j];
                }
            }
            entry * step.scaled_variance()
        })
    })
}

/// Fails if `V` is transposed, a factor `v` or `a` is lost, `c` counts the wrong rest, the determinant
/// belongs to another matrix than the quadratic form, or lanes mix: the kernel is the formula's
/// Gaussian, worked out from the dense Hessian.
#[test]
fn the_density_is_the_formula() {
    let step = step(0.2);
    with_level::<3>(Covariance::Diagonal(&DIAGONAL), &step, &MEANS_3, |level, x| {
        let (mut hessian, mut memory) = ([f64x8::ZERO; 9], [f64x8::ZERO; 128]);
        level.hessian(x.x, &mut hessian, Scratch::new(&mut memory)).unwrap();
        for start in STARTS {
            let kernel = LowRank::new(level, step, FIXED(2), Trace::Structure, start).unwrap();
            let matrix = precision(&kernel, x, 5);
            let mut from = [f64x8::ZERO; 3];
            match start {
                Start::Score => copy(&mut from, x.score),
                Start::Random => Key::new(5, Purpose::User).stream().fill_normals(&mut from),
            }
            for l in 0..8 {
                let covariance = dense(&hessian, from.map(|s| s.to_array()[l]), &step, l);
                for i in 0..3 {
                    for j in 0..3 {
                        let product: f64 = (0..3)
                            .map(|k| covariance[i][k] * matrix[3 * k + j].to_array()[l])
                            .sum();
                        let unit = if i == j { 1.0 } else { 0.0 };
                        assert!((product - unit).abs() < 1e-8, "{start:?} {l} {i} {j}: {product}");
                    }
                }
            }
        }
    });
}

/// Fails if samples have another covariance or mean than the density: the standard normals they are
/// made of have the squared length of the quadratic form, for enough of them to fix the matrix; and
/// if the two methods disagree on the density or draw auxiliary variables in another order.
#[test]
fn samples_follow_the_density() {
    let step = step(0.2);
    with_level::<3>(Covariance::Diagonal(&DIAGONAL), &step, &MEANS_3, |level, x| {
        for (start, trace) in STARTS.into_iter().flat_map(|s| TRACES.map(|t| (s, t))) {
            let kernel = LowRank::new(level, step, FIXED(2), trace, start).unwrap();
            let constant = precision(&kernel, x, 1);
            for seed in 1..12 {
                let mut y = [f64x8::ZERO; 3];
                let (log_k, _) = with_context(&kernel, seed, |c| kernel.sample(x, &mut y, c));
                let log_k = log_k.unwrap().to_array();
                let again = log_density(&kernel, x, &y, seed);
                assert!((0..8).all(|l| (log_k[l] - again[l]).abs() < 1e-11), "{log_k:?} {again:?}");
                // Where auxiliary variables change the matrix from seed to seed the first must do.
                let drawn = start == Start::Random || matches!(trace, Trace::Probes(_));
                if drawn && seed > 1 {
                    continue;
                }
                let mut stream = Key::new(seed, Purpose::User).stream();
                let mut z = [f64x8::ZERO; 3];
                let probes = if let Trace::Probes(n) = trace { n } else { 0 };
                for _ in 0..=probes + usize::from(start == Start::Random) {
                    stream.fill_normals(&mut z);
                }
                kernel.with_mean(x, &mut y, |y, mean| *y -= mean);
                let image: [f64x8; 3] =
                    core::array::from_fn(|i| dot(&constant[3 * i..3 * i + 3], &y));
                for (q, z) in dot(&y, &image).to_array().iter().zip(dot(&z, &z).to_array()) {
                    assert!((q / z - 1.0).abs() < 1e-8, "{start:?} {trace:?}: {q} for {z}");
                }
            }
        }
    });
}

fn assert_same(kernel: &LowRank<'_>, exact: &dyn DenoisingKernel, x: Point<'_>, what: &str) {
    let y: [f64x8; 5] = core::array::from_fn(|i| splat(0.8 - 0.5 * i as f64) - splat(0.3) * x.x[0]);
    let y = &y[..x.x.len()];
    let (found, expected) = (log_density(kernel, x, y, 3), log_density(exact, x, y, 3));
    for (found, expected) in found.into_iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "{what}: {found} {expected}"
        );
    }
}

/// Fails if `K` steps do not find all of the Hessian of `K` equal isotropic components, from either
/// start and with every trace that is exact there; `K - 1` steps must not. A product a step, and
/// one a probe, is counted.
#[test]
fn equal_components_need_as_many_steps() {
    for s in [0.0, 0.2] {
        let step = step(s);
        with_level::<5>(Covariance::Isotropic(&[0.3]), &step, &MEANS_5, |level, x| {
            let mut storage = [0.0; 8];
            let storage = &mut storage[..MixtureTransition::storage_len(level)];
            let transition = MixtureTransition::prepare(level, &step, storage).unwrap();
            let exact = SecondOrderStructured::new(&transition).unwrap();
            for start in STARTS {
                for (trace, products) in [(Trace::Structure, 3), (Trace::Probes(2), 5)] {
                    let kernel = LowRank::new(level, step, FIXED(3), trace, start).unwrap();
                    assert_same(&kernel, &exact, x, "K steps");
                    let call = |c: Context<'_>| kernel.log_density(x, x.x, c);
                    let count = with_context(&kernel, 3, call).1;
                    assert_eq!((count.hessian_product, count.score), (products, 0));
                }
                let fewer = LowRank::new(level, step, FIXED(2), Trace::Structure, start).unwrap();
                let found = f64x8::new(log_density(&fewer, x, x.x, 3));
                let difference = found - f64x8::new(log_density(&exact, x, x.x, 3));
                assert!(greater(difference.abs(), splat(1e-4)).any());
            }
        });
    }
}

/// Fails if `d` steps are not the whole Hessian, or what is left of the complement by rounding,
/// or a trace that no longer matters, reaches the density.
#[test]
fn all_steps_are_the_dense_kernel() {
    let step = step(0.2);
    let (mut values, mut vectors) = ([0.0; 9], [0.0; 27]);
    for (k, vectors) in vectors.chunks_mut(9).enumerate() {
        let e = 0.1 * (k + 1) as f64;
        let mut matrix = [0.6 + e, 0.2, -e, 0.2, 0.4, 0.05, -e, 0.05, 0.3 + e];
        symmetric_eigen(&mut matrix, &mut values[3 * k..3 * k + 3], vectors).unwrap();
    }
    let full = Covariance::Full { eigenvalues: &values, eigenvectors: &vectors };
    for covariance in [Covariance::Diagonal(&DIAGONAL), full] {
        with_level::<3>(covariance, &step, &MEANS_3, |level, x| {
            let moments = HessianMoments::new(level, step);
            let exact = SecondOrderDense::new(&moments);
            for (start, trace) in STARTS.into_iter().flat_map(|s| TRACES.map(|t| (s, t))) {
                let Ok(kernel) = LowRank::new(level, step, FIXED(7), trace, start) else {
                    assert!(trace == Trace::Structure && level.structure_rank() == 0);
                    continue;
                };
                assert_same(&kernel, &exact, x, "d steps");
            }
        });
    }
}

/// Fails if a zero score or an immediate breakdown gives NaN or costs further products: one
/// Gaussian, `H = -p I`, with three lanes at its mean.
#[test]
fn degenerate_lanes() {
    let step = step(0.2);
    with_level::<3>(Covariance::Isotropic(&[0.3]), &step, &[0.5, -1.0, 2.0], |level, x| {
        let (mut position, mut score) = ([f64x8::ZERO; 3], [f64x8::ZERO; 3]);
        let at_mean = less_equal(f64x8::new([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), splat(2.0));
        for (i, mean) in [0.5, -1.0, 2.0].into_iter().enumerate() {
            position[i] = select(at_mean, splat(step.alpha_noisy * mean), x.x[i]);
            score[i] = select(at_mean, f64x8::ZERO, x.score[i]);
        }
        let x = Point { x: &position, log_density: x.log_density, score: &score };
        let moments = HessianMoments::new(level, step);
        let exact = SecondOrderDense::new(&moments);
        for trace in TRACES {
            for start in STARTS {
                let kernel = LowRank::new(level, step, FIXED(3), trace, start).unwrap();
                let found = log_density(&kernel, x, &[splat(0.3); 3], 2);
                assert!(found.into_iter().all(f64::is_finite), "{trace:?} {start:?}: {found:?}");
                let (_, count) = with_context(&kernel, 2, |c| kernel.log_density(x, x.x, c));
                let probes = if let Trace::Probes(n) = trace { n as u64 } else { 0 };
                assert_eq!(count.hessian_product, 1 + probes);
                if matches!(trace, Trace::Structure | Trace::Probes(_)) {
                    assert_same(&kernel, &exact, x, "one Gaussian");
                }
            }
        }
    });
}

/// Fails if the loop runs on when every lane is done, or a lane is cut by its neighbours: with two
/// modes all lanes end after two products; with a coarse tolerance each lane is one of the kernels of
/// fixed rank, not all the same one, and the products are those of the last lane.
#[test]
fn tolerance_ends_lane_by_lane() {
    let step = step(0.2);
    let rank = |tolerance| Rank::Tolerance { most: 5, tolerance };
    with_level::<5>(Covariance::Isotropic(&[0.3]), &step, &MEANS_5[..10], |level, x| {
        let kernel = LowRank::new(level, step, rank(1e-9), Trace::Structure, Start::Score).unwrap();
        let (_, count) = with_context(&kernel, 1, |c| kernel.log_density(x, x.x, c));
        assert_eq!(count.hessian_product, 2);
        let moments = HessianMoments::new(level, step);
        assert_same(&kernel, &SecondOrderDense::new(&moments), x, "two modes");
    });
    with_level::<5>(Covariance::Diagonal(&DIAGONAL[..5]), &step, &MEANS_5, |level, x| {
        let kernel =
            |rank| LowRank::new(level, step, rank, Trace::Structure, Start::Score).unwrap();
        let cut = kernel(rank(0.15));
        let y = [splat(0.4), splat(-0.9), splat(0.1), splat(1.2), splat(-0.3)];
        let (found, count) = with_context(&cut, 1, |c| cut.log_density(x, &y, c));
        let found = found.unwrap().to_array();
        let mut used = [0; 8];
        for rank in 1..=5 {
            let fixed = log_density(&kernel(FIXED(rank)), x, &y, 1);
            for l in 0..8 {
                if used[l] == 0 && (found[l] - fixed[l]).abs() < 1e-9 {
                    used[l] = rank;
                }
            }
        }
        let (least, most) = (*used.iter().min().unwrap(), *used.iter().max().unwrap());
        assert!(0 < least && least < most, "{used:?}");
        assert_eq!(count.hessian_product, most as u64);
    });
}

/// A density whose products are those of no covariance: too negative, indefinite, NaN.
struct Wrong;

impl LogDensity for Wrong {
    fn dim(&self) -> usize {
        3
    }
    fn scratch_len(&self) -> usize {
        0
    }
    fn log_density(&self, _: &[f64x8], _: Scratch<'_>) -> Result<f64x8> {
        Ok(f64x8::ZERO)
    }
}

impl Score for Wrong {
    fn log_density_and_score(&self, x: &[f64x8], s: &mut [f64x8], _: Scratch<'_>) -> Result<f64x8> {
        copy(s, x);
        Ok(f64x8::ZERO)
    }
}

impl HessianProduct for Wrong {
    fn hessian_product(
        &self,
        _: &[f64x8],
        v: &[f64x8],
        out: &mut [f64x8],
        _: Scratch<'_>,
    ) -> Result<()> {
        let scale = f64x8::new([-1e3, -1.0, 1e3, f64::NAN, -50.0, f64::INFINITY, 0.0, -1e9]);
        for (i, (o, &v)) in out.iter_mut().zip(v).enumerate() {
            *o = scale * v * splat([1.0, -0.3, 0.6][i]);
        }
        Ok(())
    }
}

/// Fails if any Hessian, whatever its signs and even without numbers, makes the kernel anything but a
/// normalized Gaussian around a finite mean ([`precision`] checks it), or a lane of which nothing is
/// known has another variance than `v/a^2`.
#[test]
fn wrong_hessians_leave_a_gaussian() {
    let x = [splat(0.4), splat(-1.1), splat(0.3)];
    let score = [splat(-0.2), splat(0.7), splat(0.5)];
    let point = Point { x: &x, log_density: f64x8::ZERO, score: &score };
    for (start, trace) in STARTS.into_iter().flat_map(|s| TRACES.map(|t| (s, t))) {
        for (rank, s) in [(1, 0.0), (2, 0.2), (3, 0.2)] {
            match LowRank::new(&Wrong, step(s), FIXED(rank), trace, start) {
                Ok(kernel) => {
                    let matrix = precision(&kernel, point, 1);
                    let widest = 1.0 / step(s).scaled_variance();
                    let error = (matrix[4].to_array()[3] / widest - 1.0).abs();
                    assert!(error < 1e-8, "{trace:?}: {error}");
                }
                Err(error) => assert!(matches!(error, Error::Unsupported { .. })),
            }
        }
    }
}

/// Fails if parameters out of range are taken.
#[test]
fn bad_parameters() {
    let new = |rank, trace| LowRank::new(&Wrong, step(0.2), rank, trace, Start::Score).err();
    assert!(matches!(new(FIXED(0), Trace::Probes(1)), Some(Error::OutOfRange { .. })));
    assert!(matches!(new(FIXED(33), Trace::Probes(1)), Some(Error::OutOfRange { .. })));
    let rank = Rank::Tolerance { most: 2, tolerance: f64::NAN };
    assert!(matches!(new(rank, Trace::Probes(1)), Some(Error::OutOfRange { .. })));
    assert!(matches!(new(FIXED(2), Trace::Probes(0)), Some(Error::Empty { .. })));
    assert!(new(FIXED(32), Trace::Probes(1)).is_none());
}

/// Fails if the tolerance is compared with `beta` in other units than those of the posterior covariance: the lane
/// ends after one step where `v beta_0` is at most that, with `v` about 0.65.
#[test]
fn the_tolerance_is_in_units_of_the_covariance() {
    let step = step(0.2);
    assert!(step.variance < 0.8);
    with_level::<3>(Covariance::Diagonal(&DIAGONAL), &step, &MEANS_3, |level, x| {
        let factor = |rank: Rank, visit: &mut dyn FnMut(&Factor<'_>)| {
            let kernel = LowRank::new(level, step, rank, Trace::Structure, Start::Score).unwrap();
            let (mut memory, mut vector) = ([f64x8::ZERO; 10], [f64x8::ZERO; 3]);
            with_context(&kernel, 1, |context| {
                visit(&kernel.factor(x, &mut memory, &mut vector, context).unwrap());
            });
        };
        // `v beta_0` from the products that the kernel itself makes: `|v H u - (v u.H u) u|`, `u` the unit score.
        let length = dot(x.score, x.score).sqrt();
        let unit: [f64x8; 3] = core::array::from_fn(|i| x.score[i] / length);
        let (mut image, mut room) = ([f64x8::ZERO; 3], [f64x8::ZERO; 128]);
        level.hessian_product(x.x, &unit, &mut image, Scratch::new(&mut room)).unwrap();
        let along = dot(&unit, &image);
        let rest: [f64x8; 3] = core::array::from_fn(|i| image[i] - along * unit[i]);
        let residual = (splat(step.variance) * dot(&rest, &rest).sqrt()).to_array()[2];
        for (factor_of_residual, expected) in [(1.0 - 1e-9, 2.0), (1.0 + 1e-9, 1.0)] {
            let rank = Rank::Tolerance { most: 2, tolerance: residual * factor_of_residual };
            factor(rank, &mut |factor| assert_eq!(factor.rank.to_array()[2], expected));
        }
    });
}
