use crate::density::{
    Covariance, FiniteDifference, Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel,
};
use crate::linalg::symmetric_eigen;
use crate::scratch::Scratch;
use crate::simd::{dot, f64x8, splat};

const D: usize = 3;
/// The last component is so far away that its responsibility vanishes in every lane.
const MEANS: [f64; 12] = [1.6, -0.4, 0.9, -0.7, 1.1, -0.2, 0.3, -1.3, -1.5, 300.0, -250.0, 200.0];
const WEIGHTS: [f64; 4] = [0.2, 0.5, 0.2, 0.1];
const SPREAD: [f64; 12] = [0.5, 0.15, 0.9, 0.25, 0.7, 0.4, 0.8, 0.3, 0.12, 0.4, 0.5, 0.6];

/// Calls `check` with a level of each of the six covariance kinds; true where it has a structure.
fn with_levels(check: impl Fn(&MixtureLevel<'_>, bool)) {
    let mut vectors = [0.0; 36];
    let mut values = [0.0; 12];
    for (k, vectors) in vectors.chunks_mut(9).enumerate() {
        let e = 0.1 * (k + 1) as f64;
        let mut matrix = [0.6 + e, 0.2, -e, 0.2, 0.4, 0.05, -e, 0.05, 0.3 + e];
        symmetric_eigen(&mut matrix, &mut values[3 * k..3 * k + 3], vectors).unwrap();
    }
    let full = |n: usize| Covariance::Full {
        eigenvalues: &values[..3 * n],
        eigenvectors: &vectors[..9 * n],
    };
    let kinds = [
        (Covariance::Isotropic(&SPREAD[..1]), true),
        (Covariance::Isotropic(&SPREAD[..4]), true),
        (Covariance::Diagonal(&SPREAD[..3]), true),
        (Covariance::Diagonal(&SPREAD), true),
        (full(1), true),
        (full(4), false),
    ];
    for (covariance, structured) in kinds {
        let mixture = Mixture::new(D, &WEIGHTS, &MEANS, covariance).unwrap();
        let mut storage = [0.0; 64];
        let storage = &mut storage[..MixtureLevel::storage_len(&mixture)];
        check(&MixtureLevel::prepare(&mixture, 0.8, 0.3, storage).unwrap(), structured);
    }
}

fn point() -> [f64x8; D] {
    core::array::from_fn(|i| {
        f64x8::new(core::array::from_fn(|l| 0.3 * l as f64 - 0.9 * i as f64 * (l % 3) as f64))
    })
}

fn close(found: &[f64x8], expected: &[f64x8], tolerance: f64, what: &str) {
    let size = expected
        .iter()
        .fold(0.0_f64, |max, e| e.to_array().iter().fold(max, |m, e| m.max(e.abs())));
    for (f, e) in found.iter().zip(expected) {
        for (f, e) in f.to_array().into_iter().zip(e.to_array()) {
            assert!((f - e).abs() <= tolerance * size, "{what}: {f} for {e}");
        }
    }
}

/// Fails if a responsibility is not rooted, a precision belongs to another component, the frame is
/// left or entered the wrong way, or a product needs more room than promised. Differences of the
/// score know nothing of the rows that products and the dense Hessian share.
#[test]
fn products_are_those_of_the_hessian() {
    with_levels(|level, _| {
        let (x, mut memory) = (point(), [splat(f64::NAN); 260]);
        let memory = &mut memory[..level.hessian_scratch_len()];
        let mut kept = [splat(f64::NAN); 17];
        let kept = &mut kept[..level.linearization_len()];
        level.linearize(&x, kept, Scratch::new(memory)).unwrap();
        let mut hessian = [f64x8::ZERO; D * D];
        level.hessian(&x, &mut hessian, Scratch::new(memory)).unwrap();
        let v = [splat(0.7), splat(-1.9), f64x8::new([1.0, 2.0, -3.0, 0.5, 0.1, 4.0, -1.0, 0.0])];
        let (mut product, mut alone) = ([f64x8::ZERO; D], [f64x8::ZERO; D]);
        level.linearized_product(kept, &v, &mut product, Scratch::new(memory)).unwrap();
        level.hessian_product(&x, &v, &mut alone, Scratch::new(memory)).unwrap();
        let dense: [f64x8; D] = core::array::from_fn(|i| dot(&hessian[D * i..D * i + D], &v));
        close(&product, &dense, 1e-13, "dense");
        close(&alone, &dense, 1e-13, "alone");
        let difference = FiniteDifference::new(level);
        let mut memory = [f64x8::ZERO; 260];
        let scratch = Scratch::new(&mut memory[..difference.scratch_len()]);
        difference.hessian_product(&x, &v, &mut alone, scratch).unwrap();
        close(&product, &alone, 1e-8, "difference");
    });
}

/// Fails if the structure leaves out a component, keeps a negligible one, or has another sign or
/// scale than the Hessian, and if one is claimed where there is none.
#[test]
fn structure_has_the_trace_of_the_hessian() {
    with_levels(|level, structured| {
        let (x, mut memory) = (point(), [f64x8::ZERO; 260]);
        let mut kept = [f64x8::ZERO; 17];
        let kept = &mut kept[..level.linearization_len()];
        level.linearize(&x, kept, Scratch::new(&mut memory)).unwrap();
        let Some(structure) = level.structure(kept) else {
            assert!(!structured && level.structure_rank() == 0);
            return;
        };
        assert!(structured && level.structure_rank() == 4);
        assert_eq!((structure.rows.len(), structure.diagonal.len()), (3 * D, D));
        let mut hessian = [f64x8::ZERO; D * D];
        level.hessian(&x, &mut hessian, Scratch::new(&mut memory)).unwrap();
        let trace = hessian.iter().step_by(D + 1).fold(f64x8::ZERO, |sum, &h| sum + h);
        close(&[structure.trace()], &[trace], 1e-13, "trace");
    });
}

/// Fails if a linearization of the wrong length is read or filled.
#[test]
fn lengths_are_checked() {
    with_levels(|level, _| {
        let (x, mut memory, mut kept) = (point(), [f64x8::ZERO; 260], [f64x8::ZERO; 17]);
        let short = &mut kept[..level.linearization_len() - 1];
        assert!(level.linearize(&x, short, Scratch::new(&mut memory)).is_err());
        let mut out = [f64x8::ZERO; D];
        let scratch = Scratch::new(&mut memory);
        assert!(level.linearized_product(short, &x, &mut out, scratch).is_err());
        assert!(level.structure(short).is_none());
    });
}
