//! A density of one's own: bent, skewed, known up to a constant.
//!
//! `log gamma(x, y) = -x^2/2 + x/3 - 2 (y - x^2)^2`: a normal law in `x` about 1/3, and `y` about `x^2`. So
//! `log Z = log pi + 1/18`, `E[x] = 1/3`, `E[y] = 1 + 1/9`.

use std::f64::consts::PI;

use amc_harness::config::{KernelConfig, PathConfig, SamplerConfig};
use amc_harness::embed::{EmbedError, Points, Sampled, Sampling, Target, check_score};

struct Banana;

impl Target for Banana {
    // All that is required.
    fn log_density(&self, x: &[f64]) -> f64 {
        let bend = x[1] - x[0] * x[0];
        -0.5 * x[0] * x[0] + x[0] / 3.0 - 2.0 * bend * bend
    }

    // MALA and HMC ask for the score as well; random walks do not.
    fn log_density_and_score(&self, x: &[f64], score: &mut [f64]) -> Option<f64> {
        let bend = x[1] - x[0] * x[0];
        score[0] = -x[0] + 1.0 / 3.0 + 8.0 * x[0] * bend;
        score[1] = -4.0 * bend;
        Some(self.log_density(x))
    }
}

fn main() -> Result<(), EmbedError> {
    // A wrong sign would leave the results right and cost all efficiency: compare once.
    let worst = check_score(&Banana, Points::rows(&[0.7, -0.4, -1.5, 2.0], 2)?, 1e-5)?;
    assert!(worst.error < 1e-6, "{worst:?}");

    // A tempering path starts from a Gaussian that should be wider than the target. AIS carries particles one by one.
    let sampled = Sampling::of(&Banana, 2)
        .reference(&[0.0, 1.0], &[1.5, 2.5])
        .path(PathConfig::tempering(64))
        .kernel(KernelConfig::mala(4))
        .sampler(SamplerConfig::ais(8192))
        .run()?;

    let (log_z, error) = sampled.log_z();
    let exact = PI.ln() + 1.0 / 18.0;
    println!("log Z = {log_z:.4} +- {error:.4}, exactly {exact:.4}");
    assert!((log_z - exact).abs() < 5.0 * error, "log Z is off");
    for (name, coordinate, exact) in [("E[x]", 0, 1.0 / 3.0), ("E[y]", 1, 10.0 / 9.0)] {
        let (mean, error) = mean_and_error(&sampled, coordinate);
        println!("{name} = {mean:.4} +- {error:.4}, exactly {exact:.4}");
        assert!((mean - exact).abs() < 5.0 * error, "{name} is off");
    }
    Ok(())
}

/// The weighted mean of a coordinate; weighted particles that are independent err by `sum W^2 (x - mean)^2`.
fn mean_and_error(sampled: &Sampled, coordinate: usize) -> (f64, f64) {
    let mean = sampled.mean(|x| x[coordinate]);
    let rows = sampled.positions.chunks_exact(sampled.dim).zip(&sampled.weights);
    let square: f64 = rows.map(|(x, w)| (w * (x[coordinate] - mean)).powi(2)).sum();
    (mean, square.sqrt())
}
