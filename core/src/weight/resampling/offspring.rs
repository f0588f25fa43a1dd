//! A list of ancestors that is filled from the front and never overrun.

/// Writes ancestors in order; what does not fit is dropped.
pub(super) struct Offspring<'a> {
    ancestors: &'a mut [usize],
    filled: usize,
}

impl<'a> Offspring<'a> {
    /// Starts at the front of `ancestors [M]`.
    pub(super) fn new(ancestors: &'a mut [usize]) -> Self {
        Self { ancestors, filled: 0 }
    }

    /// Number of entries written.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// Number of entries still to be written.
    pub(super) fn missing(&self) -> usize {
        self.ancestors.len().saturating_sub(self.filled)
    }

    /// Appends `copies` of `ancestor`, as many as fit.
    pub(super) fn push(&mut self, ancestor: usize, copies: usize) {
        let copies = copies.min(self.missing());
        for entry in self.ancestors.iter_mut().skip(self.filled).take(copies) {
            *entry = ancestor;
        }
        self.filled += copies;
    }

    /// Inserts `ancestor` before the entry at `position`, which moves back by one with all after it.
    pub(super) fn insert(&mut self, position: usize, ancestor: usize) {
        if self.missing() == 0 {
            return;
        }
        self.push(ancestor, 1);
        if let Some(moved) = self.ancestors.get_mut(position..self.filled)
            && !moved.is_empty()
        {
            moved.rotate_right(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an entry is overwritten, inserted in the wrong place or written beyond the end.
    #[test]
    fn push_and_insert_keep_their_places() {
        let mut ancestors = [99; 7];
        let mut offspring = Offspring::new(&mut ancestors);
        offspring.push(1, 2);
        offspring.push(2, 0);
        offspring.push(4, 2);
        offspring.insert(2, 3);
        assert_eq!((offspring.filled(), offspring.missing()), (5, 2));
        offspring.insert(5, 5);
        offspring.push(6, usize::MAX);
        offspring.push(7, 1);
        offspring.insert(0, 8);
        assert_eq!((offspring.filled(), offspring.missing()), (7, 0));
        assert_eq!(ancestors, [1, 1, 3, 4, 4, 5, 6]);
    }

    /// Fails if an empty list or a position beyond the end is a problem.
    #[test]
    fn nothing_to_write() {
        let mut offspring = Offspring::new(&mut []);
        offspring.push(1, 1);
        offspring.insert(0, 1);
        assert_eq!((offspring.filled(), offspring.missing()), (0, 0));
        let mut ancestors = [0; 2];
        Offspring::new(&mut ancestors).insert(5, 3);
        assert_eq!(ancestors, [3, 0]);
    }
}
