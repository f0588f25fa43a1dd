//! Where offspring are placed: sorted, or matched along a fixed tree.
//!
//! Resampling says how many offspring `O_i` every particle has; their places are free, since
//! particles are equally weighted afterwards.
//!
//! - *Sorted*: offspring fill the slots `0..N` in the order of their ancestors.
//! - *Tree*: one offspring of every survivor stays where it is. What is left over (copies) fills the
//!   slots of particles without offspring (holes), as low as possible in the binary tree over the
//!   slots. At a node either copies or holes remain, `|sum O_i - width|` of them, and go up: the least
//!   number of particles leaves the node, and this holds at every node at once.

/// How offspring are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In the order of their ancestors.
    Sorted,
    /// At home where possible, else matched along the tree.
    Tree,
}

/// Copies without a slot and slots without a particle; one of the two lists is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched<T> {
    /// Sources.
    pub copies: Vec<T>,
    /// Slots.
    pub holes: Vec<T>,
}

/// Matches copies and holes of the leaves `range` of a binary tree, halves first; `leaf` says what a
/// leaf has. Pairs are `(source, slot)`.
pub fn match_tree<T: Copy>(
    range: std::ops::Range<usize>,
    leaf: &mut impl FnMut(usize, &mut Vec<(T, T)>) -> Unmatched<T>,
    pairs: &mut Vec<(T, T)>,
) -> Unmatched<T> {
    if range.len() == 1 {
        return leaf(range.start, pairs);
    }
    let middle = range.start + range.len() / 2;
    let mut left = match_tree(range.start..middle, leaf, pairs);
    let mut right = match_tree(middle..range.end, leaf, pairs);
    fill(&mut left.copies, &mut right.holes, pairs);
    fill(&mut right.copies, &mut left.holes, pairs);
    left.copies.append(&mut right.copies);
    left.holes.append(&mut right.holes);
    left
}

/// Pairs the first entries of both lists and removes them.
fn fill<T: Copy>(copies: &mut Vec<T>, holes: &mut Vec<T>, pairs: &mut Vec<(T, T)>) {
    let count = copies.len().min(holes.len());
    pairs.extend(copies.drain(..count).zip(holes.drain(..count)));
}

/// Matches the particles of one rank (or of all): `offspring [n]`; pairs and what is left are indices.
pub fn match_particles(offspring: &[usize], pairs: &mut Vec<(usize, usize)>) -> Unmatched<usize> {
    let mut leaf = |slot: usize, pairs: &mut Vec<(usize, usize)>| match offspring[slot] {
        0 => Unmatched { copies: vec![], holes: vec![slot] },
        count => {
            pairs.push((slot, slot));
            Unmatched { copies: vec![slot; count - 1], holes: vec![] }
        }
    };
    match_tree(0..offspring.len(), &mut leaf, pairs)
}

/// `(rank, index in its list of copies or holes)`.
pub type Place = (usize, usize);

/// Matches what the ranks have left over: `totals [P]` offspring on ranks of `width` slots. All ranks
/// know the totals, so all of them find the same pairs.
pub fn match_ranks(totals: &[usize], width: usize) -> Vec<(Place, Place)> {
    let mut pairs = Vec::new();
    let mut leaf = |rank: usize, _: &mut Vec<(Place, Place)>| {
        let places = |count: usize| (0..count).map(|index| (rank, index)).collect();
        Unmatched {
            copies: places(totals[rank].saturating_sub(width)),
            holes: places(width.saturating_sub(totals[rank])),
        }
    };
    let left = match_tree(0..totals.len(), &mut leaf, &mut pairs);
    assert!(left.copies.is_empty() && left.holes.is_empty(), "as many offspring as slots");
    pairs
}

/// Pairs for the sorted order: offspring `k` of rank `r` goes to slot `k + sum of totals before r`.
pub fn sort_ranks(totals: &[usize], width: usize) -> Vec<(Place, Place)> {
    let offspring =
        totals.iter().enumerate().flat_map(|(r, &total)| (0..total).map(move |k| (r, k)));
    offspring.enumerate().map(|(slot, from)| (from, (slot / width, slot % width))).collect()
}

/// The source of every slot in a population that one rank holds.
pub fn sources(placement: Placement, ancestors: &[usize]) -> Vec<usize> {
    match placement {
        Placement::Sorted => ancestors.to_vec(),
        Placement::Tree => {
            let mut pairs = Vec::with_capacity(ancestors.len());
            let left = match_particles(&counts(ancestors), &mut pairs);
            assert!(left.copies.is_empty() && left.holes.is_empty(), "as many offspring as slots");
            let mut sources = vec![0; ancestors.len()];
            pairs.into_iter().for_each(|(source, slot)| sources[slot] = source);
            sources
        }
    }
}

/// Offspring of every particle.
pub fn counts(ancestors: &[usize]) -> Vec<usize> {
    let mut counts = vec![0; ancestors.len()];
    ancestors.iter().for_each(|&ancestor| counts[ancestor] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a survivor moves, a copy goes farther than it must, or the order of a list changes:
    /// offspring 3 0 0 1 | 0 2 2 0: both halves have four, so nothing crosses the middle.
    #[test]
    fn tree_by_hand() {
        let ancestors = [0, 0, 0, 3, 5, 5, 6, 6];
        assert_eq!(sources(Placement::Tree, &ancestors), [0, 0, 0, 3, 5, 5, 6, 6]);
        // 4 0 1 1 | 0 0 1 1: two copies cross, into the first holes.
        assert_eq!(sources(Placement::Tree, &[0, 0, 0, 0, 2, 3, 6, 7]), [0, 0, 2, 3, 0, 0, 6, 7]);
    }

    /// Fails if the pairs of ranks are not those of the whole tree, or if more than the surplus moves.
    #[test]
    fn ranks_find_the_pairs_of_the_whole_tree() {
        let mut ancestors = [0; 64];
        // Offspring pile up in the middle and are missing at both ends.
        for (slot, ancestor) in ancestors.iter_mut().enumerate() {
            *ancestor = 9 + (slot * slot / 5) % 41;
        }
        ancestors.sort_unstable();
        let (counts, whole) = (counts(&ancestors), sources(Placement::Tree, &ancestors));
        for ranks in [1, 2, 4, 8, 16] {
            let width = 64 / ranks;
            let (mut found, mut left) = (vec![usize::MAX; 64], Vec::new());
            for (rank, counts) in counts.chunks(width).enumerate() {
                let mut pairs = Vec::new();
                left.push(match_particles(counts, &mut pairs));
                let base = rank * width;
                pairs.into_iter().for_each(|(from, to)| found[base + to] = base + from);
            }
            let totals: Vec<usize> = counts.chunks(width).map(|c| c.iter().sum()).collect();
            let between = match_ranks(&totals, width);
            let surplus: usize = totals.iter().map(|total| total.saturating_sub(width)).sum();
            assert_eq!(between.len(), surplus);
            for ((from, k), (to, j)) in between {
                assert_ne!(from, to);
                found[to * width + left[to].holes[j]] = from * width + left[from].copies[k];
            }
            assert_eq!(found, whole, "{ranks}");
        }
    }

    /// Fails if the sorted order is not that of the slots.
    #[test]
    fn sorted_by_hand() {
        let pairs = sort_ranks(&[3, 0, 3], 2);
        let expected = [
            ((0, 0), (0, 0)),
            ((0, 1), (0, 1)),
            ((0, 2), (1, 0)),
            ((2, 0), (1, 1)),
            ((2, 1), (2, 0)),
            ((2, 2), (2, 1)),
        ];
        assert_eq!(pairs, expected);
    }
}
