//! Times on a machine that others use too: the best of several short repetitions.
//!
//! A pass over many blocks is cut into pieces, and every piece keeps its best time of all passes; the
//! time of the pass is their sum. An interruption then spoils one repetition of one piece, and the
//! working set stays that of the whole pass.

use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A clock that spends a given time on each measurement.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    budget: Duration,
}

/// What a piece should take: far more than reading the clock, far less than a system lets a process
/// run when others wait.
const PIECE_SECONDS: f64 = 1e-4;
/// Blocks that the first estimate is made on.
const FIRST: usize = 16;

impl Clock {
    /// A clock that spends about this long on a measurement.
    pub fn new(budget: Duration) -> Self {
        Self { budget }
    }

    /// Seconds that a pass over `blocks` blocks takes; `run` works on some of them.
    ///
    /// Where the budget ends within the first pass, the blocks that were reached stand for the others.
    ///
    /// # Errors
    /// The first error of `run`.
    pub fn pass<E>(
        &self,
        blocks: usize,
        mut run: impl FnMut(Range<usize>) -> Result<(), E>,
    ) -> Result<f64, E> {
        let start = Instant::now();
        let first = FIRST.min(blocks);
        // Pages, caches and the processor's frequency are made ready.
        run(0..first)?;
        let begun = Instant::now();
        run(0..first)?;
        let piece = blocks_of_a_piece(begun.elapsed().as_secs_f64() / first.max(1) as f64, blocks);
        let mut best = vec![f64::INFINITY; blocks.div_ceil(piece)];
        'passes: loop {
            for (i, best) in best.iter_mut().enumerate() {
                let begun = Instant::now();
                run(i * piece..((i + 1) * piece).min(blocks))?;
                *best = best.min(begun.elapsed().as_secs_f64());
                if start.elapsed() >= self.budget {
                    break 'passes;
                }
            }
        }
        Ok(total(&best, piece, blocks))
    }

    /// Seconds that `run` takes.
    pub fn best<T>(&self, mut run: impl FnMut() -> T) -> f64 {
        let passed = self.pass(1, |_| {
            black_box(run());
            Ok::<(), std::convert::Infallible>(())
        });
        passed.unwrap_or(f64::NAN)
    }
}

/// How many blocks take about as long as a piece should.
fn blocks_of_a_piece(seconds_of_a_block: f64, blocks: usize) -> usize {
    ((PIECE_SECONDS / seconds_of_a_block) as usize).clamp(1, blocks.max(1))
}

/// The sum of the times, blocks that were not reached being like the others.
fn total(best: &[f64], piece: usize, blocks: usize) -> f64 {
    let reached = best.iter().take_while(|time| time.is_finite()).count();
    let sum: f64 = best.iter().take(reached).sum();
    sum * blocks as f64 / (reached * piece).min(blocks) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if blocks that were not reached count as nothing, or the last piece as a whole one.
    #[test]
    fn unknown_pieces_are_like_the_others() {
        assert_eq!(total(&[2.0, 4.0, 3.0], 10, 25), 9.0);
        assert_eq!(total(&[2.0, 4.0, f64::INFINITY], 10, 25), 7.5);
    }

    /// Fails if pieces are empty or longer than the pass.
    #[test]
    fn pieces_are_short() {
        assert_eq!(blocks_of_a_piece(1.0, 100), 1);
        assert_eq!(blocks_of_a_piece(1e-5, 100), 10);
        assert_eq!(blocks_of_a_piece(1e-9, 100), 100);
        assert_eq!(blocks_of_a_piece(0.0, 100), 100);
    }

    /// Fails if a measurement without time measures nothing, one with time leaves blocks out, or an
    /// error is swallowed.
    #[test]
    fn every_budget_gives_a_time() {
        let mut runs = 0;
        let time = Clock::new(Duration::ZERO).pass(300, |blocks| {
            assert!(!blocks.is_empty() && blocks.end <= 300);
            runs += 1;
            Ok::<(), ()>(())
        });
        assert!(time.unwrap() >= 0.0 && runs == 3);
        let (clock, mut reached) = (Clock::new(Duration::from_millis(20)), vec![false; 300]);
        let time = clock.pass(300, |blocks| {
            reached[blocks].fill(true);
            Ok::<(), ()>(())
        });
        assert!(time.unwrap() < 1.0 && reached.iter().all(|&reached| reached));
        assert_eq!(clock.pass(2, |_| Err("failed")), Err("failed"));
    }
}
