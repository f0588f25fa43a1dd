//! The stored counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where they are stored.
pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json");

/// Instructions of each case, by set and name.
pub type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// Counts with the compiler that they belong to.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// What `rustc --version` said.
    pub rustc: String,
    /// The counts.
    pub counts: Counts,
}

impl Baseline {
    /// Reads the stored counts.
    pub fn read() -> Result<Self, String> {
        let text = std::fs::read_to_string(PATH)
            .map_err(|e| format!("{PATH}: cannot be read ({e}); --save makes it"))?;
        serde_json::from_str(&text).map_err(|e| format!("{PATH}: {e}; --save makes it anew"))
    }

    /// Stores them.
    pub fn write(&self) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| e.to_string())?;
        std::fs::write(PATH, text + "\n").map_err(|e| format!("{PATH}: cannot be written ({e})"))
    }
}
