//! The steps of a stage: losses and gradients of all chunks, in parallel, summed in their order.
//!
//! Step `n` is a function of the seed, `n` and the optimizer's state: samples are a permutation of all for each epoch,
//! drawn from a stream of that epoch; the score's levels are stratified over the step; every chunk has a stream of its
//! own. So threads change nothing, and a training goes on from a checkpoint as if it had never stopped.

use std::ops::Range;

use amc_core::rng::{Key, Purpose, Stream};
use rayon::prelude::*;

use super::super::levels::{LevelConstants, TrainedLevels};
use super::super::loss::{Classification, Draw, ScoreMatching};
use super::super::model::Model;
use super::super::network::Real;
use super::{CHUNK, OptimizerState, StageRules, TrainingData};

/// Parameters whose gradient a task sums.
const PIECE: usize = 4096;

/// Chunks that a worker takes one after the other into one gradient: as many gradients fewer to clear and to sum.
const CHUNKS_PER_WORKER: usize = 4;

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

/// Some chunks with their part of the gradient.
struct Worker<T> {
    work: Work<T>,
    /// Chunks, by their number among all, and samples each of them takes.
    chunks: Range<usize>,
    samples: usize,
    /// Place of the first sample among those of the step.
    start: usize,
    gradient: Vec<T>,
    loss: f64,
}

impl<T: Real> Worker<T> {
    /// Losses and gradients of all its chunks, with a stream for each and the samples it takes.
    fn run(
        &mut self,
        key: Key,
        mut add: impl FnMut(&mut Work<T>, Range<usize>, Stream, &mut [T]) -> f64,
    ) {
        self.gradient.fill(T::default());
        self.loss = 0.0;
        for (position, chunk) in self.chunks.clone().enumerate() {
            let stream = key.block(chunk as u64).stream();
            let start = self.start + position * self.samples;
            let samples = start..start + self.samples;
            self.loss += add(&mut self.work, samples, stream, &mut self.gradient);
        }
    }
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
    /// Chunks and workers of the score, the first ones.
    chunks: usize,
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
        let (mut workers, mut start, mut first) = (Vec::new(), 0, 0);
        let mut add = |chunks: usize, make: &dyn Fn() -> (Work<T>, usize)| {
            for some in (0..chunks).step_by(CHUNKS_PER_WORKER) {
                let chunks = first + some..first + (some + CHUNKS_PER_WORKER).min(chunks);
                let (work, samples) = make();
                let gradient = vec![T::default(); parameters];
                let taken = chunks.len() * samples;
                workers.push(Worker { work, chunks, samples, start, gradient, loss: 0.0 });
                start += taken;
            }
            first += chunks;
        };
        let chunks = rules.batch / CHUNK;
        add(chunks, &|| {
            let loss = ScoreMatching::new(model, CHUNK, rules.score, rules.antithetic);
            let samples = loss.draws();
            (Work::Score(loss), samples)
        });
        if let Some(classification) = &rules.classification {
            add(classification.points / CHUNK, &|| {
                let loss = Classification::new(model, CHUNK, classification.classes);
                let samples = loss.samples();
                (Work::Classification(loss), samples)
            });
        }
        let scores = chunks.div_ceil(CHUNKS_PER_WORKER);
        Self {
            rules,
            material,
            workers,
            chunks,
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
        let all = |workers: &[Worker<T>]| -> usize {
            workers.iter().map(|worker| worker.chunks.len() * worker.samples).sum()
        };
        let (each, drawn) = (all(&self.workers), all(&self.workers[..self.scores]));
        self.samples.clear();
        for place in 0..each as u64 {
            let sample = self.sample(step * each as u64 + place);
            self.samples.push(sample);
        }
        let mut stream = self.key.round(step).block(LEVELS).stream();
        let (levels, chunks) = (self.material.levels, self.chunks);
        let per_chunk = drawn / chunks;
        self.draws.clear();
        for place in 0..drawn {
            let (chunk, position) = (place / per_chunk, place % per_chunk);
            let stratum = position * chunks + chunk;
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
        let classification = weight / classified as f64;
        self.workers.par_iter_mut().for_each(|worker| {
            worker.run(key, |work, range, mut stream, gradient| match work {
                Work::Score(loss) => {
                    let scale = 1.0 / rules.batch as f64;
                    let drawn = (&draws[range], &mut stream);
                    loss.add(model, material.data, drawn, (scale, &mut gradient[..network]))
                }
                Work::Classification(loss) => {
                    let (gradient, of_constants) = gradient.split_at_mut(network);
                    let constants = (material.constants, constants);
                    let source = (material.data, material.levels);
                    let drawn = (&samples[range], &mut stream);
                    let sinks = (classification, gradient, of_constants);
                    loss.add((model, constants), source, drawn, sinks)
                }
            });
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
