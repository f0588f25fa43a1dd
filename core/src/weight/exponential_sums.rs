//! `sum_i exp(power (v_i + u_i))`, eight terms at a time.
//!
//! The tree is that of [`pairwise_sum`](super::pairwise_sum): halves down to sixteen entries. A leaf is two vectors
//! of eight, added lane by lane, then the lanes in a fixed tree; entries past the end add nothing. So a node of the
//! tree is the sum over its entries, wherever they are held.

use super::log_sum_exp::LEAF;
use crate::linalg::pieces;
use crate::simd::{Kernel, LANES, Lanes, Task, dispatch, exp};

/// Sums over weights `exp(values)`: of first and second powers relative to `top`, shape `[N]`.
///
/// NaN anywhere gives NaN; `-inf` adds nothing.
pub fn power_sums(values: &[f64], top: f64) -> (f64, f64) {
    dispatch(PowerSums { values, top })
}

#[derive(Clone, Copy)]
struct PowerSums<'a> {
    values: &'a [f64],
    top: f64,
}

impl Task for PowerSums<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run<V: Lanes>(self) -> (f64, f64) {
        V::call(self)
    }
}

impl<V: Lanes> Kernel<V> for PowerSums<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let Self { values, top } = self;
        if values.len() > LEAF {
            let (left, right) = values.split_at(values.len() / 2);
            let (left, right) = (
                V::call(PowerSums { values: left, top }),
                V::call(PowerSums { values: right, top }),
            );
            return (left.0 + right.0, left.1 + right.1);
        }
        let (mut first, mut second) = (V::zero(), V::zero());
        for values in pieces(values, LANES) {
            let weights = exp(padded::<V>(values, f64::NEG_INFINITY) - V::splat(top));
            first += weights;
            second = weights.mul_add(weights, second);
        }
        (lane_sum(first), lane_sum(second))
    }
}

/// A sum of weights `W_i = exp(values_i)` times a power of `u_i = exp(increments_i)`.
#[derive(Debug, Clone, Copy)]
pub struct TiltedSum<'a> {
    /// `log W`, `[N]`.
    pub values: &'a [f64],
    /// `log u`, `[N]`; those of a weight of zero, or of one that is infinitely far below the first anchor, are not
    /// looked at.
    pub increments: &'a [f64],
    /// What is subtracted from both first: subtracting before multiplying by the power keeps offsets of 1e6
    /// in either out of the rounding.
    pub anchors: (f64, f64),
    /// 0 leaves the increments out, whatever they are.
    pub power: f64,
    /// The logarithm of the largest term.
    pub top: f64,
}

impl TiltedSum<'_> {
    /// `sum_i W_i u_i^power`, relative to the largest term.
    pub fn sum(self) -> f64 {
        dispatch(self)
    }
}

impl Task for TiltedSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        V::call(self)
    }
}

impl<'a, V: Lanes> Kernel<V> for TiltedSum<'a> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let len = self.values.len().min(self.increments.len());
        if len > LEAF {
            let halves = |all: &'a [f64]| all.split_at_checked(len / 2).unwrap_or((all, &[]));
            let (values, increments) = (halves(self.values), halves(self.increments));
            let left = TiltedSum { values: values.0, increments: increments.0, ..self };
            let right = TiltedSum { values: values.1, increments: increments.1, ..self };
            return V::call(left) + V::call(right);
        }
        let lowest = V::splat(f64::NEG_INFINITY);
        let mut sum = V::zero();
        let values = self.values.get(..len).unwrap_or(&[]);
        let chunks = pieces(values, LANES).zip(pieces(self.increments, LANES));
        for (values, increments) in chunks {
            let values = padded::<V>(values, f64::NEG_INFINITY);
            let relative = values - V::splat(self.anchors.0);
            let mut log_term = relative;
            if self.power != 0.0 {
                let increments = padded::<V>(increments, 0.0) - V::splat(self.anchors.1);
                log_term = increments.mul_add(V::splat(self.power), log_term);
            }
            let term = exp(log_term - V::splat(self.top));
            sum += V::select(relative.equal(lowest), V::zero(), term);
        }
        lane_sum(sum)
    }
}

/// Up to eight numbers, the rest filled up.
#[inline(always)]
fn padded<V: Lanes>(numbers: &[f64], rest: f64) -> V {
    if let Some(all) = numbers.first_chunk::<LANES>() {
        return V::load(all);
    }
    let mut lanes = [rest; LANES];
    for (lane, &number) in lanes.iter_mut().zip(numbers) {
        *lane = number;
    }
    V::load(&lanes)
}

/// The sum of the lanes, in a fixed tree.
#[inline(always)]
fn lane_sum<V: Lanes>(sum: V) -> f64 {
    let mut lanes = [0.0; LANES];
    sum.store(&mut lanes);
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::super::log_sum_exp::{pairwise_sum, pairwise_sum_pairs};
    use super::*;

    /// Fails if an entry is lost or padding counts, at any length, or a power is wrong.
    #[test]
    fn sums_of_every_length() {
        let value = |i: usize| libm::sin(i as f64) * 3.0;
        let increment = |i: usize| libm::cos(2.0 * i as f64);
        let values: [f64; 77] = core::array::from_fn(value);
        let increments: [f64; 77] = core::array::from_fn(increment);
        for n in 0..=77 {
            let (v, u) = (&values[..n], &increments[..n]);
            let (first, second) = power_sums(v, 1.5);
            let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-14 * b, "{n}: {a} {b}");
            close(first, pairwise_sum(v, |v| libm::exp(v - 1.5)));
            close(second, pairwise_sum(v, |v| libm::exp(2.0 * (v - 1.5))));
            let tilted = |power| {
                TiltedSum { values: v, increments: u, anchors: (0.3, -0.2), power, top: 0.7 }.sum()
            };
            let term = |v, u| libm::exp(v - 0.3 + 2.0 * (u + 0.2) - 0.7);
            close(tilted(2.0), pairwise_sum_pairs(v, u, term));
            close(tilted(0.0), pairwise_sum(v, |v| libm::exp(v - 1.0)));
        }
        let dead = [f64::NEG_INFINITY, 0.0];
        let sum = TiltedSum {
            values: &dead,
            increments: &[f64::NAN, 0.0],
            anchors: (0.0, 0.0),
            power: 1.0,
            top: 0.0,
        };
        assert_eq!(sum.sum(), 1.0);
        assert_eq!(power_sums(&dead, 0.0), (1.0, 1.0));
        assert!(power_sums(&[0.0, f64::NAN], 0.0).0.is_nan());
    }
}
