//! `amc report DIR...`: finished runs and experiments as a page with figures.

use std::collections::BTreeSet;
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
use crate::storage::{Lock, write_through};

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
    let hidden = format!(".{}.", folder.file_name().unwrap_or_default().to_string_lossy());
    let temporary = folder.with_file_name(format!("{hidden}{}{PART}", std::process::id()));
    let unwritable = |path: &Path, error: io::Error| RunError::Unwritable {
        path: path.to_owned(),
        message: format!("cannot be written ({error}): make room, or choose another --out"),
    };
    fs::create_dir_all(&temporary).map_err(|error| unwritable(page, error))?;
    // Those of processes that were killed, and of none that is at work.
    let lock = Lock::take(&temporary);
    remove_left(&temporary, &hidden);
    let written = fill(made, &temporary, page).and_then(|()| {
        exchange(made, &temporary, page, folder).map_err(|error| unwritable(folder, error))?;
        fs::rename(temporary.join(PAGE), page).map_err(|error| unwritable(page, error))
    });
    drop(lock);
    // Empty by now, or of no use.
    let _ = fs::remove_dir_all(&temporary);
    written?;
    let files = |drawn: &Figure| {
        let [svg, png] = files_of(&drawn.name).map(|name| folder.join(name));
        Files { name: drawn.name.clone(), svg, png }
    };
    Ok(made.figures.iter().map(files).collect())
}

/// How the names of temporary folders end.
const PART: &str = ".part";

/// Removes the temporary folders of reports that were killed, but `own`.
fn remove_left(own: &Path, hidden: &str) {
    let beside = own.parent().filter(|path| !path.as_os_str().is_empty());
    let entries = fs::read_dir(beside.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let left = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(hidden).and_then(|name| name.strip_suffix(PART));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
            && own.file_name() != Some(entry.file_name().as_os_str())
    });
    for path in left.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if let Ok(Some(lock)) = Lock::take(&path) {
            drop(lock);
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Puts the new figures in the place of those that the page of before shows. Whatever else stands in their folder is not
/// ours to remove.
fn exchange(made: &Report, temporary: &Path, page: &Path, folder: &Path) -> io::Result<()> {
    let mut before = figures_on(page);
    fs::create_dir_all(folder)?;
    for drawn in &made.figures {
        before.remove(&drawn.name);
        for name in files_of(&drawn.name) {
            fs::rename(temporary.join(&name), folder.join(&name))?;
        }
    }
    // Before the page, which alone knows them.
    for name in before.iter().flat_map(|name| files_of(name)) {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The files of a figure.
fn files_of(name: &str) -> [String; 2] {
    ["svg", "png"].map(|ending| format!("{name}.{ending}"))
}

/// The names of the figures that a page shows, if there is one; none of them leads out of the folder.
fn figures_on(page: &Path) -> BTreeSet<String> {
    let html = fs::read_to_string(page).unwrap_or_default();
    let named = html.split("<figure id=\"").skip(1).filter_map(|part| part.split_once('"'));
    let ours = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    named.map(|(name, _)| name.to_owned()).filter(|name| ours(name)).collect()
}

/// The page among the temporary files; no figure has that name.
const PAGE: &str = "page.html";

/// Writes everything into a folder.
fn fill(made: &Report, folder: &Path, page: &Path) -> Result<(), RunError> {
    let unwritable = |error: io::Error| RunError::Unwritable {
        path: page.to_owned(),
        message: format!("cannot be written ({error}): make room, or choose another --out"),
    };
    for drawn in &made.figures {
        let bitmap = png(&drawn.svg).map_err(|error| RunError::File {
            path: page.to_owned(),
            message: error.to_string(),
        })?;
        for (name, contents) in files_of(&drawn.name).iter().zip([drawn.svg.as_bytes(), &bitmap]) {
            // Not brought to the disk: what a power failure takes is made again from the run.
            fs::write(folder.join(name), contents).map_err(unwritable)?;
        }
    }
    write_through(&folder.join(PAGE), |file| file.write_all(made.html.as_bytes()))
        .map_err(unwritable)
}
