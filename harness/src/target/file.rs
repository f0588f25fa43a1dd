//! Reads a mixture from the JSON interchange format.
//!
//! Fields: `name`, `dim`, `weights` `[K]` (non-negative, not all zero, renormalized), `means`
//! `[K][d]`, exactly one of `covariance` (shared by all) or `covariances` (a list of `K`), each
//! `{"kind":"isotropic","variance":s}`, `{"kind":"diagonal","variances":[d]}` or
//! `{"kind":"full","matrix":[d][d]}`; `standardize` is `"none"` (also when absent), `"diagonal"`
//! or `"scalar"`; `origin` is free text. A list may mix kinds: all become the most general one,
//! isotropic before diagonal before full.

use std::path::Path;

use super::covariance::checked_matrix;
use super::field::{Entries, Fields, Node, PER_COORDINATE};
use super::{Covariance, MixtureParameters, Standardize, TargetError, excerpt, normalized};

const FIELDS: [&str; 8] =
    ["name", "dim", "weights", "means", "covariance", "covariances", "standardize", "origin"];
const PER_COMPONENT: &str = "one per component, as many as weights";

/// Reads a mixture file; the second value is the standardization it asks for, not yet applied.
///
/// # Errors
/// [`TargetError`]: the file cannot be read, or a field is missing, unknown or out of range.
pub fn load_mixture(path: &Path) -> Result<(MixtureParameters, Standardize), TargetError> {
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse_mixture(&text, &file),
        Err(error) => Err(TargetError::Unreadable { file, error }),
    }
}

/// Reads a mixture from text; `source` stands for the file in messages.
///
/// # Errors
/// [`TargetError`]: the text is not JSON, or a field is missing, unknown or out of range.
pub fn parse_mixture(
    text: &str,
    source: &str,
) -> Result<(MixtureParameters, Standardize), TargetError> {
    // Some editors put a byte-order mark first, which JSON does not allow.
    let text = text.trim_start_matches('\u{feff}');
    let entries: Entries =
        serde_json::from_str(text).map_err(|error| json_error(text, source, &error))?;
    let mut fields = Fields::outermost(source, entries);
    fields.allow_only(&FIELDS)?;
    // A file without a name goes by where it came from.
    let name = match fields.take("name") {
        Some(node) => node.text()?.to_string(),
        None => source.to_string(),
    };
    let dim = fields.require("dim", "the dimension, a whole number")?.count()?;
    let weights = read_weights(fields.require("weights", "a list of numbers")?)?;
    let means = fields.require("means", "a list of rows, one per component")?;
    let means = means.matrix(weights.len(), dim, PER_COMPONENT)?;
    let covariance = read_covariance(&mut fields, source, weights.len(), dim)?;
    let standardize = match fields.take("standardize") {
        Some(node) => Standardize::from_name(node.text()?)
            .ok_or_else(|| node.wrong("\"none\", \"diagonal\" or \"scalar\""))?,
        None => Standardize::None,
    };
    let origin = match fields.take("origin") {
        Some(node) => node.text()?.to_string(),
        None => format!("read from {source}"),
    };
    Ok((MixtureParameters { name, dim, weights, means, covariance, origin }, standardize))
}

fn read_weights(node: Node<'_>) -> Result<Vec<f64>, TargetError> {
    let (file, field) = (node.file.to_string(), node.field.clone());
    let mut weights = Vec::new();
    for entry in node.list()? {
        weights.push(within(&entry, |weight| weight >= 0.0, "0 or greater")?);
    }
    if weights.is_empty() {
        let reason = "one per component, at least one";
        return Err(TargetError::Length { file, field, found: 0, expected: 1, reason });
    }
    normalized(weights).ok_or(TargetError::WeightsAllZero { file })
}

fn read_covariance(
    fields: &mut Fields<'_>,
    source: &str,
    components: usize,
    dim: usize,
) -> Result<Covariance, TargetError> {
    let wrong = |found| Err(TargetError::CovarianceChoice { file: source.into(), found });
    match (fields.take("covariance"), fields.take("covariances")) {
        (Some(shared), None) => read_one(shared, dim),
        (None, Some(list)) => {
            let list = list.list_of(components, PER_COMPONENT)?;
            let parts: Result<Vec<_>, _> =
                list.into_iter().map(|node| read_one(node, dim)).collect();
            Ok(Covariance::join(&parts?, dim))
        }
        (Some(_), Some(_)) => wrong("both"),
        (None, None) => wrong("neither"),
    }
}

/// Reads one covariance object.
fn read_one(node: Node<'_>, dim: usize) -> Result<Covariance, TargetError> {
    let mut fields = node.object()?;
    fields.allow_only(&["kind", "variance", "variances", "matrix"])?;
    let kind = fields.require("kind", "\"isotropic\", \"diagonal\" or \"full\"")?;
    let held = match kind.text()? {
        "isotropic" => "variance",
        "diagonal" => "variances",
        "full" => "matrix",
        _ => return Err(kind.wrong("\"isotropic\", \"diagonal\" or \"full\"")),
    };
    // Fields of another kind are unknown to this one; its own field is then the nearest.
    fields.allow_only(&["kind", held])?;
    let positive = |node: &Node<'_>| within(node, |variance| variance > 0.0, "greater than 0");
    match held {
        "variance" => {
            let variance = fields.require(held, "one number, the variance of every coordinate")?;
            Ok(Covariance::Isotropic(vec![positive(&variance)?]))
        }
        "variances" => {
            let list = fields.require(held, "a list of numbers, one per coordinate")?;
            let list = list.list_of(dim, PER_COORDINATE)?;
            let variances: Result<Vec<_>, _> = list.iter().map(positive).collect();
            Ok(Covariance::Diagonal(variances?))
        }
        _ => {
            let matrix = fields.require(held, "a list of rows, one per coordinate")?;
            let (file, field) = (matrix.file, matrix.field.clone());
            let entries = matrix.matrix(dim, dim, PER_COORDINATE)?;
            Ok(Covariance::Full(checked_matrix(entries, dim, file, &field)?))
        }
    }
}

/// A number that satisfies a condition.
fn within(
    node: &Node<'_>,
    condition: fn(f64) -> bool,
    allowed: &'static str,
) -> Result<f64, TargetError> {
    let value = node.number()?;
    if condition(value) {
        return Ok(value);
    }
    Err(TargetError::Value { file: node.file.into(), field: node.field.clone(), value, allowed })
}

/// Turns a parser's complaint into ours, with the field when a number is not finite: other
/// languages write `NaN` and `Infinity`, which JSON does not have.
fn json_error(text: &str, source: &str, error: &serde_json::Error) -> TargetError {
    let (file, line, column) = (source.to_string(), error.line(), error.column());
    let bytes = text.as_bytes();
    let line_start: usize =
        text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let position = (line_start + column.saturating_sub(1)).min(bytes.len());
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let start = bytes[..position].iter().rposition(|byte| !part(byte)).map_or(0, |at| at + 1);
    let length = bytes[start..].iter().position(|byte| !part(byte)).unwrap_or(bytes.len() - start);
    let token = String::from_utf8_lossy(&bytes[start..start + length]).into_owned();
    // Only what other languages would read as a number and JSON cannot hold.
    if token.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
        let field = name_before(&text[..start]);
        let token = excerpt(&token);
        return TargetError::JsonNumber { file, field, line, column, token };
    }
    let message = error.to_string();
    let detail = message.rsplit_once(" at line ").map_or(message.as_str(), |(detail, _)| detail);
    TargetError::Json { file, line, column, detail: detail.into() }
}

/// The last field name that the text opens.
fn name_before(text: &str) -> String {
    let quoted = text.rfind(':').map(|colon| text[..colon].trim_end().trim_end_matches('"'));
    quoted.and_then(|name| name.rsplit('"').next()).unwrap_or("number").escape_debug().to_string()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
