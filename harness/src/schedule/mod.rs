//! Where the levels go: the communication barrier of a path and the levels of equal increments.
//!
//! With `D(x) = d/dt log p_t(x)` the local barrier is `lambda(t) = 1/2 E|D(X) - D(X')|`, `X` and
//! `X'` independent from `p_t`, and the barrier is `Lambda(t) = int_0^t lambda` \[Syed22\]. To first
//! order a swap between neighbouring levels is rejected with probability
//! `r(t_i, t_(i+1)) = Lambda(t_(i+1)) - Lambda(t_i)`, so levels at equal increments of `Lambda` are
//! rejected equally often, which maximizes the rate of round trips for their number.
//!
//! Time 0 is the target and the last time the reference; times increase from 0.
//!
//! | item | what it does |
//! |---|---|
//! | [`local_barrier`] | `lambda(t)` from weighted values of `D`, with its standard error |
//! | [`barrier_of_rejection`] | the increment of `Lambda` between two levels from their rejections |
//! | [`Barrier`] | `Lambda` from local barriers or from increments, and its levels |
//! | [`round_trip_rate`] and its kin | what a list of rejections, or `Lambda`, costs |
//! | [`MonotoneCubic`] | the interpolation between measured times, and its inverse |
//!
//! # References
//!
//! - \[Syed22\] Syed, Bouchard-Cote, Deligiannidis, Doucet 2022, Non-reversible parallel tempering: a
//!   scalable highly parallel MCMC scheme, JRSS-B 84.
//! - \[FritschCarlson80\] Fritsch, Carlson 1980, Monotone piecewise cubic interpolation, SIAM J.
//!   Numer. Anal. 17.
//! - \[Steffen90\] Steffen 1990, A simple method for monotonic interpolation in one dimension,
//!   Astron. Astrophys. 239.

mod barrier;
mod local_barrier;
mod monotone_cubic;
mod rejection;
mod round_trip;

pub use barrier::Barrier;
pub use local_barrier::{LocalBarrier, local_barrier};
pub use monotone_cubic::MonotoneCubic;
pub use rejection::barrier_of_rejection;
pub use round_trip::{
    levels_for_half_the_limit, round_trip_limit, round_trip_rate, round_trip_rate_stochastic,
};

use thiserror::Error;

/// What fallible functions of this room return.
pub type Result<T> = std::result::Result<T, ScheduleError>;

/// The condition under which there is no profile, or it has no levels.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A list does not have the length another one asks for.
    #[error("{found} {what} were given where {expected} are needed")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it needs.
        expected: usize,
    },
    /// Fewer than two points span no interval.
    #[error("{count} {what} span no interval: at least two are needed")]
    TooFew {
        /// The list.
        what: &'static str,
        /// Its length.
        count: usize,
    },
    /// An entry is NaN or infinite.
    #[error("entry {index} of the {what} is not finite")]
    NotFinite {
        /// The list.
        what: &'static str,
        /// Index of the entry.
        index: usize,
    },
    /// An entry is not larger than the one before it.
    #[error("entry {index} of the {what} is not larger than the one before")]
    NotIncreasing {
        /// The list.
        what: &'static str,
        /// Index of the later entry.
        index: usize,
    },
    /// An entry is smaller than the one before it.
    #[error("entry {index} of the {what} is smaller than the one before")]
    Decreasing {
        /// The list.
        what: &'static str,
        /// Index of the later entry.
        index: usize,
    },
    /// The first time is not that of the target.
    #[error("the first time is {0}, but the target is at 0")]
    FirstTime(f64),
    /// An entry that cannot be negative is.
    #[error("entry {index} of the {what} is {value}, which is negative")]
    Negative {
        /// The list.
        what: &'static str,
        /// Index of the entry.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A rejection rate is no probability.
    #[error("rejection {index} is {value}, which is outside [0, 1]")]
    Rejection {
        /// Index of the rejection.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// No levels were asked for.
    #[error("a path needs at least one step")]
    NoSteps,
    /// There are fewer floating-point numbers up to the last time than levels.
    #[error("{steps} levels do not fit between 0 and {last}; use fewer path.levels")]
    NoRoom {
        /// Levels asked for.
        steps: usize,
        /// The last time.
        last: f64,
    },
    /// A difference or a slope leaves the range of `f64`.
    #[error("the slopes of the {0} overflow")]
    Overflow(&'static str),
}
