//! A file that is whole or absent, at every moment.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Puts a file where `path` is, at once: `fill` writes it beside its place, it is brought to the disk, then renamed. A
/// process killed at any moment leaves the file of before or the new one; an error leaves the file of before.
///
/// # Errors
/// Those of `fill` and of the file system.
pub fn replace(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = write_through(&temporary, fill).and_then(|()| fs::rename(&temporary, path));
    match &written {
        Ok(()) => sync_folder(path),
        // The error that matters is the first one.
        Err(_) => drop(fs::remove_file(&temporary)),
    }
    written
}

/// Writes a file and brings it to the disk.
pub(crate) fn write_through(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 16, File::create(path)?);
    let filled = fill(&mut file);
    // What is left in the buffer must not be written on the way out of an error.
    match filled {
        Ok(()) => file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all(),
        Err(error) => {
            drop(file.into_parts());
            Err(error)
        }
    }
}

/// The temporary name beside a file's own.
pub(super) fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".part");
    Ok(path.with_file_name(hidden))
}

/// Brings the new name of a file to the disk; without this a power failure may bring back the old file. Whole it is
/// either way, so that file systems that cannot do it are no error.
pub(super) fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
