//! Wrong swaps of replica exchange.

use amc_core::bridge::{Bridge, Crossing};
use amc_core::error::Result;
use amc_core::exchange::SwapOutcome;
use amc_core::point::{Context, PointMut};
use amc_core::simd::{exp, f64x8, less, ln, select, splat};

/// What is wrong with the swap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SwapDefect {
    Nothing,
    /// `forward + backward` in the ratio.
    BackwardSign,
    /// The ratio without the forward work, as if it were an importance weight of one side.
    BackwardAlone,
    /// Every proposal is taken.
    AlwaysAccepted,
    /// One uniform and the ratio of lane 0 decide for all lanes; it reports each lane's own ratio.
    OneDecision,
    /// The backward proposal starts from the forward one instead of the cleaner state.
    ChainedProposals,
    OnlyCleanMoves,
    OnlyNoisyMoves,
    /// Claims to accept, but nothing moves.
    Frozen,
    /// The partners are moved, their log-densities are not.
    StaleDensity,
    /// The two works are reported in each other's place; the decision is right.
    ExchangedWorks,
    /// A rejected swap reports works of 0.
    ForgottenWorks,
}

/// A swap by hand, with one defect.
pub fn swap_with(
    defect: SwapDefect,
) -> impl Fn(&dyn Bridge, PointMut<'_>, PointMut<'_>, Context<'_>) -> Result<SwapOutcome> {
    move |bridge, noisy, clean, mut context| {
        let nowhere = || vec![f64x8::ZERO; bridge.dim()];
        let (mut y, mut y_score, mut log_y) = (nowhere(), nowhere(), f64x8::ZERO);
        let (mut x, mut x_score, mut log_x) = (nowhere(), nowhere(), f64x8::ZERO);
        let mut to_clean = PointMut { x: &mut y, log_density: &mut log_y, score: &mut y_score };
        let mut to_noisy = PointMut { x: &mut x, log_density: &mut log_x, score: &mut x_score };
        let forward = bridge.forward(noisy.as_point(), to_clean.reborrow(), context.reborrow())?;
        let forward = forward.log_work;
        let start = if defect == SwapDefect::ChainedProposals {
            to_clean.as_point()
        } else {
            clean.as_point()
        };
        let backward = bridge.backward(start, to_noisy.reborrow(), context.reborrow())?;
        let backward = backward.log_work;

        let ratio = match defect {
            SwapDefect::BackwardSign => forward + backward,
            SwapDefect::BackwardAlone => -backward,
            SwapDefect::AlwaysAccepted => f64x8::ZERO,
            _ => forward - backward,
        };
        let accepted = if defect == SwapDefect::OneDecision {
            let first = ratio.to_array()[0];
            less(splat(context.stream.uniform().ln()), splat(first))
        } else {
            less(ln(context.stream.uniforms()), ratio)
        };
        let moves = match defect {
            SwapDefect::OnlyCleanMoves => [false, true],
            SwapDefect::OnlyNoisyMoves => [true, false],
            SwapDefect::Frozen => [false, false],
            _ => [true, true],
        };
        for (state, proposal, moves) in [(noisy, to_noisy, moves[0]), (clean, to_clean, moves[1])] {
            let mask = if moves { accepted } else { f64x8::ZERO };
            for (x, &y) in state.x.iter_mut().zip(&*proposal.x) {
                *x = select(mask, y, *x);
            }
            for (s, &t) in state.score.iter_mut().zip(&*proposal.score) {
                *s = select(mask, t, *s);
            }
            if defect != SwapDefect::StaleDensity {
                *state.log_density = select(mask, *proposal.log_density, *state.log_density);
            }
        }
        let (forward_work, backward_work) = match defect {
            SwapDefect::ExchangedWorks => (backward, forward),
            SwapDefect::ForgottenWorks => {
                (select(accepted, forward, f64x8::ZERO), select(accepted, backward, f64x8::ZERO))
            }
            _ => (forward, backward),
        };
        Ok(SwapOutcome {
            acceptance_probability: exp(ratio.fast_min(f64x8::ZERO)),
            accepted,
            non_finite: f64x8::ZERO,
            forward: Crossing::from(forward_work),
            backward: Crossing::from(backward_work),
        })
    }
}
