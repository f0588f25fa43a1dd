//! AdamW with clipping and an exponential moving average of the parameters.
//!
//! Loshchilov & Hutter 2019, Decoupled weight decay regularization, ICLR. The gradient is scaled down to a norm of
//! `clip` where it is longer. The decay of the average at step `n` is at most `(1 + n)/(10 + n)`, a window of some
//! ninth of the steps made, so that short runs do not average over the untrained network.

use super::super::network::Real;

/// The constants of the optimizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerRules {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of itself that a parameter loses per unit of learning rate.
    pub weight_decay: f64,
    /// Longest gradient.
    pub clip: f64,
    /// Decay of the moving average of parameters.
    pub average: f64,
}

impl Default for OptimizerRules {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip: 1.0,
            average: 0.999,
        }
    }
}

/// Parameters with all that the optimizer remembers; everything a checkpoint holds.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<T> {
    /// Parameters.
    pub parameters: Vec<T>,
    /// First moments of the gradient.
    pub first: Vec<T>,
    /// Second moments.
    pub second: Vec<T>,
    /// Averaged parameters.
    pub average: Vec<T>,
    /// Steps of this stage made.
    pub steps: u64,
}

impl<T: Real> OptimizerState<T> {
    /// At the beginning.
    pub fn new(parameters: Vec<T>) -> Self {
        let zeros = vec![T::default(); parameters.len()];
        let average = parameters.clone();
        Self { first: zeros.clone(), second: zeros, average, parameters, steps: 0 }
    }

    /// One step along `gradient`; `decayed` parameters, the first so many, lose weight. Returns the norm that the
    /// gradient had.
    pub fn step(
        &mut self,
        rules: &OptimizerRules,
        learning_rate: f64,
        gradient: &[T],
        decayed: usize,
    ) -> f64 {
        let norm = libm::sqrt(gradient.iter().map(|g| g.to_f64() * g.to_f64()).sum());
        if !norm.is_finite() {
            return norm;
        }
        self.steps += 1;
        let n = self.steps as f64;
        let shrink = T::from_f64(if norm > rules.clip { rules.clip / norm } else { 1.0 });
        let corrected = |beta: f64| 1.0 - libm::pow(beta, n);
        let rate = T::from_f64(learning_rate / corrected(rules.beta1));
        let root = T::from_f64(1.0 / libm::sqrt(corrected(rules.beta2)));
        let (beta1, beta2) = (T::from_f64(rules.beta1), T::from_f64(rules.beta2));
        let (new1, new2) = (T::from_f64(1.0 - rules.beta1), T::from_f64(1.0 - rules.beta2));
        let decay = rules.average.min((1.0 + n) / (10.0 + n));
        let new = T::from_f64(1.0 - decay);
        let epsilon = T::from_f64(rules.epsilon);
        let loss = T::from_f64(1.0 - learning_rate * rules.weight_decay);
        let moments = self.first.iter_mut().zip(&mut self.second);
        let parameters = self.parameters.iter_mut().zip(&mut self.average);
        for (index, (((p, average), (first, second)), &g)) in
            parameters.zip(moments).zip(gradient).enumerate()
        {
            let g = g * shrink;
            *first = beta1 * *first + new1 * g;
            *second = beta2 * *second + new2 * g * g;
            if index < decayed {
                *p *= loss;
            }
            *p -= rate * *first / (second.sqrt() * root + epsilon);
            // In this form a mean of equal numbers is that number, whatever rounding makes of the decay.
            *average += new * (*p - *average);
        }
        norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a bias correction, a decay, the clip, the direction of the step or the average is wrong: three steps of
    /// two parameters, of which one loses weight, by hand.
    #[test]
    fn three_steps_by_hand() {
        let rules = OptimizerRules {
            beta1: 0.8,
            beta2: 0.9,
            epsilon: 1e-3,
            weight_decay: 0.5,
            clip: 2.0,
            average: 0.15,
        };
        let mut state = OptimizerState::new(vec![1.0, -2.0]);
        let gradients: [[f64; 2]; 3] = [[0.3, -0.4], [3.0, 4.0], [-0.5, 0.1]];
        let (mut p, mut m, mut v, mut mean) = ([1.0, -2.0], [0.0; 2], [0.0; 2], [1.0, -2.0]);
        for (step, gradient) in gradients.iter().enumerate() {
            let (rate, n) = (0.1 * (step as f64 + 1.0), step as i32 + 1);
            let norm = state.step(&rules, rate, gradient, 1);
            let length = (gradient[0].powi(2) + gradient[1].powi(2)).sqrt();
            assert!((norm - length).abs() < 1e-15);
            for i in 0..2 {
                let g = gradient[i] * if length > 2.0 { 2.0 / length } else { 1.0 };
                m[i] = 0.8 * m[i] + 0.2 * g;
                v[i] = 0.9 * v[i] + 0.1 * g * g;
                if i == 0 {
                    p[i] -= rate * 0.5 * p[i];
                }
                let (first, second) =
                    (m[i] / (1.0 - 0.8_f64.powi(n)), v[i] / (1.0 - 0.9_f64.powi(n)));
                p[i] -= rate * first / (second.sqrt() + 1e-3);
                // The decay of the first steps is (1 + n)/(10 + n), .1818 and more: the rule's is smaller.
                mean[i] = 0.15 * mean[i] + 0.85 * p[i];
            }
            for i in 0..2 {
                assert!((state.parameters[i] - p[i]).abs() < 1e-14, "step {n}, parameter {i}");
                assert!((state.average[i] - mean[i]).abs() < 1e-14, "step {n}, average {i}");
            }
        }
        assert_eq!(state.steps, 3);
    }

    /// Fails if a gradient that is no number moves anything.
    #[test]
    fn a_gradient_that_is_none_is_left_alone() {
        let mut state = OptimizerState::new(vec![1.0_f32, 2.0]);
        let before = state.clone();
        assert!(state.step(&OptimizerRules::default(), 0.1, &[f32::NAN, 1.0], 2).is_nan());
        assert_eq!(state, before);
    }
}
