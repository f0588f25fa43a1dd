//! How fast the kernels are on this machine, and how fast they could be.
//!
//! First the ceilings of one core are measured ([`Ceilings`]), on the instructions in force: fused
//! multiply-adds, exponentials, logarithms, memory. Then each kernel, beside its *limit*, the time that
//! its arithmetic alone would take at those ceilings:
//!
//! `limit = flops / peak + exponentials / rate + logarithms / rate`.
//!
//! Counts are per particle and dense, that is with every component at work ([`Work`]):
//!
//! | kernel | covariance | flops | exponentials | logarithms |
//! |---|---|---|---|---|
//! | log-density | isotropic | `2 K d` | `K` | 1 |
//! | | diagonal | `4 K d` | `K` | 1 |
//! | | full | `K d^2` | `K` | 1 |
//! | score, beside the log-density | any | as much again | | |
//! | Hessian-vector product | any | three times the log-density's | `K` | 1 |
//! | a normal | | 16 | | 1/2 |
//!
//! A full covariance that components share is diagonal in its eigenbasis, at `4 d^2` more (there and
//! back, `2 d^2` for the log-density alone). Moves count what they evaluate and the normals they draw; bridges that look
//! at the components one by one count another log-density. All else, such as loads, square roots, the
//! random generator and bookkeeping, counts as nothing, so a limit is a bound from below.
//!
//! A mixture is measured twice: *dense*, with components so close that each matters to every particle,
//! and *separated*, where most are negligible and may be skipped. The machine is taken to be noisy:
//! every time is the best of several short repetitions ([`Clock`]).

mod cases;
mod ceilings;
mod clock;
mod density;
mod moves;
mod random;
mod report;
mod runs;
mod work;

pub use cases::{Case, Kind, Overlap, samples};
pub use ceilings::{Ceilings, measure_ceilings};
pub use clock::Clock;
pub use density::{evaluate_all, measure_mixture};
pub use report::{KernelRecord, MixtureRecord, Report, RunRecord};
pub use work::{Quantity, Work};

use std::time::Duration;

use clap::ValueEnum;

use crate::run::RunError;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Multiply-adds, exponentials, logarithms, memory (always measured: limits need them)
    Ceilings,
    /// Log-density and score of mixtures, and the log-density alone
    Mixture,
    /// Hessian-vector products
    Hessian,
    /// Standard normals
    Normals,
    /// Uniform numbers
    Uniforms,
    /// A step of MALA
    Mala,
    /// A step across each bridge
    Bridge,
    /// Small whole runs of AIS and SMC, on one thread and on several
    Runs,
}

/// What is measured, and how thoroughly.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is measured besides the ceilings.
    pub parts: Vec<Part>,
    /// Fewer particles, shorter runs, fewer repetitions.
    pub quick: bool,
}

impl Plan {
    /// The clock of one measurement.
    pub fn clock(&self) -> Clock {
        Clock::new(self.budget())
    }

    /// The clock of the bridges, whose ratio is a figure by itself and takes the noise of two times.
    fn patient_clock(&self) -> Clock {
        Clock::new(3 * self.budget())
    }

    fn budget(&self) -> Duration {
        Duration::from_millis(if self.quick { 20 } else { 150 })
    }

    /// Particles that kernels are measured on.
    fn particles(&self) -> usize {
        if self.quick { 4096 } else { 16384 }
    }

    fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Measurements that [`measure`] announces.
    fn count(&self) -> usize {
        let steps = |part: Part| match part {
            Part::Ceilings => 0,
            Part::Mixture | Part::Hessian => Case::GOALS.len(),
            Part::Normals | Part::Uniforms => 1,
            Part::Mala => moves::MALA_CASES.len(),
            Part::Bridge => moves::BRIDGES.len(),
            Part::Runs => runs::RUNS.len(),
        };
        1 + self.parts.iter().map(|&part| steps(part)).sum::<usize>()
    }
}

/// Pools for the runs: of one thread, and of as many as are compared with it.
#[derive(Debug)]
pub struct Pools {
    /// One thread.
    pub one: rayon::ThreadPool,
    /// Several.
    pub many: rayon::ThreadPool,
}

/// Measures everything that the plan asks for; `begin` is told of every measurement, with how many
/// there are.
///
/// # Errors
/// Those of the kernels and samplers; none on a sound build.
pub fn measure(
    plan: &Plan,
    pools: &Pools,
    begin: &mut dyn FnMut(usize, String),
) -> Result<Report, RunError> {
    let count = plan.count();
    let mut begin = |name: &str| begin(count, name.to_owned());
    begin("ceilings");
    let mut report = Report::new(measure_ceilings(&plan.clock()));
    if plan.wants(Part::Mixture) {
        density::measure(plan, &mut report, &mut begin)?;
    }
    if plan.wants(Part::Hessian) {
        density::measure_hessian_products(plan, &mut report, &mut begin)?;
    }
    if plan.wants(Part::Normals) {
        begin("normals");
        random::normals(plan, &mut report);
    }
    if plan.wants(Part::Uniforms) {
        begin("uniforms");
        random::uniforms(plan, &mut report);
    }
    if plan.wants(Part::Mala) {
        moves::measure_mala(plan, &mut report, &mut begin)?;
    }
    if plan.wants(Part::Bridge) {
        moves::measure_bridges(plan, &mut report, &mut begin)?;
    }
    if plan.wants(Part::Runs) {
        runs::measure(plan, pools, &mut report, &mut begin)?;
    }
    Ok(report)
}
