//! Weights, effective sample sizes, evidence, resampling, and sums of works.

use amc_core::rng::{Key, Purpose};
use amc_core::simd::f64x8;
use amc_core::weight::{
    Evidence, Resampling, WorkSums, conditional_effective_sample_size, effective_sample_size,
    log_mean_exp, log_sum_exp, normalize,
};
use proptest::prelude::*;

use super::numbers::{number, numbers};

/// Log-weights of a run: numbers and zeros, or anything.
fn log_weights() -> impl Strategy<Value = Vec<f64>> {
    let usual =
        prop_oneof![8 => -800.0..800.0f64, 1 => Just(f64::NEG_INFINITY), 1 => -1e300..1e300f64];
    prop_oneof![3 => prop::collection::vec(usual, 0..40), 1 => numbers(40)]
}

fn is_weight(w: &f64) -> bool {
    *w < f64::INFINITY
}

proptest! {
    /// Fails if weights of which one is no number pass, or normalized ones do not sum to one, or the log of
    /// their sum is not that of [`log_sum_exp`].
    #[test]
    fn weights_are_refused_or_sum_to_one(log_weights in log_weights(), extra in 0..2usize) {
        let mut weights = vec![-1.0; log_weights.len() + extra];
        let found = normalize(&log_weights, &mut weights);
        let some = log_weights.iter().any(|w| *w > f64::NEG_INFINITY);
        let valid = extra == 0 && some && log_weights.iter().all(is_weight);
        prop_assert_eq!(found.is_ok(), valid, "{:?}", found);
        let Ok(log_sum) = found else {
            prop_assert!(weights.iter().all(|w| *w == -1.0), "touched: {weights:?}");
            return Ok(());
        };
        let total: f64 = weights.iter().sum();
        prop_assert!((total - 1.0).abs() < 1e-12, "{total}");
        prop_assert!(weights.iter().all(|w| (0.0..=1.0).contains(w)));
        let expected = log_sum_exp(&log_weights);
        prop_assert!((log_sum - expected).abs() <= 1e-14 * expected.abs().max(10.0));
        let mean = log_mean_exp(&log_weights) + (log_weights.len() as f64).ln();
        prop_assert!((mean - expected).abs() <= 1e-14 * expected.abs().max(10.0));
        let ess = effective_sample_size(&log_weights);
        prop_assert!(ess >= 1.0 - 1e-12 && ess <= log_weights.len() as f64 * (1.0 + 1e-12), "{ess}");
        let families: Vec<usize> = (0..weights.len()).map(|i| i / 2).collect();
        let mut totals = vec![0.0; weights.len()];
        let evidence = Evidence::from_families(log_sum, &weights, &families, &mut totals).unwrap();
        prop_assert!((0.0..=1.0).contains(&evidence.log_z_std_error), "{evidence:?}");
    }

    /// Fails if a sum of numbers of which one is NaN or `+inf` is another, or an empty one is not `-inf`.
    #[test]
    fn sums_keep_what_is_no_number(values in numbers(20)) {
        let found = log_sum_exp(&values);
        let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.iter().any(|v| v.is_nan()) {
            prop_assert!(found.is_nan(), "{found}");
        } else if !top.is_finite() {
            prop_assert_eq!(found, top);
        } else {
            let most = top + (values.len() as f64).ln();
            prop_assert!(found >= top && found <= most + 1e-13 * most.abs(), "{found} {top}");
        }
        if values.iter().any(|v| v.is_nan() || *v == f64::INFINITY) {
            prop_assert!(effective_sample_size(&values).is_nan());
        }
    }

    /// Fails if a conditional effective sample size leaves `[0, N]`, or is not `N` for equal increments.
    #[test]
    fn conditional_sizes_are_refused_or_in_range(
        log_weights in log_weights(),
        increments in log_weights(),
        same in number(),
    ) {
        let n = log_weights.len();
        if let Ok(found) = conditional_effective_sample_size(&log_weights, &increments) {
            prop_assert!(increments.len() == n);
            prop_assert!(found >= 0.0 && found <= n as f64 * (1.0 + 1e-12), "{found}");
        }
        let equal = vec![same; n];
        if let Ok(found) = conditional_effective_sample_size(&log_weights, &equal) {
            let expected = if same == f64::NEG_INFINITY { 0.0 } else { n as f64 };
            prop_assert!((found - expected).abs() <= 1e-12 * n as f64, "{found}");
        }
    }

    /// Fails if evidence from weights that are not normalized, families that do not exist or a `log Z` that is
    /// no number is given an error.
    #[test]
    fn evidence_is_refused_or_has_an_error(
        log_z in number(),
        weights in prop_oneof![numbers(6), Just(vec![0.25, 0.5, 0.25])],
        families in prop::collection::vec(0..5usize, 0..6),
        room in 0..6usize,
    ) {
        let mut totals = vec![0.0; room];
        let found = Evidence::from_families(log_z, &weights, &families, &mut totals);
        if let Ok(found) = found {
            let total: f64 = weights.iter().sum();
            prop_assert!((total - 1.0).abs() < 1.1e-6 && weights.iter().all(|w| *w >= 0.0));
            prop_assert!(families.iter().all(|f| *f < weights.len()));
            prop_assert!(found.log_z.is_finite() && found.log_z_std_error.is_finite());
        }
    }

    /// Fails if weights that are none pass, an ancestor does not exist or has no weight, or ancestors are not
    /// in order.
    #[test]
    fn resampling_is_refused_or_picks_weights(
        weights in prop_oneof![numbers(12), prop::collection::vec(prop_oneof![Just(0.0), 0.0..1.0f64, 1e-300..1e300f64], 1..12)],
        count in 0..30usize,
        seed in any::<u64>(),
    ) {
        for scheme in Resampling::ALL {
            let mut stream = Key::new(seed, Purpose::Resampling).stream();
            let mut ancestors = vec![usize::MAX; count];
            let found = scheme.ancestors(&weights, &mut stream, &mut ancestors);
            if found.is_err() {
                prop_assert!(ancestors.iter().all(|a| *a == usize::MAX), "touched");
                continue;
            }
            prop_assert!(weights.iter().all(|w| *w >= 0.0 && w.is_finite()), "{weights:?}");
            prop_assert!(ancestors.is_sorted(), "{scheme:?}: {ancestors:?}");
            for a in ancestors {
                prop_assert!(weights.get(a).is_some_and(|w| *w > 0.0), "{scheme:?}: {a}");
            }
        }
    }

    /// Fails if a work that is no number gets into an estimate: those of the other works alone are numbers, as
    /// long as there is one both ways.
    #[test]
    fn works_that_are_no_numbers_are_left_out(
        works in prop::collection::vec((number(), number()), 1..20),
        center in -20.0..20.0f64,
    ) {
        let mut sums = WorkSums::EMPTY;
        for (forward, backward) in &works {
            sums.add(f64x8::splat(*forward), f64x8::splat(*backward), center);
        }
        let found = sums.lane(4).unwrap();
        prop_assert!(sums.lane(8).is_none());
        prop_assert_eq!(found.count, works.len() as u64);
        for sum in [found.forward, found.backward, found.bridge_forward, found.bridge_backward] {
            prop_assert!(sum < f64::INFINITY, "{found:?}");
        }
        let usable = works.iter().any(|(f, _)| f.is_finite()) && works.iter().any(|(_, b)| b.is_finite());
        if usable {
            prop_assert!(found.forward_estimate().is_finite(), "{found:?}");
            prop_assert!(found.backward_estimate().is_finite(), "{found:?}");
            prop_assert!(!found.bridge_estimate().is_nan(), "{found:?}");
        }
    }
}
