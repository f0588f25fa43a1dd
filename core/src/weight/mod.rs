//! What is done with log-weights: sums, effective sample sizes, the evidence and resampling.
//!
//! With log-weights `log w_i` of `N` particles and normalized weights `W_i = w_i / sum_j w_j`:
//!
//! ```text
//! log sum_i w_i   = m + log sum_i exp(log w_i - m),        m = max_i log w_i
//! log Z           = log sum_i w_i - log N                  (AIS [Neal01]; a stage of SMC [DelMoral06])
//! ESS             = (sum_i W_i)^2 / sum_i W_i^2
//! CESS            = N (sum_i W_i u_i)^2 / sum_i W_i u_i^2  for incremental weights u_i
//! std_error^2     = sum_i (A_i - 1/N)^2                    A_i: weight of the family of particle i
//! E[offspring_i]  = M W_i                                  for every resampling scheme
//! D = log(Z_s/Z_t)                                         from forward and backward works
//! ```
//!
//! All sums have a fixed shape, so a result depends on the values and their order only, not on
//! the number of threads that produced the values, nor on the machine but for the last bits of kernels that cannot
//! fuse multiplication and addition.
//!
//! # Example
//! ```
//! use amc_core::rng::{Key, Purpose};
//! use amc_core::weight::{Resampling, effective_sample_size, normalize};
//!
//! let log_weights = [0.0, f64::ln(3.0), f64::NEG_INFINITY];
//! let mut weights = [0.0; 3];
//! let log_z = normalize(&log_weights, &mut weights)? - f64::ln(3.0);
//! assert!((log_z - f64::ln(4.0 / 3.0)).abs() < 1e-15);
//! assert!((effective_sample_size(&log_weights) - 1.6).abs() < 1e-15);
//!
//! let mut stream = Key::new(1, Purpose::Resampling).stream();
//! let mut ancestors = [0; 4];
//! Resampling::Systematic.ancestors(&weights, &mut stream, &mut ancestors)?;
//! assert_eq!(ancestors, [0, 1, 1, 1]);
//! # Ok::<(), amc_core::error::Error>(())
//! ```

mod effective_sample_size;
mod evidence;
mod exponential_sums;
mod log_sum_exp;
mod resampling;
mod work_sums;

pub use effective_sample_size::{conditional_effective_sample_size, effective_sample_size};
pub use evidence::{Evidence, normalize};
pub use exponential_sums::{TiltedSum, power_sums};
pub use log_sum_exp::{log_mean_exp, log_sum_exp, pairwise_sum};
pub use resampling::Resampling;
pub use work_sums::{LogSums, WorkSums};
