//! What a file held: a header, and tensors that are handed out once, by name, type and shape.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::tensor::described;
use super::{FileError, Numbers};

/// The contents of a file that has passed all checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<H> {
    /// The caller's header.
    pub header: H,
    file: String,
    tensors: BTreeMap<String, Owned>,
}

/// A tensor: its shape, and its numbers in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Owned {
    F32(Vec<usize>, Vec<f32>),
    F64(Vec<usize>, Vec<f64>),
}

impl Owned {
    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(shape, _) | Self::F64(shape, _) => shape,
        }
    }

    fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::F32(_, numbers) => Numbers::F32(numbers),
            Self::F64(_, numbers) => Numbers::F64(numbers),
        }
    }

    fn described(&self) -> String {
        let dtype = match self {
            Self::F32(..) => Dtype::F32,
            Self::F64(..) => Dtype::F64,
        };
        described(dtype, self.shape())
    }
}

impl<H> Stored<H> {
    pub(super) fn new(file: &str, header: H) -> Self {
        Self { header, file: file.into(), tensors: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, tensor: Owned, name: String) {
        self.tensors.insert(name, tensor);
    }

    pub(super) fn check_finite(&self) -> Result<(), FileError> {
        for (name, tensor) in &self.tensors {
            if let Some((index, value)) = tensor.numbers().first_not_finite() {
                let (file, name) = (self.file.clone(), name.clone());
                return Err(FileError::NotFinite { file, name, index, value });
            }
        }
        Ok(())
    }

    /// The tensors that have not been taken yet, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], Numbers<'_>)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape(), tensor.numbers()))
    }

    /// Takes a tensor in single precision out.
    ///
    /// # Errors
    /// [`FileError::MissingTensor`], [`FileError::Tensor`].
    pub fn take_f32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, FileError> {
        match self.tensors.remove(name) {
            Some(Owned::F32(found, numbers)) if found == shape => Ok(numbers),
            found => Err(self.unfit(name, found, described(Dtype::F32, shape))),
        }
    }

    /// Takes a tensor in double precision out.
    ///
    /// # Errors
    /// [`FileError::MissingTensor`], [`FileError::Tensor`].
    pub fn take_f64(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>, FileError> {
        match self.tensors.remove(name) {
            Some(Owned::F64(found, numbers)) if found == shape => Ok(numbers),
            found => Err(self.unfit(name, found, described(Dtype::F64, shape))),
        }
    }

    /// Refuses tensors that nobody took, and returns the header.
    ///
    /// # Errors
    /// [`FileError::UnknownTensor`].
    pub fn finish(self) -> Result<H, FileError> {
        match self.tensors.into_keys().next() {
            None => Ok(self.header),
            Some(name) => Err(FileError::UnknownTensor { file: self.file, name }),
        }
    }

    fn unfit(&self, name: &str, found: Option<Owned>, expected: String) -> FileError {
        let (file, name) = (self.file.clone(), name.to_owned());
        match found {
            None => FileError::MissingTensor { file, name },
            Some(tensor) => FileError::Tensor { file, name, found: tensor.described(), expected },
        }
    }
}
