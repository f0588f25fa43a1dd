//! What a complete folder holds: the name, size and SHA-256 of every file, written last.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::digits::hex;
use super::replace::replace;

/// The file of a manifest, whose presence marks a complete folder.
pub(super) const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its name, with `/` between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The files of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Version of the program that wrote the files.
    pub version: String,
    /// The files, in order of their names.
    pub files: Vec<Recorded>,
}

/// A folder that is not what its manifest says.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// There is none: what was to be written here is not complete.
    #[error("has no manifest.json: what it holds is not complete")]
    Missing,
    /// The manifest itself.
    #[error("manifest.json cannot be used ({0})")]
    Unusable(String),
    /// A file.
    #[error("{name} {problem}")]
    File {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Manifest {
    /// The manifest of the files `names` in `folder`; a folder among them stands for all that it holds.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(folder: &Path, names: &[&str]) -> io::Result<Self> {
        let mut files = Vec::new();
        for name in names {
            record(folder, name, &mut files)?;
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned(), files })
    }

    /// Writes it into its folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        replace(&folder.join(MANIFEST), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            file.write_all(b"\n")
        })
    }

    /// Whether a folder is marked as complete.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(MANIFEST).exists()
    }

    /// Takes the mark away before files are changed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_from(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(MANIFEST)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Reads the manifest of a folder and compares every file with it.
    ///
    /// # Errors
    /// [`ManifestError`], the first thing that does not fit.
    pub fn check(folder: &Path) -> Result<Self, ManifestError> {
        let text =
            fs::read_to_string(folder.join(MANIFEST)).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => ManifestError::Missing,
                _ => ManifestError::Unusable(error.to_string()),
            })?;
        let manifest: Self = serde_json::from_str(&text)
            .map_err(|error| ManifestError::Unusable(error.to_string()))?;
        if manifest.format != FORMAT {
            let problem = format!("format {} is not known, only {FORMAT}", manifest.format);
            return Err(ManifestError::Unusable(problem));
        }
        for expected in &manifest.files {
            let inside = |part| matches!(part, Component::Normal(_));
            if !Path::new(&expected.name).components().all(inside) {
                let problem = format!("\"{}\" leads out of the folder", expected.name);
                return Err(ManifestError::Unusable(problem));
            }
            let wrong =
                |problem: String| ManifestError::File { name: expected.name.clone(), problem };
            let (bytes, sha256) = digest(&folder.join(&expected.name))
                .map_err(|error| wrong(format!("cannot be read ({error})")))?;
            if bytes != expected.bytes {
                return Err(wrong(format!("has {bytes} bytes instead of {}", expected.bytes)));
            }
            if sha256 != expected.sha256 {
                return Err(wrong("is not the file that was written: its SHA-256 differs".into()));
            }
        }
        Ok(manifest)
    }
}

/// Adds a file, or all files of a folder.
fn record(folder: &Path, name: &str, files: &mut Vec<Recorded>) -> io::Result<()> {
    let path = folder.join(name);
    if !path.is_dir() {
        let (bytes, sha256) = digest(&path)?;
        files.push(Recorded { name: name.to_owned(), bytes, sha256 });
        return Ok(());
    }
    for entry in fs::read_dir(&path)? {
        let inner = entry?.file_name();
        let inner = inner.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        // Left by a process that was killed while it wrote.
        if inner.ends_with(".part") {
            continue;
        }
        record(folder, &format!("{name}/{inner}"), files)?;
    }
    Ok(())
}

/// Size and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok((bytes, hex(&hash.finalize())))
}
