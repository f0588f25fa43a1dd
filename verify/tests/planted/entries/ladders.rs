//! Defects of weights along a ladder.

use amc_core::kernel::RandomWalk;
use amc_verify::law::evidence::{Ladder, Moves, Stage, crooks};
use amc_verify::oracle::{Fixture, FixtureKind};
use amc_verify::suite::Case;
use amc_verify::{Budget, Verdict, VerifyError};

use super::bridges::with_altered;
use super::place::{PASSAGES, schedule};
use crate::mutants::bridges::Defect;

/// What is wrong with the ladder of two stages.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LadderDefect {
    /// The first stage adds no work.
    StageForgotten,
    /// Moves after the first stage run at the level of the second one.
    MovesOneLevelOff,
}

pub fn defects() -> Vec<Case> {
    [LadderDefect::StageForgotten, LadderDefect::MovesOneLevelOff]
        .map(|defect| {
            let name = format!("ladder: {defect:?}");
            Case::new(("evidence::crooks", "ais"), name, PASSAGES, move |name, budget| {
                on_ladder(name, defect, budget)
            })
        })
        .into()
}

fn on_ladder(name: &str, defect: LadderDefect, budget: &Budget) -> Result<Verdict, VerifyError> {
    let steps = [schedule().step(0.15, 0.6)?, schedule().step(0.12, 0.15)?];
    Fixture::new(FixtureKind::DiagonalPerComponent)?.with_steps(&steps, |steps| {
        let (upper, lower) = (steps[0], steps[1]);
        let first = match defect {
            LadderDefect::StageForgotten => Defect::NoWork,
            LadderDefect::MovesOneLevelOff => Defect::None,
        };
        with_altered(first, upper, |first| {
            with_altered(Defect::None, lower, |second| {
                let off = defect == LadderDefect::MovesOneLevelOff;
                let level = if off { &lower.clean.level } else { &upper.clean.level };
                let moves = Some(Moves { kernel: &RandomWalk, step_size: 0.5, steps: 2 });
                let stages = [
                    Stage { bridge: first, clean: level, moves },
                    Stage { bridge: second, clean: &lower.clean.level, moves },
                ];
                let (noisiest, target) = (upper.noisy, lower.clean);
                crooks(&Ladder { name, noisiest, target, stages: &stages }, budget)
            })
        })
    })?
}
