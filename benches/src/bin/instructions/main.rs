//! Counts the instructions of the kernels under valgrind, and compares them with stored counts.
//!
//! Times on a shared machine vary by tens of percent; numbers of executed instructions do not vary at
//! all, so a change of a few percent that nobody meant is seen. They belong to one compiler, whose version the
//! baseline notes, and to one set of vector instructions, which is forced: `portable` and `avx2`, since
//! valgrind knows no AVX-512.
//!
//! ```text
//! instructions --check         every case under valgrind, against instructions.json: what the gate runs
//! instructions --save          the same, stored as the new baseline
//! instructions CASE --isa avx2 one case, as valgrind runs it
//! ```

mod baseline;
mod callgrind;
mod cases;
mod compare;

use std::process::ExitCode;

use amc_core::simd::Instructions;
use clap::{ArgGroup, Parser};

use baseline::{Baseline, Counts};
use cases::Case;

/// The compiler of this build.
const RUSTC: &str = env!("AMC_RUSTC_VERSION");
/// The sets that are counted.
const SETS: [Instructions; 2] = [Instructions::Portable, Instructions::Avx2];
/// A case was asked to run on instructions that are not there.
const UNAVAILABLE: u8 = 3;

/// Count the instructions of the kernels, and compare them with the stored counts
#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("task").required(true).args(["case", "check", "save"]))]
struct Arguments {
    /// Run this case once, for valgrind to count
    #[arg(value_enum)]
    case: Option<Case>,
    /// The vector instructions that it runs on: portable or avx2
    #[arg(long, value_name = "SET", default_value = "portable", requires = "case")]
    isa: String,
    /// Count every case, and fail where a count differs from the stored one by more than 2 %
    #[arg(long)]
    check: bool,
    /// Count every case, and store the counts
    #[arg(long)]
    save: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.case {
        Some(case) => return run(case, &arguments.isa),
        None => count_all().and_then(|counts| match arguments.save {
            true => save(counts),
            false => check(&counts),
        }),
    };
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::from(2)
    })
}

/// One case, once, on one set.
fn run(case: Case, isa: &str) -> ExitCode {
    match Instructions::from_name(isa) {
        None => {
            eprintln!("error: --isa {isa}: choose portable or avx2");
            ExitCode::from(2)
        }
        Some(set) if set.force().is_err() => ExitCode::from(UNAVAILABLE),
        Some(_) => {
            case.run(amc_measured_work);
            ExitCode::SUCCESS
        }
    }
}

/// The function inside which valgrind counts; its name is given to it.
#[inline(never)]
fn amc_measured_work(work: &mut dyn FnMut()) {
    work();
    // Without anything after it the call would be a jump, and the end of this function not be seen.
    std::hint::black_box(());
}

/// Counts every case on every set that is there.
fn count_all() -> Result<Counts, String> {
    if cfg!(debug_assertions) {
        return Err("counts are those of optimized code: run with --release".into());
    }
    let mut counts = Counts::new();
    for set in SETS {
        eprintln!("counting on {set} instructions ({} cases)", Case::all().len());
        for case in Case::all() {
            let Some(count) = callgrind::count(*case, set)? else {
                eprintln!("{set} is not available here and left out");
                break;
            };
            counts.entry(set.name().into()).or_default().insert(case.name(), count);
        }
    }
    Ok(counts)
}

fn check(counts: &Counts) -> Result<ExitCode, String> {
    let baseline = Baseline::read()?;
    let rows = compare::rows(counts, &baseline.counts);
    println!("{}", compare::table(&rows));
    if baseline.rustc != RUSTC {
        println!(
            "The stored counts were made by {}, these by {RUSTC}: they cannot be compared, and nothing \
             was checked.",
            baseline.rustc
        );
        return Ok(ExitCode::SUCCESS);
    }
    let complaints = compare::complaints(&rows);
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn save(counts: Counts) -> Result<ExitCode, String> {
    // Sets that are not here keep what another machine found.
    let mut kept = Baseline::read().map(|stored| stored.counts).unwrap_or_default();
    kept.extend(counts);
    let baseline = Baseline { rustc: RUSTC.into(), counts: kept };
    baseline.write()?;
    println!("stored in {}", baseline::PATH);
    Ok(ExitCode::SUCCESS)
}
