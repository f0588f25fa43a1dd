//! `exp`, `ln`, sine and cosine of turns on lanes, on every instruction set, against double-doubles.
//!
//! An error is counted in ulps of the correctly rounded result: the spacing of doubles where the exact
//! value lies, `2^-1074` where that is subnormal. Thirty million arguments of `exp` reach 0.99 portable and
//! 0.97 fused.

use amc_core::simd::{Instructions, Lanes, Task, dispatch, exp, f64x8, ln, sin_cos_turns};
use amc_verify::oracle::DoubleDouble;

use super::common::on_every_instruction_set;
use super::points;
use super::table::{Row, on};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Function {
    Exp,
    Ln,
    Sine,
    Cosine,
}

/// A function of every number of a slice.
struct Evaluate<'a> {
    function: Function,
    x: &'a [f64x8],
    out: &'a mut [f64x8],
}

impl Task for Evaluate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (out, &x) in V::view_mut(self.out).iter_mut().zip(V::view(self.x)) {
            *out = match self.function {
                Function::Exp => exp(x),
                Function::Ln => ln(x),
                Function::Sine => sin_cos_turns(x).0,
                Function::Cosine => sin_cos_turns(x).1,
            };
        }
    }
}

impl Function {
    /// The values at all points, on the set in force.
    fn evaluate(self, points: &[f64]) -> Vec<f64> {
        let block = |chunk: &[f64]| {
            f64x8::new(core::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0.5)))
        };
        let x: Vec<f64x8> = points.chunks(8).map(block).collect();
        let mut out = vec![f64x8::splat(f64::NAN); x.len()];
        dispatch(Evaluate { function: self, x: &x, out: &mut out });
        let mut values: Vec<f64> = out.iter().flat_map(|y| y.to_array()).collect();
        values.truncate(points.len());
        values
    }

    /// `(y, n)`: the value is `y 2^n`.
    fn exact(self, x: f64) -> (DoubleDouble, i32) {
        match self {
            Self::Exp => DoubleDouble::of(x).exp_parts(),
            Self::Ln => (DoubleDouble::of(x).ln(), 0),
            // The next term is below 1e-400.
            Self::Sine if x.abs() < 1e-200 => {
                (DoubleDouble::TAU * DoubleDouble::of(x * 2.0_f64.powi(600)), -600)
            }
            Self::Sine => (DoubleDouble::sin_cos_of_turns(x).0, 0),
            Self::Cosine => (DoubleDouble::sin_cos_of_turns(x).1, 0),
        }
    }
}

/// `(distance of found from y 2^n, spacing of doubles there)`, both divided by `2^n`.
fn error_and_ulp(found: f64, (y, n): (DoubleDouble, i32)) -> (f64, f64) {
    // Infinity counts as the number after the largest.
    let scaled = match found.is_infinite() {
        true => libm::scalbn(found.signum(), 1024 - n),
        false => libm::scalbn(found, -n),
    };
    // A mantissa of exactly 1 with something to subtract lies in the binade below.
    let (high, low) = (y.high().abs(), y.low() * y.high().signum());
    let high = if low < 0.0 { high.next_down() } else { high };
    let ulp = if high == 0.0 { -1074 } else { (libm::ilogb(high) - 52).max(-1074 - n) };
    ((DoubleDouble::of(scaled) - y).abs().high(), libm::scalbn(1.0, ulp))
}

/// Measures all four on more than a million arguments each.
pub fn measure() -> Vec<Row> {
    let functions = [
        (Function::Exp, "exp", points::of_exp()),
        (Function::Ln, "ln", points::of_ln()),
        (Function::Sine, "sine of turns", points::of_turns()),
        (Function::Cosine, "cosine of turns", points::of_turns()),
    ];
    functions
        .into_iter()
        .flat_map(|(function, name, at)| measure_one(function, name, &at))
        .collect()
}

fn measure_one(function: Function, name: &str, points: &[f64]) -> Vec<Row> {
    assert!(points.len() > 1_000_000, "{}", points.len());
    let mut found: Vec<(Instructions, Vec<f64>)> = Vec::new();
    on_every_instruction_set(|set| found.push((set, function.evaluate(points))));
    let rows = found.iter().map(|(set, _)| Row::new(name, on(*set), "ulp"));
    let mut rows: Vec<Row> = rows.collect();
    let mut apart = Row::new(name, "portable-fused", "ulp");
    for (i, &x) in points.iter().enumerate() {
        let exact = function.exact(x);
        for ((_, values), row) in found.iter().zip(&mut rows) {
            let (error, ulp) = error_and_ulp(values[i], exact);
            row.enter(error / ulp, || format!("{x:e}"));
        }
        if let [(_, portable), (_, fused), ..] = &found[..] {
            let ulp = libm::scalbn(error_and_ulp(portable[i], exact).1, exact.1);
            let same = portable[i] == fused[i];
            let distance = if same { 0.0 } else { (portable[i] - fused[i]).abs() / ulp };
            apart.enter(distance, || format!("{x:e}"));
        }
    }
    if let [_, (_, avx2), (_, avx512)] = &found[..] {
        for ((x, a), b) in points.iter().zip(avx2).zip(avx512) {
            assert_eq!(a.to_bits(), b.to_bits(), "{name}({x:e}): {a:e} and {b:e}");
        }
    }
    if found.len() > 1 {
        rows.push(apart);
    }
    rows
}

/// `(argument, value)`, the value by its bits; NaN stands for any NaN.
type Known = (f64, f64);

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// The last finite value is that of the double below `1024 ln 2`, the last one beyond zero that of the
/// double above `-1075 ln 2`.
const EXP: [Known; 14] = [
    (NAN, NAN),
    (INFINITY, INFINITY),
    (-INFINITY, 0.0),
    (0.0, 1.0),
    (-0.0, 1.0),
    (5e-324, 1.0),
    (-5e-324, 1.0),
    (1e-300, 1.0),
    (709.782_712_893_384_1, INFINITY),
    (1e300, INFINITY),
    (-745.133_219_101_941_1, 5e-324),
    (-745.133_219_101_941_2, 0.0),
    (-746.5, 0.0),
    (-1e300, 0.0),
];
const LN: [Known; 7] = [
    (NAN, NAN),
    (INFINITY, INFINITY),
    (-INFINITY, NAN),
    (0.0, -INFINITY),
    (-0.0, -INFINITY),
    (-5e-324, NAN),
    (1.0, 0.0),
];
/// Of either sign of zero: a sum of opposite numbers has no sign to keep.
const SINE: [Known; 13] = [
    (NAN, NAN),
    (INFINITY, NAN),
    (-INFINITY, NAN),
    (0.0, 0.0),
    (-0.0, 0.0),
    (0.25, 1.0),
    (0.5, 0.0),
    (0.75, -1.0),
    (-0.25, -1.0),
    (1.0, 0.0),
    (-1.0, 0.0),
    (1e15 + 0.25, 1.0),
    (1e300, 0.0),
];
const COSINE: [Known; 13] = [
    (NAN, NAN),
    (INFINITY, NAN),
    (-INFINITY, NAN),
    (0.0, 1.0),
    (-0.0, 1.0),
    (0.25, 0.0),
    (0.5, -1.0),
    (0.75, 0.0),
    (-0.25, 0.0),
    (1.0, 1.0),
    (-1.0, 1.0),
    (1e15 + 0.25, 0.0),
    (1e300, 1.0),
];

/// Fails if a clamp swallows NaN, a limit is one double off, or a zero or an extreme is not exact.
#[test]
fn special_values() {
    for (function, known) in [
        (Function::Exp, &EXP[..]),
        (Function::Ln, &LN),
        (Function::Sine, &SINE),
        (Function::Cosine, &COSINE),
    ] {
        let points: Vec<f64> = known.iter().map(|&(x, _)| x).collect();
        on_every_instruction_set(|set| {
            for ((x, expected), found) in known.iter().zip(function.evaluate(&points)) {
                let right = found == *expected || (found.is_nan() && expected.is_nan());
                assert!(right, "{function:?}({x:e}) on {set}: {found:e}, not {expected:e}");
            }
        });
    }
}

/// Fails if `exp` is infinite before it has to be, or a power of two has not the logarithm nearest to
/// `k ln 2`.
#[test]
fn largest_finite_and_powers_of_two() {
    let powers: Vec<f64> = (-1074..1024).map(|k| libm::scalbn(1.0, k)).collect();
    on_every_instruction_set(|set| {
        let largest = Function::Exp.evaluate(&[709.782_712_893_384])[0];
        assert!(largest > 1.797_693_134_862_2e308 && largest.is_finite(), "{largest:e} on {set}");
        for (k, found) in (-1074..1024).zip(Function::Ln.evaluate(&powers)) {
            let exact = DoubleDouble::of(f64::from(k)) * DoubleDouble::LN_2;
            assert_eq!(found, exact.high(), "ln(2^{k}) on {set}");
        }
    });
}
