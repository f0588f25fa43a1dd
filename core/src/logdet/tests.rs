//! Every estimator on matrices whose determinant is known.

extern crate std;

use super::function::MatrixFunction;
use super::lanczos_logarithm::LanczosLogarithm;
use super::series::Series;
use super::testing::{Matrices, estimate, run};
use super::*;
use crate::rng::Stream;
use crate::simd::{dot, f64x8, ln, splat};
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

const LAWS: [ProbeLaw; 2] = [ProbeLaw::Rademacher, ProbeLaw::Gaussian];

/// The stochastic estimators, truncated late enough for the matrices of these tests.
fn stochastic(vectors: usize, law: ProbeLaw) -> Vec<(String, Box<dyn LogDeterminant>)> {
    let mut all: Vec<(String, Box<dyn LogDeterminant>)> = Vec::new();
    all.push(("power series".into(), Box::new(PowerSeries::new(40, vectors, law).unwrap())));
    let quadrature = LanczosQuadrature::new(10, vectors, law).unwrap();
    all.push(("Lanczos quadrature".into(), Box::new(quadrature)));
    for logarithm in [
        Logarithm::Series { terms: 41 },
        Logarithm::Recentred { terms: 40, steps: 8 },
        Logarithm::Lanczos { steps: 10 },
    ] {
        let estimator = HutchPlusPlus::new(logarithm, vectors, law).unwrap();
        all.push((format!("{logarithm:?}"), Box::new(estimator)));
    }
    all
}

fn symmetric(d: usize) -> Matrices {
    Matrices::with_spectrum(d, |lane, i| {
        0.1 * lane as f64 - 0.55 + 0.5 * (i * i % 7) as f64 / (7.0 + lane as f64)
    })
}

/// Fails if a sign, a factor or an index is wrong in any estimator: exact ones to rounding, the others
/// within 7 standard errors and their bound, on symmetric matrices and on others.
#[test]
fn values_are_those_of_the_determinant() {
    const D: usize = 10;
    let operators = [symmetric(D), Matrices::general(D, 3, 0.5)];
    for operator in &operators {
        let truth: [f64; 8] = core::array::from_fn(|lane| operator.log_determinant(lane));
        let (dense, products) = estimate(&Dense, operator, 1);
        assert_eq!((dense.probes, dense.not_positive.to_bitmask(), products), (0, 0, D as u64));
        for (value, truth) in dense.value.to_array().iter().zip(&truth) {
            assert!((value - truth).abs() < 1e-13);
        }
        for law in LAWS {
            for (name, estimator) in stochastic(15, law) {
                let (estimate, _) = estimate(&*estimator, operator, 2);
                assert_eq!(estimate.probes, estimator.probes(D), "{name}");
                assert_eq!(estimate.not_positive.to_bitmask(), 0, "{name}");
                for lane in 0..8 {
                    let error = estimate.value.to_array()[lane] - truth[lane];
                    let deviation = libm::sqrt(estimate.variance.to_array()[lane]);
                    let bound = estimate.bound.to_array()[lane];
                    assert!(deviation > 1e-6 && deviation < 1.0 && bound < 1e-3, "{name} {bound}");
                    assert!(error.abs() < 7.0 * deviation + bound, "{name} {lane}: {error}");
                }
            }
        }
    }
}

/// Fails if the sketch is built wrongly: where it spans the space, or the whole range of a matrix of low
/// rank, the trace is exact whatever the probes.
#[test]
fn a_sketch_of_everything_is_exact() {
    const D: usize = 12;
    let full = symmetric(D);
    // Rank 2, and a spectral radius that makes the plain series converge.
    let low = Matrices::with_spectrum(D, |lane, i| match i {
        2 => 0.6 - 0.05 * lane as f64,
        7 => -0.5 + 0.03 * lane as f64,
        _ => 0.0,
    });
    for (operator, vectors, probes) in [(&full, 3 * D, 0), (&low, 12, 4)] {
        for (name, estimator) in stochastic(vectors, ProbeLaw::Rademacher).split_off(2) {
            if probes > 0 && !name.contains("Series") {
                // About another center the matrix is not of low rank.
                continue;
            }
            let (estimate, _) = estimate(&*estimator, operator, 2);
            assert_eq!((estimate.probes, estimator.probes(D)), (probes, probes));
            for lane in 0..8 {
                let error = estimate.value.to_array()[lane] - operator.log_determinant(lane);
                let bound = estimate.bound.to_array()[lane];
                assert!(error.abs() <= bound + 1e-12 && bound < 1e-6, "{name}: {error} {bound}");
                assert!(estimate.variance.to_array()[lane] < 1e-24, "{name}");
            }
        }
    }
}

/// Fails if a bound is not one, or useless: with few terms the error of the exact trace lies between
/// 1/300 and 1 of its bound (the Lanczos bound is the difference to one step less), also where the
/// radius of `M` is 3 and the plain series has no bound.
#[test]
fn bounds_of_truncation() {
    const D: usize = 14;
    let narrow =
        Matrices::with_spectrum(D, |lane, i| -0.6 + (0.08 + 0.003 * lane as f64) * i as f64);
    let wide = Matrices::with_spectrum(D, |lane, i| -0.8 + (0.27 + 0.003 * lane as f64) * i as f64);
    for (operator, terms, steps) in [(&narrow, 6, 3), (&wide, 8, 4)] {
        for logarithm in [
            Logarithm::Series { terms },
            Logarithm::Recentred { terms, steps: 9 },
            Logarithm::Lanczos { steps },
        ] {
            let plain = matches!(logarithm, Logarithm::Series { .. });
            let estimator = HutchPlusPlus::new(logarithm, 3 * D, ProbeLaw::Rademacher).unwrap();
            let (estimate, _) = estimate(&estimator, operator, 5);
            for lane in 0..8 {
                let error = estimate.value.to_array()[lane] - operator.log_determinant(lane);
                let bound = estimate.bound.to_array()[lane];
                if plain && terms == 8 {
                    assert_eq!(bound, f64::INFINITY);
                    continue;
                }
                let share = error.abs() / bound;
                assert!((1e-3..1.0).contains(&share), "{logarithm:?}: {error} {bound}");
            }
        }
    }
}

/// Fails if the bound of an estimate from probes is that of another number of probes or of the whole
/// logarithm where it is halved: with the same probes and more terms the value moves by 1/300 to 1 of it.
#[test]
fn bounds_of_estimates() {
    const D: usize = 14;
    let symmetric =
        Matrices::with_spectrum(D, |lane, i| -0.6 + (0.08 + 0.003 * lane as f64) * i as f64);
    let general = Matrices::general(D, 3, 0.9);
    let law = ProbeLaw::Rademacher;
    let series = |terms| Box::new(PowerSeries::new(terms, 9, law).unwrap()) as Box<_>;
    let quadrature = |steps| Box::new(LanczosQuadrature::new(steps, 9, law).unwrap()) as Box<_>;
    type Pair = (&'static str, Box<dyn LogDeterminant>, Box<dyn LogDeterminant>);
    let pairs: [Pair; 2] = [
        ("power series", series(6), series(64)),
        ("Lanczos quadrature", quadrature(3), quadrature(14)),
    ];
    for (operator, of) in [(&symmetric, "symmetric"), (&general, "general")] {
        for (name, short, long) in &pairs {
            // The radius of a general matrix is seen from below; its powers may do without the bound.
            if of == "general" && *name == "power series" {
                continue;
            }
            let (cut, full) = (estimate(&**short, operator, 5).0, estimate(&**long, operator, 5).0);
            for lane in 0..8 {
                let error = (cut.value - full.value).abs().to_array()[lane];
                let share = error / cut.bound.to_array()[lane];
                assert!((1.0 / 300.0..1.0).contains(&share), "{name}, {of}: {error} {share}");
            }
        }
    }
}

/// Fails if half the logarithm keeps the variance or the bound of the whole.
#[test]
fn half_the_logarithm() {
    let [value, variance, bound] = [3.0, 8.0, 0.5].map(splat);
    let whole = Estimate { value, variance, probes: 7, bound, not_positive: f64x8::ZERO };
    let half = whole.halved();
    let parts = [half.value, half.variance, half.bound].map(|part| part.to_array()[6]);
    assert_eq!((parts, half.probes), ([1.5, 2.0, 0.25], 7));
}

/// Fails if products are wasted or counted wrongly.
#[test]
fn products_are_as_documented() {
    let (symmetric, general) = (symmetric(20), Matrices::general(20, 2, 0.4));
    let power = |terms| PowerSeries::new(terms, 5, ProbeLaw::Rademacher).unwrap();
    let products = |estimator: &dyn LogDeterminant, m: &Matrices| estimate(estimator, m, 1).1;
    assert_eq!(products(&power(6), &symmetric), 5 * 3);
    assert_eq!(products(&power(7), &symmetric), 5 * 4);
    assert_eq!(products(&power(7), &general), 5 * 7);
    // Three steps exhaust neither space; where one is exhausted the products end.
    let quadrature = |steps| LanczosQuadrature::new(steps, 5, ProbeLaw::Rademacher).unwrap();
    assert_eq!(products(&quadrature(3), &symmetric), 5 * 3);
    assert_eq!(products(&quadrature(3), &general), 5 * 3 * 2);
    assert!(products(&quadrature(30), &symmetric) <= 5 * 20);
    // 10 vectors: 4 applications, 4 forms of the sketch, 1 for the level outside, 2 of probes.
    let hutchpp = |logarithm| HutchPlusPlus::new(logarithm, 10, ProbeLaw::Rademacher).unwrap();
    let series = hutchpp(Logarithm::Series { terms: 7 });
    assert_eq!(products(&series, &symmetric), 4 * 7 + 7 * 4);
    assert_eq!(products(&series, &general), 11 * 7);
    let recentred = hutchpp(Logarithm::Recentred { terms: 7, steps: 3 });
    assert_eq!(products(&recentred, &symmetric), 4 * 7 + 7 * 4 + 3);
    assert_eq!(products(&recentred, &general), 2 * (4 * 7 + 7 * 4 + 3));
    assert_eq!(products(&hutchpp(Logarithm::Lanczos { steps: 3 }), &symmetric), 12 * 3);
}

/// Fails if a workspace is longer than what is used, shorter than needed (every estimate of these
/// tests runs on exactly `scratch_len`), or a number out of range is accepted.
#[test]
fn workspaces_and_ranges() {
    let operator = Matrices::general(9, 4, 0.3);
    let mut all = stochastic(9, ProbeLaw::Gaussian);
    all.push(("dense".into(), Box::new(Dense)));
    let recentred = Logarithm::Recentred { terms: 2, steps: 12 };
    let estimator = HutchPlusPlus::new(recentred, 9, ProbeLaw::Gaussian).unwrap();
    all.push(("long start".into(), Box::new(estimator)));
    for (name, estimator) in all {
        let len = estimator.scratch_len(operator.shape());
        assert!(run(len, 1, |context| estimator.estimate(&operator, context)).is_ok(), "{name}");
        let short = run(len - 1, 1, |context| estimator.estimate(&operator, context));
        assert!(matches!(short, Err(Error::Scratch { .. })), "{name}");
    }
    let law = ProbeLaw::Gaussian;
    assert!(PowerSeries::new(0, 2, law).is_err() && PowerSeries::new(65, 2, law).is_err());
    assert!(PowerSeries::new(1, 1, law).is_err() && PowerSeries::new(1, 4097, law).is_err());
    assert!(LanczosQuadrature::new(33, 2, law).is_err());
    assert!(LanczosQuadrature::new(3, 1, law).is_err());
    for logarithm in [
        Logarithm::Series { terms: 0 },
        Logarithm::Recentred { terms: 0, steps: 3 },
        Logarithm::Recentred { terms: 3, steps: 33 },
        Logarithm::Lanczos { steps: 0 },
    ] {
        assert!(HutchPlusPlus::new(logarithm, 9, law).is_err());
    }
    assert!(HutchPlusPlus::new(Logarithm::Lanczos { steps: 3 }, 7, law).is_err());
}

/// Fails if a lane sees its neighbour: NaN in lane 3 must leave the bits of all others, whose matrices
/// differ, and must not pass for a matrix that is not positive definite.
#[test]
fn a_lane_that_goes_nan_stays_alone() {
    for symmetric_ones in [true, false] {
        let make = || if symmetric_ones { symmetric(9) } else { Matrices::general(9, 6, 0.4) };
        let (good, mut bad) = (make(), make());
        bad.spoil(3, f64::NAN);
        let mut all = stochastic(9, ProbeLaw::Rademacher);
        all.push(("dense".into(), Box::new(Dense)));
        for (name, estimator) in all {
            let (good, bad) = (estimate(&*estimator, &good, 2).0, estimate(&*estimator, &bad, 2).0);
            assert!(bad.value.to_array()[3].is_nan(), "{name}");
            assert_eq!(bad.not_positive.to_bitmask(), 0, "{name}");
            for lane in (0..8).filter(|&lane| lane != 3) {
                for of in
                    [|e: &Estimate| e.value, |e: &Estimate| e.variance, |e: &Estimate| e.bound]
                {
                    let (good, bad) = (of(&good).to_array()[lane], of(&bad).to_array()[lane]);
                    assert!(good.to_bits() == bad.to_bits(), "{name} {lane}: {good} {bad}");
                }
            }
        }
    }
}

/// 25 blocks of eight symmetric `I + M` of dimension 8 to 16 with spectra spread over `[0.05, 4]`; with
/// `hidden`, one eigenvalue is between -0.02 and -0.001.
fn spread_out(hidden: bool) -> impl Iterator<Item = Matrices> {
    (0..25).map(move |block: usize| {
        let d = 8 + block % 9;
        let mut stream: Stream = testing::stream(100 + block as u64);
        let mut uniforms: Vec<[f64; 8]> = (0..d).map(|_| stream.uniforms().to_array()).collect();
        uniforms[d / 3].iter_mut().for_each(|u| *u = if hidden { *u - 2.0 } else { *u });
        Matrices::seeded(d, block as u64, move |lane, i| {
            let u = uniforms[i][lane];
            let eigenvalue = if u < 0.0 { 0.019 * (u + 1.0) - 0.001 } else { 0.05 + 3.95 * u };
            eigenvalue - 1.0
        })
    })
}

/// Fails if one of 200 matrices with a hidden negative eigenvalue is missed, or one of 200 positive
/// definite ones is marked, by any estimator that can see it; a marked lane is NaN.
#[test]
fn indefinite_matrices_are_detected() {
    let law = ProbeLaw::Rademacher;
    let estimators: [Box<dyn LogDeterminant>; 4] = [
        Box::new(Dense),
        Box::new(HutchPlusPlus::new(Logarithm::Recentred { terms: 3, steps: 16 }, 9, law).unwrap()),
        Box::new(LanczosQuadrature::new(16, 2, law).unwrap()),
        Box::new(HutchPlusPlus::new(Logarithm::Lanczos { steps: 16 }, 9, law).unwrap()),
    ];
    for hidden in [true, false] {
        for operator in spread_out(hidden) {
            for (i, estimator) in estimators.iter().enumerate() {
                let (estimate, _) = estimate(&**estimator, &operator, 3);
                let expected = if hidden { 0xff } else { 0 };
                assert_eq!(estimate.not_positive.to_bitmask(), expected, "{i}");
                assert!(estimate.value.to_array().iter().all(|v| v.is_nan() == hidden), "{i}");
            }
        }
    }
}

/// Fails if a negative determinant of a matrix that is not symmetric passes, or a singular one.
#[test]
fn negative_determinants_are_marked() {
    let mut operator = Matrices::general(3, 1, 0.1);
    // I + M = [[0, a, 0], [1, 0, 0], [0, 0, 1]]: determinant -a.
    let a = [1.0, -1.0, 0.0, 2.0, -2.0, 1e-9, -1e-9, f64::NAN];
    let minus = f64x8_of([-1.0; 8]);
    let zero = f64x8_of([0.0; 8]);
    let one = f64x8_of([1.0; 8]);
    operator.entries = [minus, f64x8_of(a), zero, one, minus, zero, zero, zero, zero].to_vec();
    let (estimate, _) = estimate(&Dense, &operator, 1);
    assert_eq!(estimate.not_positive.to_bitmask(), 0b0010_1101);
    for (lane, value) in estimate.value.to_array().into_iter().enumerate() {
        if a[lane] < 0.0 {
            assert!((value - libm::log(-a[lane])).abs() < 1e-15);
        } else {
            assert!(value.is_nan());
        }
    }
}

fn f64x8_of(lanes: [f64; 8]) -> f64x8 {
    f64x8::new(lanes)
}

/// Fails if the lemma has a wrong sign or scale, a small `M` loses its digits (to first order the value
/// is the trace), or a lane outside the lemma is not marked.
#[test]
fn structured_determinants() {
    for rank in [0, 1, 4] {
        let operator = Matrices::structured(11, rank, 0.7, 1.2);
        let (estimate_of_it, products) = estimate(&Structured, &operator, 1);
        assert_eq!(products, 0);
        for lane in 0..8 {
            let truth = operator.log_determinant(lane);
            assert!((estimate_of_it.value.to_array()[lane] - truth).abs() < 1e-13);
        }
        let small = Matrices::structured(11, rank, 1e-13, 1.2);
        let (estimate_of_small, _) = estimate(&Structured, &small, 1);
        let trace = small.structure().unwrap().trace().to_array();
        for (value, trace) in estimate_of_small.value.to_array().into_iter().zip(trace) {
            assert!((value / trace - 1.0).abs() < 1e-11, "{value} {trace}");
        }
    }
    let mut bad = Matrices::structured(11, 2, 0.7, 1.2);
    let (_, diagonal, rows) = bad.structure.as_mut().unwrap();
    let mut lanes = diagonal[4].to_array();
    (lanes[2], lanes[5]) = (1.0 / 0.7, 2.0);
    diagonal[4] = f64x8_of(lanes);
    let mut lanes = rows[3].to_array();
    lanes[6] = f64::NAN;
    rows[3] = f64x8_of(lanes);
    let (estimate_of_bad, _) = estimate(&Structured, &bad, 1);
    assert_eq!(estimate_of_bad.not_positive.to_bitmask(), 0b0010_0100);
    let nan = estimate_of_bad.value.to_array().map(f64::is_nan);
    assert_eq!(nan, [false, false, true, false, false, true, true, false]);
    let none = run(999, 1, |context| Structured.estimate(&symmetric(4), context));
    assert!(matches!(none, Err(Error::Unsupported { .. })));
    let operator = Matrices::structured(6, 3, 0.5, 1.0);
    let len = Structured.scratch_len(operator.shape());
    assert!(run(len - 1, 1, |context| Structured.estimate(&operator, context)).is_err());
}

/// Fails if a series of odd length takes a term too many, or the signs start wrongly: signs make no noise
/// on diagonal matrices, so the value is the truncated series itself.
#[test]
fn series_have_as_many_terms_as_asked_for() {
    const D: usize = 5;
    let mut operator = symmetric(D);
    for (index, entry) in operator.entries.iter_mut().enumerate() {
        let lanes =
            core::array::from_fn(|lane| 0.4 - 0.13 * index as f64 / 6.0 + 0.02 * lane as f64);
        *entry = f64x8_of(if index % (D + 1) == 0 { lanes } else { [0.0; 8] });
    }
    for symmetric in [true, false] {
        operator.symmetric = symmetric;
        for terms in 1..8 {
            let series = PowerSeries::new(terms, 3, ProbeLaw::Rademacher).unwrap();
            let (estimate, _) = estimate(&series, &operator, 4);
            for lane in 0..8 {
                let eigenvalues = (0..D).map(|i| operator.entries[i * (D + 1)].to_array()[lane]);
                let truth: f64 = eigenvalues
                    .map(|l| (1..=terms).map(|k| -libm::pow(-l, k as f64) / k as f64).sum::<f64>())
                    .sum();
                assert!((estimate.value.to_array()[lane] - truth).abs() < 1e-14, "{terms}");
                assert!(estimate.variance.to_array()[lane] < 1e-28);
            }
        }
    }
}

/// Fails if applying a function and its quadratic form disagree: wrong eigenvectors, or the center
/// taken out of another entry than the first.
#[test]
fn actions_and_forms_agree() {
    const D: usize = 7;
    let operator = symmetric(D);
    let center = f64x8_of([0.6, 1.5, 0.8, 1.1, 0.9, 1.2, 1.3, 0.7]);
    let functions: [Box<dyn MatrixFunction>; 2] = [
        Box::new(Series::new(9, center, f64x8_of([0.0; 8]))),
        Box::new(LanczosLogarithm::new(D).centered(ln(center))),
    ];
    let v: [_; D] =
        core::array::from_fn(|i| f64x8_of([1.0 + i as f64 * 0.3 - (i * i) as f64 / 9.0; 8]));
    let w: [_; D] = core::array::from_fn(|i| f64x8_of([(i * i % 5) as f64 - 1.3; 8]));
    for mut function in functions {
        let (mut of_v, mut of_w) = ([f64x8_of([f64::NAN; 8]); D], [f64x8_of([f64::NAN; 8]); D]);
        let form = run(400, 1, |mut context| {
            function.apply(&operator, &v, &mut of_v, context.reborrow()).unwrap();
            function.apply(&operator, &w, &mut of_w, context.reborrow()).unwrap();
            function.quadratic_form(&operator, &v, context).unwrap().value
        });
        // v^T F v twice, and w^T F v = v^T F w.
        for (a, b) in [(form, dot(&v, &of_v)), (dot(&w, &of_v), dot(&v, &of_w))] {
            for (a, b) in a.to_array().into_iter().zip(b.to_array()) {
                assert!((a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} {b}");
            }
        }
    }
}
