//! A Boltzmann generator without a neural network: samples, a mixture fitted to them, and the energy.
//!
//! Somebody has simulated two states of a molecule, `U(x, y) = 5 (x^2 - 1)^2 - 0.6 x + 4 (y - x/2)^2 (1 + x^2)` in units of
//! kT, and long enough in each, but never saw it change between them: the samples know the shapes of the states and not
//! their populations. A mixture fitted to them is the backbone of a diffusion path that ends at the energy itself; weights
//! put the populations right. Everything is compared with a quadrature.

use amc_core::rng::{Key, Purpose};
use amc_harness::config::{BridgeConfig, KernelConfig, PathConfig, SamplerConfig};
use amc_harness::embed::{Sampled, Sampling, Target};
use amc_harness::fit::{CovarianceKind, FitOptions, fit_mixture};

struct Molecule;

impl Target for Molecule {
    fn log_density(&self, x: &[f64]) -> f64 {
        let (well, bend) = (x[0] * x[0] - 1.0, x[1] - 0.5 * x[0]);
        -5.0 * well * well + 0.6 * x[0] - 4.0 * bend * bend * (1.0 + x[0] * x[0])
    }

    fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
        let (well, bend, width) = (x[0] * x[0] - 1.0, x[1] - 0.5 * x[0], 1.0 + x[0] * x[0]);
        score[0] = -20.0 * well * x[0] + 0.6 + 4.0 * bend * width - 8.0 * bend * bend * x[0];
        score[1] = -8.0 * bend * width;
        Some(self.log_density(x))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut samples = simulate(-1.0, 1000);
    samples.extend(simulate(1.0, 1000));
    println!("simulated: {:.3} of the samples at x > 0", share_at_right(&samples));

    // Which number of Gaussians describes them, the Bayesian information criterion decides.
    let options =
        FitOptions { components: 1..=6, covariance: CovarianceKind::Full, ..FitOptions::new(1) };
    let fit = fit_mixture(&samples, 2, &options)?;
    println!("fitted: {} components, converged: {}", fit.mixture.components(), fit.converged);

    // Level 0 of this path is the energy, and only the energy: what the mixture misses costs weight, not truth.
    let sampled = Sampling::of(&Molecule, 2)
        .backbone(fit.mixture)
        .path(PathConfig::diffusion(24))
        .bridge(BridgeConfig::SecondOrder)
        .kernel(KernelConfig::mala(2))
        .sampler(SamplerConfig::ais(8192))
        .run()?;

    let (exact_log_z, exact_right) = quadrature();
    let (log_z, error) = sampled.log_z();
    println!("log Z = {log_z:.4} +- {error:.4}, by quadrature {exact_log_z:.4}");
    assert!((log_z - exact_log_z).abs() < 5.0 * error, "log Z is off");
    let (right, error) = right(&sampled);
    println!("P(x > 0) = {right:.4} +- {error:.4}, by quadrature {exact_right:.4}");
    assert!((right - exact_right).abs() < 5.0 * error, "the populations are off");
    println!("ESS {:.3}", sampled.summary.ess());
    assert!(sampled.summary.ess() > 0.3, "the mixture is no good backbone");
    Ok(())
}

/// A short simulation that stays in the state it began in: random-walk Metropolis, every tenth point kept.
fn simulate(start: f64, kept: usize) -> Vec<f64> {
    let mut stream = Key::new(if start > 0.0 { 1 } else { 2 }, Purpose::User).stream();
    let mut x = [start, 0.5 * start];
    let mut rows = Vec::new();
    for step in 0..10 * kept {
        let y = x.map(|x| x + 0.5 * (stream.uniform() - 0.5));
        let ratio = Molecule.log_density(&y) - Molecule.log_density(&x);
        if stream.uniform().ln() < ratio && y[0] * start > 0.0 {
            x = y;
        }
        if step % 10 == 9 {
            rows.extend(x);
        }
    }
    rows
}

fn share_at_right(rows: &[f64]) -> f64 {
    rows.chunks_exact(2).filter(|x| x[0] > 0.0).count() as f64 / (rows.len() / 2) as f64
}

/// `P(x > 0)` of weighted particles that are independent, and its error.
fn right(sampled: &Sampled) -> (f64, f64) {
    let share = sampled.mean(|x| if x[0] > 0.0 { 1.0 } else { 0.0 });
    let squares: f64 = sampled.weights.iter().map(|w| w * w).sum();
    (share, (squares * share * (1.0 - share)).sqrt())
}

/// `log Z` and `P(x > 0)` on a grid.
fn quadrature() -> (f64, f64) {
    const NODES: usize = 800;
    let step = 8.0 / NODES as f64;
    let node = |a: usize| -4.0 + (a as f64 + 0.5) * step;
    let row = |a: usize| -> f64 {
        (0..NODES).map(|b| Molecule.log_density(&[node(a), node(b)]).exp() * step * step).sum()
    };
    let rows: Vec<f64> = (0..NODES).map(row).collect();
    let total: f64 = rows.iter().sum();
    (total.ln(), rows[NODES / 2..].iter().sum::<f64>() / total)
}
