//! Any bytes, and files built from choices, as a CSV file of points: refused with one line, or finite numbers in
//! whole rows, the same that a parser of two lines finds.
#![no_main]

use amc_fuzz::{STRUCTURED, is_one_line, points_text};
use amc_harness::target::parse_points;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((&STRUCTURED, choices)) = data.split_first() {
        let (dim, file) = points_text::build(choices).unwrap_or_default();
        check(&file, dim.max(1));
    } else if let Some((last, file)) = data.split_last() {
        // The dimension comes last, so that a file with a digit after it is an input.
        check(file, usize::from(last % 5) + 1);
    }
});

fn check(file: &[u8], dim: usize) {
    let found = parse_points(file, "fuzz.csv", dim);
    match &found {
        Ok(points) => {
            assert!(!points.is_empty() && points.len().is_multiple_of(dim));
            assert!(points.iter().all(|x| x.is_finite()));
        }
        Err(error) => assert!(is_one_line(&error.to_string()), "{error:?}"),
    }
    // Quotes, which numbers do not need, and other blanks than these are left to the real parser.
    let plain =
        |byte: &u8| byte.is_ascii() && *byte != b'"' && (*byte >= b' ' || b"\t\r\n".contains(byte));
    if let Some(text) = std::str::from_utf8(file).ok().filter(|_| file.iter().all(plain)) {
        let expected = by_definition(text, dim);
        let bits = |points: &[f64]| points.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
        assert_eq!(found.ok().map(|points| bits(&points)), expected.map(|points| bits(&points)));
    }
}

/// Lines that are not blank, cut at commas.
fn by_definition(text: &str, dim: usize) -> Option<Vec<f64>> {
    let mut points = Vec::new();
    for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
        let row: Vec<f64> =
            line.split(',').map(|cell| cell.trim().parse().ok()).collect::<Option<_>>()?;
        if row.len() != dim || !row.iter().all(|x| x.is_finite()) {
            return None;
        }
        points.extend(row);
    }
    (!points.is_empty()).then_some(points)
}
