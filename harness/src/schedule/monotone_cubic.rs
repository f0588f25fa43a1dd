//! Monotone piecewise cubic interpolation, and its inverse.
//!
//! On `[x_i, x_(i+1)]`, with `h` its length, `u = (x - x_i)/h`, secant `delta = (y_(i+1) - y_i)/h` and
//! end slopes `a delta`, `b delta`, the cubic is `y_i + h delta p(u)`, in Bernstein's form
//! `p(u) = a u (1-u)^2 + (3-b) u^2 (1-u) + u^3`. It is monotone when `a` and `b` lie in `[0, 3]`
//! \[FritschCarlson80\]; then no term is negative and nothing cancels.
//!
//! The slopes are those of \[Steffen90\]: the parabola through three neighbours, limited to twice
//! the smaller secant and zero at an extremum, so `a` and `b` lie in `[0, 2]`. They are exact for
//! lines, and for parabolas where the limit does not act.

use super::{Result, ScheduleError};

/// Bisection alone needs 53 steps per factor `2^-53`; Newton on the triple root `u^3 = q`, the
/// slowest, gains a factor 2/3 per step.
const MAX_ITERATIONS: usize = 1000;

/// A continuously differentiable, non-decreasing interpolant through given points.
#[derive(Debug, Clone, PartialEq)]
pub struct MonotoneCubic {
    x: Vec<f64>,
    y: Vec<f64>,
    slopes: Vec<f64>,
}

/// One interval, in the variables of the module's formula.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: f64,
    width: f64,
    low: f64,
    rise: f64,
    a: f64,
    b: f64,
}

impl MonotoneCubic {
    /// The interpolant through `(x_i, y_i)`, with the slopes of \[Steffen90\].
    ///
    /// # Errors
    ///
    /// When there are fewer than two points, the lengths differ, an entry is not finite, `x` does not
    /// increase strictly, `y` decreases, or a slope overflows.
    pub fn new(x: Vec<f64>, y: Vec<f64>) -> Result<Self> {
        check_points(&x, &y)?;
        let slopes = limited_slopes(&x, &y);
        Self::with_slopes(x, y, slopes)
    }

    /// The interpolant of given derivatives `slopes` at the points, reduced to three times the
    /// neighbouring secants where they are steeper, as monotony demands \[FritschCarlson80\].
    ///
    /// # Errors
    ///
    /// Those of [`MonotoneCubic::new`]; also when a slope is negative.
    pub fn with_slopes(x: Vec<f64>, y: Vec<f64>, mut slopes: Vec<f64>) -> Result<Self> {
        check_points(&x, &y)?;
        if slopes.len() != x.len() {
            let (found, expected) = (slopes.len(), x.len());
            return Err(ScheduleError::Length { what: "slopes", found, expected });
        }
        for i in 1..x.len() {
            let limit = 3.0 * ((y[i] - y[i - 1]) / (x[i] - x[i - 1]));
            slopes[i - 1] = slopes[i - 1].min(limit);
            slopes[i] = slopes[i].min(limit);
            if !limit.is_finite() || slopes[i - 1].is_nan() || slopes[i].is_nan() {
                return Err(ScheduleError::Overflow("values"));
            }
        }
        if let Some(index) = slopes.iter().position(|slope| *slope < 0.0) {
            return Err(ScheduleError::Negative { what: "slopes", index, value: slopes[index] });
        }
        Ok(Self { x, y, slopes })
    }

    /// The points' `x`.
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// The points' `y`.
    pub fn y(&self) -> &[f64] {
        &self.y
    }

    /// The interpolated value; the first or last `y` outside the range of `x`.
    pub fn value(&self, x: f64) -> f64 {
        match self.interval(x) {
            // A rounded `low + rise` may exceed the next point, which monotony forbids.
            Ok(i) => {
                let segment = self.segment(i);
                let u = (x - segment.start) / segment.width;
                (segment.low + segment.rise * segment.fraction(u)).min(self.y[i + 1])
            }
            Err(end) => self.y[end],
        }
    }

    /// The derivative of [`MonotoneCubic::value`]: the inner one at both ends of the range, 0 outside.
    pub fn derivative(&self, x: f64) -> f64 {
        match self.interval(x) {
            Ok(i) => {
                let segment = self.segment(i);
                let u = (x - segment.start) / segment.width;
                (segment.rise / segment.width * segment.fraction_slope(u)).max(0.0)
            }
            Err(end) if self.x[end] == x => self.slopes[end],
            Err(_) => 0.0,
        }
    }

    /// The smallest `x` of the range at which the value reaches `y`, to a few roundings.
    ///
    /// A flat stretch hence gives its left end. Below the range of `y` the result is the first `x`;
    /// above it, it is where the last `y` is first reached.
    pub fn inverse(&self, y: f64) -> f64 {
        // At least two points: the range is never empty.
        let last = self.x.len() - 1;
        let y = y.min(self.y[last]);
        let i = self.y.partition_point(|&value| value < y);
        if i == 0 || self.y[i] == y {
            return self.x[i];
        }
        let segment = self.segment(i - 1);
        let u = segment.solve((y - segment.low) / segment.rise);
        (segment.start + segment.width * u).min(self.x[i])
    }

    /// The interval `[x_i, x_(i+1))` of `x`, or the index of the end it lies at or beyond.
    fn interval(&self, x: f64) -> std::result::Result<usize, usize> {
        let last = self.x.len() - 1;
        if x >= self.x[last] {
            return Err(last);
        }
        self.x.partition_point(|&point| point <= x).checked_sub(1).ok_or(0)
    }

    fn segment(&self, i: usize) -> Segment {
        let (start, low) = (self.x[i], self.y[i]);
        let (width, rise) = (self.x[i + 1] - start, self.y[i + 1] - low);
        let relative = |slope: f64| if rise > 0.0 { slope / (rise / width) } else { 0.0 };
        let (a, b) = (relative(self.slopes[i]), relative(self.slopes[i + 1]));
        // Rounding of the quotient must not leave the region of monotony.
        Segment { start, width, low, rise, a: a.min(3.0), b: b.min(3.0) }
    }
}

impl Segment {
    /// `p(u)`, from 0 to 1.
    fn fraction(&self, u: f64) -> f64 {
        let v = 1.0 - u;
        u * (self.a * v * v + u * ((3.0 - self.b) * v + u))
    }

    /// `p'(u) = a (1-u)^2 + 2 (3-a-b) u (1-u) + b u^2`.
    fn fraction_slope(&self, u: f64) -> f64 {
        let v = 1.0 - u;
        self.a * v * v + 2.0 * (3.0 - self.a - self.b) * u * v + self.b * u * u
    }

    /// The root of `p(u) = q` for `q` in `(0, 1)`: Newton, or bisection of the bracket whenever
    /// Newton leaves it or the last step did not halve the residual.
    fn solve(&self, q: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        let (mut u, mut previous) = (q, f64::INFINITY);
        for _ in 0..MAX_ITERATIONS {
            let residual = self.fraction(u) - q;
            if residual < 0.0 {
                low = u;
            } else {
                high = u;
            }
            let newton = u - residual / self.fraction_slope(u);
            let tolerance = 2.0 * f64::EPSILON * u;
            if residual == 0.0 || high - low <= tolerance {
                break;
            }
            if (newton - u).abs() <= tolerance {
                return newton.clamp(low, high);
            }
            // A slope of zero gives no number, which is in no bracket.
            let inside = newton > low && newton < high;
            let halved = residual.abs() <= 0.5 * previous;
            u = if inside && halved { newton } else { 0.5 * (low + high) };
            previous = residual.abs();
        }
        u
    }
}

/// The slopes of \[Steffen90\] at the points `(x_i, y_i)` of any shape, at least two of them.
///
/// No slope exceeds twice a neighbouring secant, and its sign is that of both.
pub(super) fn limited_slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let count = x.len();
    let width = |i: usize| x[i + 1] - x[i];
    let secant = |i: usize| (y[i + 1] - y[i]) / width(i);
    if count == 2 {
        return vec![secant(0); 2];
    }
    // The parabola's slope at the outer end of interval `i` with neighbour `j`.
    let end = |i: usize, j: usize| {
        let share = width(i) / (width(i) + width(j));
        limit_to(secant(i) + share * (secant(i) - secant(j)), secant(i))
    };
    let inner = |i: usize| {
        let share = width(i - 1) / (width(i - 1) + width(i));
        let parabola = secant(i - 1) + share * (secant(i) - secant(i - 1));
        limit_to(limit_to(parabola, secant(i - 1)), secant(i))
    };
    let mut slopes = Vec::with_capacity(count);
    slopes.push(end(0, 1));
    slopes.extend((1..count - 1).map(inner));
    slopes.push(end(count - 2, count - 3));
    slopes
}

/// `slope` where it lies between zero and twice `secant`, otherwise the nearer of the two.
fn limit_to(slope: f64, secant: f64) -> f64 {
    if secant > 0.0 { slope.max(0.0).min(2.0 * secant) } else { slope.min(0.0).max(2.0 * secant) }
}

fn check_points(x: &[f64], y: &[f64]) -> Result<()> {
    if x.len() != y.len() {
        return Err(ScheduleError::Length { what: "values", found: y.len(), expected: x.len() });
    }
    check_increasing("points", x)?;
    if let Some(index) = y.iter().position(|y| !y.is_finite()) {
        return Err(ScheduleError::NotFinite { what: "values", index });
    }
    match y.windows(2).position(|pair| pair[1] < pair[0]) {
        Some(i) => Err(ScheduleError::Decreasing { what: "values", index: i + 1 }),
        None => Ok(()),
    }
}

/// Checks that there are at least two entries, all finite, strictly increasing, of finite span.
pub(super) fn check_increasing(what: &'static str, x: &[f64]) -> Result<()> {
    if x.len() < 2 {
        return Err(ScheduleError::TooFew { what, count: x.len() });
    }
    if let Some(index) = x.iter().position(|x| !x.is_finite()) {
        return Err(ScheduleError::NotFinite { what, index });
    }
    if let Some(i) = x.windows(2).position(|pair| pair[1] <= pair[0]) {
        return Err(ScheduleError::NotIncreasing { what, index: i + 1 });
    }
    let span = x[x.len() - 1] - x[0];
    if span.is_finite() { Ok(()) } else { Err(ScheduleError::Overflow(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steep, flat, unequally spaced, with a plateau at each end of the middle.
    fn nasty() -> MonotoneCubic {
        let x = vec![-2.0, -1.9, 0.0, 0.001, 3.0, 3.5, 7.0, 7.25, 20.0];
        let y = vec![-5.0, -1.0, -0.99, 4.0, 4.0, 4.0, 4.001, 90.0, 91.0];
        MonotoneCubic::new(x, y).unwrap()
    }

    /// `count` numbers from inside every interval, both ends included.
    fn dense(cubic: &MonotoneCubic, count: usize) -> impl Iterator<Item = f64> {
        cubic.x().windows(2).flat_map(move |pair| {
            (0..=count).map(move |k| pair[0] + (pair[1] - pair[0]) * (k as f64 / count as f64))
        })
    }

    /// Fails when a weight of the slopes is given to the wrong neighbour or `u` is not scaled. A
    /// parabola has slopes no three-point formula with swapped widths finds.
    #[test]
    fn lines_and_parabolas_are_exact() {
        let x = vec![0.0, 0.25, 1.0, 1.5, 4.0];
        let line = |x: f64| 3.0 * x - 1.0;
        let parabola = |x: f64| x * x + x;
        let through = |f: &dyn Fn(f64) -> f64| {
            MonotoneCubic::new(x.clone(), x.iter().map(|&x| f(x)).collect()).unwrap()
        };
        let (linear, quadratic) = (through(&line), through(&parabola));
        for x in dense(&linear, 16) {
            assert!((linear.value(x) - line(x)).abs() <= 4e-15 * 11.0, "{x}");
            assert_eq!(linear.derivative(x), 3.0, "{x}");
            assert!((quadratic.value(x) - parabola(x)).abs() <= 1e-14, "{x}");
            assert!((quadratic.derivative(x) - (2.0 * x + 1.0)).abs() <= 1e-14, "{x}");
        }
        let two = MonotoneCubic::new(vec![1.0, 3.0], vec![2.0, 8.0]).unwrap();
        assert_eq!([two.value(1.5), two.value(0.0), two.value(9.0)], [3.5, 2.0, 8.0]);
        assert_eq!(
            [two.derivative(1.0), two.derivative(3.0), two.derivative(3.5)],
            [3.0, 3.0, 0.0]
        );
    }

    /// Fails when slopes are not limited, points are missed, or a plateau is not one.
    #[test]
    fn monotone_through_all_points() {
        let cubic = nasty();
        for (&x, &y) in cubic.x().iter().zip(cubic.y()) {
            assert_eq!(cubic.value(x), y);
        }
        let values: Vec<f64> = dense(&cubic, 5000).map(|x| cubic.value(x)).collect();
        let rounding = |y: f64| 2.0 * f64::EPSILON * y.abs();
        assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - rounding(pair[0])));
        assert!(dense(&cubic, 100).all(|x| cubic.derivative(x) >= 0.0));
        assert_eq!([cubic.value(1.7), cubic.value(3.3), cubic.derivative(3.0)], [4.0, 4.0, 0.0]);
    }

    /// Fails when given slopes are exchanged, or left where they would make the cubic overshoot.
    #[test]
    fn given_slopes_are_kept_or_limited() {
        let cubic = |slopes: [f64; 3]| {
            let (x, y) = (vec![0.0, 1.0, 3.0], vec![0.0, 2.0, 3.0]);
            MonotoneCubic::with_slopes(x, y, slopes.to_vec())
        };
        let slopes = |cubic: MonotoneCubic| [0.0, 1.0, 3.0].map(|x| cubic.derivative(x));
        assert_eq!(slopes(cubic([5.0, 1.25, 0.0]).unwrap()), [5.0, 1.25, 0.0]);
        assert_eq!(slopes(cubic([7.0, 5.0, 2.0]).unwrap()), [6.0, 1.5, 1.5]);
        let negative = ScheduleError::Negative { what: "slopes", index: 1, value: -1.0 };
        assert_eq!(cubic([1.0, -1.0, 1.0]).unwrap_err(), negative);
    }

    /// Fails when a term of `p'` has the wrong sign or slope, or is not divided by the width.
    #[test]
    fn derivative_is_that_of_the_value() {
        let cubic = nasty();
        for pair in cubic.x().windows(2) {
            let (width, scale) = (pair[1] - pair[0], cubic.value(pair[1]) - cubic.value(pair[0]));
            for share in [0.1, 0.3, 0.55, 0.9] {
                let (x, step) = (pair[0] + share * width, 1e-5 * width);
                let change = cubic.value(x + step) - cubic.value(x - step);
                let error = (change / (2.0 * step) - cubic.derivative(x)) * width;
                assert!(error.abs() < 1e-8 * scale + 1e-9, "{x}: {error}");
            }
        }
    }

    /// Fails when Newton goes astray, the wrong interval is searched, or a plateau or the outside is
    /// not treated as documented.
    #[test]
    fn inverse_undoes_the_value() {
        let cubic = nasty();
        for x in dense(&cubic, 97).filter(|x| !(0.001..=3.5).contains(x)) {
            let back = cubic.inverse(cubic.value(x));
            // The value is rounded, which the inverse multiplies by one over the slope.
            let slope = cubic.derivative(x).max(1e-5);
            let tolerance = 4e-16 * (x.abs() + cubic.value(x).abs() / slope);
            assert!((back - x).abs() <= tolerance, "{x} {back} {slope}");
        }
        assert_eq!(
            [-9.0, -5.0, 4.0, 91.0, 99.0].map(|y| cubic.inverse(y)),
            [-2.0, -2.0, 0.001, 20.0, 20.0]
        );
        let flat_end = MonotoneCubic::new(vec![0.0, 1.0, 2.0], vec![0.0, 5.0, 5.0]).unwrap();
        assert_eq!(flat_end.inverse(6.0), 1.0);
    }

    /// Fails when small roots are found to absolute precision only, or a triple root is not found.
    #[test]
    fn inverse_has_relative_precision() {
        let cube =
            MonotoneCubic::with_slopes(vec![0.0, 1.0], vec![0.0, 1.0], vec![0.0, 3.0]).unwrap();
        let triple =
            MonotoneCubic::with_slopes(vec![0.0, 1.0], vec![0.0, 1.0], vec![3.0, 3.0]).unwrap();
        for x in [1e-60, 3e-9, 0.2, 0.7, 0.999] {
            assert!((cube.inverse(x * x * x) / x - 1.0).abs() < 1e-15, "{x}");
            let root = triple.inverse(triple.value(0.5 + x / 2.0)) - 0.5;
            assert!((root - x / 2.0).abs() < 1e-5, "{x} {root}");
        }
    }

    /// Fails when a condition is not checked, or named at the wrong index.
    #[test]
    fn conditions_are_named() {
        let error = |x: &[f64], y: &[f64]| MonotoneCubic::new(x.to_vec(), y.to_vec()).unwrap_err();
        let length = ScheduleError::Length { what: "values", found: 1, expected: 2 };
        assert_eq!(error(&[0.0, 1.0], &[0.0]), length);
        assert_eq!(error(&[0.0], &[0.0]), ScheduleError::TooFew { what: "points", count: 1 });
        let infinite = ScheduleError::NotFinite { what: "values", index: 1 };
        assert_eq!(error(&[0.0, 1.0], &[0.0, f64::NAN]), infinite);
        let tied = ScheduleError::NotIncreasing { what: "points", index: 2 };
        assert_eq!(error(&[0.0, 1.0, 1.0], &[0.0, 1.0, 2.0]), tied);
        let falling = ScheduleError::Decreasing { what: "values", index: 2 };
        assert_eq!(error(&[0.0, 1.0, 2.0], &[0.0, 2.0, 1.0]), falling);
        assert_eq!(error(&[0.0, 1e-10], &[0.0, 1e300]), ScheduleError::Overflow("values"));
    }
}
