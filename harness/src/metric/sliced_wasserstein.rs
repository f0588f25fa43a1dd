//! The sliced Wasserstein distance between two weighted samples.
//!
//! `SW_p(a, b) = (1/L sum_l W_p^p(theta_l . a, theta_l . b))^(1/p)` over `L` random directions
//! `theta_l`, uniform on the unit sphere, where on the line
//! `W_p^p(mu, nu) = int_0^1 |Q_mu(u) - Q_nu(u)|^p du` with quantile functions `Q`
//! (Bonneel, Rabin, Peyre, Pfister 2015, J. Math. Imaging Vis. 51).

use rayon::prelude::*;

use super::empirical::Empirical;
use super::random::fill_direction;
use super::sample::common_dim;
use super::{MetricError, Result, Sample};

/// Options of [`sliced_wasserstein`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlicedWasserstein {
    /// Number of random directions, `L`; 128 by default.
    pub directions: usize,
    /// Order `p` of the distance, at least 1; 2 by default.
    pub order: f64,
    /// Seed of the directions; 0 by default. Values under one seed share their directions, so their
    /// differences are less noisy than the values themselves.
    pub seed: u64,
}

impl Default for SlicedWasserstein {
    fn default() -> Self {
        Self { directions: 128, order: 2.0, seed: 0 }
    }
}

/// The sliced Wasserstein distance `SW_p(a, b)`, in the units of the coordinates.
///
/// Weights are part of the distributions compared: each one-dimensional distance is exact for the
/// weighted projections, without resampling, and the two sizes may differ. In one dimension the
/// value is `W_p` itself; in `d` dimensions a shift by `v` gives `|v| / sqrt(d)` on average
/// (order 2, root of the mean square over directions).
///
/// Costs `O(L (N (d + log N)))`; buffers of the size of both samples per thread.
///
/// # Errors
///
/// When the dimensions differ, there are no directions, the order is below 1 or not finite, or
/// coordinates are so large that the sum overflows.
pub fn sliced_wasserstein(
    a: &Sample<'_>,
    b: &Sample<'_>,
    options: &SlicedWasserstein,
) -> Result<f64> {
    let SlicedWasserstein { directions, order, seed } = *options;
    let dim = common_dim(a, b)?;
    if directions == 0 {
        return Err(MetricError::NoDirections);
    }
    if !(order.is_finite() && order >= 1.0) {
        return Err(MetricError::InvalidOrder(order));
    }
    let costs: Vec<f64> = (0..directions)
        .into_par_iter()
        .map_init(
            || Slice { direction: vec![0.0; dim], ..Slice::default() },
            |slice, index| {
                fill_direction(seed, index, &mut slice.direction);
                slice.cost(a, b, order)
            },
        )
        .collect();
    let mean = costs.iter().sum::<f64>() / directions as f64;
    let distance = if order == 2.0 { libm::sqrt(mean) } else { libm::pow(mean, 1.0 / order) };
    if distance.is_finite() {
        Ok(distance)
    } else {
        Err(MetricError::Overflow("sliced Wasserstein distance"))
    }
}

/// One direction and both samples projected on it; the buffers of a thread.
#[derive(Default)]
struct Slice {
    direction: Vec<f64>,
    a: Empirical,
    b: Empirical,
}

impl Slice {
    /// `W_p^p` between the projections of `a` and `b` on the current direction.
    fn cost(&mut self, a: &Sample<'_>, b: &Sample<'_>, order: f64) -> f64 {
        let Self { direction, a: line_a, b: line_b } = self;
        line_a.refill(a.iter().map(|(point, weight)| (dot(direction, point), weight)));
        line_b.refill(b.iter().map(|(point, weight)| (dot(direction, point), weight)));
        // The power function is several times the cost of the rest of the walk.
        if order == 2.0 {
            line_a.transport_cost(line_b, |x| x * x)
        } else if order == 1.0 {
            line_a.transport_cost(line_b, f64::abs)
        } else {
            line_a.transport_cost(line_b, |x| libm::pow(x.abs(), order))
        }
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{assert_same_for_any_threads, close, points};
    use super::*;

    fn distance(a: &Sample<'_>, b: &Sample<'_>, order: f64) -> f64 {
        let options = SlicedWasserstein { directions: 16, order, seed: 5 };
        sliced_wasserstein(a, b, &options).unwrap()
    }

    /// Fails when mass is paired wrongly, a weight is dropped or the root is of the wrong order:
    /// of the masses 1/4 at 0 and 3/4 at 10 against all at 4, a quarter moves 4, the rest moves 6.
    #[test]
    fn point_masses_on_the_line() {
        let a = Sample::weighted(1, &[10.0, 0.0], &[0.75, 0.25]).unwrap();
        let b = Sample::unweighted(1, &[4.0]).unwrap();
        close(distance(&a, &b, 1.0), 0.25 * 4.0 + 0.75 * 6.0, 1e-15);
        close(distance(&a, &b, 2.0), (0.25_f64 * 16.0 + 0.75 * 36.0).sqrt(), 1e-15);
        close(distance(&a, &b, 3.0), (0.25_f64 * 64.0 + 0.75 * 216.0).cbrt(), 1e-14);
    }

    /// Fails when a shift is not measured as such: on the line it is the shift itself for every
    /// order; in the plane the root mean square of its projections, `|v| / sqrt(d)` on average.
    #[test]
    fn a_shift_costs_its_projections() {
        let line = points(1, 37);
        let shifted: Vec<f64> = line.iter().map(|x| x - 1.75).collect();
        let [a, b] = [&line, &shifted].map(|points| Sample::unweighted(1, points).unwrap());
        for order in [1.0, 1.5, 2.0, 4.0] {
            close(distance(&a, &b, order), 1.75, 1e-14);
        }

        let shift = [3.0, -1.0];
        let plane = points(2, 37);
        let shifted: Vec<f64> = plane.chunks(2).flat_map(|x| [x[0] + 3.0, x[1] - 1.0]).collect();
        let [a, b] = [&plane, &shifted].map(|points| Sample::unweighted(2, points).unwrap());
        let mut direction = [0.0; 2];
        let mut mean_square = 0.0;
        for index in 0..16 {
            fill_direction(5, index, &mut direction);
            mean_square += dot(&direction, &shift).powi(2) / 16.0;
        }
        close(distance(&a, &b, 2.0), mean_square.sqrt(), 1e-13);
        let options = SlicedWasserstein { directions: 20_000, ..Default::default() };
        close(sliced_wasserstein(&a, &b, &options).unwrap(), 5.0_f64.sqrt(), 0.02);
    }

    /// Fails when a weight is anything but a number of repetitions, or weight zero counts.
    #[test]
    fn weights_are_repetitions() {
        let (x, other) = (points(3, 4), points(3, 7));
        let a = Sample::weighted(3, &x, &[2.0, 0.0, 1.0, 3.0]).unwrap();
        let rows: Vec<f64> =
            [3, 0, 3, 2, 0, 3].iter().flat_map(|&i| x[3 * i..3 * i + 3].to_vec()).collect();
        let repeated = Sample::unweighted(3, &rows).unwrap();
        let other = Sample::unweighted(3, &other).unwrap();
        assert_eq!(distance(&a, &repeated, 2.0), 0.0);
        assert_eq!(distance(&a, &other, 2.0), distance(&repeated, &other, 2.0));
        assert!(distance(&a, &other, 2.0) > 0.1);
    }

    /// Fails when the order of rows, the order of arguments or the number of threads changes a bit.
    #[test]
    fn same_bits_for_any_order_and_threads() {
        let (x, y) = (points(3, 50), points(3, 31));
        let weights: Vec<f64> = (0..50).map(|i| 0.1 + (i % 7) as f64).collect();
        let a = Sample::weighted(3, &x, &weights).unwrap();
        let b = Sample::unweighted(3, &y).unwrap();
        let expected = distance(&a, &b, 2.0);
        assert_eq!(expected, distance(&b, &a, 2.0));
        let reversed: Vec<f64> = x.chunks(3).rev().flatten().copied().collect();
        let weights_reversed: Vec<f64> = weights.iter().rev().copied().collect();
        let reversed = Sample::weighted(3, &reversed, &weights_reversed).unwrap();
        assert_eq!(expected, distance(&reversed, &b, 2.0));
        assert_same_for_any_threads(|| vec![distance(&a, &b, 2.0), distance(&a, &b, 2.5)]);
    }

    /// Fails when an impossible request is answered with a number.
    #[test]
    fn impossible_requests_are_errors() {
        let a = Sample::unweighted(1, &[1e200, 0.0]).unwrap();
        let b = Sample::unweighted(2, &[1.0, 0.0]).unwrap();
        let zero = Sample::unweighted(1, &[0.0]).unwrap();
        let options = SlicedWasserstein::default();
        let error = |b, options| sliced_wasserstein(&a, b, &options).unwrap_err();
        assert_eq!(error(&b, options), MetricError::DimensionMismatch { first: 1, second: 2 });
        let none = SlicedWasserstein { directions: 0, ..options };
        assert_eq!(error(&zero, none), MetricError::NoDirections);
        let order = SlicedWasserstein { order: 0.5, ..options };
        assert_eq!(error(&zero, order), MetricError::InvalidOrder(0.5));
        assert!(matches!(error(&zero, options), MetricError::Overflow(_)));
    }
}
