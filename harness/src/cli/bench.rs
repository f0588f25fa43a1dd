//! `amc bench`: the speed of the kernels on this machine, beside the limit of their arithmetic.

use std::path::{Path, PathBuf};

use amc_core::simd::Instructions;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::progress::PieceBar;
use super::table::{quantity, table};
use super::{print, print_json, thread_pool};
use crate::bench::{
    Ceilings, KernelRecord, MixtureRecord, Part, Plan, Pools, Report, RunRecord, measure,
    measure_ceilings, measure_mixture,
};
use crate::mixture::OwnedMixture;
use crate::run::RunError;
use crate::target::{load_mixture, standardize};

/// Measure how fast the kernels are on this machine, and how fast they could be
///
/// First the ceilings of one core are measured: multiply-adds, exponentials, logarithms, memory. Then
/// each kernel, beside the time that its arithmetic alone takes at those ceilings: its limit. All on the
/// instructions in force, which AMC_ISA chooses (`amc --version` shows them). Takes about half a
/// minute; for trustworthy figures leave the machine alone meanwhile.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct BenchArguments {
    /// Measure these parts only, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// Fewer particles, shorter runs, fewer repetitions: under 8 seconds
    #[arg(long)]
    quick: bool,
    /// Measure log-density and score of this mixture, a JSON file, and nothing else
    #[arg(long, value_name = "FILE.json", conflicts_with = "only")]
    mixture: Option<PathBuf>,
    /// Particles to evaluate that mixture at: exact samples of it (16384)
    #[arg(
        long,
        value_name = "N",
        requires = "mixture",
        conflicts_with = "only",
        allow_negative_numbers = true
    )]
    particles: Option<usize>,
    /// Threads that the runs are compared on with one (2), or that share the particles of --mixture
    /// (1); 0 uses every core
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    threads: Option<usize>,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

const EXAMPLE: &str = r#"Examples:

  amc bench                                        # everything, one core; runs on two threads too
  amc bench --quick --only mixture,bridge
  amc bench --mixture mixture.json --particles 65536 --threads 0
  AMC_ISA=avx2 amc bench --json > avx2.json

How to read it: ns is the time of one particle on one thread (of one number for normals and uniforms),
the best of several short repetitions. limit is flops/peak + exponentials/rate + logarithms/rate, counted
as if every component mattered to every particle, which is so in the column ns. Log-density and score of a
mixture of K components in d dimensions count 4 K d flops (isotropic), 8 K d (diagonal) or 2 K d^2 (full),
K exponentials and one logarithm. "separated" is the same size with components far apart, most of which may
be skipped. Moves count the evaluation at their end and 16 flops and half a logarithm for each normal they
draw; the rest is not counted, memory least of all: at d = 64 the particles of bridge steps come from beyond the
caches (less so with --quick), which is most of a first-order step. So 100 % is out of reach. The speed of
--mixture is measured at exact samples of it, standardized if the file says so; it may exceed the limit where
components are skipped."#;

/// What `--mixture` prints.
#[derive(Debug, Serialize)]
struct OwnReport {
    version: &'static str,
    instructions: &'static str,
    ceilings: Ceilings,
    mixture: MixtureRecord,
}

/// Runs the subcommand.
pub(super) fn bench(arguments: &BenchArguments) -> Result<(), RunError> {
    let parts = match arguments.only.as_slice() {
        [] => Part::value_variants(),
        parts => parts,
    };
    let plan = Plan { parts: parts.to_vec(), quick: arguments.quick };
    match &arguments.mixture {
        Some(path) => own_mixture(arguments, &plan, path),
        None => kernels(arguments, &plan),
    }
}

fn kernels(arguments: &BenchArguments, plan: &Plan) -> Result<(), RunError> {
    let pools = Pools { one: thread_pool(1)?, many: thread_pool(arguments.threads.unwrap_or(2))? };
    let mut bar = PieceBar::new(arguments.quiet);
    let report = measure(plan, &pools, &mut |count, name| bar.begin(count, name))?;
    drop(bar);
    if arguments.json { print_json(&report) } else { print(&text(&report)) }
}

fn own_mixture(arguments: &BenchArguments, plan: &Plan, path: &Path) -> Result<(), RunError> {
    let pool = thread_pool(arguments.threads.unwrap_or(1))?;
    let (parameters, choice) = load_mixture(path)?;
    let (parameters, _) = standardize(&parameters, choice)?;
    let particles = checked_particles(arguments.particles.unwrap_or(16384), parameters.dim)?;
    let name = parameters.name.clone();
    let mixture = OwnedMixture::new(parameters)
        .map_err(|source| RunError::Mixture { target: name.clone(), source })?;
    let mut bar = PieceBar::new(arguments.quiet);
    bar.begin(2, "ceilings".into());
    let ceilings = measure_ceilings(&plan.clock());
    bar.begin(2, name);
    let mixture = measure_mixture(&mixture, particles, &pool, &ceilings, &plan.clock())?;
    drop(bar);
    let report = OwnReport {
        version: env!("CARGO_PKG_VERSION"),
        instructions: Instructions::current().name(),
        ceilings,
        mixture,
    };
    if arguments.json { print_json(&report) } else { print(&own_text(&report)) }
}

/// Numbers that positions and scores of the particles may take: 8 GiB of them.
const MOST_NUMBERS: usize = 1 << 30;

fn checked_particles(particles: usize, dim: usize) -> Result<usize, RunError> {
    let most = MOST_NUMBERS / (2 * dim.max(1) + 1);
    if (1..=most).contains(&particles) {
        return Ok(particles);
    }
    let message = format!("{particles} particles in {dim} dimensions: choose 1 to {most}");
    Err(RunError::Argument { name: "--particles", message })
}

/// The first lines of every table.
fn head(instructions: &str, ceilings: &Ceilings) -> String {
    format!(
        "instructions {instructions}; one core reaches {} GFLOP/s in multiply-adds, {} G/s in \
         exponentials,\n{} G/s in logarithms, {} GB/s in memory, {} GB/s in the first cache\n",
        quantity(ceilings.fma_gflops),
        quantity(ceilings.exp_g_per_s),
        quantity(ceilings.ln_g_per_s),
        quantity(ceilings.bandwidth_gb_per_s),
        quantity(ceilings.cache_bandwidth_gb_per_s)
    )
}

fn text(report: &Report) -> String {
    let mut text = head(report.instructions, &report.ceilings);
    if !report.kernels.is_empty() {
        text += &kernel_table(&report.kernels);
        text += "ns: a particle (a normal, a uniform number) on one thread. limit: its arithmetic \
                 alone, every\ncomponent at work. separated: most components negligible.\n";
    }
    if let Some(ratio) = report.second_order_over_first_order {
        text += &format!("a second-order step takes {ratio:.2} times as long as a ddpm step\n");
    }
    if let Some(run) = report.runs.first() {
        text += &run_table(&report.runs);
        text += &format!(
            "{} particles, mala x 8, pilot left out. efficiency: 1 where {} threads take 1/{} of the \
             time.\n",
            run.particles, run.threads, run.threads
        );
    }
    text
}

fn kernel_table(kernels: &[KernelRecord]) -> String {
    let header = ["kernel", "covariance", "d", "K", "ns", "limit", "of limit", "separated"];
    let mut table = table(&header, 2);
    for kernel in kernels {
        let name = kernel.name.replace('_', " ").replace("hessian", "Hessian");
        let name = match kernel.bridge {
            Some(bridge) => format!("{name}, {bridge}"),
            None => name,
        };
        let case = kernel.case;
        let cell = |value: Option<f64>| value.map_or(String::new(), quantity);
        table.add_row([
            name,
            case.map_or(String::new(), |case| case.kind.to_owned()),
            case.map_or(String::new(), |case| case.d.to_string()),
            case.map_or(String::new(), |case| case.k.to_string()),
            quantity(kernel.ns),
            cell(kernel.limit_ns),
            kernel.share_of_limit.map_or(String::new(), percent),
            cell(kernel.separated_ns),
        ]);
    }
    format!("{table}\n")
}

fn run_table(runs: &[RunRecord]) -> String {
    let threads = runs.first().map_or(0, |run| run.threads);
    let parallel = format!("{threads} threads");
    let header =
        ["run", "covariance", "d", "K", "levels", "seconds", "limit", "of limit", &parallel];
    let header = [&header[..], &["efficiency"]].concat();
    let mut table = table(&header, 2);
    for run in runs {
        table.add_row([
            run.name.replace('_', " "),
            run.case.kind.to_owned(),
            run.case.d.to_string(),
            run.case.k.to_string(),
            run.levels.to_string(),
            quantity(run.seconds),
            quantity(run.limit_seconds),
            percent(run.share_of_limit),
            quantity(run.parallel_seconds),
            format!("{:.2}", run.parallel_efficiency),
        ]);
    }
    format!("\n{table}\n")
}

fn own_text(report: &OwnReport) -> String {
    let mixture = &report.mixture;
    format!(
        "{}{}: {}, d = {}, K = {}, {} particles, {} thread{}\nlog-density and score: {} ns a \
         particle, {} of the limit of {} ns\n",
        head(report.instructions, &report.ceilings),
        mixture.name,
        mixture.kind,
        mixture.d,
        mixture.k,
        mixture.particles,
        mixture.threads,
        if mixture.threads == 1 { "" } else { "s" },
        quantity(mixture.ns_per_particle),
        percent(mixture.share_of_limit),
        quantity(mixture.limit_ns)
    )
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Case, Kind};

    /// Fails if a size that no memory holds is accepted, or the remedy is not named.
    #[test]
    fn particles_have_bounds() {
        assert_eq!(checked_particles(1, 3).unwrap(), 1);
        for (particles, dim) in [(0, 3), (usize::MAX, 1), (1 << 26, 1000)] {
            let message = checked_particles(particles, dim).unwrap_err().to_string();
            assert!(message.starts_with("--particles: ") && message.contains("choose 1 to"));
        }
    }

    /// Fails if a number lands in another column, or a kernel without a mixture fills cells that it has
    /// no values for.
    #[test]
    fn rows_of_the_table() {
        let kernel = |name, case: Option<Case>, separated_ns| KernelRecord {
            name,
            bridge: None,
            case: case.map(Into::into),
            ns: 20.0,
            limit_ns: case.map(|_| 5.0),
            share_of_limit: case.map(|_| 0.25),
            separated_ns,
        };
        let case = Case { kind: Kind::Diagonal, dim: 16, components: 3 };
        let text = kernel_table(&[
            kernel("hessian_product", Some(case), None),
            kernel("log_density_and_score", Some(case), Some(7.0)),
            kernel("uniforms", None, None),
        ]);
        let cells = |name: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.contains(name)).unwrap();
            let line = line.trim_matches('│');
            line.split('┆').map(|cell| cell.trim().to_owned()).collect()
        };
        let (common, unknown) = (["diagonal", "16", "3", "20.0", "5.00", "25 %"], ["", "", ""]);
        assert_eq!(cells("Hessian product")[1..], [&common[..], &[""]].concat());
        assert_eq!(cells("log density and score")[1..], [&common[..], &["7.00"]].concat());
        assert_eq!(cells("uniforms")[1..], [&unknown[..], &["20.0"], &unknown[..]].concat());
    }
}
