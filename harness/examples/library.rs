//! The harness as a library: target, path, bridge, kernel and sampler in ten lines.
//!
//! A mixture of two modes of unequal weight, of which everything is known: `log Z = 0` and the weights .8 and .2.

use amc_harness::config::{BridgeConfig, KernelConfig, PathConfig, SamplerConfig};
use amc_harness::embed::{EmbedError, Sampling};
use amc_harness::target::{Covariance, MixtureParameters};

fn main() -> Result<(), EmbedError> {
    let mixture = MixtureParameters {
        name: "two modes".into(),
        dim: 3,
        weights: vec![0.8, 0.2],
        means: vec![-2.0, 0.0, 1.0, 3.0, 1.0, 0.0],
        covariance: Covariance::Diagonal(vec![0.5, 1.0, 0.2, 0.3, 0.2, 0.6]),
        origin: "by hand".into(),
    };
    let sampled = Sampling::of_mixture(mixture)
        .path(PathConfig::diffusion(32))
        .bridge(BridgeConfig::SecondOrder)
        .kernel(KernelConfig::mala(2))
        .sampler(SamplerConfig::ais(4096))
        .seed(7)
        .run()?;

    let (log_z, error) = sampled.log_z();
    let first = sampled.mean(|x| if x[0] < 0.5 { 1.0 } else { 0.0 });
    println!("log Z = {log_z:.4} +- {error:.4}, and 0 is right");
    println!("weight of the first mode {first:.4}, and 0.8 is right");
    println!("{:?}, ESS {:.3}", sampled.summary.verdict.status, sampled.summary.ess());

    // AIS particles are independent, so a weighted mean errs by this much.
    let squares = sampled.weights.iter().map(|w| w * w).sum::<f64>();
    let first_error = (squares * 0.8 * 0.2).sqrt();
    assert!(log_z.abs() < 5.0 * error, "log Z is off");
    assert!((first - 0.8).abs() < 5.0 * first_error, "the first mode is off");
    Ok(())
}
