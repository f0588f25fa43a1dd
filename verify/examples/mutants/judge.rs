//! What outcomes mean: shares of every room, and differences to the committed list.
//!
//! A mutant is named without its line, so that edits do not shift the list; several in one function may then
//! share a name. With `T` mutants of a name in all, `m` of them listed, `s` seen to survive and `c` seen to be
//! caught, `s > m` is a new survivor, and `c > T - m` means that a listed one is caught, or gone.

use std::collections::{BTreeMap, BTreeSet};

use amc_verify::bound::binomial::clopper_pearson;

/// Full names of mutants by what became of them.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// A test failed, or the clock ran out.
    pub caught: Vec<String>,
    /// Every test passed.
    pub missed: Vec<String>,
    /// Did not compile.
    pub unviable: Vec<String>,
}

impl Outcomes {
    /// Adds those of a later pass.
    pub fn join(&mut self, other: Self) {
        self.caught.extend(other.caught);
        self.missed.extend(other.missed);
        self.unviable.extend(other.unviable);
    }

    /// Members of `sample` without an outcome.
    pub fn untested<'a>(&self, sample: &'a [String]) -> Vec<&'a str> {
        let parts = [&self.caught, &self.missed, &self.unviable];
        let seen: BTreeSet<&String> = parts.into_iter().flatten().collect();
        sample.iter().filter(|name| !seen.contains(name)).map(String::as_str).collect()
    }
}

/// Viable mutants of one room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    caught: u64,
    missed: u64,
}

impl Tally {
    /// Room, counts, share, and its Clopper-Pearson interval at the level `delta`.
    pub fn line(&self, room: &str, delta: f64) -> Result<String, String> {
        let viable = self.caught + self.missed;
        let interval = clopper_pearson(self.caught, viable, delta).map_err(|e| e.to_string())?;
        let percent = |share: f64| 100.0 * share;
        Ok(format!(
            "{room:<12} {:>5} of {viable:>5} caught  {:5.1} %  [{:.1}, {:.1}]",
            self.caught,
            percent(self.caught as f64 / viable as f64),
            percent(interval.lower),
            percent(interval.upper),
        ))
    }
}

/// The viable mutants of every room, and of `all` of them.
pub fn rooms(outcomes: &Outcomes) -> BTreeMap<String, Tally> {
    let mut tallies = BTreeMap::<String, Tally>::new();
    for (names, is_caught) in [(&outcomes.caught, true), (&outcomes.missed, false)] {
        for name in names {
            for room in [room_of(name), "all"] {
                let tally = tallies.entry(room.to_owned()).or_default();
                tally.caught += u64::from(is_caught);
                tally.missed += u64::from(!is_caught);
            }
        }
    }
    tallies
}

/// The folder of the core that a mutant is in, or its file.
fn room_of(name: &str) -> &str {
    let path = name.strip_prefix("core/src/").unwrap_or(name);
    path.split(['/', ':']).next().unwrap_or(path)
}

/// `core/src/a.rs:12:34: text` without the line and column.
fn without_line(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(path), Some(_), Some(_), Some(text)) => format!("{path}:{text}"),
        _ => name.to_owned(),
    }
}

/// How many mutants have each name.
fn counts<'a>(names: impl IntoIterator<Item = &'a String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(without_line(name)).or_insert(0) += 1;
    }
    counts
}

/// The committed survivors: how many of each name.
pub struct Listed(BTreeMap<String, usize>);

impl Listed {
    /// One name a line; lines that open with `#` say why those below survive.
    pub fn parse(text: &str) -> Self {
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            *counts.entry(line.to_owned()).or_insert(0) += 1;
        }
        Self(counts)
    }

    /// Names that survive more often than listed.
    pub fn missing(&self, outcomes: &Outcomes) -> Vec<String> {
        let survivors = counts(&outcomes.missed).into_iter();
        survivors
            .filter(|(name, seen)| *seen > self.0.get(name).copied().unwrap_or(0))
            .map(|(name, _)| name)
            .collect()
    }

    /// Listed names of which one is caught, does not compile, or does not exist among `all`.
    pub fn stale(&self, all: &[String], outcomes: &Outcomes) -> Vec<String> {
        let (total, dead) = (counts(all), counts(outcomes.caught.iter().chain(&outcomes.unviable)));
        let of = |counts: &BTreeMap<String, usize>, name: &String| {
            counts.get(name).copied().unwrap_or(0)
        };
        let listed = self.0.iter();
        listed
            .filter(|(name, listed)| of(&dead, name) + **listed > of(&total, name))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lines: &[u32], text: &str) -> Vec<String> {
        lines.iter().map(|line| format!("core/src/weight/a.rs:{line}:5: {text}")).collect()
    }

    /// Fails if lines count, a path or a name with colons is cut in another place, or rooms are not folders.
    #[test]
    fn names_and_rooms() {
        let name = "core/src/simd/exp.rs:12:3: replace <impl A for b::C>::d -> f64 with 0.0";
        let stripped = "core/src/simd/exp.rs: replace <impl A for b::C>::d -> f64 with 0.0";
        assert_eq!(without_line(name), stripped);
        assert_eq!((room_of(name), room_of("core/src/point.rs:1:2: text")), ("simd", "point.rs"));
    }

    /// Fails if a survivor more than listed passes, one that is listed is refused, or a survivor of another
    /// sample is asked for.
    #[test]
    fn only_listed_survivors_pass() {
        let listed = Listed::parse("# why\ncore/src/weight/a.rs: x\n\ncore/src/weight/a.rs: x\n");
        let outcomes = |lines| Outcomes { missed: names(lines, "x"), ..Outcomes::default() };
        assert!(listed.missing(&outcomes(&[3, 9])).is_empty());
        assert!(listed.missing(&outcomes(&[])).is_empty());
        assert_eq!(listed.missing(&outcomes(&[3, 9, 20])), ["core/src/weight/a.rs: x"]);
        assert_eq!(Listed::parse("").missing(&outcomes(&[3])), ["core/src/weight/a.rs: x"]);
    }

    /// Fails if a line stays whose mutant is caught, does not compile or is gone, or one is taken away while as
    /// many mutants of its name as are listed may still survive.
    #[test]
    fn the_list_only_shrinks() {
        let (listed, all) = (Listed::parse("core/src/weight/a.rs: x"), names(&[3, 9], "x"));
        let caught = |lines| Outcomes { caught: names(lines, "x"), ..Outcomes::default() };
        assert!(listed.stale(&all, &caught(&[3])).is_empty());
        assert_eq!(listed.stale(&all, &caught(&[3, 9])), ["core/src/weight/a.rs: x"]);
        assert_eq!(listed.stale(&[], &caught(&[])), ["core/src/weight/a.rs: x"]);
        let unviable = Outcomes { unviable: names(&[3, 9], "x"), ..Outcomes::default() };
        assert_eq!(listed.stale(&all, &unviable).len(), 1);
    }

    /// Fails if mutants that do not compile count, or one room's are counted in another.
    #[test]
    fn tallies_of_rooms() {
        let mut outcomes = Outcomes {
            caught: names(&[1, 2, 3], "x"),
            missed: names(&[4], "x"),
            ..Outcomes::default()
        };
        outcomes.join(Outcomes {
            caught: vec!["core/src/rng/mod.rs:1:1: y".into()],
            unviable: names(&[5], "x"),
            ..Outcomes::default()
        });
        let rooms = rooms(&outcomes);
        assert_eq!(rooms["weight"], Tally { caught: 3, missed: 1 });
        assert_eq!(rooms["rng"], Tally { caught: 1, missed: 0 });
        assert_eq!(rooms["all"], Tally { caught: 4, missed: 1 });
        let line = rooms["weight"].line("weight", 0.05).unwrap();
        assert!(line.contains("3 of     4") && line.contains("75.0 %"), "{line}");
        assert_eq!(outcomes.untested(&names(&[1, 4, 5, 6], "x")), names(&[6], "x"));
    }
}
