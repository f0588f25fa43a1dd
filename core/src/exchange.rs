//! Replica exchange: a swap of two neighbouring levels through any bridge \[Zhang25\].
//!
//! From `x_t` at the noisier and `x_s` at the cleaner level, propose `y_s ~ k(. | x_t)` and
//! `y_t ~ q(. | x_s)` and accept both with probability
//!
//! `min(1, exp(log_work(x_t, y_s) - log_work(y_t, x_s)))`,
//!
//! which leaves the product `p_t p_s` of the two levels invariant for every bridge. With the identity
//! the states trade places: parallel tempering. The two works of a proposal are one forward and one
//! backward work between the levels, so the free-energy estimators of [`crate::weight::WorkSums`]
//! cost nothing more.

use crate::bridge::{Bridge, Crossing};
use crate::error::{Result, check_len};
use crate::kernel::{decide, take_accepted};
use crate::point::{BlocksMut, Context, PointMut, Team};
use crate::simd::f64x8;

/// What one swap did, lane by lane: eight independent pairs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SwapOutcome {
    /// `min(1, exp(W_forward - W_backward))`; 0 where a proposal was not finite.
    pub acceptance_probability: f64x8,
    /// Mask of the lanes that were swapped.
    pub accepted: f64x8,
    /// Mask of the lanes whose proposals had a NaN or `+inf` log-density or a NaN ratio, other than those
    /// that a map rejected.
    pub non_finite: f64x8,
    /// The proposal from noisy to clean, with `log_work(x_t, y_s)`.
    pub forward: Crossing,
    /// The proposal from clean to noisy, with `log_work(y_t, x_s)`.
    pub backward: Crossing,
}

/// Workspace, in vectors, that [`swap`] needs with this bridge.
pub fn swap_scratch_len(bridge: &dyn Bridge) -> usize {
    swap_blocks_scratch_len(bridge, 1)
}

/// Workspace, in vectors, that [`swap_blocks`] needs for so many blocks.
pub fn swap_blocks_scratch_len(bridge: &dyn Bridge, blocks: usize) -> usize {
    // Two proposals, and what a bridge asks for besides the room of one block.
    blocks * (2 * (2 * bridge.dim() + 1) + 1) + bridge.scratch_len()
}

/// Proposes to swap eight pairs of states and moves the accepted lanes, cached values included.
///
/// ```
/// use amc_core::bridge::Identity;
/// use amc_core::density::{Covariance, Mixture, MixtureLevel, Tempered};
/// use amc_core::exchange::{swap, swap_scratch_len};
/// use amc_core::point::{Context, Evaluations, PointMut};
/// use amc_core::rng::{Key, Purpose};
/// use amc_core::scratch::Scratch;
/// use amc_core::simd::f64x8;
///
/// // A narrow target and a wide reference, on the line; the two levels of a tempering path.
/// let target = Mixture::new(1, &[1.0], &[0.0], Covariance::Isotropic(&[0.1]))?;
/// let reference = Mixture::new(1, &[1.0], &[0.0], Covariance::Isotropic(&[1.0]))?;
/// let (mut first, mut second) = ([0.0; 4], [0.0; 4]);
/// let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut first)?;
/// let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut second)?;
/// let noisy = Tempered::new(&reference, &target, 0.0)?;
/// let clean = Tempered::new(&reference, &target, 1.0)?;
/// let bridge = Identity::new(&noisy, &clean)?;
///
/// let mut memory = vec![f64x8::ZERO; swap_scratch_len(&bridge)];
/// let mut stream = Key::new(1, Purpose::Swap).stream();
/// let mut evaluations = Evaluations::default();
/// let mut context = Context {
///     stream: &mut stream,
///     scratch: Scratch::new(&mut memory),
///     evaluations: &mut evaluations,
/// };
/// // The noisier state sits at the target's mode, the cleaner one far out: they surely swap.
/// let (mut x_t, mut log_p_t, mut score_t) = ([f64x8::ZERO], f64x8::ZERO, [f64x8::ZERO]);
/// let (mut x_s, mut log_p_s, mut score_s) = ([f64x8::splat(2.0)], f64x8::ZERO, [f64x8::ZERO]);
/// let mut t = PointMut { x: &mut x_t, log_density: &mut log_p_t, score: &mut score_t };
/// let mut s = PointMut { x: &mut x_s, log_density: &mut log_p_s, score: &mut score_s };
/// t.evaluate(&noisy, &mut context)?;
/// s.evaluate(&clean, &mut context)?;
/// let outcome = swap(&bridge, t, s, context)?;
/// assert_eq!(outcome.accepted.to_bitmask(), 0xff);
/// assert_eq!((x_t[0].to_array()[0], x_s[0].to_array()[0]), (2.0, 0.0));
/// # Ok::<(), amc_core::error::Error>(())
/// ```
///
/// # Errors
/// Wrong lengths, a short workspace, and those of the bridge. Bad numbers are rejections.
pub fn swap(
    bridge: &dyn Bridge,
    noisy: PointMut<'_>,
    clean: PointMut<'_>,
    context: Context<'_>,
) -> Result<SwapOutcome> {
    let (mut outcome, mut crossing) = (SwapOutcome::default(), [Crossing::default()]);
    let team = context.into_team(&mut outcome);
    swap_blocks(bridge, noisy.into_blocks(), clean.into_blocks(), team, &mut crossing)?;
    Ok(outcome)
}

/// [`swap`] of every block, each with its own stream: what each block does is the same. `crossings`, `[B]`, is
/// room to work.
///
/// # Errors
/// As [`swap`].
pub fn swap_blocks(
    bridge: &dyn Bridge,
    mut noisy: BlocksMut<'_>,
    mut clean: BlocksMut<'_>,
    mut team: Team<'_, SwapOutcome>,
    crossings: &mut [Crossing],
) -> Result<()> {
    let (d, count) = (bridge.dim(), noisy.count());
    noisy.check(d)?;
    clean.check(d)?;
    check_len("cleaner states", count, clean.count())?;
    team.check(count)?;
    let mut to_clean = BlocksMut::take_from(&mut team.scratch, d, count)?;
    let mut to_noisy = BlocksMut::take_from(&mut team.scratch, d, count)?;
    let nested = team.with_outcomes(crossings);
    bridge.forward_blocks(noisy.as_blocks(), to_clean.reborrow(), nested)?;
    for (outcome, &mut crossing) in team.outcomes.iter_mut().zip(&mut *crossings) {
        outcome.forward = crossing;
    }
    let nested = team.with_outcomes(crossings);
    bridge.backward_blocks(clean.as_blocks(), to_noisy.reborrow(), nested)?;
    for (outcome, &mut crossing) in team.outcomes.iter_mut().zip(crossings) {
        outcome.backward = crossing;
    }

    let states = noisy.iter_mut().zip(clean.iter_mut());
    let proposals = to_noisy.as_blocks().iter().zip(to_clean.as_blocks().iter());
    let each = team.streams.iter_mut().zip(team.outcomes);
    for (((noisy, clean), (to_noisy, to_clean)), (stream, outcome)) in
        states.zip(proposals).zip(each)
    {
        let SwapOutcome { forward, backward, .. } = *outcome;
        // -inf if either proposal has density zero, NaN or +inf if either is a fault.
        let proposed = to_clean.log_density + to_noisy.log_density;
        let (accepted, decision) = decide(forward.log_work - backward.log_work, proposed, stream);
        take_accepted::<f64x8>(accepted, to_clean, clean);
        take_accepted::<f64x8>(accepted, to_noisy, noisy);
        let rejected = forward.faults.rejected() | backward.faults.rejected();
        outcome.acceptance_probability = decision.acceptance_probability;
        outcome.accepted = decision.accepted;
        outcome.non_finite = decision.non_finite & !rejected;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::{Denoising, Identity, exponential_integrator};
    use crate::density::{Covariance, LogDensity, Mixture, MixtureLevel};
    use crate::path::NoiseSchedule;
    use crate::point::{Evaluations, Point};
    use crate::rng::{Key, Purpose};
    use crate::scratch::Scratch;
    use crate::simd::{dot, splat};

    const ROOM: usize = 64;

    struct Levels<'a> {
        noisy: MixtureLevel<'a>,
        clean: MixtureLevel<'a>,
    }

    fn with_levels(visit: impl FnOnce(&Levels<'_>, &dyn Bridge, &dyn Bridge)) {
        let mixture =
            Mixture::new(1, &[0.2, 0.8], &[-3.0, 2.0], Covariance::Isotropic(&[0.5])).unwrap();
        let step = NoiseSchedule::vp_cosine().step(0.3, 0.4).unwrap();
        let (mut first, mut second) = ([0.0; 7], [0.0; 7]);
        let prepare = |alpha, variance, storage| {
            MixtureLevel::prepare(&mixture, alpha, variance, storage).unwrap()
        };
        let noisy = prepare(step.alpha_noisy, step.variance_noisy, &mut first);
        let clean = prepare(step.alpha_clean, step.variance_clean, &mut second);
        let identity = Identity::new(&noisy, &clean).unwrap();
        let kernel = exponential_integrator(&step).unwrap();
        let denoising = Denoising::new(&noisy, &clean, step, kernel).unwrap();
        visit(&Levels { noisy, clean }, &identity, &denoising);
    }

    /// States of both levels before and after one swap from exact draws, and what it reported.
    struct Swapped {
        before: [f64x8; 2],
        after: [f64x8; 2],
        cache_error: f64,
        outcome: SwapOutcome,
    }

    fn swap_once(levels: &Levels<'_>, bridge: &dyn Bridge, round: u64) -> Swapped {
        let mut memory = [f64x8::ZERO; ROOM];
        let mut stream = Key::new(5, Purpose::Swap).round(round).stream();
        let mut evaluations = Evaluations::default();
        let (mut x_t, mut x_s) = ([f64x8::ZERO], [f64x8::ZERO]);
        levels.noisy.sample(&mut x_t, &mut stream, Scratch::new(&mut memory)).unwrap();
        levels.clean.sample(&mut x_s, &mut stream, Scratch::new(&mut memory)).unwrap();
        let before = [x_t[0], x_s[0]];
        let (mut log_t, mut log_s) = (f64x8::ZERO, f64x8::ZERO);
        let (mut score_t, mut score_s) = ([f64x8::ZERO], [f64x8::ZERO]);
        let mut context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        let mut t = PointMut { x: &mut x_t, log_density: &mut log_t, score: &mut score_t };
        let mut s = PointMut { x: &mut x_s, log_density: &mut log_s, score: &mut score_s };
        t.evaluate(&levels.noisy, &mut context).unwrap();
        s.evaluate(&levels.clean, &mut context).unwrap();
        let outcome = swap(bridge, t, s, context).unwrap();
        let mut cache_error = 0.0_f64;
        for (level, x, cached) in [(&levels.noisy, &x_t, log_t), (&levels.clean, &x_s, log_s)] {
            let found = level.log_density(x, Scratch::new(&mut memory)).unwrap();
            let errors = (found - cached).abs().to_array();
            cache_error = errors.into_iter().fold(cache_error, f64::max);
        }
        Swapped { before, after: [x_t[0], x_s[0]], cache_error, outcome }
    }

    /// Fails if accepted lanes do not trade places, rejected lanes move, a cached value is left
    /// behind, or the ratio is not `p_s(x_t) p_t(x_s) / (p_t(x_t) p_s(x_s))`.
    #[test]
    fn the_identity_is_parallel_tempering() {
        with_levels(|levels, identity, _| {
            let (mut accepted, mut rejected) = (0, 0);
            for round in 0..50 {
                let swapped = swap_once(levels, identity, round);
                assert!(swapped.cache_error < 1e-12);
                let mut memory = [f64x8::ZERO; ROOM];
                let mut log_p = |level: &MixtureLevel<'_>, x: f64x8| {
                    level.log_density(&[x], Scratch::new(&mut memory)).unwrap()
                };
                let [t, s] = swapped.before;
                let ratio = log_p(&levels.clean, t) + log_p(&levels.noisy, s)
                    - log_p(&levels.noisy, t)
                    - log_p(&levels.clean, s);
                let mask = swapped.outcome.accepted.to_bitmask();
                for lane in 0..8 {
                    let expected = libm::exp(ratio.to_array()[lane].min(0.0));
                    let found = swapped.outcome.acceptance_probability.to_array()[lane];
                    assert!((found - expected).abs() < 1e-12);
                    let at = |states: [f64x8; 2]| states.map(|x| x.to_array()[lane]);
                    let [t, s] = at(swapped.before);
                    if mask & (1 << lane) != 0 {
                        assert_eq!(at(swapped.after), [s, t]);
                        accepted += 1;
                    } else {
                        assert_eq!(at(swapped.after), [t, s]);
                        rejected += 1;
                    }
                }
            }
            assert!(accepted > 100 && rejected > 10, "{accepted} {rejected}");
        });
    }

    /// Fails if the reported works are not those of the two proposals, in that order: for accepted
    /// lanes the new states are the proposals, and the bridge knows the work of a given pair.
    #[test]
    fn works_are_those_of_the_accepted_pairs() {
        with_levels(|levels, _, denoising| {
            let mut accepted = 0;
            for round in 0..20 {
                let swapped = swap_once(levels, denoising, round);
                let mut memory = [f64x8::ZERO; ROOM];
                let mut stream = Key::new(1, Purpose::User).stream();
                let mut evaluations = Evaluations::default();
                let mut work = |x: f64x8, y: f64x8| {
                    let mut context = Context {
                        stream: &mut stream,
                        scratch: Scratch::new(&mut memory),
                        evaluations: &mut evaluations,
                    };
                    let (x, y) = ([x], [y]);
                    let (mut xs, mut ys) = ([f64x8::ZERO], [f64x8::ZERO]);
                    let (mut at, mut to) = (x, y);
                    let (mut log_x, mut log_y) = (f64x8::ZERO, f64x8::ZERO);
                    PointMut { x: &mut at, log_density: &mut log_x, score: &mut xs }
                        .evaluate(&levels.noisy, &mut context)
                        .unwrap();
                    PointMut { x: &mut to, log_density: &mut log_y, score: &mut ys }
                        .evaluate(&levels.clean, &mut context)
                        .unwrap();
                    let from = Point { x: &x, log_density: log_x, score: &xs };
                    let to = Point { x: &y, log_density: log_y, score: &ys };
                    denoising.log_work(from, to, context).unwrap().to_array()
                };
                let forward = work(swapped.before[0], swapped.after[1]);
                let backward = work(swapped.after[0], swapped.before[1]);
                let mask = swapped.outcome.accepted.to_bitmask();
                for lane in (0..8).filter(|lane| mask & (1 << lane) != 0) {
                    let found = swapped.outcome.forward.log_work.to_array()[lane];
                    assert!((found - forward[lane]).abs() < 1e-9);
                    let found = swapped.outcome.backward.log_work.to_array()[lane];
                    assert!((found - backward[lane]).abs() < 1e-9);
                    accepted += 1;
                }
            }
            assert!(accepted > 20, "{accepted}");
        });
    }

    /// Fails if a state of the wrong length passes, or too short a workspace panics.
    #[test]
    fn refuses_what_does_not_fit() {
        with_levels(|_, identity, _| {
            let mut stream = Key::new(1, Purpose::User).stream();
            let mut evaluations = Evaluations::default();
            let mut attempt = |d: usize, room: usize| {
                let mut memory = [f64x8::ZERO; ROOM];
                let (mut x, mut s) = ([splat(0.1); 2], [splat(0.0); 2]);
                let (mut y, mut r) = ([splat(0.2)], [splat(0.0)]);
                let (mut log_x, mut log_y) = (f64x8::ZERO, f64x8::ZERO);
                let context = Context {
                    stream: &mut stream,
                    scratch: Scratch::new(&mut memory[..room]),
                    evaluations: &mut evaluations,
                };
                let noisy =
                    PointMut { x: &mut x[..d], log_density: &mut log_x, score: &mut s[..d] };
                let clean = PointMut { x: &mut y, log_density: &mut log_y, score: &mut r };
                swap(identity, noisy, clean, context).map(|o| dot(&[o.accepted], &[o.accepted]))
            };
            assert!(attempt(2, ROOM).is_err());
            assert!(attempt(1, 3).is_err());
            assert!(attempt(1, swap_scratch_len(identity)).is_ok());
        });
    }
}
