//! Workspaces: memory a caller owns and core functions carve up.
//!
//! Core never allocates. A function that needs room says how much through a `scratch_len` method
//! (in vectors of eight lanes) and takes a [`Scratch`]; contents are unspecified on entry and exit.

use crate::error::{Error, Result};
use crate::simd::{Lanes, f64x8};

/// A workspace that hands out disjoint pieces of one caller-owned slice.
#[derive(Debug)]
pub struct Scratch<'a> {
    rest: &'a mut [f64x8],
}

impl<'a> Scratch<'a> {
    /// A workspace over the whole slice.
    pub fn new(memory: &'a mut [f64x8]) -> Self {
        Self { rest: memory }
    }

    /// Takes `len` vectors off the front.
    ///
    /// # Errors
    /// [`Error::Scratch`] when fewer are left.
    pub fn take(&mut self, len: usize) -> Result<&'a mut [f64x8]> {
        let rest = core::mem::take(&mut self.rest);
        let found = rest.len();
        match rest.split_at_mut_checked(len) {
            Some((piece, rest)) => {
                self.rest = rest;
                Ok(piece)
            }
            None => Err(Error::Scratch { needed: len, found }),
        }
    }

    /// [`Scratch::take`] for a kernel that runs on `V`.
    ///
    /// # Errors
    /// Those of [`Scratch::take`].
    #[inline(always)]
    pub fn take_lanes<V: Lanes>(&mut self, len: usize) -> Result<&'a mut [V]> {
        self.take(len).map(V::view_mut)
    }

    /// The same workspace for a nested call; its pieces are free again afterwards.
    pub fn reborrow(&mut self) -> Scratch<'_> {
        Scratch { rest: self.rest }
    }
}

#[cfg(test)]
mod lens;

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if pieces overlap or a short workspace is not refused.
    #[test]
    fn pieces_are_disjoint_and_checked() {
        let mut memory = [f64x8::ZERO; 5];
        let mut scratch = Scratch::new(&mut memory);
        let first = scratch.take(2).unwrap();
        assert_eq!(scratch.reborrow().take(3).unwrap().len(), 3);
        let second = scratch.take(3).unwrap();
        first.fill(f64x8::splat(1.0));
        second.fill(f64x8::splat(2.0));
        assert_eq!(scratch.take(1).unwrap_err(), Error::Scratch { needed: 1, found: 0 });
        assert_eq!(memory.map(|v| v.to_array()[0]), [1.0, 1.0, 2.0, 2.0, 2.0]);
    }
}
