//! NumPy arrays in and out.
//!
//! The rule, told to users in the documentation: a C-contiguous, aligned `float64` array stays where it is; any other real
//! array, and whatever NumPy makes one of, is converted with one copy; complex numbers, objects, strings, booleans and masked
//! arrays are refused. Contiguity in the sense of C is looked at by itself: Fortran's order is contiguous too, and reading it row
//! by row would give wrong numbers silently. An `out` is written in place or refused, never copied.

use std::slice;

use numpy::npyffi::{self, _PyArray_GET_ITEM_DATA, _PyDataType_GET_ITEM_DATA};
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_WRITEABLE};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{ffi, intern};

/// Most dimensions that any argument has: covariances, `[K, d, d]`.
const MOST_DIMENSIONS: usize = 3;

/// Where the numbers of an array lie.
struct Memory {
    data: *mut f64,
    ndim: usize,
    shape: [usize; MOST_DIMENSIONS],
    writeable: bool,
}

impl Memory {
    /// The memory of a plain array of native, aligned, C-contiguous doubles; `None` for anything else.
    #[inline]
    fn of(value: &Bound<'_, PyAny>) -> Option<Self> {
        // SAFETY: the type is compared before fields of an array are read, and they are read with the interpreter attached. An exact
        // type: a subclass such as a masked array may mean something else by its numbers.
        unsafe {
            let plain = npyffi::get_type_object(value.py(), npyffi::NpyTypes::PyArray_Type);
            if ffi::Py_TYPE(value.as_ptr()) != plain {
                return None;
            }
            let array = &*_PyArray_GET_ITEM_DATA(value.as_ptr().cast());
            let dtype = &*_PyDataType_GET_ITEM_DATA(array.descr);
            let wanted = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
            let ndim = usize::try_from(array.nd).ok()?;
            let native = dtype.byteorder as u8 == b'=';
            let double = dtype.type_num == npyffi::NPY_TYPES::NPY_DOUBLE as i32;
            if array.flags & wanted != wanted || !double || !native || ndim > MOST_DIMENSIONS {
                return None;
            }
            let mut shape = [0; MOST_DIMENSIONS];
            for (axis, length) in shape.iter_mut().take(ndim).enumerate() {
                *length = usize::try_from(*array.dimensions.add(axis)).ok()?;
            }
            let writeable = array.flags & NPY_ARRAY_WRITEABLE != 0;
            Some(Self { data: array.data.cast(), ndim, shape, writeable })
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape[..self.ndim]
    }

    fn len(&self) -> usize {
        self.shape().iter().product()
    }
}

/// Numbers of a caller, which stay where they are while this lives.
pub(crate) struct Input<'py> {
    /// Keeps the memory.
    _array: Bound<'py, PyAny>,
    memory: Memory,
}

impl<'py> Input<'py> {
    /// Reads what a caller passed as `name`.
    ///
    /// # Errors
    /// `TypeError` for what is no array of real numbers.
    #[inline]
    pub(crate) fn read(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        match Memory::of(value) {
            Some(memory) => Ok(Self { _array: value.clone(), memory }),
            None => Self::convert(value, name),
        }
    }

    /// The same for `[N, d]`: one point a row.
    ///
    /// # Errors
    /// `ValueError` for another shape, besides those of [`Input::read`].
    #[inline]
    pub(crate) fn points(value: &Bound<'py, PyAny>, name: &str, dim: usize) -> PyResult<Self> {
        let input = Self::read(value, name)?;
        match input.shape() {
            [_, columns] if *columns == dim => Ok(input),
            shape => Err(not_points(name, shape, dim)),
        }
    }

    #[cold]
    fn convert(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        let py = value.py();
        let numpy = py.import(intern!(py, "numpy"))?;
        if value.is_instance(&numpy.getattr("ma")?.getattr("MaskedArray")?)? {
            return Err(PyTypeError::new_err(format!(
                "{name} is a masked array, whose mask would be lost; pass {name}.filled(value) or the points that are not masked"
            )));
        }
        if value.is_none() {
            return Err(PyTypeError::new_err(format!(
                "{name} is None; is a return or an argument missing?"
            )));
        }
        let array = numpy.call_method1("asarray", (value,))?;
        let dtype = array.getattr("dtype")?;
        let kind: String = dtype.getattr("kind")?.extract()?;
        if !matches!(kind.as_str(), "f" | "i" | "u") {
            return Err(PyTypeError::new_err(format!(
                "{name} holds {dtype}; it must hold real numbers (float64 is used without a copy): pass {name}.astype(float) if that is meant"
            )));
        }
        let ndim: usize = array.getattr("ndim")?.extract()?;
        if ndim > MOST_DIMENSIONS {
            let shape: Vec<usize> = array.getattr("shape")?.extract()?;
            return Err(PyValueError::new_err(format!(
                "{name} has shape {}; that is too many dimensions",
                written(&shape)
            )));
        }
        // `require` and not `ascontiguousarray`, which makes numbers into arrays of one; "E" so that subclasses end here.
        let requirements = ["C", "A", "E"];
        let array = numpy.call_method1("require", (array, "=f8", requirements))?;
        match Memory::of(&array) {
            Some(memory) => Ok(Self { _array: array, memory }),
            None => Err(PyTypeError::new_err(format!(
                "{name} cannot be used as an array of float64; pass numpy.array({name}, dtype=float)"
            ))),
        }
    }

    /// The lengths of the axes.
    pub(crate) fn shape(&self) -> &[usize] {
        self.memory.shape()
    }

    /// The numbers, row by row.
    ///
    /// Another thread of Python may write to them meanwhile, as to any array that a NumPy function reads: the numbers that come
    /// out are then of no use, which the documentation says.
    #[inline]
    pub(crate) fn numbers(&self) -> &[f64] {
        match self.memory.len() {
            0 => &[],
            // SAFETY: C-contiguous, aligned, that many of them, and `_array` keeps them alive.
            len => unsafe { slice::from_raw_parts(self.memory.data, len) },
        }
    }
}

/// Where results are written: a new array, or the caller's.
pub(crate) struct Output<'py> {
    array: Bound<'py, PyAny>,
    memory: Memory,
}

impl<'py> Output<'py> {
    /// A new array of `shape`, or the one that the caller passed as `name`.
    ///
    /// # Errors
    /// `TypeError` for what is no array; `ValueError` for another shape, type or layout, or one that must not be written to.
    #[inline]
    pub(crate) fn place(
        py: Python<'py>,
        out: Option<&Bound<'py, PyAny>>,
        name: &str,
        shape: &[usize],
    ) -> PyResult<Self> {
        let array = match out {
            Some(out) => out.clone(),
            None => new_array(py, shape)?,
        };
        match Memory::of(&array) {
            Some(memory) if memory.writeable && memory.shape() == shape => {
                Ok(Self { array, memory })
            }
            _ => Err(not_writable(&array, name, shape)),
        }
    }

    /// Refuses an output that shares memory with an input.
    ///
    /// # Errors
    /// `ValueError` with both names.
    #[inline]
    pub(crate) fn apart_from(&self, name: &str, input: &Input<'_>, its: &str) -> PyResult<()> {
        self.apart(&input.memory, name, its)
    }

    /// The same of two outputs.
    ///
    /// # Errors
    /// As [`Output::apart_from`].
    #[inline]
    pub(crate) fn apart_from_output(&self, name: &str, other: &Self, its: &str) -> PyResult<()> {
        self.apart(&other.memory, name, its)
    }

    #[inline]
    fn apart(&self, other: &Memory, name: &str, its: &str) -> PyResult<()> {
        // Both are contiguous, so ranges of addresses tell all.
        let range = |memory: &Memory| {
            let start = memory.data as usize;
            (start, start + memory.len() * size_of::<f64>())
        };
        let (own, its_range) = (range(&self.memory), range(other));
        if own.0 < its_range.1 && its_range.0 < own.1 {
            return Err(PyValueError::new_err(format!(
                "{name} and {its} share memory; pass a {name} of its own, e.g. numpy.empty({})",
                written(self.memory.shape())
            )));
        }
        Ok(())
    }

    /// The numbers to write, row by row. New arrays hold nothing yet: whoever takes this writes every number before it reads one.
    #[inline]
    pub(crate) fn numbers(&mut self) -> &mut [f64] {
        match self.memory.len() {
            0 => &mut [],
            // SAFETY: as in `Input::numbers`, writeable, and apart from the inputs.
            len => unsafe { slice::from_raw_parts_mut(self.memory.data, len) },
        }
    }

    /// The array, written.
    pub(crate) fn into_array(self) -> Bound<'py, PyAny> {
        self.array
    }
}

/// A new array that holds nothing yet.
#[inline]
fn new_array<'py>(py: Python<'py>, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: doubles may hold any bits, and `Output::numbers` says who writes them.
    Ok(unsafe {
        match *shape {
            [n] => PyArray1::<f64>::new(py, [n], false).into_any(),
            [n, d] => PyArray2::<f64>::new(py, [n, d], false).into_any(),
            _ => return Err(PyValueError::new_err("an array of one or two dimensions is meant")),
        }
    })
}

/// A vector as an array `[N]`, without a copy.
pub(crate) fn vector(py: Python<'_>, numbers: Vec<f64>) -> Bound<'_, PyAny> {
    PyArray1::from_vec(py, numbers).into_any()
}

/// Rows of `columns` numbers as an array `[N, columns]`, without a copy.
///
/// # Errors
/// What NumPy refuses; nothing, if the numbers fill their rows.
pub(crate) fn matrix(
    py: Python<'_>,
    numbers: Vec<f64>,
    columns: usize,
) -> PyResult<Bound<'_, PyAny>> {
    let rows = numbers.len() / columns.max(1);
    Ok(PyArray1::from_vec(py, numbers).reshape([rows, columns])?.into_any())
}

/// Matrices `[K, d, d]`.
///
/// # Errors
/// As [`matrix`].
pub(crate) fn matrices(py: Python<'_>, numbers: Vec<f64>, d: usize) -> PyResult<Bound<'_, PyAny>> {
    let count = numbers.len() / (d * d).max(1);
    Ok(PyArray1::from_vec(py, numbers).reshape([count, d, d])?.into_any())
}

/// A shape as Python writes it.
pub(crate) fn written(shape: &[usize]) -> String {
    match shape {
        [n] => format!("({n},)"),
        _ => {
            let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", lengths.join(", "))
        }
    }
}

#[cold]
fn not_points(name: &str, shape: &[usize], dim: usize) -> PyErr {
    let remedy = match *shape {
        [n] if n == dim && dim > 1 => format!(" (one point: {name}[None, :])"),
        [_] if dim == 1 => format!(" (points of one coordinate: {name}[:, None])"),
        [rows, _] if rows == dim => format!(" (is it {name}.T?)"),
        _ => String::new(),
    };
    PyValueError::new_err(format!(
        "{name} has shape {}; it must be [N, {dim}], one point a row{remedy}",
        written(shape)
    ))
}

#[cold]
fn not_writable(array: &Bound<'_, PyAny>, name: &str, shape: &[usize]) -> PyErr {
    let remedy = format!("pass numpy.empty({})", written(shape));
    let Some(memory) = Memory::of(array) else {
        let found = match (array.getattr("dtype"), array.getattr("shape")) {
            (Ok(dtype), Ok(found)) => format!("an array of {dtype}, shape {found}, that is"),
            _ => {
                let kind = array.get_type();
                return PyTypeError::new_err(format!(
                    "{name} is a {kind}, not a plain array; {remedy}"
                ));
            }
        };
        return PyValueError::new_err(format!(
            "{name} is {found} not plain, C-contiguous float64, in which results are written in place; {remedy}"
        ));
    };
    PyValueError::new_err(match memory.shape() == shape {
        true => format!("{name} is read-only; {remedy}"),
        false => format!(
            "{name} has shape {}; it must be {}: {remedy}",
            written(memory.shape()),
            written(shape)
        ),
    })
}
