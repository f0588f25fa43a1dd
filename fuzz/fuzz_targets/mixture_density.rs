//! Any numbers, special ones preferred, as mixture and point: no panic, and log p is never +inf.
#![no_main]

use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel, Score};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;

/// A number that is often one of those that break things.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        const SPECIAL: [f64; 10] =
            [0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 1e300, f64::MAX, f64::INFINITY, f64::NAN];
        let choice = usize::from(u.arbitrary::<u8>()?);
        Ok(Self(match SPECIAL.get(choice) {
            Some(&special) => special,
            None if choice < 128 => f64::from(u.arbitrary::<i16>()?) / 100.0,
            None => u.arbitrary()?,
        }))
    }
}

#[derive(Debug, Arbitrary)]
struct Input {
    dim: u8,
    kind: u8,
    weights: Vec<Number>,
    means: Vec<Number>,
    variances: Vec<Number>,
    vectors: Vec<Number>,
    alpha: Number,
    variance: Number,
    x: [Number; 4],
}

fuzz_target!(|input: Input| {
    let dim = usize::from(input.dim % 4) + 1;
    let numbers = |values: &[Number]| values.iter().map(|n| n.0).collect::<Vec<f64>>();
    let (weights, means) = (numbers(&input.weights), numbers(&input.means));
    let (variances, vectors) = (numbers(&input.variances), numbers(&input.vectors));
    let covariance = match input.kind % 3 {
        0 => Covariance::Isotropic(&variances),
        1 => Covariance::Diagonal(&variances),
        _ => Covariance::Full { eigenvalues: &variances, eigenvectors: &vectors },
    };
    let Ok(mixture) = Mixture::new(dim, &weights, &means, covariance) else { return };
    let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
    let level = MixtureLevel::prepare(&mixture, input.alpha.0, input.variance.0, &mut storage);
    let Ok(level) = level else { return };
    let x: Vec<f64x8> = input.x.iter().take(dim).map(|x| f64x8::splat(x.0)).collect();
    let mut score = vec![f64x8::ZERO; dim];
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    let p = level.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()[0];
    let again = level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    assert_eq!(p.to_bits(), again.to_array()[0].to_bits());
    assert!(p != f64::INFINITY);
});
