//! The sections of a report that are text and tables.

use std::collections::BTreeSet;

use super::digits::{count, quantity, with_error};
use super::folder::{ExperimentFolder, RunFolder, RunSummary, measure};
use super::html::{table, text};
use super::run_figures::Named;
use crate::experiment::claims::{ClaimVerdict, Decided};
use crate::experiment::{Results, Row};

/// A word in a rounded box whose colour says whether it is good; the word itself says it too.
fn badge(word: &str) -> String {
    let (class, sign) = match word {
        "healthy" | "holds" => (" good", "✓ "),
        "suspect" | "fails" => (" bad", "✗ "),
        _ => (" open", "? "),
    };
    format!("<span class=\"badge{class}\">{sign}{}</span>", text(word))
}

/// The verdict on every run with its reasons and warnings.
pub(super) fn verdicts(runs: &Named<'_>) -> String {
    runs.iter().map(|(name, run)| verdict(name, run)).collect()
}

fn verdict(name: &str, run: &RunFolder) -> String {
    let summary = &run.summary;
    let mut html = format!(
        "<div class=\"verdict keep\">\n<h3>{} {}</h3>\n<p class=\"soft\">{}: {}</p>\n",
        badge(&summary.verdict.status),
        text(name),
        text(&summary.target),
        text(&summary.method())
    );
    html += match summary.verdict.coverage.as_str() {
        "verified" => "<p>Mode coverage is verified by exact samples of the target.</p>\n",
        _ => "<p>Mode coverage is not verified.</p>\n",
    };
    if let Some(note) = &summary.verdict.note {
        html += &format!("<p>{}</p>\n", text(note));
    }
    let reasons = summary.verdict.reasons.iter();
    let reasons = reasons.map(|r| format!("<b>{}</b>: {}", text(&r.check), text(&r.message)));
    let warnings = run.progress_warning().into_iter().chain(summary.warnings.iter().cloned());
    let warnings = warnings.map(|w| format!("<b>warning</b>: {}", text(&w)));
    let items: String = reasons.chain(warnings).map(|item| format!("<li>{item}</li>\n")).collect();
    if !items.is_empty() {
        html += &format!("<ul>\n{items}</ul>\n");
    }
    html + "</div>\n"
}

/// What the claims of an experiment came to.
pub(super) fn claims(results: &Results) -> String {
    let mut html = String::new();
    if !results.claim.is_empty() {
        html += &format!("<p>{}</p>\n", text(&results.claim));
    }
    if results.claims.is_empty() {
        return html + "<p class=\"soft\">The experiment makes no claims.</p>\n";
    }
    let row = |claim: &Decided| {
        let verdict = match claim.verdict {
            ClaimVerdict::Holds => "holds",
            ClaimVerdict::Fails => "fails",
            ClaimVerdict::Undecided => "undecided",
        };
        vec![badge(verdict), text(&claim.claim), text(&claim.detail)]
    };
    let rows: Vec<Vec<String>> = results.claims.iter().map(row).collect();
    html + &table(&["verdict", "claim", "what the data say"], usize::MAX, &rows)
}

const EVALUATIONS: &str = "<p class=\"soft small\">Evaluations are densities, scores and Hessian-vector products for \
    one particle (of replica exchange: one ladder in one round, warm-up included); placing the levels and the pilot count, \
    the run from the other side and the check of a map do not. Seconds leave out the same, and the metrics.</p>\n";

/// A number of a run as a cell, and what it should be.
type Quantity = (&'static str, fn(&RunSummary) -> String, &'static str);

/// What the table of runs shows, row by row.
const QUANTITIES: [Quantity; 27] = [
    ("target", |s| text(&s.target), ""),
    ("method", |s| text(&s.method()), ""),
    ("verdict", |s| badge(&s.verdict.status), ""),
    ("log Z", |s| with_error(s.log_z, s.log_z_std_error), "0"),
    ("log Z from exact samples (upper side)", upper, "0"),
    (
        "log Z by stepping stones, up",
        |s| with_error(s.log_z_forward, s.log_z_forward_std_error),
        "0",
    ),
    ("log Z by stepping stones, down", downward, "0"),
    ("effective sample size / N", |s| quantity(s.ess), "1"),
    ("smallest ESS / N on the way", |s| quantity(s.minimum_ess), "1"),
    ("mean rejection rate of swaps", |s| quantity(s.mean_rejection_rate), "0"),
    ("rejection rate of the worst pair", |s| quantity(s.worst_rejection_rate), "0"),
    ("sum of rejection rates", |s| quantity(s.sum_of_rejection_rates), ""),
    ("round trips per ladder and round", |s| quantity(s.round_trip_rate), "as predicted"),
    ("predicted from the rejections", |s| quantity(s.predicted_round_trip_rate), ""),
    ("communication barrier Λ", |s| quantity(s.barrier), ""),
    ("mode-weight error (total variation)", |s| quantity(s.mode_weight_error), "0"),
    ("sliced Wasserstein", |s| quantity(s.sliced_wasserstein), "the floor"),
    ("its floor, between exact samples", |s| quantity(s.sliced_wasserstein_floor), ""),
    ("maximum mean discrepancy", |s| quantity(s.maximum_mean_discrepancy), "0"),
    ("Kolmogorov-Smirnov, worst coordinate", |s| quantity(s.kolmogorov_smirnov), "0"),
    ("acceptance rate of the kernel", |s| quantity(s.acceptance_rate), ""),
    ("samples", samples, ""),
    ("evaluations per particle", |s| quantity(s.evaluations_per_particle()), ""),
    ("densities, all of the run", |s| count(s.work.evaluations.density), ""),
    ("scores, all of the run", |s| count(s.work.evaluations.score), ""),
    ("Hessian-vector products, all of the run", |s| count(s.work.evaluations.hessian_product), ""),
    ("seconds of sampling", |s| quantity(s.sampling_seconds), ""),
];

fn samples(s: &RunSummary) -> String {
    let samples = count(s.work.particles);
    match s.kept_every {
        None => samples,
        Some(1) => format!("{samples}, of every round"),
        Some(every) => format!("{samples}, of one round in {}", count(every)),
    }
}

fn upper(s: &RunSummary) -> String {
    with_error(s.log_z_upper, s.log_z_upper_std_error)
}

fn downward(s: &RunSummary) -> String {
    with_error(s.log_z_backward, s.log_z_backward_std_error)
}

/// One column of numbers for every run.
pub(super) fn run_table(runs: &Named<'_>) -> String {
    let names: Vec<String> = runs.iter().map(|(name, _)| text(name)).collect();
    let mut header = vec!["quantity"];
    header.extend(names.iter().map(|name| &**name));
    header.push("should be");
    let known = runs.iter().all(|(_, run)| run.summary.knows_truth());
    let row = |(name, value, ideal): Quantity| {
        let ideal = if known || !name.starts_with("log Z") { ideal } else { "" };
        let values: Vec<String> = runs.iter().map(|(_, run)| value(&run.summary)).collect();
        // What no run has needs no row.
        values.iter().any(|value| value != "–").then(|| {
            [name.to_owned()].into_iter().chain(values).chain([ideal.to_owned()]).collect()
        })
    };
    // What a single run is stands in its verdict already.
    let skipped = if runs.len() == 1 { 3 } else { 0 };
    let rows: Vec<Vec<String>> = QUANTITIES.into_iter().skip(skipped).filter_map(row).collect();
    table(&header, 1, &rows) + EVALUATIONS
}

/// All rows of an experiment with all measures that any of them has.
pub(super) fn experiment_table(results: &Results) -> String {
    let measures: BTreeSet<&str> =
        results.rows.iter().flat_map(|row| row.measures.keys().map(|name| &**name)).collect();
    let (main, more): (Vec<&str>, Vec<&str>) =
        measures.into_iter().partition(|name| MAIN.contains(name));
    let mut ordered: Vec<&str> = MAIN.into_iter().filter(|name| main.contains(name)).collect();
    let first = rows_table(results, &ordered) + EVALUATIONS;
    if more.is_empty() {
        return first;
    }
    ordered = more;
    format!(
        "{first}<details><summary>All other measures</summary>\n{}</details>\n",
        rows_table(results, &ordered)
    )
}

/// The measures of the first table, in its order.
const MAIN: [&str; 8] = [
    "log_z",
    "ess",
    "mean_rejection_rate",
    "mode_weight_error",
    "sliced_wasserstein",
    "sliced_wasserstein_floor",
    "evaluations",
    "seconds",
];

/// A measure in words.
fn measure_name(name: &str) -> String {
    match name {
        "log_z" => "log Z".into(),
        "log_z_error" => "error of log Z".into(),
        "ess" => "ESS / N".into(),
        "minimum_ess" => "smallest ESS / N".into(),
        "ess_per_evaluation" => "ESS / N per evaluation".into(),
        "ess_per_second" => "ESS per second".into(),
        "mode_weight_error" => "mode-weight error".into(),
        "sliced_wasserstein" => "sliced Wasserstein".into(),
        "sliced_wasserstein_floor" => "sliced Wasserstein, floor".into(),
        "mean_rejection_rate" => "mean rejection".into(),
        "sliced_wasserstein_excess" => "sliced Wasserstein above the floor".into(),
        "evaluations" => "evaluations".into(),
        other => text(&other.replace('_', " ")),
    }
}

fn rows_table(results: &Results, measures: &[&str]) -> String {
    let names: Vec<String> = measures.iter().map(|name| measure_name(name)).collect();
    let mut header = vec!["row", "runs"];
    header.extend(names.iter().map(|name| &**name));
    let row = |row: &Row| {
        let runs = match row.failed {
            0 => row.runs.to_string(),
            failed => format!("{} ({failed} failed)", row.runs),
        };
        let value = |name: &&str| match measure(row, name) {
            // How costs spread is of no interest here, and leaves no room for what is.
            Some((mean, _)) if ["evaluations", "seconds"].contains(name) => quantity(Some(mean)),
            Some((mean, error)) => with_error(Some(mean), error),
            None => "–".to_owned(),
        };
        let mut cells = vec![text(&row.label), runs];
        cells.extend(measures.iter().map(value));
        cells
    };
    let rows = table(&header, 1, &results.rows.iter().map(row).collect::<Vec<_>>());
    format!("<div class=\"rows\">\n{rows}</div>\n")
}

/// The configuration of every run, and what ran it.
pub(super) fn configurations(runs: &Named<'_>) -> String {
    let one = |(name, run): &(String, &RunFolder)| {
        let s = &run.summary;
        let open = if runs.len() == 1 { " open" } else { "" };
        format!(
            "<details{open}><summary>{}: amc {}, {} instructions, seed {}, <code>{}</code></summary>\n\
             <pre>{}</pre></details>\n",
            text(name),
            text(&s.version),
            text(&s.instructions),
            s.seed,
            text(&run.path.display().to_string()),
            text(run.config_text.trim_end())
        )
    };
    runs.iter().map(one).collect::<String>() + &written_by()
}

/// What experiments were run by, and with which settings.
pub(super) fn experiment_versions(experiments: &[&ExperimentFolder]) -> String {
    let one = |experiment: &&ExperimentFolder| {
        let results = &experiment.results;
        let mut html = format!(
            "<p>{}: preset {}, amc {}, {} instructions, <code>{}</code></p>\n",
            text(&results.experiment),
            text(&results.preset),
            text(&results.version),
            text(&results.instructions),
            text(&experiment.path.display().to_string())
        );
        let settings = |row: &Row| {
            let words = row.settings.iter().map(|(key, value)| match value {
                serde_json::Value::String(word) => format!("{key} = {word}"),
                other => format!("{key} = {other}"),
            });
            vec![text(&row.label), text(&words.collect::<Vec<_>>().join(", "))]
        };
        if results.rows.iter().any(|row| !row.settings.is_empty()) {
            let rows: Vec<Vec<String>> = results.rows.iter().map(settings).collect();
            html += "<details><summary>Settings of the rows</summary>\n";
            html += &table(&["row", "settings"], usize::MAX, &rows);
            html += "</details>\n";
        }
        html
    };
    experiments.iter().map(one).collect::<String>() + &written_by()
}

fn written_by() -> String {
    format!("<p class=\"soft small\">Report by amc {}.</p>\n", env!("CARGO_PKG_VERSION"))
}
