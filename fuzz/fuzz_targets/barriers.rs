//! Any barrier profile, values of `D` and rejections: refused for the stated reason, or a monotone profile with its
//! inverse, levels at equal increments, and rates that obey their bounds.
#![no_main]

use amc_fuzz::close;
use amc_fuzz::number::{List, Number, Unit};
use amc_harness::schedule::{
    Barrier, MonotoneCubic, ScheduleError, barrier_of_rejection, levels_for_half_the_limit,
    local_barrier, round_trip_limit, round_trip_rate, round_trip_rate_stochastic,
};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Input {
    /// A profile over these widths; the numbers are local barriers or increments. One in five is raw.
    Profile { raw: u8, local: bool, steps: u8, apart: Unit, points: List<(Number, Number)> },
    /// Values of `D` with their weights.
    Values { signed: bool, pairs: List<(Number, Number)> },
    /// Rejections of neighbouring levels.
    Rejections { first: Number, rejections: List<Unit> },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Profile { raw, local, steps, apart, points } => {
            check_profile(raw >= 208, local, usize::from(steps), apart.0, &points.0);
        }
        Input::Values { signed, pairs } => {
            let weight = |w: Number| if signed { w.0 } else { w.0.abs() };
            check_local(&pairs.0.iter().map(|(d, w)| (d.0, weight(*w))).collect::<Vec<_>>());
        }
        Input::Rejections { first, rejections } => check_rejections(first.0, &rejections.0),
    }
});

/// A barrier from the numbers as they are, or from widths and heights made of them.
fn check_profile(raw: bool, local: bool, steps: usize, apart: f64, points: &[(Number, Number)]) {
    let values: Vec<f64> = points.iter().map(|p| if raw { p.1.0 } else { p.1.0.abs() }).collect();
    let mut times: Vec<f64> = points.iter().map(|p| p.0.0).collect();
    if !raw {
        let mut time = 0.0;
        for width in &mut times {
            // Between 0 and 1, so that most lists of times increase and stay finite; -0 does not.
            let part = (width.abs() * 0.7).fract();
            let step = if part > 0.0 || width.to_bits() == 1 << 63 { part } else { 0.25 };
            (*width, time) = (time, time + step);
        }
    }
    check_cubic(&times, &values, local);
    let count = times.len();
    let heights = if local { &values[..] } else { &values[..count.saturating_sub(1)] };
    let barrier = if local {
        Barrier::from_local(times.clone(), heights)
    } else {
        Barrier::from_increments(&times, heights)
    };
    let increasing = times.windows(2).all(|pair| pair[0] < pair[1]);
    let good_times = count >= 2 && increasing && times[0] == 0.0 && times[count - 1].is_finite();
    let good = good_times && heights.iter().all(|h| *h >= 0.0 && h.is_finite());
    match barrier {
        Ok(barrier) => {
            assert!(good, "{times:?} {heights:?}");
            check_barrier(&barrier, &times, steps, apart * barrier.last_time());
        }
        Err(error) => assert!(!good || matches!(error, ScheduleError::Overflow(_)), "{error}"),
    }
}

/// `Lambda` rises from 0 to its total, and its levels lie at equal increments in increasing order.
fn check_barrier(barrier: &Barrier, times: &[f64], steps: usize, apart: f64) {
    let (total, last) = (barrier.total(), barrier.last_time());
    assert_eq!((barrier.cumulative(0.0), last), (0.0, times[times.len() - 1]));
    assert!(total > 0.0 && total.is_finite());
    assert_eq!((barrier.cumulative(-1.0), barrier.cumulative(2.0 * last)), (0.0, total));
    let mut previous = 0.0;
    for pair in times.windows(2) {
        for share in [0.0, 0.125, 0.5, 0.9375] {
            let t = pair[0] + share * (pair[1] - pair[0]);
            let (cumulative, local) = (barrier.cumulative(t), barrier.local(t));
            assert!(cumulative >= previous - 1e-14 * total && cumulative <= total);
            assert!(local >= 0.0 && local.is_finite(), "{local} at {t}");
            previous = cumulative.max(previous);
        }
    }
    for apart in [0.0, apart] {
        match barrier.levels(steps, apart) {
            Ok(levels) => check_levels(barrier, &levels, steps, apart),
            Err(ScheduleError::NoSteps) => assert_eq!(steps, 0),
            Err(error) => {
                assert!(matches!(error, ScheduleError::NoRoom { .. }), "{error}");
                let crowded = apart * steps as f64 >= last * (1.0 - 1e-12);
                assert!(crowded || last < 1e-300, "{steps} {apart} {last}");
            }
        }
    }
}

fn check_levels(barrier: &Barrier, levels: &[f64], steps: usize, apart: f64) {
    let (total, last) = (barrier.total(), barrier.last_time());
    assert_eq!((levels.len(), levels[steps - 1]), (steps, last));
    let rounding = steps as f64 * f64::EPSILON * last;
    assert!(levels[0] > 0.0 && levels[0] >= apart - rounding);
    for pair in levels.windows(2) {
        assert!(pair[0] < pair[1], "{levels:?}");
        assert!(pair[1] - pair[0] >= apart - rounding, "{levels:?} {apart}");
    }
    // Levels that were moved apart, to a distance or to adjacent numbers, lie where they can.
    let moved = levels.windows(2).any(|pair| pair[1] - pair[0] < 1e-13 * pair[1]);
    if apart > 0.0 || moved {
        return;
    }
    for (k, t) in (1..).zip(levels) {
        // What one rounding of the time makes of the barrier is left to it.
        let near = [t * (1.0 - 1e-14) - f64::MIN_POSITIVE, t * (1.0 + 1e-14) + f64::MIN_POSITIVE];
        let wanted = total * (f64::from(k) / steps as f64);
        let [low, high] = near.map(|t| barrier.cumulative(t));
        assert!(low <= wanted + 1e-12 * total && high >= wanted - 1e-12 * total, "{levels:?}");
    }
}

/// The interpolant itself: through its points, monotone, and inverted where it rises.
fn check_cubic(x: &[f64], y: &[f64], given_slopes: bool) {
    let mut y = y.to_vec();
    if !given_slopes {
        y.sort_unstable_by(f64::total_cmp);
    }
    let cubic = if given_slopes {
        let slopes = y.iter().map(|y| 0.5 * y).collect();
        MonotoneCubic::with_slopes(x.to_vec(), y.clone(), slopes)
    } else {
        MonotoneCubic::new(x.to_vec(), y.clone())
    };
    let Ok(cubic) = cubic else { return };
    assert!(x.windows(2).all(|pair| pair[0] < pair[1]) && y.is_sorted());
    let size = y[0].abs().max(y[y.len() - 1].abs());
    for (i, pair) in x.windows(2).enumerate() {
        assert_eq!(cubic.value(pair[0]), y[i]);
        let middle = pair[0] + 0.375 * (pair[1] - pair[0]);
        let (value, slope) = (cubic.value(middle), cubic.derivative(middle));
        let slack = 1e-14 * size;
        assert!(value >= y[i] - slack && value <= y[i + 1], "{value} between {:?}", &y[i..i + 2]);
        assert!(slope >= 0.0, "{slope}");
        let back = cubic.inverse(value);
        assert!(back >= x[0] && back <= x[x.len() - 1]);
        assert!(close(cubic.value(back), value, 1e-12 * size), "{back} for {middle}");
    }
}

/// The local barrier: none where the definition has none, else between zero and half the largest difference.
fn check_local(pairs: &[(f64, f64)]) {
    let alive: Vec<(f64, f64)> = pairs.iter().copied().filter(|(_, w)| *w != 0.0).collect();
    let good = alive.len() >= 2 && alive.iter().all(|(d, w)| d.is_finite() && *w > 0.0);
    // Where neither products nor sums leave the range in which numbers have all their digits.
    let digits = |x: f64| x == 0.0 || (x.abs() > 1e-30 && x.abs() < 1e30);
    let moderate = |(d, w): &(f64, f64)| digits(*d) && digits(*w);
    let found = local_barrier(pairs.iter().copied());
    assert!(found.is_none() || good, "{alive:?}");
    let Some(found) = found else {
        assert!(!good || !alive.iter().all(moderate), "{alive:?}");
        return;
    };
    let low = alive.iter().fold(f64::INFINITY, |low, (d, _)| low.min(*d));
    let high = alive.iter().fold(f64::NEG_INFINITY, |high, (d, _)| high.max(*d));
    let span = high - low;
    assert!(found.value >= 0.0 && found.value.is_finite(), "{found:?}");
    assert!(found.standard_error >= 0.0, "{found:?}");
    assert_eq!(local_barrier(pairs.iter().rev().copied()), Some(found));
    if !alive.iter().all(moderate) {
        return;
    }
    assert!(found.value <= 0.5 * span * (1.0 + 1e-12), "{found:?}");
    // The double sum of the definition.
    let (mut distance, mut different) = (0.0, 0.0);
    for (i, first) in alive.iter().enumerate() {
        for second in &alive[..i] {
            let weight = first.1 * second.1;
            distance += weight * (first.0 - second.0).abs();
            different += weight;
        }
    }
    let expected = 0.5 * distance / different;
    assert!(close(found.value, expected, 1e-12 * span), "{found:?} {expected}");
}

/// Increments grow with rejections, and rates stay below their limit.
fn check_rejections(first: f64, rejections: &[Unit]) {
    assert_eq!(barrier_of_rejection(0, first).is_ok(), (0.0..=1.0).contains(&first));
    let mut rejections: Vec<f64> = rejections.iter().map(|r| r.0).collect();
    rejections.truncate(6);
    rejections.sort_unstable_by(f64::total_cmp);
    let mut previous = 0.0;
    for (index, &rejection) in rejections.iter().enumerate() {
        let increment = barrier_of_rejection(index, rejection).unwrap();
        assert!(increment >= previous && increment <= 8.0, "{increment} for {rejection}");
        // The rule of small steps is the tangent at 0, from which the increment only grows.
        let least = rejection * (1.0 - 1e-12) - 1e-17;
        assert!(increment >= least, "{increment} for {rejection}");
        previous = increment;
    }
    let sum: f64 = rejections.iter().sum();
    let (rate, coin) = (round_trip_rate(&rejections), round_trip_rate_stochastic(&rejections));
    assert!(rate >= 0.0 && rate <= round_trip_limit(sum) * (1.0 + 1e-12), "{rate}");
    assert!(rejections.is_empty() || (coin >= 0.0 && coin <= rate), "{coin} {rate}");
    assert!(!rejections.contains(&1.0) || rate == 0.0);
    let steps = levels_for_half_the_limit(first.abs());
    assert!(steps >= 1 && (first.abs() > 1e15 || first.is_nan() || steps as f64 >= first.abs()));
}
