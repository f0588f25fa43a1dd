//! The chapter of the guide on configurations, from the tables that the program itself reads them by.

use std::path::Path;

use crate::catalog::rooms;
use crate::config::{Key, RunConfig, schema};
use crate::run::RunError;

const HEAD: &str = "# Configuration

<!-- Generated: `amc list --markdown > docs/src/configuration.md` -->

A configuration is a TOML file. Every field may be left out and has a default, which stands in parentheses. On the command
line `--set section.field=value` replaces one, `--seed` the seed. What does not exist, does not apply or cannot work is
refused before any work, with the field, its value and a remedy.

`seed`, outside of all sections, is the seed of all random numbers (1). One seed gives the same bits for any number of
threads.
";

/// The whole chapter.
pub(super) fn markdown() -> Result<String, RunError> {
    let mut text = HEAD.to_owned();
    for (section, keys) in schema() {
        text += &format!(
            "\n## [{section}]\n\n| field | meaning (default) | applies with |\n|---|---|---|\n"
        );
        for key in *keys {
            text += &row(key);
        }
    }
    text += "\n## Everything that has a name\n";
    for room in rooms() {
        text += &format!(
            "\n### {}\n\n{}.\n\n| name | what |\n|---|---|\n",
            room.name,
            cell(room.summary)
        );
        for entry in room.entries {
            text += &format!("| `{}` | {} |\n", entry.name, cell(entry.summary));
        }
    }
    let defaults = RunConfig::from_toml("", "defaults", Path::new("."), &[])?;
    text += "\n## All defaults\n\nAn empty file is this run:\n\n```toml\n";
    text += &defaults.to_toml();
    text += "```\n";
    Ok(text)
}

fn row(key: &Key) -> String {
    let applies = key.belongs_to.map_or(String::new(), |(selector, choices)| {
        format!("`{selector}` = {}", choices.join(", "))
    });
    format!("| `{}` | {} | {applies} |\n", key.name, cell(key.summary))
}

/// Text that a table can hold.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the guide is not what the program reads: a field was added, renamed or got another default.
    #[test]
    fn the_guide_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/configuration.md");
        let found = std::fs::read_to_string(path).unwrap();
        assert!(
            found == markdown().unwrap(),
            "run `amc list --markdown > docs/src/configuration.md`"
        );
    }
}
