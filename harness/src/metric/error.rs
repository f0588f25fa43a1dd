//! The conditions under which a metric has no value.

use thiserror::Error;

/// The condition a sample, an option or a pair of arguments violated.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The dimension of a sample is zero.
    #[error("a sample needs at least one coordinate")]
    ZeroDimension,
    /// A sample has no points.
    #[error("a sample needs at least one point")]
    EmptySample,
    /// The coordinates do not fill a whole number of rows.
    #[error("{length} coordinates do not form rows of {dim}")]
    PointsLength {
        /// Coordinates given.
        length: usize,
        /// Coordinates in a row.
        dim: usize,
    },
    /// There is not exactly one weight for every point.
    #[error("{points} points have {weights} weights")]
    WeightsLength {
        /// Points given.
        points: usize,
        /// Weights given.
        weights: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {coordinate} of point {point} is not finite")]
    PointNotFinite {
        /// Index of the point.
        point: usize,
        /// Index of the coordinate within the point.
        coordinate: usize,
    },
    /// A weight is negative, NaN or infinite.
    #[error("weight {index} is {value}; weights are finite and not negative")]
    InvalidWeight {
        /// Index of the weight.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// All weights are zero, so nothing can be normalized.
    #[error("all weights are zero")]
    WeightsAllZero,
    /// The sum of the weights is not finite.
    #[error("the sum of the weights overflows; divide them by the largest first")]
    WeightsOverflow,
    /// Two samples live in spaces of different dimension.
    #[error("one sample has dimension {first}, the other {second}")]
    DimensionMismatch {
        /// Dimension of the first sample.
        first: usize,
        /// Dimension of the second sample.
        second: usize,
    },
    /// The sliced distance was asked for without any direction.
    #[error("the sliced Wasserstein distance needs at least one direction")]
    NoDirections,
    /// The order of a Wasserstein distance is below one or not finite.
    #[error("the order of a Wasserstein distance is finite and at least 1, not {0}")]
    InvalidOrder(f64),
    /// The kernel's bandwidth is not positive, or its square leaves the range of `f64`.
    #[error("the bandwidth {0} is not positive, or its square leaves the range of f64")]
    InvalidBandwidth(f64),
    /// Thinning to zero points was asked for.
    #[error("a sample cannot be thinned to zero points")]
    NoPointsKept,
    /// All points of the reference sample coincide, so their distances set no bandwidth.
    #[error("all reference points coincide: give the bandwidth instead of the median heuristic")]
    CoincidentReference,
    /// Estimated and true mode weights differ in number.
    #[error("{estimated} estimated mode weights face {truth} true ones")]
    ModeCount {
        /// Number of estimated weights.
        estimated: usize,
        /// Number of true weights.
        truth: usize,
    },
    /// Mode weights, or the responsibilities of a point, do not sum to one.
    #[error("{what} sum to {sum}, not to one")]
    NotNormalized {
        /// The quantity.
        what: &'static str,
        /// Its sum.
        sum: f64,
    },
    /// Coordinates are so large that the named metric overflows.
    #[error("the {0} overflows: coordinates are too large")]
    Overflow(&'static str),
}
