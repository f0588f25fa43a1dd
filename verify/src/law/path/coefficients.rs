//! The coefficients of a noise schedule against each other.
//!
//! With `a = alpha_t/alpha_s`, `v = v_t - a^2 v_s` for the step from `s` to `t` \[Song21\]:
//!
//! ```text
//! steps compose     a_su a_ut = a_st,  a_ut^2 v_su + v_ut = v_st
//! forward SDE       f = d log(alpha)/dt,  g^2 = dv/dt - 2 f v
//! frozen drift      e = int_s^t g^2(u) alpha_s/alpha_u du
//! ```
//!
//! Derivatives by extrapolated differences, integrals by Gauss-Legendre rules, neither from the schedule.

use amc_core::error::Result as CoreResult;
use amc_core::path::{NoiseSchedule, NoisingStep};

use crate::law::differences::derivative;
use crate::law::quadrature::integral;
use crate::{Budget, Verdict, VerifyError};

/// Triples of times tried.
const TRIPLES: usize = 400;
/// The earliest time drawn: schedules may jump at 0.
const EARLIEST: f64 = 1e-3;

/// What the law asks of a noise schedule.
pub trait NoisePath {
    /// `alpha_t`.
    fn alpha(&self, t: f64) -> f64;

    /// `v_t`.
    fn variance(&self, t: f64) -> f64;

    /// The step from `s` to `t > s`.
    ///
    /// # Errors
    /// Times that the schedule refuses.
    fn step(&self, s: f64, t: f64) -> CoreResult<NoisingStep>;

    /// `(f, g^2)` at time `t`.
    fn drift_and_diffusion(&self, t: f64) -> (f64, f64);

    /// `dv/dt`.
    fn variance_rate(&self, t: f64) -> f64;

    /// The last usable time.
    fn last_time(&self) -> f64;
}

impl NoisePath for NoiseSchedule {
    fn alpha(&self, t: f64) -> f64 {
        Self::alpha(self, t)
    }

    fn variance(&self, t: f64) -> f64 {
        Self::variance(self, t)
    }

    fn step(&self, s: f64, t: f64) -> CoreResult<NoisingStep> {
        Self::step(self, s, t)
    }

    fn drift_and_diffusion(&self, t: f64) -> (f64, f64) {
        Self::drift_and_diffusion(self, t)
    }

    fn variance_rate(&self, t: f64) -> f64 {
        Self::variance_rate(self, t)
    }

    fn last_time(&self) -> f64 {
        self.default_t_max()
    }
}

/// Statements with their largest error and the largest allowed one.
struct Errors(Vec<(&'static str, f64, f64)>);

impl Errors {
    fn note(&mut self, what: &'static str, error: f64, limit: f64) {
        let error = if error.is_nan() { f64::INFINITY } else { libm::fabs(error) };
        match self.0.iter_mut().find(|(name, _, _)| *name == what) {
            Some((_, largest, _)) => *largest = largest.max(error),
            None => self.0.push((what, error, limit)),
        }
    }

    /// `found` against `expected`, relative.
    fn relative(&mut self, what: &'static str, found: f64, expected: f64, limit: f64) {
        self.note(what, if found == expected { 0.0 } else { found / expected - 1.0 }, limit);
    }
}

/// Steps compose and have the ends they name, levels grow noisier, and drift, diffusion and the frozen drift are the
/// derivatives and integrals they are said to be, at random triples of times and at steps of 1e-9.
///
/// A pass excludes wrong formulas: composition holds to 1e-11, integrals to 1e-8, derivatives to 1e-6, relative; and
/// cancellation that costs a step of 1e-9 more than 1e-5 of its variance. The times are random; the statements hold at
/// each, so the p-value is 1 or 0. `samples` are triples.
///
/// # Errors
/// Steps that the schedule refuses, and an unusable budget.
pub fn coefficients(
    name: &str,
    path: &dyn NoisePath,
    budget: &Budget,
) -> Result<Verdict, VerifyError> {
    const LAW: &str = "path::coefficients";
    budget.check()?;
    let mut stream = budget.key(LAW, name).stream();
    let mut errors = Errors(Vec::new());
    errors.note("alpha at 0", path.alpha(0.0) - 1.0, 0.0);
    errors.note("variance at 0", path.variance(0.0), 0.0);
    let last = path.last_time();
    for _ in 0..TRIPLES {
        let mut times = [(); 3].map(|()| EARLIEST + (last - EARLIEST) * stream.uniform());
        times.sort_unstable_by(f64::total_cmp);
        compositions(path, times, &mut errors)?;
        derivatives(path, times[1], last, &mut errors)?;
        let [s, _, t] = times;
        let frozen = |u: f64| path.drift_and_diffusion(u).1 * path.alpha(s) / path.alpha(u);
        let integral = integral((s, t), 1e-11, frozen);
        errors.relative("frozen drift", path.step(s, t)?.drift, integral, 1e-8);
    }
    let share = |&(_, error, limit): &(&str, f64, f64)| {
        if error <= limit { error / limit.max(f64::MIN_POSITIVE) } else { 1.0 + error }
    };
    let worst = errors.0.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
    let detail = worst.map_or(String::new(), |(what, error, limit)| {
        format!("worst {what}: error {error:.1e}, at most {limit:.1e}")
    });
    let holds = errors.0.iter().all(|(_, error, limit)| error <= limit);
    let p_value = if holds { 1.0 } else { 0.0 };
    Ok(Verdict::from_p_value((LAW, name), budget, TRIPLES, p_value, detail))
}

/// What two steps and their sum must satisfy.
fn compositions(
    path: &dyn NoisePath,
    [s, u, t]: [f64; 3],
    errors: &mut Errors,
) -> Result<(), VerifyError> {
    let (first, second, whole) = (path.step(s, u)?, path.step(u, t)?, path.step(s, t)?);
    let variance = second.ratio * second.ratio * first.variance + second.variance;
    errors.relative("composed ratio", first.ratio * second.ratio, whole.ratio, 1e-11);
    errors.relative("composed variance", variance, whole.variance, 1e-11);
    errors.relative("alpha of the cleaner end", whole.alpha_clean, path.alpha(s), 1e-13);
    errors.relative("alpha of the noisier end", whole.alpha_noisy, path.alpha(t), 1e-13);
    errors.relative("variance of the cleaner end", whole.variance_clean, path.variance(s), 1e-13);
    errors.relative("variance of the noisier end", whole.variance_noisy, path.variance(t), 1e-13);
    errors.relative("ratio of the ends", whole.ratio, path.alpha(t) / path.alpha(s), 1e-11);
    let carried = whole.ratio * whole.ratio * path.variance(s) + whole.variance;
    errors.relative("variance carried to the noisier end", carried, path.variance(t), 1e-11);
    let snr = |time: f64| 2.0 * libm::log(path.alpha(time)) - libm::log(path.variance(time));
    let falls = whole.ratio > 0.0 && whole.ratio <= 1.0 && snr(s) > snr(u) && snr(u) > snr(t);
    errors.note("signal grows with time", if falls { 0.0 } else { 1.0 }, 0.0);
    // So short a step keeps few digits of t - s, and all of its variance.
    let tiny = u + 1e-9;
    let step = path.step(u, tiny)?;
    let (f, g_squared) = path.drift_and_diffusion(0.5 * (u + tiny));
    errors.relative("variance of a tiny step", step.variance, g_squared * (tiny - u), 1e-5);
    let expected = libm::expm1(f * (tiny - u));
    errors.note("ratio of a tiny step", step.ratio - 1.0 - expected, 1e-13);
    Ok(())
}

/// Coefficients of the forward SDE as derivatives.
fn derivatives(
    path: &dyn NoisePath,
    t: f64,
    last: f64,
    errors: &mut Errors,
) -> Result<(), VerifyError> {
    let first = 0.2 * t.min(last - t);
    let slopes =
        derivative(first, |h| Ok(vec![libm::log(path.alpha(t + h)), path.variance(t + h)]))?;
    let [log_alpha, variance] = [0, 1].map(|i| slopes.values.get(i).copied().unwrap_or(f64::NAN));
    let (f, g_squared) = path.drift_and_diffusion(t);
    errors.note("drift", (f - log_alpha) / (1.0 + libm::fabs(f)), 1e-6);
    errors.relative("variance rate", path.variance_rate(t), variance, 1e-6);
    let expected = variance - 2.0 * log_alpha * path.variance(t);
    errors.relative("diffusion", g_squared, expected, 1e-6);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an error is measured against something else, the largest is not kept, or NaN counts as none.
    #[test]
    fn errors_by_hand() {
        let mut errors = Errors(Vec::new());
        errors.relative("ratio", 1.1, 1.0, 0.2);
        errors.relative("ratio", 0.95, 1.0, 0.2);
        errors.relative("zero", 0.0, 0.0, 0.0);
        errors.note("fault", f64::NAN, 1.0);
        assert_eq!(errors.0.len(), 3);
        assert!((errors.0[0].1 - 0.1).abs() < 1e-15 && errors.0[1].1 == 0.0);
        assert_eq!(errors.0[2].1, f64::INFINITY);
    }
}
