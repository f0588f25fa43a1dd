//! Small problems whose target, or whose kernel's density, fails.

use amc_core::density::{Covariance, Mixture, MixtureLevel, Score, Tempered};
use amc_core::error::Result;
use amc_core::kernel::{Hmc, Mala, MarkovKernel, Outcome, RandomWalk};
use amc_core::point::{Context, PointMut};
use amc_harness::config::RunConfig;
use amc_harness::run::{Problem, Top};
use amc_harness::sampler::{Annealing, BridgeChoice, KernelChoice, Level};
use amc_verify::fault::{Fault, FaultyTarget, When};
use std::path::Path;

pub const DIM: usize = 2;
pub const KERNELS: [&str; 3] = ["rwm", "mala", "hmc"];
pub const NEVER: When = When::Calls { every: 0, lanes: 0 };

fn kernel(name: &str) -> (Box<dyn MarkovKernel>, f64) {
    match name {
        "rwm" => (Box::new(RandomWalk), 0.8),
        "mala" => (Box::new(Mala), 0.2),
        _ => (Box::new(Hmc::new(3).unwrap()), 0.4),
    }
}

fn choice(kernel: Box<dyn MarkovKernel>, step_size: f64) -> KernelChoice {
    KernelChoice { kernel, steps: 2, target_acceptance: 0.5, initial_step_size: step_size }
}

/// Calls `visit` with a tempering path of five steps to a target that fails; exact samples of it do not.
pub fn with_tempering<R>(
    kernel_name: &str,
    (fault, when): (Fault, When),
    visit: impl FnOnce(&Annealing<'_>) -> R,
) -> R {
    let means = [-1.0, 0.4, 1.2, -0.7];
    let target = Mixture::new(DIM, &[0.4, 0.6], &means, Covariance::Isotropic(&[0.3, 0.5]));
    let target = target.unwrap();
    let mut storage = vec![0.0; MixtureLevel::storage_len(&target)];
    let target = MixtureLevel::prepare(&target, 1.0, 0.0, &mut storage).unwrap();
    let reference = Mixture::new(DIM, &[1.0], &[0.0; DIM], Covariance::Isotropic(&[1.0])).unwrap();
    let mut storage = vec![0.0; MixtureLevel::storage_len(&reference)];
    let reference = MixtureLevel::prepare(&reference, 1.0, 0.0, &mut storage).unwrap();
    let faulty = FaultyTarget::new(&target, fault, when);
    let times = vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
    let level = |t: &f64| Level::Tempering(Tempered::new(&reference, &faulty, 1.0 - t).unwrap());
    let (kernel, step_size) = kernel(kernel_name);
    visit(&Annealing {
        levels: times.iter().map(level).collect(),
        times,
        reference: &reference,
        reference_variance: 1.0,
        exact_target: Some(&target),
        second_moment: None,
        schedule: None,
        model: None,
        bridge: BridgeChoice::Identity,
        kernel: Some(choice(kernel, step_size)),
        seed: 5,
        repetition: 0,
    })
}

/// MALA on a density that fails.
struct FaultyKernel {
    fault: Fault,
    when: When,
}

impl MarkovKernel for FaultyKernel {
    fn scratch_len(&self, dim: usize) -> usize {
        Mala.scratch_len(dim)
    }

    fn step(
        &self,
        density: &dyn Score,
        step_size: f64,
        point: PointMut<'_>,
        context: Context<'_>,
    ) -> Result<Outcome> {
        let faulty = FaultyTarget::new(density, self.fault, self.when);
        Mala.step(&faulty, step_size, point, context)
    }
}

/// Calls `visit` with a diffusion path of five steps through this bridge, whose kernel fails.
pub fn with_diffusion(
    bridge: &str,
    (fault, when): (Fault, When),
    visit: impl FnOnce(&Annealing<'_>),
) {
    let text = format!(
        "seed = 3\n[target]\ndim = {DIM}\nseparation = 0.6\n[path]\nlevels = 5\n\
         [bridge]\nkind = \"{bridge}\"\n"
    );
    let config = RunConfig::from_toml(&text, "test", Path::new("."), &[]).unwrap();
    let problem = Problem::new(&config).unwrap();
    let times: Vec<f64> = std::iter::once(0.0).chain(config.path.times()).collect();
    let visited = problem.with_annealing(&config, &times, Top::Diffusion, |annealing, _| {
        annealing.kernel = Some(choice(Box::new(FaultyKernel { fault, when }), 0.1));
        visit(annealing);
        Ok(())
    });
    visited.unwrap();
}
