//! `amc report DIR...`: finished runs and experiments as a page with figures.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{figure, print, print_json};
use crate::report::html::MARK;
use crate::report::{
    Figure, Folder, Report, ReportError, ReportOptions, png, report as make_report,
};
use crate::run::RunError;
use crate::storage::replace;

/// Show finished runs and experiments as a page with figures
///
/// Writes one HTML page that needs nothing else (no network, no script), and its figures as SVG and PNG files in a
/// folder beside it: `figures` for report.html, `NAME-figures` for NAME.html. Several runs stand side by side in the same figures and one table.
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

/// The name of the folder of a page's figures, beside the page: reports of other names do not share it.
fn figures_of(page: &Path) -> String {
    match page.file_stem().map(|name| name.to_string_lossy()) {
        Some(name) if name != "report" => format!("{name}-figures"),
        _ => "figures".into(),
    }
}

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
    if arguments.out.is_some() {
        check_ours(&page)?;
    }
    figure::check_writable(&page, figure::Kind::Report)?;
    for warning in folders.iter().filter_map(Folder::warning) {
        eprintln!("warning: {warning}");
    }
    let figures = figures_of(&page);
    let options = ReportOptions { coordinates: arguments.coordinates, figures };
    let made = make_report(&folders, &options).map_err(|error| match error {
        ReportError::Coordinates(message) => RunError::Argument { name: "--coordinates", message },
        error => RunError::File { path: page.clone(), message: error.to_string() },
    })?;
    let folder = page.parent().unwrap_or(Path::new("")).join(&options.figures);
    let files = write(&made, &page, &folder)?;
    if arguments.json {
        return print_json(&Written { page: &page, figures: files });
    }
    print(&format!(
        "{}: {} figures, also as SVG and PNG in {}\n",
        page.display(),
        files.len(),
        folder.display()
    ))
}

/// Refuses to replace a page that this program did not write.
fn check_ours(page: &Path) -> Result<(), RunError> {
    // One that cannot be read cannot be written either, which is said elsewhere.
    let Ok(there) = fs::read(page) else { return Ok(()) };
    if String::from_utf8_lossy(&there).contains(MARK) {
        return Ok(());
    }
    let message = "is there already, and amc did not write it: choose another --out, or remove it";
    Err(RunError::File { path: page.to_owned(), message: message.into() })
}

/// Writes figures and page. All are written whole under temporary names before any takes its place, the page last:
/// a disk that is full leaves what was there before.
fn write(made: &Report, page: &Path, folder: &Path) -> Result<Vec<Files>, RunError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let unwritable = |path: &Path, error: io::Error| RunError::Unwritable {
        path: path.to_owned(),
        message: format!("cannot be written ({error}): make room, or choose another --out"),
    };
    let written = fill(made, &temporary, page).and_then(|files| {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        for name in files {
            let place = folder.join(&name);
            fs::rename(temporary.join(&name), &place).map_err(|error| unwritable(&place, error))?;
        }
        fs::rename(temporary.join(PAGE), page).map_err(|error| unwritable(page, error))
    });
    // Empty by now, or of no use.
    let _ = fs::remove_dir_all(&temporary);
    written?;
    let file = |drawn: &Figure, ending: &str| folder.join(format!("{}.{ending}", drawn.name));
    let files = |drawn: &Figure| Files {
        name: drawn.name.clone(),
        svg: file(drawn, "svg"),
        png: file(drawn, "png"),
    };
    Ok(made.figures.iter().map(files).collect())
}

/// The page among the temporary files; no figure has that name.
const PAGE: &str = "page.html";

/// Writes everything into a folder; the names of the figures' files.
fn fill(made: &Report, folder: &Path, page: &Path) -> Result<Vec<String>, RunError> {
    let unwritable = |error: io::Error| RunError::Unwritable {
        path: page.to_owned(),
        message: format!("cannot be written ({error}): make room, or choose another --out"),
    };
    fs::create_dir_all(folder).map_err(unwritable)?;
    let mut names = Vec::new();
    let write = |name: &str, contents: &[u8]| {
        replace(&folder.join(name), |file| file.write_all(contents)).map_err(unwritable)
    };
    for drawn in &made.figures {
        let bitmap = png(&drawn.svg).map_err(|error| RunError::File {
            path: page.to_owned(),
            message: error.to_string(),
        })?;
        for (ending, contents) in [("svg", drawn.svg.as_bytes()), ("png", &*bitmap)] {
            let name = format!("{}.{ending}", drawn.name);
            write(&name, contents)?;
            names.push(name);
        }
    }
    write(PAGE, made.html.as_bytes())?;
    Ok(names)
}
