//! Reads points, for example a user's starting positions or reference samples, from CSV.
//!
//! One point per line, `d` numbers separated by commas, no header line. Blank lines are skipped.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::{TargetError, excerpt};

/// Reads a file of points, `[N x dim]`, row-major.
///
/// # Errors
/// [`TargetError::Unreadable`] and those of [`parse_points`].
pub fn read_points(path: &Path, dim: usize) -> Result<Vec<f64>, TargetError> {
    let file = path.display().to_string();
    match File::open(path) {
        Ok(reader) => parse_points(reader, &file, dim),
        Err(error) => Err(TargetError::Unreadable { file, error }),
    }
}

/// Reads points of unknown dimension: as many coordinates as the first row has cells.
///
/// # Errors
/// Those of [`parse_points`].
pub(crate) fn parse_points_of_any_dim<R: Read>(
    reader: R,
    source: &str,
) -> Result<(usize, Vec<f64>), TargetError> {
    parse(reader, source, None)
}

/// Reads points, `[N x dim]`, row-major; `source` stands for the file in messages.
///
/// # Errors
/// [`TargetError::Row`] for a row without exactly `dim` cells, [`TargetError::Cell`] for a cell
/// that is not a finite number, [`TargetError::NoPoints`] when there is none.
pub fn parse_points<R: Read>(reader: R, source: &str, dim: usize) -> Result<Vec<f64>, TargetError> {
    if dim == 0 {
        return Err(TargetError::Parameter {
            target: "points",
            parameter: "dim",
            value: dim.to_string(),
            allowed: "at least 1".into(),
        });
    }
    parse(reader, source, Some(dim)).map(|(_, points)| points)
}

/// The dimension, which the first row decides where it is not given, and the points.
fn parse<R: Read>(
    reader: R,
    source: &str,
    mut dim: Option<usize>,
) -> Result<(usize, Vec<f64>), TargetError> {
    // Flexible, so that a ragged row reaches our own check and message.
    let mut builder = ReaderBuilder::new();
    let mut records = builder.has_headers(false).flexible(true).trim(Trim::All).from_reader(reader);
    let mut record = StringRecord::new();
    let (mut points, mut row) = (Vec::new(), 0);
    while records.read_record(&mut record).map_err(|error| unreadable(error, source))? {
        // A line of blanks is one empty cell to the parser, and a blank line to its author.
        if record.iter().all(str::is_empty) && record.len() <= 1 {
            continue;
        }
        row += 1;
        let cells = *dim.get_or_insert(record.len());
        read_row(&record, row, source, cells, &mut points)?;
    }
    match dim {
        Some(dim) if !points.is_empty() => Ok((dim, points)),
        _ => Err(TargetError::NoPoints { file: source.into() }),
    }
}

fn read_row(
    record: &StringRecord,
    row: usize,
    source: &str,
    dim: usize,
    points: &mut Vec<f64>,
) -> Result<(), TargetError> {
    if record.len() != dim {
        let found = record.len();
        return Err(TargetError::Row { file: source.into(), row, found, expected: dim });
    }
    for (index, cell) in record.iter().enumerate() {
        match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => points.push(number),
            _ => {
                let (file, cell) = (source.into(), excerpt(cell));
                return Err(TargetError::Cell { file, row, column: index + 1, cell });
            }
        }
    }
    Ok(())
}

/// The reader's own complaints: the disk, or bytes that are not text.
fn unreadable(error: csv::Error, source: &str) -> TargetError {
    let message = error.to_string();
    let error = match error.into_kind() {
        ErrorKind::Io(error) => error,
        _ => std::io::Error::other(message),
    };
    TargetError::Unreadable { file: source.into(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, dim: usize) -> Result<Vec<f64>, String> {
        parse_points(text.as_bytes(), "p.csv", dim).map_err(|error| error.to_string())
    }

    /// Fails when rows and columns are swapped, the first row is taken for a header, or blank
    /// lines count as points.
    #[test]
    fn points_are_row_major() {
        let expected = Ok(vec![1.0, -2.5, 3e-7, 4.0, 5.0, 6.0]);
        assert_eq!(parse("1,-2.5,3e-7\n4, 5 ,6\n", 3), expected);
        assert_eq!(parse("1,-2.5,3e-7\r\n\r\n4,5,6\r\n\r\n  \n", 3), expected);
        assert_eq!(parse("\u{feff}1\n2", 1), Ok(vec![1.0, 2.0]));
    }

    /// Fails when another row than the first decides the dimension, or ragged rows pass.
    #[test]
    fn the_first_row_decides_an_unknown_dimension() {
        let parse = |text: &str| {
            parse_points_of_any_dim(text.as_bytes(), "p.csv").map_err(|error| error.to_string())
        };
        assert_eq!(parse("\n1,2,3\n4,5,6\n"), Ok((3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
        let ragged = parse("1,2\n3,4,5\n").unwrap_err();
        assert!(ragged.contains("row 2: 3 cells found, 2 expected"), "{ragged}");
        assert!(parse("\n").unwrap_err().contains("holds no points"));
    }

    /// Fails when a bad file is accepted or its message lacks the file, the place or the remedy.
    #[test]
    fn every_bad_file_gets_one_clear_line() {
        let cases = [
            ("", 2, "p.csv: holds no points"),
            ("\n\n", 2, "p.csv: holds no points"),
            ("1,2\n3\n", 2, "p.csv, row 2: 1 cells found, 2 expected"),
            ("1,2\n\n3,4,\n", 2, "p.csv, row 2: 3 cells found, 2 expected"),
            ("1 2\n", 2, "separated by commas"),
            ("x,y\n1,2\n", 2, "row 1, column 1: \"x\" is not a finite number; the file"),
            ("1,2\n3,\n", 2, "row 2, column 2: \"\" is not a finite number"),
            ("1,2\n3,NaN\n", 2, "row 2, column 2: \"NaN\""),
            ("-inf,2\n", 2, "row 1, column 1: \"-inf\""),
            ("1,1e999\n", 2, "row 1, column 2: \"1e999\""),
            ("\"a\nb\",1\n", 2, r#"column 1: "a\nb""#),
            ("1\n", 0, "points: dim = 0: must be at least 1"),
        ];
        for (text, dim, expected) in cases {
            let message = parse(text, dim).expect_err(text);
            assert!(message.contains(expected), "{text:?}: {message} lacks {expected}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    /// Fails when a missing file or bytes that are not text lose the file's name.
    #[test]
    fn unreadable_files_are_named() {
        let missing = read_points(Path::new("/no/such/p.csv"), 2).unwrap_err().to_string();
        assert!(missing.starts_with("/no/such/p.csv: cannot be read"), "{missing}");
        let binary = parse_points(&[0xff, 0xfe, b','][..], "p.csv", 2).unwrap_err().to_string();
        assert!(binary.starts_with("p.csv: cannot be read"), "{binary}");
    }
}
