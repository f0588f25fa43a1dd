//! What a complete folder holds: the name, size and SHA-256 of every file, and its own SHA-256, written last.

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
const FORMAT: u32 = 2;

/// One file of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its name, with `/` between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hex digits.
    pub sha256: String,
}

/// The files of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// SHA-256 of its own text with nothing in this place.
    sha256: String,
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
    /// The manifest is not what was written.
    #[error("manifest.json was damaged ({0})")]
    Damaged(String),
    /// The manifest cannot be read, or is none of ours.
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
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { sha256: String::new(), format: FORMAT, version, files })
    }

    /// Writes it into its folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let unsealed = self.text(String::new())?;
        let text = self.text(hex(&Sha256::digest(unsealed)))?;
        replace(&folder.join(MANIFEST), |file| file.write_all(text.as_bytes()))
    }

    fn text(&self, sha256: String) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(&Self { sha256, ..self.clone() })? + "\n")
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

    /// Whether the manifest of a folder says that a file held these bytes.
    pub fn remembers(folder: &Path, name: &str, bytes: &[u8]) -> bool {
        let sha256 = hex(&Sha256::digest(bytes));
        Self::read(folder).is_ok_and(|manifest| {
            manifest.files.iter().any(|file| file.name == name && file.sha256 == sha256)
        })
    }

    /// Reads the manifest of a folder.
    fn read(folder: &Path) -> Result<Self, ManifestError> {
        let bytes = fs::read(folder.join(MANIFEST)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ManifestError::Missing,
            _ => ManifestError::Unusable(error.to_string()),
        })?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| ManifestError::Damaged(error.to_string()))?;
        let unsealed = String::from_utf8_lossy(&bytes).replacen(&manifest.sha256, "", 1);
        if manifest.sha256 != hex(&Sha256::digest(unsealed)) {
            return Err(ManifestError::Damaged("its own SHA-256 differs".into()));
        }
        if manifest.format != FORMAT {
            let problem = format!("format {} is not known, only {FORMAT}", manifest.format);
            return Err(ManifestError::Unusable(problem));
        }
        Ok(manifest)
    }

    /// Reads the manifest of a folder and compares every file with it.
    ///
    /// # Errors
    /// [`ManifestError`], the first thing that does not fit.
    pub fn check(folder: &Path) -> Result<Self, ManifestError> {
        let manifest = Self::read(folder)?;
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

    /// Makes sure that the files that are to be read, as far as they are there, are among those it was compared with.
    ///
    /// # Errors
    /// [`ManifestError::File`], the first that is not.
    pub fn vouch_for(&self, folder: &Path, names: &[&str]) -> Result<(), ManifestError> {
        let known = |name: &str| self.files.iter().any(|file| file.name == name);
        match names.iter().find(|name| folder.join(name).exists() && !known(name)) {
            Some(&name) => Err(ManifestError::File {
                name: name.to_owned(),
                problem: "is not in manifest.json, so that nothing vouches for it".into(),
            }),
            None => Ok(()),
        }
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
