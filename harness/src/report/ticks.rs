//! Where an axis gets labels, and how they read.

use super::axis::{Axis, Scale, decade};

/// Label positions in increasing order. `room` is the share of the axis that a label needs around
/// it; the more important labels (decades, then parts of them) take their place first.
pub(super) fn ticks(axis: &Axis, room: impl Fn(&str) -> f64) -> Vec<f64> {
    let mut kept: Vec<(f64, f64, f64)> = Vec::new();
    for tick in candidates(axis) {
        if tick < axis.low || tick > axis.high {
            continue;
        }
        let (place, half) = (axis.position(tick), 0.5 * room(&number(tick)));
        if kept.iter().all(|&(_, other, size)| (place - other).abs() >= half + size) {
            kept.push((tick, place, half));
        }
    }
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    kept.into_iter().map(|(tick, ..)| tick).collect()
}

/// All round numbers of the range, the most important ones first.
fn candidates(axis: &Axis) -> Vec<f64> {
    let mut list = Vec::new();
    match axis.scale {
        Scale::Linear => {
            // Half the range (the whole may overflow), in three to seven steps for all of it.
            let span = 0.5 * axis.high - 0.5 * axis.low;
            let step = round_step(span / 3.5);
            let first = libm::ceil(axis.low / step);
            list.extend((0..12).map(|k| (first + f64::from(k)) * step));
        }
        Scale::LinearThenLog { threshold } => {
            let exponent = |x: f64| libm::floor(libm::log10(x) + 1e-9) as i32;
            let largest = axis.high.max(-axis.low);
            let decades = exponent(threshold)..=exponent(largest);
            // Over many decades only every `stride`-th is a candidate, or those dropped for lack
            // of room would be spread unevenly.
            let stride = decades.clone().count().div_ceil(8).max(1);
            list.push(0.0);
            list.extend(decades.clone().step_by(stride).map(decade));
            list.extend(decades.clone().step_by(stride).map(|e| -decade(e)));
            if stride == 1 {
                for part in [3.0, 2.0, 5.0] {
                    list.extend(decades.clone().map(|e| part * decade(e)));
                }
            }
        }
    }
    list
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
fn round_step(least: f64) -> f64 {
    let unit = super::axis::decade_below(least);
    [1.0, 2.0, 5.0, 10.0]
        .map(|part| part * unit)
        .into_iter()
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * unit)
}

/// A number in at most four digits, with an exponent where zeros would fill the label.
pub(super) fn number(x: f64) -> String {
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    match rounded.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{rounded:e}"),
        _ => format!("{rounded}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when labels of neighbouring ticks overlap, zero goes unnamed, or an end gets a label that is not round.
    #[test]
    fn labels_keep_their_distance() {
        let axis = Axis::of_times(0.0, 0.9827, &[0.0, 3e-4, 0.9827]);
        let list = ticks(&axis, |label| 0.02 * label.len() as f64);
        assert!(list[0] == 0.0 && list[list.len() - 1] < 0.98, "{list:?}");
        assert!(list.contains(&0.01) && list.len() > 4, "{list:?}");
        for pair in list.windows(2) {
            let gap = axis.position(pair[1]) - axis.position(pair[0]);
            let half = |x: f64| 0.01 * number(x).len() as f64;
            assert!(gap >= half(pair[0]) + half(pair[1]), "{list:?}");
        }
    }

    /// Fails when a linear axis has no round ticks.
    #[test]
    fn linear_ticks_are_round() {
        let axis = Axis::linear(&[0.0, 7.9]);
        assert_eq!(ticks(&axis, |_| 0.1), [0.0, 2.0, 4.0, 6.0]);
    }

    /// Fails when rounding noise or a row of zeros reaches a label.
    #[test]
    fn numbers_are_short() {
        let labels = [0.0, 0.1 * 3.0, 1e-4, 0.02, -2.5, 12345.6, 3e7].map(number);
        assert_eq!(labels, ["0", "0.3", "1e-4", "0.02", "-2.5", "12350", "3e7"]);
    }
}
