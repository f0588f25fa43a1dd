//! From the bytes of a file back to its header and tensors, everything checked on the way.
//!
//! Memory stays within a small multiple of the file's length: no size that a file states is allocated, and
//! every range it states is asked of the bytes that are there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::stored::Owned;
use super::tensor::described;
use super::{Envelope, FORMAT, FileError, Kind, Stored, VERSION, checksum};

/// The largest file that is read: a hundred times the checkpoint of any network that trains on a CPU.
const LARGEST: u64 = 1 << 31;

/// The longest JSON text of the safetensors format.
const LONGEST_TEXT: u64 = 100_000_000;

/// Reads a file of the kind that is wanted.
///
/// # Errors
/// [`FileError::Unreadable`], [`FileError::TooLarge`], and those of [`decode`].
pub fn read<H: DeserializeOwned>(path: &Path, kind: Kind) -> Result<Stored<H>, FileError> {
    let file = path.display().to_string();
    match read_bytes(path) {
        Ok(bytes) if bytes.len() as u64 > LARGEST => {
            Err(FileError::TooLarge { file, largest: LARGEST })
        }
        Ok(bytes) => decode(&bytes, &file, kind),
        Err(error) => Err(FileError::Unreadable { file, error }),
    }
}

/// All bytes of a file, or enough to see that it is too large.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    // A device may have no end.
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the bytes of a file; `source` stands for it in messages.
///
/// # Errors
/// In the order of the checks: [`FileError::NotSafetensors`], [`FileError::Truncated`],
/// [`FileError::Foreign`], [`FileError::Version`], [`FileError::Checksum`], [`FileError::Kind`],
/// [`FileError::Header`], [`FileError::Tensor`] for a type of numbers that is never written, and
/// [`FileError::NotFinite`].
pub fn decode<H: DeserializeOwned>(
    bytes: &[u8],
    source: &str,
    kind: Kind,
) -> Result<Stored<H>, FileError> {
    let file = || source.to_owned();
    let end = text_end(bytes, source)?;
    let metadata = parse_metadata(bytes, end, source)?;
    let data = check_length(bytes, end, &metadata, source)?;
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(FORMAT));
    let entry = entry.ok_or_else(|| FileError::Foreign { file: file() })?;

    check_version(entry, source)?;
    check_seal(bytes, end, source)?;
    let unusable = |error: serde_json::Error| FileError::Header {
        file: file(),
        detail: one_line(&error.to_string()),
    };
    // What stands around the header first, so that a wrong kind is not blamed on the header.
    let Envelope { kind: found, .. }: Envelope<Value> =
        serde_json::from_str(entry).map_err(unusable)?;
    if found != kind.name() {
        return Err(FileError::Kind {
            file: file(),
            found: one_line(&found),
            expected: kind.name(),
        });
    }
    let Envelope { header, .. }: Envelope<H> = serde_json::from_str(entry).map_err(unusable)?;

    let mut stored = Stored::new(source, header);
    for (name, info) in metadata.tensors() {
        stored.insert(owned(&name, info, data, source)?, name);
    }
    stored.check_finite()?;
    Ok(stored)
}

/// Where the JSON text ends, if the file is that long.
pub(super) fn json_end(bytes: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let end = usize::try_from(length).ok()?.checked_add(size_of::<u64>())?;
    (end <= bytes.len()).then_some(end)
}

/// Where the JSON text ends.
fn text_end(bytes: &[u8], source: &str) -> Result<usize, FileError> {
    let refuse =
        |detail: &str| FileError::NotSafetensors { file: source.into(), detail: detail.into() };
    let truncated = |expected| FileError::Truncated {
        file: source.into(),
        found: bytes.len() as u64,
        expected,
    };
    let Some(length) = bytes.first_chunk().map(|chunk| u64::from_le_bytes(*chunk)) else {
        return Err(truncated(size_of::<u64>() as u64 + 2));
    };
    if length > LONGEST_TEXT {
        return Err(refuse("it does not begin with the length of a JSON text"));
    }
    match bytes.get(size_of::<u64>()) {
        Some(b'{') | None => {}
        Some(_) => return Err(refuse("no JSON text follows its first eight bytes")),
    }
    json_end(bytes).ok_or_else(|| truncated(length + size_of::<u64>() as u64))
}

/// The list of tensors: names, types, shapes and ranges that follow each other without a gap.
fn parse_metadata(bytes: &[u8], end: usize, source: &str) -> Result<Metadata, FileError> {
    let text = bytes.get(size_of::<u64>()..end).unwrap_or_default();
    serde_json::from_slice(text).map_err(|error| FileError::NotSafetensors {
        file: source.into(),
        detail: one_line(&error.to_string()),
    })
}

/// The bytes of all tensors, as many as the list has.
fn check_length<'a>(
    bytes: &'a [u8],
    end: usize,
    metadata: &Metadata,
    source: &str,
) -> Result<&'a [u8], FileError> {
    let data = bytes.get(end..).unwrap_or_default();
    let expected = metadata.data_len();
    if data.len() < expected {
        return Err(FileError::Truncated {
            file: source.into(),
            found: bytes.len() as u64,
            expected: (end as u64).saturating_add(expected as u64),
        });
    }
    if data.len() > expected {
        let detail = format!("{} bytes follow its last tensor", data.len() - expected);
        return Err(FileError::NotSafetensors { file: source.into(), detail });
    }
    Ok(data)
}

/// Looks at the version before anything that another version may have changed.
fn check_version(entry: &str, source: &str) -> Result<(), FileError> {
    let refuse = |detail: String| FileError::Header { file: source.into(), detail };
    let fields: Value =
        serde_json::from_str(entry).map_err(|error| refuse(one_line(&error.to_string())))?;
    let version = fields.get("version").and_then(Value::as_u64);
    match version.ok_or_else(|| refuse("it has no version".into()))? {
        found if found > u64::from(VERSION) => {
            Err(FileError::Version { file: source.into(), found, known: VERSION })
        }
        0 => Err(refuse("there is no version 0".into())),
        _ => Ok(()),
    }
}

/// Compares the checksum with that of the bytes.
fn check_seal(bytes: &[u8], end: usize, source: &str) -> Result<(), FileError> {
    let sealed = checksum::place(bytes, end).is_some_and(|place| {
        bytes.get(place.clone()) == Some(checksum::digits(bytes, &place).as_bytes())
    });
    match sealed {
        true => Ok(()),
        false => Err(FileError::Checksum { file: source.into() }),
    }
}

/// A tensor of its own numbers.
fn owned(name: &str, info: &TensorInfo, data: &[u8], source: &str) -> Result<Owned, FileError> {
    let (start, end) = info.data_offsets;
    let bytes = data.get(start..end).unwrap_or_default();
    let shape = info.shape.clone();
    match info.dtype {
        Dtype::F32 => {
            let numbers = bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk));
            Ok(Owned::F32(shape, numbers.collect()))
        }
        Dtype::F64 => {
            let numbers = bytes.as_chunks().0.iter().map(|chunk| f64::from_le_bytes(*chunk));
            Ok(Owned::F64(shape, numbers.collect()))
        }
        other => Err(FileError::Tensor {
            file: source.into(),
            name: name.into(),
            found: described(other, &shape),
            expected: "F32 or F64".into(),
        }),
    }
}

/// Text from a file on one line.
fn one_line(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escaped).collect()
}
