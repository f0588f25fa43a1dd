//! How many particles change ranks when `N` of them on `P` ranks are resampled: predicted and counted.
//!
//! `n = N/P` slots per rank; `c^2 = N/ESS - 1` the variation of the weights; `C_r` the offspring of the
//! first `r` ranks. For exchangeable weights, with `u = r/P` and 1/6 for the rounding of `C_r`:
//!
//! ```text
//! flux across boundary r   F_r = C_r - r n,      Var F_r = c^2 N u (1 - u) + 1/6     (Brownian bridge)
//! surplus of a rank        O_r - n = F_(r+1) - F_r,  Var = c^2 n (1 - 1/P) + 1/6
//! sorted        sum_r E min(|F_r|, n)            ~ (sqrt(2 pi)/8) c P sqrt(N)  while far below N
//! tree          (P/2) E min(|O_r - n|, n)        ~ c sqrt(N P/(2 pi))         (a rank lacks at most n)
//! butterfly     (P/2) sum_k E|D_k|,  Var D_k = c^2 n/2^(k+1) + 1/6,  k = 0 .. log2(P) - 1
//! permuted      (1 - 1/P) N
//! ```

use amc_core::error::Result;
use amc_core::rng::Stream;
use amc_core::weight::Resampling;

use crate::placement::{counts, match_ranks};

/// `sqrt(2/pi)`: the mean size of a standard normal number.
const MEAN_SIZE: f64 = 0.797_884_560_802_865_4;

/// Variance of a number that is rounded up or down at random, over all fractions.
const ROUNDING: f64 = 1.0 / 6.0;

/// Mean of the largest absolute value of a Brownian bridge, `sqrt(pi/2) ln 2`.
pub const LARGEST_OF_BRIDGE: f64 = 0.868_731_160_636_159;

/// Particles that change ranks, scheme by scheme.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moves {
    /// Offspring sorted by ancestor.
    pub sorted: f64,
    /// Offspring matched along the tree.
    pub tree: f64,
    /// `log2 P` stages, each within pairs of ranks.
    pub butterfly: f64,
    /// Offspring in random order.
    pub permuted: f64,
    /// Sorted: messages that leave out repetitions of a state carry so many states.
    pub sorted_distinct: f64,
    /// Sorted: most particles across one boundary.
    pub sorted_worst: f64,
    /// Tree: most particles that one rank sends.
    pub tree_worst: f64,
    /// Tree: most ranks that one rank trades with.
    pub tree_partners: f64,
}

/// Mean of `min(|x|, cap)` for `x` normal with this variance.
pub fn mean_capped(variance: f64, cap: f64) -> f64 {
    let deviation = libm::sqrt(variance);
    let z = cap / deviation;
    deviation * MEAN_SIZE * -libm::expm1(-0.5 * z * z)
        + cap * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// `c^2 = N/ESS - 1` of normalized weights.
pub fn variation(weights: &[f64]) -> f64 {
    let mean = 1.0 / weights.len() as f64;
    weights.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() * weights.len() as f64
}

/// What the formulas say.
pub fn expected(particles: usize, ranks: usize, variation: f64) -> Moves {
    let (n_all, p) = (particles as f64, ranks as f64);
    let n = n_all / p;
    let flux = |rank: usize| {
        let u = rank as f64 / p;
        mean_capped(variation * n_all * u * (1.0 - u) + ROUNDING, n)
    };
    let surplus = variation * n * (1.0 - 1.0 / p) + ROUNDING;
    let stage = |k: u32| mean_capped(0.5 * variation * n * libm::exp2(-f64::from(k)) + ROUNDING, n);
    // One rank has nobody to trade with.
    let several = f64::from(ranks > 1);
    Moves {
        sorted: (1..ranks).map(flux).sum(),
        tree: several * 0.5 * p * mean_capped(surplus, n),
        butterfly: 0.5 * p * (0..ranks.ilog2()).map(stage).sum::<f64>(),
        permuted: n_all * (1.0 - 1.0 / p),
        sorted_distinct: f64::NAN,
        sorted_worst: several * libm::sqrt(variation * n_all) * LARGEST_OF_BRIDGE,
        tree_worst: libm::sqrt(2.0 * variation * n * libm::log(p)),
        tree_partners: f64::NAN,
    }
}

/// What one resampling with these normalized weights does.
///
/// # Errors
/// Those of the resampling.
pub fn counted(weights: &[f64], ranks: usize, stream: &mut Stream) -> Result<Moves> {
    let (particles, width) = (weights.len(), weights.len() / ranks);
    let mut ancestors = vec![0; particles];
    Resampling::Systematic.ancestors(weights, stream, &mut ancestors)?;
    let moved = |(slot, ancestor): &(usize, usize)| slot / width != ancestor / width;
    let sorted: Vec<_> = ancestors.iter().copied().enumerate().filter(moved).collect();
    let mut distinct: Vec<_> = sorted.iter().map(|&(slot, a)| (a, slot / width)).collect();
    distinct.dedup();

    let totals: Vec<usize> = counts(&ancestors).chunks(width).map(|c| c.iter().sum()).collect();
    let surplus: Vec<usize> = totals.iter().map(|total| total.saturating_sub(width)).collect();
    let mut below = 0;
    let flux = totals.iter().enumerate().map(|(rank, total)| {
        below += total;
        below.abs_diff((rank + 1) * width)
    });
    let worst = flux.max().unwrap_or(0);

    let mut slots: Vec<usize> = (0..particles).collect();
    for last in (1..particles).rev() {
        slots.swap(last, ((last + 1) as f64 * stream.uniform()) as usize);
    }
    let permuted = slots.iter().copied().zip(ancestors.iter().copied()).filter(moved).count();
    Ok(Moves {
        sorted: sorted.len() as f64,
        tree: surplus.iter().sum::<usize>() as f64,
        butterfly: butterfly(weights, ranks, stream) as f64,
        permuted: permuted as f64,
        sorted_distinct: distinct.len() as f64,
        sorted_worst: worst as f64,
        tree_worst: surplus.into_iter().max().unwrap_or(0) as f64,
        tree_partners: most_partners(&totals, width) as f64,
    })
}

/// Most ranks that one rank sends to or receives from when they match along the tree.
fn most_partners(totals: &[usize], width: usize) -> usize {
    let mut trades: Vec<_> =
        match_ranks(totals, width).into_iter().map(|((from, _), (to, _))| (from, to)).collect();
    trades.sort_unstable();
    trades.dedup();
    let mut partners = vec![0; totals.len()];
    for (from, to) in trades {
        partners[from] += 1;
        partners[to] += 1;
    }
    partners.into_iter().max().unwrap_or(0)
}

/// In stage `k` ranks `r` and `r xor 2^k` resample their `2n` particles together, systematically, into
/// `n` on each side, sorted; both then hold half of the mass.
fn butterfly(weights: &[f64], ranks: usize, stream: &mut Stream) -> usize {
    let width = weights.len() / ranks;
    let mut masses: Vec<f64> = weights.chunks(width).map(|w| w.iter().sum()).collect();
    let (mut moved, mut distance) = (0, 1);
    while distance < ranks {
        for low in (0..ranks).filter(|rank| rank & distance == 0) {
            let high = low | distance;
            let both = masses[low] + masses[high];
            let boundary = 2.0 * width as f64 * masses[low] / both;
            let offspring = libm::ceil(boundary - stream.uniform()) as usize;
            moved += offspring.abs_diff(width);
            (masses[low], masses[high]) = (0.5 * both, 0.5 * both);
        }
        distance *= 2;
    }
    moved
}

impl Moves {
    /// Adds what another resampling moved.
    pub fn add(&mut self, other: &Self) {
        self.sorted += other.sorted;
        self.tree += other.tree;
        self.butterfly += other.butterfly;
        self.permuted += other.permuted;
        self.sorted_distinct += other.sorted_distinct;
        self.sorted_worst += other.sorted_worst;
        self.tree_worst += other.tree_worst;
        self.tree_partners += other.tree_partners;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    /// Fails if the mean of a clipped normal is off: against the integral by the midpoint rule.
    #[test]
    fn capped_means() {
        for (variance, cap) in [(1.0, 0.5), (4.0, 2.0), (9.0, 30.0), (0.25, 5.0)] {
            let (deviation, steps): (f64, i32) = (libm::sqrt(variance), 200_000);
            let width = 20.0 * deviation / f64::from(steps);
            let integral: f64 = (0..steps)
                .map(|i| (f64::from(i) + 0.5) * width)
                .map(|x| 2.0 * x.min(cap) * libm::exp(-0.5 * x * x / variance))
                .sum();
            let exact = integral * width / (deviation * libm::sqrt(2.0 * std::f64::consts::PI));
            assert!((mean_capped(variance, cap) / exact - 1.0).abs() < 1e-8, "{variance} {cap}");
        }
    }

    /// Fails if the sums are not their closed forms where these hold: many ranks, many more particles.
    #[test]
    fn closed_forms() {
        let (particles, ranks, c) = (1 << 40, 1 << 12, 0.7);
        let found = expected(particles, ranks, c * c);
        let (n, p) = (particles as f64, ranks as f64);
        let sorted = libm::sqrt(2.0 * std::f64::consts::PI) / 8.0 * c * p * libm::sqrt(n);
        let tree = c * libm::sqrt(n * p / (2.0 * std::f64::consts::PI));
        let series = (1.0 - libm::sqrt(1.0 / p)) / (1.0 - std::f64::consts::FRAC_1_SQRT_2);
        let butterfly = 0.5 * c * libm::sqrt(n * p / std::f64::consts::PI) * series;
        assert!((found.sorted / sorted - 1.0).abs() < 2e-3, "{}", found.sorted / sorted);
        assert!((found.tree / tree - 1.0).abs() < 2e-3);
        assert!((found.butterfly / butterfly - 1.0).abs() < 2e-3);
        assert_eq!(found.permuted, n - n / p);
        let nobody = expected(64, 1, 1.0);
        assert_eq!(
            (nobody.sorted, nobody.tree, nobody.butterfly, nobody.permuted),
            (0.0, 0.0, 0.0, 0.0)
        );
    }

    /// Fails if a formula is off by 8 % (four standard errors): independent weights, 1000 resamplings.
    #[test]
    fn formulas_hold_for_independent_weights() {
        let mut stream = Key::new(6, Purpose::User).stream();
        for ranks in [2, 8, 32] {
            let (mut found, mut formula) = (Moves::default(), Moves::default());
            for _ in 0..1000 {
                let raw: Vec<f64> = (0..4096).map(|_| -libm::log(stream.uniform())).collect();
                let sum: f64 = raw.iter().sum();
                let weights: Vec<f64> = raw.iter().map(|w| w / sum).collect();
                found.add(&counted(&weights, ranks, &mut stream).unwrap());
                formula.add(&expected(4096, ranks, variation(&weights)));
            }
            let pairs = [
                (found.sorted, formula.sorted),
                (found.tree, formula.tree),
                (found.butterfly, formula.butterfly),
                (found.permuted, formula.permuted),
            ];
            for (found, formula) in pairs {
                assert!((found / formula - 1.0).abs() < 0.08, "{ranks}: {found} {formula}");
            }
        }
    }

    /// Fails if moves are miscounted: all weight on the first of two ranks, with two particles each.
    #[test]
    fn counts_by_hand() {
        let mut stream = Key::new(1, Purpose::User).stream();
        let found = counted(&[0.5, 0.5, 0.0, 0.0], 2, &mut stream).unwrap();
        assert_eq!((found.sorted, found.tree, found.butterfly), (2.0, 2.0, 2.0));
        assert_eq!((found.sorted_distinct, found.sorted_worst, found.tree_worst), (1.0, 2.0, 2.0));
        // Surpluses 3 1 0 0 against holes 0 0 2 2: the first rank serves both others.
        assert_eq!(most_partners(&[7, 5, 2, 2], 4), 2);
    }
}
