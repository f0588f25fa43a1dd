//! A phi^4 chain in an external field, with its exact answers by the transfer matrix.
//!
//! `S(phi) = sum_i [kappa (phi_{i+1} - phi_i)^2/2 + lambda (phi_i^2 - 1)^2 - h phi_i]` on a ring of `L` sites: two
//! phases, all sites near +1 or all near -1, and a field `h` that prefers one. With the kernel
//! `T(a, b) = exp(-kappa (a - b)^2/2 - (V(a) + V(b))/2)`, `Z = tr T^L` and `P(phi_0 > 0) = tr(theta T^L)/Z`; on a grid that
//! is exact to rounding, as the integrands are smooth and vanish at its ends.

use amc_harness::config::{KernelConfig, PathConfig, SamplerConfig};
use amc_harness::embed::{EmbedError, Sampling, Target};

const SITES: usize = 16;
const KAPPA: f64 = 3.0;
const LAMBDA: f64 = 1.5;
const FIELD: f64 = 0.04;

struct Chain;

fn potential(phi: f64) -> f64 {
    LAMBDA * (phi * phi - 1.0).powi(2) - FIELD * phi
}

impl Target for Chain {
    fn log_density(&self, phi: &[f64]) -> f64 {
        let bond = |i: usize| phi[(i + 1) % SITES] - phi[i];
        -(0..SITES).map(|i| 0.5 * KAPPA * bond(i).powi(2) + potential(phi[i])).sum::<f64>()
    }

    fn log_density_and_score(&self, phi: &[f64], score: &mut [f64]) -> Option<f64> {
        for i in 0..SITES {
            let neighbours = phi[(i + 1) % SITES] + phi[(i + SITES - 1) % SITES];
            let wall = 4.0 * LAMBDA * phi[i] * (phi[i] * phi[i] - 1.0);
            score[i] = KAPPA * (neighbours - 2.0 * phi[i]) - wall + FIELD;
        }
        Some(self.log_density(phi))
    }
}

fn main() -> Result<(), EmbedError> {
    let (exact_log_z, exact_up) = transfer_matrix();
    // Six runs of their own: their spread is an error that owes nothing to the sampler's own estimate.
    let (mut log_zs, mut ups) = (Vec::new(), Vec::new());
    for seed in 1..=6 {
        let sampled = Sampling::of(&Chain, SITES)
            .path(PathConfig::tempering(48))
            .kernel(KernelConfig::hmc(2, 6))
            .sampler(SamplerConfig::smc(2048))
            .seed(seed)
            .run()?;
        log_zs.push(sampled.log_z().0);
        ups.push(sampled.mean(|phi| if phi[0] > 0.0 { 1.0 } else { 0.0 }));
    }
    for (name, values, exact) in [("log Z", log_zs, exact_log_z), ("P(phi_0 > 0)", ups, exact_up)] {
        let (mean, error) = mean_and_error(&values);
        println!("{name} = {mean:.4} +- {error:.4}, exactly {exact:.4}");
        // Student's t with 5 degrees of freedom exceeds 6.9 once in a thousand times.
        assert!((mean - exact).abs() < 6.9 * error, "{name} is off");
    }
    Ok(())
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (square / count).sqrt())
}

/// `log Z` and `P(phi_0 > 0)`.
fn transfer_matrix() -> (f64, f64) {
    /// An even number of nodes, so that none lies at 0, where the step function jumps.
    const NODES: usize = 200;
    const END: f64 = 3.0;
    let step = 2.0 * END / NODES as f64;
    let node = |a: usize| -END + (a as f64 + 0.5) * step;
    let entry = |a: usize, b: usize| {
        let bond = 0.5 * KAPPA * (node(a) - node(b)).powi(2);
        step * (-bond - 0.5 * (potential(node(a)) + potential(node(b)))).exp()
    };
    let mut power: Vec<f64> = (0..NODES * NODES).map(|at| entry(at / NODES, at % NODES)).collect();
    let mut sites = 1;
    while sites < SITES {
        // T is symmetric, and so are its powers: rows are columns.
        let row = |a: usize| &power[a * NODES..(a + 1) * NODES];
        let square = |at: usize| {
            row(at / NODES).iter().zip(row(at % NODES)).map(|(x, y)| x * y).sum::<f64>()
        };
        power = (0..NODES * NODES).map(square).collect();
        sites *= 2;
    }
    let diagonal = |a: usize| power[a * NODES + a];
    let total: f64 = (0..NODES).map(diagonal).sum();
    let up: f64 = (NODES / 2..NODES).map(diagonal).sum();
    (total.ln(), up / total)
}
