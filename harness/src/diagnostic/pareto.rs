//! The shape `k` of a generalized Pareto tail fitted to the largest importance weights.
//!
//! Excesses `x` of the `M` largest weights over the next one have, for large `M`, the density
//! `(1/sigma)(1 + k x/sigma)^(-1/k - 1)`; weights have finite moments of order below `1/k` only.
//! With `b = -k/sigma` the profile likelihood is a function of `b` alone, and its mean over a fixed
//! grid is the estimate:
//!
//! ```text
//! M    = ceil(min(N/5, 3 sqrt N)),  m = 30 + floor(sqrt M)
//! b_j  = 1/x_M + (1 - sqrt(m/(j - 1/2)))/(3 x_q),        j = 1..m,  q = floor(M/4 + 1/2)
//! k(b) = (1/M) sum_i log(1 - b x_i),   L(b) = M (log(-b/k(b)) - k(b) - 1)
//! b    = sum_j b_j exp(L(b_j)) / sum_j exp(L(b_j)),   k = (M k(b) + 10/2)/(M + 10)
//! ```
//!
//! The last step is a weak prior worth ten points at 1/2. Sources: [Zhang & Stephens 2009, A new
//! and efficient estimation method for the generalized Pareto distribution, Technometrics 51],
//! [Vehtari, Simpson, Gelman, Yao & Gabry 2024, Pareto smoothed importance sampling, JMLR 25].

/// Fewer points do not determine two parameters.
const SMALLEST_TAIL: usize = 5;

/// Weights of the prior, in points, and its centre.
const PRIOR_POINTS: f64 = 10.0;
const PRIOR_SHAPE: f64 = 0.5;

/// Log-weights closer than this differ by rounding, whose tail says nothing: an exact bridge gives
/// equal weights, and sums over hundreds of levels keep ten digits.
const SAME_LOG_WEIGHT: f64 = 1e-6;

/// The shape `k` of the upper tail of the weights `exp(log_weights)`, `[N]`, of any scale.
///
/// Below 1/2 the weights have a variance, below 0.7 their mean still settles in practice. Weights
/// of zero (`-inf`) count in `N` but not in the tail. `None` when there is no tail to fit: fewer
/// than five weights above the next one (always for `N <= 20`), weights that are equal up to
/// rounding, NaN, `+inf`. Infinite when the tail spans more than the range of a double.
pub fn pareto_k(log_weights: &[f64]) -> Option<f64> {
    if log_weights.iter().any(|w| w.is_nan() || *w == f64::INFINITY) {
        return None;
    }
    let mut sorted: Vec<f64> =
        log_weights.iter().copied().filter(|w| *w > f64::NEG_INFINITY).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let tail = tail_len(log_weights.len()).min(sorted.len().saturating_sub(1));
    if tail < SMALLEST_TAIL {
        return None;
    }
    let (body, largest) = sorted.split_at(sorted.len() - tail);
    let (&cut, &top) = (body.last()?, largest.last()?);
    if top - cut < SAME_LOG_WEIGHT {
        return None;
    }
    // Ascending, relative to the largest weight. Points tied with the cut have no excess.
    let excesses: Vec<f64> =
        largest.iter().map(|&w| excess(w, cut, top)).filter(|&x| x > 0.0).collect();
    if excesses.len() < SMALLEST_TAIL {
        // Ties are too few distinct weights; otherwise the excesses underflow.
        return (top - cut > 700.0).then_some(f64::INFINITY);
    }
    Some(fit(&excesses))
}

/// `M = ceil(min(N/5, 3 sqrt N))`.
pub(super) fn tail_len(particles: usize) -> usize {
    let n = particles as f64;
    (0.2 * n).min(3.0 * n.sqrt()).ceil() as usize
}

/// `(e^w - e^cut)/e^top` without cancellation or overflow.
fn excess(w: f64, cut: f64, top: f64) -> f64 {
    if w - cut < 1.0 {
        libm::exp(cut - top) * libm::expm1(w - cut)
    } else {
        libm::exp(w - top) - libm::exp(cut - top)
    }
}

/// The estimate of `k` from at least five ascending positive excesses.
fn fit(x: &[f64]) -> f64 {
    let count = x.len() as f64;
    // q counts from one; q >= 1 for five points or more.
    let quartile = x[(count / 4.0 + 0.5) as usize - 1];
    let largest = x[x.len() - 1];
    let grid = 30 + count.sqrt() as usize;
    let shape = |b: f64| x.iter().map(|x| libm::log1p(-b * x)).sum::<f64>() / count;
    let points: Vec<(f64, f64)> = (1..=grid)
        .map(|j| {
            let spread = 1.0 - (grid as f64 / (j as f64 - 0.5)).sqrt();
            let b = 1.0 / largest + spread / (3.0 * quartile);
            let k = shape(b);
            (b, count * (libm::log(-b / k) - k - 1.0))
        })
        // The grid may touch b = 0, where the tail is exponential and -b/k is 0/0.
        .filter(|(b, likelihood)| b.is_finite() && !likelihood.is_nan())
        .collect();
    let top = points.iter().fold(f64::NEG_INFINITY, |top, point| top.max(point.1));
    let (mut sum, mut total) = (0.0, 0.0);
    for (b, likelihood) in points {
        let weight = libm::exp(likelihood - top);
        sum += weight * b;
        total += weight;
    }
    if total == 0.0 {
        // Excesses so far apart that no b of the grid is finite.
        return f64::INFINITY;
    }
    (count * shape(sum / total) + PRIOR_POINTS * PRIOR_SHAPE) / (count + PRIOR_POINTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use amc_core::rng::{Key, Purpose};

    /// Log-weights at the quantiles `(i + 1/2)/n` of a generalized Pareto law.
    fn quantiles(k: f64, n: usize) -> Vec<f64> {
        let upper = |i: usize| (i as f64 + 0.5) / n as f64;
        (0..n).map(|i| libm::log((libm::pow(upper(i), -k) - 1.0) / k)).collect()
    }

    fn log_normal(sd: f64, n: usize, seed: u64) -> Vec<f64> {
        let mut z = vec![0.0; n];
        Key::new(seed, Purpose::User).stream().fill_scalar_normals(&mut z);
        z.iter().map(|z| sd * z).collect()
    }

    /// Fails if the sign, the prior, the grid or the cut is wrong.
    #[test]
    fn recovers_the_shape_of_exact_quantiles() {
        for k in [-0.3, 0.3, 0.5, 0.9, 1.5] {
            let found = pareto_k(&quantiles(k, 4096)).unwrap();
            assert!((found - k).abs() < 0.1, "{found} for {k}");
        }
    }

    /// Fails if light tails alarm or heavy ones do not: log-normal weights of sd 0.3 in no seed, of
    /// sd 3, whose k is 1.0 in the median, in 97 of 100 seeds.
    #[test]
    fn tells_light_tails_from_heavy_ones() {
        let mut heavy = 0;
        for seed in 0..200 {
            for n in [128, 1024] {
                assert!(pareto_k(&log_normal(0.3, n, seed)).unwrap() < 0.7);
            }
            heavy += usize::from(pareto_k(&log_normal(3.0, 2048, seed)).unwrap() > 0.7);
        }
        assert!(heavy > 180, "{heavy}");
    }

    /// Fails if a constant or the order of the weights matters.
    #[test]
    fn scale_and_order_do_not_matter() {
        let logs = log_normal(1.5, 999, 4);
        let k = pareto_k(&logs).unwrap();
        for shift in [1e5, -1e5, 700.0] {
            let moved: Vec<f64> = logs.iter().rev().map(|w| w + shift).collect();
            assert!((pareto_k(&moved).unwrap() - k).abs() < 1e-8);
        }
    }

    /// Fails if dead particles enter the tail: with more dead than alive the cut would be zero.
    #[test]
    fn dead_particles_count_but_have_no_tail() {
        let mut logs = quantiles(0.9, 60);
        logs.resize(1000, f64::NEG_INFINITY);
        let k = pareto_k(&logs).unwrap();
        assert!((k - 0.9).abs() < 0.15, "{k}");
    }

    /// Fails if a fit is made of nothing, of rounding errors or of what is no number.
    #[test]
    fn no_tail_has_no_shape() {
        let noise: Vec<f64> = log_normal(3.0, 500, 1).iter().map(|z| 1e-9 * z).collect();
        let mut one_alive = vec![f64::NEG_INFINITY; 500];
        one_alive[7] = 0.0;
        let mut ties = vec![0.0; 500];
        ties[..4].copy_from_slice(&[1.0, 2.0, 3.0, 4.0]);
        for logs in [vec![], vec![-3.0; 500], noise, one_alive, ties, quantiles(0.5, 20)] {
            assert_eq!(pareto_k(&logs), None);
        }
        for bad in [f64::NAN, f64::INFINITY] {
            let mut logs = quantiles(0.5, 500);
            logs[9] = bad;
            assert_eq!(pareto_k(&logs), None);
        }
        let extreme: Vec<f64> = (0..500).map(|i| 400.0 * f64::from(i)).collect();
        assert!(pareto_k(&extreme).unwrap() > 0.7);
        let moderate: Vec<f64> = (0..500).map(|i| 9.0 * f64::from(i)).collect();
        assert!(pareto_k(&moderate).unwrap() > 0.7);
    }
}
