//! Reads one section of the file, key by key, and accounts for every key that is in it.
//!
//! A section file states in a [`Key`] table what exists; its code reads only what applies to the
//! kind at hand. [`Section::finish`] then finds the keys that nobody read, and knows from the
//! table whether they are misspelt or belong to another kind.

use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::error::{ConfigError, Field, shown, shown_key};
use super::overrides::Origins;
use super::schema::{Key, unknown_key_hint};
use super::value::{self, Interval, Number};
use crate::catalog::Choice;

/// A section being read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    name: &'static str,
    table: Option<&'a Table>,
    keys: &'static [Key],
    origins: &'a Origins,
    read: Vec<&'static str>,
    chosen: Vec<(&'static str, &'static str)>,
}

impl<'a> Section<'a> {
    /// The section `[name]` of `root`, empty where the file does not have it.
    pub(super) fn new(
        name: &'static str,
        root: &'a Table,
        keys: &'static [Key],
        origins: &'a Origins,
    ) -> Result<Self, ConfigError> {
        let table = match root.get(name) {
            None => None,
            Some(Value::Table(table)) => Some(table),
            Some(other) => {
                let expected = format!("a section [{name}]");
                return Err(value::wrong_type(origins.field(name), other, expected));
            }
        };
        Ok(Self { name, table, keys, origins, read: Vec::new(), chosen: Vec::new() })
    }

    /// The full name of `key` and where its value was written.
    pub(super) fn field(&self, key: &str) -> Field {
        self.origins.field(format!("{}.{key}", self.name))
    }

    /// The value of `key`, counted as read from here on.
    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        debug_assert!(self.keys.iter().any(|known| known.name == key), "{key} is not declared");
        self.read.push(key);
        self.table?.get(key)
    }

    /// The value of `key` read by `convert`, if it is given.
    fn optional<T>(
        &mut self,
        key: &'static str,
        convert: impl FnOnce(Field, &Value) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        let value = self.take(key);
        value.map(|value| convert(self.field(key), value)).transpose()
    }

    /// A number, if given.
    pub(super) fn optional_f64(
        &mut self,
        key: &'static str,
        range: Interval,
    ) -> Result<Option<f64>, ConfigError> {
        self.optional(key, |field, value| value::float(field, value, range))
    }

    /// A number.
    pub(super) fn f64(
        &mut self,
        key: &'static str,
        default: f64,
        range: Interval,
    ) -> Result<f64, ConfigError> {
        Ok(self.optional_f64(key, range)?.unwrap_or(default))
    }

    /// A count, if given.
    pub(super) fn optional_usize(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, ConfigError> {
        self.optional(key, |field, value| value::count(field, value, range))
    }

    /// A count.
    pub(super) fn usize(
        &mut self,
        key: &'static str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        Ok(self.optional_usize(key, range)?.unwrap_or(default))
    }

    /// A seed, if given.
    pub(super) fn optional_u64(&mut self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        self.optional(key, value::seed)
    }

    /// `true` or `false`.
    pub(super) fn bool(&mut self, key: &'static str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.optional(key, value::boolean)?.unwrap_or(default))
    }

    /// A list of numbers, each in `range`, if given.
    pub(super) fn list_f64(
        &mut self,
        key: &'static str,
        range: Interval,
    ) -> Result<Option<Vec<f64>>, ConfigError> {
        self.optional(key, |field, value| value::floats(field, value, range))
    }

    /// A string, if given.
    pub(super) fn optional_string(
        &mut self,
        key: &'static str,
    ) -> Result<Option<String>, ConfigError> {
        self.optional(key, value::string)
    }

    /// A string that must be given.
    pub(super) fn string(
        &mut self,
        key: &'static str,
        remedy: &str,
    ) -> Result<String, ConfigError> {
        self.optional_string(key)?.ok_or_else(|| self.missing(key, remedy))
    }

    /// One of the names of a room, if given.
    pub(super) fn optional_choice<C: Choice>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<C>, ConfigError> {
        let choice: Option<C> = self.optional(key, value::choice)?;
        self.chosen.extend(choice.map(|choice| (key, choice.name())));
        Ok(choice)
    }

    /// One of the names of a room.
    pub(super) fn choice<C: Choice>(
        &mut self,
        key: &'static str,
        default: C,
    ) -> Result<C, ConfigError> {
        if let Some(choice) = self.optional_choice(key)? {
            return Ok(choice);
        }
        self.chosen.push((key, default.name()));
        Ok(default)
    }

    /// The error for a `key` that must be given.
    pub(super) fn missing(&self, key: &str, remedy: &str) -> ConfigError {
        ConfigError::Missing { field: self.field(key), remedy: remedy.to_owned() }
    }

    /// The error for a `key` whose value contradicts another field.
    pub(super) fn conflict(&self, key: &str, conflict: String, remedy: String) -> ConfigError {
        let value = self.table.and_then(|table| table.get(key));
        // A long list says nothing in a message; the conflict names the entry that matters.
        let shown_value = match value {
            None | Some(Value::Array(_)) => String::new(),
            Some(value) => format!(" = {}", shown(value)),
        };
        ConfigError::Conflict { field: self.field(key), value: shown_value, conflict, remedy }
    }

    /// The error for two numbers in the wrong order. It blames the one that was given: the other
    /// may be a default that its author never saw.
    pub(super) fn out_of_order(
        &self,
        low: (&str, f64),
        high: (&str, f64),
        remedy: &str,
    ) -> ConfigError {
        let ((blamed, _), (other, number), side) =
            if self.gives(low.0) { (low, high, "below") } else { (high, low, "above") };
        let default = if self.gives(other) { "" } else { " (its default)" };
        let (section, number) = (self.name, Number(number));
        let conflict = format!("does not lie {side} {section}.{other} = {number}{default}");
        self.conflict(blamed, conflict, remedy.to_owned())
    }

    /// Whether `key` is written in the file or on the command line.
    fn gives(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Refuses every key that was not read.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let unread = |key: &&String| !self.read.contains(&key.as_str());
        match self.table.and_then(|table| table.keys().find(unread)) {
            None => Ok(()),
            Some(key) => Err(self.unread_key(key)),
        }
    }

    fn unread_key(&self, key: &str) -> ConfigError {
        let declared = self.keys.iter().find(|known| known.name == key);
        declared.and_then(|known| self.does_not_apply(known, key)).unwrap_or_else(|| {
            let name = format!("{}.{}", self.name, shown_key(key));
            let field = Field { name, ..self.field(key) };
            ConfigError::UnknownKey { field, hint: unknown_key_hint(self.name, key) }
        })
    }

    /// The choice that rules `key` out, which may itself be ruled out by another choice.
    fn does_not_apply(&self, known: &Key, key: &str) -> Option<ConfigError> {
        let (selector, choices) = known.belongs_to?;
        let Some((_, chosen)) = self.chosen.iter().find(|(name, _)| *name == selector) else {
            let above = self.keys.iter().find(|known| known.name == selector)?;
            return self.does_not_apply(above, key);
        };
        let field = self.field(key);
        let given = self.gives(selector);
        let selector = self.field(selector);
        let note = match given {
            false => format!("; {} is not set, so this is its default", selector.name),
            true if selector.origin == field.origin => String::new(),
            true => format!("; {} comes from {}", selector.name, selector.origin),
        };
        Some(ConfigError::DoesNotApply {
            field,
            choice: format!("{} = {chosen:?}", selector.name),
            belongs_to: choices.join(", "),
            note,
        })
    }
}
