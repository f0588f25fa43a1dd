//! Whether a folder is complete, and its files the ones that were written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{FolderError, read_json};

/// The file that marks a complete folder.
pub(super) const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    files: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Compares every file of a folder with the manifest.
pub(super) fn check(folder: &Path) -> Result<(), FolderError> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Err(FolderError::new(folder, unfinished(folder)));
    }
    let manifest: Manifest = read_json(&path)?;
    if manifest.format != FORMAT {
        let problem = format!("format {} is not known, only {FORMAT}", manifest.format);
        return Err(FolderError::new(&path, problem));
    }
    for file in &manifest.files {
        let path = folder.join(&file.name);
        let damaged = |problem: String| {
            FolderError::new(
                &path,
                format!("{problem}: it was damaged; repeat the run, or restore it"),
            )
        };
        let (bytes, sha256) =
            digest(&path).map_err(|error| damaged(format!("cannot be read ({error})")))?;
        if bytes != file.bytes {
            return Err(damaged(format!("has {bytes} bytes instead of {}", file.bytes)));
        }
        if sha256 != file.sha256 {
            return Err(damaged("is not the file that was written, its SHA-256 differs".into()));
        }
    }
    Ok(())
}

/// What to do about a folder without a manifest.
fn unfinished(folder: &Path) -> String {
    if folder.join("plan.json").exists() {
        return "is an experiment that is not finished (no manifest.json): `amc experiment run` with \
                the same --out goes on with it"
            .into();
    }
    if folder.join("checkpoint").exists() {
        let name = folder.display();
        return format!(
            "is a run that is not finished (no manifest.json): `amc resume {name}` goes on with it"
        );
    }
    if folder.join("summary.json").exists() {
        return "has no manifest.json: it was written by an earlier version; repeat the run".into();
    }
    "has no manifest.json: it is no finished run or experiment; `amc run CONFIG --out DIR` makes one, \
     `amc resume DIR` and `amc experiment run` go on with unfinished ones"
        .into()
}

/// Size and SHA-256 of a file.
pub(super) fn digest(path: &Path) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    let mut file = File::open(path)?;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += part.len() as u64;
    }
    Ok((bytes, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}
