//! Wrong estimators of `log det(I + M)`, and the operator they run on.

use amc_core::error::Result;
use amc_core::krylov::{LinearOperator, OperatorShape};
use amc_core::logdet::{Estimate, LogDeterminant};
use amc_core::point::Context;
use amc_core::simd::{dot, f64x8, splat};

/// `M = diag(c) + 0.06 (ones beside the diagonal)`, `d = 3`, `c` another one in every lane.
pub struct Small;

fn entry(i: usize, lane: usize) -> f64 {
    0.02 * (i as f64 - 0.7) + 0.01 * lane as f64
}

impl Small {
    pub const SHAPE: OperatorShape = OperatorShape { dim: 3, product: 0, rank: 0 };

    /// `log det(I + M)` of the `3 x 3` matrices, expanded.
    pub fn truth() -> [f64; 8] {
        core::array::from_fn(|lane| {
            let [a, b, c] = [0, 1, 2].map(|i| 1.0 + entry(i, lane));
            let square = 0.06 * 0.06;
            libm::log(a * (b * c - square) - square * c)
        })
    }

    /// Bounds of `w^T log(I + M) w`, by Gershgorin.
    pub fn forms() -> (f64, f64) {
        (libm::log1p(-0.014 - 0.12), libm::log1p(0.096 + 0.12))
    }
}

impl LinearOperator for Small {
    fn dim(&self) -> usize {
        3
    }

    fn scratch_len(&self) -> usize {
        0
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], _context: Context<'_>) -> Result<()> {
        let diagonal = |i: usize| f64x8::new(core::array::from_fn(|lane| entry(i, lane)));
        let beside = splat(0.06);
        out[0] = diagonal(0) * v[0] + beside * v[1];
        out[1] = diagonal(1) * v[1] + beside * (v[0] + v[2]);
        out[2] = diagonal(2) * v[2] + beside * v[1];
        Ok(())
    }

    fn apply_transposed(&self, v: &[f64x8], out: &mut [f64x8], context: Context<'_>) -> Result<()> {
        self.apply(v, out, context)
    }

    fn is_symmetric(&self) -> bool {
        true
    }
}

/// What is wrong with a power series of 20 terms on two probes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SeriesDefect {
    None,
    /// All terms have one sign.
    Signs,
    /// `M^2` is not divided by 2.
    SecondTerm,
    /// One term alone.
    FirstTerm,
    /// Probes of one sign in common: `z = (1, s, s)`.
    TiedSigns,
    /// Lanes are turned by one: right on average over all of them, nearly.
    LanesTurned,
    /// The logarithm of the transposed Gram matrix is not halved.
    NotHalved,
    /// The log-determinant of `I - M`.
    OtherSign,
}

impl SeriesDefect {
    pub const WRONG: [Self; 7] = [
        Self::Signs,
        Self::SecondTerm,
        Self::FirstTerm,
        Self::TiedSigns,
        Self::LanesTurned,
        Self::NotHalved,
        Self::OtherSign,
    ];
}

pub struct WrongSeries(pub SeriesDefect);

impl LogDeterminant for WrongSeries {
    fn scratch_len(&self, shape: OperatorShape) -> usize {
        3 * shape.dim
    }

    fn probes(&self, _: usize) -> usize {
        2
    }

    fn estimate(
        &self,
        operator: &dyn LinearOperator,
        mut context: Context<'_>,
    ) -> Result<Estimate> {
        let d = operator.dim();
        let [z, power, next] = [(); 3].map(|()| context.scratch.take(d));
        let (z, power, next) = (z?, power?, next?);
        let mut value = f64x8::ZERO;
        for _ in 0..2 {
            context.stream.fill_signs(z);
            if self.0 == SeriesDefect::TiedSigns {
                z[2] = z[1];
            }
            power.copy_from_slice(z);
            for k in 1..=20 {
                operator.apply(power, next, context.reborrow())?;
                power.copy_from_slice(next);
                let sign = if k % 2 == 1 || self.0 == SeriesDefect::Signs { 1.0 } else { -1.0 };
                let divisor =
                    if self.0 == SeriesDefect::SecondTerm && k == 2 { 1.0 } else { k as f64 };
                let sign = if self.0 == SeriesDefect::OtherSign { -1.0 } else { sign };
                if self.0 != SeriesDefect::FirstTerm || k == 1 {
                    value += splat(0.5 * sign / divisor) * dot(z, power);
                }
            }
        }
        let mut lanes = value.to_array();
        match self.0 {
            SeriesDefect::LanesTurned => lanes.rotate_left(1),
            SeriesDefect::NotHalved => lanes.iter_mut().for_each(|value| *value *= 2.0),
            _ => {}
        }
        Ok(Estimate { probes: 2, ..Estimate::exact(f64x8::new(lanes)) })
    }
}
