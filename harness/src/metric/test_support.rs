//! What the tests of several metrics share.

use rayon::ThreadPoolBuilder;

/// Lopsided deterministic points `[count x dim]`: every coordinate has its own location and skew,
/// and samples of different size are different.
pub(super) fn points(dim: usize, count: usize) -> Vec<f64> {
    let coordinate = |index: usize| {
        let phase = (index * index + 3 * count + index) as f64;
        let skewed = (0.9 * phase.sin()).exp();
        skewed * (1.0 + (index % dim) as f64) - 0.5 * (index % dim) as f64
    };
    (0..dim * count).map(coordinate).collect()
}

/// Asserts `|value - expected| <= tolerance |expected|`.
#[track_caller]
pub(super) fn close(value: f64, expected: f64, tolerance: f64) {
    let allowed = tolerance * expected.abs();
    assert!((value - expected).abs() <= allowed, "{value} is not {expected} within {allowed}");
}

/// Asserts that `compute` gives the same bits on one, two and five threads.
#[track_caller]
pub(super) fn assert_same_for_any_threads(compute: impl Fn() -> Vec<f64> + Sync) {
    let bits = |threads| -> Vec<u64> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&compute).iter().map(|value| value.to_bits()).collect()
    };
    let expected = bits(1);
    assert_eq!(expected, bits(2));
    assert_eq!(expected, bits(5));
}
