//! What a training does, stage by stage: first the score alone, then with the classification.

use super::OptimizerRules;
use crate::catalog::ScoreLossKind;

/// The classification of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassificationRules {
    /// Levels told apart, 2 to 8.
    pub classes: usize,
    /// Evaluations in a step, a multiple of [`CHUNK`](super::CHUNK).
    pub points: usize,
    /// Weight beside the score loss.
    pub weight: f64,
}

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRules {
    /// Steps.
    pub steps: u64,
    /// Points of the score loss in a step, a multiple of [`CHUNK`](super::CHUNK).
    pub batch: usize,
    /// The score loss.
    pub score: ScoreLossKind,
    /// Whether noises come in pairs of opposite sign.
    pub antithetic: bool,
    /// The classification, if there is one.
    pub classification: Option<ClassificationRules>,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which it grows.
    pub warm_up: f64,
    /// The optimizer.
    pub optimizer: OptimizerRules,
}

impl StageRules {
    /// The learning rate of a step: a straight way up, a half cosine down to zero.
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        let share = (step as f64 + 0.5) / self.steps as f64;
        let shape = if share < self.warm_up {
            share / self.warm_up
        } else {
            let rest = (share - self.warm_up) / (1.0 - self.warm_up);
            0.5 * (1.0 + libm::cos(std::f64::consts::PI * rest))
        };
        self.learning_rate * shape
    }
}

/// A whole training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingRules {
    /// The seed of order, levels and noises.
    pub seed: u64,
    /// The stages, one after the other; each begins with the averaged weights of the one before.
    pub stages: Vec<StageRules>,
    /// Validations without progress before a stage stops; 0 never.
    pub patience: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the rate does not grow in a straight line to its largest value and fall to nothing.
    #[test]
    fn rates_rise_and_fall() {
        let rules = StageRules {
            steps: 100,
            batch: 128,
            score: ScoreLossKind::Denoising,
            antithetic: true,
            classification: None,
            learning_rate: 2.0,
            warm_up: 0.1,
            optimizer: OptimizerRules::default(),
        };
        assert!((rules.learning_rate_at(4) - 2.0 * 0.45).abs() < 1e-12);
        assert!((rules.learning_rate_at(10) - 2.0).abs() < 1e-3);
        let middle = 2.0 * 0.5 * (1.0 + (std::f64::consts::PI * 0.445 / 0.9).cos());
        assert!((rules.learning_rate_at(54) - middle).abs() < 1e-2);
        assert!(rules.learning_rate_at(99) < 1e-3);
        let flat = StageRules { warm_up: 0.0, ..rules };
        assert!((flat.learning_rate_at(0) - 2.0).abs() < 1e-3);
    }
}
