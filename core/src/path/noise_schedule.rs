//! Noise schedules: `alpha_t`, `v_t = sigma_t^2` and the transitions between two times.
//!
//! | schedule | `alpha_t` | `v_t` | forward SDE |
//! |---|---|---|---|
//! | VP linear \[Song21\] | `exp(-B/2)` | `1 - exp(-B)`, `B(t) = b_0 t + (b_1 - b_0) t^2 / 2` | `f = -B'/2`, `g^2 = B'` |
//! | VP cosine | `cos(pi t/2)` | `sin^2(pi t/2)` | `f = -(pi/2) tan`, `g^2 = pi tan(pi t/2)` |
//! | VE | `1` | `sigma(t)^2`, 0 at `t = 0` | `f = 0`, `g^2 = dv/dt` |
//!
//! in general `f = alpha'/alpha` and `g^2 = v' - 2 v alpha'/alpha`. The transition from `s` to
//! `t > s` is `q(x_t | x_s) = N(a x_s, v I)`, `a = alpha_t/alpha_s`, `v = v_t - a^2 v_s`; every
//! difference is taken in a form that does not cancel.

use crate::error::{Error, Result};
use core::f64::consts::{FRAC_PI_2, PI};

/// The number after zero.
const SMALLEST_POSITIVE: f64 = f64::from_bits(1);

/// How `sigma(t)` of the variance-exploding schedule grows from `sigma_min` to `sigma_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VeShape {
    /// `sigma_min (sigma_max/sigma_min)^t`.
    Geometric,
    /// `(sigma_min^(1/7) + t (sigma_max^(1/7) - sigma_min^(1/7)))^7`, the EDM choice.
    Rho7,
}

/// A noise schedule with validated parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseSchedule(Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    VpLinear { beta_min: f64, beta_max: f64 },
    VpCosine,
    Ve { sigma_min: f64, sigma_max: f64, shape: VeShape },
}

/// The transition between a cleaner time `s` and a noisier time `t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisingStep {
    /// `alpha_s` of the cleaner level.
    pub alpha_clean: f64,
    /// `v_s` of the cleaner level.
    pub variance_clean: f64,
    /// `alpha_t` of the noisier level.
    pub alpha_noisy: f64,
    /// `v_t` of the noisier level.
    pub variance_noisy: f64,
    /// `a = alpha_t / alpha_s`.
    pub ratio: f64,
    /// `v = v_t - a^2 v_s`.
    pub variance: f64,
    /// `e = int_s^t g^2(u) (alpha_s / alpha_u) du`: the frozen-score drift of the reverse SDE.
    pub drift: f64,
}

impl NoiseSchedule {
    /// Largest `beta` of the linear schedule: beyond it `alpha_1` underflows.
    pub const LARGEST_BETA: f64 = 700.0;
    /// Smallest `sigma` of the exploding schedule: its square is a normal number.
    pub const SMALLEST_SIGMA: f64 = 1e-150;
    /// Largest `sigma` of the exploding schedule: its square is finite.
    pub const LARGEST_SIGMA: f64 = 1e150;

    /// Variance-preserving, `B(t) = beta_min t + (beta_max - beta_min) t^2 / 2`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < beta_min <= beta_max <=` [`NoiseSchedule::LARGEST_BETA`].
    pub fn vp_linear(beta_min: f64, beta_max: f64) -> Result<Self> {
        check_range("beta_min", beta_min, SMALLEST_POSITIVE, Self::LARGEST_BETA)?;
        check_range("beta_max", beta_max, beta_min, Self::LARGEST_BETA)?;
        Ok(Self(Kind::VpLinear { beta_min, beta_max }))
    }

    /// Variance-preserving, `alpha = cos(pi t/2)`; use times below 1, where `alpha` is zero.
    pub const fn vp_cosine() -> Self {
        Self(Kind::VpCosine)
    }

    /// Variance-exploding: `alpha = 1`, `sigma` from `sigma_min` to `sigma_max` on `(0, 1]` and
    /// `sigma(0) = 0`, so that time 0 is the target itself (`sigma` jumps there by `sigma_min`).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `sigma_min < sigma_max`, both from
    /// [`NoiseSchedule::SMALLEST_SIGMA`] to [`NoiseSchedule::LARGEST_SIGMA`].
    pub fn ve(sigma_min: f64, sigma_max: f64, shape: VeShape) -> Result<Self> {
        check_range("sigma_min", sigma_min, Self::SMALLEST_SIGMA, Self::LARGEST_SIGMA)?;
        check_range("sigma_max", sigma_max, sigma_min.next_up(), Self::LARGEST_SIGMA)?;
        Ok(Self(Kind::Ve { sigma_min, sigma_max, shape }))
    }

    /// Largest usable time: 1, or just below it where `alpha` would vanish.
    pub fn default_t_max(&self) -> f64 {
        if self.0 == Kind::VpCosine { 0.999 } else { 1.0 }
    }

    /// `alpha_t`.
    pub fn alpha(&self, t: f64) -> f64 {
        match self.0 {
            Kind::VpLinear { .. } => libm::exp(-0.5 * self.beta_integral(0.0, t)),
            Kind::VpCosine => quarter_cos(t),
            Kind::Ve { .. } => 1.0,
        }
    }

    /// `v_t = sigma_t^2`.
    pub fn variance(&self, t: f64) -> f64 {
        match self.0 {
            Kind::VpLinear { .. } => -libm::expm1(-self.beta_integral(0.0, t)),
            Kind::VpCosine => {
                let sine = libm::sin(FRAC_PI_2 * t);
                sine * sine
            }
            Kind::Ve { .. } => {
                let sigma = self.sigma(t);
                sigma * sigma
            }
        }
    }

    /// `(f, g^2)` of the forward SDE `dX = f X dt + g dW` at time `t`.
    pub fn drift_and_diffusion(&self, t: f64) -> (f64, f64) {
        match self.0 {
            Kind::VpLinear { beta_min, beta_max } => {
                let rate = beta_min + (beta_max - beta_min) * t;
                (-0.5 * rate, rate)
            }
            Kind::VpCosine => {
                let tangent = libm::sin(FRAC_PI_2 * t) / quarter_cos(t);
                (-FRAC_PI_2 * tangent, PI * tangent)
            }
            Kind::Ve { sigma_min, sigma_max, shape } => {
                let sigma = self.sigma(t);
                let growth = match shape {
                    VeShape::Geometric => sigma * libm::log(sigma_max / sigma_min),
                    VeShape::Rho7 => {
                        let (low, high) = (seventh_root(sigma_min), seventh_root(sigma_max));
                        7.0 * libm::pow(low + t * (high - low), 6.0) * (high - low)
                    }
                };
                (0.0, 2.0 * sigma * growth)
            }
        }
    }

    /// `v' = dv/dt` at time `t`, without the cancellation of `g^2 + 2 f v`.
    pub fn variance_rate(&self, t: f64) -> f64 {
        match self.0 {
            Kind::VpLinear { beta_min, beta_max } => {
                let rate = beta_min + (beta_max - beta_min) * t;
                rate * libm::exp(-self.beta_integral(0.0, t))
            }
            Kind::VpCosine => FRAC_PI_2 * libm::sin(PI * t),
            Kind::Ve { .. } => self.drift_and_diffusion(t).1,
        }
    }

    /// The transition from `s` to `t`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 <= s < t <= 1` and `alpha_t > 0`.
    pub fn step(&self, s: f64, t: f64) -> Result<NoisingStep> {
        check_range("s", s, 0.0, 1.0)?;
        check_range("t", t, s.next_up(), 1.0)?;
        // (a, v, e) in forms without cancellation.
        let (ratio, variance, drift) = match self.0 {
            Kind::VpLinear { .. } => {
                let integral = self.beta_integral(s, t);
                let ratio = libm::exp(-0.5 * integral);
                (ratio, -libm::expm1(-integral), 2.0 * libm::expm1(0.5 * integral))
            }
            Kind::VpCosine => {
                let (cos_from, cos_to) = (quarter_cos(s), quarter_cos(t));
                let difference = FRAC_PI_2 * (t - s);
                // sin(pi - x) = sin x
                let sum = FRAC_PI_2 * if s + t > 1.0 { (1.0 - s) + (1.0 - t) } else { s + t };
                let variance = libm::sin(difference) * libm::sin(sum) / (cos_from * cos_from);
                let middle = libm::sin(0.5 * FRAC_PI_2 * (s + t));
                let difference = 2.0 * middle * libm::sin(0.5 * difference);
                (cos_to / cos_from, variance, 2.0 * difference / cos_to)
            }
            Kind::Ve { .. } => {
                let (from, to) = (self.sigma(s), self.sigma(t));
                let variance = (to - from) * (to + from);
                (1.0, variance, variance)
            }
        };
        check_range("alpha ratio", ratio, 1e-150, 1.0)?;
        check_range("step variance", variance, f64::MIN_POSITIVE, f64::MAX)?;
        Ok(NoisingStep {
            alpha_clean: self.alpha(s),
            variance_clean: self.variance(s),
            alpha_noisy: self.alpha(t),
            variance_noisy: self.variance(t),
            ratio,
            variance,
            drift,
        })
    }

    /// `log(alpha_t^2 / v_t)`.
    pub fn log_snr(&self, t: f64) -> f64 {
        2.0 * libm::log(self.alpha(t)) - libm::log(self.variance(t))
    }

    /// `(alpha, v)` where the noise ratio `sigma/alpha` is `ratio`, at least 0: the point between levels at
    /// which a map of several stages evaluates.
    pub fn at_noise_ratio(&self, ratio: f64) -> (f64, f64) {
        let square = ratio * ratio;
        match self.0 {
            // alpha^2 + v = 1
            Kind::VpLinear { .. } | Kind::VpCosine => {
                (1.0 / libm::sqrt(1.0 + square), square / (1.0 + square))
            }
            Kind::Ve { .. } => (1.0, square),
        }
    }

    /// `B(t) - B(s)` of the linear schedule.
    fn beta_integral(&self, s: f64, t: f64) -> f64 {
        match self.0 {
            Kind::VpLinear { beta_min, beta_max } => {
                (t - s) * (beta_min + 0.5 * (beta_max - beta_min) * (t + s))
            }
            _ => 0.0,
        }
    }

    /// `sigma(t)` of the VE schedule.
    fn sigma(&self, t: f64) -> f64 {
        match self.0 {
            Kind::Ve { sigma_min, sigma_max, shape } if t > 0.0 => match shape {
                VeShape::Geometric => sigma_min * libm::pow(sigma_max / sigma_min, t),
                VeShape::Rho7 => {
                    let (low, high) = (seventh_root(sigma_min), seventh_root(sigma_max));
                    libm::pow(low + t * (high - low), 7.0)
                }
            },
            _ => 0.0,
        }
    }
}

impl NoisingStep {
    /// `v / a^2`, the variance of `x_s` given `x_t` under a flat prior.
    pub fn scaled_variance(&self) -> f64 {
        self.variance / (self.ratio * self.ratio)
    }

    /// `v v_s / v_t`, the variance of `x_s` given `x_t` and `x_0`; zero at `s = 0`.
    pub fn posterior_variance(&self) -> f64 {
        self.variance * (self.variance_clean / self.variance_noisy)
    }
}

/// `cos(pi t/2)` for `t` in `[0, 1]`, to the last digits also where it vanishes: `1 - t` is exact there.
fn quarter_cos(t: f64) -> f64 {
    if t < 0.5 { libm::cos(FRAC_PI_2 * t) } else { libm::sin(FRAC_PI_2 * (1.0 - t)) }
}

fn seventh_root(x: f64) -> f64 {
    libm::pow(x, 1.0 / 7.0)
}

fn check_range(what: &'static str, value: f64, min: f64, max: f64) -> Result<()> {
    if value >= min && value <= max {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, value, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedules() -> [NoiseSchedule; 4] {
        [
            NoiseSchedule::vp_linear(0.1, 20.0).unwrap(),
            NoiseSchedule::vp_cosine(),
            NoiseSchedule::ve(2e-3, 80.0, VeShape::Geometric).unwrap(),
            NoiseSchedule::ve(2e-3, 80.0, VeShape::Rho7).unwrap(),
        ]
    }

    /// Fails if a step is not `(alpha_t/alpha_s, v_t - a^2 v_s)`, or two steps do not compose.
    #[test]
    fn steps_compose() {
        for schedule in schedules() {
            let (s, u, t) = (0.21, 0.4, 0.73);
            let (first, second) = (schedule.step(s, u).unwrap(), schedule.step(u, t).unwrap());
            let whole = schedule.step(s, t).unwrap();
            let variance = second.ratio * second.ratio * first.variance + second.variance;
            assert!((whole.ratio - first.ratio * second.ratio).abs() < 1e-14);
            assert!((whole.variance / variance - 1.0).abs() < 1e-12);
            let a = schedule.alpha(t) / schedule.alpha(s);
            assert!((whole.ratio / a - 1.0).abs() < 1e-13);
            let direct = schedule.variance(t) - a * a * schedule.variance(s);
            assert!((whole.variance / direct - 1.0).abs() < 1e-12);
        }
    }

    /// Fails if `f`, `g^2` or the drift integral has a wrong sign or factor: compares them with
    /// difference quotients and a midpoint rule.
    #[test]
    fn sde_coefficients_match_their_definitions() {
        for schedule in schedules() {
            let (t, h) = (0.37, 1e-5);
            let (f, g2) = schedule.drift_and_diffusion(t);
            let slope = |g: &dyn Fn(f64) -> f64| (g(t + h) - g(t - h)) / (2.0 * h);
            let log_alpha = slope(&|u| libm::log(schedule.alpha(u)));
            assert!((f - log_alpha).abs() < 1e-7 * (1.0 + f.abs()), "{schedule:?} {f} {log_alpha}");
            let expected = slope(&|u| schedule.variance(u)) - 2.0 * schedule.variance(t) * f;
            assert!((g2 / expected - 1.0).abs() < 1e-6, "{schedule:?} {g2} {expected}");
            let variance_rate = schedule.variance_rate(t);
            assert!((g2 + 2.0 * f * schedule.variance(t) - variance_rate).abs() < 1e-12 * g2);
            let (s, cells) = (0.3, 20_000);
            let width = (t - s) / f64::from(cells);
            let integral: f64 = (0..cells)
                .map(|i| {
                    let u = s + (f64::from(i) + 0.5) * width;
                    width * schedule.drift_and_diffusion(u).1 * schedule.alpha(s)
                        / schedule.alpha(u)
                })
                .sum();
            let drift = schedule.step(s, t).unwrap().drift;
            assert!((drift / integral - 1.0).abs() < 1e-7, "{schedule:?} {drift} {integral}");
        }
    }

    /// Fails if small steps lose digits or `t = 0` is not the target itself.
    #[test]
    fn tiny_steps_and_time_zero() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let step = schedule.step(0.5, 0.5 + 1e-9).unwrap();
        let rate = 0.1 + 19.9 * 0.5;
        assert!((step.variance / (rate * 1e-9) - 1.0).abs() < 1e-6);
        for schedule in schedules() {
            assert_eq!((schedule.alpha(0.0), schedule.variance(0.0)), (1.0, 0.0));
            assert_eq!(schedule.step(0.0, 0.3).unwrap().variance, schedule.variance(0.3));
            assert!(schedule.step(0.3, 0.3).is_err() && schedule.step(0.4, 0.3).is_err());
            assert!(schedule.step(f64::NAN, 0.3).is_err());
        }
    }

    /// Fails if the next number is not larger enough to be a time or a noise of its own: below powers of two
    /// neighbours differ by half of `eps`, relative.
    #[test]
    fn neighbouring_numbers_are_different() {
        let (s, t) = (1.0 - f64::EPSILON, 1.0 - 0.5 * f64::EPSILON);
        assert!(NoiseSchedule::vp_cosine().step(s, t).is_ok());
        assert!(NoiseSchedule::ve(s, t, VeShape::Rho7).is_ok());
        assert!(NoiseSchedule::ve(t, t, VeShape::Rho7).is_err());
    }

    /// Fails if the cosine schedule loses digits where its signal vanishes: there `alpha = (pi/2)(1 - t)`, and
    /// from `1 - 3 eps` to `1 - eps` it falls to a third, so `v = 1 - 1/9` and the drift is `2 (3 - 1)`.
    #[test]
    fn cosine_near_its_end() {
        let schedule = NoiseSchedule::vp_cosine();
        let (s, t) = (1.0 - 3.0 * f64::EPSILON, 1.0 - f64::EPSILON);
        let step = schedule.step(s, t).unwrap();
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-14;
        assert!(close(step.alpha_noisy, FRAC_PI_2 * f64::EPSILON), "{step:?}");
        assert!(close(step.ratio, 1.0 / 3.0), "{step:?}");
        assert!(close(step.variance, 8.0 / 9.0), "{step:?}");
        let (f, g2) = schedule.drift_and_diffusion(t);
        assert!(close(f, -1.0 / f64::EPSILON) && close(g2, 2.0 / f64::EPSILON), "{f} {g2}");
        assert!(close(step.drift * step.alpha_noisy, 2.0 * (step.alpha_clean - step.alpha_noisy)));
    }

    /// Fails if the point of a noise ratio is not the one that the schedule passes through.
    #[test]
    fn noise_ratios_lead_back_to_levels() {
        for schedule in schedules() {
            let (alpha, variance) = (schedule.alpha(0.37), schedule.variance(0.37));
            let found = schedule.at_noise_ratio(libm::sqrt(variance) / alpha);
            assert!((found.0 / alpha - 1.0).abs() < 1e-14);
            assert!((found.1 / variance - 1.0).abs() < 1e-14);
        }
    }

    /// Fails if the log-SNR is not that of the squares, or a path ends where no signal is left.
    #[test]
    fn log_snr_and_last_times() {
        for schedule in schedules() {
            let (alpha, variance) = (schedule.alpha(0.6), schedule.variance(0.6));
            let expected = libm::log(alpha * alpha / variance);
            assert!((schedule.log_snr(0.6) - expected).abs() < 1e-13 * (1.0 + expected.abs()));
        }
        let last = schedules().map(|schedule| schedule.default_t_max());
        assert_eq!(last, [1.0, 0.999, 1.0, 1.0]);
    }

    /// Fails if a range of one point is accepted, or a larger end just above is refused.
    #[test]
    fn ends_of_exploding_schedules_differ() {
        assert!(NoiseSchedule::ve(2.0, 2.0, VeShape::Geometric).is_err());
        assert!(NoiseSchedule::ve(2.0, 1.9, VeShape::Geometric).is_err());
        let above = 2.0 * (1.0 + f64::EPSILON);
        assert!(NoiseSchedule::ve(2.0, above, VeShape::Geometric).is_ok());
    }
}
