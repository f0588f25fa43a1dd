//! Arrays as numpy writes them: a header in text (type, order, shape), then the numbers.
//!
//! Any real type of numpy becomes double precision, integers beyond `2^53` rounded to the nearest. Rows follow
//! each other in C order and columns in Fortran order; both become rows.

use std::fs::File;
use std::io::{BufReader, Read};

use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};

use super::{DataError, Samples, check_dim};

/// The longest header that is read, the limit of numpy itself.
const LONGEST_HEADER: usize = 10_000;

/// How deep brackets may be nested; deeper ones are no type of numpy, and cost the parser its stack.
const DEEPEST: usize = 32;

/// An array of any shape, its numbers in C order.
pub(crate) struct Array {
    pub(crate) shape: Vec<u64>,
    pub(crate) values: Vec<f64>,
}

/// Reads a `.npy` file of samples.
pub(super) fn read_samples(
    file: File,
    source: &str,
    dim: Option<usize>,
) -> Result<Samples, DataError> {
    into_samples(read_array(BufReader::new(file), source)?, source, dim)
}

/// The samples that an array `[N, d]` holds.
pub(super) fn into_samples(
    array: Array,
    source: &str,
    dim: Option<usize>,
) -> Result<Samples, DataError> {
    let shape = || DataError::Shape { file: source.into(), found: described(&array.shape) };
    let &[_, columns] = array.shape.as_slice() else { return Err(shape()) };
    let columns = usize::try_from(columns).map_err(|_| shape())?;
    check_dim(source, columns, dim)?;
    Samples::new(source, columns, array.values)
}

/// Reads one array of samples or weights, and makes sure that nothing follows it.
pub(super) fn read_array(reader: impl Read, source: &str) -> Result<Array, DataError> {
    read_up_to(2, reader, source)
}

/// The same for an array of up to so many axes; columns in Fortran order have two.
pub(crate) fn read_up_to(
    axes: usize,
    mut reader: impl Read,
    source: &str,
) -> Result<Array, DataError> {
    let damaged =
        |detail: String| DataError::Damaged { file: source.into(), format: ".npy", detail };
    let header = read_header(&mut reader).map_err(damaged)?;
    let shape = header.shape().to_vec();
    if shape.len() > axes || (shape.len() > 2 && header.order() == Order::Fortran) {
        return Err(DataError::Shape { file: source.into(), found: described(&shape) });
    }
    let order = header.order();
    let read = reader_of(&header.dtype()).ok_or_else(|| DataError::NumberType {
        file: source.into(),
        found: header.dtype().descr().escape_debug().to_string().replace("\\'", "'"),
    })?;
    let values = read(header, &mut reader).map_err(damaged)?;
    match reader.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => return Err(damaged("more bytes follow the array".into())),
        Err(error) => return Err(damaged(error.to_string())),
    }
    match (order, shape.as_slice()) {
        (Order::Fortran, &[_, columns]) => {
            let values = rows_of_columns(&values, columns as usize);
            Ok(Array { shape, values })
        }
        _ => Ok(Array { shape, values }),
    }
}

/// Reads and parses the header, after looking at what the parser must not be given.
fn read_header(reader: &mut dyn Read) -> Result<NpyHeader, String> {
    let words = |error: std::io::Error| error.to_string();
    let mut head = vec![0; 10];
    reader.read_exact(&mut head).map_err(words)?;
    let mut length = usize::from(u16::from_le_bytes([head[8], head[9]]));
    if head[6] > 1 {
        // From version 2 on the length has four bytes.
        head.resize(12, 0);
        reader.read_exact(&mut head[10..]).map_err(words)?;
        length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
    }
    if !head.starts_with(b"\x93NUMPY") || length > LONGEST_HEADER {
        return Err("it does not begin as numpy begins its arrays".into());
    }
    let start = head.len();
    head.resize(start + length, 0);
    reader.read_exact(&mut head[start..]).map_err(words)?;
    check_text(&String::from_utf8_lossy(&head[start..]))?;
    // The parser draws its complaint over several lines.
    NpyHeader::from_reader(&head[..]).map_err(|_| "its header is not as numpy writes it".into())
}

/// Refuses headers that exhaust the parser's stack, or whose shape overflows when it is multiplied out.
fn check_text(text: &str) -> Result<(), String> {
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err("brackets in its header are nested too deep".into());
        }
    }
    for part in text.split("shape").skip(1) {
        let Some((_, sizes)) = part.split_once(['(', '[']) else { continue };
        let sizes = sizes.split([')', ']']).next().unwrap_or_default();
        let mut sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
        // Zeros count as ones: the parser multiplies the others too.
        let product = sizes
            .try_fold(1_i64, |product, size| product.checked_mul(size.parse::<i64>().ok()?.max(1)));
        if product.is_none() {
            return Err("its shape is no list of sizes that fit into memory".into());
        }
    }
    Ok(())
}

type ReadValues<R> = fn(NpyHeader, &mut R) -> Result<Vec<f64>, String>;

/// The function that reads numbers of this type, if they are real numbers.
fn reader_of<R: Read>(dtype: &DType) -> Option<ReadValues<R>> {
    let DType::Plain(name) = dtype else { return None };
    match (name.type_char(), name.size_field()) {
        (TypeChar::Float, 8) => Some(|header, reader| values(header, reader, |x: f64| x)),
        (TypeChar::Float, 4) => Some(|header, reader| values(header, reader, |x: f32| x.into())),
        (TypeChar::Int, 1) => Some(|header, reader| values(header, reader, |x: i8| x.into())),
        (TypeChar::Int, 2) => Some(|header, reader| values(header, reader, |x: i16| x.into())),
        (TypeChar::Int, 4) => Some(|header, reader| values(header, reader, |x: i32| x.into())),
        (TypeChar::Int, 8) => Some(|header, reader| values(header, reader, |x: i64| x as f64)),
        (TypeChar::Uint, 1) => Some(|header, reader| values(header, reader, |x: u8| x.into())),
        (TypeChar::Uint, 2) => Some(|header, reader| values(header, reader, |x: u16| x.into())),
        (TypeChar::Uint, 4) => Some(|header, reader| values(header, reader, |x: u32| x.into())),
        (TypeChar::Uint, 8) => Some(|header, reader| values(header, reader, |x: u64| x as f64)),
        _ => None,
    }
}

/// All numbers in the order of the file. The vector grows as they come: a shape promises nothing.
fn values<T: Deserialize, R: Read>(
    header: NpyHeader,
    reader: &mut R,
    convert: fn(T) -> f64,
) -> Result<Vec<f64>, String> {
    let numbers =
        NpyFile::with_header(header, reader).data::<T>().map_err(|error| error.to_string())?;
    let mut values = Vec::new();
    for number in numbers {
        values.push(convert(number.map_err(|error| error.to_string())?));
    }
    Ok(values)
}

/// `[N x d]` row by row, from all first coordinates, all second ones, and so on.
fn rows_of_columns(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    (0..rows).flat_map(|row| values.iter().skip(row).step_by(rows.max(1)).copied()).collect()
}

/// A shape in words.
pub(super) fn described(shape: &[u64]) -> String {
    match shape {
        [] => "a single number".into(),
        [_] => format!("an array {shape:?} of one dimension"),
        [_, _] => format!("an array {shape:?}"),
        _ => format!("an array {shape:?} of {} dimensions", shape.len()),
    }
}
