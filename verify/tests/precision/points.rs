//! Where the elementary functions are measured: grids, random bit patterns, and the hard places.

/// A fixed sequence of 64-bit words: splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Bits(u64);

impl Bits {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform on `[from, to)`, with all 53 bits.
    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * ((self.word() >> 11) as f64 * 2.0_f64.powi(-53))
    }

    /// Any exponent, mantissa and sign; infinities and NaN become numbers of the next lower exponent.
    fn number(&mut self) -> f64 {
        let x = f64::from_bits(self.word());
        if x.is_finite() { x } else { f64::from_bits(x.to_bits() ^ (1 << 62)) }
    }

    /// Either sign, `|x|` log-uniform between two powers of two.
    fn of_size(&mut self, from: f64, to: f64) -> f64 {
        let size = libm::exp2(self.between(from, to));
        if self.word() & 1 == 0 { size } else { -size }
    }
}

/// The doubles within `steps` steps of `x`.
fn neighbours(x: f64, steps: i64) -> impl Iterator<Item = f64> {
    let bits = x.to_bits().cast_signed();
    (-steps..=steps).map(move |k| f64::from_bits((bits + k).cast_unsigned()))
}

/// `count` points from `from` to `to`, both included.
fn grid(from: f64, to: f64, count: i32) -> impl Iterator<Item = f64> {
    (0..=count).map(move |i| from + (to - from) * (f64::from(i) / f64::from(count)))
}

/// Arguments of `exp` with finite results, subnormal and vanishing ones included.
pub fn of_exp() -> Vec<f64> {
    let mut bits = Bits(1);
    let mut points: Vec<f64> = grid(-750.0, 709.78, 300_000).collect();
    points.extend((0..300_000).map(|_| bits.between(-709.0, 709.78)));
    points.extend((0..100_000).map(|_| bits.between(-745.2, -707.0)));
    points.extend((0..300_000).map(|_| bits.between(-0.7, 0.7)));
    points.extend((0..100_000).map(|_| bits.of_size(-1074.0, 9.4)));
    // Multiples of ln(2)/2: the remainder is smallest at even ones, largest at odd ones.
    for half in -2149..=2047 {
        points.extend(neighbours(f64::from(half) * 0.5 * core::f64::consts::LN_2, 8));
    }
    points.extend(neighbours(709.782_712_893_384, 20));
    points.extend(neighbours(-745.133_219_101_941_2, 20));
    points.extend(neighbours(-708.396_418_532_264_1, 20));
    points.retain(|&x| x <= 709.782_712_893_384);
    points
}

/// Positive arguments of `ln`.
pub fn of_ln() -> Vec<f64> {
    let mut bits = Bits(2);
    let mut points: Vec<f64> = (0..400_000).map(|_| bits.number().abs()).collect();
    points.extend((0..50_000).map(|_| f64::from_bits(bits.word() >> 12)));
    points.extend((1..2_000).map(f64::from_bits));
    // Both sides of 1, where the result is small, and of sqrt(2), where the exponent changes.
    points.extend((0..300_000).map(|_| bits.between(0.7, 1.42)));
    points.extend((0..100_000).map(|_| 1.0 + bits.of_size(-52.0, -1.1)));
    points.extend(neighbours(1.0, 100_000));
    points.extend(grid(0.01, 40.0, 200_000));
    for k in -1074..1024 {
        let power = if k < -1022 { f64::from_bits(1 << (k + 1074)) } else { 2.0_f64.powi(k) };
        points.extend(neighbours(power, 4));
        points.extend(neighbours(power * core::f64::consts::SQRT_2, 4));
    }
    points.extend(neighbours(f64::MAX.next_down().next_down(), 2));
    points.retain(|&x| x > 0.0 && x.is_finite());
    points
}

/// Angles in turns.
pub fn of_turns() -> Vec<f64> {
    let mut bits = Bits(3);
    let mut points: Vec<f64> = grid(-1.0, 1.0, 400_000).collect();
    points.extend((0..300_000).map(|_| bits.between(0.0, 1.0)));
    points.extend((0..200_000).map(|_| bits.number()));
    points.extend((0..200_000).map(|_| bits.of_size(-1074.0, 0.0)));
    points.extend((0..100_000).map(|_| bits.of_size(0.0, 60.0)));
    points.extend((0..10_000).map(|_| bits.of_size(900.0, 996.0)));
    // Near multiples of an eighth: zeros and extremes at even ones, a change of quadrant at odd ones.
    for eighth in -4_000..=4_000 {
        points.extend(neighbours(f64::from(eighth) * 0.125, 8).filter(|x| x.is_finite()));
        points.push(f64::from(eighth) * 0.125 + bits.of_size(-60.0, -3.0));
    }
    points.extend([1e300, -1e300, f64::MAX, f64::MIN, 5e-324, -5e-324, f64::MIN_POSITIVE]);
    points
}
