//! The ceilings of one core, on the instructions in force.
//!
//! Each is a kernel with nothing but the operation in question: chains of multiply-adds in registers,
//! an elementary function over a buffer in the first cache, `a = b + s c` over buffers in the first
//! cache and far beyond the last.

use std::hint::black_box;

use amc_core::simd::{LANES, Lanes, Task, dispatch, exp, f64x8, ln, splat};
use serde::Serialize;

use super::Clock;

/// What one core reaches at most. `G` is 1e9.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceilings {
    /// Floating-point operations in multiply-adds, G/s.
    pub fma_gflops: f64,
    /// Exponentials, G/s.
    pub exp_g_per_s: f64,
    /// Natural logarithms, G/s.
    pub ln_g_per_s: f64,
    /// `a = b + s c` in memory, GB/s, 24 bytes an element.
    pub bandwidth_gb_per_s: f64,
    /// The same in the first cache.
    pub cache_bandwidth_gb_per_s: f64,
}

/// Vectors of a buffer that fits twice into any first cache.
const CACHED: usize = 128;
/// Vectors of one of three buffers that together no cache holds: 64 MB.
const UNCACHED: usize = 1 << 20;

/// Measures them.
pub fn measure_ceilings(clock: &Clock) -> Ceilings {
    Ceilings {
        fma_gflops: fma_gflops(clock),
        exp_g_per_s: elementary(clock, |x, out| dispatch(Exponentials { x, out }), -20.0, 20.0),
        ln_g_per_s: elementary(clock, |x, out| dispatch(Logarithms { x, out }), 1e-3, 1e3),
        bandwidth_gb_per_s: bandwidth(clock, UNCACHED, 1),
        cache_bandwidth_gb_per_s: bandwidth(clock, CACHED, 256),
    }
}

/// The best over numbers of chains: enough to hide the latency of an operation, few enough for the
/// registers, which depends on the instructions.
fn fma_gflops(clock: &Clock) -> f64 {
    const ROUNDS: usize = 4096;
    let run = |chains: usize| {
        let (start, factor, rounds) = black_box((1.0, 0.999, ROUNDS));
        match chains {
            3 => dispatch(MultiplyAdds::<3> { start, factor, rounds }),
            4 => dispatch(MultiplyAdds::<4> { start, factor, rounds }),
            6 => dispatch(MultiplyAdds::<6> { start, factor, rounds }),
            _ => dispatch(MultiplyAdds::<12> { start, factor, rounds }),
        }
    };
    let rate = |chains: usize| {
        let flops = (2 * LANES * chains * ROUNDS) as f64;
        flops / clock.best(|| run(chains)) / 1e9
    };
    [3, 4, 6, 12].into_iter().map(rate).fold(0.0, f64::max)
}

/// `N` chains of `sum = sum * factor + 1`.
struct MultiplyAdds<const N: usize> {
    start: f64,
    factor: f64,
    rounds: usize,
}

impl<const N: usize> Task for MultiplyAdds<N> {
    type Output = f64x8;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64x8 {
        let (factor, one) = (V::splat(self.factor), V::splat(1.0));
        let mut sums = [V::zero(); N];
        // Chains that start alike would be one.
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = V::splat(self.start + i as f64);
        }
        for _ in 0..self.rounds {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, one);
            }
        }
        let mut total = V::zero();
        for sum in sums {
            total += sum;
        }
        total.vector()
    }
}

/// Values of an elementary function per nanosecond, for arguments from `low` to `high`.
fn elementary(clock: &Clock, run: fn(&[f64x8], &mut [f64x8]), low: f64, high: f64) -> f64 {
    const ROUNDS: usize = 16;
    let count = (CACHED * LANES) as f64;
    let x: Vec<f64x8> = (0..CACHED)
        .map(|i| {
            let at = |lane| low + (high - low) * ((i * LANES + lane) as f64 + 0.5) / count;
            f64x8::new(std::array::from_fn(at))
        })
        .collect();
    let mut out = vec![f64x8::ZERO; CACHED];
    let seconds = clock.best(|| {
        for _ in 0..ROUNDS {
            run(black_box(&x), black_box(&mut out));
        }
    });
    ROUNDS as f64 * count / seconds / 1e9
}

/// `out = exp(x)`, four vectors at a time.
struct Exponentials<'a> {
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (x, out) = (V::view(self.x).as_chunks::<4>().0, V::view_mut(self.out));
        for (&[a, b, c, d], out) in x.iter().zip(out.as_chunks_mut::<4>().0) {
            *out = [exp(a), exp(b), exp(c), exp(d)];
        }
    }
}

/// `out = ln(x)`, four vectors at a time.
struct Logarithms<'a> {
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Logarithms<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let (x, out) = (V::view(self.x).as_chunks::<4>().0, V::view_mut(self.out));
        for (&[a, b, c, d], out) in x.iter().zip(out.as_chunks_mut::<4>().0) {
            *out = [ln(a), ln(b), ln(c), ln(d)];
        }
    }
}

/// Bytes per nanosecond of `a = b + s c` over `vectors` vectors.
fn bandwidth(clock: &Clock, vectors: usize, rounds: usize) -> f64 {
    // Numbers other than zero, for which the system would hand out one page again and again.
    let (b, c) = (vec![splat(1.0); vectors], vec![splat(2.0); vectors]);
    let mut a = vec![splat(3.0); vectors];
    let seconds = clock.best(|| {
        for _ in 0..rounds {
            dispatch(Triad { a: black_box(&mut a), b: black_box(&b), c: &c, factor: 0.5 });
        }
    });
    (3 * 8 * LANES * vectors * rounds) as f64 / seconds / 1e9
}

/// `a = b + factor c`.
struct Triad<'a> {
    a: &'a mut [f64x8],
    b: &'a [f64x8],
    c: &'a [f64x8],
    factor: f64,
}

impl Task for Triad<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let factor = V::splat(self.factor);
        let terms = V::view(self.b).iter().zip(V::view(self.c));
        for (a, (&b, &c)) in V::view_mut(self.a).iter_mut().zip(terms) {
            *a = c.mul_add(factor, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a ceiling is measured on another computation than its name says.
    #[test]
    fn tasks_compute_what_they_are_called() {
        let (start, factor) = (1.0, 0.5);
        let sums = dispatch(MultiplyAdds::<3> { start, factor, rounds: 2 }).to_array();
        // x -> x/4 + 3/2 for x = 1, 2, 3.
        assert_eq!(sums, [6.0; LANES]);
        let x: Vec<f64x8> = (1..=8).map(|i| splat(f64::from(i))).collect();
        let mut out = vec![f64x8::ZERO; 8];
        dispatch(Exponentials { x: &x, out: &mut out });
        assert!((out[7].to_array()[3] - 8.0_f64.exp()).abs() < 1e-9);
        dispatch(Logarithms { x: &x, out: &mut out });
        assert!((out[6].to_array()[5] - 7.0_f64.ln()).abs() < 1e-14);
        dispatch(Triad { a: &mut out, b: &x, c: &[splat(2.0); 8], factor: 3.0 });
        assert_eq!(out[4].to_array(), [11.0; LANES]);
    }
}
