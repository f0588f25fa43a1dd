//! The maximum mean discrepancy between two weighted samples under a Gaussian kernel.
//!
//! `MMD^2 = sum_ij W_i W_j k(a_i, a_j) + sum_ij V_i V_j k(b_i, b_j) - 2 sum_ij W_i V_j k(a_i, b_j)`
//! with `k(x, y) = exp(-|x - y|^2 / (2 h^2))`, the squared distance of the kernel mean embeddings
//! (V-statistic of Gretton, Borgwardt, Rasch, Schoelkopf, Smola 2012, JMLR 13, equation 5).

use rayon::prelude::*;

use super::random::offset;
use super::sample::common_dim;
use super::{MetricError, Result, Sample};

/// Points of the reference sample whose distances set the bandwidth: 130,816 pairs.
const BANDWIDTH_POINTS: usize = 512;

/// Options of [`maximum_mean_discrepancy`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaximumMeanDiscrepancy {
    /// Points kept of each sample; 2048 by default. A larger sample is replaced by this many points
    /// of equal weight, by systematic resampling in row order.
    pub max_points: usize,
    /// The bandwidth `h` in the units of the coordinates; by default the median heuristic.
    pub bandwidth: Option<f64>,
    /// Seed of the offset in systematic resampling, shared by both samples; 0 by default.
    pub seed: u64,
}

impl Default for MaximumMeanDiscrepancy {
    fn default() -> Self {
        Self { max_points: 2048, bandwidth: None, seed: 0 }
    }
}

/// The maximum mean discrepancy `sqrt(max(0, MMD^2))` of `a` from the reference sample `b`.
///
/// Weights enter the double sums normalized. In `[0, sqrt(2)]`, without units. Diagonal terms are
/// included, so the value is a distance of the two discrete distributions, zero only when they
/// agree; for independent points of one distribution `MMD^2` is about `1/N + 1/M` times
/// `1 - E k(X, X')`. Values below `1e-7` are rounding: the three sums cancel.
///
/// Without a given bandwidth `h` is the median heuristic on `b` alone, so that samplers measured
/// against one reference are measured by one kernel: the median of the distances `|b_i - b_j|`,
/// pairs weighted by `V_i V_j` and those of coinciding points left out, over at most 512 points of
/// `b` (systematic resampling under `seed`); the smallest distance at which half of the pairs'
/// weight is reached.
///
/// Costs `O((N^2 + N M + M^2) d)` kernel values, hence `max_points`. Only when a sample is larger
/// than that does the value depend on the order of its rows.
///
/// # Errors
///
/// When the dimensions differ, `max_points` is zero, the given bandwidth is not positive, all
/// reference points coincide and none is given, or coordinates are so large that distances overflow.
pub fn maximum_mean_discrepancy(
    a: &Sample<'_>,
    b: &Sample<'_>,
    options: &MaximumMeanDiscrepancy,
) -> Result<f64> {
    common_dim(a, b)?;
    let offset = offset(options.seed);
    let rate = match options.bandwidth {
        Some(bandwidth) => decay_rate(bandwidth)?,
        None => 0.5 / median_squared_distance(&b.thinned(BANDWIDTH_POINTS, offset)?)?,
    };
    let a = a.thinned(options.max_points, offset)?;
    let b = b.thinned(options.max_points, offset)?;
    let squared =
        mean_kernel(&a, &a, rate) + mean_kernel(&b, &b, rate) - 2.0 * mean_kernel(&a, &b, rate);
    if squared.is_finite() {
        Ok(libm::sqrt(squared.max(0.0)))
    } else {
        Err(MetricError::Overflow("maximum mean discrepancy"))
    }
}

/// `1 / (2 h^2)`.
fn decay_rate(bandwidth: f64) -> Result<f64> {
    let rate = 0.5 / (bandwidth * bandwidth);
    if bandwidth > 0.0 && rate.is_finite() && rate > 0.0 {
        Ok(rate)
    } else {
        Err(MetricError::InvalidBandwidth(bandwidth))
    }
}

/// The square of the weighted median distance between points that do not coincide.
fn median_squared_distance(sample: &Sample<'_>) -> Result<f64> {
    let mut pairs = Vec::with_capacity(sample.len() * (sample.len() - 1) / 2);
    for (i, (x, x_weight)) in sample.iter().enumerate() {
        let others = sample.iter().take(i);
        pairs.extend(others.map(|(y, y_weight)| (squared_distance(x, y), x_weight * y_weight)));
    }
    pairs.retain(|&(squared, weight)| squared > 0.0 && weight > 0.0);
    pairs.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then_with(|| x.1.total_cmp(&y.1)));
    let half = 0.5 * pairs.iter().map(|pair| pair.1).sum::<f64>();
    let mut cumulative = 0.0;
    let median = pairs.iter().find(|pair| {
        cumulative += pair.1;
        cumulative >= half
    });
    match median {
        Some(&(squared, _)) if squared.is_finite() => Ok(squared),
        Some(_) => Err(MetricError::Overflow("median distance")),
        None => Err(MetricError::CoincidentReference),
    }
}

/// `sum_ij W_i V_j exp(-rate |a_i - b_j|^2)`, rows in parallel and summed in order.
fn mean_kernel(a: &Sample<'_>, b: &Sample<'_>, rate: f64) -> f64 {
    let rows: Vec<(&[f64], f64)> = a.iter().collect();
    let row_sums: Vec<f64> = rows
        .into_par_iter()
        .map(|(x, x_weight)| {
            let kernel = |y| libm::exp(-rate * squared_distance(x, y));
            x_weight * b.iter().map(|(y, y_weight)| y_weight * kernel(y)).sum::<f64>()
        })
        .collect();
    row_sums.iter().sum::<f64>() / a.total_weight() / b.total_weight()
}

fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{assert_same_for_any_threads, close, points};
    use super::*;

    fn discrepancy(a: &Sample<'_>, b: &Sample<'_>, bandwidth: Option<f64>) -> f64 {
        let options = MaximumMeanDiscrepancy { bandwidth, ..Default::default() };
        maximum_mean_discrepancy(a, b, &options).unwrap()
    }

    /// Fails when a sign, a weight, the factor 2 of the bandwidth or a diagonal term is wrong:
    /// masses 1/4 at 0 and 3/4 at 2 against one point at 1, with `h = 2`.
    #[test]
    fn three_points_by_hand() {
        let a = Sample::weighted(1, &[0.0, 2.0], &[1.0, 3.0]).unwrap();
        let b = Sample::unweighted(1, &[1.0]).unwrap();
        let kernel = |distance: f64| (-distance * distance / 8.0).exp();
        let within_a = (1.0 + 9.0) / 16.0 + 2.0 * 3.0 / 16.0 * kernel(2.0);
        let expected = (within_a + 1.0 - 2.0 * kernel(1.0)).sqrt();
        close(discrepancy(&a, &b, Some(2.0)), expected, 1e-14);
        assert_eq!(discrepancy(&a, &a, Some(2.0)), 0.0);
    }

    /// Fails when the median is taken over `a`, over coinciding points, without weights, or the
    /// wrong way round: distances of 0, 3, 3, 10 are 3, 3, 7, 7, 10; with weights 5, 0.5, 0.5, 4 the
    /// pair (0, 10) holds 20 of 29.
    #[test]
    fn bandwidth_is_the_weighted_median_of_the_reference() {
        let a = Sample::unweighted(1, &[0.0, 0.1, 0.3]).unwrap();
        let equal = Sample::unweighted(1, &[0.0, 3.0, 3.0, 10.0]).unwrap();
        assert_eq!(discrepancy(&a, &equal, None), discrepancy(&a, &equal, Some(7.0)));
        let weights = [5.0, 0.5, 0.5, 4.0];
        let weighted = Sample::weighted(1, &[0.0, 3.0, 3.0, 10.0], &weights).unwrap();
        assert_eq!(discrepancy(&a, &weighted, None), discrepancy(&a, &weighted, Some(10.0)));
    }

    /// Fails when a weight is anything but a number of repetitions, also in the reference, where it
    /// sets the bandwidth too, and also when both are thinned.
    #[test]
    fn weights_are_repetitions() {
        let (x, y) = (points(2, 5), points(2, 7));
        let weighted = Sample::weighted(2, &x, &[1.0, 3.0, 0.0, 2.0, 1.0]).unwrap();
        let rows: Vec<f64> =
            [0, 1, 1, 1, 3, 3, 4].iter().flat_map(|&i| [x[2 * i], x[2 * i + 1]]).collect();
        let repeated = Sample::unweighted(2, &rows).unwrap();
        let other = Sample::unweighted(2, &y).unwrap();
        close(discrepancy(&weighted, &other, None), discrepancy(&repeated, &other, None), 1e-13);
        close(discrepancy(&other, &weighted, None), discrepancy(&other, &repeated, None), 1e-13);
        assert!(discrepancy(&weighted, &repeated, None) < 1e-7);
        let thin = MaximumMeanDiscrepancy { max_points: 4, seed: 3, ..Default::default() };
        let thinned = |a| maximum_mean_discrepancy(a, &other, &thin).unwrap();
        assert_eq!(thinned(&weighted), thinned(&repeated));
    }

    /// Fails when only one sample is thinned, or the two under different offsets.
    #[test]
    fn both_samples_are_thinned_alike() {
        let (x, y) = (points(2, 9), points(2, 8));
        let (a, b) = (Sample::unweighted(2, &x).unwrap(), Sample::unweighted(2, &y).unwrap());
        let offset = offset(3);
        let [kept_a, kept_b] = [&a, &b].map(|sample| sample.thinned(4, offset).unwrap());
        let options = MaximumMeanDiscrepancy { max_points: 4, bandwidth: Some(1.5), seed: 3 };
        let value = maximum_mean_discrepancy(&a, &b, &options).unwrap();
        assert_eq!(value, discrepancy(&kept_a, &kept_b, Some(1.5)));
        assert_ne!(value, discrepancy(&kept_a, &b, Some(1.5)));
    }

    /// Fails when the unit of the weights matters, or their products vanish.
    #[test]
    fn tiny_weights_are_normalized() {
        let (x, y) = (points(1, 3), points(1, 5));
        let b = Sample::unweighted(1, &y).unwrap();
        let value = |unit: f64| {
            let weights = [3.0, 1.0, 2.0].map(|weight| weight * unit);
            let a = Sample::weighted(1, &x, &weights).unwrap();
            [discrepancy(&a, &b, None), discrepancy(&b, &a, None)]
        };
        assert_eq!(value(1.0), value(libm::ldexp(1.0, -1000)));
    }

    /// Fails when the order of rows matters beyond rounding, the number of threads matters at all,
    /// or the seed does not reach the thinning.
    #[test]
    fn same_value_for_any_order_and_bits_for_any_threads() {
        let (x, y) = (points(3, 60), points(3, 41));
        let a = Sample::unweighted(3, &x).unwrap();
        let b = Sample::unweighted(3, &y).unwrap();
        let reversed: Vec<f64> = x.chunks(3).rev().flatten().copied().collect();
        let reversed = Sample::unweighted(3, &reversed).unwrap();
        close(discrepancy(&reversed, &b, None), discrepancy(&a, &b, None), 1e-12);
        let thinned = |seed| {
            let options = MaximumMeanDiscrepancy { max_points: 16, seed, ..Default::default() };
            maximum_mean_discrepancy(&a, &b, &options).unwrap()
        };
        assert_ne!(thinned(1), thinned(2));
        assert_same_for_any_threads(|| vec![discrepancy(&a, &b, None), thinned(1)]);
    }

    /// Fails when an impossible request is answered with a number.
    #[test]
    fn impossible_requests_are_errors() {
        let a = Sample::unweighted(1, &[1.0, 2.0]).unwrap();
        let coincident = Sample::weighted(1, &[4.0, 4.0, 9.0], &[1.0, 2.0, 0.0]).unwrap();
        let far = Sample::unweighted(1, &[1e200, -1e200]).unwrap();
        let plane = Sample::unweighted(2, &[1.0, 2.0]).unwrap();
        let options = MaximumMeanDiscrepancy::default();
        let error = |b, options| maximum_mean_discrepancy(&a, b, &options).unwrap_err();
        assert_eq!(error(&coincident, options), MetricError::CoincidentReference);
        assert_eq!(error(&far, options), MetricError::Overflow("median distance"));
        assert_eq!(error(&plane, options), MetricError::DimensionMismatch { first: 1, second: 2 });
        let zero = MaximumMeanDiscrepancy { bandwidth: Some(0.0), ..options };
        assert_eq!(error(&a, zero), MetricError::InvalidBandwidth(0.0));
        let none = MaximumMeanDiscrepancy { max_points: 0, ..options };
        assert_eq!(error(&a, none), MetricError::NoPointsKept);
    }
}
