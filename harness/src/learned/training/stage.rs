//! The steps of a stage: losses and gradients of all chunks, in parallel, summed in their order.
//!
//! Step `n` is a function of the seed, `n` and the optimizer's state: samples are a permutation of all for each epoch,
//! drawn from a stream of that epoch; the score's levels are stratified over the step; every chunk has a stream of its
//! own. So threads change nothing, and a training goes on from a checkpoint as if it had never stopped.

use amc_core::rng::{Key, Purpose};
use rayon::prelude::*;

use super::super::levels::{LevelConstants, TrainedLevels};
use super::super::loss::{Classification, Draw, ScoreMatching};
use super::super::model::Model;
use super::super::network::Real;
use super::{CHUNK, OptimizerState, StageRules, TrainingData};

/// Parameters whose gradient a task sums.
const PIECE: usize = 4096;

/// Streams of a step besides those of its chunks.
const LEVELS: u64 = u64::MAX;
const ORDER: u64 = u64::MAX - 1;

/// Losses of one step, means over its points.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepLosses {
    /// Of the score.
    pub score: f64,
    /// Of the classification.
    pub classification: f64,
    /// The norm of the gradient.
    pub norm: f64,
}

impl StepLosses {
    /// Whether all are numbers.
    pub fn is_finite(&self) -> bool {
        self.score.is_finite() && self.classification.is_finite() && self.norm.is_finite()
    }
}

/// The loss of a chunk.
enum Work<T> {
    Score(ScoreMatching<T>),
    Classification(Classification<T>),
}

/// A chunk with its part of the gradient.
struct Worker<T> {
    work: Work<T>,
    /// Samples it takes.
    samples: usize,
    gradient: Vec<T>,
    loss: f64,
}

/// What a stage trains on.
#[derive(Debug, Clone, Copy)]
pub struct Material<'a, T> {
    /// Samples.
    pub data: &'a TrainingData<T>,
    /// Levels.
    pub levels: &'a TrainedLevels,
    /// Free constants of the levels.
    pub constants: &'a LevelConstants,
}

/// A stage in progress.
pub struct Stage<'a, T> {
    rules: StageRules,
    material: Material<'a, T>,
    workers: Vec<Worker<T>>,
    /// Workers of the score, the first ones.
    scores: usize,
    gradient: Vec<T>,
    key: Key,
    order: Vec<u32>,
    epoch: Option<u64>,
    samples: Vec<usize>,
    draws: Vec<Draw>,
}

impl<'a, T: Real> Stage<'a, T> {
    /// Stage number `index` of a training with `seed`.
    pub fn new(
        rules: StageRules,
        model: &Model<T>,
        material: Material<'a, T>,
        (seed, index): (u64, u64),
    ) -> Self {
        let parameters = model.network.parameters.len() + material.constants.count();
        let worker = |work, samples| Worker {
            work,
            samples,
            gradient: vec![T::default(); parameters],
            loss: 0.0,
        };
        let scores = rules.batch / CHUNK;
        let mut workers = Vec::new();
        for _ in 0..scores {
            let loss = ScoreMatching::new(model, CHUNK, rules.score, rules.antithetic);
            let samples = loss.draws();
            workers.push(worker(Work::Score(loss), samples));
        }
        if let Some(classification) = &rules.classification {
            for _ in 0..classification.points / CHUNK {
                let loss = Classification::new(model, CHUNK, classification.classes);
                let samples = loss.samples();
                workers.push(worker(Work::Classification(loss), samples));
            }
        }
        Self {
            rules,
            material,
            workers,
            scores,
            gradient: vec![T::default(); parameters],
            key: Key::new(seed, Purpose::Training).repetition(index),
            order: Vec::new(),
            epoch: None,
            samples: Vec::new(),
            draws: Vec::new(),
        }
    }

    /// The sample at a place in the order of all epochs.
    fn sample(&mut self, place: u64) -> usize {
        let count = self.material.data.len();
        let epoch = place / count as u64;
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            self.order.clear();
            self.order.extend(0..count as u32);
            let mut stream = self.key.level(epoch).block(ORDER).stream();
            for i in (1..count).rev() {
                let other = (stream.uniform() * (i as f64 + 1.0)) as usize;
                self.order.swap(i, other.min(i));
            }
        }
        self.order[(place % count as u64) as usize] as usize
    }

    /// Samples and levels of a step. Neighbouring levels go to different chunks.
    fn draw(&mut self, step: u64) {
        let each: usize = self.workers.iter().map(|worker| worker.samples).sum();
        self.samples.clear();
        for place in 0..each as u64 {
            let sample = self.sample(step * each as u64 + place);
            self.samples.push(sample);
        }
        let drawn: usize = self.workers[..self.scores].iter().map(|worker| worker.samples).sum();
        let mut stream = self.key.round(step).block(LEVELS).stream();
        let (levels, scores) = (self.material.levels, self.scores);
        let per_chunk = drawn / scores;
        self.draws.clear();
        for place in 0..drawn {
            let (chunk, position) = (place / per_chunk, place % per_chunk);
            let stratum = position * scores + chunk;
            let share = (stratum as f64 + stream.uniform()) / drawn as f64;
            self.draws.push(Draw { sample: self.samples[place], log_snr: levels.at(share) });
        }
    }

    /// One step: moves `state`, and leaves the weights of before in `model`.
    pub fn step(&mut self, model: &mut Model<T>, state: &mut OptimizerState<T>) -> StepLosses {
        let step = state.steps;
        let network = model.network.parameters.len();
        let (weights, constants) = state.parameters.split_at(network);
        model.network.parameters.copy_from_slice(weights);
        self.draw(step);
        let (rules, material, key) = (self.rules, self.material, self.key.round(step));
        let (samples, draws, model) = (&self.samples, &self.draws, &*model);
        let classified = samples.len() - draws.len();
        let weight = rules.classification.map_or(0.0, |classification| classification.weight);
        let starts: Vec<usize> = self
            .workers
            .iter()
            .scan(0, |start, worker| {
                let own = *start;
                *start += worker.samples;
                Some(own)
            })
            .collect();
        let workers = self.workers.par_iter_mut().zip(starts).enumerate();
        workers.for_each(|(index, (worker, start))| {
            worker.gradient.fill(T::default());
            let (gradient, of_constants) = worker.gradient.split_at_mut(network);
            let mut stream = key.block(index as u64).stream();
            let range = start..start + worker.samples;
            worker.loss = match &mut worker.work {
                Work::Score(loss) => {
                    let scale = 1.0 / rules.batch as f64;
                    let drawn = (&draws[range], &mut stream);
                    loss.add(model, material.data, drawn, (scale, gradient))
                }
                Work::Classification(loss) => {
                    let scale = weight / classified as f64;
                    let constants = (material.constants, constants);
                    let source = (material.data, material.levels);
                    let drawn = (&samples[range], &mut stream);
                    loss.add((model, constants), source, drawn, (scale, gradient, of_constants))
                }
            };
        });
        self.sum_gradients();
        let rate = rules.learning_rate_at(step);
        let norm = state.step(&rules.optimizer, rate, &self.gradient, network);
        let sum = |workers: &[Worker<T>]| workers.iter().map(|w| w.loss).sum::<f64>();
        let (scores, classifications) = self.workers.split_at(self.scores);
        StepLosses {
            score: sum(scores) / rules.batch as f64,
            classification: sum(classifications) / classified.max(1) as f64,
            norm,
        }
    }

    /// Chunk by chunk in a fixed order, pieces of parameters in parallel.
    fn sum_gradients(&mut self) {
        let workers = &self.workers;
        self.gradient.par_chunks_mut(PIECE).enumerate().for_each(|(piece, sum)| {
            sum.fill(T::default());
            for worker in workers {
                let part = &worker.gradient[piece * PIECE..][..sum.len()];
                for (sum, &part) in sum.iter_mut().zip(part) {
                    *sum += part;
                }
            }
        });
    }
}
