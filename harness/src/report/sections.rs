//! The sections of a report that are text and tables.

use std::collections::BTreeSet;

use super::digits::{count, quantity, with_error};
use super::folder::{Claim, Results, Row, RunFolder};
use super::html::{table, text};
use super::run_figures::Named;

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
    let warnings = summary.warnings.iter().map(|w| format!("<b>warning</b>: {}", text(w)));
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
    let row = |claim: &Claim| vec![badge(&claim.verdict), text(&claim.claim), text(&claim.detail)];
    let rows: Vec<Vec<String>> = results.claims.iter().map(row).collect();
    html + &table(&["verdict", "claim", "what the data say"], usize::MAX, &rows)
}

/// One row of numbers for every run.
pub(super) fn run_table(runs: &Named<'_>) -> String {
    let header = [
        "run",
        "target",
        "method",
        "verdict",
        "log Z",
        "log Z, upper",
        "ESS / N",
        "mean rejection",
        "mode-weight error",
        "sliced Wasserstein",
        "its floor",
        "evaluations",
        "seconds",
    ];
    let row = |(name, run): &(String, &RunFolder)| {
        let s = &run.summary;
        vec![
            text(name),
            text(&s.target),
            text(&s.method()),
            badge(&s.verdict.status),
            with_error(s.log_z, s.log_z_std_error),
            with_error(s.log_z_upper, s.log_z_upper_std_error),
            quantity(s.ess),
            quantity(s.mean_rejection_rate),
            quantity(s.mode_weight_error),
            quantity(s.sliced_wasserstein),
            quantity(s.sliced_wasserstein_floor),
            quantity(s.evaluations_per_particle()),
            quantity(s.sampling_seconds),
        ]
    };
    if let [(_, run)] = runs {
        return one_run(run);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    // A column that no run has is left out.
    let empty = |column: &usize| rows.iter().all(|row| row.get(*column).is_some_and(|c| c == "–"));
    let kept: Vec<usize> = (0..header.len()).filter(|column| !empty(column)).collect();
    let header: Vec<&str> = kept.iter().map(|&column| header[column]).collect();
    let cells = |row: Vec<String>| kept.iter().filter_map(|&c| row.get(c).cloned()).collect();
    table(&header, 4, &rows.into_iter().map(cells).collect::<Vec<_>>()) + EVALUATIONS
}

const EVALUATIONS: &str = "<p class=\"soft small\">Evaluations are densities, scores and Hessian-vector products of the \
    production run for one particle (of replica exchange: one ladder in one round); placing the levels, the pilot \
    and the run from the other side are left out, from the seconds only the metrics.</p>\n";

/// The numbers of a single run, one below the other.
fn one_run(run: &RunFolder) -> String {
    let s = &run.summary;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |name: &str, value: String, ideal: &str| {
        if value != "–" {
            rows.push(vec![name.to_owned(), value, ideal.to_owned()]);
        }
    };
    add("log Z", with_error(s.log_z, s.log_z_std_error), "0");
    let upper = with_error(s.log_z_upper, s.log_z_upper_std_error);
    add("log Z from exact samples (upper side)", upper, "0");
    let forward = with_error(s.log_z_forward, s.log_z_forward_std_error);
    add("log Z by stepping stones, up", forward, "0");
    let backward = with_error(s.log_z_backward, s.log_z_backward_std_error);
    add("log Z by stepping stones, down", backward, "0");
    add("effective sample size / N", quantity(s.ess), "1");
    add("smallest ESS / N on the way", quantity(s.minimum_ess), "1");
    add("mean rejection rate of swaps", quantity(s.mean_rejection_rate), "0");
    add("worst pair of levels", quantity(s.worst_rejection_rate), "0");
    add("sum of rejection rates", quantity(s.sum_of_rejection_rates), "");
    let predicted = format!("{} (predicted)", quantity(s.predicted_round_trip_rate));
    add("round trips per ladder and round", quantity(s.round_trip_rate), &predicted);
    add("communication barrier Λ", quantity(s.barrier), "");
    add("mode-weight error (total variation)", quantity(s.mode_weight_error), "0");
    let floor = format!("{} (floor)", quantity(s.sliced_wasserstein_floor));
    add("sliced Wasserstein", quantity(s.sliced_wasserstein), &floor);
    add("maximum mean discrepancy", quantity(s.maximum_mean_discrepancy), "0");
    add("Kolmogorov-Smirnov, worst coordinate", quantity(s.kolmogorov_smirnov), "0");
    add("acceptance rate of the kernel", quantity(s.acceptance_rate), "");
    add("samples", count(s.particles as u64), "");
    add("evaluations per particle", quantity(s.evaluations_per_particle()), "");
    let e = &s.evaluations;
    add("densities, all of the run", count(e.density), "");
    add("scores, all of the run", count(e.score), "");
    add("Hessian-vector products, all of the run", count(e.hessian_product), "");
    add("seconds of sampling", quantity(s.sampling_seconds), "");
    add("seconds with the metrics", quantity(s.seconds), "");
    table(&["quantity", "value", "what it should be"], 1, &rows) + EVALUATIONS
}

/// All rows of an experiment with all measures that any of them has.
pub(super) fn experiment_table(results: &Results) -> String {
    let measures: BTreeSet<&str> =
        results.rows.iter().flat_map(|row| row.measures.keys().map(|name| &**name)).collect();
    let (main, more): (Vec<&str>, Vec<&str>) =
        measures.into_iter().partition(|name| MAIN.contains(name));
    let mut ordered: Vec<&str> = MAIN.into_iter().filter(|name| main.contains(name)).collect();
    let first = rows_table(results, &ordered);
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

fn rows_table(results: &Results, measures: &[&str]) -> String {
    let names: Vec<String> = measures.iter().map(|name| text(&name.replace('_', " "))).collect();
    let mut header = vec!["row", "runs"];
    header.extend(names.iter().map(|name| &**name));
    let row = |row: &Row| {
        let runs = match row.failed {
            0 => row.runs.to_string(),
            failed => format!("{} ({failed} failed)", row.runs),
        };
        let value = |name: &&str| match row.measure(name) {
            Some((mean, error)) => with_error(Some(mean), error),
            None => "–".to_owned(),
        };
        let mut cells = vec![text(&row.label), runs];
        cells.extend(measures.iter().map(value));
        cells
    };
    table(&header, 1, &results.rows.iter().map(row).collect::<Vec<_>>())
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
pub(super) fn experiment_versions(experiments: &[&Results]) -> String {
    let one = |results: &&Results| {
        let mut html = format!(
            "<p>{}: preset {}, amc {}, {} instructions, <code>{}</code></p>\n",
            text(&results.experiment),
            text(&results.preset),
            text(&results.version),
            text(&results.instructions),
            text(&results.path.display().to_string())
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
