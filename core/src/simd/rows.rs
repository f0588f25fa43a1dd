//! Rows of coordinates, as other programs keep their particles, as blocks of eight particles, and back.
//!
//! `rows` `[8 B x d]`, row-major, holds a particle a row; `x` `[B x d]` are blocks. Squares of eight particles by eight
//! coordinates are transposed in registers; where `d` is no multiple of eight the last two squares overlap.

use super::{LANES, Lanes, Task, dispatch, f64x8};
use crate::error::{Result, check_len};
use crate::linalg::RowMajor;

/// Blocks `x` `[B x d]` from rows `[8 B x d]`.
///
/// # Errors
/// Lengths that do not belong together.
pub fn rows_to_blocks(rows: &[f64], dim: usize, x: &mut [f64x8]) -> Result<()> {
    check_len("rows", x.len().saturating_mul(LANES), rows.len())?;
    dispatch(ToBlocks { rows, dim, x });
    Ok(())
}

/// Rows `[8 B x d]` from blocks `x` `[B x d]`.
///
/// # Errors
/// Lengths that do not belong together.
pub fn blocks_to_rows(x: &[f64x8], dim: usize, rows: &mut [f64]) -> Result<()> {
    check_len("rows", x.len().saturating_mul(LANES), rows.len())?;
    dispatch(ToRows { x, dim, rows });
    Ok(())
}

struct ToBlocks<'a> {
    rows: &'a [f64],
    dim: usize,
    x: &'a mut [f64x8],
}

impl Task for ToBlocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { rows, dim, x } = self;
        let blocks = rows.rows(dim.saturating_mul(LANES)).zip(V::view_mut(x).rows_mut(dim));
        for (rows, x) in blocks {
            let mut done = 0;
            while let Some(start) = window(done, dim) {
                let mut square = [V::zero(); LANES];
                for (vector, row) in square.iter_mut().zip(rows.rows(dim)) {
                    if let Some(numbers) = row.get(start..).and_then(<[f64]>::first_chunk) {
                        *vector = V::load(numbers);
                    }
                }
                if let Some(columns) = x.get_mut(start..).and_then(<[V]>::first_chunk_mut) {
                    *columns = V::transpose(square);
                }
                done = start.saturating_add(LANES);
            }
            if dim < LANES {
                for (j, x) in x.iter_mut().enumerate() {
                    let mut lanes = [0.0; LANES];
                    for (lane, row) in lanes.iter_mut().zip(rows.rows(dim)) {
                        *lane = row.get(j).copied().unwrap_or(f64::NAN);
                    }
                    *x = V::load(&lanes);
                }
            }
        }
    }
}

struct ToRows<'a> {
    x: &'a [f64x8],
    dim: usize,
    rows: &'a mut [f64],
}

impl Task for ToRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { x, dim, rows } = self;
        let blocks = V::view(x).rows(dim).zip(rows.rows_mut(dim.saturating_mul(LANES)));
        for (x, rows) in blocks {
            let mut done = 0;
            while let Some(start) = window(done, dim) {
                if let Some(columns) = x.get(start..).and_then(<[V]>::first_chunk) {
                    let square = V::transpose(*columns);
                    for (vector, row) in square.into_iter().zip(rows.rows_mut(dim)) {
                        let numbers = row.get_mut(start..).and_then(<[f64]>::first_chunk_mut);
                        if let Some(numbers) = numbers {
                            vector.store(numbers);
                        }
                    }
                }
                done = start.saturating_add(LANES);
            }
            if dim < LANES {
                for (j, x) in x.iter().enumerate() {
                    let mut lanes = [0.0; LANES];
                    x.store(&mut lanes);
                    for (lane, row) in lanes.iter().zip(rows.rows_mut(dim)) {
                        if let Some(number) = row.get_mut(j) {
                            *number = *lane;
                        }
                    }
                }
            }
        }
    }
}

/// Where the next eight of `dim` coordinates begin, of which the first ones are done: right after them, or as far before
/// as the last eight reach. `None` when all are done, or there are fewer than eight.
#[inline(always)]
fn window(done: usize, dim: usize) -> Option<usize> {
    let last = dim.checked_sub(LANES)?;
    if done < dim { Some(done.min(last)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a number goes astray, in squares or in what is left of them, or lengths that do not belong together
    /// pass.
    #[test]
    fn there_and_back() {
        const MOST: usize = 19;
        for d in 1..=MOST {
            let numbers: [f64; 2 * LANES * MOST] = core::array::from_fn(|i| i as f64);
            let rows = &numbers[..2 * LANES * d];
            let mut blocks = [f64x8::ZERO; 2 * MOST];
            let x = &mut blocks[..2 * d];
            rows_to_blocks(rows, d, x).unwrap();
            for (j, x) in x.iter().enumerate() {
                let place = |lane: usize| ((j / d * LANES + lane) * d + j % d) as f64;
                assert_eq!(x.to_array(), core::array::from_fn(place), "{d}");
            }
            let mut back = [-1.0; 2 * LANES * MOST];
            blocks_to_rows(x, d, &mut back[..2 * LANES * d]).unwrap();
            assert_eq!(&back[..2 * LANES * d], rows);
            assert!(back[2 * LANES * d..].iter().all(|&number| number == -1.0));
            assert!(rows_to_blocks(&rows[1..], d, x).is_err());
            assert!(blocks_to_rows(x, d, &mut back[..LANES * d]).is_err());
        }
    }
}
