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

/// Puts a file where `path` is, as [`replace`] does, and what was there where `previous` is. The new one is written
/// first: at every moment one of the two names leads to a whole file.
///
/// # Errors
/// Those of `fill` and of the file system.
pub(crate) fn rotate(
    path: &Path,
    previous: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = write_through(&temporary, fill)
        .and_then(|()| match fs::rename(path, previous) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        })
        .and_then(|()| fs::rename(&temporary, path));
    match &written {
        Ok(()) => sync_folder(path),
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
pub(crate) fn sync_folder(path: &Path) {
    sync(folder_of(path));
}

/// Brings the names of all files in a folder, and in those inside it, to the disk: what holds others comes after them.
///
/// # Errors
/// A folder that cannot be read.
pub(crate) fn sync_names(folder: &Path) -> io::Result<()> {
    folders(folder)?.iter().for_each(|folder| sync(folder));
    Ok(())
}

/// Creates a folder and those that it is in, and brings their names to the disk.
///
/// # Errors
/// Those of the file system.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    fs::create_dir_all(path)?;
    missing.into_iter().for_each(sync_folder);
    Ok(())
}

/// The folder itself and all inside it, each after those that it holds.
pub(super) fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A link leads to what is not ours.
        if entry.file_type()?.is_dir() {
            found.append(&mut folders(&entry.path())?);
        }
    }
    found.push(folder.to_owned());
    Ok(found)
}

/// The folder that a file or folder is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings the names in a folder to the disk, where that can be done.
fn sync(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
