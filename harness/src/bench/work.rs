//! What the arithmetic of a kernel amounts to, and how long it must take.

use std::ops::{Add, Mul};

use super::cases::{Case, Kind};
use super::ceilings::Ceilings;

/// Floating-point operations, exponentials and logarithms of one particle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Operations; a multiply-add is two.
    pub flops: f64,
    /// Exponentials.
    pub exps: f64,
    /// Logarithms.
    pub logs: f64,
}

/// What is asked of a density.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The log-density.
    LogDensity,
    /// Log-density and score.
    LogDensityAndScore,
    /// A product of the Hessian with a vector.
    HessianProduct,
}

impl Work {
    /// A standard normal: half of a Box-Muller pair, whose sine and cosine take 14 multiply-adds and 5
    /// products.
    pub const NORMAL: Self = Self { flops: 16.0, exps: 0.0, logs: 0.5 };

    /// The dense count of a mixture; the table is in the documentation of [`crate::bench`].
    pub fn of_mixture(case: Case, quantity: Quantity) -> Self {
        let (k, d) = (case.components as f64, case.dim as f64);
        // Each way between coordinates and eigenbasis.
        let frame = if case.kind == Kind::SharedFull { 2.0 * d * d } else { 0.0 };
        let pass = match case.kind {
            Kind::Isotropic => 2.0 * k * d,
            Kind::Diagonal | Kind::SharedFull => 4.0 * k * d,
            Kind::Full => k * d * d,
        };
        let flops = match quantity {
            Quantity::LogDensity => pass + frame,
            Quantity::LogDensityAndScore => 2.0 * (pass + frame),
            Quantity::HessianProduct => 3.0 * (pass + frame),
        };
        // One component alone is its own sum.
        let (exps, logs) = if case.components == 1 { (0.0, 0.0) } else { (k, 1.0) };
        Self { flops, exps, logs }
    }

    /// The shortest time for it, in nanoseconds, on one core with these ceilings.
    pub fn limit_ns(self, ceilings: &Ceilings) -> f64 {
        self.flops / ceilings.fma_gflops
            + self.exps / ceilings.exp_g_per_s
            + self.logs / ceilings.ln_g_per_s
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops + other.flops,
            exps: self.exps + other.exps,
            logs: self.logs + other.logs,
        }
    }
}

impl Mul<f64> for Work {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self { flops: self.flops * times, exps: self.exps * times, logs: self.logs * times }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILINGS: Ceilings = Ceilings {
        fma_gflops: 50.0,
        exp_g_per_s: 2.0,
        ln_g_per_s: 0.5,
        bandwidth_gb_per_s: 10.0,
        cache_bandwidth_gb_per_s: 100.0,
    };

    fn case(kind: Kind) -> Case {
        Case { kind, dim: 64, components: 32 }
    }

    /// Fails if a count differs from the published goals, which were computed from 2 K d (isotropic)
    /// and 4 K d (diagonal) operations a pass and K d^2 for full covariances.
    #[test]
    fn counts_are_those_of_the_goals() {
        let flops = |kind, quantity| Work::of_mixture(case(kind), quantity).flops;
        assert_eq!(flops(Kind::Isotropic, Quantity::LogDensity), 4096.0);
        assert_eq!(flops(Kind::Isotropic, Quantity::LogDensityAndScore), 8192.0);
        assert_eq!(flops(Kind::Diagonal, Quantity::LogDensityAndScore), 16384.0);
        assert_eq!(flops(Kind::Full, Quantity::LogDensityAndScore), 262_144.0);
        assert_eq!(flops(Kind::SharedFull, Quantity::LogDensity), 8192.0 + 8192.0);
        assert_eq!(flops(Kind::Diagonal, Quantity::HessianProduct), 24576.0);
        for quantity in [Quantity::LogDensity, Quantity::HessianProduct] {
            let work = Work::of_mixture(case(Kind::Full), quantity);
            assert_eq!((work.exps, work.logs), (32.0, 1.0));
        }
    }

    /// Fails if a part of the limit is left out or divided by another's ceiling.
    #[test]
    fn the_limit_adds_up() {
        let work = Work { flops: 100.0, exps: 3.0, logs: 1.0 };
        assert_eq!(work.limit_ns(&CEILINGS), 2.0 + 1.5 + 2.0);
        let twice = work + work;
        assert_eq!(twice, work * 2.0);
        assert_eq!(twice.limit_ns(&CEILINGS), 11.0);
    }
}
