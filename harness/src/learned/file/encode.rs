//! From tensors and a header to the bytes of a file, and onto the disk.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checksum::{self, DIGITS};
use super::decode::json_end;
use crate::storage::{replace, rotate};

use super::{Envelope, FORMAT, FileError, Kind, Tensor, VERSION};

/// Writes a file, whole or not at all.
///
/// # Errors
/// Those of [`encode`], and [`FileError::Unwritable`]; what was there before stays then.
pub fn write<H: Serialize + DeserializeOwned>(
    path: &Path,
    kind: Kind,
    header: &H,
    tensors: &[Tensor<'_>],
) -> Result<(), FileError> {
    put(path, kind, header, tensors, |bytes| replace(path, |file| file.write_all(bytes)))
}

/// Writes a file, whole or not at all; what was there before goes to `previous`.
///
/// # Errors
/// As [`write()`].
pub fn write_over<H: Serialize + DeserializeOwned>(
    path: &Path,
    previous: &Path,
    kind: Kind,
    header: &H,
    tensors: &[Tensor<'_>],
) -> Result<(), FileError> {
    put(path, kind, header, tensors, |bytes| rotate(path, previous, |file| file.write_all(bytes)))
}

/// Encodes a file and puts it where it belongs.
fn put<H: Serialize + DeserializeOwned>(
    path: &Path,
    kind: Kind,
    header: &H,
    tensors: &[Tensor<'_>],
    place: impl FnOnce(&[u8]) -> io::Result<()>,
) -> Result<(), FileError> {
    let file = path.display().to_string();
    let bytes = encode(&file, kind, header, tensors)?;
    place(&bytes).map_err(|error| FileError::Unwritable { file, error })
}

/// The bytes of a file; `source` stands for it in messages.
///
/// # Errors
/// [`FileError::Name`], [`FileError::Tensor`] and [`FileError::NotFinite`] for a tensor that cannot be
/// written, [`FileError::Header`] for a header that would not be read back as it is: JSON has no NaN and
/// no infinity.
pub fn encode<H: Serialize + DeserializeOwned>(
    source: &str,
    kind: Kind,
    header: &H,
    tensors: &[Tensor<'_>],
) -> Result<Vec<u8>, FileError> {
    let mut names = BTreeSet::new();
    for tensor in tensors {
        tensor.check(source)?;
        if !names.insert(&tensor.name) {
            let detail = "two tensors have this name; rename one";
            let (file, name) = (source.into(), tensor.name.clone());
            return Err(FileError::Name { file, name, detail });
        }
    }
    let unusable = |detail: String| FileError::Header { file: source.into(), detail };
    let envelope = sealable(kind, header).map_err(unusable)?;
    // The only entry: the map of the format has no order.
    let metadata = [(FORMAT.to_owned(), envelope)].into_iter().collect();
    let entries = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let mut bytes = safetensors::serialize(entries, Some(metadata))
        .map_err(|error| unusable(error.to_string()))?;
    seal(&mut bytes).ok_or_else(|| unusable("no place for the checksum".into()))?;
    Ok(bytes)
}

/// The JSON text around a header, with zeros where the checksum will be.
fn sealable<H: Serialize + DeserializeOwned>(kind: Kind, header: &H) -> Result<String, String> {
    let wrapped = |header: &H| {
        let (version, kind, sha256) = (VERSION, kind.name().to_owned(), "0".repeat(DIGITS));
        serde_json::to_string(&Envelope { version, kind, sha256, header })
            .map_err(|error| error.to_string())
    };
    let text = wrapped(header)?;
    let again: Envelope<H> = serde_json::from_str(&text)
        .map_err(|error| format!("it cannot be read back ({error}), for example a NaN"))?;
    match wrapped(&again.header)? == text {
        true => Ok(text),
        false => Err("it reads back as another one".into()),
    }
}

/// Puts the checksum in its place.
fn seal(bytes: &mut [u8]) -> Option<()> {
    let place = checksum::place(bytes, json_end(bytes)?)?;
    let digits = checksum::digits(bytes, &place);
    bytes.get_mut(place)?.copy_from_slice(digits.as_bytes());
    Some(())
}
