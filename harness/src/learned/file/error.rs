//! Everything that can be wrong with a file of a model, each as one line for the user.

use std::io;

/// Why a file cannot be written, or is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read ({error}); check the path and its permissions")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "{file}: cannot be written ({error}); check that its folder exists, is writable and has room"
    )]
    Unwritable {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file is far beyond any model.
    #[error("{file}: larger than {largest} bytes, as no model of this program is; check the path")]
    TooLarge {
        /// The file.
        file: String,
        /// The most bytes that are read.
        largest: u64,
    },
    /// The bytes are not a safetensors file.
    #[error("{file}: not a safetensors file: {detail}; give a file written by `amc train`")]
    NotSafetensors {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// The file is shorter than it says.
    #[error(
        "{file}: cut short, {found} of {expected} bytes are there; copy it again, or take the last \
         checkpoint"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Its length.
        found: u64,
        /// The length its header asks for.
        expected: u64,
    },
    /// A safetensors file of another program.
    #[error(
        "{file}: a safetensors file of another program (its metadata lacks \"amc-model\"); give a \
         file written by `amc train`"
    )]
    Foreign {
        /// The file.
        file: String,
    },
    /// A format from the future.
    #[error(
        "{file}: written in version {found} of the format, and this program knows versions up to \
         {known}; use the program that wrote it, or a newer one"
    )]
    Version {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
        /// The newest version that is known.
        known: u32,
    },
    /// The bytes are not those that were written.
    #[error(
        "{file}: damaged, its checksum does not fit its contents; copy it again, or take the last \
         checkpoint"
    )]
    Checksum {
        /// The file.
        file: String,
    },
    /// A checkpoint where a model is wanted, or the other way round.
    #[error(
        "{file}: holds a {found}, and a {expected} is wanted here; give the file of a {expected}"
    )]
    Kind {
        /// The file.
        file: String,
        /// The kind it holds.
        found: String,
        /// The kind that is wanted.
        expected: &'static str,
    },
    /// A field of the header is missing or of the wrong type.
    #[error("{file}: its header cannot be used: {detail}; write it again with this program")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// A tensor that has to be there is not.
    #[error("{file}: tensor {name:?} is missing; the file belongs to another network")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape or type of numbers than it must have, or cannot have.
    #[error(
        "{file}: tensor {name:?} is {found}, {expected} expected; the file belongs to another network"
    )]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
        /// Type and shape, as they are.
        found: String,
        /// Type and shape, as they must be.
        expected: String,
    },
    /// Tensors that nobody asked for.
    #[error("{file}: tensor {name:?} has no place here; the file belongs to another network")]
    UnknownTensor {
        /// The file.
        file: String,
        /// The first of them.
        name: String,
    },
    /// A name that cannot be written.
    #[error("{file}: tensor {name:?}: {detail}")]
    Name {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
        /// What is wrong.
        detail: &'static str,
    },
    /// A number that is none.
    #[error(
        "{file}: tensor {name:?}, entry {index}: {value} is not a finite number; take the last good \
         checkpoint"
    )]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        name: String,
        /// Place in row-major order, from 0.
        index: usize,
        /// The number.
        value: f64,
    },
}
