//! Set-up shared by the benches: the mixtures of `amc bench`, and elementary functions over buffers.

use amc_core::simd::{Lanes, Task, dispatch, exp, f64x8, ln, sin_cos_turns};

pub use amc_harness::bench::{Case, Kind, Overlap, evaluate_all, samples};

/// `out = exp(x)`.
pub fn exponentials(x: &[f64x8], out: &mut [f64x8]) {
    dispatch(Exponentials { x, out });
}

/// `out = ln(x)`.
pub fn logarithms(x: &[f64x8], out: &mut [f64x8]) {
    dispatch(Logarithms { x, out });
}

/// `out = sin(2 pi x) + cos(2 pi x)`.
pub fn sines_and_cosines(x: &[f64x8], out: &mut [f64x8]) {
    dispatch(SinesAndCosines { x, out });
}

struct Exponentials<'a> {
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (out, &x) in V::view_mut(self.out).iter_mut().zip(V::view(self.x)) {
            *out = exp(x);
        }
    }
}

struct Logarithms<'a> {
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Logarithms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (out, &x) in V::view_mut(self.out).iter_mut().zip(V::view(self.x)) {
            *out = ln(x);
        }
    }
}

struct SinesAndCosines<'a> {
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for SinesAndCosines<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (out, &x) in V::view_mut(self.out).iter_mut().zip(V::view(self.x)) {
            let (sine, cosine) = sin_cos_turns(x);
            *out = sine + cosine;
        }
    }
}
