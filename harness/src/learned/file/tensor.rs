//! Named arrays of numbers, on their way into a file.

use std::borrow::Cow;

use safetensors::{Dtype, View};

use super::FileError;

/// The numbers of a tensor in row-major order, in one of the two types that files hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

impl Numbers<'_> {
    /// How many.
    fn len(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
        }
    }

    /// The first number that is not finite, and its place.
    pub(super) fn first_not_finite(&self) -> Option<(usize, f64)> {
        let not_finite =
            |(index, value): (usize, f64)| (!value.is_finite()).then_some((index, value));
        match self {
            Self::F32(numbers) => {
                numbers.iter().map(|&value| f64::from(value)).enumerate().find_map(not_finite)
            }
            Self::F64(numbers) => numbers.iter().copied().enumerate().find_map(not_finite),
        }
    }
}

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<'a> {
    /// Its name, unique in its file.
    pub name: String,
    /// Its shape; the product of its entries is the count of its numbers.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub numbers: Numbers<'a>,
}

impl<'a> Tensor<'a> {
    /// A tensor in single precision.
    pub fn f32(name: impl Into<String>, shape: &[usize], numbers: &'a [f32]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), numbers: Numbers::F32(numbers) }
    }

    /// A tensor in double precision.
    pub fn f64(name: impl Into<String>, shape: &[usize], numbers: &'a [f64]) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), numbers: Numbers::F64(numbers) }
    }

    /// Refuses what a file cannot hold.
    pub(super) fn check(&self, file: &str) -> Result<(), FileError> {
        let Self { name, shape, numbers } = self;
        if name.is_empty() || name == "__metadata__" {
            let detail = "this name is not allowed; give it another one";
            return Err(FileError::Name { file: file.into(), name: name.clone(), detail });
        }
        let count = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        if count != Some(numbers.len()) {
            return Err(FileError::Tensor {
                file: file.into(),
                name: name.clone(),
                found: format!("{} numbers", numbers.len()),
                expected: described(self.dtype(), shape),
            });
        }
        match numbers.first_not_finite() {
            Some((index, value)) => {
                Err(FileError::NotFinite { file: file.into(), name: name.clone(), index, value })
            }
            None => Ok(()),
        }
    }
}

impl View for &Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::F32(_) => Dtype::F32,
            Numbers::F64(_) => Dtype::F64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.numbers {
            Numbers::F32(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Numbers::F64(numbers) => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match self.numbers {
            Numbers::F32(numbers) => size_of_val(numbers),
            Numbers::F64(numbers) => size_of_val(numbers),
        }
    }
}

/// Type and shape in words: `F32 [3, 4]`.
pub(super) fn described(dtype: Dtype, shape: &[usize]) -> String {
    format!("{dtype} {shape:?}")
}
