//! A file of any serializable value, sealed by a checksum.
//!
//! `"amc-kept" | version: u32, little endian | the value, by postcard | SHA-256 of all before, 32 bytes`
//!
//! No byte can change, be lost or be added unnoticed. Numbers keep their bits: NaN, infinities and negative zeros
//! included. Files are written and read as streams, so that keeping a large state takes no second copy of it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::replace::replace;

const MAGIC: [u8; 8] = *b"amc-kept";
/// The version of the format.
const VERSION: u32 = 1;
const START: usize = MAGIC.len() + 4;
const SEAL: usize = 32;

/// Why a sealed file cannot be used.
#[derive(Debug, Error)]
pub enum SealError {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It cannot be read.
    #[error("cannot be read ({0})")]
    Unreadable(io::Error),
    /// Its bytes are not those that were written.
    #[error("is damaged: {0}")]
    Damaged(String),
}

/// Writes a value, whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn write_sealed(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, |file| seal(file, value))
}

/// The bytes of a sealed file.
pub(super) fn seal(file: &mut BufWriter<File>, value: &impl Serialize) -> io::Result<()> {
    let mut writer = Hashing { inner: file, hash: Sha256::new() };
    writer.write_all(&MAGIC)?;
    writer.write_all(&VERSION.to_le_bytes())?;
    // A full disk is an error of the writer below, which postcard does not hand on.
    let mut remembering = Remembering { inner: &mut writer, error: None };
    let written = postcard::to_io(value, &mut remembering).map(|_| ());
    match (remembering.error, written) {
        (Some(error), _) => return Err(error),
        (None, Err(error)) => return Err(io::Error::other(error.to_string())),
        (None, Ok(())) => {}
    }
    let Hashing { inner, hash } = writer;
    inner.write_all(&hash.finalize())
}

/// Reads a value.
///
/// # Errors
/// [`SealError`].
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T, SealError> {
    let mut sealed = Sealed::open(path)?;
    let value = sealed.next()?;
    sealed.end()?;
    Ok(value)
}

/// A sealed file whose checksum fits, to be read value by value.
pub(super) struct Sealed {
    contents: io::Take<BufReader<File>>,
    /// Room for the longest text inside.
    room: Vec<u8>,
}

impl Sealed {
    /// Opens a file and checks its seal.
    pub(super) fn open(path: &Path) -> Result<Self, SealError> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SealError::Missing,
            _ => SealError::Unreadable(error),
        })?;
        let length = file.metadata().map_err(SealError::Unreadable)?.len();
        check_seal(&mut file, length)?;
        file.seek(SeekFrom::Start(START as u64)).map_err(SealError::Unreadable)?;
        let reader = BufReader::with_capacity(1 << 16, file);
        Ok(Self { contents: reader.take(length - (START + SEAL) as u64), room: vec![0; 1 << 20] })
    }

    /// The next value of what was written as a tuple of values.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, SealError> {
        postcard::from_io((&mut self.contents, &mut self.room))
            .map(|(value, _)| value)
            .map_err(|error| SealError::Damaged(format!("what it holds cannot be used ({error})")))
    }

    /// Makes sure that nothing follows.
    pub(super) fn end(mut self) -> Result<(), SealError> {
        match self.contents.read(&mut [0]) {
            Ok(0) => Ok(()),
            _ => Err(SealError::Damaged("more follows what it should hold".to_owned())),
        }
    }
}

/// Reads all bytes once and compares their checksum.
fn check_seal(file: &mut File, length: u64) -> Result<(), SealError> {
    let damaged = |what: &str| SealError::Damaged(what.to_owned());
    let body = length.checked_sub(SEAL as u64).filter(|&body| body >= START as u64);
    let body = body.ok_or_else(|| damaged("it was cut short"))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut start = [0; START];
    reader.read_exact(&mut start).map_err(SealError::Unreadable)?;
    if start[..MAGIC.len()] != MAGIC {
        return Err(damaged("it does not begin as a file of this program"));
    }
    let mut hash = Sha256::new_with_prefix(start);
    let mut left = body - START as u64;
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        reader.read_exact(&mut buffer[..piece]).map_err(SealError::Unreadable)?;
        hash.update(&buffer[..piece]);
        left -= piece as u64;
    }
    let mut seal = [0; SEAL];
    reader.read_exact(&mut seal).map_err(SealError::Unreadable)?;
    if seal != hash.finalize()[..] {
        return Err(damaged("its checksum does not fit"));
    }
    // Only now: a flipped bit in the version is damage, not another version.
    match u32::from_le_bytes([start[8], start[9], start[10], start[11]]) {
        VERSION => Ok(()),
        other => Err(damaged(&format!("version {other} of the format is not known"))),
    }
}

/// A writer that hashes what passes through it.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A writer that remembers its error.
struct Remembering<W> {
    inner: W,
    error: Option<io::Error>,
}

impl<W: Write> Write for Remembering<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.remember(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.remember(flushed)
    }
}

impl<W> Remembering<W> {
    fn remember<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            self.error = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }
}
