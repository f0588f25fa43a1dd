//! The local communication barrier from weighted values of `D`, in `O(N log N)`.
//!
//! `lambda(t) = 1/2 E|D(X) - D(X')|`, `D = d/dt log p_t`, `X` and `X'` independent from `p_t`
//! \[Syed22\]. The estimate is the weighted U-statistic
//! `U = 1/2 sum_(i != j) W_i W_j |D_i - D_j| / (1 - sum_i W_i^2)`, `W_i = w_i / sum_j w_j`:
//! with pairs `i = j` it would be too small by `(N-1)/N` even for equal weights.
//!
//! The standard error is that of the projection (Hoeffding 1948, Hajek 1968) on single values:
//! with `h_i = 1/2 sum_(j != i) W_j |D_i - D_j| / (1 - W_i)`,
//! `SE^2 = c 4 sum_i W_i^2 (h_i - U)^2`. The factor `c = n (n-1) / (n-2)^2`, `n = 1/sum_i W_i^2`, makes
//! it the jackknife when weights are equal.

/// An estimated local barrier `lambda(t)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalBarrier {
    /// The estimate.
    pub value: f64,
    /// Its standard error; infinite when the effective number of values `1/sum W_i^2` is at most
    /// two, since one difference says nothing about its own spread.
    pub standard_error: f64,
}

/// The local barrier of `(value, weight)` pairs, with values `D_i` up to a common constant and
/// weights of any positive sum.
///
/// Only differences of neighbouring values and sums of positive terms are formed, so a common offset
/// costs no more than its own rounding, and the order of the pairs does not change a bit. A pair of
/// weight zero does not count, whatever its value.
///
/// None when fewer than two values carry weight, a weight is negative or not finite, a value that
/// carries weight is not finite, or a sum or difference overflows.
pub fn local_barrier(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<LocalBarrier> {
    let mut pairs: Vec<(f64, f64)> = pairs.into_iter().filter(|&(_, w)| w != 0.0).collect();
    let valid = |&(value, weight): &(f64, f64)| value.is_finite() && weight > 0.0;
    if pairs.len() < 2 || !pairs.iter().all(valid) {
        return None;
    }
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
    let total: f64 = pairs.iter().map(|pair| pair.1).sum();
    pairs.iter_mut().for_each(|pair| pair.1 /= total);

    let others = sums_over_others(&pairs);
    let mean = |values: fn(&Others) -> f64| -> f64 {
        pairs.iter().zip(&others).map(|(pair, other)| pair.1 * values(other)).sum()
    };
    // `sum_i W_i (1 - W_i) = 1 - sum_i W_i^2`, precise also when one weight is almost one.
    let different = mean(|other| other.weight);
    let value = 0.5 * mean(|other| other.distance) / different;

    let variance: f64 = pairs
        .iter()
        .zip(&others)
        .map(|(&(_, weight), other)| {
            let deviation = weight * (other.distance / other.weight - 2.0 * value);
            deviation * deviation
        })
        .sum();
    let effective = 1.0 / pairs.iter().map(|pair| pair.1 * pair.1).sum::<f64>();
    let standard_error = if effective > 2.0 {
        libm::sqrt(variance * effective * (effective - 1.0)) / (effective - 2.0)
    } else {
        f64::INFINITY
    };
    // An overflow of the total weight or of a difference shows in the value, one of the distances in the error.
    (value.is_finite() && !standard_error.is_nan())
        .then_some(LocalBarrier { value, standard_error })
}

/// Sums over all pairs but one.
#[derive(Debug, Clone, Copy, Default)]
struct Others {
    /// `1 - W_i`.
    weight: f64,
    /// `sum_j W_j |D_i - D_j|`.
    distance: f64,
}

/// The sums for every pair, of sorted `pairs`: one walk collects those to the left, one the right.
fn sums_over_others(pairs: &[(f64, f64)]) -> Vec<Others> {
    let mut others = vec![Others::default(); pairs.len()];
    let mut walk = |indices: &mut dyn Iterator<Item = usize>| {
        let mut passed = Others::default();
        let mut last: Option<(f64, f64)> = None;
        for i in indices {
            if let Some((value, weight)) = last {
                passed.weight += weight;
                passed.distance += passed.weight * (pairs[i].0 - value).abs();
            }
            last = Some(pairs[i]);
            others[i].weight += passed.weight;
            others[i].distance += passed.distance;
        }
    };
    walk(&mut (0..pairs.len()));
    walk(&mut (0..pairs.len()).rev());
    others
}

#[cfg(test)]
mod tests {
    use amc_core::rng::{Key, Purpose};

    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} {expected}");
    }

    /// Normals of the stream number `index`.
    fn normals(index: u64, count: usize) -> Vec<f64> {
        let mut values = vec![0.0; count];
        Key::new(5, Purpose::User).level(index).stream().fill_scalar_normals(&mut values);
        values
    }

    /// `U` and the uncorrected `SE^2` by the double sums of their definition.
    fn by_definition(pairs: &[(f64, f64)]) -> (f64, f64) {
        let total: f64 = pairs.iter().map(|pair| pair.1).sum();
        let mean_distance = |i: usize| -> f64 {
            let (value, weight) = pairs[i];
            let sum: f64 = pairs.iter().map(|pair| pair.1 * (pair.0 - value).abs()).sum();
            0.5 * sum / (total - weight)
        };
        let share = |i: usize| pairs[i].1 / total;
        let n = 0..pairs.len();
        let different: f64 = 1.0 - n.clone().map(|i| share(i) * share(i)).sum::<f64>();
        let value = n.clone().map(|i| share(i) * (1.0 - share(i)) * mean_distance(i)).sum::<f64>();
        let value = value / different;
        let term = |i: usize| 2.0 * share(i) * (mean_distance(i) - value);
        (value, n.map(|i| term(i) * term(i)).sum())
    }

    /// Fails when a weight belongs to the wrong value, the half or the pairs `i = j` are wrong.
    ///
    /// Weights 1/8, 5/8, 2/8 at 3, -1, 4: `sum_(i<j) W_i W_j |D_i - D_j|` is
    /// `(5*4 + 2*1 + 10*5)/64` and `1 - sum W^2` is `34/64`.
    #[test]
    fn three_weighted_values_by_hand() {
        let pairs = [(3.0, 1.0), (-1.0, 5.0), (4.0, 2.0)];
        let found = local_barrier(pairs).unwrap();
        close(found.value, 72.0 / 34.0, 1e-15);
        assert_eq!(
            local_barrier([(3.0, 0.2), (-1.0, 1.0), (4.0, 0.4)]).unwrap().value,
            found.value
        );
        let two = local_barrier([(10.0, 3.0), (4.0, 1.0)]).unwrap();
        assert_eq!(two, LocalBarrier { value: 3.0, standard_error: f64::INFINITY });
    }

    /// Fails when a sum over the left and one over the right are mixed up, or ties are.
    #[test]
    fn equals_the_double_sums() {
        let values = [0.3, -7.0, 0.3, 2.0, 11.0, -0.5, 2.0, 1.0];
        let weights = [1.0, 0.5, 2.0, 0.0, 0.25, 3.0, 1.5, 0.1];
        let pairs: Vec<(f64, f64)> = values.into_iter().zip(weights).collect();
        let found = local_barrier(pairs.clone()).unwrap();
        let (value, variance) = by_definition(&pairs);
        close(found.value, value, 1e-14);
        let total: f64 = weights.iter().sum();
        let n = total * total / weights.iter().map(|w| w * w).sum::<f64>();
        close(found.standard_error, (variance * n * (n - 1.0)).sqrt() / (n - 2.0), 1e-13);
        assert_eq!(local_barrier(pairs.into_iter().rev()).unwrap(), found);
    }

    /// Fails when the error of equal weights is not that of leaving out one value at a time.
    #[test]
    fn equal_weights_give_the_jackknife() {
        let values = [0.1, 4.0, -2.0, 0.7, 1.1, 9.0];
        let estimate = |skipped: usize| {
            let kept = values.iter().enumerate().filter(|&(i, _)| i != skipped);
            local_barrier(kept.map(|(_, &value)| (value, 0.7))).unwrap()
        };
        let left_out: Vec<f64> = (0..6).map(|skipped| estimate(skipped).value).collect();
        let mean = left_out.iter().sum::<f64>() / 6.0;
        close(mean, estimate(6).value, 1e-14);
        let variance: f64 =
            left_out.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() * 5.0 / 6.0;
        close(estimate(6).standard_error, variance.sqrt(), 1e-13);
    }

    /// Fails when differences are taken between large sums: values are exact after the offset, so
    /// the result must be the same bits.
    #[test]
    fn offset_changes_nothing() {
        let values: Vec<f64> =
            normals(1, 999).iter().map(|x| (x * 1024.0).round() / 1024.0).collect();
        let barrier = |offset: f64| {
            let weight = |i: usize| 0.2 + (i % 7) as f64;
            local_barrier(values.iter().enumerate().map(|(i, x)| (x + offset, weight(i)))).unwrap()
        };
        assert_eq!(barrier(0.0), barrier(1e9));
        assert_eq!(barrier(0.0), barrier(-1e9));
    }

    /// Fails when the estimate or its error is biased, or scales wrongly: `D = s X + m` has barrier
    /// `s/sqrt(pi)`, over 8000 replications of 40 values, with equal weights and with importance
    /// weights `exp(x/2)` that shift the mean of `X` to 1/2. At 40 values, counting pairs `i = j`
    /// would be off by nearly five times the tolerance.
    #[test]
    fn normal_values_and_their_spread() {
        let (s, m, replications) = (3.0, -50.0, 8000);
        // Ratios of weights are biased by O(1/N); there the tolerances have room for it.
        for (tilt, bias, spread) in [(0.0, 0.0, 0.08), (0.5, 0.01, 0.16)] {
            let estimates: Vec<LocalBarrier> = (0..replications)
                .map(|index| {
                    let pair = |x: &f64| (s * x + m, libm::exp(tilt * x));
                    local_barrier(normals(100 + index, 40).iter().map(pair)).unwrap()
                })
                .collect();
            let count = replications as f64;
            let mean = estimates.iter().map(|e| e.value).sum::<f64>() / count;
            let square = |e: &LocalBarrier| (e.value - mean) * (e.value - mean);
            let variance = estimates.iter().map(square).sum::<f64>() / (count - 1.0);
            let claimed = estimates.iter().map(|e| e.standard_error.powi(2)).sum::<f64>() / count;
            let truth = s / std::f64::consts::PI.sqrt();
            let tolerance = 4.0 * (variance / count).sqrt() + bias * truth;
            assert!((mean - truth).abs() < tolerance, "{tilt}: {mean} {truth} {tolerance}");
            assert!((claimed / variance - 1.0).abs() < spread, "{tilt}: {claimed} {variance}");
        }
    }

    /// Fails when one weight of almost one makes `1 - sum W^2` cancel.
    #[test]
    fn dominant_weight_is_precise() {
        let found = local_barrier([(0.0, 1.0), (2.0, 1e-20), (6.0, 3e-20)]).unwrap();
        close(found.value, 2.5, 1e-15);
        assert_eq!(found.standard_error, f64::INFINITY);
    }

    /// Fails when something without a barrier gets one, or a dead pair spoils the rest.
    #[test]
    fn no_estimate_without_two_values() {
        let one = (1.0, 1.0);
        for bad in [(2.0, 0.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (0.0, -1.0), (0.0, f64::NAN)]
        {
            assert_eq!(local_barrier([one, bad]), None, "{bad:?}");
        }
        assert_eq!(local_barrier([(-1e308, 1.0), (1e308, 1.0)]), None);
        assert_eq!(local_barrier([(1.0, 1e308), (2.0, 1e308)]), None);
        // Half the largest number is a value, but distances from it overflow to infinity minus infinity.
        let ends = [(f64::MIN, 1.0), (1e300, 1.0)];
        let between = std::iter::repeat_n((f64::EPSILON, f64::EPSILON), 19);
        assert_eq!(local_barrier(ends.into_iter().chain(between)), None);
        let dead = local_barrier([one, (f64::NAN, 0.0), (2.0, 1.0)]).unwrap();
        assert_eq!(dead.value, 0.5);
        assert_eq!(
            local_barrier([one, one, one]).unwrap(),
            LocalBarrier { value: 0.0, standard_error: 0.0 }
        );
    }
}
