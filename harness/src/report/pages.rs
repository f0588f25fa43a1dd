//! The report on finished runs and experiments as one page, and its figures.
//!
//! Verdicts and claims stand on top, configurations and versions at the bottom. Several runs stand side by
//! side in the same figures and one table.

use super::experiment_figures;
use super::figure::{Figure, with_unique_names};
use super::folder::{ExperimentFolder, Folder, RunFolder};
use super::html::{page, text};
use super::particle_figures::{scatter, trajectories};
use super::run_figures::{Named, compared};
use super::sections::{
    claims, configurations, experiment_table, experiment_versions, run_table, verdicts,
};
use super::{ReportError, Result};
use crate::experiment::Results;

/// What a report is to show, and where its figures stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// The two coordinates in which particles are shown; those in which the modes differ most otherwise.
    pub coordinates: Option<(usize, usize)>,
    /// The folder of the figures' files, as the page links to it.
    pub figures: String,
}

/// A report: a page, and the figures in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The text of the HTML file.
    pub html: String,
    /// The figures in the order of the page, with names of their own.
    pub figures: Vec<Figure>,
}

/// Rules of style that only reports need.
const STYLE: &str = "
figure { margin: 1.2rem 0 1.8rem; } figure svg { display: block; width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .3rem; } .files { white-space: nowrap; }
@media screen and (max-width: 46rem) { figure { overflow-x: auto; } figure svg { min-width: 40rem; }
  figcaption { position: sticky; left: 0; } }
nav { border: 1px solid var(--edge); border-radius: .4rem; padding: .5rem 1rem; margin: 1rem 0; font-size: .9375rem; }
nav ul { margin: 0; padding-left: 1.2rem; columns: 18rem; column-gap: 2.5rem; }
.verdict { border: 1px solid var(--edge); border-radius: .4rem; padding: .7rem 1rem; margin: .7rem 0; background: var(--shade); }
.verdict h3 { margin: 0 0 .2rem; } .verdict ul { margin: .4rem 0 0; padding-left: 1.2rem; } .verdict p { margin: .2rem 0; }
pre { background: var(--shade); border: 1px solid var(--edge); border-radius: .4rem; padding: .7rem 1rem; overflow-x: auto; }
@media print { .files { display: none; } pre { white-space: pre-wrap; } figure svg { max-height: 22cm; } }
";

/// A section of a page: its heading, its place, its HTML.
struct Section {
    heading: String,
    id: String,
    html: String,
}

/// Makes the report on what folders hold.
///
/// # Errors
/// No folder, and coordinates that a target does not have.
pub fn report(folders: &[Folder], options: &ReportOptions) -> Result<Report> {
    let runs: Vec<&RunFolder> = folders.iter().filter_map(Folder::run).collect();
    let studied: Vec<&ExperimentFolder> = folders.iter().filter_map(Folder::experiment).collect();
    let experiments: Vec<&Results> = studied.iter().map(|folder| &folder.results).collect();
    if folders.is_empty() {
        return Err(ReportError::TooShort { what: "folders", found: 0 });
    }
    let named: Vec<(String, &RunFolder)> = names(&runs).into_iter().zip(runs).collect();
    let mut figures = run_figures(&named, options.coordinates)?;
    let of_runs = figures.len();
    let mut parts = vec![of_runs];
    for results in &experiments {
        let prefix =
            if folders.len() > 1 { format!("{} ", results.experiment) } else { String::new() };
        figures.extend(experiment_figures::figures(results, &prefix));
        parts.push(figures.len());
    }
    with_unique_names(&mut figures);
    let html_of = |from: usize, to: usize| -> String {
        let part = figures.get(from..to).unwrap_or_default();
        part.iter().map(|figure| figure.html(&options.figures)).collect()
    };
    let mut sections = Vec::new();
    let mut add = |heading: &str, html: String| {
        let id = format!("part-{}", sections.len() + 1);
        sections.push(Section { heading: heading.to_owned(), id, html });
    };
    if !named.is_empty() {
        add(if named.len() == 1 { "Verdict" } else { "Verdicts" }, verdicts(&named));
    }
    for results in &experiments {
        add(&heading(results, folders.len() > 1, "Claims"), claims(results));
    }
    if !named.is_empty() {
        add("Numbers", run_table(&named));
        // Beside those of experiments it must be said whose they are.
        let heading = match (&*named, &*experiments) {
            (_, []) => "Figures".to_owned(),
            ([(name, _)], _) => format!("Figures: {name}"),
            _ => "Figures: all runs".to_owned(),
        };
        add(&heading, html_of(0, of_runs));
    }
    for (results, ends) in experiments.iter().zip(parts.windows(2)) {
        if let &[from, to] = ends {
            add(&heading(results, folders.len() > 1, "Figures"), html_of(from, to));
        }
        add(&heading(results, folders.len() > 1, "Rows"), experiment_table(results));
    }
    if !named.is_empty() {
        add("Configuration and versions", configurations(&named));
    }
    if !studied.is_empty() {
        add("Versions", experiment_versions(&studied));
    }
    let title = title(&named, &experiments);
    let html = page(&title, STYLE, &body(&title, &sections));
    Ok(Report { html, figures })
}

fn run_figures(named: &Named<'_>, coordinates: Option<(usize, usize)>) -> Result<Vec<Figure>> {
    let mut figures = compared(named);
    let several = named.len() > 1;
    for (name, run) in named {
        let particles =
            scatter((name, run), coordinates, several).map_err(ReportError::Coordinates)?;
        figures.extend(particles);
        figures.extend(trajectories(name, run, several));
    }
    Ok(figures)
}

/// Names of runs: of their folders where these differ, else of their whole paths.
fn names(runs: &[&RunFolder]) -> Vec<String> {
    let short: Vec<String> = runs.iter().map(|run| run.name()).collect();
    let unique = |name: &String| short.iter().filter(|other| *other == name).count() == 1;
    let name = |(run, name): (&&RunFolder, &String)| {
        if unique(name) { name.clone() } else { run.path.display().to_string() }
    };
    runs.iter().zip(&short).map(name).collect()
}

/// A heading that names its experiment where the page shows more than it.
fn heading(results: &Results, several: bool, what: &str) -> String {
    if several { format!("{what}: {}", results.title) } else { what.to_owned() }
}

fn title(named: &Named<'_>, experiments: &[&Results]) -> String {
    match (named, experiments) {
        ([(name, run)], []) => format!("{}: {name}", run.summary.target),
        ([], [results]) => results.title.clone(),
        (_, []) => format!("{} runs side by side", named.len()),
        ([], _) => format!("{} experiments", experiments.len()),
        _ => {
            let (runs, experiments) = (named.len(), experiments.len());
            format!("{}, {}", counted(runs, "run"), counted(experiments, "experiment"))
        }
    }
}

/// So many things, in words.
fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("{count} {thing}") } else { format!("{count} {thing}s") }
}

fn body(title: &str, sections: &[Section]) -> String {
    let mut html = format!("<main>\n<h1>{}</h1>\n", text(title));
    let items = sections
        .iter()
        .map(|part| format!("<li><a href=\"#{}\">{}</a></li>", part.id, text(&part.heading)));
    html += &format!("<nav aria-label=\"contents\"><ul>{}</ul></nav>\n", items.collect::<String>());
    for Section { heading, id, html: part } in sections {
        html += &format!("<section>\n<h2 id=\"{id}\">{}</h2>\n{part}</section>\n", text(heading));
    }
    html + "</main>\n"
}
