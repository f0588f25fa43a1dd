//! `amc list`: everything that can be chosen by name.

use clap::Args;
use serde::Serialize;

use super::{print, print_json, reference};
use crate::catalog::rooms;
use crate::config::schema;
use crate::run::RunError;

/// List every target, path, bridge, kernel, sampler and metric
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Show one room only, e.g. `amc list bridge`; `amc list fields` shows every configuration field
    room: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print all fields and names as the chapter of the guide
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

#[derive(Serialize)]
struct Item {
    room: &'static str,
    name: &'static str,
    summary: &'static str,
}

/// The room that is not in the catalog: the fields of a configuration.
const FIELDS: &str = "fields";

/// Every field of the configuration with its meaning and default.
fn fields(as_json: bool) -> Result<(), RunError> {
    if as_json {
        let items = schema().iter().flat_map(|(section, keys)| {
            keys.iter().map(|key| Item { room: section, name: key.name, summary: key.summary })
        });
        return print_json(&items.collect::<Vec<_>>());
    }
    let mut text = String::from("seed - of all random numbers (1)\n\n");
    for (section, keys) in schema() {
        text += &format!("[{section}]\n");
        for key in *keys {
            text += &format!("  {:<18} {}", key.name, key.summary);
            if let Some((selector, choices)) = key.belongs_to {
                text += &format!("; {selector} = {}", choices.join(", "));
            }
            text.push('\n');
        }
        text.push('\n');
    }
    print(&text)
}

/// Runs the subcommand.
pub(super) fn list(arguments: &ListArguments) -> Result<(), RunError> {
    if arguments.markdown {
        return print(&reference::markdown()?);
    }
    let wanted = |name: &str| arguments.room.as_deref().is_none_or(|room| room == name);
    if arguments.room.as_deref() == Some(FIELDS) {
        return fields(arguments.json);
    }
    let shown: Vec<_> = rooms().iter().filter(|room| wanted(room.name)).collect();
    if shown.is_empty() {
        let names: Vec<&str> = rooms().iter().map(|room| room.name).collect();
        return Err(RunError::File {
            path: arguments.room.clone().unwrap_or_default().into(),
            message: format!("no such room; the rooms are {}, {FIELDS}", names.join(", ")),
        });
    }
    if arguments.json {
        let items: Vec<Item> = shown
            .iter()
            .flat_map(|room| {
                room.entries.iter().map(|e| Item {
                    room: room.name,
                    name: e.name,
                    summary: e.summary,
                })
            })
            .collect();
        return print_json(&items);
    }
    let mut text = String::new();
    for room in shown {
        text += &format!("{} - {}\n", room.name, room.summary);
        for entry in room.entries {
            text += &format!("  {:<24} {}\n", entry.name, entry.summary);
        }
        text.push('\n');
    }
    print(&text)
}
