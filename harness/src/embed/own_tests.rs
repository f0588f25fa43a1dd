use super::*;
use crate::embed::Target;

/// `log gamma(x) = -x_0^4 - x_0 x_1^2/2 + 2 x_1 - x_2^2 (x_0 + 3)`: no symmetry, no constant Hessian.
struct Cubic(Derivatives);

fn value(x: [f64; 3]) -> f64 {
    -x[0].powi(4) - 0.5 * x[0] * x[1] * x[1] + 2.0 * x[1] - x[2] * x[2] * (x[0] + 3.0)
}

fn gradient(x: [f64; 3]) -> [f64; 3] {
    [
        -4.0 * x[0].powi(3) - 0.5 * x[1] * x[1] - x[2] * x[2],
        2.0 - x[0] * x[1],
        -2.0 * x[2] * (x[0] + 3.0),
    ]
}

fn hessian_times(x: [f64; 3], v: [f64; 3]) -> [f64; 3] {
    [
        -12.0 * x[0] * x[0] * v[0] - x[1] * v[1] - 2.0 * x[2] * v[2],
        -x[1] * v[0] - x[0] * v[1],
        -2.0 * x[2] * v[0] - 2.0 * (x[0] + 3.0) * v[2],
    ]
}

impl Target for Cubic {
    fn log_density(&self, x: &[f64]) -> f64 {
        value([x[0], x[1], x[2]])
    }

    fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
        let x = [x[0], x[1], x[2]];
        score.copy_from_slice(&gradient(x));
        (self.0 >= Derivatives::Score).then(|| value(x))
    }

    fn hessian_product(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> Option<()> {
        out.copy_from_slice(&hessian_times([x[0], x[1], x[2]], [v[0], v[1], v[2]]));
        (self.0 >= Derivatives::HessianProduct).then_some(())
    }
}

const SHIFT: [f64; 3] = [0.3, -1.0, 2.0];
const SCALE: [f64; 3] = [0.5, 3.0, 0.25];

fn own(target: &Cubic, step: Option<f64>) -> OwnDensity<'_> {
    let map = AffineMap { shift: SHIFT.to_vec(), scale: SCALE.to_vec() };
    OwnDensity::new(Held::Borrowed(target), map, step)
}

/// Points of 19 blocks, more than one call takes.
fn points() -> Vec<f64x8> {
    let number = |i: usize, lane: usize| (0.37 * (8 * i + lane) as f64).sin();
    (0..19 * 3).map(|i| f64x8::new(std::array::from_fn(|lane| number(i, lane)))).collect()
}

/// Numbers of one coordinate vector by particle.
fn column(x: &[f64x8], block: usize, lane: usize) -> [f64; 3] {
    std::array::from_fn(|j| x[3 * block + j].to_array()[lane])
}

/// The point of a particle in the target's own coordinates.
fn place(x: &[f64x8], block: usize, lane: usize) -> [f64; 3] {
    let y = column(x, block, lane);
    std::array::from_fn(|j| SHIFT[j] + SCALE[j] * y[j])
}

/// Fails if a value or a score belongs to another point, a scale is left out, taken twice or divided by, its logarithm
/// is missing in the density, or the sign of a score is wrong; offered or by differences.
#[test]
fn values_and_scores_in_standardized_coordinates() {
    let log_scale: f64 = SCALE.iter().map(|s| s.ln()).sum();
    let x = points();
    let cases = [
        (Derivatives::Score, None, 1e-13),
        (Derivatives::None, Some(1e-4), 1e-6),
        (Derivatives::None, None, f64::NAN),
    ];
    for (offers, step, tolerance) in cases {
        let target = Cubic(offers);
        let density = own(&target, step);
        let mut memory = vec![splat(0.0); density.scratch_len()];
        let (mut p, mut alone) = (vec![splat(0.0); 19], vec![splat(0.0); 19]);
        let mut score = vec![splat(0.0); 3 * 19];
        let scratch = Scratch::new(&mut memory);
        density.log_densities_and_scores(&x, &mut score, &mut p, scratch).unwrap();
        density.log_densities(&x, &mut alone, Scratch::new(&mut memory)).unwrap();
        assert_eq!(p, alone);
        for block in 0..19 {
            for lane in 0..8 {
                let at = place(&x, block, lane);
                let expected = value(at) + log_scale;
                assert!((p[block].to_array()[lane] - expected).abs() < 1e-12 * expected.abs());
                let (found, slope) = (column(&score, block, lane), gradient(at));
                for j in 0..3 {
                    let (found, expected) = (found[j], SCALE[j] * slope[j]);
                    let close = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
                    assert!(close || (tolerance.is_nan() && found.is_nan()), "{found} {expected}");
                }
            }
        }
    }
}

/// Fails if a product has a wrong sign, a scale on one side only, or that of another direction; offered, by differences
/// of an offered score, and by differences of differences. And if they are offered where there are none.
#[test]
fn products_in_standardized_coordinates() {
    let x = points();
    let cases = [
        (Derivatives::HessianProduct, None, 1e-12, true),
        (Derivatives::Score, Some(1e-4), 1e-6, true),
        (Derivatives::None, Some(1e-3), 1e-4, true),
        (Derivatives::Score, None, 0.0, false),
        (Derivatives::None, None, 0.0, false),
    ];
    for (offers, step, tolerance, offered) in cases {
        let target = Cubic(offers);
        let density = own(&target, step);
        let Some(products) = density.hessian_product() else {
            assert!(!offered);
            continue;
        };
        assert!(offered);
        // Linearized products are given this much.
        let mut memory = vec![splat(0.0); products.scratch_len()];
        let v = [splat(0.7), splat(-0.4), splat(1.3)];
        let (mut out, mut kept) = ([splat(0.0); 3], [splat(0.0); 3]);
        products.linearize(&x[6..9], &mut kept, Scratch::new(&mut memory)).unwrap();
        products.linearized_product(&kept, &v, &mut out, Scratch::new(&mut memory)).unwrap();
        for lane in 0..8 {
            let scaled = [0.7 * SCALE[0], -0.4 * SCALE[1], 1.3 * SCALE[2]];
            let expected = hessian_times(place(&x, 2, lane), scaled);
            let found = column(&out, 0, lane);
            for j in 0..3 {
                let (found, expected) = (found[j], SCALE[j] * expected[j]);
                assert!((found - expected).abs() < tolerance * 10.0, "{found} {expected}");
            }
        }
        let mut evaluations = Evaluations::default();
        products.count_product(&mut evaluations);
        let exact = offers == Derivatives::HessianProduct;
        assert_eq!(
            (evaluations.hessian_product, evaluations.score),
            if exact { (1, 0) } else { (0, 2) }
        );
    }
}

/// Fails if a target is asked about a point that is none, or the answer about another place is taken for it.
#[test]
fn points_that_are_none_are_not_asked_about() {
    struct Strict;
    impl Target for Strict {
        fn log_density(&self, x: &[f64]) -> f64 {
            assert!(x.iter().all(|x| x.is_finite()), "{x:?}");
            x[0]
        }
        fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
            score.fill(1.0);
            Some(self.log_density(x))
        }
        fn hessian_product(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> Option<()> {
            out.copy_from_slice(v);
            self.log_density(x).is_finite().then_some(())
        }
    }
    let map = AffineMap { shift: vec![1.0, 2.0], scale: vec![0.5, 3.0] };
    let density = OwnDensity::new(Held::Borrowed(&Strict), map, None);
    let mut memory = vec![splat(0.0); density.scratch_len()];
    let bad = |at: usize, value: f64| {
        f64x8::new(std::array::from_fn(|lane| if lane == at { value } else { 0.25 }))
    };
    let x = [bad(2, f64::NAN), splat(1.0), splat(0.0), bad(7, f64::INFINITY)];
    let (mut p, mut score) = ([splat(0.0); 2], [splat(0.0); 4]);
    let is_lost = |block: usize, lane: usize| (block, lane) == (0, 2) || (block, lane) == (1, 7);
    for scored in [false, true] {
        let scratch = Scratch::new(&mut memory);
        match scored {
            true => density.log_densities_and_scores(&x, &mut score, &mut p, scratch).unwrap(),
            false => density.log_densities(&x, &mut p, scratch).unwrap(),
        }
        for block in 0..2 {
            for lane in 0..8 {
                assert_eq!(p[block].to_array()[lane].is_nan(), is_lost(block, lane));
                let slope = score[2 * block].to_array()[lane];
                assert!(!scored || slope.is_nan() == is_lost(block, lane));
            }
        }
    }
    let (v, mut out) = ([splat(1.0), splat(2.0)], [splat(0.0); 2]);
    let scratch = Scratch::new(&mut memory);
    HessianProduct::hessian_product(&density, &x[..2], &v, &mut out, scratch).unwrap();
    for lane in 0..8 {
        assert_eq!(out[1].to_array()[lane].is_nan(), lane == 2);
    }
}
