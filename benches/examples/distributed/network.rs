//! A network of ranks inside one process that delivers everything and counts it.
//!
//! Collectives use recursive doubling: in step `k` rank `r` trades with rank `r xor 2^k`. Values are
//! combined in rank order, so a reduction is the binary tree over the ranks, whose shape is that of
//! `pairwise_sum`.

use std::collections::BTreeMap;

/// What was sent, summed over ranks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages.
    pub messages: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Operations in which all ranks took part.
    pub calls: u64,
}

/// The ranks and what they sent so far.
#[derive(Debug)]
pub struct Network {
    ranks: usize,
    /// Reductions of a few numbers to all ranks.
    pub reductions: Traffic,
    /// Values of all ranks to all ranks.
    pub gathers: Traffic,
    /// Particle states between pairs of ranks.
    pub states: Traffic,
    /// Most messages that one rank sent in one exchange of states.
    pub most_partners: u64,
}

/// Messages under way, by sender and receiver.
pub type Mail = BTreeMap<(usize, usize), Vec<f64>>;

impl Network {
    /// A silent network; `ranks` is a power of two.
    pub fn new(ranks: usize) -> Self {
        assert!(ranks.is_power_of_two(), "recursive doubling needs a power of two");
        let silent = Traffic::default();
        Self { ranks, reductions: silent, gathers: silent, states: silent, most_partners: 0 }
    }

    /// Combines one value of `bytes` bytes per rank; `combine` gets the lower ranks' value first.
    pub fn all_reduce<T: Copy>(
        &mut self,
        mut values: Vec<T>,
        bytes: u64,
        combine: impl Fn(T, T) -> T,
    ) -> T {
        let mut distance = 1;
        while distance < self.ranks {
            let pair = |rank: usize| (values[rank & !distance], values[rank | distance]);
            values = (0..self.ranks).map(pair).map(|(a, b)| combine(a, b)).collect();
            self.reductions.messages += self.ranks as u64;
            self.reductions.bytes += self.ranks as u64 * bytes;
            distance *= 2;
        }
        self.reductions.calls += 1;
        values[0]
    }

    /// Counts a gathering of `bytes` bytes per rank to all ranks; the caller has the values already.
    pub fn all_gather(&mut self, bytes: u64) {
        let ranks = self.ranks as u64;
        self.gathers.messages += ranks * u64::from(self.ranks.ilog2());
        // In step k every rank passes on the 2^k values it holds by then.
        self.gathers.bytes += ranks * (ranks - 1) * bytes;
        self.gathers.calls += 1;
    }

    /// Delivers messages of doubles and counts them.
    pub fn exchange(&mut self, mail: Mail) -> Mail {
        let mut sent = vec![0; self.ranks];
        for (&(from, to), message) in &mail {
            assert!(from != to && !message.is_empty(), "nothing is sent in vain");
            self.states.messages += 1;
            self.states.bytes += 8 * message.len() as u64;
            sent[from] += 1;
        }
        self.states.calls += 1;
        self.most_partners = self.most_partners.max(sent.into_iter().max().unwrap_or(0));
        mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::weight::pairwise_sum;

    /// Fails if the tree over the ranks is not the top of the tree over the particles, bit by bit.
    #[test]
    fn reductions_have_the_shape_of_pairwise_sums() {
        let values: Vec<f64> = (0..512).map(|i| libm::sin(f64::from(i)) / 3.0).collect();
        let whole = pairwise_sum(&values, |v| v);
        for ranks in [1, 2, 4, 8, 16, 32] {
            let parts = values.chunks(512 / ranks).map(|part| pairwise_sum(part, |v| v)).collect();
            let mut network = Network::new(ranks);
            let sum = network.all_reduce(parts, 8, |a, b| a + b);
            assert_eq!(sum.to_bits(), whole.to_bits(), "{ranks}");
            let steps = u64::from(ranks.ilog2());
            let expected = Traffic {
                messages: steps * ranks as u64,
                bytes: 8 * steps * ranks as u64,
                calls: 1,
            };
            assert_eq!(network.reductions, expected);
        }
    }

    /// Fails if values are combined out of rank order.
    #[test]
    fn order_is_kept() {
        let values = (0..8).map(|rank| (rank, rank)).collect();
        let join = |a: (i32, i32), b: (i32, i32)| {
            assert_eq!(a.1 + 1, b.0);
            (a.0, b.1)
        };
        assert_eq!(Network::new(8).all_reduce(values, 8, join), (0, 7));
    }
}
