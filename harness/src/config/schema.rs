//! Which sections and keys exist: the table behind `--help`, suggestions and refusals.

use super::{bridge, kernel, logdet, model, path, sampler, target, train};
use crate::catalog::nearest;

/// A key that exists in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The key whose choice decides whether this one applies, and the choices for which it does.
    pub belongs_to: Option<(&'static str, &'static [&'static str])>,
    /// One line: what it means, with its default in parentheses.
    pub summary: &'static str,
}

impl Key {
    /// A key that always applies.
    pub(super) const fn always(name: &'static str, summary: &'static str) -> Self {
        Self { name, belongs_to: None, summary }
    }

    /// A key that applies when `selector` is one of `choices`.
    pub(super) const fn when(
        selector: &'static str,
        choices: &'static [&'static str],
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        Self { name, belongs_to: Some((selector, choices)), summary }
    }
}

/// The only key outside the sections.
pub(super) const SEED: &str = "seed";

/// Every section with its keys, in the order in which a configuration is best read.
pub fn schema() -> &'static [(&'static str, &'static [Key])] {
    &[
        (target::SECTION, target::KEYS),
        (path::SECTION, path::KEYS),
        (bridge::SECTION, bridge::KEYS),
        (logdet::SECTION, logdet::KEYS),
        (model::SECTION, model::KEYS),
        (kernel::SECTION, kernel::KEYS),
        (sampler::SECTION, sampler::KEYS),
        (train::SECTION, train::KEYS),
    ]
}

/// What to do about an unknown `key` of `section`: the nearest name, its home, or all names.
pub(super) fn unknown_key_hint(section: &str, key: &str) -> String {
    let keys = schema().iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, keys)| keys);
    let names = || keys.iter().map(|known| known.name);
    if let Some(near) = nearest(key, names()) {
        return format!("did you mean {section}.{near}?");
    }
    match home_of(key) {
        Some(home) => format!("{key} belongs to {home}"),
        None => format!("[{section}] has {}", names().collect::<Vec<_>>().join(", ")),
    }
}

/// What to do about an unknown `name` at the top level of the file.
pub(super) fn unknown_section_hint(name: &str) -> String {
    let sections = || schema().iter().map(|(section, _)| *section);
    if let Some(home) = home_of(name) {
        return format!("{name} belongs to {home}");
    }
    match nearest(name, sections().chain([SEED])) {
        Some(SEED) => format!("did you mean {SEED}?"),
        Some(near) => format!("did you mean [{near}]?"),
        None => format!("there are {SEED}, [{}]", sections().collect::<Vec<_>>().join("], [")),
    }
}

/// The place in which a key of that exact name exists, or both of two; `None` if there are more.
fn home_of(key: &str) -> Option<String> {
    if key == SEED {
        return Some("the top of the file".to_owned());
    }
    let has = |keys: &[Key]| keys.iter().any(|known| known.name == key);
    let mut homes = schema().iter().filter(|(_, keys)| has(keys));
    match (homes.next(), homes.next(), homes.next()) {
        (Some((home, _)), None, _) => Some(format!("[{home}]")),
        (Some((home, _)), Some((other, _)), None) => Some(format!("[{home}] or [{other}]")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a key depends on a choice that its section does not have, or has no summary.
    #[test]
    fn every_selector_is_a_key_of_its_section() {
        for (section, keys) in schema() {
            for key in *keys {
                assert!(!key.summary.is_empty(), "{section}.{}", key.name);
                if let Some((selector, _)) = key.belongs_to {
                    assert!(keys.iter().any(|k| k.name == selector), "{section}.{}", key.name);
                }
            }
        }
    }

    /// Fails when a misspelt or misplaced key no longer leads to the right one.
    #[test]
    fn hints_name_the_nearest_key_or_its_home() {
        for (section, key, hint) in [
            ("target", "seperation", "did you mean target.separation?"),
            ("target", "particles", "particles belongs to [sampler]"),
            (
                "bridge",
                "foo",
                "[bridge] has kind, variance, rank, rank_tolerance, map, n_iter, newton",
            ),
        ] {
            assert_eq!(unknown_key_hint(section, key), hint);
        }
        for (name, hint) in [
            ("brige", "did you mean [bridge]?"),
            ("sede", "did you mean seed?"),
            ("epochs", "epochs belongs to [train]"),
            ("levels", "levels belongs to [path] or [train]"),
            (
                "foo",
                "there are seed, [target], [path], [bridge], [logdet], [model], [kernel], [sampler], [train]",
            ),
        ] {
            assert_eq!(unknown_section_hint(name), hint);
        }
    }
}
