//! Normals to the tails: how many lie beyond 3, 4, 5 and 6 standard deviations, and how far out the extremes are.
//!
//! Of `n` independent normals `Binomial(n, Phi(-t))` lie above `t`, and the largest has the distribution function
//! `Phi(x)^n`; below and for the smallest the same, mirrored.

use amc_core::simd::{LANES, f64x8};

use super::{Draws, Source};
use crate::bound::binomial::binomial_p_value;
use crate::bound::bonferroni;
use crate::oracle::standard_normal_cdf;
use crate::{Budget, Verdict, VerifyError};

/// Vectors drawn from each stream.
const LENGTH: usize = 1024;
/// Where the tails begin.
const LIMITS: [f64; 4] = [3.0, 4.0, 5.0, 6.0];

/// What one lane, or all of them, showed.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// `[above, below][limits]`
    beyond: [[u64; LIMITS.len()]; 2],
    largest: f64,
    smallest: f64,
    faults: u64,
}

impl Tally {
    const NEW: Self = Self {
        beyond: [[0; LIMITS.len()]; 2],
        largest: f64::NEG_INFINITY,
        smallest: f64::INFINITY,
        faults: 0,
    };

    fn push(&mut self, z: f64) {
        // Two in a thousand get past this.
        if z > -LIMITS[0] && z < LIMITS[0] {
            return;
        }
        self.faults += u64::from(z.is_nan());
        for (i, limit) in LIMITS.into_iter().enumerate() {
            self.beyond[0][i] += u64::from(z > limit);
            self.beyond[1][i] += u64::from(z < -limit);
        }
        self.largest = self.largest.max(z);
        self.smallest = self.smallest.min(z);
    }

    fn merged(lanes: &[Self; LANES]) -> Self {
        lanes.iter().fold(Self::NEW, |mut sum, lane| {
            for (sum, lane) in sum.beyond.iter_mut().flatten().zip(lane.beyond.iter().flatten()) {
                *sum += lane;
            }
            sum.largest = sum.largest.max(lane.largest);
            sum.smallest = sum.smallest.min(lane.smallest);
            sum.faults += lane.faults;
            sum
        })
    }
}

/// Tails of normals, lane by lane and together: exact binomial p-values of the counts beyond each limit, above,
/// below and both, and of the extremes of all.
///
/// `samples` counts streams times eight; each gives 1024 vectors. At 64,000 that is 6.5e7 normals: a pass excludes
/// tails beyond 4 standard deviations that are off by 15 % and tails beyond 5 that are missing or four times too
/// heavy; beyond 6, where 0.06 are expected, six or more.
/// Takes half a second.
///
/// # Errors
/// An unusable budget.
pub fn tails<D: Draws>(
    name: &str,
    source: Source<'_, D>,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "stream::tails";
    budget.check()?;
    let key = budget.key(LAW, name);
    let mut lanes = [Tally::NEW; LANES];
    let mut vectors = [f64x8::splat(f64::NAN); LENGTH];
    for block in 0..budget.blocks() {
        source(key.block(block as u64)).normals(&mut vectors);
        for vector in &vectors {
            for (tally, z) in lanes.iter_mut().zip(vector.to_array()) {
                tally.push(z);
            }
        }
    }
    let count = (LENGTH * budget.blocks()) as u64;
    let (mut p_values, mut worst) = (Vec::new(), (f64::INFINITY, String::new()));
    let mut note = |p_value: f64, what: String| {
        if p_value < worst.0 {
            worst = (p_value, what);
        }
        p_values.push(p_value);
    };
    let all = Tally::merged(&lanes);
    let lanes = lanes.iter().enumerate().map(|(i, lane)| (format!("lane {i}"), *lane, count));
    for (place, tally, count) in lanes.chain([("all lanes".into(), all, 8 * count)]) {
        for (side, counts) in ["above", "below -"].into_iter().zip(tally.beyond) {
            for (limit, found) in LIMITS.into_iter().zip(counts) {
                let p = standard_normal_cdf(-limit);
                let what = format!("{place}: {found} {side}{limit} for {:.1}", p * count as f64);
                note(binomial_p_value(found, count, p)?, what);
            }
        }
        let [above, below] = tally.beyond;
        for ((above, below), limit) in above.into_iter().zip(below).zip(LIMITS) {
            let (found, p) = (above + below, 2.0 * standard_normal_cdf(-limit));
            let what = format!("{place}: {found} beyond {limit} for {:.1}", p * count as f64);
            note(binomial_p_value(found, count, p)?, what);
        }
    }
    for (what, extreme) in [("largest", all.largest), ("smallest", -all.smallest)] {
        note(extreme_p_value(extreme, 8 * count), format!("{what}: {extreme:.3}"));
    }
    let p_value = if all.faults == 0 { bonferroni(&p_values) } else { 0.0 };
    let drawn = 8 * budget.blocks() * LENGTH;
    Ok(Verdict::from_p_value((LAW, name), budget, drawn, p_value, worst.1))
}

/// Two-sided p-value of the largest of `count` normals: `U = Phi(x)^n` is uniform.
fn extreme_p_value(largest: f64, count: u64) -> f64 {
    // log U = n log1p(-Phi(-x)); both tails keep their digits.
    let log = count as f64 * libm::log1p(-standard_normal_cdf(-largest));
    (2.0 * libm::exp(log).min(-libm::expm1(log))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the law of the largest is mirrored or loses a tail: `P(max of 1000 < 2) = Phi(2)^1000`,
    /// `P(max of 1000 > 8) = 1000 Phi(-8)`.
    #[test]
    fn extremes_by_hand() {
        let expected = 2.0 * libm::pow(0.977_249_868_051_820_8, 1000.0);
        assert!((extreme_p_value(2.0, 1000) / expected - 1.0).abs() < 1e-9);
        let expected = 2000.0 * 6.220_960_574_271_785e-16;
        assert!((extreme_p_value(8.0, 1000) / expected - 1.0).abs() < 1e-9);
        assert!(extreme_p_value(3.3, 1000) > 0.3);
        assert_eq!(extreme_p_value(f64::NEG_INFINITY, 1000), 0.0);
    }

    /// Fails if a side or a limit is exchanged, or NaN is not counted.
    #[test]
    fn tallies_by_hand() {
        let mut tally = Tally::NEW;
        [3.5, -4.5, 0.1, -6.1, 5.0, f64::NAN].into_iter().for_each(|z| tally.push(z));
        assert_eq!(tally.beyond, [[2, 1, 0, 0], [2, 2, 1, 1]]);
        assert_eq!((tally.largest, tally.smallest, tally.faults), (5.0, -6.1, 1));
    }
}
