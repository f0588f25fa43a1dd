//! Parquet files: one row per point, one numeric column per coordinate, in the order of the columns.
//!
//! Columns are read by themselves, without Arrow, which would double the time of the build. Columns that are no
//! real numbers (text, lists, dates, decimals) are refused by name instead of left out: which coordinates a model
//! has is for its author to say.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{DataError, Samples, check_dim};

/// How many rows are asked for at a time.
const ROWS: usize = 1 << 14;

/// What pandas calls the column of an index that is not 0, 1, 2, ..
const INDEX: &str = "__index_level_0__";

/// Integers by themselves, not dates or decimals in their guise.
const SIGNED: [ConvertedType; 5] = [
    ConvertedType::NONE,
    ConvertedType::INT_8,
    ConvertedType::INT_16,
    ConvertedType::INT_32,
    ConvertedType::INT_64,
];

/// Those without a sign.
const UNSIGNED: [ConvertedType; 4] =
    [ConvertedType::UINT_8, ConvertedType::UINT_16, ConvertedType::UINT_32, ConvertedType::UINT_64];

/// Reads a `.parquet` file of samples.
pub(super) fn read_samples(
    file: File,
    source: &str,
    dim: Option<usize>,
) -> Result<Samples, DataError> {
    // Some damage (a page in an encoding whose dictionary is gone) panics in the reader of the format. All
    // that the work touches is its own, so that nothing half done is left.
    catch_unwind(AssertUnwindSafe(|| read_table(file, source, dim))).unwrap_or_else(|_| {
        let detail = "its pages contradict each other".into();
        Err(DataError::Damaged { file: source.into(), format: ".parquet", detail })
    })
}

fn read_table(file: File, source: &str, dim: Option<usize>) -> Result<Samples, DataError> {
    let damaged = |error: ParquetError| {
        let detail = error.to_string().escape_debug().to_string();
        if detail.contains("Disabled feature") {
            return DataError::Compression { file: source.into(), detail };
        }
        DataError::Damaged { file: source.into(), format: ".parquet", detail }
    };
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    let refuse = |column: usize, detail: String| DataError::Column {
        file: source.into(),
        column: column + 1,
        name: columns.get(column).map_or_else(String::new, |column| column.path().string()),
        detail,
    };
    for (index, column) in columns.iter().enumerate() {
        check_column(column).map_err(|detail| refuse(index, detail))?;
    }
    check_dim(source, columns.len(), dim)?;

    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(damaged)?;
        let mut values = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let reader = group.get_column_reader(index).map_err(damaged)?;
            let numbers = read_column(reader, column).map_err(damaged)?;
            if let Some(row) = numbers.first_missing {
                let row = rows.len() / columns.len() + row + 1;
                let detail = format!("row {row} has no value; remove the row, or fill it in");
                return Err(refuse(index, detail));
            }
            values.push(numbers.values);
        }
        append_rows(&values, &mut rows).map_err(|detail| DataError::Damaged {
            file: source.into(),
            format: ".parquet",
            detail,
        })?;
    }
    Samples::new(source, columns.len(), rows)
}

/// Refuses a column that holds no coordinate.
fn check_column(column: &ColumnDescriptor) -> Result<(), String> {
    if column.max_rep_level() > 0 {
        return Err("holds lists; write one column per coordinate".into());
    }
    if column.name() == INDEX {
        return Err("is the index of a table; write the table with index=False".into());
    }
    let is_integer = matches!(column.logical_type_ref(), None | Some(LogicalType::Integer(_)))
        && (SIGNED.contains(&column.converted_type())
            || UNSIGNED.contains(&column.converted_type()));
    match column.physical_type() {
        PhysicalType::FLOAT | PhysicalType::DOUBLE => Ok(()),
        PhysicalType::INT32 | PhysicalType::INT64 if is_integer => Ok(()),
        physical => {
            let meaning = match column.converted_type() {
                ConvertedType::NONE => physical.to_string(),
                meaning => meaning.to_string(),
            };
            Err(format!("holds {meaning}, real numbers or integers expected; leave it out"))
        }
    }
}

/// The numbers of a column in one group of rows.
#[derive(Default)]
struct Numbers {
    values: Vec<f64>,
    /// The first row without a value, from 0.
    first_missing: Option<usize>,
}

fn read_column(reader: ColumnReader, column: &ColumnDescriptor) -> Result<Numbers, ParquetError> {
    let unsigned = matches!(column.logical_type_ref(), Some(LogicalType::Integer(int)) if !int.is_signed)
        || UNSIGNED.contains(&column.converted_type());
    let complete = column.max_def_level();
    match reader {
        ColumnReader::FloatColumnReader(reader) => numbers(reader, complete, f64::from),
        ColumnReader::DoubleColumnReader(reader) => numbers(reader, complete, |x| x),
        // Unsigned integers are stored as the signed ones of the same bits.
        ColumnReader::Int32ColumnReader(reader) if unsigned => {
            numbers(reader, complete, |x| x.cast_unsigned().into())
        }
        ColumnReader::Int64ColumnReader(reader) if unsigned => {
            numbers(reader, complete, |x| x.cast_unsigned() as f64)
        }
        ColumnReader::Int32ColumnReader(reader) => numbers(reader, complete, f64::from),
        ColumnReader::Int64ColumnReader(reader) => numbers(reader, complete, |x| x as f64),
        _ => Err(ParquetError::General("a column of another type than the schema says".into())),
    }
}

/// A row has a value where its level is `complete`; lower levels are absent ones.
fn numbers<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    complete: i16,
    convert: fn(T::T) -> f64,
) -> Result<Numbers, ParquetError> {
    let mut numbers = Numbers::default();
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    while numbers.first_missing.is_none() {
        levels.clear();
        let (rows, _, _) = reader.read_records(ROWS, Some(&mut levels), None, &mut values)?;
        if rows == 0 {
            break;
        }
        let missing = levels.iter().position(|&level| level != complete);
        numbers.first_missing = missing.map(|row| numbers.values.len() + row);
        numbers.values.extend(values.drain(..).map(convert));
    }
    Ok(numbers)
}

/// Puts columns of a group side by side.
fn append_rows(columns: &[Vec<f64>], rows: &mut Vec<f64>) -> Result<(), String> {
    let count = columns.first().map_or(0, Vec::len);
    if columns.iter().any(|column| column.len() != count) {
        return Err("its columns have different lengths".into());
    }
    for row in 0..count {
        rows.extend(columns.iter().filter_map(|column| column.get(row)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
