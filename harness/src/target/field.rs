//! JSON values that remember where they came from, so that every complaint names its field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::{TargetError, excerpt};

/// The entries of the outermost object, in file order and with repeated names kept.
pub(super) struct Entries(pub(super) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object {\"name\": ..., \"dim\": ..., ...}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// An object whose fields are all known; they are taken out one by one.
pub(super) struct Fields<'a> {
    file: &'a str,
    path: String,
    entries: Vec<(String, Value)>,
}

impl<'a> Fields<'a> {
    /// The outermost object, which has no path.
    pub(super) fn outermost(file: &'a str, Entries(entries): Entries) -> Self {
        Self { file, path: String::new(), entries }
    }

    /// Refuses unknown and repeated fields. Called before any is taken: a misspelt name should
    /// be called misspelt, not missing.
    pub(super) fn allow_only(&self, known: &[&str]) -> Result<(), TargetError> {
        for (index, (name, _)) in self.entries.iter().enumerate() {
            let (file, field) = (self.file.into(), self.path_of(name));
            if !known.contains(&name.as_str()) {
                let help = nearest(name, known);
                return Err(TargetError::UnknownField { file, field, help });
            }
            if self.entries[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(TargetError::DuplicateField { file, field });
            }
        }
        Ok(())
    }

    /// Takes a field out, if it is there.
    pub(super) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let position = self.entries.iter().position(|(known, _)| known == name)?;
        let (name, value) = self.entries.swap_remove(position);
        Some(Node { file: self.file, field: self.path_of(&name), value })
    }

    /// Takes out a field that must be there; `expected` says what to add otherwise.
    pub(super) fn require(
        &mut self,
        name: &str,
        expected: &'static str,
    ) -> Result<Node<'a>, TargetError> {
        self.take(name).ok_or_else(|| TargetError::MissingField {
            file: self.file.into(),
            field: self.path_of(name),
            expected,
        })
    }

    fn path_of(&self, name: &str) -> String {
        let dot = if self.path.is_empty() { "" } else { "." };
        // Escaping keeps a name with a line break on one line; plain names stay plain.
        let quoted = name.escape_debug();
        format!("{}{dot}{quoted}", self.path)
    }
}

/// The nearest known name, or all of them when none is near.
pub(super) fn nearest(name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3));
    match near {
        Some((_, candidate)) => format!("did you mean {candidate}?"),
        None => format!("known fields: {}", known.join(", ")),
    }
}

/// One value with its file and its path inside the file.
pub(super) struct Node<'a> {
    /// The file.
    pub(super) file: &'a str,
    /// The path, such as `covariances[2].matrix`.
    pub(super) field: String,
    value: Value,
}

impl<'a> Node<'a> {
    /// A text.
    pub(super) fn text(&self) -> Result<&str, TargetError> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// A whole number from 1 on.
    pub(super) fn count(&self) -> Result<usize, TargetError> {
        let count = self.value.as_u64().and_then(|count| usize::try_from(count).ok());
        count.filter(|&count| count > 0).ok_or_else(|| self.wrong("a whole number from 1 on"))
    }

    /// A finite number.
    pub(super) fn number(&self) -> Result<f64, TargetError> {
        // The parser refuses what overflows, unless a dependency turns on arbitrary precision.
        let number = self.value.as_f64().filter(|number| number.is_finite());
        number.ok_or_else(|| self.wrong("a finite number"))
    }

    /// The entries of a list.
    pub(super) fn list(self) -> Result<Vec<Self>, TargetError> {
        let Self { file, field, value } = self;
        match value {
            Value::Array(values) => {
                let node = |(i, value)| Node { file, field: format!("{field}[{i}]"), value };
                Ok(values.into_iter().enumerate().map(node).collect())
            }
            value => Err(Node { file, field, value }.wrong("a list")),
        }
    }

    /// The entries of a list that must have `expected` of them, for the stated reason.
    pub(super) fn list_of(
        self,
        expected: usize,
        reason: &'static str,
    ) -> Result<Vec<Self>, TargetError> {
        let (file, field) = (self.file.to_string(), self.field.clone());
        let list = self.list()?;
        if list.len() == expected {
            return Ok(list);
        }
        Err(TargetError::Length { file, field, found: list.len(), expected, reason })
    }

    /// A matrix as a list of rows, `[rows x columns]`, flattened row-major.
    pub(super) fn matrix(
        self,
        rows: usize,
        columns: usize,
        reason: &'static str,
    ) -> Result<Vec<f64>, TargetError> {
        // Sized by what the file holds: `columns` is the file's own claim.
        let mut entries = Vec::new();
        for row in self.list_of(rows, reason)? {
            for cell in row.list_of(columns, PER_COORDINATE)? {
                entries.push(cell.number()?);
            }
        }
        Ok(entries)
    }

    /// The fields of an object.
    pub(super) fn object(self) -> Result<Fields<'a>, TargetError> {
        let Self { file, field, value } = self;
        match value {
            Value::Object(map) => {
                Ok(Fields { file, path: field, entries: map.into_iter().collect() })
            }
            value => Err(Node { file, field, value }.wrong("an object {...}")),
        }
    }

    /// The complaint that something else was expected here.
    pub(super) fn wrong(&self, expected: &'static str) -> TargetError {
        let found = match &self.value {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => value.to_string(),
            Value::String(value) => excerpt(value),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "an object".into(),
        };
        let (file, field) = (self.file.into(), self.field.clone());
        TargetError::WrongKind { file, field, found, expected }
    }
}

/// Why a list has `dim` entries.
pub(super) const PER_COORDINATE: &str = "one per coordinate, dim of them";

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a far name gets a suggestion or a near one does not.
    #[test]
    fn suggestions_only_for_near_names() {
        let known = ["weights", "covariance", "covariances", "dim"];
        assert_eq!(nearest("wieghts", &known), "did you mean weights?");
        assert_eq!(nearest("covarience", &known), "did you mean covariance?");
        let far = nearest("temperature", &known);
        assert_eq!(far, "known fields: weights, covariance, covariances, dim");
    }

    /// Fails when the path of a nested value does not lead to it.
    #[test]
    fn paths_lead_to_the_value() {
        let value = serde_json::json!([[1.0, 2.0], [3.0, null]]);
        let node = Node { file: "f", field: "means".into(), value };
        let error = node.matrix(2, 2, "one per component").unwrap_err();
        assert_eq!(error.to_string(), "f: means[1][1]: null found, a finite number expected");
    }
}
