//! Tables as Parquet files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

/// Rows of a group: what is in memory of one column at a time.
const GROUP: usize = 1 << 18;

/// The value of a column in a row.
type Value<'a, T> = Box<dyn Fn(usize) -> T + 'a>;

/// A named column.
pub(super) struct Column<'a> {
    name: String,
    values: Values<'a>,
}

enum Values<'a> {
    Numbers(Value<'a, f64>),
    OptionalNumbers(Value<'a, Option<f64>>),
    Integers(Value<'a, i64>),
    Flags(Value<'a, bool>),
}

impl<'a> Column<'a> {
    /// Of numbers.
    pub(super) fn numbers(name: impl Into<String>, value: impl Fn(usize) -> f64 + 'a) -> Self {
        Self { name: name.into(), values: Values::Numbers(Box::new(value)) }
    }

    /// Of numbers that may be missing.
    pub(super) fn optional(
        name: impl Into<String>,
        value: impl Fn(usize) -> Option<f64> + 'a,
    ) -> Self {
        Self { name: name.into(), values: Values::OptionalNumbers(Box::new(value)) }
    }

    /// Of integers.
    pub(super) fn integers(name: impl Into<String>, value: impl Fn(usize) -> i64 + 'a) -> Self {
        Self { name: name.into(), values: Values::Integers(Box::new(value)) }
    }

    /// Of yes and no.
    pub(super) fn flags(name: impl Into<String>, value: impl Fn(usize) -> bool + 'a) -> Self {
        Self { name: name.into(), values: Values::Flags(Box::new(value)) }
    }

    fn schema(&self) -> Result<Arc<Type>, ParquetError> {
        let (kind, repetition) = match self.values {
            Values::Numbers(_) => (PhysicalType::DOUBLE, Repetition::REQUIRED),
            Values::OptionalNumbers(_) => (PhysicalType::DOUBLE, Repetition::OPTIONAL),
            Values::Integers(_) => (PhysicalType::INT64, Repetition::REQUIRED),
            Values::Flags(_) => (PhysicalType::BOOLEAN, Repetition::REQUIRED),
        };
        let column = Type::primitive_type_builder(&self.name, kind);
        Ok(Arc::new(column.with_repetition(repetition).build()?))
    }

    fn write<W: Write + Send>(
        &self,
        rows: std::ops::Range<usize>,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match &self.values {
            Values::Numbers(value) => {
                put::<DoubleType, _>(group, &rows.map(value).collect::<Vec<_>>(), None)
            }
            Values::Integers(value) => {
                put::<Int64Type, _>(group, &rows.map(value).collect::<Vec<_>>(), None)
            }
            Values::Flags(value) => {
                put::<BoolType, _>(group, &rows.map(value).collect::<Vec<_>>(), None)
            }
            Values::OptionalNumbers(value) => {
                let values: Vec<Option<f64>> = rows.map(value).collect();
                let present: Vec<i16> = values.iter().map(|v| i16::from(v.is_some())).collect();
                let values: Vec<f64> = values.into_iter().flatten().collect();
                put::<DoubleType, _>(group, &values, Some(&present))
            }
        }
    }
}

/// Writes a table of so many rows.
pub(super) fn write_table(
    file: &mut BufWriter<File>,
    rows: usize,
    columns: &[Column<'_>],
) -> io::Result<()> {
    let write = |file: &mut BufWriter<File>| -> Result<(), ParquetError> {
        let fields: Result<Vec<_>, _> = columns.iter().map(Column::schema).collect();
        let schema = Type::group_type_builder("table").with_fields(fields?).build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .set_created_by("amc".to_owned())
            .build();
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        for start in (0..rows).step_by(GROUP) {
            let range = start..(start + GROUP).min(rows);
            let mut group = writer.next_row_group()?;
            for column in columns {
                column.write(range.clone(), &mut group)?;
            }
            group.close()?;
        }
        writer.close().map(|_| ())
    };
    write(file).map_err(|error| match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    })
}

/// Writes the next column of a group; `present` says which rows have a value where not all do.
fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, present, None)?;
        column.close()?;
    }
    Ok(())
}
