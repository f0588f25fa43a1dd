//! Integrals over intervals by Gauss-Legendre rules, for the laws that integrate instead of drawing.
//!
//! `int_a^b f = (b - a)/2 sum_i w_i f((a + b)/2 + (b - a)/2 x_i)`, exact for polynomials of degree `2 n - 1`; `x_i` are
//! the zeros of the Legendre polynomial `P_n` and `w_i = 2/((1 - x_i^2) P_n'(x_i)^2)` (Abramowitz & Stegun 25.4.29).

/// A rule on `(-1, 1)`: pairs of node and weight.
#[derive(Debug, Clone)]
pub(crate) struct GaussLegendre {
    points: Vec<(f64, f64)>,
}

impl GaussLegendre {
    /// The rule of `order` points.
    pub(crate) fn new(order: usize) -> Self {
        let point = |i: usize| {
            // Newton's iteration from a first guess that is near enough for every order.
            let angle = core::f64::consts::PI * (i as f64 + 0.75) / (order as f64 + 0.5);
            let mut x = libm::cos(angle);
            for _ in 0..20 {
                let (value, slope) = legendre(order, x);
                x -= value / slope;
            }
            let (_, slope) = legendre(order, x);
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        };
        Self { points: (0..order).map(point).collect() }
    }

    /// Nodes and weights on `(from, to)`.
    pub(crate) fn on(&self, from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> {
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        self.points.iter().map(move |(x, weight)| (middle + half * x, half * weight))
    }
}

/// Halvings of an interval at most.
const HALVINGS: usize = 40;

/// `int_from^to f`, intervals halved until the rule of eight points changes by at most `tolerance` of the whole.
pub(crate) fn integral(
    (from, to): (f64, f64),
    tolerance: f64,
    mut f: impl FnMut(f64) -> f64,
) -> f64 {
    let rule = GaussLegendre::new(8);
    let mut on = |from: f64, to: f64| rule.on(from, to).map(|(x, w)| w * f(x)).sum::<f64>();
    let first = on(from, to);
    let (mut sum, mut size, mut open) = (0.0, libm::fabs(first), vec![(from, to, first, 0)]);
    while let Some((from, to, whole, halvings)) = open.pop() {
        let middle = 0.5 * (from + to);
        let (lower, upper) = (on(from, middle), on(middle, to));
        let value = lower + upper;
        size = size.max(libm::fabs(value));
        // A value that is not a number never settles, and nothing comes of halving it.
        let settled = libm::fabs(value - whole) <= tolerance * size || !value.is_finite();
        if settled || halvings >= HALVINGS {
            sum += value;
        } else {
            open.extend([(from, middle, lower, halvings + 1), (middle, to, upper, halvings + 1)]);
        }
    }
    sum
}

/// `(P_n(x), P_n'(x))` by the three-term recurrence.
fn legendre(order: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for n in 2..=order {
        let n = n as f64;
        (before, value) = (value, ((2.0 * n - 1.0) * x * value - (n - 1.0) * before) / n);
    }
    (value, order as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a half is lost or counted twice: `int_0.001^1 dx/x^2 = 999`.
    #[test]
    fn intervals_are_halved_where_needed() {
        let found = integral((1e-3, 1.0), 1e-12, |x| 1.0 / (x * x));
        assert!((found / 999.0 - 1.0).abs() < 1e-10, "{found}");
    }

    /// Fails if a node or weight is wrong: `int_1^3 x^k` for every degree that the rule must get exactly, and an
    /// error for the first that it need not.
    #[test]
    fn exact_for_polynomials() {
        for order in [2, 5, 12] {
            let rule = GaussLegendre::new(order);
            for degree in 0..=2 * order {
                let k = degree as f64;
                let terms = rule.on(1.0, 3.0).map(|(x, w)| w * libm::pow(x, k));
                let found: f64 = terms.sum();
                let expected = (libm::pow(3.0, k + 1.0) - 1.0) / (k + 1.0);
                let error = (found / expected - 1.0).abs();
                assert!(
                    error < 1e-12 || (degree == 2 * order && error > 1e-13),
                    "{order} {degree}"
                );
            }
        }
        let square: f64 =
            GaussLegendre::new(2).on(0.0, 1.0).map(|(x, w)| w * libm::pow(x, 4.0)).sum();
        assert!((square - 7.0 / 36.0).abs() < 1e-15);
    }
}
