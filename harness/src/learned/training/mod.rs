//! Training: stages of steps, each a fixed function of the seed, the step and what was before.

mod data;
mod optimizer;

pub use data::TrainingData;
pub use optimizer::{OptimizerRules, OptimizerState};

use amc_core::rng::{Key, Purpose};
use rayon::prelude::*;

use super::loss::{Classification, Draw, LevelConstants, ScoreLoss, ScoreMatching};
use super::model::Model;
use super::network::Real;

/// Points that one thread handles together.
const CHUNK: usize = 128;

/// What a stage trains on, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRules {
    /// Steps.
    pub steps: u64,
    /// Points of the score loss in a step, a multiple of 128.
    pub batch: usize,
    /// The score loss.
    pub score: ScoreLoss,
    /// Whether noises come in pairs of opposite sign.
    pub antithetic: bool,
    /// Levels that a classification tells apart, 0 for none.
    pub levels: usize,
    /// Points of the classification in a step, a multiple of 128.
    pub classified: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which it grows.
    pub warm_up: f64,
    /// The optimizer.
    pub optimizer: OptimizerRules,
}

/// Losses of one step, per point.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepLosses {
    /// Of the score.
    pub score: f64,
    /// Of the classification.
    pub classification: f64,
    /// The norm of the gradient.
    pub norm: f64,
}

/// The work of one chunk.
enum Work<T> {
    Score(Box<ScoreMatching<T>>),
    Classification(Box<Classification<T>>),
}

/// One chunk with its part of the gradient.
struct Worker<T> {
    work: Work<T>,
    gradient: Vec<T>,
    loss: f64,
}

/// A stage in progress.
pub struct Stage<'a, T> {
    rules: StageRules,
    data: &'a TrainingData<T>,
    constants: LevelConstants,
    workers: Vec<Worker<T>>,
    gradient: Vec<T>,
    key: Key,
    order: Vec<u32>,
    epoch: u64,
}

/// The learning rate of a step: a straight way up, a half cosine down to zero.
fn learning_rate(rules: &StageRules, step: u64) -> f64 {
    let share = (step as f64 + 0.5) / rules.steps as f64;
    let shape = if share < rules.warm_up {
        share / rules.warm_up
    } else {
        let rest = (share - rules.warm_up) / (1.0 - rules.warm_up);
        0.5 * (1.0 + libm::cos(std::f64::consts::PI * rest))
    };
    rules.learning_rate * shape
}

impl<'a, T: Real> Stage<'a, T> {
    /// Stage number `index` of a training.
    pub fn new(
        rules: StageRules,
        model: &Model<T>,
        data: &'a TrainingData<T>,
        constants: LevelConstants,
        (seed, index): (u64, u64),
    ) -> Self {
        let parameters = model.network.parameters.len() + constants.nodes;
        let worker = |work| Worker { work, gradient: vec![T::default(); parameters], loss: 0.0 };
        let scores = (0..rules.batch / CHUNK)
            .map(|_| worker(Work::Score(Box::new(ScoreMatching::new(model, CHUNK)))));
        let classified = if rules.levels == 0 { 0 } else { rules.classified / CHUNK };
        let classifications = (0..classified).map(|_| {
            let samples = CHUNK / (rules.levels * rules.levels);
            let loss = Classification::new(model, samples, rules.levels, constants);
            worker(Work::Classification(Box::new(loss)))
        });
        Self {
            rules,
            data,
            constants,
            workers: scores.chain(classifications).collect(),
            gradient: vec![T::default(); parameters],
            key: Key::new(seed, Purpose::Training).repetition(index),
            order: Vec::new(),
            epoch: u64::MAX,
        }
    }

    /// Index of a sample in the order of all epochs.
    fn sample(&mut self, position: u64) -> usize {
        let count = self.data.len() as u64;
        let epoch = position / count;
        if self.epoch != epoch {
            self.epoch = epoch;
            self.order = (0..count as u32).collect();
            let mut stream = self.key.level(epoch).block(u64::MAX).stream();
            for i in (1..self.order.len()).rev() {
                let other = (stream.uniform() * (i as f64 + 1.0)) as usize;
                self.order.swap(i, other.min(i));
            }
        }
        self.order[(position % count) as usize] as usize
    }

    /// One step.
    pub fn step(&mut self, model: &mut Model<T>, state: &mut OptimizerState<T>) -> StepLosses {
        let rules = self.rules;
        let step = state.steps;
        let network = model.network.parameters.len();
        model.network.parameters.copy_from_slice(&state.parameters[..network]);
        let constants = state.parameters[network..].to_vec();
        let scores = rules.batch / CHUNK;
        let per_chunk = if rules.antithetic { CHUNK / 2 } else { CHUNK };
        let drawn = scores * per_chunk;
        let per_classification =
            if rules.levels == 0 { 0 } else { CHUNK / (rules.levels * rules.levels) };
        let classified = (self.workers.len() - scores) * per_classification;
        let each = (drawn + classified) as u64;
        let samples: Vec<usize> = (0..each).map(|i| self.sample(step * each + i)).collect();
        // Levels of a step are stratified.
        let mut stream = self.key.round(step + 1).block(u64::MAX).stream();
        let draws: Vec<Draw> = samples[..drawn]
            .iter()
            .enumerate()
            .map(|(i, &sample)| {
                let share = (i as f64 + stream.uniform()) / drawn as f64;
                Draw { sample, log_snr: model.noise.at(share) }
            })
            .collect();
        // Neighbours in the order of levels go to different chunks.
        let model = &*model;
        let (data, key) = (self.data, self.key.round(step + 1));
        self.workers.par_iter_mut().enumerate().for_each(|(index, worker)| {
            worker.gradient.fill(T::default());
            let (gradient, of_constants) = worker.gradient.split_at_mut(network);
            let mut stream = key.block(index as u64).stream();
            worker.loss = match &mut worker.work {
                Work::Score(loss) => {
                    let draws: Vec<Draw> =
                        draws.iter().skip(index).step_by(scores).copied().collect();
                    let scale = 1.0 / rules.batch as f64;
                    let how = (rules.score, rules.antithetic);
                    loss.add(model, data, how, (&draws, &mut stream), (scale, gradient))
                }
                Work::Classification(loss) => {
                    let start = drawn + (index - scores) * per_classification;
                    let samples = &samples[start..start + per_classification];
                    let scale = 1.0 / classified as f64;
                    let sinks = (gradient, of_constants);
                    loss.add((model, &constants), data, (samples, &mut stream), scale, sinks)
                }
            };
        });
        let workers = &self.workers;
        self.gradient.par_chunks_mut(4096).enumerate().for_each(|(piece, sum)| {
            sum.fill(T::default());
            for worker in workers {
                let part = &worker.gradient[piece * 4096..][..sum.len()];
                for (sum, &part) in sum.iter_mut().zip(part) {
                    *sum += part;
                }
            }
        });
        let rate = learning_rate(&rules, step);
        let norm = state.step(&rules.optimizer, rate, &self.gradient, network);
        let sum = |workers: &[Worker<T>]| workers.iter().map(|w| w.loss).sum::<f64>();
        let _ = self.constants;
        StepLosses {
            score: sum(&self.workers[..scores]) / rules.batch as f64,
            classification: sum(&self.workers[scores..]) / classified.max(1) as f64,
            norm,
        }
    }
}
