//! Every value of `reference/mixture_reference.json`, 60-digit numbers rounded to doubles.
//!
//! Tolerance: relative 1e-11; scores, Hessians and covariances relative to their largest entry.

mod cases;
mod common;

use amc_core::bridge::{
    DdpmVariance, Denoising, DenoisingKernel, Diagonal, Exact, HessianMoments, PosteriorMoments,
    SecondOrderDense, SecondOrderStructured, ddpm, exponential_integrator,
};
use amc_core::density::mixture::MixtureTransition;
use amc_core::density::{Hessian, HessianProduct, LogDensity, Mixture, MixtureLevel, Score};
use amc_core::path::{NoiseSchedule, diffusion_time_derivative};
use amc_core::point::{Context, Evaluations, Point};
use amc_core::rng::{Key, Purpose};
use amc_core::scratch::Scratch;
use amc_core::simd::f64x8;
use cases::{Law, Owned, block, lane, lanes, read};
use common::on_every_instruction_set;
use serde::Deserialize;

const TOLERANCE: f64 = 1e-11;

#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    law: Law,
    points: Vec<PointValues>,
    steps: Vec<StepValues>,
}

#[derive(Deserialize)]
struct PointValues {
    time: f64,
    alpha: f64,
    variance: f64,
    x: Vec<f64>,
    log_density: f64,
    score: Vec<f64>,
    hessian: Vec<Vec<f64>>,
    responsibilities: Vec<f64>,
    log_density_time_derivative: Option<f64>,
}

#[derive(Deserialize)]
struct StepValues {
    s: f64,
    t: f64,
    alpha_ratio: f64,
    noise_variance: f64,
    x_t: Vec<f64>,
    x_s: Vec<f64>,
    log_density_t: f64,
    log_density_s: f64,
    noising_log_density: f64,
    posterior_mean: Vec<f64>,
    posterior_covariance: Vec<Vec<f64>>,
    log_kernel_ei: f64,
    ei_mean: Vec<f64>,
    ei_variance: f64,
    log_kernel_ddpm: f64,
    log_kernel_second_order: f64,
    log_kernel_exact: f64,
}

fn cases() -> Vec<Case> {
    read("mixture_reference.json")
}

#[track_caller]
fn close(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(error <= TOLERANCE, "{what}: {found} instead of {expected}, relative error {error:e}");
}

#[track_caller]
fn all_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let error = (f - e).abs() / largest;
        assert!(error <= TOLERANCE, "{what}[{i}]: {f} instead of {e}, error {error:e}");
    }
}

/// Fails if a density, score, Hessian, responsibility or time derivative is off in any kind.
#[test]
fn points() {
    on_every_instruction_set(|_| {
        for case in &cases() {
            let schedule = case.law.schedule();
            for kind in case.law.kinds() {
                let owned = Owned::new(&case.law, kind);
                let mixture = owned.mixture();
                for point in &case.points {
                    let what = format!("d={} {kind} t={}", case.law.dim, point.time);
                    let (alpha, variance) =
                        (schedule.alpha(point.time), schedule.variance(point.time));
                    close(&format!("{what} alpha"), alpha, point.alpha);
                    if point.time > 0.0 {
                        close(&format!("{what} variance"), variance, point.variance);
                    }
                    check_point(&what, &mixture, &schedule, point, (alpha, variance));
                }
            }
        }
    });
}

fn check_point(
    what: &str,
    mixture: &Mixture<'_>,
    schedule: &NoiseSchedule,
    point: &PointValues,
    (alpha, variance): (f64, f64),
) {
    let d = mixture.dim();
    let mut storage = vec![0.0; MixtureLevel::storage_len(mixture)];
    let level = MixtureLevel::prepare(mixture, alpha, variance, &mut storage).unwrap();
    let mut memory = vec![f64x8::splat(f64::NAN); level.hessian_scratch_len() + d];
    let x = block(&point.x);

    let log_density = level.log_density(&x, Scratch::new(&mut memory)).unwrap();
    close(&format!("{what} log density"), lane(log_density), point.log_density);
    let mut score = vec![f64x8::ZERO; d];
    let again = level.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    assert_eq!(lane(again), lane(log_density));
    all_close(&format!("{what} score"), &lanes(&score), &point.score);

    let mut responsibilities = vec![f64x8::ZERO; mixture.components()];
    level.responsibilities(&x, &mut responsibilities, Scratch::new(&mut memory)).unwrap();
    all_close(
        &format!("{what} responsibilities"),
        &lanes(&responsibilities),
        &point.responsibilities,
    );

    let mut hessian = vec![f64x8::ZERO; d * d];
    level.hessian(&x, &mut hessian, Scratch::new(&mut memory)).unwrap();
    all_close(&format!("{what} hessian"), &lanes(&hessian), &point.hessian.concat());

    let v: Vec<f64> = (0..d).map(|i| 1.0 - 0.3 * i as f64).collect();
    let expected: Vec<f64> = point.hessian.iter().map(|row| dot(row, &v)).collect();
    let v: Vec<f64x8> = v.into_iter().map(f64x8::splat).collect();
    let mut product = vec![f64x8::ZERO; d];
    level.hessian_product(&x, &v, &mut product, Scratch::new(&mut memory)).unwrap();
    let scale = point.hessian.iter().flatten().fold(0.0_f64, |max, h| max.max(h.abs()));
    for (p, e) in lanes(&product).iter().zip(&expected) {
        assert!((p - e).abs() <= TOLERANCE * scale * d as f64, "{what} product {p} {e}");
    }

    if let Some(expected) = point.log_density_time_derivative {
        let scratch = Scratch::new(&mut memory);
        let value = diffusion_time_derivative(schedule, point.time, &level, &x, scratch).unwrap();
        close(&format!("{what} time derivative"), lane(value), expected);
        // The same from the Fokker-Planck equation and the reference's own score and Hessian.
        let (f, g2) = schedule.drift_and_diffusion(point.time);
        let transport = -f * (d as f64 + dot(&point.x, &point.score));
        let trace: f64 = (0..d).map(|i| point.hessian[i][i]).sum();
        let spread = 0.5 * g2 * (trace + dot(&point.score, &point.score));
        let error = (transport + spread - expected).abs();
        assert!(error <= TOLERANCE * transport.abs(), "{what} Fokker-Planck");
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Fails if a transition coefficient, posterior moment or kernel density is off in any kind.
#[test]
fn steps() {
    on_every_instruction_set(|_| {
        for case in &cases() {
            let schedule = case.law.schedule();
            for kind in case.law.kinds() {
                let owned = Owned::new(&case.law, kind);
                for step in &case.steps {
                    let what = format!("d={} {kind} {}->{}", case.law.dim, step.t, step.s);
                    check_step(&what, &owned.mixture(), &schedule, step);
                }
            }
        }
    });
}

fn check_step(what: &str, mixture: &Mixture<'_>, schedule: &NoiseSchedule, values: &StepValues) {
    let d = mixture.dim();
    let step = schedule.step(values.s, values.t).unwrap();
    close(&format!("{what} a"), step.ratio, values.alpha_ratio);
    close(&format!("{what} v"), step.variance, values.noise_variance);
    close(&format!("{what} v/a^2"), step.scaled_variance(), values.ei_variance);

    let mut storage = vec![0.0; MixtureLevel::storage_len(mixture)];
    let mut clean_storage = storage.clone();
    let (alpha, variance) = (step.alpha_noisy, step.variance_noisy);
    let noisy = MixtureLevel::prepare(mixture, alpha, variance, &mut storage).unwrap();
    let (alpha, variance) = (step.alpha_clean, step.variance_clean);
    let clean = MixtureLevel::prepare(mixture, alpha, variance, &mut clean_storage).unwrap();
    let mut transition_storage = vec![0.0; MixtureTransition::storage_len(&noisy)];
    let transition = MixtureTransition::prepare(&noisy, &step, &mut transition_storage).unwrap();

    let mut memory = vec![f64x8::splat(f64::NAN); 4 * noisy.scratch_len() + 8 * d * d + 400];
    let (x, y) = (block(&values.x_t), block(&values.x_s));
    let mut score = vec![f64x8::ZERO; d];
    let log_density =
        noisy.log_density_and_score(&x, &mut score, Scratch::new(&mut memory)).unwrap();
    close(&format!("{what} log p_t"), lane(log_density), values.log_density_t);
    let point = Point { x: &x, log_density, score: &score };
    let log_clean = clean.log_density(&y, Scratch::new(&mut memory)).unwrap();
    close(&format!("{what} log p_s"), lane(log_clean), values.log_density_s);

    // Moments, from the mixture's structure and from the Hessian.
    let hessian_moments = HessianMoments::new(&noisy, step);
    for moments in [&transition as &dyn PosteriorMoments, &hessian_moments] {
        let mut mean = vec![f64x8::ZERO; d];
        let mut covariance = vec![f64x8::ZERO; d * d];
        let mut diagonal = vec![f64x8::ZERO; d];
        moments.diagonal(point, &mut mean, &mut diagonal, Scratch::new(&mut memory)).unwrap();
        all_close(&format!("{what} mean"), &lanes(&mean), &values.posterior_mean);
        let expected: Vec<f64> = (0..d).map(|i| values.posterior_covariance[i][i]).collect();
        all_close(&format!("{what} diagonal"), &lanes(&diagonal), &expected);
        moments.covariance(point, &mut mean, &mut covariance, Scratch::new(&mut memory)).unwrap();
        let mut global = vec![f64x8::ZERO; d];
        moments.global_coordinates(&mean, &mut global);
        all_close(&format!("{what} local mean"), &lanes(&global), &values.posterior_mean);
        all_close(
            &format!("{what} covariance"),
            &lanes(&covariance),
            &values.posterior_covariance.concat(),
        );
    }

    // Kernel densities.
    let mut evaluations = Evaluations::default();
    let mut stream = Key::new(1, Purpose::User).stream();
    let mut log_kernel = |kernel: &dyn DenoisingKernel| {
        let context = Context {
            stream: &mut stream,
            scratch: Scratch::new(&mut memory),
            evaluations: &mut evaluations,
        };
        lane(kernel.log_density(point, &y, context).unwrap())
    };
    let integrator = exponential_integrator(&step).unwrap();
    close(&format!("{what} EI"), log_kernel(&integrator), values.log_kernel_ei);
    let drift = step.drift;
    let ei_mean: Vec<f64> =
        (0..d).map(|i| values.x_t[i] / step.ratio + drift * lane(score[i])).collect();
    all_close(&format!("{what} EI mean"), &ei_mean, &values.ei_mean);
    let first_order = ddpm(&step, DdpmVariance::Noise).unwrap();
    close(&format!("{what} DDPM"), log_kernel(&first_order), values.log_kernel_ddpm);
    for moments in [&transition as &dyn PosteriorMoments, &hessian_moments] {
        let dense = SecondOrderDense::new(moments);
        close(&format!("{what} dense"), log_kernel(&dense), values.log_kernel_second_order);
    }
    if let Ok(structured) = SecondOrderStructured::new(&transition) {
        let found = log_kernel(&structured);
        close(&format!("{what} structured"), found, values.log_kernel_second_order);
    }
    let exact = Exact::new(&transition);
    close(&format!("{what} exact"), log_kernel(&exact), values.log_kernel_exact);
    let diagonal = Diagonal::new(&transition);
    let expected: f64 = (0..d)
        .map(|i| {
            let c = values.posterior_covariance[i][i];
            let z = values.x_s[i] - values.posterior_mean[i];
            -0.5 * (z * z / c + (core::f64::consts::TAU * c).ln())
        })
        .sum();
    close(&format!("{what} diagonal kernel"), log_kernel(&diagonal), expected);

    // The log-work of the exact bridge is zero: p_s q = p_t k.
    let total = values.log_density_s + values.noising_log_density - values.log_density_t;
    close(&format!("{what} detailed balance"), total, values.log_kernel_exact);
    let bridge = Denoising::new(&noisy, &clean, step, first_order).unwrap();
    let clean_point = Point { x: &y, log_density: log_clean, score: &score };
    let context = Context {
        stream: &mut stream,
        scratch: Scratch::new(&mut memory),
        evaluations: &mut evaluations,
    };
    let work = amc_core::bridge::Bridge::log_work(&bridge, point, clean_point, context).unwrap();
    let expected = total - values.log_kernel_ddpm;
    assert!((lane(work) - expected).abs() < 1e-10 * (1.0 + total.abs()), "{what} log work");
}
