//! Parquet files that the tests write, and what must be refused in them.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::*;

/// The numbers of a column, `None` where a row has none.
enum Column {
    Double(Vec<Option<f64>>),
    Float(Vec<f32>),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Text(Vec<&'static str>),
}

fn write_column(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, column: &Column) {
    let mut writer = group.next_column().unwrap().unwrap();
    match column {
        Column::Double(values) => {
            let levels: Vec<i16> = values.iter().map(|value| value.is_some().into()).collect();
            let values: Vec<f64> = values.iter().copied().flatten().collect();
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)
        }
        Column::Float(values) => writer.typed::<FloatType>().write_batch(values, None, None),
        Column::Int(values) => writer.typed::<Int32Type>().write_batch(values, None, None),
        Column::Long(values) => writer.typed::<Int64Type>().write_batch(values, None, None),
        Column::Text(values) => {
            let values: Vec<ByteArray> = values.iter().map(|&text| text.into()).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, None, None)
        }
    }
    .unwrap();
    writer.close().unwrap();
}

/// A file with these fields and groups of rows.
fn file(fields: &str, compression: Compression, groups: &[Vec<Column>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {fields} }}")).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        columns.iter().for_each(|column| write_column(&mut group, column));
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn read(bytes: &[u8], dim: Option<usize>) -> Result<Samples, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, bytes).unwrap();
    let message = |error: DataError| {
        let message = error.to_string();
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert!(!message.contains('\n'), "{message}");
        message
    };
    crate::learned::data::read_samples(&path, dim).map_err(message)
}

fn refused(bytes: &[u8], dim: Option<usize>, expected: &str) {
    let message = read(bytes, dim).unwrap_err();
    assert!(message.contains(expected), "{message} lacks {expected}");
}

const FIELDS: &str = "optional double a; required float b; required int32 c;
    required int64 d (INTEGER(64, false));";

fn groups() -> Vec<Vec<Column>> {
    vec![
        vec![
            Column::Double(vec![Some(0.1), Some(-2.0)]),
            Column::Float(vec![1.5, 2.5]),
            Column::Int(vec![-3, 4]),
            Column::Long(vec![-1, 5]),
        ],
        vec![
            Column::Double(vec![Some(7.0)]),
            Column::Float(vec![8.0]),
            Column::Int(vec![9]),
            Column::Long(vec![10]),
        ],
    ]
}

/// Fails if columns are out of order, a group of rows is left out, a type is misread, an unsigned integer keeps a
/// sign, or a compression that writers use by default cannot be read.
#[test]
fn numeric_columns_are_coordinates() {
    use Compression::{GZIP, LZ4_RAW, SNAPPY, UNCOMPRESSED};
    let largest = 18_446_744_073_709_551_615.0;
    let expected = [0.1, 1.5, -3.0, largest, -2.0, 2.5, 4.0, 5.0, 7.0, 8.0, 9.0, 10.0];
    for compression in [UNCOMPRESSED, SNAPPY, LZ4_RAW, GZIP(Default::default())] {
        let found = read(&file(FIELDS, compression, &groups()), Some(4)).unwrap();
        assert_eq!((found.dim, found.rows.as_slice()), (4, &expected[..]), "{compression:?}");
    }
}

/// Fails if a file that was compressed by Zstandard (by Arrow 21) is called damaged where it only cannot be read, or is
/// misread where it can.
#[test]
fn zstandard_is_read_or_named() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/learned/data/parquet/zstandard.parquet");
    match read_samples(File::open(path).unwrap(), "z.parquet", Some(2)) {
        Ok(found) if cfg!(feature = "zstd") => {
            assert_eq!(found.rows, [0.1, 1.0, 1.5, 2.0, -3.0, 4.0]);
        }
        Err(error) if !cfg!(feature = "zstd") => {
            let message = error.to_string();
            assert!(
                message.contains("--features zstd") && !message.contains("damaged"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Fails if more rows than are asked for at a time lose or swap some.
#[test]
fn long_columns_are_read_whole() {
    let values: Vec<f64> = (0..3 * ROWS + 5).map(|i| i as f64 * 0.1).collect();
    let column = Column::Double(values.iter().copied().map(Some).collect());
    let found = read(&file("optional double a;", Compression::SNAPPY, &[vec![column]]), None);
    assert!(found.unwrap().rows == values);
}

/// Fails if a row without a value is taken or misplaced, or what is no number is left out in silence.
#[test]
fn columns_that_are_no_coordinates_are_refused() {
    let plain = Compression::UNCOMPRESSED;
    let mut gap = groups();
    gap[1][0] = Column::Double(vec![None]);
    refused(&file(FIELDS, plain, &gap), None, ", column 1 (\"a\"): row 3 has no value");
    gap[0][0] = Column::Double(vec![Some(1.0), None]);
    refused(&file(FIELDS, plain, &gap), None, ", column 1 (\"a\"): row 2 has no value");
    gap[0][0] = Column::Double(vec![Some(1.0), Some(f64::NAN)]);
    gap[1][0] = Column::Double(vec![Some(1.0)]);
    refused(&file(FIELDS, plain, &gap), None, ", row 2, column 1: NaN is not a finite");

    let integers = || Column::Int(vec![1, 2]);
    let text = [vec![integers(), Column::Text(vec!["x", "y"])]];
    let fields = "required int32 a; required binary b (STRING);";
    refused(&file(fields, plain, &text), None, ", column 2 (\"b\"): holds UTF8, real numbers or");
    let date = [vec![integers(), integers()]];
    let fields = "required int32 a; required int32 b (DATE);";
    refused(&file(fields, plain, &date), None, "(\"b\"): holds DATE");
    let fields = "required int32 a; required int32 b (DECIMAL(9, 2));";
    refused(&file(fields, plain, &date), None, "(\"b\"): holds DECIMAL");
    let time = [vec![integers(), Column::Long(vec![1, 2])]];
    let fields = "required int32 a; required int64 b (TIMESTAMP(NANOS, true));";
    refused(&file(fields, plain, &time), None, "(\"b\"): holds INT64, real numbers");
    let index = [vec![integers(), integers()]];
    let fields = "required int32 a; required int32 __index_level_0__;";
    refused(&file(fields, plain, &index), None, "write the table with index=False");
}

/// Fails if another dimension, too few rows, or a file without columns is taken.
#[test]
fn tables_that_are_no_samples_are_refused() {
    let plain = Compression::UNCOMPRESSED;
    refused(&file(FIELDS, plain, &groups()), Some(3), "4 columns found, 3 expected");
    refused(&file(FIELDS, plain, &groups()[1..]), None, "1 rows found");
    refused(&file(FIELDS, plain, &[]), None, "0 rows found");
}

/// Fails if a file that was cut or changed ends the program, or a cut one is taken.
#[test]
fn damaged_files_are_refused() {
    // All kinds of parts that a file has are in one with one group of rows.
    let whole = file(FIELDS, Compression::SNAPPY, &groups()[..1]);
    for length in 0..whole.len() {
        refused(&whole[..length], None, "not a .parquet file, or a damaged one");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x24;
        // Pages have no checksum by default: another number may come out, a panic may not.
        let _ = read(&bytes, None);
    }
}
