//! Runs cargo-mutants on a sample of the core, and compares what survives with the committed list.
//!
//! ```text
//! mutants 7/40   every fortieth mutant from the eighth on: a sample of all rooms, about 100 mutants
//! mutants all    every mutant
//! ```
//!
//! A survivor that `verify/mutants/missed.txt` does not list fails, and so does a line of it whose mutant is
//! caught or gone: the list can only shrink. `docs/src/mutants.md` has the figures.

mod judge;
mod runner;

use std::path::Path;
use std::process::ExitCode;

use judge::{Listed, Outcomes};
use runner::{Runner, Tests};

/// The committed survivors.
const MISSED: &str = include_str!("../../mutants/missed.txt");
/// How often the intervals that are printed may miss.
const DELTA: f64 = 0.05;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let sample = match (arguments.next(), arguments.next()) {
        (Some(word), None) if word == "all" => Ok((0, 1)),
        (Some(word), None) => parse(&word),
        _ => Err("usage: mutants K/N (one sample of N), or mutants all".to_owned()),
    };
    sample.and_then(check).unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::from(2)
    })
}

/// `K/N` with `K < N`.
fn parse(word: &str) -> Result<(usize, usize), String> {
    let numbers = word.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    numbers.filter(|(k, n)| k < n).ok_or_else(|| format!("{word}: expected K/N with K below N"))
}

/// Tests the sample in two passes and judges it.
fn check((first, stride): (usize, usize)) -> Result<ExitCode, String> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace around verify")?;
    let runner = Runner { root };
    let all = runner.list()?;
    let sample: Vec<String> = all.iter().skip(first).step_by(stride).cloned().collect();
    println!("{} of {} mutants, first against the core's own unit tests", sample.len(), all.len());
    let mut outcomes = runner.run(Tests::Unit, &all, &sample)?;
    if !outcomes.missed.is_empty() {
        let missed = std::mem::take(&mut outcomes.missed);
        println!("{} are left for the exact tests of the suite", missed.len());
        let wide = runner.run(Tests::Wide, &all, &missed)?;
        // These compiled in the first pass, so what does not compile is not the mutant.
        if let Some(name) = wide.unviable.first() {
            return Err(format!("the exact tests do not compile with {name}"));
        }
        outcomes.join(wide);
    }
    report(&all, &sample, &outcomes)
}

/// Prints shares and differences; fails where there is a difference.
fn report(all: &[String], sample: &[String], outcomes: &Outcomes) -> Result<ExitCode, String> {
    let untested = outcomes.untested(sample);
    if !untested.is_empty() {
        return Err(format!(
            "{} mutants have no outcome, the first: {}",
            untested.len(),
            untested[0]
        ));
    }
    for (room, tally) in judge::rooms(outcomes) {
        println!("{}", tally.line(&room, DELTA)?);
    }
    let listed = Listed::parse(MISSED);
    let (news, stale) = (listed.missing(outcomes), listed.stale(all, outcomes));
    for name in &news {
        println!("not listed: {name}");
    }
    for name in &stale {
        println!("caught or gone, to be taken from the list: {name}");
    }
    Ok(if news.is_empty() && stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
