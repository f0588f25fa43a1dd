//! Tests of the mixture reader: what it accepts, and one line for everything it refuses.

use super::*;

/// A valid mixture with `from` replaced by `to`.
fn mixture(from: &str, to: &str) -> String {
    let valid = r#"{
        "name": "small", "dim": 2, "weights": [1, 3], "means": [[0, 1], [2.5, -3]],
        "covariance": {"kind": "full", "matrix": [[2, 0.5], [0.5, 1]]},
        "standardize": "scalar", "origin": "by hand"
    }"#;
    assert!(valid.contains(from), "{from} is not in the template");
    valid.replacen(from, to, 1)
}

/// Fails when a field lands in the wrong place or weights are not normalized.
#[test]
fn a_valid_file_is_read_exactly() {
    let (parameters, standardize) = parse_mixture(&mixture("", ""), "f").unwrap();
    assert_eq!(standardize, Standardize::Scalar);
    assert_eq!(parameters.weights, [0.25, 0.75]);
    assert_eq!(parameters.means, [0.0, 1.0, 2.5, -3.0]);
    assert_eq!(parameters.covariance, Covariance::Full(vec![2.0, 0.5, 0.5, 1.0]));
    assert_eq!((parameters.name.as_str(), parameters.origin.as_str()), ("small", "by hand"));
}

/// Fails when a file without a name is refused, or its name is not where it came from.
#[test]
fn a_file_without_a_name_goes_by_its_source() {
    let text = mixture("", "").replace("\"name\": \"small\", ", "");
    assert!(!text.contains("small"));
    assert_eq!(parse_mixture(&text, "folder/m.json").unwrap().0.name, "folder/m.json");
}

/// Fails when absent optional fields are demanded, a byte-order mark is refused, or lists of
/// mixed kinds are not promoted.
#[test]
fn optional_fields_and_mixed_kinds() {
    let text = "\u{feff}".to_string()
        + r#"{"name": "m", "dim": 2, "weights": [1e-300, 0, 3e-300],
        "means": [[0, 1], [2, 3], [4, 5]], "covariances": [
        {"kind": "isotropic", "variance": 2}, {"kind": "diagonal", "variances": [3, 4]},
        {"kind": "isotropic", "variance": 5}]}"#;
    let (parameters, standardize) = parse_mixture(&text, "f").unwrap();
    assert_eq!(standardize, Standardize::None);
    assert_eq!(parameters.weights, [0.25, 0.0, 0.75]);
    assert_eq!(parameters.covariance, Covariance::Diagonal(vec![2.0, 2.0, 3.0, 4.0, 5.0, 5.0]));
    assert_eq!(parameters.origin, "read from f");
}

const FULL: &str = r#"{"kind": "full", "matrix": [[2, 0.5], [0.5, 1]]}"#;
const COVARIANCE: &str = r#""covariance": {"kind": "full", "matrix": [[2, 0.5], [0.5, 1]]}"#;

/// Fails when a bad file is accepted or its message lacks the file, the field, the finding or
/// the remedy. Left and middle: the edit; right: what the message must hold.
#[test]
fn every_bad_file_gets_one_clear_line() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("\"small\"", "7", &["name: 7 found, a text expected"]),
        (r#""weights""#, r#""wieghts""#, &["wieghts: unknown field", "did you mean weights?"]),
        (r#""origin""#, r#""dim""#, &["dim: given twice"]),
        ("\"dim\": 2", "\"dim\": 0", &["dim: 0 found", "from 1 on"]),
        ("\"dim\": 2", "\"dim\": 2.5", &["dim: 2.5 found", "a whole number"]),
        ("\"dim\": 2", "\"dim\": 3", &["means[0]: 2 entries found, 3 expected", "dim"]),
        ("[1, 3]", "[]", &["weights: 0 entries found", "at least one"]),
        ("[1, 3]", "[0, 0]", &["weights: all are zero"]),
        ("[1, 3]", "[1, -3]", &["weights[1] = -3e0: must be 0 or greater"]),
        ("[1, 3]", "[1, 3, 2]", &["means: 2 entries found, 3 expected", "as many as weights"]),
        ("[1, 3]", "[1, null]", &["weights[1]: null found, a finite number expected"]),
        ("[1, 3]", "[1, \"NaN\"]", &["weights[1]: \"NaN\" found"]),
        ("[1, 3]", "[1, NaN]", &["line 2", "weights: \"NaN\" is not a finite number"]),
        ("-3]", "-Infinity]", &["line 2", "means: \"-Infinity\" is not a finite number"]),
        ("[2, 0.5]", "[2e999, 0.5]", &["line 3", "matrix: \"2e999\" is not a finite number"]),
        ("[2.5, -3]", "[2.5]", &["means[1]: 1 entries found, 2 expected", "dim"]),
        ("[2.5, -3]", "2.5", &["means[1]: 2.5 found, a list expected"]),
        ("\"dim\": 2,", "\"dim\": 2", &["line 2, column", "expected `,`"]),
        (COVARIANCE, "\"origin\": \"\"", &["origin: given twice"]),
        (&format!("{COVARIANCE},"), "", &["neither of covariance and covariances"]),
        (COVARIANCE, &format!("{COVARIANCE}, \"covariances\": []"), &["both of covariance"]),
        (
            COVARIANCE,
            &format!("\"covariances\": [{FULL}]"),
            &["covariances: 1 entries found, 2 expected"],
        ),
        (FULL, "0.5", &["covariance: 0.5 found, an object"]),
        ("\"full\"", "\"dense\"", &["covariance.kind: \"dense\" found", "\"full\" expected"]),
        ("\"full\"", "\"diagonal\"", &["covariance.matrix: unknown field", "kind, variances"]),
        (
            FULL,
            r#"{"kind": "isotropic", "variances": [1, 2]}"#,
            &["covariance.variances: unknown field", "did you mean variance?"],
        ),
        (FULL, r#"{"variance": 1}"#, &["covariance.kind: missing"]),
        (
            FULL,
            r#"{"kind": "isotropic", "variance": 0}"#,
            &["covariance.variance = 0e0: must be greater than 0"],
        ),
        (
            FULL,
            r#"{"kind": "diagonal", "variances": [1, -2]}"#,
            &["covariance.variances[1] = -2e0: must be greater than 0"],
        ),
        (
            FULL,
            r#"{"kind": "diagonal", "variances": [1]}"#,
            &["covariance.variances: 1 entries found, 2 expected"],
        ),
        ("[2, 0.5]", "[2, 0.4]", &["covariance.matrix: not symmetric, [0][1] = 4e-1"]),
        ("[2, 0.5]", "[-2, 0.5]", &["covariance.matrix[0][0] = -2e0"]),
        ("[0.5, 1]", "[0.5, 1, 0]", &["covariance.matrix[1]: 3 entries found, 2 expected"]),
        ("[[2, 0.5], [0.5, 1]]", "[[2, 2], [2, 1]]", &["matrix: not positive definite"]),
        ("\"scalar\"", "\"full\"", &["standardize: \"full\" found", "\"none\", \"diagonal\""]),
    ];
    for (from, to, expected) in cases {
        let error = parse_mixture(&mixture(from, to), "bad.json").expect_err(to);
        let message = error.to_string();
        assert!(message.starts_with("bad.json") && !message.contains('\n'), "{message}");
        for part in *expected {
            assert!(message.contains(part), "{from} -> {to}: {message} lacks {part}");
        }
    }
}

/// Fails when the failing component of a list is not named.
#[test]
fn a_bad_component_is_named() {
    let singular = r#"{"kind": "full", "matrix": [[1, 1], [1, 1]]}"#;
    let text = mixture(COVARIANCE, &format!("\"covariances\": [{FULL}, {singular}]"));
    let message = parse_mixture(&text, "f").unwrap_err().to_string();
    assert!(message.starts_with("f: covariances[1].matrix: not positive definite"), "{message}");
}

/// Fails when a missing or empty file, a list or plain text panics or hides the file name.
#[test]
fn files_that_hold_no_mixture() {
    let missing = load_mixture(Path::new("/no/such/mixture.json")).unwrap_err().to_string();
    assert!(missing.starts_with("/no/such/mixture.json: cannot be read"), "{missing}");
    for text in ["", "[1]", "hello", "\"é", "{\"é\n", "{\"a\":1e999", "-", "NaN"] {
        let message = parse_mixture(text, "f").unwrap_err().to_string();
        assert!(message.starts_with("f, line ") && !message.contains('\n'), "{message}");
    }
}
