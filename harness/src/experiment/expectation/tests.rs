//! Intervals on made-up rows: what leaves them and what does not.

use super::*;

fn results(seeds: std::ops::Range<u64>, shift: f64, ess: f64) -> Results {
    let noise = |seed: u64, k: u64| {
        // Uniform on (-1, 1), a function of seed and k.
        let mixed = (seed * 7919 + k * 104_729 + 12_345).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let values = |mean: f64, size: f64, k| -> Vec<f64> {
        seeds.clone().map(|seed| mean + size * noise(seed, k)).collect()
    };
    let measures = [
        ("ess", values(ess, 0.05 * ess, 1)),
        ("log_z", values(shift, 0.02, 2)),
        ("evaluations", values(258.0, 0.0, 3)),
        ("seconds", values(1.0, 0.5, 4)),
    ];
    let row = Row {
        label: "a".into(),
        choices: BTreeMap::new(),
        settings: BTreeMap::new(),
        axis: None,
        series: String::new(),
        panel: String::new(),
        runs: seeds.clone().count(),
        failed: 0,
        failures: Vec::new(),
        measures: measures
            .into_iter()
            .filter_map(|(name, values)| Some((name.to_owned(), Measure::of(&values)?)))
            .collect(),
    };
    Results {
        experiment: "e".into(),
        preset: "quick".into(),
        title: String::new(),
        claim: String::new(),
        version: "0".into(),
        grid_sha256: "c".into(),
        instructions: "portable".into(),
        seeds: seeds.collect(),
        rows: vec![row],
        claims: Vec::new(),
    }
}

fn names(deviations: &[Deviation]) -> Vec<&str> {
    deviations.iter().map(|deviation| deviation.measure.as_str()).collect()
}

/// Fails if one run of six that loses its particles to a single one, as weights with heavy tails do, is taken for a defect,
/// or two that do are not.
#[test]
fn one_lost_run_is_no_defect() {
    let expected = Expectation::of(&results(1000..1012, 0.0, 0.95), 6);
    let lost = |count: usize| {
        let mut found = results(1..7, 0.0, 0.95);
        let mut values = vec![0.96; 6];
        values[..count].fill(0.05);
        found.rows[0].measures.insert("ess".into(), Measure::of(&values).unwrap());
        names(&expected.deviations(&found)).len()
    };
    assert_eq!([lost(0), lost(1), lost(2)], [0, 0, 1]);
}

/// Fails if other seeds of the same program deviate, or a shift of many standard errors, a count off by two in a hundred, or a row that is
/// missing does not; and if times are compared.
#[test]
fn planted_deviations_are_caught() {
    let expected = Expectation::of(&results(1000..1012, 0.0, 0.8), 4);
    assert_eq!(expected.rows["a"].keys().collect::<Vec<_>>(), ["ess", "evaluations", "log_z"]);
    for start in 1..200 {
        let found = expected.deviations(&results(start..start + 4, 0.0, 0.8));
        assert!(found.is_empty(), "{start}: {found:?}");
    }
    assert_eq!(names(&expected.deviations(&results(1..5, 0.2, 0.8))), ["log_z"]);
    assert_eq!(names(&expected.deviations(&results(1..5, 0.0, 0.4))), ["ess"]);
    let mut other = results(1..5, 0.0, 0.8);
    other.rows[0].measures.insert("evaluations".into(), Measure::of(&[264.0; 4]).unwrap());
    assert_eq!(names(&expected.deviations(&other)), ["evaluations"]);
    other.rows[0].measures.remove("log_z");
    assert_eq!(names(&expected.deviations(&other)), ["evaluations", "log_z"]);
    other.rows.clear();
    assert_eq!(expected.deviations(&other).len(), 3);
}

/// Fails if the interval is that of the mean of the runs it was measured by instead of a prediction for others: with Student's
/// quantile `t` of 11 degrees of freedom it is `mean +- t s sqrt(1/4 + 1/12)`.
#[test]
fn the_interval_is_a_prediction() {
    let measured = results(1000..1012, 0.0, 0.8);
    let expected = Expectation::of(&measured, 4);
    let number = expected.rows["a"]["log_z"];
    let spread = deviation(&measured.rows[0].measures["log_z"].values).unwrap();
    let half = student_quantile(11.0, 1e-3 / 3.0) * spread * (1.0_f64 / 3.0).sqrt();
    assert!((number.high - number.mean - half).abs() < 1e-9 * half + 1e-12, "{number:?} {half}");
}

/// Fails if means of what a few particles decide are compared, or a method that has failed may succeed unnoticed.
#[test]
fn lost_particles_have_wide_intervals() {
    let expected = Expectation::of(&results(1000..1012, -5.0, 0.004), 4);
    assert_eq!(expected.rows["a"].keys().collect::<Vec<_>>(), ["ess", "evaluations"]);
    assert_eq!((expected.rows["a"]["ess"].low, expected.rows["a"]["ess"].high), (0.0, 0.2));
    assert_eq!(names(&expected.deviations(&results(1..5, -9.0, 0.02))), Vec::<&str>::new());
    assert_eq!(names(&expected.deviations(&results(1..5, 0.0, 0.9))), ["ess"]);
}

/// A normal number, a function of seed and k (Box and Muller).
fn normal(seed: u64, k: u64) -> f64 {
    let uniform = |salt: u64| {
        let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ (k * 2 + salt).wrapping_mul(0xD1B5_4A32_D192_ED03);
        for _ in 0..3 {
            mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        }
        ((mixed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    (-2.0 * uniform(0).ln()).sqrt() * (std::f64::consts::TAU * uniform(1)).cos()
}

/// Fails if the interval of an error that cannot be negative is that of the normal distribution itself, which folded normal
/// numbers leave far more often than stated: at 1e-4, of 60000 experiments 6 are to leave it.
#[test]
fn intervals_of_errors_keep_their_level() {
    let mut outside = 0;
    let quantile = student_quantile(11.0, 1e-4);
    for seed in 1..60_000_u64 {
        let values: Vec<f64> = (0..18).map(|k| normal(seed, k).abs()).collect();
        let measure = Measure::of(&values[..12]).unwrap();
        let number = interval("mode_weight_error", &measure, 6, quantile, Lost::Nothing).unwrap();
        let found = mean_of("mode_weight_error", &values[12..]);
        outside += usize::from(found < number.low || found > number.high);
    }
    assert!((1..=20).contains(&outside), "{outside}");
}

/// Fails if a failure is compared by means: none of 12 leaves room for one of 6, all of 12 for five of 6, by Jeffreys' prior.
#[test]
fn failures_are_counted() {
    let shares = |stopped| {
        let number = failures(stopped, 12, 6);
        ((6.0 * number.low).round(), (6.0 * number.high).round())
    };
    assert_eq!(shares(0), (0.0, 1.0));
    assert_eq!(shares(12), (5.0, 6.0));
    assert_eq!(shares(6), (1.0, 5.0));
    assert_eq!(failures(3, 12, 6).mean, 0.25);
}

/// Fails if rates are dropped because modes are lost.
#[test]
fn rates_are_compared_whatever_is_lost() {
    let mut measured = results(1000..1012, 0.0, 0.8);
    for (name, mean) in [("mode_weight_error", 0.3), ("mean_rejection_rate", 0.5)] {
        let values: Vec<f64> = (0..12).map(|k| mean + 0.001 * normal(1, k)).collect();
        measured.rows[0].measures.insert(name.into(), Measure::of(&values).unwrap());
    }
    let expected = Expectation::of(&measured, 4);
    let names = ["evaluations", "mean_rejection_rate", "mode_weight_error"];
    assert_eq!(expected.rows["a"].keys().collect::<Vec<_>>(), names);
}
