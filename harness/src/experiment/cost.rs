//! How long a run is going to take on one thread: an estimate, from its size alone.
//!
//! `particles x levels x (moves + crossing)` evaluations, each of a time that grows with dimension, components and the
//! network. The constants are those of one core of a Zen 4 machine with AVX-512; a run itself measures its own pace.

use crate::catalog::{BarrierEstimator, FlowMapKind, LogDetEstimator, Source};
use crate::config::{
    Algorithm, BridgeConfig, FlowMapConfig, KernelConfig, PathFamily, RunConfig, Spacing,
    TargetFamily,
};

/// Seconds of one run on one thread.
pub(crate) fn seconds(config: &RunConfig) -> f64 {
    let (dim, _) = size(config);
    let evaluation = evaluation(config);
    let levels = if config.path.levels == 0 { 128.0 } else { config.path.levels as f64 };
    let crossing = crossing(config) * evaluation + BLOCK * dim;
    let moves = moves(config) * evaluation;
    let sides = if config.sampler.both_sides { 2.0 } else { 1.0 };
    let sampling = match config.sampler.algorithm {
        Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => {
            let pilot = if config.kernel.moves().is_some() {
                (particles / 4).clamp(128, 1024) as f64
            } else {
                0.0
            };
            let production = (particles * config.sampler.repetitions) as f64 * sides;
            (production + pilot) * levels * (crossing + moves)
        }
        Algorithm::ReplicaExchange(rules) => {
            let per_round = rules.ladders as f64 * levels * (crossing + moves);
            let tuning = match config.path.spacing {
                Spacing::Lambda {
                    barrier: BarrierEstimator::Rejections | BarrierEstimator::ExactRejections,
                    tuning_rounds,
                } => f64::from(tuning_rounds).exp2() * 4.0,
                _ => 64.0,
            };
            per_round * ((rules.rounds + rules.warmup) as f64 + tuning)
        }
    };
    sampling + placement(config, dim) + metrics(config, dim)
}

/// Seconds of measuring the barrier of a path, for each coordinate: by exact samples, by SMC runs.
const PLACEMENT: (f64, f64) = (0.04, 0.1);

/// Seconds of placing the levels where that does not depend on their number.
fn placement(config: &RunConfig, dim: f64) -> f64 {
    match config.path.spacing {
        Spacing::Lambda { barrier: BarrierEstimator::Exact, .. } => PLACEMENT.0 * dim,
        Spacing::Lambda { barrier: BarrierEstimator::Smc, .. } => PLACEMENT.1 * dim,
        _ => 0.0,
    }
}

/// Seconds of a training on one thread.
pub(crate) fn training_seconds(config: &RunConfig) -> f64 {
    let (dim, _) = size(config);
    let train = &config.train;
    let samples = match train.data {
        crate::config::DataConfig::Exact(samples) => samples as f64,
        crate::config::DataConfig::File(_) => 60_000.0,
    };
    let fine_tuning = train.classification.map_or(0, |classification| classification.epochs);
    let channels = train.channels_for(dim as usize) as f64;
    let work = channels * channels * (2.0 * train.blocks as f64 + 1.0);
    samples * (train.epochs + fine_tuning) as f64 * work * TRAINING
}

/// Seconds of a particle's coordinate in a crossing, besides evaluations.
const BLOCK: f64 = 2e-9;
/// Seconds of an evaluation: of any, and of a component's coordinate.
const EVALUATION: (f64, f64) = (40e-9, 1.5e-9);
/// Seconds of a network's evaluation, for each weight.
const NETWORK: f64 = 0.25e-9;
/// Seconds of a training's point, for each weight.
const TRAINING: f64 = 0.35e-9;
/// Seconds of the metrics: for each pair of particles a coordinate, and for each particle.
const METRICS: (f64, f64) = (2e-9, 80e-6);

fn metrics(config: &RunConfig, dim: f64) -> f64 {
    let particles = match config.sampler.algorithm {
        Algorithm::Ais { particles } | Algorithm::Smc { particles, .. } => {
            particles * config.sampler.repetitions
        }
        Algorithm::ReplicaExchange(rules) => rules.samples,
    };
    // Distances are those of so many particles at most.
    let particles = particles.min(1 << 18) as f64;
    METRICS.0 * particles * particles.min(8192.0) * (2.0 + dim) + METRICS.1 * particles
}

/// Dimension and components.
fn size(config: &RunConfig) -> (f64, f64) {
    let dim = config.target.dim().unwrap_or(16) as f64;
    let components = match config.target.family {
        TargetFamily::TwoModes { .. } => 2.0,
        TargetFamily::ManyModes { components, .. } => components as f64,
        _ => 40.0,
    };
    (dim, components)
}

fn evaluation(config: &RunConfig) -> f64 {
    let (dim, components) = size(config);
    let exact = EVALUATION.0 + EVALUATION.1 * dim * components;
    let learned = [config.model.density, config.model.score].contains(&Source::Learned);
    if !learned {
        return exact;
    }
    let channels = config.train.channels_for(dim as usize) as f64;
    exact + NETWORK * channels * channels * 5.0 * 4.0
}

/// Evaluations of a crossing in units of one with density and score.
fn crossing(config: &RunConfig) -> f64 {
    let (dim, _) = size(config);
    match &config.bridge {
        BridgeConfig::SecondOrder | BridgeConfig::Diagonal => 4.0,
        BridgeConfig::LowRank { rank, .. } => 2.0 + *rank as f64,
        BridgeConfig::FlowMap(flow) => map(config, flow, dim),
        BridgeConfig::Exact => 4.0,
        _ => 1.5,
    }
}

fn map(config: &RunConfig, flow: &FlowMapConfig, dim: f64) -> f64 {
    let stages = match flow.map {
        FlowMapKind::PfEi | FlowMapKind::Ddim => 1.0,
        FlowMapKind::Heun => 2.0,
        FlowMapKind::ThirdOrder => 3.0,
        FlowMapKind::FourthOrder => 4.0,
    };
    let determinant = match flow.logdet.estimator {
        LogDetEstimator::Structured => 2.0,
        LogDetEstimator::Auto | LogDetEstimator::Dense => dim,
        _ => (flow.logdet.n_trunc * flow.logdet.n_hutch) as f64,
    };
    let inverse = match config.sampler.algorithm {
        // Annealing goes forward only.
        Algorithm::ReplicaExchange(_) => 2.0 * (flow.n_iter as f64 + 2.0),
        _ => 0.0,
    };
    1.0 + stages * (1.0 + determinant + inverse)
}

fn moves(config: &RunConfig) -> f64 {
    let steps = match config.sampler.algorithm {
        Algorithm::ReplicaExchange(rules) => rules.steps_per_swap as f64,
        _ => config.kernel.steps() as f64,
    };
    // On the way of tempering two densities are read.
    let both = if config.path.family == PathFamily::Tempering { 1.3 } else { 1.0 };
    let each = match config.kernel {
        KernelConfig::Hmc { leapfrog_steps, .. } => leapfrog_steps as f64,
        _ => 1.0,
    };
    steps * each * both * 1.5
}
