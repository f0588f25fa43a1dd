//! Estimators of log-determinants, their parameters, and the penalty.

use amc_core::logdet::{
    Dense, HutchPlusPlus, LanczosQuadrature, LogDeterminant, Logarithm, Penalty, PenaltyRule,
    PowerSeries, ProbeLaw, Structured,
};
use amc_core::simd::f64x8;
use proptest::prelude::*;

use super::algebra::{Matrix, entries};
use super::numbers::{number, with_context};

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![0..70usize, Just(4096), Just(4097), Just(1 << 16), any::<usize>()]
}

fn logarithm() -> impl Strategy<Value = Logarithm> {
    prop_oneof![
        count().prop_map(|terms| Logarithm::Series { terms }),
        (count(), count()).prop_map(|(terms, steps)| Logarithm::Recentred { terms, steps }),
        count().prop_map(|steps| Logarithm::Lanczos { steps }),
    ]
}

proptest! {
    /// Fails if numbers of terms, steps or probes that make no estimate pass.
    #[test]
    fn estimators_are_refused_or_have_samples(
        (terms, probes) in (count(), count()),
        logarithm in logarithm(),
        gaussian in any::<bool>(),
        dim in 1..100usize,
    ) {
        let law = if gaussian { ProbeLaw::Gaussian } else { ProbeLaw::Rademacher };
        let series = PowerSeries::new(terms, probes, law);
        prop_assert!(series.is_err() || ((1..=64).contains(&terms) && (1..=4096).contains(&probes)));
        let lanczos = LanczosQuadrature::new(terms, probes, law);
        prop_assert!(lanczos.is_err() || ((1..=64).contains(&terms) && (1..=4096).contains(&probes)));
        let hutchpp = HutchPlusPlus::new(logarithm, probes, law);
        let samples = [
            series.map(|e| e.probes(dim)),
            lanczos.map(|e| e.probes(dim)),
            hutchpp.map(|e| e.probes(dim)),
        ];
        for samples in samples.into_iter().flatten() {
            // Those that can tell their variance have a penalty.
            let rule = PenaltyRule::new(Penalty::ClosedForm, samples);
            prop_assert_eq!(rule.is_ok(), samples != 1, "{} samples", samples);
        }
    }

    /// Fails if an estimate on any matrix spoils another lane, or a value that is a number comes with a
    /// variance that is none.
    #[test]
    fn estimates_stay_in_their_lane(
        (d, numbers) in entries(),
        symmetric in any::<bool>(),
        (terms, probes) in (1..7usize, 9..14usize),
        seed in any::<u64>(),
    ) {
        let matrix = Matrix::new(d, &numbers, symmetric);
        let law = ProbeLaw::Rademacher;
        let hutchpp = |logarithm| HutchPlusPlus::new(logarithm, probes, law).unwrap();
        let estimators: [&dyn LogDeterminant; 7] = [
            &Dense,
            &Structured,
            &PowerSeries::new(terms, probes, law).unwrap(),
            &LanczosQuadrature::new(terms, probes, law).unwrap(),
            &hutchpp(Logarithm::Series { terms }),
            &hutchpp(Logarithm::Recentred { terms, steps: 2 }),
            &hutchpp(Logarithm::Lanczos { steps: terms }),
        ];
        for (number, estimator) in estimators.into_iter().enumerate() {
            let room = estimator.scratch_len(matrix.shape());
            let found = with_context(room, seed, |context| estimator.estimate(&matrix, context));
            let Ok(found) = found else {
                // Only the structured one may decline: there is none.
                prop_assert_eq!(number, 1, "{:?}", found);
                continue;
            };
            // log det(I + I) in lane 3; a truncated series of it may diverge.
            let (value, exact) = (found.value.to_array(), d as f64 * core::f64::consts::LN_2);
            let bound = found.bound.to_array()[3];
            let close = (value[3] - exact).abs() <= 1e-9 + 1.01 * bound;
            prop_assert!(close || bound.is_nan(), "{number}: {} {exact} {bound}", value[3]);
            for (value, variance) in value.into_iter().zip(found.variance.to_array()) {
                // A value that is no number has nothing to vary.
                let fits = !value.is_finite() || variance >= 0.0;
                prop_assert!(fits, "{number}: {value} {variance}");
            }
        }
    }

    /// Fails if a penalty for one sample passes, or one of a variance in its range is not at least half of it
    /// (the terms of its series are positive), or one past it is not marked.
    #[test]
    fn penalties_are_refused_or_at_least_half_the_variance(
        samples in count(),
        variance in prop_oneof![0.0..10.0f64, number()],
        which in 0..3u8,
    ) {
        let penalty = [Penalty::None, Penalty::ClosedForm, Penalty::Series][which as usize];
        let rule = PenaltyRule::new(penalty, samples);
        let valid = penalty == Penalty::None || samples == 0 || (2..=1 << 16).contains(&samples);
        prop_assert_eq!(rule.is_ok(), valid);
        let Ok(rule) = rule else { return Ok(()) };
        let (found, past) = rule.log_factor(f64x8::splat(variance));
        let found = found.to_array()[5];
        if penalty == Penalty::None || samples == 0 {
            prop_assert!(found == 0.0 && past.to_bitmask() == 0);
        } else if (0.0..1e100).contains(&variance) {
            prop_assert!(found >= 0.5 * variance * (1.0 - 1e-12), "{samples}, {variance}: {found}");
            let beyond = penalty == Penalty::ClosedForm && variance >= rule.range();
            prop_assert_eq!(past.to_bitmask() != 0, beyond);
        }
    }
}
