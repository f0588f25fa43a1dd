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
//! checks. Denoising bridges differ in the forward kernel only; their backward kernel is the noising
//! transition `q = N(a x_s, v I)`. The identity and transport are maps, and go back by their inverse:
//!
//! | bridge | forward kernel `k(x_s given x_t)` | file |
//! |---|---|---|
//! | identity | `x_s = x_t` | `identity.rs` |
//! | exponential integrator | `N(x_t/a + e S_t, (v/a^2) I)` | `exponential_integrator.rs` |
//! | DDPM | `N(m, v I)`, or variance `v/a^2` or `v v_s/v_t` | `ddpm.rs` |
//! | isotropic-optimal | `N(m, c I)`, `c = (v/a^2)(1 - v E_t|S|^2/d)` | `isotropic_optimal.rs` |
//! | diagonal | `N(m, diag C)` | `diagonal.rs` |
//! | second order | `N(m, C)`, structured or dense | `second_order_structured.rs`, `second_order_dense.rs` |
//! | low rank | `N(m, C)`, `H_t` from a few of its products with vectors | `low_rank.rs` |
//! | transport | none: `y = T(x)`, a step of the probability-flow ODE | `transport.rs` |
//! | exact | the mixture `p(x_s given x_t)` itself | `exact.rs` |
//!
//! with `m = (x_t + v S_t)/a`, `C = (v/a^2)(I + v H_t)`.

mod crossing;
mod ddpm;
mod denoising;
mod diagonal;
mod exact;
mod exponential_integrator;
mod identity;
mod isotropic;
mod isotropic_optimal;
mod low_rank;
mod moments;
mod second_order_dense;
mod second_order_structured;
mod transport;

pub use crossing::{Crossing, FaultCounts, Faults};
pub use ddpm::{DdpmVariance, ddpm};
pub use denoising::{Denoising, DenoisingKernel};
pub use diagonal::Diagonal;
pub use exact::Exact;
pub use exponential_integrator::exponential_integrator;
pub use identity::Identity;
pub use isotropic::IsotropicKernel;
pub use isotropic_optimal::isotropic_optimal;
pub use low_rank::{LowRank, Rank, Start, Trace};
pub use moments::{HessianMoments, PosteriorMoments};
pub use second_order_dense::SecondOrderDense;
pub use second_order_structured::SecondOrderStructured;
pub use transport::Transport;

use crate::density::Score;
use crate::error::{Result, check_len};
use crate::point::{Blocks, BlocksMut, Context, Point, PointMut, Team, blocks_in_cache};
use crate::simd::f64x8;

/// A move between a noisier level `t` and a cleaner level `s`.
///
/// Points given carry the cached log-density and score of their level; points filled do too.
///
/// The exact bridge of a mixture does no work, wherever it starts; the identity does:
///
/// ```
/// use amc_core::bridge::{Bridge, Denoising, Exact, Identity};
/// use amc_core::density::mixture::MixtureTransition;
/// use amc_core::density::{Covariance, Mixture, MixtureLevel};
/// use amc_core::path::NoiseSchedule;
/// use amc_core::point::{Context, Evaluations, PointMut};
/// use amc_core::rng::{Key, Purpose};
/// use amc_core::scratch::Scratch;
/// use amc_core::simd::f64x8;
///
/// let mixture = Mixture::new(1, &[0.2, 0.8], &[-3.0, 2.0], Covariance::Isotropic(&[0.5]))?;
/// let step = NoiseSchedule::vp_cosine().step(0.0, 0.5)?;
/// let (mut noisy, mut clean, mut transition) = ([0.0; 7], [0.0; 7], [0.0; 5]);
/// let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
/// let noisy = MixtureLevel::prepare(&mixture, alpha, variance, &mut noisy)?;
/// let (alpha, variance) = (step.alpha_clean, step.variance_clean);
/// let clean = MixtureLevel::prepare(&mixture, alpha, variance, &mut clean)?;
/// let transition = MixtureTransition::prepare(&noisy, &step, &mut transition)?;
///
/// let exact = Denoising::new(&noisy, &clean, step, Exact::new(&transition))?;
/// let identity = Identity::new(&noisy, &clean)?;
/// let bridges: [(&dyn Bridge, bool); 2] = [(&exact, true), (&identity, false)];
/// for (bridge, is_exact) in bridges {
///     let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
///     let mut stream = Key::new(1, Purpose::Bridge).stream();
///     let mut evaluations = Evaluations::default();
///     let mut context = Context {
///         stream: &mut stream,
///         scratch: Scratch::new(&mut memory),
///         evaluations: &mut evaluations,
///     };
///     let (mut x, mut log_p_x, mut score_x) = ([f64x8::splat(0.4)], f64x8::ZERO, [f64x8::ZERO]);
///     let mut from = PointMut { x: &mut x, log_density: &mut log_p_x, score: &mut score_x };
///     from.evaluate(&noisy, &mut context)?;
///     let (mut y, mut log_p_y, mut score_y) = ([f64x8::ZERO], f64x8::ZERO, [f64x8::ZERO]);
///     let to = PointMut { x: &mut y, log_density: &mut log_p_y, score: &mut score_y };
///     let work = bridge.forward(from.as_point(), to, context)?.log_work.to_array();
///     assert_eq!(work.iter().all(|work| work.abs() < 1e-12), is_exact);
/// }
/// # Ok::<(), amc_core::error::Error>(())
/// ```
pub trait Bridge: Sync {
    /// The dimension `d`.
    fn dim(&self) -> usize;

    /// Workspace, in vectors, that any method needs.
    fn scratch_len(&self) -> usize;

    /// Draws `y ~ k(. | x)`, evaluates it at level `s` and returns the work `W`: `log_work(x, y)`, or an
    /// estimate of it with `E[exp(W)]` right ([`Transport`]).
    ///
    /// # Errors
    /// Wrong lengths or a short workspace. Numbers that are not finite are returned, not errors.
    fn forward(&self, x: Point<'_>, y: PointMut<'_>, context: Context<'_>) -> Result<Crossing>;

    /// Draws `x ~ q(. | y)`, evaluates it at level `t` and returns the work `W`: `log_work(x, y)`, or an
    /// estimate of it with `E[exp(-W)]` right.
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn backward(&self, y: Point<'_>, x: PointMut<'_>, context: Context<'_>) -> Result<Crossing>;

    /// `log_work(x, y)` of a given pair, as [`Bridge::forward`] would return it; draws nothing but the
    /// auxiliary variables of a kernel ([`LowRank`]) or the probes of an estimate ([`Transport`]).
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn log_work(&self, x: Point<'_>, y: Point<'_>, context: Context<'_>) -> Result<f64x8>;

    /// Blocks that [`Bridge::forward_blocks`] and [`Bridge::backward_blocks`] handle best at once.
    fn blocks_at_once(&self) -> usize {
        1
    }

    /// [`Bridge::forward`] of every block, each with its own stream: what each block does is the same.
    ///
    /// Needs a workspace of `scratch_len() + B` vectors.
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn forward_blocks(
        &self,
        x: Blocks<'_>,
        mut y: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), x, &y, &team)?;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let teams = streams.iter_mut().zip(outcomes).zip(evaluations);
        for ((from, to), ((stream, outcome), evaluations)) in x.iter().zip(y.iter_mut()).zip(teams)
        {
            let context = Context { stream, scratch: scratch.reborrow(), evaluations };
            *outcome = self.forward(from, to, context)?;
        }
        Ok(())
    }

    /// [`Bridge::backward`] of every block, each with its own stream: what each block does is the same.
    ///
    /// Needs a workspace of `scratch_len() + B` vectors.
    ///
    /// # Errors
    /// As [`Bridge::forward`].
    fn backward_blocks(
        &self,
        y: Blocks<'_>,
        mut x: BlocksMut<'_>,
        team: Team<'_, Crossing>,
    ) -> Result<()> {
        check_crossing(self.dim(), y, &x, &team)?;
        let Team { streams, outcomes, mut scratch, evaluations } = team;
        let teams = streams.iter_mut().zip(outcomes).zip(evaluations);
        for ((from, to), ((stream, outcome), evaluations)) in y.iter().zip(x.iter_mut()).zip(teams)
        {
            let context = Context { stream, scratch: scratch.reborrow(), evaluations };
            *outcome = self.backward(from, to, context)?;
        }
        Ok(())
    }
}

/// Blocks that a bridge which evaluates one of two levels in one call takes best.
fn blocks_between(noisy: &dyn Score, clean: &dyn Score) -> usize {
    blocks_in_cache(clean.dim()).max(noisy.blocks_at_once()).max(clean.blocks_at_once())
}

/// Refuses blocks that do not belong together.
fn check_crossing(
    dim: usize,
    from: Blocks<'_>,
    to: &BlocksMut<'_>,
    team: &Team<'_, Crossing>,
) -> Result<()> {
    from.check(dim)?;
    to.check(dim)?;
    check_len("blocks to fill", from.count(), to.count())?;
    team.check(from.count())
}

/// `log(2 pi)`.
pub(crate) const LOG_TWO_PI: f64 = 1.837_877_066_409_345_3;
