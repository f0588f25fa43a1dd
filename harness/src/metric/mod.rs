//! Distances between samples: how far the particles of a run are from exact draws of its target.
//!
//! Every metric reads two [`Sample`]s, weighted or not, and treats weights the same way: a sample
//! is the discrete distribution `sum_i W_i delta(x_i)` with `W_i = w_i / sum_j w_j`. Hence a point
//! of weight 2 counts exactly like the same point listed twice with weight 1, and a point of weight
//! zero does not count at all. No metric resamples, except where [`MaximumMeanDiscrepancy`] says so.
//!
//! | metric | sees | value for equal samples |
//! |---|---|---|
//! | [`sliced_wasserstein`] | location, spread and mode weights, in units of `x` | 0 |
//! | [`maximum_mean_discrepancy`] | differences at the scale of its bandwidth | 0 |
//! | [`kolmogorov_smirnov`] | one-dimensional marginals, free of units | 0 |
//! | [`mode_weight_error`] | how mass is shared among known modes | 0 |
//! | [`rarest_mode_relative_error`] | the mode a sampler loses first | 0 |
//!
//! All but the last have a noise floor above zero for finite samples of one distribution. Report it
//! beside the value: of distances, the same call on two independent exact samples of the same sizes; of mode weights,
//! [`mode_weight_floor`].
//!
//! Work is split over rayon threads by direction, row or coordinate and summed in a fixed order, so
//! a result has the same bits for any number of threads.

mod empirical;
mod error;
mod kolmogorov_smirnov;
mod mmd;
mod mode_weights;
mod random;
mod sample;
mod sliced_wasserstein;

pub use error::MetricError;
pub use kolmogorov_smirnov::kolmogorov_smirnov;
pub use mmd::{MaximumMeanDiscrepancy, maximum_mean_discrepancy};
pub use mode_weights::{
    mode_weight_error, mode_weight_floor, mode_weight_std_errors, mode_weights,
    rarest_mode_relative_error,
};
pub use sample::Sample;
pub use sliced_wasserstein::{SlicedWasserstein, sliced_wasserstein};

/// What every metric returns.
pub type Result<T> = std::result::Result<T, MetricError>;

#[cfg(test)]
mod test_support;
