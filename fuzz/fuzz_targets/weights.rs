//! Any log-weights, increments and families: refused for the stated reason, or sums, effective sample sizes,
//! evidence, works and offspring that obey their definitions.
#![no_main]

use amc_core::rng::{Key, Purpose};
use amc_core::simd::f64x8;
use amc_core::weight::{
    Evidence, Resampling, WorkSums, conditional_effective_sample_size, effective_sample_size,
    log_mean_exp, log_sum_exp, normalize,
};
use amc_fuzz::close;
use amc_fuzz::number::Number;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    seed: u64,
    offspring: u8,
    weights: Weights,
    center: Number,
    particles: Vec<(Number, Number, u8)>,
}

/// The weights to resample from, which need not be normalized.
#[derive(Debug, Arbitrary)]
enum Weights {
    /// Those of the log-weights.
    Normalized,
    /// The absolute values of the log-weights, of any size.
    Any,
    /// The log-weights themselves: most lists are refused.
    Signed,
}

/// Beyond this size, differences of log-weights overflow or keep no digits worth comparing.
const COMPARABLE: f64 = 1e4;

fuzz_target!(|input: Input| {
    let log_weights: Vec<f64> = input.particles.iter().map(|particle| particle.0.0).collect();
    let increments: Vec<f64> = input.particles.iter().map(|particle| particle.1.0).collect();
    check_sums(&log_weights);
    check_conditional(&log_weights, &increments);
    check_works(&log_weights, &increments, input.center.0);
    let normalized = check_normalization(&log_weights);
    if let Some(weights) = &normalized {
        let family = |particle: &(Number, Number, u8)| usize::from(particle.2);
        let family: Vec<usize> = input.particles.iter().map(family).collect();
        check_evidence(&log_weights, weights, &family);
    }
    let weights = match (input.weights, normalized) {
        (Weights::Normalized, Some(weights)) => weights,
        (Weights::Signed, _) => log_weights,
        _ => log_weights.iter().map(|weight| weight.abs()).collect(),
    };
    check_resampling(&weights, input.seed, input.offspring);
});

/// The largest log-weight of a list that carries weight; `None` for one that a sum cannot be made of.
fn usable(log_weights: &[f64]) -> Option<f64> {
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let numbers = log_weights.iter().all(|v| !v.is_nan());
    (numbers && top.is_finite()).then_some(top)
}

/// Whether every number that is not `-inf` is of a size at which results can be compared.
fn comparable(numbers: &[f64]) -> bool {
    numbers.iter().all(|v| *v == f64::NEG_INFINITY || v.abs() <= COMPARABLE)
}

/// Log-sum-exp against the sum in the order of the list, and the effective sample size likewise.
fn check_sums(log_weights: &[f64]) {
    let count = log_weights.len() as f64;
    let (sum, mean) = (log_sum_exp(log_weights), log_mean_exp(log_weights));
    let size = effective_sample_size(log_weights);
    let Some(top) = usable(log_weights) else {
        let nan = log_weights.iter().any(|v| v.is_nan());
        let infinite = log_weights.contains(&f64::INFINITY);
        assert_eq!(sum.is_nan(), nan);
        assert!(nan || sum == if infinite { f64::INFINITY } else { f64::NEG_INFINITY });
        assert!(if nan || infinite { size.is_nan() } else { size == 0.0 });
        return;
    };
    let (mut first, mut second) = (0.0, 0.0);
    for v in log_weights {
        let weight = (v - top).exp();
        first += weight;
        second += weight * weight;
    }
    let tolerance = 1e-13 + 4.0 * f64::EPSILON * top.abs();
    assert!(close(sum, top + first.ln(), tolerance), "{sum}");
    assert!(sum >= top && mean <= top + tolerance, "{sum} {mean} {top}");
    assert!(close(size, first * first / second, 1e-12 * count), "{size}");
    assert!(size >= 1.0 - 1e-12 && size <= count * (1.0 + 1e-12), "{size}");
}

/// Normalized weights: accepted exactly where a sum can be made, else untouched.
fn check_normalization(log_weights: &[f64]) -> Option<Vec<f64>> {
    let mut weights = vec![-7.0; log_weights.len()];
    let result = normalize(log_weights, &mut weights);
    assert_eq!(result.is_ok(), usable(log_weights).is_some());
    let Ok(log_sum) = result else {
        assert!(weights.iter().all(|w| *w == -7.0));
        return None;
    };
    let tolerance = 1e-13 + 4.0 * f64::EPSILON * log_sum.abs();
    assert!(close(log_sum, log_sum_exp(log_weights), tolerance));
    assert!(weights.iter().all(|w| (0.0..=1.0).contains(w)));
    assert!(close(weights.iter().sum(), 1.0, 1e-12));
    Some(weights)
}

/// The standard error: that of the effective sample size without families, larger with them, at most one.
fn check_evidence(log_weights: &[f64], weights: &[f64], family: &[usize]) {
    let count = weights.len();
    let mut totals = vec![0.0; count];
    let alone: Vec<usize> = (0..count).collect();
    let plain = Evidence::from_families(0.25, weights, &alone, &mut totals).unwrap();
    let even = 1.0 / count as f64;
    let expected = 1.0 / effective_sample_size(log_weights) - even;
    assert!(close(plain.log_z_std_error.powi(2), expected, 1e-12), "{plain:?} {expected}");
    assert_eq!(plain.log_z, 0.25);

    let joined = Evidence::from_families(0.25, weights, family, &mut totals);
    assert_eq!(joined.is_ok(), family.iter().all(|f| *f < count));
    if let Ok(joined) = joined {
        assert!(joined.log_z_std_error >= plain.log_z_std_error - 1e-9);
        assert!(joined.log_z_std_error.powi(2) <= 1.0 - even + 1e-12);
        assert!(close(totals.iter().sum(), 1.0, 1e-12));
    }
    assert!(Evidence::from_families(f64::NAN, weights, &alone, &mut totals).is_err());
}

/// The conditional effective sample size: its errors, its bounds, its two limits and its definition.
fn check_conditional(log_weights: &[f64], increments: &[f64]) {
    let count = log_weights.len() as f64;
    let found = conditional_effective_sample_size(log_weights, increments);
    let alive = || log_weights.iter().zip(increments).filter(|(w, _)| **w != f64::NEG_INFINITY);
    let bad_increment = alive().any(|(_, u)| u.is_nan() || *u == f64::INFINITY);
    assert_eq!(found.is_ok(), usable(log_weights).is_some() && !bad_increment);
    let Ok(found) = found else { return };
    assert!((0.0..=count * (1.0 + 1e-9)).contains(&found), "{found}");
    let equal = vec![-2.75; log_weights.len()];
    assert_eq!(conditional_effective_sample_size(log_weights, &equal), Ok(count));

    if !comparable(log_weights) || !comparable(increments) {
        return;
    }
    let moment = |power: f64| {
        let term = |(w, u): (&f64, &f64)| if power == 0.0 { *w } else { w + power * u };
        log_sum_exp(&alive().map(term).collect::<Vec<f64>>())
    };
    let expected = if moment(1.0) == f64::NEG_INFINITY {
        0.0
    } else {
        count * (2.0 * moment(1.0) - moment(0.0) - moment(2.0)).exp()
    };
    assert!(close(found, expected, 1e-9 * (1.0 + expected)), "{found} {expected}");
}

/// Sums over works, eight lanes at a time, against their definition in each lane.
fn check_works(forward: &[f64], backward: &[f64], center: f64) {
    if !center.is_finite() {
        return;
    }
    let lanes = |values: &[f64]| {
        // The rest of a vector is faulty works, which count but add nothing.
        let mut lanes = [f64::NAN; 8];
        lanes[..values.len()].copy_from_slice(values);
        f64x8::new(lanes)
    };
    let mut sums = WorkSums::EMPTY;
    for (forward, backward) in forward.chunks(8).zip(backward.chunks(8)) {
        sums.add(lanes(forward), lanes(backward), center);
    }
    assert!(sums.lane(8).is_none());
    for lane in 0..8 {
        let found = sums.lane(lane).unwrap();
        let of_lane = |values: &[f64], sign: f64| -> Vec<f64> {
            let own = values.iter().skip(lane).step_by(8).map(|v| sign * v);
            own.filter(|v| !v.is_nan() && *v != f64::INFINITY).collect()
        };
        let (up, down) = (of_lane(forward, 1.0), of_lane(backward, -1.0));
        let all = [found.forward, found.backward, found.bridge_forward, found.bridge_backward];
        assert!(all.iter().all(|sum| !sum.is_nan() && *sum < f64::INFINITY), "{found:?}");
        if center.abs() > COMPARABLE || !comparable(&up) || !comparable(&down) {
            continue;
        }
        // log f(z) = -log(1 + e^-z)
        let logistic = |z: f64| z.min(0.0) - (-z.abs()).exp().ln_1p();
        let bridge_up: Vec<f64> = up.iter().map(|w| center + logistic(w - center)).collect();
        let bridge_down: Vec<f64> = down.iter().map(|w| logistic(center + w)).collect();
        for (found, terms) in all.into_iter().zip([up, down, bridge_up, bridge_down]) {
            assert!(close(found, log_sum_exp(&terms), 1e-10), "{found} {terms:?}");
        }
    }
}

/// Offspring: refused or sorted, of positive weight, and as near to `M W_i` as each scheme promises.
fn check_resampling(weights: &[f64], seed: u64, offspring: u8) {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let valid = largest > 0.0 && weights.iter().all(|w| w.is_finite() && *w >= 0.0);
    let total: f64 = weights.iter().map(|w| w / largest).sum();
    for scheme in Resampling::ALL {
        let mut ancestors = vec![usize::MAX; usize::from(offspring)];
        let mut stream = Key::new(seed, Purpose::Resampling).stream();
        let result = scheme.ancestors(weights, &mut stream, &mut ancestors);
        assert_eq!(result.is_ok(), valid, "{scheme:?}");
        if !valid {
            assert!(ancestors.iter().all(|a| *a == usize::MAX));
            continue;
        }
        assert!(ancestors.is_sorted());
        let mut counts = vec![0.0; weights.len()];
        ancestors.iter().for_each(|a| counts[*a] += 1.0);
        let (below, above) = match scheme {
            Resampling::Multinomial => (f64::INFINITY, f64::INFINITY),
            Resampling::Stratified => (2.0, 2.0),
            Resampling::Residual => (1.0, f64::INFINITY),
            Resampling::Systematic | Resampling::Ssp => (1.0, 1.0),
        };
        for (&count, weight) in counts.iter().zip(weights) {
            let mean = f64::from(offspring) * (weight / largest / total);
            assert!(count > mean - below - 1e-9, "{scheme:?}: {count} for {mean}");
            assert!(count < mean + above + 1e-9, "{scheme:?}: {count} for {mean}");
            assert!(count == 0.0 || *weight > 0.0, "{scheme:?}");
        }
    }
}
