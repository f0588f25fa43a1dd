//! What can be wrong with a configuration, each said in one line that names the field.

use std::fmt;

use thiserror::Error;
use toml::Value;

/// A field of the configuration and where its value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The file, or `--set` for a value given on the command line.
    pub origin: String,
    /// Section and key, e.g. `bridge.kind`.
    pub name: String,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.name)
    }
}

/// Why a configuration is refused. Every message is one line and names the remedy.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ConfigError {
    /// The text is not TOML.
    #[error("{origin}:{line}:{column}: not valid TOML: {message}")]
    Syntax {
        /// The file.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// A `--set` that is not of the form `section.key=value`.
    #[error("--set {text:?}: {reason}; write section.key=value, e.g. --set bridge.kind=ddpm")]
    Override {
        /// The argument as given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A section or key that does not exist.
    #[error("{field} is not known; {hint}")]
    UnknownKey {
        /// The unknown key.
        field: Field,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A name that is not one of a room of the catalog.
    #[error("{field} = {value} is not known; {hint}")]
    UnknownName {
        /// The field.
        field: Field,
        /// The name as given.
        value: String,
        /// The nearest known name and all of them.
        hint: String,
    },
    /// A value of the wrong type.
    #[error("{field} = {value} is {found}; expected {expected}")]
    WrongType {
        /// The field.
        field: Field,
        /// The value as given.
        value: String,
        /// Its type, with its article.
        found: &'static str,
        /// What would have been right.
        expected: String,
    },
    /// A number that is not finite or lies outside the range that makes sense.
    #[error("{field} = {value} is out of range; it must be {allowed}")]
    OutOfRange {
        /// The field.
        field: Field,
        /// The value as given.
        value: String,
        /// The range in words.
        allowed: String,
    },
    /// A known key that means nothing for the kind that was chosen.
    #[error("{field} does not apply to {choice} (it belongs to {belongs_to}){note}")]
    DoesNotApply {
        /// The key that does not apply.
        field: Field,
        /// The choice that rules it out, e.g. `target.kind = "file"`.
        choice: String,
        /// The choices that the key belongs to.
        belongs_to: String,
        /// Where the choice comes from, when that is not where the key comes from.
        note: String,
    },
    /// A key that must be given and is not.
    #[error("{field} is missing; {remedy}")]
    Missing {
        /// The missing key.
        field: Field,
        /// What to write.
        remedy: String,
    },
    /// A value that is fine by itself but contradicts another.
    #[error("{field}{value} {conflict}; {remedy}")]
    Conflict {
        /// The field to change.
        field: Field,
        /// ` = value`, or nothing where the value is too long to show.
        value: String,
        /// What it contradicts.
        conflict: String,
        /// What to write instead.
        remedy: String,
    },
    /// A run that would not fit into memory.
    #[error("{left} times {right} is more than {limit} numbers (8 GiB); make one of them smaller")]
    TooLarge {
        /// One factor, with its value.
        left: String,
        /// The other factor, with its value.
        right: String,
        /// The largest product allowed.
        limit: usize,
    },
}

/// A value as it is shown in a message: on one line and never long.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        // TOML would write a string with line breaks over several lines.
        Value::String(text) => format!("{text:?}"),
        other => one_line(&other.to_string()),
    };
    shortened(text)
}

/// A key as it is shown in a message: as in the file where it is a plain name.
pub(super) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let bare = !key.is_empty() && key.chars().all(plain);
    shortened(if bare { key.to_owned() } else { format!("{key:?}") })
}

/// `text` without line breaks or other control characters.
pub(super) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn shortened(text: String) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a value with line breaks, or a very long one, would spoil the one-line message.
    #[test]
    fn shown_values_are_short_and_on_one_line() {
        assert_eq!(shown(&Value::from("a\nb")), r#""a\nb""#);
        assert_eq!(shown(&Value::from(2.5)), "2.5");
        assert_eq!(shown_key("kind"), "kind");
        assert_eq!(shown_key("a\nb"), r#""a\nb""#);
        let long = shown(&Value::from(vec![1.0; 1000]));
        assert!(long.len() < 70 && long.ends_with("..."), "{long}");
    }
}
