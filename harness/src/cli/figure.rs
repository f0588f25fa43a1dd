//! The file of a figure: refused before any work, whole or absent afterwards.

use std::path::Path;

use crate::report;
use crate::run::RunError;

/// Refuses a file that cannot be written before any work is done.
pub(super) fn check_writable(path: &Path) -> Result<(), RunError> {
    if path.extension().is_none_or(|extension| extension != "svg") {
        let message = "the figure is an SVG: give --plot a name that ends in .svg".into();
        return Err(RunError::File { path: path.to_owned(), message });
    }
    let existed = path.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map_err(|e| RunError::File {
        path: path.to_owned(),
        message: format!("the figure cannot be written there ({e}): choose another --plot"),
    })?;
    if !existed {
        // Only a probe: the figure comes when it is complete.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Writes a figure that has been drawn.
pub(super) fn write(path: &Path, svg: report::Result<String>) -> Result<(), RunError> {
    let refuse = |message: String| RunError::File { path: path.to_owned(), message };
    let svg = svg.map_err(|e| refuse(format!("no figure: {e}")))?;
    let temporary = path.with_extension("svg.part");
    std::fs::write(&temporary, svg)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|e| refuse(format!("cannot be written: {e}")))
}
