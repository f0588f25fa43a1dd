//! Paths of densities from a target (`t = 0`) to a reference (`t = 1`).
//!
//! *Diffusion*: `X_t = alpha_t X_0 + sigma_t eps`, `p_t` the law of `X_t`; a [`NoiseSchedule`] gives
//! `alpha_t` and `v_t = sigma_t^2`, and a [`NoisingStep`] the transition between two of its times.
//! *Tempering*: `log p_beta = (1 - beta) log rho + beta log gamma` with `beta = 1 - t`
//! ([`crate::density::Tempered`]).
//! A [`Schedule`] is the validated list of level times, `t_0 = 0 < t_1 < ... < t_L <= 1`.

mod noise_schedule;
mod schedule;
mod time_derivative;

pub use noise_schedule::{NoiseSchedule, NoisingStep, VeShape};
pub use schedule::{Schedule, log_snr_times, quadratic_times, uniform_times};
pub use time_derivative::{diffusion_time_derivative, tempering_time_derivative};
