//! Kolmogorov distance of a sample to a known distribution function, and its p-value.
//!
//! `D = sup_x |F_n(x) - F(x)|`, `P(D >= e) <= 2 exp(-2 n e^2)` for every `n` and every `F`,
//! continuous or not (Massart 1990): what a pass excludes is a distance beyond
//! `sqrt(ln(2/a) / (2n))`.

/// `D` of a sample, which is sorted in place; NaN if an entry is NaN or `F` is anywhere not a probability, 1 if
/// there is no entry.
pub fn kolmogorov_distance(sample: &mut [f64], cdf: &dyn Fn(f64) -> f64) -> f64 {
    if sample.is_empty() {
        return 1.0;
    }
    if sample.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    sample.sort_unstable_by(f64::total_cmp);
    let n = sample.len() as f64;
    let mut largest = 0.0_f64;
    for (i, &x) in sample.iter().enumerate() {
        let f = cdf(x);
        // Sums of rounded weights may exceed 1 by as much.
        if !(-1e-9..=1.0 + 1e-9).contains(&f) {
            return f64::NAN;
        }
        largest = largest.max((i as f64 + 1.0) / n - f).max(f - i as f64 / n);
    }
    largest
}

/// Bound on `P(D >= distance)` for `count` independent samples: `2 exp(-2 n D^2)`.
pub fn dkw_p_value(distance: f64, count: usize) -> f64 {
    if distance.is_nan() {
        return 0.0;
    }
    (2.0 * libm::exp(-2.0 * count as f64 * distance * distance)).min(1.0)
}

/// The distance that `count` samples exceed with probability at most `delta`.
pub fn dkw_radius(count: usize, delta: f64) -> f64 {
    libm::sqrt(libm::log(2.0 / delta) / (2.0 * count as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(x: f64) -> f64 {
        x.clamp(0.0, 1.0)
    }

    /// Fails if a step of the empirical distribution is taken from the wrong side.
    #[test]
    fn distances_by_hand() {
        assert_eq!(kolmogorov_distance(&mut [0.5], &uniform), 0.5);
        assert_eq!(kolmogorov_distance(&mut [0.75, 0.25], &uniform), 0.25);
        // Below: 0.9 - 2/3 at the last step; above: 1/3 - 0.1 at the first.
        let distance = kolmogorov_distance(&mut [0.9, 0.1, 0.5], &uniform);
        assert!((distance - (0.9 - 2.0 / 3.0)).abs() < 1e-15);
        assert_eq!(kolmogorov_distance(&mut [2.0, 3.0], &uniform), 1.0);
        assert!(kolmogorov_distance(&mut [0.5, f64::NAN], &uniform).is_nan());
        assert_eq!(dkw_p_value(f64::NAN, 9), 0.0);
        assert!(kolmogorov_distance(&mut [0.5], &|_| f64::NAN).is_nan());
        assert!(kolmogorov_distance(&mut [0.2, 0.5], &|x| 3.0 * x).is_nan());
    }

    /// Fails if the bound falls below the exact law: `P(D >= e) = 2 (1 - e)` for `n = 1`, `e >= 1/2`,
    /// and `2 (1 - e)^2` for `n = 2`, `e >= 1/2`.
    #[test]
    fn bound_covers_the_exact_law() {
        for i in 0..=100 {
            let e = 0.5 + 0.005 * f64::from(i);
            assert!(dkw_p_value(e, 1) >= (2.0 * (1.0 - e)).min(1.0));
            assert!(dkw_p_value(e, 2) >= (2.0 * (1.0 - e) * (1.0 - e)).min(1.0));
        }
    }

    /// Fails if the radius is not the inverse of the p-value.
    #[test]
    fn radius_inverts_the_p_value() {
        for (n, delta) in [(10, 0.1), (1000, 1e-8)] {
            assert!((dkw_p_value(dkw_radius(n, delta), n) / delta - 1.0).abs() < 1e-9);
        }
    }
}
