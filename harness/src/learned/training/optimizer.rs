//! AdamW with clipping and an exponential moving average of the parameters.
//!
//! Loshchilov & Hutter 2019, Decoupled weight decay regularization, ICLR. The gradient is scaled down to a norm of
//! `clip` where it is longer. The average starts as the plain mean of what there is (its decay at step `n` is at most
//! `(1 + n)/(10 + n)`), so that short runs do not average over the untrained network.

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
        let (keep, new) = (T::from_f64(decay), T::from_f64(1.0 - decay));
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
            *average = keep * *average + new * *p;
        }
        norm
    }
}
