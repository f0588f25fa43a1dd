//! `abi.txt` lists the binary interface: the exported symbols, the numbers behind names, the layout of structures.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

use amc::error::*;
use amc::mixture::*;
use amc::points::*;
use amc::progress::*;
use amc::result::*;
use amc::sampling::*;
use amc::schedule::*;
use amc::target::*;
use amc::version::*;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shared library that was built with this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().join("libamc.so")
}

/// The functions that the shared library exports.
fn exported() -> BTreeSet<String> {
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(library()).output().unwrap();
    assert!(output.status.success(), "nm failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect()
}

macro_rules! structure {
    ($text:ident, $name:ident: $($field:ident)*) => {
        writeln!($text, "\nstruct {} {}", stringify!($name), size_of::<$name>()).unwrap();
        $(writeln!($text, "    {} {}", stringify!($field), offset_of!($name, $field)).unwrap();)*
    };
}

macro_rules! values {
    ($text:ident, $name:ident: $($value:ident)*) => {
        writeln!($text, "\nenum {} {}", stringify!($name), size_of::<$name>()).unwrap();
        $(writeln!($text, "    {} {}", stringify!($value), $name::$value as i32).unwrap();)*
    };
}

fn listing() -> String {
    let mut text = format!(
        "# The binary interface, version {AMC_ABI_VERSION}. A test compares it with the library (x86-64 Linux); what may\n\
         # change and when: docs/src/embedding-c.md. AMC_C_WRITE=1 cargo test -p amc-c --test abi writes it.\n\nfunctions\n"
    );
    for symbol in exported() {
        writeln!(text, "    {symbol}").unwrap();
    }
    values!(text, amc_status: AMC_OK AMC_ERROR_NULL AMC_ERROR_SHAPE AMC_ERROR_VALUE AMC_ERROR_NOT_FINITE
        AMC_ERROR_UTF8 AMC_ERROR_CONFIGURATION AMC_ERROR_FILE AMC_ERROR_TARGET AMC_ERROR_STOPPED
        AMC_ERROR_NUMERICAL AMC_ERROR_PANIC);
    values!(text, amc_covariance_kind: AMC_ISOTROPIC AMC_DIAGONAL AMC_FULL);
    values!(text, amc_schedule_kind: AMC_VP_LINEAR AMC_VP_COSINE AMC_VE_GEOMETRIC AMC_VE_RHO_7);
    values!(text, amc_verdict: AMC_HEALTHY AMC_UNVERIFIED AMC_SUSPECT);
    structure!(text, amc_error: status code row message);
    structure!(text, amc_points: data count dim row_stride column_stride);
    structure!(text, amc_points_mut: data count dim row_stride column_stride);
    structure!(text, amc_values: data count stride);
    structure!(text, amc_values_mut: data count stride);
    structure!(text, amc_covariance: kind data count);
    structure!(text, amc_schedule: size kind reserved beta_min beta_max sigma_min sigma_max);
    structure!(text, amc_target: size dim user log_densities scores hessian_products points_at_once);
    structure!(text, amc_options: size settings seed threads backbone reference_mean reference_scale
        finite_difference_step progress progress_user);
    structure!(text, amc_progress: size phase done length effective_sample_size rejection);
    structure!(text, amc_summary: size count dim log_z log_z_std_error effective_sample_size acceptance_rate
        density_evaluations score_evaluations hessian_product_evaluations not_finite seconds verdict
        coverage_verified);
    text
}

/// Fails if a function is added, removed or renamed, a number changes, or a structure changes its layout, and the
/// listing, with which a change of the ABI is reviewed, was not changed too.
#[test]
fn the_listing_is_up_to_date() {
    let (path, found) = (package().join("abi.txt"), listing());
    if std::env::var_os("AMC_C_WRITE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let different = found.lines().zip(kept.lines()).find(|(found, kept)| found != kept);
    assert!(found == kept, "abi.txt differs, first at {different:?}; AMC_C_WRITE=1 writes it anew");
}

/// The words that begin with "amc_" and are followed by `end`.
fn names(text: &str, end: char) -> BTreeSet<String> {
    let starts = text
        .match_indices("amc_")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    let name = |(at, _): (usize, &str)| {
        let rest = &text[at..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        rest[length..].starts_with(end).then(|| rest[..length].to_owned())
    };
    starts.filter_map(name).collect()
}

/// Fails if a function is exported but not declared in the header or in the Fortran module, or declared and not there.
#[test]
fn header_and_module_declare_what_there_is() {
    let exported = exported();
    let header = std::fs::read_to_string(package().join("include/amc.h")).unwrap();
    let code: String = header
        .lines()
        .filter(|line| !line.trim_start().starts_with('*'))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(names(&code, '('), exported);
    let module = std::fs::read_to_string(package().join("examples/amc.f90")).unwrap();
    let declared: BTreeSet<String> = module
        .lines()
        .filter(|line| {
            line.contains("bind(c)") && !line.contains("type, bind(c)") && !line.contains("_fn(")
        })
        .flat_map(|line| names(line, '('))
        .collect();
    assert_eq!(declared, exported);
}

/// Fails if a program would find the library under a name without the version of its ABI, or keep running with another.
#[test]
fn the_library_is_named_after_its_abi() {
    let output = Command::new("objdump").arg("-p").arg(library()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let name = text.lines().find_map(|line| line.trim().strip_prefix("SONAME")).map(str::trim);
    assert_eq!(name, Some(format!("libamc.so.{AMC_ABI_VERSION}").as_str()));
}

/// Fails if the sizes that the Fortran module writes into its structures are not those of the library.
#[test]
fn fortran_tells_the_sizes_of_its_structures() {
    let module = std::fs::read_to_string(package().join("examples/amc.f90")).unwrap();
    let size = |name: &str| -> usize {
        let start = module.find(&format!("type, bind(c) :: {name}\n")).unwrap();
        let rest = &module[start..];
        let number = rest.split("size = ").nth(1).unwrap();
        number.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    assert_eq!(size("amc_schedule"), size_of::<amc_schedule>());
    assert_eq!(size("amc_target"), size_of::<amc_target>());
    assert_eq!(size("amc_options"), size_of::<amc_options>());
    assert_eq!(size("amc_summary"), size_of::<amc_summary>());
    assert!(module.contains(&format!("AMC_MESSAGE_LENGTH = {AMC_MESSAGE_LENGTH}\n")));
    assert!(module.contains(&format!("AMC_ABI = {AMC_ABI_VERSION}\n")));
}
