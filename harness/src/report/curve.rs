//! A curve between its nodes: straight lines in the data, whatever the axis does to them.

use super::axis::Axis;

/// The piecewise linear interpolant at `t`, constant beyond the ends.
pub(super) fn interpolate(times: &[f64], values: &[f64], t: f64) -> f64 {
    let right = times.partition_point(|&node| node < t);
    let node = |i: usize| times.get(i).copied().zip(values.get(i).copied());
    match (right.checked_sub(1).and_then(node), node(right)) {
        (Some((t0, v0)), Some((t1, v1))) => {
            let share = (t - t0) / (t1 - t0);
            v0 * (1.0 - share) + v1 * share
        }
        (None, Some((_, v))) | (Some((_, v)), None) => v,
        (None, None) => 0.0,
    }
}

/// The interpolant as points to be joined: at every node, at `extra` times and at `pieces + 1` even
/// places of the axis, so that it bends where the axis bends and passes exactly through `extra`.
pub(super) fn outline(
    times: &[f64],
    values: &[f64],
    extra: &[f64],
    axis: &Axis,
    pieces: usize,
) -> Vec<(f64, f64)> {
    let even = (0..=pieces).map(|i| axis.at(i as f64 / pieces as f64));
    let mut all: Vec<f64> = times.iter().chain(extra).copied().chain(even).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all.into_iter().map(|t| (t, interpolate(times, values, t))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when an interval is taken for its neighbour, or ends are extrapolated.
    #[test]
    fn interpolates_between_the_right_nodes() {
        let (times, values) = ([0.0, 0.1, 1.0], [2.0, 4.0, 1.0]);
        let at = |t| interpolate(&times, &values, t);
        assert_eq!([at(-1.0), at(0.0), at(0.1), at(1.0), at(9.0)], [2.0, 2.0, 4.0, 1.0, 1.0]);
        assert!((at(0.05) - 3.0).abs() < 1e-15 && (at(0.4) - 3.0).abs() < 1e-15);
    }

    /// Fails when a level's marker would lie beside the line drawn.
    #[test]
    fn the_outline_passes_through_levels() {
        let axis = Axis::of_times(0.0, 1.0, &[0.0, 1e-3, 1.0]);
        let points = outline(&[0.0, 1.0], &[0.0, 3.0], &[0.0123], &axis, 10);
        assert!(points.contains(&(0.0123, 0.0123 * 3.0)));
        assert!(points.len() >= 12 && points.is_sorted_by(|a, b| a.0 < b.0));
    }
}
