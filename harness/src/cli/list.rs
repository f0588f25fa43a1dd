//! `amc list`: everything that can be chosen by name.

use clap::Args;
use serde::Serialize;

use super::{print, print_json};
use crate::catalog::rooms;
use crate::run::RunError;

/// List every target, path, bridge, kernel, sampler and metric
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Show one room only, e.g. `amc list bridge`
    room: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item {
    room: &'static str,
    name: &'static str,
    summary: &'static str,
}

/// Runs the subcommand.
pub(super) fn list(arguments: &ListArguments) -> Result<(), RunError> {
    let wanted = |name: &str| arguments.room.as_deref().is_none_or(|room| room == name);
    let shown: Vec<_> = rooms().iter().filter(|room| wanted(room.name)).collect();
    if shown.is_empty() {
        let names: Vec<&str> = rooms().iter().map(|room| room.name).collect();
        return Err(RunError::File {
            path: arguments.room.clone().unwrap_or_default().into(),
            message: format!("no such room; the rooms are {}", names.join(", ")),
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
