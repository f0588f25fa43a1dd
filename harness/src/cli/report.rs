//! `amc report DIR...`: finished runs and experiments as a page with figures.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{figure, print, print_json};
use crate::report::{Folder, Report, ReportError, ReportOptions, png, report as make_report};
use crate::run::RunError;

/// Show finished runs and experiments as a page with figures
///
/// Writes one HTML page that needs nothing else (no network, no script), and its figures as SVG and PNG files in the
/// folder `figures` beside it. Several runs stand side by side in the same figures and one table.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLE)]
pub(super) struct ReportArguments {
    /// Folders that `amc run --out` or `amc experiment run --out` wrote
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// The page [default: report.html in the first folder]
    #[arg(long, value_name = "FILE.html")]
    out: Option<PathBuf>,
    /// The two coordinates in which particles are shown, from 0 [default: those in which the modes differ most]
    #[arg(long, value_name = "I,J", value_parser = coordinates)]
    coordinates: Option<(usize, usize)>,
    /// Print what was written as JSON, and nothing else on stdout
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = r#"Examples:

  amc run CONFIG.toml --out first && amc report first     # writes first/report.html
  amc report first second third --out compared.html       # runs side by side
  amc report first --coordinates 0,7
  amc report ideal                                        # an experiment
  amc report first --json | jq -r '.figures[].png'"#;

/// The folder of the figures' files, beside the page.
const FIGURES: &str = "figures";

/// Two different whole numbers with a comma between them; equal ones show a diagonal, which nobody means.
fn coordinates(text: &str) -> Result<(usize, usize), String> {
    let parts: Vec<Option<usize>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    match parts.as_slice() {
        [Some(i), Some(j)] if i != j => Ok((*i, *j)),
        _ => Err("two different coordinates from 0 on are needed, such as 0,1".into()),
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Written<'a> {
    page: &'a Path,
    figures: Vec<Files>,
}

/// The files of a figure.
#[derive(Serialize)]
struct Files {
    name: String,
    svg: PathBuf,
    png: PathBuf,
}

/// Runs the subcommand.
pub(super) fn report(arguments: &ReportArguments) -> Result<(), RunError> {
    let folders = arguments.folders.iter().map(|path| Folder::read(path));
    let folders = folders.collect::<Result<Vec<_>, _>>()?;
    let page = match (&arguments.out, arguments.folders.first()) {
        (Some(out), _) => out.clone(),
        (None, first) => first.cloned().unwrap_or_default().join("report.html"),
    };
    figure::check_writable(&page, figure::Kind::Report)?;
    let options = ReportOptions { coordinates: arguments.coordinates, figures: FIGURES.into() };
    let made = make_report(&folders, &options).map_err(|error| match error {
        ReportError::Coordinates(message) => RunError::Argument { name: "--coordinates", message },
        error => RunError::File { path: page.clone(), message: error.to_string() },
    })?;
    let files = write(&made, &page)?;
    if arguments.json {
        return print_json(&Written { page: &page, figures: files });
    }
    let folder = page.parent().unwrap_or(Path::new("")).join(FIGURES);
    print(&format!(
        "{}: {} figures, also as SVG and PNG in {}\n",
        page.display(),
        files.len(),
        folder.display()
    ))
}

/// Writes figures and page, the page last: what it links to is there when it is.
fn write(made: &Report, page: &Path) -> Result<Vec<Files>, RunError> {
    let folder = page.parent().unwrap_or(Path::new("")).join(FIGURES);
    fs::create_dir_all(&folder).map_err(|error| RunError::File {
        path: folder.clone(),
        message: format!("the folder cannot be created ({error}): choose another --out"),
    })?;
    let mut files = Vec::new();
    for drawn in &made.figures {
        let file = |ending: &str| folder.join(format!("{}.{ending}", drawn.name));
        let (svg, bitmap) = (file("svg"), file("png"));
        figure::write(&svg, Ok(drawn.svg.clone()))?;
        figure::write(&bitmap, png(&drawn.svg))?;
        files.push(Files { name: drawn.name.clone(), svg, png: bitmap });
    }
    figure::write(page, Ok(made.html.clone()))?;
    Ok(files)
}
