//! Uniform numbers on the open interval, singly and in increasing order.
//!
//! The `k`-th smallest of `n` uniforms, generated in order without sorting: with independent
//! exponentials `E_j` (Renyi's representation of exponential order statistics),
//!
//! ```text
//! U_(k) = 1 - exp(-s_k),   s_k = sum_{j <= k} E_j / (n - j + 1)
//! ```

use rand_core::Rng;

/// One uniform number in the open interval (0, 1), from one word of any generator.
pub(super) fn open_uniform(rng: &mut (impl Rng + ?Sized)) -> f64 {
    crate::rng::open_uniform(rng.next_u64())
}

/// The order statistics of independent uniforms, smallest first.
pub(super) struct OrderedUniforms {
    remaining: usize,
    /// `-log(1 - U)` of the last one returned.
    spent: f64,
}

impl OrderedUniforms {
    /// Prepares `count` uniforms.
    pub(super) fn new(count: usize) -> Self {
        Self { remaining: count, spent: 0.0 }
    }

    /// The next larger one, in (0, 1], or `None` (and no draw) after `count` of them. Rounding
    /// makes 1 possible when the distance to 1 falls below `2^-54`.
    pub(super) fn next(&mut self, rng: &mut (impl Rng + ?Sized)) -> Option<f64> {
        if self.remaining == 0 {
            return None;
        }
        self.spent -= libm::log(open_uniform(rng)) / self.remaining as f64;
        self.remaining -= 1;
        Some(-libm::expm1(-self.spent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_rng::{Uniforms, midpoint};
    use super::*;

    /// Fails if the smallest or the largest word gives 0 or 1, if one of the 52 upper bits is lost
    /// or a lower one leaks in, or if a uniform takes more than one word.
    #[test]
    fn uniforms_stay_inside_the_open_interval() {
        const HALF_CELL: f64 = f64::EPSILON / 2.0;
        let words = [0, 0xfff, 0x1000, u64::MAX, 1 << 63, (1 << 63) - 1];
        let mut rng = Uniforms::raw(&words);
        let found = words.map(|_| open_uniform(&mut rng));
        let (first, last) = (HALF_CELL, 1.0 - HALF_CELL);
        assert_eq!(found, [first, first, 3.0 * first, last, 0.5 + HALF_CELL, 0.5 - HALF_CELL]);
        assert_eq!(rng.draws, words.len());
    }

    /// Fails if the spacings do not shrink with the number left: E[U_(k)] = k / (n + 1) and
    /// E[U_(1) U_(3)] = 4 / 20 for n = 3, by the midpoint rule over all three uniforms.
    #[test]
    fn moments_of_three_order_statistics() {
        const GRID: usize = 50;
        let (mut means, mut product) = ([0.0; 3], 0.0);
        for cell in 0..GRID * GRID * GRID {
            let points = [cell % GRID, cell / GRID % GRID, cell / GRID / GRID];
            let points = points.map(|index| midpoint(index, GRID));
            let mut rng = Uniforms::new(&points);
            let mut ordered = OrderedUniforms::new(3);
            let values = [0; 3].map(|_| ordered.next(&mut rng).unwrap());
            assert!(values.is_sorted() && values[0] > 0.0 && values[2] < 1.0);
            assert_eq!(ordered.next(&mut rng), None);
            assert_eq!(rng.draws, 3);
            means.iter_mut().zip(values).for_each(|(mean, value)| *mean += value);
            product += values[0] * values[2];
        }
        let cells = (GRID * GRID * GRID) as f64;
        for (k, mean) in means.into_iter().enumerate() {
            assert!((mean / cells - (k + 1) as f64 / 4.0).abs() < 2e-3, "{k}: {}", mean / cells);
        }
        assert!((product / cells - 0.2).abs() < 2e-3, "{}", product / cells);
    }
}
