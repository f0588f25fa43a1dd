//! One-step methods for the probability-flow ODE from `t` to `s`, as stages.
//!
//! With `u = sigma/alpha`, `h = alpha_s (u_t - u_s) = (v/a^2)/(sigma_t/a + sigma_s)` and
//! `eps_i = -sigma_i S_i(x_i)`:
//!
//! | method | `T(x)` | source |
//! |---|---|---|
//! | PF-EI | `x/a + (e/2) S_t(x)`: frozen score, exact for `N(0, I)` on a VP path | \[Song21\] |
//! | DDIM | `x/a + h sigma_t S_t(x)`: frozen noise, exact for a point mass; Euler in `u` | \[Song21\] |
//! | Heun | `x/a - (h/2) (eps_t + eps_s(y))`, `y` the DDIM step; trapezoid in `u` | Karras et al. 2022 |
//! | third order | Kutta's rule in `u`: nodes `0, 1/2, 1`, weights `1/6, 2/3, 1/6` | Kutta 1901 |
//! | fourth order | the classical Runge-Kutta rule in `u` | Kutta 1901 |
//!
//! The exponential integrators in log-SNR of the same orders (DPM-Solver-2 and -3: Lu et al. 2022) were
//! measured against these at equal score evaluations and lost: ARCHITECTURE.md has the figures.
//!
//! On a step to the target itself (`sigma_s = 0`) the last `eps` vanishes: Heun then is half a DDIM
//! step, which is right where the target is smooth on the scale `sigma_t`.

use crate::error::{Error, Result};
use crate::path::{NoiseSchedule, NoisingStep};

/// Most stages of a method.
pub const MAX_STAGES: usize = 4;

/// A one-step method for the probability-flow ODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowMethod {
    /// Exponential integrator with a frozen score, first order.
    PfEi,
    /// Frozen noise, first order.
    Ddim,
    /// Trapezoidal, second order.
    Heun,
    /// Kutta's rule, third order.
    ThirdOrder,
    /// The classical Runge-Kutta rule, fourth order.
    FourthOrder,
}

/// The noise level at which a stage evaluates the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// `alpha`.
    pub alpha: f64,
    /// `v = sigma^2`.
    pub variance: f64,
}

/// The coefficients of one step of a method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stages {
    count: usize,
    nodes: [Node; MAX_STAGES],
    /// Factors of `x` in the stages, `scales[0] = 1`.
    scales: [f64; MAX_STAGES],
    /// `weights[i][j]`: factor of `S_j(x_j)` in stage `i`.
    weights: [[f64; MAX_STAGES]; MAX_STAGES],
    /// Factor of `x` in the result, `1/a`.
    scale: f64,
    /// Factors of `S_j(x_j)` in the result.
    result: [f64; MAX_STAGES],
}

/// A Runge-Kutta rule in `u`: nodes as fractions of the step, stage weights, result weights.
struct Rule<const N: usize> {
    nodes: [f64; N],
    stages: [[f64; N]; N],
    result: [f64; N],
}

impl FlowMethod {
    /// Every method, first order first.
    pub const ALL: [Self; 5] =
        [Self::PfEi, Self::Ddim, Self::Heun, Self::ThirdOrder, Self::FourthOrder];

    /// Score evaluations of one step, the one at its start included.
    pub const fn stages(self) -> usize {
        match self {
            Self::PfEi | Self::Ddim => 1,
            Self::Heun => 2,
            Self::ThirdOrder => 3,
            Self::FourthOrder => 4,
        }
    }

    /// The coefficients of the step, which must be one of this schedule.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a step so long that a coefficient overflows.
    pub fn coefficients(self, schedule: &NoiseSchedule, step: &NoisingStep) -> Result<Stages> {
        let stages = match self {
            Self::PfEi => {
                let rule = Rule { nodes: [0.0], stages: [[0.0]], result: [1.0] };
                let mut stages = rule.stages(schedule, step);
                stages.result[0] = 0.5 * step.drift;
                stages
            }
            Self::Ddim => {
                Rule { nodes: [0.0], stages: [[0.0]], result: [1.0] }.stages(schedule, step)
            }
            Self::Heun => {
                let stages = [[0.0, 0.0], [1.0, 0.0]];
                Rule { nodes: [0.0, 1.0], stages, result: [0.5, 0.5] }.stages(schedule, step)
            }
            Self::ThirdOrder => {
                let stages = [[0.0; 3], [0.5, 0.0, 0.0], [-1.0, 2.0, 0.0]];
                let result = [1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0];
                Rule { nodes: [0.0, 0.5, 1.0], stages, result }.stages(schedule, step)
            }
            Self::FourthOrder => {
                let stages =
                    [[0.0; 4], [0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
                let result = [1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0];
                Rule { nodes: [0.0, 0.5, 0.5, 1.0], stages, result }.stages(schedule, step)
            }
        };
        let numbers = stages.scales.iter().chain(stages.weights.as_flattened());
        let mut numbers = numbers.chain(&stages.result).chain([&stages.scale]);
        match numbers.position(|number| !number.is_finite()) {
            None => Ok(stages),
            Some(index) => Err(Error::NotFinite { what: "coefficients of the flow map", index }),
        }
    }
}

impl<const N: usize> Rule<N> {
    fn stages(&self, schedule: &NoiseSchedule, step: &NoisingStep) -> Stages {
        let sigma_noisy = libm::sqrt(step.variance_noisy);
        let noisy = sigma_noisy / step.alpha_noisy;
        // alpha_s (u_t - u_s), as a quotient of sums of positive numbers.
        let length =
            step.scaled_variance() / (sigma_noisy / step.ratio + libm::sqrt(step.variance_clean));
        let mut stages = Stages {
            count: N,
            nodes: [Node { alpha: step.alpha_noisy, variance: step.variance_noisy }; MAX_STAGES],
            scales: [1.0; MAX_STAGES],
            weights: [[0.0; MAX_STAGES]; MAX_STAGES],
            scale: 1.0 / step.ratio,
            result: [0.0; MAX_STAGES],
        };
        for ((node, scale), &fraction) in
            stages.nodes.iter_mut().zip(&mut stages.scales).zip(&self.nodes)
        {
            let (alpha, variance) = if fraction == 0.0 {
                (step.alpha_noisy, step.variance_noisy)
            } else if fraction == 1.0 {
                (step.alpha_clean, step.variance_clean)
            } else {
                schedule.at_noise_ratio(noisy - fraction * (length / step.alpha_clean))
            };
            *node = Node { alpha, variance };
            *scale = alpha / step.alpha_noisy;
        }
        let sigmas = stages.nodes.map(|node| libm::sqrt(node.variance));
        let rows = stages.weights.iter_mut().zip(&stages.nodes).zip(&self.stages);
        for ((weights, node), row) in rows {
            let length = length * (node.alpha / step.alpha_clean);
            for ((weight, sigma), entry) in weights.iter_mut().zip(&sigmas).zip(row) {
                *weight = length * entry * sigma;
            }
        }
        for ((weight, sigma), entry) in stages.result.iter_mut().zip(&sigmas).zip(&self.result) {
            *weight = length * entry * sigma;
        }
        stages
    }
}

impl Stages {
    /// The number of stages.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The noise levels of the stages; the first is the noisier level itself.
    pub fn nodes(&self) -> &[Node] {
        self.nodes.get(..self.count).unwrap_or(&self.nodes)
    }

    /// `A = 1/a`, the factor of `x` in the result.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Factors of the scores in the result, `[count]`.
    pub fn result(&self) -> &[f64] {
        self.result.get(..self.count).unwrap_or(&self.result)
    }

    /// Stage by stage: the factor of `x`, and the factors of the scores before it.
    pub(super) fn rows(
        &self,
    ) -> impl DoubleEndedIterator<Item = (f64, &[f64])> + ExactSizeIterator {
        let rows = self.scales.iter().zip(&self.weights).enumerate().take(self.count);
        rows.map(|(i, (&scale, weights))| (scale, weights.get(..i).unwrap_or(weights)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::VeShape;

    fn schedules() -> [NoiseSchedule; 3] {
        [
            NoiseSchedule::vp_linear(0.1, 20.0).unwrap(),
            NoiseSchedule::vp_cosine(),
            NoiseSchedule::ve(2e-3, 80.0, VeShape::Rho7).unwrap(),
        ]
    }

    /// The result on the line for the target `N(0, variance)`, whose scores are linear.
    fn factor(stages: &Stages, variance: f64) -> f64 {
        let slope = |node: &Node| -1.0 / (node.alpha * node.alpha * variance + node.variance);
        let mut scores = [0.0; MAX_STAGES];
        for (i, ((scale, weights), node)) in stages.rows().zip(stages.nodes()).enumerate() {
            let x: f64 = scale + weights.iter().zip(&scores).map(|(w, s)| w * s).sum::<f64>();
            scores[i] = slope(node) * x;
        }
        stages.scale() + stages.result().iter().zip(&scores).map(|(w, s)| w * s).sum::<f64>()
    }

    /// Fails if a coefficient of any method is wrong: the flow of `N(0, s^2)` multiplies by
    /// `sqrt((alpha_s^2 s^2 + v_s)/(alpha_t^2 s^2 + v_t))`, and halving the steps divides the error by
    /// two to the order.
    #[test]
    fn methods_have_their_orders() {
        let orders = [1.0, 1.0, 2.0, 3.0, 4.0];
        for schedule in schedules() {
            for (method, order) in FlowMethod::ALL.into_iter().zip(orders) {
                let error = |steps: i32| {
                    let time = |i: i32| 0.3 + 0.3 * f64::from(i) / f64::from(steps);
                    let product: f64 = (0..steps)
                        .map(|i| {
                            let step = schedule.step(time(i), time(i + 1)).unwrap();
                            factor(&method.coefficients(&schedule, &step).unwrap(), 0.3)
                        })
                        .product();
                    let width = |t: f64| {
                        let alpha = schedule.alpha(t);
                        alpha * alpha * 0.3 + schedule.variance(t)
                    };
                    (product / libm::sqrt(width(0.3) / width(0.6)) - 1.0).abs()
                };
                let found = libm::log2(error(64) / error(128));
                assert!((found - order).abs() < 0.15, "{schedule:?} {method:?} {found}");
            }
        }
    }

    /// Fails if PF-EI is not exact for `N(0, I)` on a VP path, DDIM not for a point mass, or a last
    /// step to the target is not finite.
    #[test]
    fn exact_cases_and_the_last_step() {
        let schedule = NoiseSchedule::vp_linear(0.1, 20.0).unwrap();
        let step = schedule.step(0.2, 0.4).unwrap();
        let map = |method: FlowMethod| method.coefficients(&schedule, &step).unwrap();
        assert!((factor(&map(FlowMethod::PfEi), 1.0) - 1.0).abs() < 1e-14);
        let point = libm::sqrt(step.variance_clean / step.variance_noisy);
        assert!((factor(&map(FlowMethod::Ddim), 0.0) - point).abs() < 1e-14);
        for schedule in schedules() {
            let step = schedule.step(0.0, 0.1).unwrap();
            for method in FlowMethod::ALL {
                let stages = method.coefficients(&schedule, &step).unwrap();
                assert_eq!(stages.count(), method.stages());
                let found = factor(&stages, 1.0);
                assert!(found.is_finite() && found > 0.0, "{method:?} {found}");
            }
        }
    }
}
