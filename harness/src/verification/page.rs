//! The report as one page of HTML that needs nothing else: no script, no font, no network.
//!
//! Every case is a dot on a line from 1 to `1e-12` in the p-value bound, law by law; below are the tables.

use std::fmt::Write;

use super::{CaseRecord, LawRecord, VerificationReport};
use crate::report::html::{self, text as escaped};

/// Decades of the p-value bound that the strips show.
const DECADES: f64 = 12.0;
/// Width of the strips in pixels.
const WIDTH: f64 = 480.0;

/// What only this page needs of style.
const STYLE: &str = "
body { max-width: 72rem; } h2 { font-size: 1.1rem; margin: 0; display: inline; }
tr.failed td { background: color-mix(in srgb, var(--bad) 18%, var(--paper)); }
.statement { color: var(--soft); margin: .2rem 0 .5rem 1rem; } svg { vertical-align: middle; max-width: 100%; }
.name { display: inline-block; width: 30rem; max-width: 100%; }
.axis { margin-left: 1rem; color: var(--soft); font-size: 12px; }
";

/// The page of a report.
pub fn page(report: &VerificationReport) -> String {
    let mut page = "<h1>amc verify</h1>\n".to_owned();
    banner(&mut page, report);
    ledger(&mut page, report);
    let failures: Vec<&CaseRecord> = report.failures().collect();
    if !failures.is_empty() {
        page += "<h2>What did not pass</h2>\n";
        table(&mut page, failures.into_iter());
    }
    page += &axis();
    for law in &report.laws {
        section(&mut page, law, report);
    }
    let title = format!("amc verify: {} of {} passed", report.passed, report.cases.len());
    html::page(&title, STYLE, &page)
}

fn banner(page: &mut String, report: &VerificationReport) {
    let class = if report.failures().next().is_none() { "banner" } else { "banner failed" };
    // Writing to a string cannot fail; so in the rest of this file.
    let _ = writeln!(
        page,
        "<p class=\"{class}\"><b>{} of {} cases passed</b>, {} refuted, {} inconclusive, {} could not run. \
         Tier {}, seed {}, {:.0} s on {} threads, {} samples, version {}, {} instructions.</p>",
        report.passed,
        report.cases.len(),
        report.refuted,
        report.inconclusive,
        report.errors,
        report.tier,
        report.seed,
        report.seconds,
        report.threads,
        report.samples,
        report.version,
        report.instructions
    );
}

fn ledger(page: &mut String, report: &VerificationReport) {
    let _ = writeln!(
        page,
        "<p>With a fresh seed a correct program fails with probability at most {:.0e}: {:.2e} for each of \
         the {} cases that chance has a part in; the others hold path by path. Bounds hold at every \
         sample size, so most p-value bounds are near 1. Above 6e-4 or so a case is accepted at once, below \
         it draws more samples; a dot far to the right is a refutation.</p>",
        report.false_positive, report.share, report.by_chance
    );
}

fn section(page: &mut String, law: &LawRecord, report: &VerificationReport) {
    let open = if law.passed < law.cases { " open" } else { "" };
    let own = || report.cases.iter().filter(|case| case.law == law.law);
    let _ = writeln!(
        page,
        "<details{open}><summary><span class=\"name\"><h2>{}</h2> {} of {} passed, {:.1} s</span>{}</summary>\
         <p class=\"statement\">{}.<br>A pass excludes: {}.</p>",
        escaped(law.law),
        law.passed,
        law.cases,
        law.seconds,
        strip(own()),
        escaped(law.statement),
        escaped(law.excludes)
    );
    table(page, own());
    page.push_str("</details>\n");
}

/// Decades that are marked and named above the strips.
const MARKS: [i32; 5] = [0, -3, -6, -9, -12];

/// The names of the marks, above the first strip.
fn axis() -> String {
    let mut svg =
        format!("<svg width=\"{WIDTH}\" height=\"14\" font-size=\"11\" fill=\"var(--grey)\">");
    for mark in MARKS {
        let (x, anchor) = match mark {
            0 => (place(1.0) - 4.0, "start"),
            -12 => (place(1e-12) + 4.0, "end"),
            _ => (place(10_f64.powi(mark)), "middle"),
        };
        let text = if mark == 0 { "1".to_owned() } else { format!("1e{mark}") };
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"11\" text-anchor=\"{anchor}\">{text}</text>");
    }
    format!(
        "<div class=\"axis\"><span class=\"name\">p-value bounds, a dot a case</span>{svg}</svg></div>\n"
    )
}

/// Where a p-value bound stands on a strip.
fn place(p_value: f64) -> f64 {
    let decades = -p_value.max(f64::MIN_POSITIVE).log10();
    8.0 + (WIDTH - 16.0) * (decades / DECADES).clamp(0.0, 1.0)
}

fn strip<'a>(cases: impl Iterator<Item = &'a CaseRecord>) -> String {
    let mut svg = format!(
        "<svg width=\"{WIDTH}\" height=\"16\" role=\"img\" aria-label=\"p-value bounds\">\
         <line x1=\"8\" y1=\"8\" x2=\"{}\" y2=\"8\" stroke=\"var(--light)\"/>",
        WIDTH - 8.0
    );
    for mark in MARKS {
        let x = place(10_f64.powi(mark));
        let _ = write!(svg, "<path d=\"M{x:.1} 4v8\" stroke=\"var(--light)\"/>");
    }
    for case in cases {
        let color = if case.passed() { "var(--good)" } else { "var(--bad)" };
        let x = place(case.p_value_bound.unwrap_or(0.0));
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"8\" r=\"4\" fill=\"{color}\" fill-opacity=\".35\"/>"
        );
    }
    svg + "</svg>"
}

fn table<'a>(page: &mut String, cases: impl Iterator<Item = &'a CaseRecord>) {
    page.push_str(
        "<div class=\"wide\"><table><tr><th>instance</th><th>about</th><th>conclusion</th><th class=\"number\">p-value \
         bound</th><th class=\"number\">refuted from</th><th class=\"number\">samples</th>\
         <th class=\"number\">stages</th><th class=\"number\">seconds</th><th>detail</th></tr>\n",
    );
    for case in cases {
        let class = if case.passed() { "" } else { " class=\"failed\"" };
        let _ = writeln!(
            page,
            "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{:.2}</td><td>{}</td></tr>",
            escaped(&case.instance),
            escaped(case.subject),
            case.conclusion,
            short(case.p_value_bound),
            short(case.threshold),
            case.samples,
            case.stages,
            case.seconds,
            escaped(&case.detail)
        );
    }
    page.push_str("</table></div>\n");
}

fn short(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.1e}"))
}

#[cfg(test)]
mod tests {
    use super::super::CaseRecord;
    use super::*;

    fn report(conclusion: &'static str) -> VerificationReport {
        let case = CaseRecord {
            law: "bridge::crooks",
            subject: "ddpm",
            instance: "ddpm <v & more>".into(),
            conclusion,
            p_value_bound: Some(1e-7),
            threshold: Some(1e-9),
            samples: 640,
            stages: 2,
            seconds: 0.25,
            detail: "worst cut".into(),
        };
        VerificationReport {
            version: "0",
            instructions: "portable",
            tier: "quick",
            seed: 5,
            threads: 2,
            false_positive: 1e-6,
            share: 1e-6,
            by_chance: 1,
            passed: usize::from(conclusion == "passed"),
            refuted: usize::from(conclusion == "refuted"),
            inconclusive: 0,
            errors: 0,
            samples: 640,
            seconds: 0.3,
            laws: vec![],
            cases: vec![case],
        }
    }

    /// Fails if a failure hides among what passed, or names are not escaped.
    #[test]
    fn failures_stand_first_and_names_are_escaped() {
        let good = page(&report("passed"));
        assert!(!good.contains("What did not pass") && !good.contains("banner failed"));
        let bad = page(&report("refuted"));
        assert!(bad.contains("What did not pass") && bad.contains("banner failed"));
        assert!(bad.contains("ddpm &lt;v &amp; more&gt;") && !bad.contains("<v"));
    }

    /// Fails if the strip runs the wrong way or leaves its box.
    #[test]
    fn strip_runs_from_one_to_small() {
        assert_eq!(place(1.0), 8.0);
        assert!(place(1e-3) < place(1e-6));
        assert_eq!(place(0.0), WIDTH - 8.0);
    }
}
