//! The file of a figure or page: refused before any work, whole or absent afterwards.

use std::io::Write;
use std::path::Path;

use crate::report;
use crate::run::RunError;
use crate::storage::replace;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A figure, which `--plot` names.
    Figure,
    /// A page, which `--html` names.
    Page,
    /// A page, which `--out` names.
    Report,
}

impl Kind {
    /// What it is called, the option that names its file, and the ending of the name.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Figure => ("figure", "--plot", "svg"),
            Self::Page => ("page", "--html", "html"),
            Self::Report => ("page", "--out", "html"),
        }
    }
}

/// Refuses a file that cannot be written before any work is done.
pub(super) fn check_writable(path: &Path, kind: Kind) -> Result<(), RunError> {
    let (what, option, ending) = kind.words();
    if path.extension().is_none_or(|extension| extension != ending) {
        let message =
            format!("give {option} a name that ends in .{ending}, the format of the {what}");
        return Err(RunError::File { path: path.to_owned(), message });
    }
    let existed = path.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|e| RunError::File {
        path: path.to_owned(),
        message: format!("the {what} cannot be written there ({e}): choose another {option}"),
    })?;
    if !existed {
        // Only a probe: the contents come when they are complete.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Writes a figure or page that has been drawn.
pub(super) fn write(path: &Path, drawn: report::Result<impl AsRef<[u8]>>) -> Result<(), RunError> {
    let refuse = |message: String| RunError::File { path: path.to_owned(), message };
    let drawn = drawn.map_err(|e| refuse(format!("no figure: {e}")))?;
    replace(path, |file| file.write_all(drawn.as_ref()))
        .map_err(|e| refuse(format!("cannot be written: {e}")))
}
