//! The kernels in a particle loop of one's own: no harness, no copy of its data structures, any threads.
//!
//! A program has its particles as an array of structs. Eight at a time become a block (`x[j]` holds coordinate `j` of
//! eight particles), go down one step of a diffusion path by a bridge, mix by MALA, and come back with their log-work.
//! The target is a mixture with `log Z = 0` and a mean that is known, so the result can be checked.

use amc_core::bridge::{Bridge, DdpmVariance, Denoising, ddpm};
use amc_core::density::{Covariance, LogDensity, Mixture, MixtureLevel};
use amc_core::error::Error;
use amc_core::kernel::{Mala, MarkovKernel};
use amc_core::path::NoiseSchedule;
use amc_core::point::{Context, Evaluations, PointMut};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::{LANES, f64x8};

const D: usize = 2;
const LEVELS: usize = 64;

/// A particle of the program that embeds the kernels.
#[derive(Clone, Copy)]
struct Particle {
    position: [f64; D],
    log_weight: f64,
}

fn main() -> Result<(), Error> {
    let means = [-2.0, 0.0, 1.0, 3.0];
    let mixture = Mixture::new(D, &[0.25, 0.75], &means, Covariance::Isotropic(&[0.5]))?;
    let schedule = NoiseSchedule::vp_linear(0.1, 20.0)?;
    let time = |level: usize| level as f64 / LEVELS as f64;

    // The noisiest level is nearly N(0, I); its exact samples begin the run.
    let mut particles = vec![Particle { position: [0.0; D], log_weight: 0.0 }; 8192];
    let room = MixtureLevel::storage_len(&mixture);
    let (mut noisy_storage, mut clean_storage) = (vec![0.0; room], vec![0.0; room]);
    let (alpha, variance) = (schedule.alpha(1.0), schedule.variance(1.0));
    let first = MixtureLevel::prepare(&mixture, alpha, variance, &mut noisy_storage)?;
    let mut memory = vec![f64x8::ZERO; first.scratch_len()];
    for (block, eight) in particles.chunks_exact_mut(LANES).enumerate() {
        let mut stream = Key::new(1, Purpose::Reference).block(block as u64).stream();
        let mut x = [f64x8::ZERO; D];
        first.sample(&mut x, &mut stream, Scratch::new(&mut memory))?;
        unpack(&x, eight);
    }

    for level in (0..LEVELS).rev() {
        let step = schedule.step(time(level), time(level + 1))?;
        let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
        let noisy = MixtureLevel::prepare(&mixture, alpha, variance, &mut noisy_storage)?;
        let (alpha, variance) = (step.alpha_clean, step.variance_clean);
        let clean = MixtureLevel::prepare(&mixture, alpha, variance, &mut clean_storage)?;
        let bridge = Denoising::new(&noisy, &clean, step, ddpm(&step, DdpmVariance::Noise)?)?;
        let room = bridge.scratch_len().max(Mala.scratch_len(D) + clean.scratch_len());
        memory.resize(room.max(memory.len()), f64x8::ZERO);

        // Blocks are independent: this loop may run on as many threads as there are blocks.
        for (block, eight) in particles.chunks_exact_mut(LANES).enumerate() {
            let key = Key::new(1, Purpose::Bridge).level(level as u64).block(block as u64);
            let (mut stream, mut evaluations) = (key.stream(), Evaluations::default());
            let mut context = Context {
                stream: &mut stream,
                scratch: Scratch::new(&mut memory),
                evaluations: &mut evaluations,
            };
            let (mut x, mut log_p_x, mut score_x) = (pack(eight), f64x8::ZERO, [f64x8::ZERO; D]);
            let mut from = PointMut { x: &mut x, log_density: &mut log_p_x, score: &mut score_x };
            from.evaluate(&noisy, &mut context)?;
            let (mut y, mut log_p_y, mut score_y) =
                ([f64x8::ZERO; D], f64x8::ZERO, [f64x8::ZERO; D]);
            let mut to = PointMut { x: &mut y, log_density: &mut log_p_y, score: &mut score_y };
            let crossing = bridge.forward(from.as_point(), to.reborrow(), context.reborrow())?;
            // A step size in proportion to what is left of the components' variance.
            Mala.step(&clean, 0.2 * (0.5 * alpha * alpha + variance), to, context)?;
            unpack(&y, eight);
            for (particle, work) in eight.iter_mut().zip(crossing.log_work.to_array()) {
                particle.log_weight += work;
            }
        }
    }

    // log Z = log of the mean weight, with its error, and the mean of the first coordinate.
    let weights: Vec<f64> = particles.iter().map(|p| p.log_weight.exp()).collect();
    let sum: f64 = weights.iter().sum();
    let (log_z, error) = ((sum / weights.len() as f64).ln(), relative_error(&weights));
    let mean = particles.iter().zip(&weights).map(|(p, w)| p.position[0] * w).sum::<f64>() / sum;
    let square: f64 = particles
        .iter()
        .zip(&weights)
        .map(|(p, w)| ((p.position[0] - mean) * w / sum).powi(2))
        .sum();
    println!("log Z = {log_z:.4} +- {error:.4}, exactly 0");
    println!("E[x_0] = {mean:.4} +- {:.4}, exactly 0.25", square.sqrt());
    assert!(log_z.abs() < 5.0 * error && (mean - 0.25).abs() < 5.0 * square.sqrt());
    Ok(())
}

/// Eight structs as one block.
fn pack(eight: &[Particle]) -> [f64x8; D] {
    std::array::from_fn(|j| f64x8::new(std::array::from_fn(|i| eight[i].position[j])))
}

/// One block as eight structs.
fn unpack(x: &[f64x8; D], eight: &mut [Particle]) {
    for (i, particle) in eight.iter_mut().enumerate() {
        particle.position = std::array::from_fn(|j| x[j].as_array()[i]);
    }
}

/// The standard error of a mean, relative to it.
fn relative_error(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    (weights.iter().map(|w| (w / sum).powi(2)).sum::<f64>() - 1.0 / weights.len() as f64).sqrt()
}
