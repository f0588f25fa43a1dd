//! A validated view of particles and their weights, as every metric reads them.

use std::borrow::Cow;

use super::{MetricError, Result};

/// The discrete distribution `sum_i W_i delta(x_i)`, `W_i = w_i / sum_j w_j`.
///
/// Constructors check every coordinate and weight once, so metrics only have to compare dimensions.
/// Weights are normalized where they are used. Until then they are only multiplied by a power of
/// two, which brings their sum near one without rounding: products of tiny weights do not vanish,
/// integer weights accumulate exactly, and repeating a point equals an integer weight bit by bit.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    dim: usize,
    points: Cow<'a, [f64]>,
    weights: Option<&'a [f64]>,
    scale: f64,
    total_weight: f64,
}

impl<'a> Sample<'a> {
    /// A sample whose points count equally; `points` is `[N x dim]`, row-major.
    ///
    /// # Errors
    ///
    /// When `dim` is zero, there is no point, the last row is incomplete, or a coordinate is not
    /// finite.
    pub fn unweighted(dim: usize, points: &'a [f64]) -> Result<Self> {
        Self::from_cow(dim, Cow::Borrowed(points))
    }

    /// A sample of `points` `[N x dim]`, row-major, with `weights` `[N]` of any positive sum.
    ///
    /// # Errors
    ///
    /// Those of [`Sample::unweighted`]; also when the number of weights differs from the number of
    /// points, a weight is negative or not finite, or the weights sum to zero or overflow.
    pub fn weighted(dim: usize, points: &'a [f64], weights: &'a [f64]) -> Result<Self> {
        let mut sample = Self::unweighted(dim, points)?;
        if weights.len() != sample.len() {
            let (points, weights) = (sample.len(), weights.len());
            return Err(MetricError::WeightsLength { points, weights });
        }
        let total = checked_total(weights)?;
        sample.scale = power_of_two_over(total);
        sample.total_weight = total * sample.scale;
        sample.weights = Some(weights);
        Ok(sample)
    }

    fn from_cow(dim: usize, points: Cow<'a, [f64]>) -> Result<Self> {
        if dim == 0 {
            return Err(MetricError::ZeroDimension);
        }
        if points.is_empty() {
            return Err(MetricError::EmptySample);
        }
        if !points.len().is_multiple_of(dim) {
            return Err(MetricError::PointsLength { length: points.len(), dim });
        }
        if let Some(index) = points.iter().position(|x| !x.is_finite()) {
            let (point, coordinate) = (index / dim, index % dim);
            return Err(MetricError::PointNotFinite { point, coordinate });
        }
        let total_weight = (points.len() / dim) as f64;
        Ok(Self { dim, points, weights: None, scale: 1.0, total_weight })
    }

    /// Number of coordinates of a point.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of points, `N`, those of weight zero included.
    pub fn len(&self) -> usize {
        self.points.len() / self.dim
    }

    /// Always false: an empty sample cannot be built.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The sum of the weights that [`Sample::iter`] gives; `N` when they are equal.
    pub fn total_weight(&self) -> f64 {
        self.total_weight
    }

    /// Every point with its weight, in order: 1 when weights are equal, otherwise the weight as given
    /// times the power of two that brings the sum into `[1/2, 1)`.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        let weight = |i: usize| self.weights.map_or(1.0, |weights| weights[i] * self.scale);
        self.points.chunks_exact(self.dim).enumerate().map(move |(i, x)| (x, weight(i)))
    }

    /// At most `count` points of equal weight in place of this sample.
    ///
    /// A sample of no more than `count` points is returned as it is, weights included. A larger one
    /// is resampled systematically: the points at the quantiles `(k + offset) / count`,
    /// `k = 0..count`, of the cumulative weight in row order, with `offset` in `[0, 1)`. A point of
    /// weight `W_i` is kept `count W_i` times, rounded up or down.
    ///
    /// # Errors
    ///
    /// When `count` is zero.
    pub fn thinned(&self, count: usize, offset: f64) -> Result<Sample<'_>> {
        if count == 0 {
            return Err(MetricError::NoPointsKept);
        }
        if self.len() <= count {
            let points = Cow::Borrowed(self.points.as_ref());
            return Ok(Sample { points, ..*self });
        }
        let mut kept = Vec::with_capacity(count * self.dim);
        let mut chosen = 0;
        let mut cumulative = 0.0;
        let mut last: &[f64] = &[];
        for (point, weight) in self.iter().filter(|&(_, weight)| weight > 0.0) {
            cumulative += weight;
            last = point;
            let quantile = |k: usize| (k as f64 + offset) / count as f64 * self.total_weight;
            while chosen < count && quantile(chosen) < cumulative {
                kept.extend_from_slice(point);
                chosen += 1;
            }
        }
        // An offset next to one can round the last quantile up to the total weight.
        for _ in chosen..count {
            kept.extend_from_slice(last);
        }
        Self::from_cow(self.dim, Cow::Owned(kept))
    }
}

/// The sum of weights that are all finite and not negative.
fn checked_total(weights: &[f64]) -> Result<f64> {
    let invalid = |w: &f64| !(w.is_finite() && *w >= 0.0);
    if let Some(index) = weights.iter().position(invalid) {
        return Err(MetricError::InvalidWeight { index, value: weights[index] });
    }
    let total: f64 = weights.iter().sum();
    if total == 0.0 {
        return Err(MetricError::WeightsAllZero);
    }
    if total.is_infinite() {
        return Err(MetricError::WeightsOverflow);
    }
    Ok(total)
}

/// The power of two that brings a positive number into `[1/2, 1)`, or as near as `f64` allows.
fn power_of_two_over(total: f64) -> f64 {
    let (_, exponent) = libm::frexp(total);
    libm::ldexp(1.0, (-exponent).min(f64::MAX_EXP - 1))
}

/// The common dimension of two samples.
pub(super) fn common_dim(a: &Sample<'_>, b: &Sample<'_>) -> Result<usize> {
    if a.dim == b.dim {
        Ok(a.dim)
    } else {
        Err(MetricError::DimensionMismatch { first: a.dim, second: b.dim })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a constructor lets a broken sample through or blames the wrong thing.
    #[test]
    fn constructors_name_the_violated_condition() {
        let error = |dim, points: &[f64]| Sample::unweighted(dim, points).unwrap_err();
        assert_eq!(error(0, &[1.0]), MetricError::ZeroDimension);
        assert_eq!(error(2, &[]), MetricError::EmptySample);
        assert_eq!(error(2, &[1.0; 3]), MetricError::PointsLength { length: 3, dim: 2 });
        assert_eq!(
            error(2, &[1.0, 2.0, 3.0, f64::NAN]),
            MetricError::PointNotFinite { point: 1, coordinate: 1 }
        );
        let error = |weights: &[f64]| Sample::weighted(1, &[1.0, 2.0], weights).unwrap_err();
        assert_eq!(error(&[1.0]), MetricError::WeightsLength { points: 2, weights: 1 });
        assert_eq!(error(&[1.0, -0.5]), MetricError::InvalidWeight { index: 1, value: -0.5 });
        assert!(matches!(error(&[f64::NAN, 1.0]), MetricError::InvalidWeight { index: 0, .. }));
        assert_eq!(error(&[0.0, 0.0]), MetricError::WeightsAllZero);
        assert_eq!(error(&[f64::MAX, f64::MAX]), MetricError::WeightsOverflow);
    }

    /// Fails when quantiles are misplaced: the cumulative weights are 1, 1, 6, 8, and two points with
    /// offset 1/4 sit at 1 and 5, the first on the edge of the first point, which it must not take.
    #[test]
    fn thinning_takes_the_points_at_the_quantiles() {
        let sample = Sample::weighted(1, &[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 5.0, 2.0]).unwrap();
        let kept = |count, offset| sample.thinned(count, offset).unwrap().points.into_owned();
        assert_eq!(kept(4, 0.5), [1.0, 2.0, 3.0, 4.0], "not larger: returned as it is");
        assert_eq!(kept(2, 0.0), [1.0, 3.0]);
        assert_eq!(kept(2, 0.25), [3.0, 3.0]);
        assert_eq!(kept(2, 0.75), [3.0, 4.0]);
        assert_eq!(kept(3, 1.0 - f64::EPSILON / 2.0), [3.0, 3.0, 4.0]);
        assert_eq!(sample.thinned(0, 0.5).unwrap_err(), MetricError::NoPointsKept);
    }

    /// Fails when the scale rounds a weight, overflows, or leaves tiny weights to vanish in products.
    #[test]
    fn weights_are_scaled_without_rounding() {
        for factor in [f64::from_bits(1), 1e-300, 0.1, 3.0, 1e307] {
            let weights = [3.0 * factor, factor];
            let sample = Sample::weighted(1, &[0.0, 1.0], &weights).unwrap();
            let scaled: Vec<f64> = sample.iter().map(|(_, weight)| weight).collect();
            assert_eq!(scaled[0] / scaled[1], weights[0] / weights[1]);
            assert_eq!(sample.total_weight(), scaled[0] + scaled[1]);
            assert!(sample.total_weight() < 1.0 && sample.total_weight() > 1e-16);
        }
    }

    /// Fails when thinning reads a weight other than as a number of repetitions.
    #[test]
    fn thinning_treats_repetitions_as_weight() {
        let weighted = Sample::weighted(1, &[5.0, -1.0, 2.0], &[4.0, 1.0, 3.0]).unwrap();
        let repeated = [5.0, 5.0, 5.0, 5.0, -1.0, 2.0, 2.0, 2.0];
        let repeated = Sample::unweighted(1, &repeated).unwrap();
        for offset in [0.0, 0.3, 0.9] {
            let (a, b) = (weighted.thinned(2, offset), repeated.thinned(2, offset));
            assert_eq!(a.unwrap().points, b.unwrap().points);
        }
    }
}
