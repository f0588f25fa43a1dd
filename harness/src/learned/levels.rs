//! Which noise levels a model is trained at, and the free constants that a classification gives them.

use super::network::Real;
use super::noise::NoiseRange;
use amc_core::rng::Stream;

/// The levels that are drawn in training, by their log-SNR.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainedLevels {
    /// All in a range, uniformly.
    Continuous(NoiseRange),
    /// Some: see [`TrainedLevels::discrete`].
    Discrete(DiscreteLevels),
}

/// Log-SNRs in strictly ascending order, at least two.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscreteLevels(Vec<f64>);

/// Nodes of the constants where levels are continuous.
const NODES: usize = 65;

impl TrainedLevels {
    /// Discrete levels; none if they are fewer than two or not in strictly ascending order.
    pub fn discrete(levels: Vec<f64>) -> Option<Self> {
        let ascending = levels.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = levels.iter().all(|level| level.is_finite());
        (levels.len() > 1 && ascending && finite).then_some(Self::Discrete(DiscreteLevels(levels)))
    }

    /// The noisiest and the cleanest.
    pub fn range(&self) -> NoiseRange {
        match self {
            Self::Continuous(range) => *range,
            Self::Discrete(DiscreteLevels(levels)) => {
                let (lowest, highest) = (levels.first(), levels.last());
                let or = |level: Option<&f64>| level.copied().unwrap_or(0.0);
                NoiseRange { lowest: or(lowest), highest: or(highest) }
            }
        }
    }

    /// The level at a share in `[0, 1)` of the way from the noisiest to the cleanest: uniform for a uniform share.
    pub fn at(&self, share: f64) -> f64 {
        match self {
            Self::Continuous(range) => range.at(share),
            Self::Discrete(DiscreteLevels(levels)) => {
                let index = (share * levels.len() as f64) as usize;
                levels[index.min(levels.len() - 1)]
            }
        }
    }

    /// Draws levels for one classification, distinct but for ties of probability zero, in a window whose width is
    /// log-uniform between `narrow` (of log-SNR) and everything.
    ///
    /// Discrete levels, fewer than asked for, repeat.
    pub fn draw_window(&self, narrow: f64, stream: &mut Stream, out: &mut [f64]) {
        let range = self.range();
        let width = range.highest - range.lowest;
        let narrow = narrow.min(width);
        let span = narrow * libm::pow(width / narrow, stream.uniform());
        match self {
            Self::Continuous(range) => {
                let start = range.lowest + (width - span) * stream.uniform();
                out.iter_mut().for_each(|level| *level = start + span * stream.uniform());
            }
            Self::Discrete(DiscreteLevels(levels)) => {
                let count = levels.len();
                let wanted = libm::ceil(span / width * count as f64) as usize;
                let window = wanted.max(out.len()).min(count);
                let start = ((count - window + 1) as f64 * stream.uniform()) as usize;
                // Floyd's algorithm would do with less, but there are at most eight.
                let mut taken = [usize::MAX; 8];
                for (slot, level) in out.iter_mut().enumerate() {
                    let index = loop {
                        let index = start + (window as f64 * stream.uniform()) as usize;
                        let index = index.min(start + window - 1);
                        if slot >= window || !taken[..slot].contains(&index) {
                            break index;
                        }
                    };
                    taken[slot] = index;
                    *level = levels[index];
                }
            }
        }
    }

    /// Nodes of the free constants: the levels themselves, or a fine grid.
    pub fn constants(&self) -> LevelConstants {
        let nodes = match self {
            Self::Discrete(DiscreteLevels(levels)) => levels.clone(),
            Self::Continuous(range) => {
                (0..NODES).map(|i| range.at(i as f64 / (NODES - 1) as f64)).collect()
            }
        };
        LevelConstants { nodes }
    }
}

/// A function of the log-SNR, linear between nodes and 0 at the first, the noisiest.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelConstants {
    /// Ascending, at least two.
    nodes: Vec<f64>,
}

impl LevelConstants {
    /// Free values.
    pub fn count(&self) -> usize {
        self.nodes.len() - 1
    }

    /// The node at or below a log-SNR, of all but the last, and the share of the way to the next.
    fn place(&self, log_snr: f64) -> (usize, f64) {
        let above = self.nodes.partition_point(|&node| node <= log_snr);
        let node = above.saturating_sub(1).min(self.nodes.len() - 2);
        let (low, high) = (self.nodes[node], self.nodes[node + 1]);
        (node, (log_snr - low) / (high - low))
    }

    /// `f` at a log-SNR; `values` `[count]`.
    pub fn at<T: Real>(&self, values: &[T], log_snr: f64) -> f64 {
        let (node, share) = self.place(log_snr);
        let low = if node == 0 { 0.0 } else { values[node - 1].to_f64() };
        low + share * (values[node].to_f64() - low)
    }

    /// Adds the gradient of `adjoint f(log_snr)`.
    pub fn add_gradient<T: Real>(&self, gradient: &mut [T], log_snr: f64, adjoint: f64) {
        let (node, share) = self.place(log_snr);
        if node > 0 {
            gradient[node - 1] += T::from_f64((1.0 - share) * adjoint);
        }
        gradient[node] += T::from_f64(share * adjoint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    /// Fails if interpolation is not linear, not 0 at the noisiest level, or its gradient belongs to other nodes.
    #[test]
    fn constants_interpolate() {
        let constants = TrainedLevels::discrete(vec![-2.0, 0.0, 4.0]).unwrap().constants();
        let values = [3.0, -1.0];
        for (log_snr, value) in [(-2.0, 0.0), (-1.0, 1.5), (0.0, 3.0), (1.0, 2.0), (4.0, -1.0)] {
            assert_eq!(constants.at(&values, log_snr), value, "{log_snr}");
            for node in 0..2 {
                let mut moved = values;
                moved[node] += 1.0;
                let mut gradient = [0.0; 2];
                constants.add_gradient(&mut gradient, log_snr, 5.0);
                let slope = 5.0 * (constants.at(&moved, log_snr) - value);
                assert!((gradient[node] - slope).abs() < 1e-12, "{log_snr} {node}");
            }
        }
    }

    /// Fails if levels that cannot be told apart, or too few, are taken.
    #[test]
    fn discrete_levels_are_distinct() {
        for levels in [vec![], vec![1.0], vec![1.0, 1.0], vec![2.0, 1.0], vec![0.0, f64::INFINITY]]
        {
            assert!(TrainedLevels::discrete(levels.clone()).is_none(), "{levels:?}");
        }
    }

    /// Fails if windows leave the range, discrete levels repeat, or narrow windows are not narrow.
    #[test]
    fn windows_stay_inside() {
        let range = NoiseRange { lowest: -3.0, highest: 7.0 };
        let levels: Vec<f64> = (0..40).map(|i| range.at(f64::from(i * i) / 1521.0)).collect();
        let mut stream = Key::new(3, Purpose::User).stream();
        let mut narrowest = f64::INFINITY;
        for levels in [TrainedLevels::Continuous(range), TrainedLevels::discrete(levels).unwrap()] {
            for _ in 0..2000 {
                let mut out = [0.0; 4];
                levels.draw_window(0.1, &mut stream, &mut out);
                let (low, high) =
                    out.iter().fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
                assert!(low >= range.lowest && high <= range.highest);
                narrowest = narrowest.min(high - low);
                for (i, level) in out.iter().enumerate() {
                    assert!(!out[..i].contains(level), "{out:?}");
                }
            }
        }
        assert!(narrowest < 0.1, "{narrowest}");
    }
}
