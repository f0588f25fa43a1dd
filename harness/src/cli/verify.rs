//! `amc verify`: the statistical suite, law by law and instance by instance.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::Instant;

use amc_verify::law;
use amc_verify::suite::{self, Case, Plan, Tier};
use clap::{Args, ValueEnum};

use super::figure;
use super::progress::run_bar;
use super::table::{quantity, table};
use super::{print, print_json, thread_count};
use crate::run::RunError;
use crate::verification::{CaseRecord, VerificationReport, cases, page};

/// Prove the kernels, bridges and samplers right, statistically
///
/// Every law (unbiased weights, invariance, detailed balance, exact moments, independent streams) is tested on
/// every instance, with finite-sample bounds: with a fresh seed a correct program fails with probability at
/// most 1e-6, whatever the dependence between tests. A case accepts early when it is clear and draws more
/// samples when in doubt. Exit code 1 if a case fails.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct VerifyArguments {
    /// How many samples: quick (under 2 minutes on two cores), full (under 15), deep (hours)
    #[arg(long, value_enum, default_value_t = TierName::Quick, value_name = "TIER")]
    tier: TierName,
    /// Only cases whose law, subject or instance contains one of these texts, separated by commas; capitals do
    /// not matter
    #[arg(long, value_delimiter = ',', value_name = "TEXTS")]
    only: Vec<String>,
    /// Seed of all random numbers; a fresh one otherwise, which the output names
    #[arg(long, value_name = "SEED", allow_negative_numbers = true, value_parser = whole_number)]
    seed: Option<u64>,
    /// Cases that run side by side (0: every core)
    #[arg(long, value_name = "T", default_value = "0", allow_negative_numbers = true, value_parser = whole_number)]
    threads: u64,
    /// List the laws with what they say and what a pass excludes, and run nothing
    #[arg(long, conflicts_with_all = ["html", "seed"])]
    list: bool,
    /// Write the report as a page to look at, too
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Print the result as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

/// The tiers by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TierName {
    Quick,
    Full,
    Deep,
}

const EXAMPLE: &str = r#"Examples:

  amc verify                                  # every law on every instance, quick
  amc verify --tier full --html verify.html
  amc verify --only mala,rwm                  # all laws of two kernels
  amc verify --only low-rank --tier deep --seed 7   # up to a gigabyte a thread
  amc verify --list                           # the laws and what they are about

How to read it: the p-value bound is the probability, at most, that a correct instance looks at least this wrong. It is 1 or nearly so for most cases, since the bounds hold at every sample size and are generous; laws that hold path by path have 1 or 0. Stages counts samples of growing size: one where the first was clear, up to three where its bound was small or it did not yet exercise what it is about. "inconclusive" is a failure: the test never exercised that (no rejections, one mode only).

Your own kernels and bridges: see check_kernel, check_bridge and check_evidence of the crate amc-verify."#;

/// A whole number from 0 on.
fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a whole number from 0 to {} is needed", u64::MAX))
}

/// Runs the subcommand.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<(), RunError> {
    if let Some(path) = &arguments.html {
        figure::check_writable(path, figure::Kind::Page)?;
    }
    let cases = chosen(&arguments.only)?;
    if arguments.list {
        return list(&cases, arguments.json);
    }
    let threads = thread_count(usize::try_from(arguments.threads).unwrap_or(usize::MAX))?;
    let tier = match arguments.tier {
        TierName::Quick => Tier::Quick,
        TierName::Full => Tier::Full,
        TierName::Deep => Tier::Deep,
    };
    let plan = Plan::new(tier, &cases, arguments.seed.unwrap_or_else(fresh_seed));
    let bar = run_bar(cases.len(), arguments.quiet);
    // Whatever becomes of the run, its seed and its failures are known.
    if !arguments.quiet {
        let (count, seed) = (cases.len(), plan.seed());
        eprintln!("{count} cases, tier {}, --seed {seed}", tier_name(tier));
    }
    let start = Instant::now();
    let finished = suite::run(&cases, &plan, threads, &mut |finished| {
        if let Some(case) = cases.get(finished.index) {
            bar.set_message(format!("{} [{}]", case.law(), case.instance()));
            if !finished.passed() && !arguments.quiet {
                bar.suspend(|| eprintln!("not passed: {} [{}]", case.law(), case.instance()));
            }
        }
        bar.inc(1);
    });
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    let report = VerificationReport::new(&cases, &finished, &plan, (threads, seconds));
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&text(&report))?;
    }
    if let Some(path) = &arguments.html {
        figure::write(path, Ok(page(&report)))?;
        if !arguments.json {
            print(&format!("Page: {}\n", path.display()))?;
        }
    }
    match report.failures().next() {
        None => Ok(()),
        Some(first) => Err(RunError::Verification {
            failed: report.failures().count(),
            cases: cases.len(),
            first: format!("{} [{}]", first.law, first.instance),
            repeat: format!("--tier {} --seed {}", tier_name(tier), plan.seed()),
        }),
    }
}

/// The cases that `--only` leaves.
fn chosen(only: &[String]) -> Result<Vec<Case>, RunError> {
    let all = cases().map_err(|e| RunError::Suite(e.to_string()))?;
    if only.is_empty() {
        return Ok(all);
    }
    let only: Vec<String> = only.iter().map(|text| text.trim().to_lowercase()).collect();
    let is_chosen = |case: &Case, text: &String| {
        let names = [case.law(), case.subject(), case.instance()];
        names.iter().any(|name| name.to_lowercase().contains(&**text))
    };
    for text in &only {
        if text.is_empty() {
            let message = "a text to look for is needed, e.g. --only mala".to_owned();
            return Err(RunError::Argument { name: "--only", message });
        }
        if !all.iter().any(|case| is_chosen(case, text)) {
            let message = format!(
                "no law, subject or instance contains {text:?}; `amc verify --list` shows laws and subjects"
            );
            return Err(RunError::Argument { name: "--only", message });
        }
    }
    Ok(all.into_iter().filter(|case| only.iter().any(|text| is_chosen(case, text))).collect())
}

/// A seed that no other run has had; 53 bits, which every reader of JSON keeps.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 11
}

fn list(cases: &[Case], as_json: bool) -> Result<(), RunError> {
    #[derive(serde::Serialize)]
    struct Item {
        law: &'static str,
        by_chance: bool,
        cases: usize,
        subjects: BTreeSet<&'static str>,
        statement: &'static str,
        excludes: &'static str,
    }
    let items = law::ALL.iter().map(|law| Item {
        law: law.name,
        by_chance: law.by_chance,
        cases: cases.iter().filter(|case| case.law() == law.name).count(),
        subjects: (cases.iter().filter(|case| case.law() == law.name)).map(Case::subject).collect(),
        statement: law.statement,
        excludes: law.excludes,
    });
    let items: Vec<Item> = items.filter(|item| item.cases > 0).collect();
    if as_json {
        return print_json(&items);
    }
    let mut text = String::new();
    for item in items {
        let kind = if item.by_chance { "by samples" } else { "path by path" };
        text += &format!("{} ({} cases, {kind})\n", item.law, item.cases);
        let subjects: Vec<&str> = item.subjects.into_iter().collect();
        text += &format!(
            "    {}\n    a pass (tier full) excludes: {}\n    about: {}\n",
            item.statement,
            item.excludes,
            subjects.join(", ")
        );
    }
    print(&text)
}

fn text(report: &VerificationReport) -> String {
    let mut rows = table(&["law", "instance", "p-value bound", "samples", "stages", "seconds"], 2);
    for case in &report.cases {
        rows.add_row([
            case.law.to_owned(),
            case.instance.clone(),
            p_value(case),
            case.samples.to_string(),
            case.stages.to_string(),
            format!("{:.2}", case.seconds),
        ]);
    }
    let mut laws = table(&["law", "cases", "passed", "smallest p", "samples", "seconds"], 1);
    for law in &report.laws {
        laws.add_row([
            law.law.to_owned(),
            law.cases.to_string(),
            law.passed.to_string(),
            quantity(law.smallest_p_value_bound),
            law.samples.to_string(),
            format!("{:.1}", law.seconds),
        ]);
    }
    let mut text = format!("{rows}\n\n{laws}\n\n");
    for case in report.failures() {
        text +=
            &format!("{}: {} [{}]: {}\n", case.conclusion, case.law, case.instance, case.detail);
    }
    text += &format!(
        "{} of {} cases passed in {:.0} s on {} threads: tier {}, seed {}, {} instructions.\n\
         {}\n",
        report.passed,
        report.cases.len(),
        report.seconds,
        report.threads,
        report.tier,
        report.seed,
        report.instructions,
        ledger(report)
    );
    text
}

/// What the run may cost a correct program.
fn ledger(report: &VerificationReport) -> String {
    match report.by_chance {
        0 => "Ledger: all cases hold path by path, chance has no part in them.".to_owned(),
        count => format!(
            "Ledger: {count} cases by chance, {:.2e} each, {:.0e} in all; the others hold path by path.",
            report.share, report.false_positive
        ),
    }
}

fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Quick => "quick",
        Tier::Full => "full",
        Tier::Deep => "deep",
    }
}

/// The p-value bound, after the conclusion where the case did not pass.
fn p_value(case: &CaseRecord) -> String {
    let bound = case.p_value_bound.map_or("-".to_owned(), quantity);
    if case.passed() { bound } else { format!("{} {bound}", case.conclusion.to_uppercase()) }
}
