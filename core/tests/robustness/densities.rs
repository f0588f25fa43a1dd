//! Mixtures and their levels, tempering, affine maps, differences of scores.

use amc_core::density::mixture::AffineMap;
use amc_core::density::{
    Covariance, FiniteDifference, Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel,
    Score, Tempered,
};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use proptest::prelude::*;

use super::numbers::{block, number, numbers, parameters, points, room};

proptest! {
    /// Fails if invalid parameters pass, or a valid mixture has a log-density of `+inf`, or one
    /// that differs between the two ways of asking.
    #[test]
    fn any_mixture_is_refused_or_evaluates(
        dim in 0..4usize,
        kind in 0..3u8,
        weights in numbers(4),
        means in numbers(10),
        variances in numbers(10),
        vectors in numbers(20),
        (alpha, variance) in (number(), number()),
        x in prop::array::uniform3(number()),
    ) {
        let covariance = match kind {
            0 => Covariance::Isotropic(&variances),
            1 => Covariance::Diagonal(&variances),
            _ => Covariance::Full { eigenvalues: &variances, eigenvectors: &vectors },
        };
        let Ok(mixture) = Mixture::new(dim, &weights, &means, covariance) else { return Ok(()) };
        prop_assert!(variances.iter().all(|v| *v > 0.0 && v.is_finite()));
        let mut storage = vec![0.0; MixtureLevel::storage_len(&mixture)];
        let level = MixtureLevel::prepare(&mixture, alpha, variance, &mut storage);
        let Ok(level) = level else { return Ok(()) };
        let x: Vec<f64x8> = x.iter().take(dim).map(|x| f64x8::splat(*x)).collect();
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        let mut score = vec![f64x8::ZERO; dim];
        let p = level.log_density(&x, Scratch::new(&mut memory)).unwrap().to_array()[2];
        let scratch = Scratch::new(&mut memory);
        let again = level.log_density_and_score(&x, &mut score, scratch).unwrap();
        prop_assert_eq!(p.to_bits(), again.to_array()[6].to_bits());
        prop_assert!(p != f64::INFINITY);
    }

    /// Fails if a valid mixture, however far its scales lie apart, has a log-density that is no number at a
    /// point whose square is one, responsibilities that do not sum to one, a Hessian that is not symmetric,
    /// or a product that is not the Hessian's.
    #[test]
    fn valid_levels_keep_their_contract(
        target in parameters(),
        (alpha, variance) in (0.0..1.0f64, 0.0..1.0f64),
        x in points(),
    ) {
        let d = target.dim;
        let x = block(&x, d);
        target.with_level((1.0 - alpha, variance), |level| {
            let mut memory = room(level.hessian_scratch_len() + level.scratch_len());
            let mut score = vec![f64x8::ZERO; d];
            let scratch = Scratch::new(&mut memory);
            let log_p = level.log_density_and_score(&x, &mut score, scratch).unwrap();
            prop_assert!(log_p.to_array().iter().all(|p| *p < f64::INFINITY), "{log_p:?}");
            prop_assert!(score.iter().all(|s| s.is_finite().all()), "{score:?}");
            let mut shares = vec![f64x8::ZERO; level.mixture().components()];
            level.responsibilities(&x, &mut shares, Scratch::new(&mut memory)).unwrap();
            let total = shares.iter().fold(f64x8::ZERO, |sum, &r| sum + r);
            prop_assert!(total.to_array().iter().all(|t| (t - 1.0).abs() < 1e-12), "{total:?}");
            let mut hessian = vec![f64x8::ZERO; d * d];
            level.hessian(&x, &mut hessian, Scratch::new(&mut memory)).unwrap();
            let v: Vec<f64x8> = (0..d).map(|j| f64x8::splat(1.0 - 0.7 * j as f64)).collect();
            let mut product = vec![f64x8::ZERO; d];
            level.hessian_product(&x, &v, &mut product, Scratch::new(&mut memory)).unwrap();
            for lane in 0..8 {
                let at = |i: usize, j: usize| hessian[i * d + j].to_array()[lane];
                let largest = hessian.iter().map(|h| h.to_array()[lane].abs()).fold(0.0, f64::max);
                for i in 0..d {
                    for j in 0..d {
                        let apart = (at(i, j) - at(j, i)).abs();
                        prop_assert!(apart <= 1e-12 * largest, "{} {}", at(i, j), at(j, i));
                    }
                    let sum: f64 = (0..d).map(|j| at(i, j) * v[j].to_array()[lane]).sum();
                    let found = product[i].to_array()[lane];
                    // Terms of the size of score and precision cancel far from a ridge.
                    let size = score.iter().map(|s| s.to_array()[lane].powi(2)).sum::<f64>();
                    let precision = target.variances.iter().map(|l| 1.0 / l).fold(0.0, f64::max);
                    let apart = (found - sum).abs();
                    prop_assert!(apart <= 1e-9 * (size + largest + precision), "{found} {sum}");
                }
            }
            Ok(())
        }).unwrap_or(Ok(()))?;
    }

    /// Fails if an affine map takes a scale that is none, or its inverse does not lead back.
    #[test]
    fn affine_maps_are_refused_or_lead_back(shift in numbers(4), scale in numbers(4)) {
        let Ok(map) = AffineMap::new(&shift, &scale) else { return Ok(()) };
        prop_assert!(shift.len() == scale.len() && map.dim() == shift.len());
        prop_assert!(scale.iter().all(|s| *s > 0.0 && s.is_finite()));
        let before: Vec<f64> = shift.iter().zip(&scale).map(|(m, s)| m + 0.5 * s).collect();
        let mut points = before.clone();
        map.apply(&mut points);
        map.invert(&mut points);
        for ((found, expected), m) in points.iter().zip(&before).zip(&shift) {
            let lost = !found.is_finite() || !expected.is_finite();
            let close = (found - expected).abs() <= 1e-13 * (m.abs() + expected.abs());
            prop_assert!(lost || close, "{found} {expected}");
        }
    }

    /// Fails if an inverse temperature outside [0, 1] passes, or a level between two densities has a
    /// log-density of `+inf`, or NaN where both ends have a number.
    #[test]
    fn tempered_levels_are_refused_or_numbers(
        (first, second) in (parameters(), parameters()),
        beta in prop_oneof![number(), 0.0..1.0f64],
        x in points(),
    ) {
        first.with_level((1.0, 0.0), |reference| {
            second.with_level((1.0, 0.0), |target| {
                let Ok(level) = Tempered::new(reference, target, beta) else {
                    let valid = (0.0..=1.0).contains(&beta) && first.dim == second.dim;
                    prop_assert!(!valid);
                    return Ok(());
                };
                prop_assert!((0.0..=1.0).contains(&beta) && first.dim == second.dim);
                let x = block(&x, first.dim);
                let mut memory = room(level.scratch_len());
                let found = level.log_density(&x, Scratch::new(&mut memory)).unwrap();
                prop_assert!(found.to_array().iter().all(|p| *p < f64::INFINITY), "{found:?}");
                Ok(())
            }).unwrap_or(Ok(()))
        }).unwrap_or(Ok(()))?;
    }

    /// Fails if a length of differences that is none passes, or a product with zero is not zero.
    #[test]
    fn differences_are_refused_or_linear_at_zero(target in parameters(), length in number(), x in points()) {
        target.with_level((1.0, 0.0), |level| {
            let valid = (FiniteDifference::SMALLEST_LENGTH..=f64::MAX).contains(&length);
            let Ok(density) = FiniteDifference::with_length(level, length) else {
                prop_assert!(!valid);
                return Ok(());
            };
            prop_assert!(valid);
            let (d, x) = (target.dim, block(&x, target.dim));
            let (zero, mut out) = (vec![f64x8::ZERO; d], vec![f64x8::splat(f64::NAN); d]);
            let mut memory = room(density.hessian_scratch_len());
            density.hessian_product(&x, &zero, &mut out, Scratch::new(&mut memory)).unwrap();
            prop_assert!(out.iter().all(|o| o.to_array() == [0.0; 8]), "{out:?}");
            Ok(())
        }).unwrap_or(Ok(()))?;
    }
}
