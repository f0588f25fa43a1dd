//! `--set section.key=value`: single values that replace those of the file.
//!
//! They are written into the parsed table before anything is read, so that they meet the same
//! checks as the file, and so that changing a `kind` brings that kind's own defaults.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::{Table, Value};

use super::error::{ConfigError, Field, one_line};

/// One value given on the command line, e.g. `bridge.kind=ddpm` or `seed=3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    section: Option<String>,
    key: String,
    value: Value,
    /// The argument that gave it, for messages.
    argument: &'static str,
}

/// The argument that gives an override unless another is named.
const SET: &str = "--set";

impl Override {
    /// The value `value` for `key` of `section`, or of the top level where that is `None`.
    pub fn new(section: Option<&str>, key: &str, value: impl Into<Value>) -> Self {
        let section = section.map(str::to_owned);
        Self { section, key: key.to_owned(), value: value.into(), argument: SET }
    }

    /// The value of `section.key` as `text` writes it: TOML, or a bare word.
    pub fn of_text(section: &str, key: &str, text: &str) -> Self {
        // A word that is no TOML value is a string, so that a shell needs no inner quotes.
        let value = text.trim().parse().unwrap_or_else(|_| Value::from(text.trim()));
        Self::new(Some(section), key, value)
    }

    /// The same override, given by another argument than `--set`.
    #[must_use]
    pub fn given_by(self, argument: &'static str) -> Self {
        Self { argument, ..self }
    }

    /// The override that sets the seed of the run.
    pub fn seed(seed: u64) -> Self {
        Self::new(None, "seed", super::value::seed_to_toml(seed))
    }
}

impl FromStr for Override {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let error = |reason: &str| ConfigError::Override {
            text: one_line(text),
            reason: reason.to_owned(),
        };
        let (path, value) = text.split_once('=').ok_or_else(|| error("there is no `=`"))?;
        let parts: Vec<&str> = path.split('.').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(error("the name before `=` is incomplete"));
        }
        match *parts {
            [key] => Ok(Self { section: None, ..Self::of_text("", key, value) }),
            [section, key] => Ok(Self::of_text(section, key, value)),
            _ => Err(error("the name before `=` has more than two parts")),
        }
    }
}

/// Remembers which values come from the file and which from the command line.
#[derive(Debug)]
pub(super) struct Origins {
    source: String,
    /// Fields and sections of the command line, with the arguments that gave them.
    overridden: BTreeMap<String, &'static str>,
}

impl Origins {
    /// Writes `overrides` into `table`, later ones over earlier ones.
    pub(super) fn apply(source: &str, table: &mut Table, overrides: &[Override]) -> Self {
        let mut overridden = BTreeMap::new();
        for Override { section, key, value, argument } in overrides {
            let Some(section) = section else {
                table.insert(key.clone(), value.clone());
                overridden.insert(key.clone(), *argument);
                continue;
            };
            if !table.contains_key(section) {
                table.insert(section.clone(), Value::Table(Table::new()));
                overridden.insert(section.clone(), *argument);
            }
            // A section that is no table is left as it is: reading it reports that.
            if let Some(Value::Table(keys)) = table.get_mut(section) {
                keys.insert(key.clone(), value.clone());
                overridden.insert(format!("{section}.{key}"), *argument);
            }
        }
        Self { source: one_line(source), overridden }
    }

    /// The field `name` together with the place its value was written in.
    pub(super) fn field(&self, name: impl Into<String>) -> Field {
        let name = name.into();
        let origin = self.argument_of(&name).unwrap_or(&self.source);
        Field { origin: origin.to_owned(), name }
    }

    /// The argument that gave this field, by itself or with its whole section.
    fn argument_of(&self, name: &str) -> Option<&str> {
        let section = name.split_once('.').map_or(name, |(section, _)| section);
        self.overridden.get(name).or_else(|| self.overridden.get(section)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a value of the command line gets another type than it would have in the file.
    #[test]
    fn values_are_toml_and_bare_words_are_strings() {
        for (text, value) in [
            ("bridge.kind=ddpm", Value::from("ddpm")),
            ("bridge.kind = \"ddpm\"", Value::from("ddpm")),
            ("bridge.kind=3", Value::from(3)),
            ("bridge.kind=1e-4", Value::from(1e-4)),
            ("bridge.kind=true", Value::from(true)),
            ("bridge.kind=[0.5, 1]", Value::Array(vec![Value::from(0.5), Value::from(1)])),
            ("bridge.kind=a=b.json", Value::from("a=b.json")),
            ("bridge.kind=", Value::from("")),
            ("bridge.kind=1\n[sampler]", Value::from("1\n[sampler]")),
        ] {
            assert_eq!(text.parse(), Ok(Override::new(Some("bridge"), "kind", value)), "{text}");
        }
        assert_eq!("seed=3".parse(), Ok(Override::seed(3)));
        let large = format!("seed={}", u64::MAX);
        assert_eq!(large.parse(), Ok(Override::seed(u64::MAX)));
    }

    /// Fails when a malformed argument is accepted or its message does not show the right form.
    #[test]
    fn malformed_overrides_are_refused() {
        for text in ["", "bridge.kind", "=3", ".kind=3", "bridge.=3", "a.b.c=1", "a\nb"] {
            let message = text.parse::<Override>().expect_err(text).to_string();
            assert!(message.contains("section.key=value"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    /// Fails when an earlier override wins over a later one, or the file over either.
    #[test]
    fn the_last_override_wins() -> Result<(), ConfigError> {
        let mut table = Table::new();
        table.insert("seed".into(), Value::from(1));
        let overrides = ["seed=2".parse()?, "seed=3".parse()?, "path.levels=8".parse()?];
        let origins = Origins::apply("run.toml", &mut table, &overrides);
        assert_eq!(table["seed"], Value::from(3));
        assert_eq!(table["path"]["levels"], Value::from(8));
        assert_eq!(origins.field("seed").origin, "--set");
        assert_eq!(origins.field("target.dim").origin, "run.toml");
        Ok(())
    }
}
