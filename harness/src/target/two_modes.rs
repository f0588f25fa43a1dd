//! TwoModes(d, a) \[Grenioux25\]: two well-separated modes of unequal weight.
//!
//! `gamma = (2/3) N(-a 1, Sigma) + (1/3) N(+a 1, Sigma)`, `Sigma = 0.05 I`. After coordinate-wise
//! standardization, with `S^2 = 0.05 + 8 a^2 / 9`, the means are `-(2a/3)/S` and `+(4a/3)/S` and
//! the variance is `0.05/S^2`. Published difficulties: easy (16, 1), medium (32, 5), hard
//! (128, 5).

use super::rotation::{random_orthogonal, rotated};
use super::{Conditioning, Covariance, MixtureParameters, TargetError, check_size};

const VARIANCE: f64 = 0.05;

impl Conditioning {
    /// Power of ten of the smallest variance: `0.05 diag(10^linspace(lowest, 0, d))`, where `d = 1`
    /// has the first value alone.
    fn lowest_exponent(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Medium => -1.0,
            Self::Hard => -2.0,
        }
    }
}

/// Parameters of TwoModes(d, a).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoModes {
    /// Dimension `d`.
    pub dim: usize,
    /// Half the distance `a` of the modes in every coordinate; greater than 0.
    pub a: f64,
    /// Conditioning of the shared covariance.
    pub conditioning: Conditioning,
    /// Whether the covariance is rotated by a random orthogonal matrix, which makes it full.
    /// The isotropic covariance is the same after any rotation and stays isotropic, so that a
    /// grid over conditioning and rotation needs no exception.
    pub rotate: bool,
    /// Seed of the rotation; without one it has no effect.
    pub seed: u64,
}

impl TwoModes {
    /// TwoModes(d, a) with the isotropic covariance.
    pub fn new(dim: usize, a: f64) -> Self {
        Self { dim, a, conditioning: Conditioning::None, rotate: false, seed: 0 }
    }

    /// The unstandardized mixture, with one shared covariance.
    ///
    /// # Errors
    /// [`TargetError::Parameter`] for `dim` 0 or too large, or `a` not finite or not above 0.
    pub fn parameters(&self) -> Result<MixtureParameters, TargetError> {
        let Self { dim, a, conditioning, .. } = *self;
        let full = self.rotates();
        check_size("two-modes", dim, 2, if full { dim.saturating_mul(dim) } else { dim })?;
        if !(a.is_finite() && a > 0.0) {
            return Err(TargetError::Parameter {
                target: "two-modes",
                parameter: "a",
                value: a.to_string(),
                allowed: "a finite number greater than 0".into(),
            });
        }
        let covariance = match conditioning {
            Conditioning::None => Covariance::Isotropic(vec![VARIANCE]),
            _ if full => {
                let rotation = random_orthogonal(self.seed, dim);
                Covariance::Full(rotated(&rotation, &self.variances()))
            }
            _ => Covariance::Diagonal(self.variances()),
        };
        let mut means = vec![-a; dim];
        means.resize(2 * dim, a);
        Ok(MixtureParameters {
            name: self.name(),
            dim,
            weights: vec![2.0 / 3.0, 1.0 / 3.0],
            means,
            covariance,
            origin: self.origin(),
        })
    }

    /// Whether the rotation changes anything.
    fn rotates(&self) -> bool {
        self.rotate && self.conditioning != Conditioning::None
    }

    /// Variances before rotation, `[d]`.
    fn variances(&self) -> Vec<f64> {
        let lowest = self.conditioning.lowest_exponent();
        let last = (self.dim - 1).max(1) as f64;
        let variance = |i| VARIANCE * libm::pow(10.0, lowest * (1.0 - i as f64 / last));
        (0..self.dim).map(variance).collect()
    }

    fn name(&self) -> String {
        let mut name = format!("two-modes-d{}-a{}", self.dim, self.a);
        if self.conditioning != Conditioning::None {
            name += &format!("-{}", self.conditioning.name());
        }
        if self.rotates() {
            name += &format!("-rotated{}", self.seed);
        }
        name
    }

    fn origin(&self) -> String {
        let rotation = match self.rotates() {
            true => format!(", rotated with seed {}", self.seed),
            false => String::new(),
        };
        format!(
            "TwoModes(d = {}, a = {}), conditioning {}{rotation}",
            self.dim,
            self.a,
            self.conditioning.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Standardize, moments, standardize};

    /// Fails when weights are swapped, the standardization uses another variance than
    /// `0.05 + 8 a^2/9`, or the shared isotropic covariance is expanded.
    #[test]
    fn standardized_modes_have_the_closed_form() {
        for (dim, a) in [(1, 0.3), (16, 1.0), (128, 5.0), (2, 1e6)] {
            let parameters = TwoModes::new(dim, a).parameters().unwrap();
            let (mapped, map) = standardize(&parameters, Standardize::Diagonal).unwrap();
            let deviation = (0.05 + 8.0 * a * a / 9.0).sqrt();
            let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-13;
            for i in 0..dim {
                assert!(close(mapped.mean(0)[i], -(2.0 * a / 3.0) / deviation));
                assert!(close(mapped.mean(1)[i], 4.0 * a / 3.0 / deviation));
                assert!(close(map.shift[i], -a / 3.0) && close(map.scale[i], deviation));
            }
            assert_eq!(mapped.covariance.kind(), "isotropic");
            assert!(mapped.shares_covariance());
            assert!(close(mapped.variance(1, dim - 1), 0.05 / (deviation * deviation)));
        }
    }

    /// Fails when the exponents run the wrong way, miss an end or are linear in the variance.
    #[test]
    fn conditioning_spans_its_decades() {
        let cases: [(Conditioning, &[f64]); 3] = [
            (Conditioning::Medium, &[0.005, 0.05 / 10f64.sqrt(), 0.05]),
            (Conditioning::Hard, &[0.0005, 0.005, 0.05]),
            (Conditioning::Hard, &[0.0005]),
        ];
        for (conditioning, expected) in cases {
            let target = TwoModes { conditioning, ..TwoModes::new(expected.len(), 1.0) };
            let mixture = target.parameters().unwrap();
            assert_eq!(
                (mixture.covariance.kind(), mixture.shares_covariance()),
                ("diagonal", true)
            );
            for (found, expected) in mixture.covariance.entries().iter().zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-15, "{found} {expected}");
            }
        }
    }

    /// Fails when the rotation changes the trace, ignores the seed, is applied to the isotropic
    /// covariance, or when the full covariance does not standardize to unit variances.
    #[test]
    fn rotation_makes_conditioned_covariances_full() {
        let target = |conditioning, seed| {
            let plain = TwoModes::new(8, 2.0);
            TwoModes { conditioning, rotate: true, seed, ..plain }.parameters().unwrap()
        };
        let rotated = target(Conditioning::Hard, 1);
        assert_eq!(rotated.covariance.kind(), "full");
        assert_ne!(rotated.covariance, target(Conditioning::Hard, 2).covariance);
        let trace: f64 = (0..8).map(|i| rotated.variance(0, i)).sum();
        let plain = TwoModes { conditioning: Conditioning::Hard, ..TwoModes::new(8, 2.0) };
        assert!((trace / plain.variances().iter().sum::<f64>() - 1.0).abs() < 1e-14);
        assert_eq!(target(Conditioning::None, 1).covariance, Covariance::Isotropic(vec![0.05]));
        let (mapped, _) = standardize(&rotated, Standardize::Diagonal).unwrap();
        let after = moments(&mapped);
        assert!(after.variances.iter().all(|variance| (variance - 1.0).abs() < 1e-14));
    }

    /// Fails when an impossible parameter is accepted or not named.
    #[test]
    fn bad_parameters_are_named() {
        let message = |dim, a| TwoModes::new(dim, a).parameters().unwrap_err().to_string();
        assert_eq!(message(0, 1.0), "two-modes: dim = 0: must be at least 1");
        for a in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(message(2, a).starts_with(&format!("two-modes: a = {a}: must be")));
        }
    }
}
