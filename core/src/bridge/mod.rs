//! Bridges: moves between neighbouring levels, each with its own log-work.
//!
//! A bridge goes from the noisier level `t` to the cleaner level `s` with a forward kernel `k` and
//! back with a kernel `q`, and knows for every pair of states
//!
//! `log_work(x, y) = log p_s(y) + log q(x | y) - log p_t(x) - log k(y | x)`.
//!
//! AIS adds it to the log-weight, SMC too, replica exchange accepts a swap with
//! `min(1, exp(log_work(x_t, y_s) - log_work(y_t, x_s)))`, the reverse run subtracts it. Forward,
//! `E[exp(log_work)] = Z_s / Z_t`; that law holds for every bridge and is what the verification
//! checks. Bridges differ in the forward kernel only:
//!
//! | bridge | forward kernel `k(x_s given x_t)` | file |
//! |---|---|---|
//! | identity | `x_s = x_t` | `identity.rs` |
//! | exponential integrator | `N(x_t/a + e S_t, (v/a^2) I)` | `exponential_integrator.rs` |
//! | DDPM | `N(m, v I)`, or variance `v/a^2` or `v v_s/v_t` | `ddpm.rs` |
//! | isotropic-optimal | `N(m, c I)`, `c = (v/a^2)(1 - v E_t|S|^2/d)` | `isotropic_optimal.rs` |
//! | diagonal | `N(m, diag C)` | `diagonal.rs` |
//! | second order | `N(m, C)`, structured or dense | `second_order_structured.rs`, `second_order_dense.rs` |
//! | exact | the mixture `p(x_s given x_t)` itself | `exact.rs` |
//!
//! with `m = (x_t + v S_t)/a`, `C = (v/a^2)(I + v H_t)`. The backward kernel of all but the first is
//! the noising transition `q = N(a x_s, v I)`.

mod ddpm;
mod denoising;
mod diagonal;
mod exact;
mod exponential_integrator;
mod identity;
mod isotropic;
mod isotropic_optimal;
mod moments;
mod second_order_dense;
mod second_order_structured;

pub use ddpm::{DdpmVariance, ddpm};
pub use denoising::{Denoising, DenoisingKernel};
pub use diagonal::Diagonal;
pub use exact::Exact;
pub use exponential_integrator::exponential_integrator;
pub use identity::Identity;
pub use isotropic::IsotropicKernel;
pub use isotropic_optimal::{isotropic_optimal, isotropic_optimal_variance};
pub use moments::{HessianMoments, PosteriorMoments};
pub use second_order_dense::SecondOrderDense;
pub use second_order_structured::SecondOrderStructured;

use crate::error::Result;
use crate::point::{Context, Point, PointMut};
use crate::simd::f64x8;

/// A move between a noisier level `t` and a cleaner level `s`.
///
/// Points given carry the cached log-density and score of their level; points filled do too.
pub trait Bridge: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors, that any method needs.
    fn scratch_len(&self) -> usize;

    /// Whether the bridge reads the cached score of the point it starts from.
    fn uses_score(&self) -> bool;

    /// Draws `y ~ k(. | x)`, evaluates it at level `s` and returns `log_work(x, y)`.
    ///
    /// # Errors
    /// Wrong lengths or a short workspace. Numbers that are not finite are returned, not errors.
    fn forward(&self, x: Point<'_>, y: PointMut<'_>, context: Context<'_>) -> Result<f64x8>;

    /// Draws `x ~ q(. | y)`, evaluates it at level `t` and returns `log_work(x, y)`.
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn backward(&self, y: Point<'_>, x: PointMut<'_>, context: Context<'_>) -> Result<f64x8>;

    /// `log_work(x, y)` of a given pair; draws nothing.
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn log_work(&self, x: Point<'_>, y: Point<'_>, context: Context<'_>) -> Result<f64x8>;
}

/// `log(2 pi)`.
pub(crate) const LOG_TWO_PI: f64 = 1.837_877_066_409_345_3;
