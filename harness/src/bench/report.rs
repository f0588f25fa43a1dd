//! What was measured, as it is printed.

use amc_core::simd::Instructions;
use serde::Serialize;

use super::cases::Case;
use super::ceilings::Ceilings;
use super::work::Work;

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this program.
    pub version: &'static str,
    /// The vector instructions that the kernels ran on.
    pub instructions: &'static str,
    /// What one core reaches at most.
    pub ceilings: Ceilings,
    /// Kernel by kernel.
    pub kernels: Vec<KernelRecord>,
    /// Time of a second-order step over that of a DDPM step.
    pub second_order_over_first_order: Option<f64>,
    /// Run by run.
    pub runs: Vec<RunRecord>,
}

/// One kernel on one thread, per particle; normals and uniforms per number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelRecord {
    /// What was measured.
    pub name: &'static str,
    /// The bridge that was crossed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<&'static str>,
    /// The mixture it was measured on.
    #[serde(flatten)]
    pub case: Option<CaseRecord>,
    /// Nanoseconds.
    pub ns: f64,
    /// The shortest time for its arithmetic, where that is counted.
    pub limit_ns: Option<f64>,
    /// `limit_ns / ns`.
    pub share_of_limit: Option<f64>,
    /// Nanoseconds where most components are negligible, if that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separated_ns: Option<f64>,
}

/// A kind and size of mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CaseRecord {
    /// Of its covariances.
    pub kind: &'static str,
    /// The dimension.
    pub d: usize,
    /// The number of components.
    pub k: usize,
}

/// A whole run, without its pilot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRecord {
    /// Sampler and path.
    pub name: &'static str,
    /// The mixture that was sampled.
    #[serde(flatten)]
    pub case: CaseRecord,
    /// The number of particles.
    pub particles: usize,
    /// The number of annealing steps.
    pub levels: usize,
    /// Evaluations of log-density and score, over all particles.
    pub scores: u64,
    /// Seconds on one thread.
    pub seconds: f64,
    /// The shortest time for its evaluations and normals on one thread.
    pub limit_seconds: f64,
    /// `limit_seconds / seconds`.
    pub share_of_limit: f64,
    /// How many threads it was compared on.
    pub threads: usize,
    /// Seconds on so many threads.
    pub parallel_seconds: f64,
    /// `seconds / (threads * parallel_seconds)`: 1 where every thread is put to full use.
    pub parallel_efficiency: f64,
}

/// A mixture of the user's, log-density and score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MixtureRecord {
    /// Its name.
    pub name: String,
    /// Of its covariances.
    pub kind: &'static str,
    /// The dimension.
    pub d: usize,
    /// The number of components.
    pub k: usize,
    /// Particles it was evaluated at, exact samples of it.
    pub particles: usize,
    /// Threads that shared them.
    pub threads: usize,
    /// Wall time over particles.
    pub ns_per_particle: f64,
    /// The shortest time for the dense arithmetic on so many threads.
    pub limit_ns: f64,
    /// `limit_ns / ns_per_particle`; above 1 where components were skipped.
    pub share_of_limit: f64,
}

impl Report {
    /// A report with ceilings and nothing else yet.
    pub(super) fn new(ceilings: Ceilings) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            instructions: Instructions::current().name(),
            ceilings,
            kernels: Vec::new(),
            second_order_over_first_order: None,
            runs: Vec::new(),
        }
    }

    /// Adds a kernel that took `ns` nanoseconds for `work`, if that is counted.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        ns: f64,
        work: Option<Work>,
    ) -> &mut KernelRecord {
        let limit_ns = work.map(|work| work.limit_ns(&self.ceilings));
        let share_of_limit = limit_ns.map(|limit| limit / ns);
        let record = KernelRecord {
            name,
            bridge: None,
            case: None,
            ns,
            limit_ns,
            share_of_limit,
            separated_ns: None,
        };
        self.kernels.push(record);
        let last = self.kernels.len() - 1;
        &mut self.kernels[last]
    }
}

impl From<Case> for CaseRecord {
    fn from(case: Case) -> Self {
        Self { kind: case.kind.name(), d: case.dim, k: case.components }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Kind;

    /// Fails if the document is laid out in another way than was promised.
    #[test]
    fn the_layout_of_the_document() {
        let mut report = Report::new(Ceilings {
            fma_gflops: 50.0,
            exp_g_per_s: 2.0,
            ln_g_per_s: 0.5,
            bandwidth_gb_per_s: 10.0,
            cache_bandwidth_gb_per_s: 100.0,
        });
        let work = Work { flops: 100.0, exps: 2.0, logs: 1.0 };
        let record = report.add("log_density_and_score", 10.0, Some(work));
        record.case = Some(Case { kind: Kind::Isotropic, dim: 2, components: 3 }.into());
        record.separated_ns = Some(7.0);
        report.add("uniforms", 0.5, None);
        let document = serde_json::to_value(&report).unwrap();
        assert_eq!(document["instructions"], Instructions::current().name());
        assert_eq!(document["ceilings"]["ln_g_per_s"], 0.5);
        let expected = serde_json::json!([
            {"name": "log_density_and_score", "kind": "isotropic", "d": 2, "k": 3, "ns": 10.0,
             "limit_ns": 5.0, "share_of_limit": 0.5, "separated_ns": 7.0},
            {"name": "uniforms", "ns": 0.5, "limit_ns": null, "share_of_limit": null},
        ]);
        assert_eq!(document["kernels"], expected);
        assert_eq!(document["runs"], serde_json::json!([]));
    }
}
