//! Numbers of 106 bits as sums of two doubles, and elementary functions accurate to 1e-30.
//!
//! `high + low` with `|low| <= ulp(high)/2`. What rounding a sum of two doubles drops is itself a
//! double, found by six additions (Knuth, The Art of Computer Programming 2, 4.2.2); what rounding a
//! product drops is found from halves of 26 bits (Dekker, Numerische Mathematik 18, 1971, after
//! Veltkamp). Sums, products and quotients of pairs follow Hida, Li and Bailey, Algorithms for
//! quad-double precision floating point arithmetic, ARITH-15, 2001, with relative errors below
//! `2^-102`. No fused operation is used, so every build gives the same bits.
//!
//! Products of numbers beyond `2^990`, and what is left of products below `2^-960`, lose digits.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// The unevaluated sum of two doubles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

/// `(s, e)` with `s = fl(a + b)` and `s + e = a + b` exactly.
pub const fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let of_b = s - a;
    (s, (a - (s - of_b)) + (b - of_b))
}

/// The same for `|a| >= |b|` or `a = 0`.
const fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    (s, b - (s - a))
}

/// `(p, e)` with `p = fl(a b)` and `p + e = a b` exactly, unless something over- or underflows.
pub const fn two_product(a: f64, b: f64) -> (f64, f64) {
    let (p, (a1, a2), (b1, b2)) = (a * b, halves(a), halves(b));
    (p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2)
}

/// Veltkamp's splitting into two numbers of at most 26 bits.
const fn halves(a: f64) -> (f64, f64) {
    let shifted = 134_217_729.0 * a;
    let high = shifted - (shifted - a);
    (high, a - high)
}

/// `2^exponent`, for `-1022 <= exponent <= 1023`.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// Largest power in the Taylor series of sine and cosine: `(pi/4)^30 / 30! < 1e-35`.
const DEGREE: usize = 29;
/// `1/n!` for `n = 0 .. DEGREE`.
const INVERSE_FACTORIALS: [DoubleDouble; DEGREE + 1] = {
    let mut values = [DoubleDouble::ONE; DEGREE + 1];
    let mut n = 1;
    while n <= DEGREE {
        values[n] = values[n - 1].divided_by(DoubleDouble::of(n as f64));
        n += 1;
    }
    values
};
/// Terms of `exp(r) - 1` for `|r| <= ln(2)/128`: the next one is below `1e-33 r`.
const EXP_DEGREE: usize = 12;
/// The argument of that series is doubled so often.
const DOUBLINGS: i32 = 6;

impl DoubleDouble {
    /// 0.
    pub const ZERO: Self = Self::of(0.0);
    /// 1.
    pub const ONE: Self = Self::of(1.0);
    /// `2 pi`.
    pub const TAU: Self = Self { high: core::f64::consts::TAU, low: 2.449_293_598_294_706_4e-16 };
    /// `ln 2`.
    pub const LN_2: Self = Self { high: core::f64::consts::LN_2, low: 2.319_046_813_846_299_6e-17 };
    /// What [`Self::LN_2`] leaves out.
    const LN_2_REST: f64 = 5.707_708_438_416_212e-34;

    /// A double.
    pub const fn of(x: f64) -> Self {
        Self { high: x, low: 0.0 }
    }

    /// `a + b`, exactly.
    pub const fn sum_of(a: f64, b: f64) -> Self {
        let (high, low) = two_sum(a, b);
        Self { high, low }
    }

    /// `a b`, exactly.
    pub const fn product_of(a: f64, b: f64) -> Self {
        let (high, low) = two_product(a, b);
        Self { high, low }
    }

    /// The nearest double.
    pub const fn high(self) -> f64 {
        self.high
    }

    /// What that leaves out.
    pub const fn low(self) -> f64 {
        self.low
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
    }

    /// Multiplies by a power of two, exactly unless the result is subnormal.
    #[must_use]
    pub const fn scaled_by(self, power_of_two: f64) -> Self {
        Self { high: self.high * power_of_two, low: self.low * power_of_two }
    }

    const fn plus(self, other: Self) -> Self {
        let (s, e) = two_sum(self.high, other.high);
        let (t, f) = two_sum(self.low, other.low);
        let (s, e) = fast_two_sum(s, e + t);
        let (high, low) = fast_two_sum(s, e + f);
        Self { high, low }
    }

    const fn minus(self, other: Self) -> Self {
        self.plus(Self { high: -other.high, low: -other.low })
    }

    const fn times(self, other: Self) -> Self {
        let (p, e) = two_product(self.high, other.high);
        let (high, low) = fast_two_sum(p, e + (self.high * other.low + self.low * other.high));
        Self { high, low }
    }

    /// Long division: three quotients of doubles, each of what the ones before leave.
    const fn divided_by(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self.minus(other.times(Self::of(first)));
        let second = rest.high / other.high;
        let rest = rest.minus(other.times(Self::of(second)));
        let (high, low) = fast_two_sum(first, second);
        Self { high, low }.plus(Self::of(rest.high / other.high))
    }

    /// `exp(x) - 1` for `|x| <= 0.35`: `s(2x) = 2 s(x) + s(x)^2` from the Taylor series of `x/64`.
    fn exp_minus_one(self) -> Self {
        let r = self.scaled_by(power_of_two(-DOUBLINGS));
        let terms = &INVERSE_FACTORIALS[1..=EXP_DEGREE];
        let series = terms.iter().rev().fold(Self::ZERO, |sum, &c| sum * r + c) * r;
        (0..DOUBLINGS).fold(series, |s, _| s.scaled_by(2.0) + s * s)
    }

    /// `(y, n)` with `exp(x) = y 2^n` and `y` between 0.7 and 1.42, for finite `x`.
    ///
    /// `n` is the integer nearest to `x / ln 2`, and `n ln 2` is taken away with 159 bits of `ln 2`.
    pub fn exp_parts(self) -> (Self, i32) {
        let n = libm::rint(self.high * core::f64::consts::LOG2_E);
        let r = self - Self::product_of(n, Self::LN_2.high) - Self::product_of(n, Self::LN_2.low);
        let r = r - Self::of(n * Self::LN_2_REST);
        (Self::ONE + r.exp_minus_one(), n as i32)
    }

    /// `exp(x)`, for `|x| < 700`.
    #[must_use]
    pub fn exp(self) -> Self {
        let (y, n) = self.exp_parts();
        y.scaled_by(power_of_two(n))
    }

    /// `ln(x)` for `x > 0`, relative error below 1e-30 near 1 too.
    ///
    /// `x = 2^k m` with `m` within a factor `sqrt(2)` of 1, and one step of Newton's method for
    /// `exp(y) = m` from the double `y = ln m`: `y + (m - 1 - (exp(y) - 1)) / exp(y)`.
    #[must_use]
    pub fn ln(self) -> Self {
        // Subnormals have their leading digit elsewhere; 2^100 brings every number to where it is.
        let small = self.high < 1e-290;
        let x = if small { self.scaled_by(power_of_two(100)) } else { self };
        let exponent = (x.high.to_bits() >> 52) as i32 - 1023;
        let above = x.high / power_of_two(exponent) > core::f64::consts::SQRT_2;
        let k = exponent + i32::from(above);
        // In two steps, as 2^-k need not be a double.
        let m = x.scaled_by(power_of_two(-k / 2)).scaled_by(power_of_two(-k - -k / 2));
        let from_one = m - Self::ONE;
        let y = Self::of(libm::log1p(from_one.high));
        let growth = y.exp_minus_one();
        let y = y + (from_one - growth) / (Self::ONE + growth);
        let k = f64::from(if small { k - 100 } else { k });
        Self::product_of(k, Self::LN_2.high) + Self::product_of(k, Self::LN_2.low) + y
    }

    /// `(sin(2 pi u), cos(2 pi u))` for a finite double `u` that is 0 or beyond 1e-270.
    ///
    /// `u = q/4 + r` with `|r| <= 1/8`, exact in doubles; then the Taylor series at `2 pi r`.
    pub fn sin_cos_of_turns(u: f64) -> (Self, Self) {
        let u = u - libm::rint(u);
        let q = libm::rint(4.0 * u);
        let angle = Self::TAU * Self::of(u - 0.25 * q);
        let square = -(angle * angle);
        let horner = |from: usize| {
            let terms = INVERSE_FACTORIALS.iter().skip(from).step_by(2).rev();
            terms.fold(Self::ZERO, |sum, &c| sum * square + c)
        };
        let (sine, cosine) = (angle * horner(1), horner(0));
        match q as i32 {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            -1 => (-cosine, sine),
            _ => (-sine, -cosine),
        }
    }
}

impl Neg for DoubleDouble {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.plus(other)
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.minus(other)
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.times(other)
    }
}

impl Div for DoubleDouble {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self.divided_by(other)
    }
}

#[cfg(test)]
mod tests;
