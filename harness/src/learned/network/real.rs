//! The numbers a network computes with: `f32`, or `f64` where every digit counts.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use bytemuck::Pod;

/// `f32` or `f64`.
pub trait Real:
    Pod
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
{
    /// Its name in configurations and files.
    const NAME: &'static str;
    /// Bytes of one number.
    const BYTES: usize = size_of::<Self>();

    /// The nearest number to `x`.
    fn from_f64(x: f64) -> Self;

    /// The same number in double precision.
    fn to_f64(self) -> f64;

    /// The square root.
    fn sqrt(self) -> Self;

    /// `exp(x)` in a form that compilers turn into vector instructions; `x` is clamped to where the result is
    /// a normal number, and NaN stays NaN.
    fn exp(self) -> Self;
}

impl Real for f32 {
    const NAME: &'static str = "f32";

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as Self
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    // Cody and Waite's reduction by ln 2 in two parts, and a polynomial of degree 6.
    #[inline(always)]
    fn exp(self) -> Self {
        const MAGIC: f32 = 12_582_912.0;
        const COEFFICIENTS: [f32; 6] =
            [1.393_043_6e-3, 8.333_612e-3, 4.166_671e-2, 1.666_665_7e-1, 0.5, 1.0];
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + MAGIC;
        let n = shifted - MAGIC;
        let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
        let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, &c| sum * r + c);
        let y = polynomial * r + 1.0;
        Self::from_bits(y.to_bits().wrapping_add(shifted.to_bits() << 23))
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    // The same with the Taylor polynomial of degree 13: its remainder on |r| <= ln(2)/2 is below 1e-17.
    #[inline(always)]
    fn exp(self) -> Self {
        const MAGIC: f64 = 6_755_399_441_055_744.0;
        const COEFFICIENTS: [f64; 13] = [
            1.0 / 6_227_020_800.0,
            1.0 / 479_001_600.0,
            1.0 / 39_916_800.0,
            1.0 / 3_628_800.0,
            1.0 / 362_880.0,
            1.0 / 40_320.0,
            1.0 / 5040.0,
            1.0 / 720.0,
            1.0 / 120.0,
            1.0 / 24.0,
            1.0 / 6.0,
            0.5,
            1.0,
        ];
        let x = self.clamp(-708.0, 709.0);
        let shifted = x * std::f64::consts::LOG2_E + MAGIC;
        let n = shifted - MAGIC;
        let r = (x - n * 6.931_471_803_691_238e-1) - n * 1.908_214_929_270_587_7e-10;
        let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, &c| sum * r + c);
        let y = polynomial * r + 1.0;
        Self::from_bits(y.to_bits().wrapping_add(shifted.to_bits() << 52))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a coefficient, the reduction or the scaling by powers of two is off, at any magnitude.
    #[test]
    fn exponentials_are_right() {
        for i in -8600..=8600 {
            let x = f64::from(i) * 0.01 + 1e-3;
            let exact = libm::exp(x);
            assert!((Real::exp(x) / exact - 1.0).abs() < 4e-16, "{x}");
            let single = x as f32;
            let error = f64::from(Real::exp(single)) / libm::exp(f64::from(single)) - 1.0;
            assert!(error.abs() < 3e-7, "{x} {error}");
        }
        assert!(Real::exp(f64::NAN).is_nan() && Real::exp(f32::NAN).is_nan());
        assert!(Real::exp(-1e9_f32) < 2e-38 && Real::exp(1e9_f64) > 1e307);
    }
}
