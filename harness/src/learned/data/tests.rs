//! Every format and every refusal, on files that the tests write.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use npyz::{AutoSerialize, Order, Serialize, TypeStr, WriteOptions, WriterBuilder};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// Three points in two dimensions, no two numbers alike.
const ROWS: [f64; 6] = [1.0, -2.0, 3.5, 4.25, -5.0, 6.0];

fn npy_as<T: Serialize + Copy>(dtype: &str, shape: &[u64], order: Order, values: &[T]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let dtype = npyz::DType::new_scalar(dtype.parse::<TypeStr>().unwrap());
    let options = WriteOptions::new().dtype(dtype).shape(shape).order(order);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes.into_inner()
}

fn npy<T: AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let options = WriteOptions::new().default_dtype().shape(shape);
    let mut writer = options.writer(&mut bytes).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes.into_inner()
}

fn npz(method: CompressionMethod, arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn stored(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    npz(CompressionMethod::Stored, arrays)
}

fn points() -> Vec<u8> {
    npy(&[3, 2], &ROWS)
}

/// Writes a file and reads it.
fn read(name: &str, bytes: &[u8], dim: Option<usize>) -> Result<Samples, String> {
    let folder: TempDir = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join(name);
    File::create(&path).unwrap().write_all(bytes).unwrap();
    let message = |error: DataError| {
        let message = error.to_string();
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert!(!message.contains('\n'), "{message}");
        message
    };
    read_samples(&path, dim).map_err(message)
}

fn taken(name: &str, bytes: &[u8]) {
    for dim in [None, Some(2)] {
        let found = read(name, bytes, dim).unwrap();
        assert_eq!(found, Samples { dim: 2, rows: ROWS.to_vec() }, "{name} {dim:?}");
    }
}

fn refused(name: &str, bytes: &[u8], dim: Option<usize>, expected: &str) {
    let message = read(name, bytes, dim).unwrap_err();
    assert!(message.contains(expected), "{message} lacks {expected}");
}

/// Fails if rows and columns are swapped in either order of numbers or bytes, or a precision is misread.
#[test]
fn npy_arrays_of_real_numbers_are_read() {
    taken("a.npy", &points());
    taken("a.NPY", &points());
    let columns = [1.0, 3.5, -5.0, -2.0, 4.25, 6.0];
    for dtype in ["<f8", ">f8"] {
        taken("a.npy", &npy_as::<f64>(dtype, &[3, 2], Order::C, &ROWS));
        taken("a.npy", &npy_as::<f64>(dtype, &[3, 2], Order::Fortran, &columns));
    }
    for dtype in ["<f4", ">f4"] {
        taken("a.npy", &npy_as(dtype, &[3, 2], Order::C, &ROWS.map(|x| x as f32)));
        taken("a.npy", &npy_as(dtype, &[3, 2], Order::Fortran, &columns.map(|x| x as f32)));
    }
}

/// Fails if integers of any width or sign change their value.
#[test]
fn npy_arrays_of_integers_are_read() {
    let expect = |bytes: &[u8], expected: [f64; 4]| {
        assert_eq!(read("a.npy", bytes, None).unwrap().rows, expected);
    };
    let signed = [-128.0, 127.0, 0.0, 5.0];
    expect(&npy(&[2, 2], &[-128_i8, 127, 0, 5]), signed);
    expect(&npy(&[2, 2], &[-128_i16, 127, 0, 5]), signed);
    expect(&npy_as(">i4", &[2, 2], Order::C, &[-128_i32, 127, 0, 5]), signed);
    expect(&npy(&[2, 2], &[-128_i64, 127, 0, 5]), signed);
    let unsigned = [255.0, 1.0, 0.0, 200.0];
    expect(&npy(&[2, 2], &[255_u8, 1, 0, 200]), unsigned);
    expect(&npy_as(">u2", &[2, 2], Order::C, &[255_u16, 1, 0, 200]), unsigned);
    expect(&npy(&[2, 2], &[255_u32, 1, 0, 200]), unsigned);
    expect(&npy(&[2, 2], &[u64::MAX, 1, 0, 200]), [18_446_744_073_709_551_615.0, 1.0, 0.0, 200.0]);
}

/// Fails if an array that is no list of points is taken, or a message does not say what it is and what to do.
#[test]
fn other_npy_arrays_are_refused() {
    let refused = |bytes: &[u8], expected: &str| refused("a.npy", bytes, None, expected);
    refused(&npy(&[6], &ROWS), "an array [6] of one dimension found, an array [N, d] expected");
    refused(&npy(&[3, 1, 2], &ROWS), "an array [3, 1, 2] of 3 dimensions found");
    refused(&npy(&[], &ROWS[..1]), "a single number found");
    refused(&npy(&[3, 0], &ROWS[..0]), "0 numbers in rows of 0 found");
    refused(&npy(&[0, 2], &ROWS[..0]), "0 rows found, at least 2 expected");
    refused(&npy(&[1, 2], &ROWS[..2]), "1 rows found, at least 2 expected");
    refused(&npy(&[2, 2], &[true, false, true, true]), "of type '|b1'; real numbers");
    let half = b"{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2), }\n";
    refused(&with_header(half), "of type '<f2'");
    let complex = b"{'descr': '<c16', 'fortran_order': False, 'shape': (3, 2), }\n";
    refused(&with_header(complex), "of type '<c16'; real numbers in single or double precision");
    let record =
        b"{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (3,), }\n";
    refused(&with_header(record), "of type [('a', '<f8'), ('b', '<f8'), ]");
    let object = b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }\n";
    refused(&with_header(object), "of type '|O'");
}

/// An array with this header and the bytes of six numbers.
fn with_header(header: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let numbers: Vec<u8> = ROWS.iter().flat_map(|x| x.to_le_bytes()).collect();
    [b"\x93NUMPY\x01\x00", &length[..], header, &numbers].concat()
}

/// Fails if a file that was cut, extended or made to lie about its shape is taken, ends the program, or costs
/// more memory than it has bytes.
#[test]
fn damaged_npy_files_are_refused() {
    let whole = points();
    for length in 0..whole.len() {
        refused("a.npy", &whole[..length], None, "not a .npy file, or a damaged one");
    }
    refused("a.npy", &[&whole[..], &[0]].concat(), None, "more bytes follow the array");
    let shape = |shape: &str| {
        with_header(
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n").as_bytes(),
        )
    };
    taken("a.npy", &shape("(3, 2)"));
    for wrong in [
        "(4, 2)",
        "(9000000000000000000, 1)",
        "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296)",
        "(18446744073709551616, 2)",
        "(-3, 2)",
        "(3.0, 2)",
        "(0x8000000000000000, 2)",
        "3",
    ] {
        refused("a.npy", &shape(wrong), None, "a damaged one");
    }
    refused("a.npy", &shape(&"(".repeat(3_000)), None, "nested too deep");
    refused("a.npy", &shape(&" ".repeat(20_000)), None, "does not begin as numpy begins");
    let long = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes()].concat();
    refused("a.npy", &long, None, "does not begin as numpy begins");
}

/// Fails if another dimension than the target's is taken, in any format.
#[test]
fn another_dimension_is_refused() {
    let expected = "2 columns found, 5 expected, the dimension of the target";
    refused("a.npy", &points(), Some(5), expected);
    refused("a.npz", &stored(&[("x", points())]), Some(5), expected);
    refused("a.csv", b"1,-2\n3.5,4.25\n", Some(5), "row 1: 2 cells found, 5 expected");
}

/// Fails if a value that is no number is taken, or row and column in the message are not those of the file,
/// counted from 1.
#[test]
fn values_that_are_no_numbers_are_refused() {
    for (value, word) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut rows = ROWS;
        rows[3] = value;
        let expected = format!(", row 2, column 2: {word} is not a finite number; remove the row");
        refused("a.npy", &npy(&[3, 2], &rows), None, &expected);
        let columns = [rows[0], rows[2], rows[4], rows[1], rows[3], rows[5]];
        refused("a.npy", &npy_as("<f8", &[3, 2], Order::Fortran, &columns), None, &expected);
        refused("a.npz", &stored(&[("x", npy(&[3, 2], &rows))]), None, &format!("[x]{expected}"));
    }
    refused("a.csv", b"1,-2\n3.5,NaN\n", None, "row 2, column 2: \"NaN\" is not a finite");
}

/// Fails if a header line is taken for a point, a single point for samples, or ragged rows pass.
#[test]
fn csv_files_are_read() {
    taken("a.csv", b"1,-2\n3.5,4.25\n-5,6\n");
    refused("a.csv", b"x,y\n1,-2\n3.5,4.25\n", None, "without a header line");
    refused("a.csv", b"1,-2\n3.5\n", None, "row 2: 1 cells found, 2 expected");
    refused("a.csv", b"1,-2\n", None, "1 rows found");
    refused("a.csv", b"\n", None, "holds no points");
}

/// Fails if the samples of an archive are not found by name or by being alone, deflated ones are not read, or a
/// choice is made where there is more than one.
#[test]
fn archives_say_which_array_holds_the_samples() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        taken("a.npz", &npz(method, &[("chain", points())]));
    }
    for name in ["positions", "samples", "x"] {
        taken("a.npz", &stored(&[("energy", npy(&[3], &ROWS[..3])), (name, points())]));
    }
    let two = stored(&[("a", points()), ("b\n", points())]);
    refused("a.npz", &two, None, "It has a, b\\n; name one");
    refused("a.npz", &stored(&[("x", points()), ("samples", points())]), None, "which array");
    refused("a.npz", &stored(&[]), None, "It has no array");
}

/// Fails if positions of a run stay in the coordinates of its sampler, or half of their map is passed over.
#[test]
fn positions_of_a_run_return_to_the_target() {
    let map = [("shift", npy(&[2], &[10.0, -4.0])), ("scale", npy(&[2], &[2.0, 0.5]))];
    let arrays = [&[("positions", points())], &map[..]].concat();
    let expected = [12.0, -5.0, 17.0, -1.875, 0.0, -1.0];
    assert_eq!(read("samples.npz", &stored(&arrays), None).unwrap().rows, expected);
    refused("a.npz", &stored(&arrays[..2]), None, "shift without scale; add scale");
    let wrong = |scale: &[f64]| {
        let scale = ("scale", npy(&[scale.len() as u64], scale));
        stored(&[arrays[0].clone(), arrays[1].clone(), scale])
    };
    refused("a.npz", &wrong(&[1.0]), None, "[scale]: an array [1] of one dimension found, [2] exp");
    refused("a.npz", &wrong(&[1.0, 0.0]), None, "shift and scale make no map");
    refused("a.npz", &wrong(&[1.0, f64::NAN]), None, "[scale], row 2, column 1: NaN");
    refused("a.npz", &wrong(&[1.0, 1e308]), None, "[positions], row 1, column 2: -inf");
}

/// Fails if samples of different weight are taken as if they were equal, or equal ones are refused.
#[test]
fn only_equal_weights_are_taken() {
    let with = |name: &str, weights: &[f64]| {
        let weights = npy(&[weights.len() as u64], weights);
        stored(&[("positions", points()), (name, weights)])
    };
    taken("a.npz", &with("weights", &[0.25, 0.25, 0.25]));
    taken("a.npz", &with("log_weights", &[-700.0, -700.0, -700.0]));
    refused("a.npz", &with("weights", &[0.25, 0.5, 0.25]), None, "its weights differ, and every");
    refused("a.npz", &with("weights", &[0.0, 0.0, 0.0]), None, "its weights differ");
    refused(
        "a.npz",
        &with("log_weights", &[-700.0, -700.0, -701.0]),
        None,
        "its log_weights differ",
    );
    refused(
        "a.npz",
        &with("weights", &[0.5, 0.5]),
        None,
        "[weights]: an array [2] of one dimension",
    );
    refused("a.npz", &with("weights", &[0.5, f64::NAN, 0.5]), None, "[weights], row 2, column 1");
}

/// Fails if a damaged archive is taken (its checksums are asked), or ends the program.
#[test]
fn damaged_archives_are_refused() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let whole = npz(method, &[("x", points())]);
        for length in 0..whole.len() {
            read("a.npz", &whole[..length], None).unwrap_err();
        }
        // Beyond the local header: in the array itself.
        for at in 40..200 {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            if let Ok(samples) = read("a.npz", &bytes, None) {
                assert_eq!(samples.rows, ROWS, "byte {at}");
            }
        }
    }
    refused("a.npz", &points(), None, "not a .npz file, or a damaged one");
}

/// Fails if a name that tells no format, or a missing file ends in anything but a clear line.
#[test]
fn names_tell_the_format() {
    refused("a.txt", b"1,2\n", None, "its name tells no format; end it with .npy");
    refused("npy", b"1,2\n", None, "its name tells no format");
    let missing = read_samples(Path::new("/no/such.npy"), None).unwrap_err().to_string();
    assert!(missing.starts_with("/no/such.npy: cannot be read ("), "{missing}");
}
