//! Any noise schedule, times and spacing: refused for the stated reason, or coefficients, steps and level times
//! that obey their definitions.
#![no_main]

use amc_core::path::{
    NoiseSchedule, NoisingStep, Schedule, VeShape, log_snr_times, quadratic_times, uniform_times,
};
use amc_fuzz::close;
use amc_fuzz::number::{Number, Unit};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    kind: u8,
    first: Number,
    second: Number,
    times: [Unit; 3],
    levels: u8,
    list: Vec<Number>,
}

fuzz_target!(|input: Input| {
    check_list(&input.list);
    let Some(schedule) = noise_schedule(&input) else { return };
    let mut times = input.times.map(|time| time.0);
    times.sort_unstable_by(f64::total_cmp);
    for time in times {
        check_coefficients(&schedule, time);
    }
    check_order(&schedule, times);
    check_steps(&schedule, times);
    check_spacings(&schedule, times[0], times[1], usize::from(input.levels % 7));
});

/// Where `x` is a number of the interval.
fn within(x: f64, low: f64, high: f64) -> bool {
    x >= low && x <= high
}

/// The schedule of an input, if its numbers are those of one.
fn noise_schedule(input: &Input) -> Option<NoiseSchedule> {
    // Half of the numbers are drawn in from anywhere to where most schedules lie.
    let drawn_in = |x: f64| if input.kind & 8 == 0 { x.abs() % 700.0 } else { x };
    let (low, high) = (drawn_in(input.first.0), drawn_in(input.second.0));
    let (result, valid) = match input.kind % 4 {
        0 => {
            let valid = low > 0.0 && low <= high && high <= NoiseSchedule::LARGEST_BETA;
            (NoiseSchedule::vp_linear(low, high), valid)
        }
        1 => (Ok(NoiseSchedule::vp_cosine()), true),
        kind => {
            let shape = if kind == 2 { VeShape::Geometric } else { VeShape::Rho7 };
            let (least, most) = (NoiseSchedule::SMALLEST_SIGMA, NoiseSchedule::LARGEST_SIGMA);
            let valid = within(low, least, most) && within(high, least, most) && low < high;
            (NoiseSchedule::ve(low, high, shape), valid)
        }
    };
    assert_eq!(result.is_ok(), valid, "{low} {high}: {result:?}");
    result.ok()
}

/// `alpha`, `v` and their rates at one time, and the way back from the noise ratio.
fn check_coefficients(schedule: &NoiseSchedule, t: f64) {
    let (alpha, variance) = (schedule.alpha(t), schedule.variance(t));
    assert!(within(alpha, 0.0, 1.0) && within(variance, 0.0, f64::MAX), "{alpha} {variance}");
    if t == 0.0 {
        assert_eq!((alpha, variance), (1.0, 0.0));
    }
    assert!(within(schedule.variance_rate(t), -0.0, f64::MAX));
    // The cosine schedule ends at time 1, where its drift is infinite.
    if alpha > 0.0 {
        let (drift, diffusion) = schedule.drift_and_diffusion(t);
        let finite = within(drift, f64::MIN, 0.0) && within(diffusion, 0.0, f64::MAX);
        assert!(finite, "{drift} {diffusion}");
    }
    if alpha > 1e-150 && variance > 1e-300 {
        let snr = alpha.ln() * 2.0 - variance.ln();
        assert!(close(schedule.log_snr(t), snr, 1e-12 * (1.0 + snr.abs())));
        let (found_alpha, found_variance) = schedule.at_noise_ratio(variance.sqrt() / alpha);
        assert!(close(found_alpha / alpha, 1.0, 1e-13), "{found_alpha} {alpha}");
        assert!(close(found_variance / variance, 1.0, 1e-13), "{found_variance} {variance}");
    }
}

/// Signal falls and noise grows with time, up to rounding.
fn check_order(schedule: &NoiseSchedule, times: [f64; 3]) {
    for pair in times.windows(2) {
        let (early, late) = (pair[0], pair[1]);
        assert!(schedule.alpha(late) <= schedule.alpha(early) * (1.0 + 1e-15));
        assert!(schedule.variance(early) <= schedule.variance(late) * (1.0 + 1e-14));
    }
}

/// Transitions between the times: refused exactly where there is none, and two of them compose to one.
fn check_steps(schedule: &NoiseSchedule, [s, u, t]: [f64; 3]) {
    for (from, to) in [(s, u), (u, t), (s, t)] {
        match schedule.step(from, to) {
            Ok(step) => check_step(schedule, from, to, &step),
            Err(_) => {
                // Refused only where no number tells the two ends apart, or no signal is left.
                let signal = schedule.alpha(to) / schedule.alpha(from);
                let noise = (schedule.variance(from), schedule.variance(to));
                let apart = signal < 1.0 - 1e-12 || noise.1 > noise.0 * (1.0 + 1e-12) + 1e-290;
                assert!(!(apart && signal > 1.1e-150), "no step from {from} to {to}");
            }
        }
        assert!(to <= from || schedule.step(to, from).is_err());
    }
    assert!(schedule.step(t, t).is_err() && schedule.step(-0.5, t).is_err());
    assert!(schedule.step(s, 1.5).is_err() && schedule.step(s, f64::NAN).is_err());
    let steps = (schedule.step(s, u), schedule.step(u, t), schedule.step(s, t));
    let (Ok(first), Ok(second), Ok(whole)) = steps else { return };
    assert!(close(first.ratio * second.ratio / whole.ratio, 1.0, 1e-12));
    let variance = second.ratio * second.ratio * first.variance + second.variance;
    let tolerance = rounding(&first) + rounding(&second);
    assert!(close(variance / whole.variance, 1.0, tolerance), "{variance} {whole:?}");
}

/// How many digits of a step's variance may be lost: differences of times, and of powers, are exact to their
/// last bits, but a short step is a small part of them.
fn rounding(step: &NoisingStep) -> f64 {
    let noise = step.variance_noisy.max(step.ratio * step.ratio * step.variance_clean);
    1e-12 + 1e-12 * noise / step.variance
}

/// One transition: its ends, `a = alpha_t/alpha_s`, `v = v_t - a^2 v_s`, and what is made of them.
fn check_step(schedule: &NoiseSchedule, s: f64, t: f64, step: &NoisingStep) {
    assert!(s < t && step.ratio <= 1.0 && step.variance > 0.0, "{step:?}");
    assert!(within(step.drift, 0.0, f64::MAX), "{step:?}");
    let clean = (schedule.alpha(s), schedule.variance(s));
    let noisy = (schedule.alpha(t), schedule.variance(t));
    assert_eq!((step.alpha_clean, step.variance_clean), clean);
    assert_eq!((step.alpha_noisy, step.variance_noisy), noisy);
    assert!(close(step.ratio, noisy.0 / clean.0, 1e-12), "{step:?}");
    let direct = noisy.1 - step.ratio * step.ratio * clean.1;
    assert!(close(step.variance, direct, rounding(step) * step.variance), "{step:?} {direct}");
    // Both bounds of the posterior's variance, in their order.
    let (least, most) = (step.posterior_variance(), step.scaled_variance());
    assert!(within(least, 0.0, step.variance * (1.0 + 1e-13)), "{step:?} {least}");
    assert!(most >= step.variance * (1.0 - 1e-13), "{step:?} {most}");
}

/// Spacings between two times: inside them, in order, ending exactly; a list of levels wherever there is room.
fn check_spacings(schedule: &NoiseSchedule, t_min: f64, t_max: f64, levels: usize) {
    if t_min >= t_max || t_min <= 0.0 {
        return;
    }
    let mut times = vec![f64::NAN; levels];
    for spacing in 0..3 {
        match spacing {
            0 => uniform_times(t_min, t_max, &mut times),
            1 => quadratic_times(t_min, t_max, &mut times),
            _ => log_snr_times(schedule, t_min, t_max, &mut times),
        }
        let Some(last) = times.last() else { continue };
        assert_eq!(*last, t_max);
        if levels > 1 {
            assert_eq!(times[0], t_min);
        }
        let slack = f64::EPSILON * t_max;
        assert!(times.iter().all(|t| within(*t, t_min - slack, t_max + slack)), "{times:?}");
        assert!(times.windows(2).all(|pair| pair[1] >= pair[0] - slack), "{times:?}");
        // Log-SNR may be so flat that no two numbers differ in it; the other two need room only.
        if spacing < 2 && t_max - t_min > 1e-9 * t_max {
            assert!(Schedule::new(&times).is_ok(), "{times:?}");
        }
    }
}

/// A list of times: accepted exactly where it increases in (0, 1], and then numbered from 0.
fn check_list(list: &[Number]) {
    let times: Vec<f64> = list.iter().map(|time| time.0).collect();
    let increasing = times.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = times.iter().all(|t| *t > 0.0 && *t <= 1.0);
    let schedule = Schedule::new(&times);
    assert_eq!(schedule.is_ok(), !times.is_empty() && increasing && inside);
    let Ok(schedule) = schedule else { return };
    assert_eq!((schedule.steps(), schedule.time(0)), (times.len(), 0.0));
    for (index, time) in times.iter().enumerate() {
        assert_eq!(schedule.time(index + 1), *time);
    }
    assert_eq!(schedule.time(usize::MAX), times[times.len() - 1]);
}
