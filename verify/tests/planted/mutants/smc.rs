//! A sequential Monte Carlo sampler by hand, and its mistakes.

use amc_core::density::Score;
use amc_core::point::{Context, Evaluations, Point, PointMut};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_core::weight::{effective_sample_size, log_mean_exp};
use amc_verify::VerifyError;
use amc_verify::law::evidence::Stage;
use amc_verify::law::population::{PopulationInstance, PopulationRun};
use amc_verify::law::resampling::Scheme;

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmcDefect {
    /// The right sampler.
    None,
    /// Resampled particles keep the weights of those whose places they take.
    WeightsKept,
    /// The mean of the weights enters twice whenever they are resampled.
    CountedTwice,
    /// The mean of the weights is forgotten whenever they are resampled.
    NotCounted,
    /// The mean at a resampling is that before the works of its stage.
    MeanOfStepBefore,
    /// Works are added twice.
    WorksTwice,
    /// The weight is taken where a particle is after the moves, instead of before.
    WeightAfterMove,
    /// The rule looks at the effective sample size before the works of the stage. This leaves `Z_hat` unbiased,
    /// as any rule that looks back does; it is not the rule that was claimed.
    RuleOfStepBefore,
    /// Every ancestor is the next particle.
    AncestorsShifted,
    /// Resampling by the squares of the weights.
    SquaredWeights,
    /// Weights are reset, but no particle takes the place of another.
    ResetOnly,
    /// Moves at the noisier level of the stage.
    KernelOneLevelOff,
    /// The works of the second stage are left out.
    StageLeftOut,
    /// The works of the last stage are left out.
    LastStageLeftOut,
    /// The mean of the logs of the weights instead of the log of their mean.
    MeanOfLogs,
    /// The median of the weights instead of their mean.
    Median,
    /// The sum of the weights divided by `N - 1`.
    OneLessInTheMean,
    /// Resampling copies positions without log-densities and scores.
    StaleCaches,
    /// Every block of eight particles draws the same numbers, so that `Z_hat` is that of eight.
    OneStream,
    /// The particles are returned as if their weights were equal.
    EqualWeights,
}

impl SmcDefect {
    /// All but `None`.
    pub const ALL: [Self; 19] = [
        Self::WeightsKept,
        Self::CountedTwice,
        Self::NotCounted,
        Self::MeanOfStepBefore,
        Self::WorksTwice,
        Self::WeightAfterMove,
        Self::RuleOfStepBefore,
        Self::AncestorsShifted,
        Self::SquaredWeights,
        Self::ResetOnly,
        Self::KernelOneLevelOff,
        Self::StageLeftOut,
        Self::LastStageLeftOut,
        Self::MeanOfLogs,
        Self::Median,
        Self::OneLessInTheMean,
        Self::StaleCaches,
        Self::OneStream,
        Self::EqualWeights,
    ];
}

/// Eight particles with what is cached of them.
#[derive(Clone)]
struct Block {
    x: Vec<f64x8>,
    log_density: f64x8,
    score: Vec<f64x8>,
    stream: Stream,
}

impl Block {
    fn point(&self) -> Point<'_> {
        Point { x: &self.x, log_density: self.log_density, score: &self.score }
    }

    /// Calls `act` with this block as a point and the room that it needs.
    fn act<R>(&mut self, len: usize, act: impl FnOnce(PointMut<'_>, Context<'_>) -> R) -> R {
        let (mut memory, mut evaluations) = (vec![f64x8::ZERO; len], Evaluations::default());
        let Self { x, log_density, score, stream } = self;
        let scratch = Scratch::new(&mut memory);
        let context = Context { stream, scratch, evaluations: &mut evaluations };
        act(PointMut { x, log_density, score }, context)
    }

    fn evaluate(&mut self, density: &dyn Score) {
        self.act(density.scratch_len(), |mut point, mut context| {
            point.evaluate(density, &mut context).unwrap();
        });
    }

    fn mix(&mut self, density: &dyn Score, stage: &Stage<'_>) {
        let Some(moves) = stage.moves else { return };
        let len = moves.kernel.scratch_len(self.x.len()) + density.scratch_len();
        for _ in 0..moves.steps {
            self.act(len, |point, context| {
                moves.kernel.step(density, moves.step_size, point, context).unwrap();
            });
        }
        self.evaluate(density);
    }
}

/// A run of the sampler with this defect.
pub fn smc_with(
    defect: SmcDefect,
    instance: &PopulationInstance<'_>,
    seed: u64,
) -> Result<PopulationRun, VerifyError> {
    let ladder = &instance.ladder;
    let (n, dim) = (instance.particles, ladder.target.density().dim());
    let key = Key::new(seed, Purpose::User);
    let mut blocks: Vec<Block> =
        (0..n.div_ceil(8)).map(|b| first_block(instance, key, b, defect)).collect();
    let mut chooser = key.round(1).stream();
    let (mut log_weights, mut log_z, mut resamplings) = (vec![0.0; n], 0.0, 0);
    let mut noisy = ladder.noisiest.density();
    for (number, stage) in ladder.stages.iter().enumerate() {
        let before = log_weights.clone();
        let left_out = match defect {
            SmcDefect::StageLeftOut => number == 1,
            SmcDefect::LastStageLeftOut => number + 1 == ladder.stages.len(),
            _ => false,
        };
        let works = cross(&mut blocks, stage, noisy, defect);
        let factor = match defect {
            _ if left_out => 0.0,
            SmcDefect::WorksTwice => 2.0,
            _ => 1.0,
        };
        log_weights.iter_mut().zip(works).for_each(|(weight, work)| *weight += factor * work);
        let judged = if defect == SmcDefect::RuleOfStepBefore { &before } else { &log_weights };
        let ess = effective_sample_size(judged) / n as f64;
        if let Some(rule) = instance.resampler.filter(|rule| ess < rule.threshold) {
            log_z += match defect {
                SmcDefect::CountedTwice => 2.0 * log_mean_exp(&log_weights),
                SmcDefect::NotCounted => 0.0,
                SmcDefect::MeanOfStepBefore => log_mean_exp(&before),
                _ => log_mean(&log_weights, defect),
            };
            let ancestors = ancestors(&log_weights, rule.scheme, &mut chooser, defect);
            if defect != SmcDefect::ResetOnly {
                blocks = offspring(&blocks, &ancestors, defect);
            }
            if defect != SmcDefect::WeightsKept {
                log_weights.fill(0.0);
            }
            resamplings += 1;
        }
        if defect != SmcDefect::WeightAfterMove {
            let density = if defect == SmcDefect::KernelOneLevelOff { noisy } else { stage.clean };
            for block in &mut blocks {
                block.mix(density, stage);
                block.evaluate(stage.clean);
            }
        }
        noisy = stage.clean;
    }
    log_z += log_mean(&log_weights, defect);
    let lanes = blocks.iter().flat_map(|block| {
        (0..8).flat_map(move |lane| block.x.iter().map(move |x| x.to_array()[lane]))
    });
    let positions: Vec<f64> = lanes.take(n * dim).collect();
    if defect == SmcDefect::EqualWeights {
        log_weights.fill(0.0);
    }
    Ok(PopulationRun { log_z, positions, log_weights, resamplings })
}

fn first_block(
    instance: &PopulationInstance<'_>,
    key: Key,
    block: usize,
    defect: SmcDefect,
) -> Block {
    let law = instance.ladder.noisiest;
    let dim = law.density().dim();
    let name = if defect == SmcDefect::OneStream { 0 } else { block as u64 };
    let zeros = vec![f64x8::ZERO; dim];
    let (x, score) = (zeros.clone(), zeros);
    let stream = key.block(name).stream();
    let mut block = Block { x, log_density: f64x8::ZERO, score, stream };
    block.act(law.scratch_len(), |point, context| {
        law.sample(point.x, context.stream, context.scratch).unwrap();
    });
    block.evaluate(law.density());
    block
}

/// Takes the blocks to the cleaner level and returns their log-works.
fn cross(
    blocks: &mut [Block],
    stage: &Stage<'_>,
    noisy: &dyn Score,
    defect: SmcDefect,
) -> Vec<f64> {
    let mut works = Vec::new();
    for block in blocks {
        let from = block.clone();
        let work = block.act(stage.bridge.scratch_len(), |to, context| {
            stage.bridge.forward(from.point(), to, context).unwrap().log_work
        });
        if defect == SmcDefect::WeightAfterMove {
            // For the identity: `log p_s - log p_t` of the state after the moves at level s.
            block.mix(stage.clean, stage);
            let mut there = block.clone();
            there.evaluate(noisy);
            works.extend((block.log_density - there.log_density).to_array());
        } else {
            works.extend(work.to_array());
        }
    }
    works
}

fn log_mean(log_weights: &[f64], defect: SmcDefect) -> f64 {
    let n = log_weights.len() as f64;
    match defect {
        SmcDefect::MeanOfLogs => log_weights.iter().sum::<f64>() / n,
        SmcDefect::Median => {
            let mut sorted = log_weights.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        }
        SmcDefect::OneLessInTheMean => log_mean_exp(log_weights) + (n / (n - 1.0)).ln(),
        _ => log_mean_exp(log_weights),
    }
}

fn ancestors(
    log_weights: &[f64],
    scheme: &Scheme<'_>,
    stream: &mut Stream,
    defect: SmcDefect,
) -> Vec<usize> {
    let power = if defect == SmcDefect::SquaredWeights { 2.0 } else { 1.0 };
    let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_weights.iter().map(|w| (power * (w - top)).exp()).collect();
    let n = weights.len();
    let mut ancestors = vec![0; n];
    scheme(&weights, stream, &mut ancestors).unwrap();
    if defect == SmcDefect::AncestorsShifted {
        ancestors.iter_mut().for_each(|a| *a = (*a + 1) % n);
    }
    ancestors
}

fn offspring(blocks: &[Block], ancestors: &[usize], defect: SmcDefect) -> Vec<Block> {
    let mut children = blocks.to_vec();
    for (slot, &ancestor) in ancestors.iter().enumerate() {
        let (child, parent) = (&mut children[slot / 8], &blocks[ancestor / 8]);
        let copy = |to: &mut f64x8, from: &f64x8| {
            to.as_mut_array()[slot % 8] = from.to_array()[ancestor % 8];
        };
        child.x.iter_mut().zip(&parent.x).for_each(|(to, from)| copy(to, from));
        if defect != SmcDefect::StaleCaches {
            child.score.iter_mut().zip(&parent.score).for_each(|(to, from)| copy(to, from));
            copy(&mut child.log_density, &parent.log_density);
        }
    }
    children
}
