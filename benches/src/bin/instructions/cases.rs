//! The cases: each sets itself up, then hands its work to the function that is counted.
//!
//! Numbers come from keyed streams, so a case does the same work every time.

use amc_benches::{Case as MixtureCase, Kind, Overlap, evaluate_all, samples};
use amc_core::bridge::{Bridge, DdpmVariance, Denoising, SecondOrderStructured, ddpm};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{LogDensity, MixtureLevel};
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::path::NoiseSchedule;
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose, Stream};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use amc_core::weight::{Resampling, log_sum_exp, normalize};
use clap::ValueEnum;
use std::hint::black_box;

/// Where the work is counted.
type Measure = fn(&mut dyn FnMut());

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Case {
    /// 256 vectors of exponentials
    Exp,
    /// 256 vectors of logarithms
    Ln,
    /// 256 vectors of sines and cosines
    SinCos,
    /// 256 vectors of standard normals
    Normals,
    /// Log-density and score, isotropic, d = 32, K = 16, 16 blocks
    MixtureIsotropic,
    /// Log-density and score, diagonal, d = 32, K = 16, 16 blocks
    MixtureDiagonal,
    /// Log-density and score, full, d = 16, K = 4, 16 blocks
    MixtureFull,
    /// Log-density and score, one full covariance for all, d = 16, K = 4, 16 blocks
    MixtureSharedFull,
    /// 8 steps of MALA, diagonal, d = 16, K = 2
    MalaStep,
    /// 8 ddpm steps, isotropic, d = 16, K = 2
    DdpmStep,
    /// 8 second-order steps, isotropic, d = 16, K = 2
    SecondOrderStep,
    /// Systematic resampling of 1024 particles
    Resampling,
    /// Logarithm of a sum of 1024 exponentials
    LogSumExp,
}

/// Blocks of a mixture.
const BLOCKS: usize = 16;
/// Steps of a kernel or across a bridge.
const STEPS: usize = 8;
/// Numbers that weights are made of.
const PARTICLES: usize = 1024;

impl Case {
    /// Every case.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Sets the case up and hands its work over.
    pub fn run(self, measure: Measure) {
        match self {
            Self::Exp => elementary(measure, amc_benches::exponentials),
            Self::Ln => elementary(measure, amc_benches::logarithms),
            Self::SinCos => elementary(measure, amc_benches::sines_and_cosines),
            Self::Normals => normals(measure),
            Self::MixtureIsotropic => mixture(measure, Kind::Isotropic, (32, 16)),
            Self::MixtureDiagonal => mixture(measure, Kind::Diagonal, (32, 16)),
            Self::MixtureFull => mixture(measure, Kind::Full, (16, 4)),
            Self::MixtureSharedFull => mixture(measure, Kind::SharedFull, (16, 4)),
            Self::MalaStep => mala(measure),
            Self::DdpmStep => bridge(measure, false),
            Self::SecondOrderStep => bridge(measure, true),
            Self::Resampling => resampling(measure),
            Self::LogSumExp => log_sum(measure),
        }
    }
}

fn stream() -> Stream {
    Key::new(3, Purpose::User).stream()
}

/// Arguments between 0 and 1, for which every function here has its common case.
fn elementary(measure: Measure, function: fn(&[f64x8], &mut [f64x8])) {
    let mut stream = stream();
    let x: Vec<f64x8> = (0..256).map(|_| stream.uniforms()).collect();
    let mut out = vec![f64x8::ZERO; x.len()];
    measure(&mut || function(black_box(&x), black_box(&mut out)));
}

fn normals(measure: Measure) {
    let (mut stream, mut out) = (stream(), vec![f64x8::ZERO; 256]);
    measure(&mut || stream.fill_normals(black_box(&mut out)));
}

fn mixture(measure: Measure, kind: Kind, (dim, components): (usize, usize)) {
    let case = MixtureCase::new(kind, dim, components);
    let mixture = case.mixture(Overlap::Dense).expect("the case is valid");
    let mut storage = mixture.level_storage();
    let level = MixtureLevel::prepare(&mixture.view(), 0.8, 0.36, &mut storage)
        .expect("the coefficients are valid");
    let x = samples(&level, BLOCKS).expect("lengths fit");
    let (mut log_density, mut score) = (vec![f64x8::ZERO; BLOCKS], vec![f64x8::ZERO; x.len()]);
    let mut memory = vec![f64x8::ZERO; level.scratch_len()];
    measure(&mut || {
        let x = black_box(&x);
        evaluate_all(&level, x, &mut log_density, &mut score, &mut memory).expect("lengths fit");
    });
    black_box((log_density, score));
}

/// A block of particles that moves.
struct Block {
    x: Vec<f64x8>,
    score: Vec<f64x8>,
    log_density: f64x8,
}

impl Block {
    fn new(level: &MixtureLevel<'_>) -> Self {
        let x = samples(level, 1).expect("lengths fit");
        let score = vec![f64x8::ZERO; x.len()];
        let mut block = Self { x, score, log_density: f64x8::ZERO };
        let mut memory = vec![f64x8::ZERO; level.scratch_len()];
        let mut evaluations = Evaluations::default();
        let mut stream = stream();
        let mut context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        block.point().evaluate(level, &mut context).expect("lengths fit");
        block
    }

    fn point(&mut self) -> PointMut<'_> {
        PointMut { x: &mut self.x, log_density: &mut self.log_density, score: &mut self.score }
    }
}

fn mala(measure: Measure) {
    let case = MixtureCase::new(Kind::Diagonal, 16, 2);
    let mixture = case.mixture(Overlap::Separated).expect("the case is valid");
    let mut storage = mixture.level_storage();
    let level = MixtureLevel::prepare(&mixture.view(), 0.8, 0.36, &mut storage)
        .expect("the coefficients are valid");
    let mut block = Block::new(&level);
    let mut memory = vec![f64x8::ZERO; Mala.scratch_len(case.dim) + level.scratch_len()];
    let (mut stream, mut evaluations) = (stream(), Evaluations::default());
    measure(&mut || {
        for _ in 0..STEPS {
            let context = Context {
                stream: &mut stream,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            let outcome = Mala.step(&level, 0.1, block.point(), context).expect("lengths fit");
            black_box(outcome.accepted);
        }
    });
}

fn bridge(measure: Measure, second_order: bool) {
    let case = MixtureCase::new(Kind::Isotropic, 16, 2);
    let mixture = case.mixture(Overlap::Separated).expect("the case is valid");
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0).expect("the parameters are valid");
    let step = schedule.step(0.2, 0.21).expect("the times are valid");
    let (mut noisy, mut clean) = (mixture.level_storage(), mixture.level_storage());
    let view = mixture.view();
    let noisy = MixtureLevel::prepare(&view, step.alpha_noisy, step.variance_noisy, &mut noisy)
        .expect("the coefficients are valid");
    let clean = MixtureLevel::prepare(&view, step.alpha_clean, step.variance_clean, &mut clean)
        .expect("the coefficients are valid");
    let mut storage = vec![0.0; MixtureTransition::storage_len(&noisy)];
    let transition =
        MixtureTransition::prepare(&noisy, &step, &mut storage).expect("the step fits");
    let first = ddpm(&step, DdpmVariance::Noise).expect("the variance is positive");
    let first = Denoising::new(&noisy, &clean, step, first).expect("dimensions agree");
    let second = SecondOrderStructured::new(&transition).expect("the covariance is isotropic");
    let second = Denoising::new(&noisy, &clean, step, second).expect("dimensions agree");
    let bridge: &dyn Bridge = if second_order { &second } else { &first };
    let (mut from, mut to) = (Block::new(&noisy), Block::new(&clean));
    let mut memory = vec![f64x8::ZERO; bridge.scratch_len()];
    let (mut stream, mut evaluations) = (stream(), Evaluations::default());
    measure(&mut || {
        for _ in 0..STEPS {
            let context = Context {
                stream: &mut stream,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            let from = from.point();
            let crossing = bridge.forward(from.as_point(), to.point(), context);
            black_box(crossing.expect("lengths fit").log_work);
        }
    });
}

/// Log-weights of some spread.
fn log_weights() -> Vec<f64> {
    let mut log_weights = vec![0.0; PARTICLES];
    stream().fill_scalar_normals(&mut log_weights);
    log_weights
}

fn resampling(measure: Measure) {
    let (mut weights, mut ancestors) = (vec![0.0; PARTICLES], vec![0; PARTICLES]);
    normalize(&log_weights(), &mut weights).expect("some weight is positive");
    let mut stream = stream();
    measure(&mut || {
        let drawn = Resampling::Systematic.ancestors(&weights, &mut stream, &mut ancestors);
        drawn.expect("some weight is positive");
    });
    black_box(ancestors);
}

fn log_sum(measure: Measure) {
    let log_weights = log_weights();
    measure(&mut || {
        black_box(log_sum_exp(black_box(&log_weights)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a case does not run, or hands over no work or more than one piece of it.
    #[test]
    fn every_case_has_one_piece_of_work() {
        thread_local!(static PIECES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
        for case in Case::all() {
            PIECES.set(0);
            case.run(|work| {
                work();
                PIECES.set(PIECES.get() + 1);
            });
            assert_eq!(PIECES.get(), 1, "{}", case.name());
        }
    }
}
