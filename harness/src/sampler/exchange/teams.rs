//! Teams of blocks of one level: how the states of all ladders are shared out, and what a team does.

use amc_core::density::{LogDensity, MixtureLevel, Score};
use amc_core::error::Result;
use amc_core::kernel::{MarkovKernel, Outcome};
use amc_core::point::BlocksMut;
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;

use super::super::Annealing;
use super::super::team::{self, TeamRoom};

/// Most blocks of a team where so many have work: two teams for every thread come before large ones. What a
/// block does is the same in every team.
pub(super) fn largest_team(blocks: usize) -> usize {
    blocks.div_ceil(2 * rayon::current_num_threads())
}

/// The blocks of a team that would best be of `asked`, and must not be of more than `most`.
pub(super) fn team_len(asked: usize, most: usize) -> usize {
    team::team_len(asked.min(most))
}

/// Workspace, in vectors, of teams of up to so many blocks that explore their levels.
pub(super) fn exploring_room(
    problem: &Annealing<'_>,
    kernel: Option<&dyn MarkovKernel>,
    dim: usize,
    team: usize,
) -> usize {
    let own = kernel.map_or(0, |kernel| kernel.scratch_len(dim));
    let densities = problem.levels.iter().map(|level| level.density().scratch_len());
    let laws = problem.levels.iter().filter_map(|level| level.exact());
    let laws = laws.chain([problem.reference]).map(|law| law.scratch_len());
    team * own + densities.chain(laws).max().unwrap_or(0)
}

/// The blocks of every level, `blocks` at each.
pub(super) fn rows_mut<'a>(
    dim: usize,
    blocks: usize,
    x: &'a mut [f64x8],
    score: &'a mut [f64x8],
    log_density: &'a mut [f64x8],
) -> impl Iterator<Item = BlocksMut<'a>> {
    let row = blocks * dim;
    let states = x.chunks_mut(row).zip(score.chunks_mut(row)).zip(log_density.chunks_mut(blocks));
    states.map(|((x, score), log_density)| BlocksMut { x, log_density, score })
}

/// Teams of `team` of these blocks; the last may be smaller.
pub(super) fn teams_of(
    row: BlocksMut<'_>,
    dim: usize,
    team: usize,
) -> impl Iterator<Item = BlocksMut<'_>> {
    let BlocksMut { x, log_density, score } = row;
    let (x, score) = (x.chunks_mut(team * dim), score.chunks_mut(team * dim));
    let states = x.zip(score).zip(log_density.chunks_mut(team));
    states.map(|((x, score), log_density)| BlocksMut { x, log_density, score })
}

/// Puts a team at exact samples of `law`, each block with its own stream.
pub(super) fn draw<T>(
    law: &MixtureLevel<'_>,
    density: &dyn Score,
    at: &mut BlocksMut<'_>,
    room: &mut TeamRoom<T>,
) -> Result<()> {
    for (point, stream) in at.iter_mut().zip(&mut room.streams) {
        law.sample(point.x, stream, Scratch::new(&mut room.memory))?;
    }
    evaluate(at, density, room)
}

/// Evaluates a team in one call.
pub(super) fn evaluate<T>(
    at: &mut BlocksMut<'_>,
    density: &dyn Score,
    room: &mut TeamRoom<T>,
) -> Result<()> {
    at.evaluate(density, Scratch::new(&mut room.memory), &mut room.evaluations)
}

/// Some steps of a kernel; `visit` is told what each did to each block of the team.
pub(super) fn step(
    kernel: &dyn MarkovKernel,
    density: &dyn Score,
    (steps, step_size): (usize, f64),
    at: &mut BlocksMut<'_>,
    room: &mut TeamRoom<Outcome>,
    mut visit: impl FnMut(usize, &Outcome),
) -> Result<()> {
    for _ in 0..steps {
        kernel.step_blocks(density, step_size, at.reborrow(), room.team())?;
        room.outcomes.iter().enumerate().for_each(|(block, outcome)| visit(block, outcome));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::simd::splat;

    /// Fails if a block lands in the row of another level or the team of other blocks, or parts from its score or
    /// density; the last team of a level is smaller.
    #[test]
    fn blocks_are_shared_out_level_by_level() {
        let (levels, blocks, dim, team) = (3, 5, 2, 2);
        let cells = levels * blocks;
        let mut x: Vec<f64x8> = (0..cells * dim).map(|i| splat((i / dim) as f64)).collect();
        let mut score: Vec<f64x8> = x.iter().map(|&x| x + splat(100.0)).collect();
        let mut log_density: Vec<f64x8> = (0..cells).map(|i| splat(-(i as f64))).collect();
        let rows = rows_mut(dim, blocks, &mut x, &mut score, &mut log_density);
        let mut seen = Vec::new();
        for (level, row) in rows.enumerate() {
            for (index, at) in teams_of(row, dim, team).enumerate() {
                assert!(at.check(dim).is_ok());
                assert_eq!(at.count(), if index == 2 { 1 } else { 2 });
                for (i, point) in at.as_blocks().iter().enumerate() {
                    let cell = (level * blocks + index * team + i) as f64;
                    let number = |v: f64x8| v.to_array()[4];
                    assert_eq!(number(point.log_density), -cell);
                    assert!(point.x.iter().all(|&x| number(x) == cell));
                    assert!(point.score.iter().all(|&s| number(s) == cell + 100.0));
                    seen.push(cell);
                }
            }
        }
        assert_eq!(seen.len(), cells);
    }

    /// Fails if few blocks are drawn together while threads stand idle, or many are not.
    #[test]
    fn large_teams_come_last() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        pool.install(|| {
            assert_eq!([1, 6, 12, 47, 600].map(largest_team), [1, 1, 2, 8, 100]);
        });
        assert_eq!(
            [(16, 7), (1, 7), (99, 99), (16, 1)].map(|(a, m)| team_len(a, m)),
            [7, 1, 64, 1]
        );
    }
}
