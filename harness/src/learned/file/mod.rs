//! Files of models and of training states: named tensors and a small header, sealed by a checksum.
//!
//! A file is a `.safetensors` file that any reader of the format opens,
//!
//! `n: u64 (little endian) | JSON text of n bytes | the tensors' bytes`,
//!
//! with one entry in `__metadata__`, named "amc-model" like the format: the JSON text
//!
//! `{"version": 1, "kind": "model" or "checkpoint", "sha256": DIGITS, "header": {..}}`,
//!
//! whose `header` belongs to the caller. DIGITS is the SHA-256 of the whole file with zeros in the
//! place of the digits themselves, so that no byte of a file can change unnoticed: not a weight, not the
//! header, not the padding behind it.
//!
//! One set of tensors and one header make one sequence of bytes. [`write()`] writes it beside its place
//! and renames it when it is on the disk, so that a process killed at any moment leaves the file of before or
//! the new one. [`read`] takes nothing on trust: everything is checked before a number is handed out.

mod checksum;
mod decode;
mod encode;
mod error;
mod stored;
mod tensor;

pub use decode::{decode, read};
pub use encode::{encode, write, write_over};
pub use error::FileError;
pub use stored::Stored;
pub use tensor::{Numbers, Tensor};

use serde::{Deserialize, Serialize};

/// The name of the format, and of its entry in the metadata of a safetensors file.
pub const FORMAT: &str = "amc-model";

/// The newest version of the format that this program knows.
pub const VERSION: u32 = 1;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A trained model, ready for use.
    Model,
    /// All of a training at one moment, from which it goes on.
    Checkpoint,
}

impl Kind {
    /// The kind as files and messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// The entry of the metadata. The checksum stands before everything that a caller or a user named.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope<H> {
    version: u32,
    kind: String,
    sha256: String,
    header: H,
}

#[cfg(test)]
mod tests;
