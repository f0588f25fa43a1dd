//! Builds the TOML table of a resolved section.

use toml::{Table, Value};

/// A table under construction; keys keep the order in which they are put.
#[derive(Debug, Default)]
pub(super) struct Entries(Table);

impl Entries {
    /// No entries yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds `key = value`.
    pub(super) fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Adds `key = value` where there is a value; TOML has no null.
    pub(super) fn maybe(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Adds a count, which the reader has bounded far below the largest TOML integer.
    pub(super) fn count(self, key: &str, count: usize) -> Self {
        self.put(key, i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// The finished table.
    pub(super) fn into_table(self) -> Table {
        self.0
    }
}
