//! Blocks side by side, `B` times eight particles, and what a move of them all needs.
//!
//! A density that is made of matrix products wants many particles at once. Moves therefore take teams of
//! blocks: what is random or local is done block by block, each with its own stream, and one call evaluates
//! the density for all of them. A block does in a team what it does alone.

use super::{Context, Evaluations, Point, PointMut};
use crate::density::Score;
use crate::error::{Result, check_len};
use crate::kernel::Outcome;
use crate::linalg::RowMajor;
use crate::rng::Stream;
use crate::scratch::Scratch;
use crate::simd::f64x8;

/// Blocks side by side: `B` times eight particles at one level.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'a> {
    /// Positions, `[B x d]`, block after block.
    pub x: &'a [f64x8],
    /// `log p(x)` of the level, `[B]`.
    pub log_density: &'a [f64x8],
    /// `S(x)` of the level, `[B x d]`.
    pub score: &'a [f64x8],
}

/// [`Blocks`] that can be moved.
#[derive(Debug)]
pub struct BlocksMut<'a> {
    /// Positions, `[B x d]`, block after block.
    pub x: &'a mut [f64x8],
    /// `log p(x)` of the level, `[B]`.
    pub log_density: &'a mut [f64x8],
    /// `S(x)` of the level, `[B x d]`.
    pub score: &'a mut [f64x8],
}

/// What a move of several blocks needs besides the particles; `T` is what it says of each block.
#[derive(Debug)]
pub struct Team<'a, T = Outcome> {
    /// The stream of each block, `[B]`.
    pub streams: &'a mut [Stream],
    /// What the move did to each block, `[B]`; filled.
    pub outcomes: &'a mut [T],
    /// Workspace.
    pub scratch: Scratch<'a>,
    /// Evaluations made so far for each block, per particle, `[B]`.
    pub evaluations: &'a mut [Evaluations],
}

/// Blocks whose five vectors a coordinate, of 64 bytes each, stay in the first cache with room to spare: what is
/// done to each is then not waited for, chains of exponentials and logarithms of several blocks overlap, and a call
/// costs little beside what it does.
pub(crate) fn blocks_in_cache(dim: usize) -> usize {
    (CACHED_COORDINATES / dim.max(1)).clamp(1, 8)
}

const CACHED_COORDINATES: usize = 64;

/// Refuses positions and scores that are not those of so many blocks.
fn check_blocks(dim: usize, blocks: usize, x: usize, score: usize) -> Result<()> {
    let total = blocks.saturating_mul(dim);
    check_len("x", total, x)?;
    check_len("score", total, score)
}

impl<'a> Blocks<'a> {
    /// The number of blocks `B`.
    pub fn count(&self) -> usize {
        self.log_density.len()
    }

    /// Refuses other lengths than those of so many dimensions.
    ///
    /// # Errors
    /// A wrong length of `x` or `score`.
    pub fn check(&self, dim: usize) -> Result<()> {
        check_blocks(dim, self.count(), self.x.len(), self.score.len())
    }

    /// The blocks one by one.
    pub fn iter(&self) -> impl Iterator<Item = Point<'a>> + use<'a> {
        let blocks = self.count().max(1);
        let (d, e) = (self.x.len() / blocks, self.score.len() / blocks);
        let rows = self.x.rows(d).zip(self.score.rows(e)).zip(self.log_density);
        rows.map(|((x, score), &log_density)| Point { x, log_density, score })
    }
}

impl<'a> BlocksMut<'a> {
    /// Room for so many blocks, with unspecified contents.
    ///
    /// # Errors
    /// A workspace of fewer than `B (2 d + 1)` vectors.
    pub fn take_from(scratch: &mut Scratch<'a>, dim: usize, blocks: usize) -> Result<Self> {
        let total = blocks.saturating_mul(dim);
        let (x, score) = (scratch.take(total)?, scratch.take(total)?);
        Ok(Self { x, log_density: scratch.take(blocks)?, score })
    }

    /// The number of blocks `B`.
    pub fn count(&self) -> usize {
        self.log_density.len()
    }

    /// Refuses other lengths than those of so many dimensions.
    ///
    /// # Errors
    /// A wrong length of `x` or `score`.
    pub fn check(&self, dim: usize) -> Result<()> {
        self.as_blocks().check(dim)
    }

    /// The same blocks for a nested call.
    pub fn reborrow(&mut self) -> BlocksMut<'_> {
        BlocksMut { x: self.x, log_density: self.log_density, score: self.score }
    }

    /// The first `count` of them, of this dimension; none, where there are fewer.
    pub fn first_mut(&mut self, count: usize, dim: usize) -> BlocksMut<'_> {
        let total = count.saturating_mul(dim);
        BlocksMut {
            x: self.x.get_mut(..total).unwrap_or(&mut []),
            log_density: self.log_density.get_mut(..count).unwrap_or(&mut []),
            score: self.score.get_mut(..total).unwrap_or(&mut []),
        }
    }

    /// The blocks, to read.
    pub fn as_blocks(&self) -> Blocks<'_> {
        Blocks { x: self.x, log_density: self.log_density, score: self.score }
    }

    /// The blocks one by one.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = PointMut<'_>> {
        let blocks = self.count().max(1);
        let (d, e) = (self.x.len() / blocks, self.score.len() / blocks);
        let rows = self.x.rows_mut(d).zip(self.score.rows_mut(e));
        let points = rows.zip(&mut *self.log_density);
        points.map(|((x, score), log_density)| PointMut { x, log_density, score })
    }

    /// Evaluates log-densities and scores at the current positions, in one call; counted in `evaluations`, `[B]`.
    ///
    /// # Errors
    /// Those of the density.
    pub fn evaluate(
        &mut self,
        density: &dyn Score,
        scratch: Scratch<'_>,
        evaluations: &mut [Evaluations],
    ) -> Result<()> {
        density.log_densities_and_scores(self.x, self.score, self.log_density, scratch)?;
        evaluations.iter_mut().for_each(|evaluations| evaluations.count_scores(1));
        Ok(())
    }
}

impl<T> Team<'_, T> {
    /// Refuses another team than one of so many blocks.
    ///
    /// # Errors
    /// A wrong number of streams, outcomes or accounts.
    pub fn check(&self, blocks: usize) -> Result<()> {
        check_len("streams", blocks, self.streams.len())?;
        check_len("outcomes", blocks, self.outcomes.len())?;
        check_len("evaluations", blocks, self.evaluations.len())
    }

    /// The same team for a nested move that says something else of each block.
    pub fn with_outcomes<'b, U>(&'b mut self, outcomes: &'b mut [U]) -> Team<'b, U> {
        Team {
            streams: self.streams,
            outcomes,
            scratch: self.scratch.reborrow(),
            evaluations: self.evaluations,
        }
    }
}

impl Point<'_> {
    /// The block as a team of one.
    pub fn as_blocks(&self) -> Blocks<'_> {
        let log_density = core::slice::from_ref(&self.log_density);
        Blocks { x: self.x, log_density, score: self.score }
    }
}

impl<'a> PointMut<'a> {
    /// The block as a team of one.
    pub fn into_blocks(self) -> BlocksMut<'a> {
        let log_density = core::slice::from_mut(self.log_density);
        BlocksMut { x: self.x, log_density, score: self.score }
    }
}

impl<'a> Context<'a> {
    /// What a team of one needs.
    pub fn into_team<T>(self, outcome: &'a mut T) -> Team<'a, T> {
        Team {
            streams: core::slice::from_mut(self.stream),
            outcomes: core::slice::from_mut(outcome),
            scratch: self.scratch,
            evaluations: core::slice::from_mut(self.evaluations),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Purpose};
    use crate::simd::splat;

    /// Fails if a block is given the position, score or density of another, or lengths that do not belong
    /// together pass.
    #[test]
    fn blocks_keep_together() {
        let numbers: [f64x8; 6] = core::array::from_fn(|i| splat(i as f64));
        let scores = numbers.map(|x| x + splat(10.0));
        let densities = [splat(-1.0), splat(-2.0), splat(-3.0)];
        let blocks = Blocks { x: &numbers, log_density: &densities, score: &scores };
        assert!(blocks.check(2).is_ok() && blocks.check(1).is_err() && blocks.check(3).is_err());
        assert!(Blocks { score: &scores[..5], ..blocks }.check(2).is_err());
        let seen = blocks.iter().map(|point| {
            let number = |v: f64x8| v.to_array()[3];
            assert_eq!(point.x.len(), 2);
            [number(point.x[1]), number(point.score[0]), number(point.log_density)]
        });
        assert!(seen.eq([[1.0, 10.0, -1.0], [3.0, 12.0, -2.0], [5.0, 14.0, -3.0]]));

        let (mut x, mut score, mut log_density) = (numbers, scores, densities);
        let (x, score, log_density) = (&mut x[..], &mut score[..], &mut log_density[..]);
        let mut blocks = BlocksMut { x, log_density, score };
        for (i, point) in blocks.iter_mut().enumerate() {
            point.x[1] = splat(7.0 * i as f64);
            *point.log_density += splat(1.0);
        }
        assert_eq!([1, 3, 5].map(|i| blocks.x[i].to_array()[0]), [0.0, 7.0, 14.0]);
        assert_eq!(blocks.log_density[2].to_array()[7], -2.0);
        assert_eq!(blocks.count(), 3);
        for (count, expected) in [(0, 0), (2, 2), (3, 3), (4, 0)] {
            let first = blocks.first_mut(count, 2);
            assert_eq!((first.count(), first.check(2).is_ok()), (expected, true));
        }
    }

    /// Fails if room is handed out twice, or a team with too few of anything passes.
    #[test]
    fn room_and_teams_are_checked() {
        let mut memory = [splat(0.0); 15];
        let mut scratch = Scratch::new(&mut memory);
        let blocks = BlocksMut::take_from(&mut scratch, 2, 3).unwrap();
        assert!(blocks.check(2).is_ok());
        assert!(BlocksMut::take_from(&mut scratch, 1, 1).is_err());

        let stream = Key::new(1, Purpose::User).stream();
        let mut streams = [stream.clone(), stream];
        let (mut outcomes, mut evaluations) = ([0_u8; 2], [Evaluations::default(); 2]);
        for lens in [[2, 2, 2], [1, 2, 2], [2, 1, 2], [2, 2, 1]] {
            let team = Team {
                streams: &mut streams[..lens[0]],
                outcomes: &mut outcomes[..lens[1]],
                scratch: Scratch::new(&mut []),
                evaluations: &mut evaluations[..lens[2]],
            };
            assert_eq!(team.check(2).is_ok(), lens == [2, 2, 2]);
        }
    }
}
