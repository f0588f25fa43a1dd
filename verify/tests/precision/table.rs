//! The table of errors, `verify/precision.toml`: how it is read, measured against, and written anew.
//!
//! Arguments are fixed and arithmetic is the same on every machine of one set of instructions, so what is
//! measured is a constant of the code. A limit stands [`ROOM`] above it and no more than [`SLACK`]: code that
//! gets better has to lower it, so limits only tighten.

use std::collections::BTreeMap;

use amc_core::simd::Instructions;
use serde::Deserialize;

/// How far a new limit stands above the error.
const ROOM: f64 = 1.02;
/// How far it may stand above.
const SLACK: f64 = 1.1;

/// The largest error of one quantity on one kind of instructions.
#[derive(Debug, Clone)]
pub struct Row {
    pub of: String,
    pub on: String,
    unit: &'static str,
    largest: f64,
    at: String,
}

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    of: String,
    on: String,
    unit: String,
    largest: f64,
    limit: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    errors: Vec<Entry>,
}

/// The larger of two errors; NaN is the largest.
fn larger(a: f64, b: f64) -> f64 {
    if a >= b { a } else { b }
}

/// AVX2 and AVX-512 give the same bits.
pub fn on(set: Instructions) -> &'static str {
    if set == Instructions::ALL[0] { "portable" } else { "fused" }
}

impl Row {
    pub fn new(of: &str, on: &str, unit: &'static str) -> Self {
        Self { of: of.to_owned(), on: on.to_owned(), unit, largest: 0.0, at: String::new() }
    }

    /// Enters an error in the unit of the row; `at` says where.
    pub fn enter(&mut self, error: f64, at: impl FnOnce() -> String) {
        if larger(self.largest, error) != self.largest {
            (self.largest, self.at) = (error, at());
        }
    }

    /// Enters a relative error in units of `2^-52`.
    pub fn enter_relative(&mut self, error: f64, at: impl FnOnce() -> String) {
        self.enter(error / f64::EPSILON, at);
    }

    fn to_line(&self) -> String {
        let (of, on, unit) = (&self.of, &self.on, self.unit);
        let largest = three_digits(self.largest, f64::round);
        let limit = three_digits(ROOM * self.largest, f64::ceil);
        format!(
            "    {{ of = {of:?}, on = {on:?}, unit = {unit:?}, largest = {largest:?}, limit = {limit:?} }},"
        )
    }

    /// What is wrong with the entry of this row, if anything is.
    fn compare(&self, entry: Option<&Entry>) -> Option<String> {
        let (name, found) = (format!("{} on {}", self.of, self.on), self.largest);
        let Some(entry) = entry else { return Some(format!("{name} is not in the table")) };
        if entry.unit != self.unit {
            return Some(format!("{name} is measured in {}, not {}", self.unit, entry.unit));
        }
        // False for NaN.
        let within = found <= entry.limit;
        if !within {
            return Some(format!(
                "{name}: {found} {} at {}, limit {}",
                self.unit, self.at, entry.limit
            ));
        }
        if entry.limit > SLACK * found {
            return Some(format!(
                "{name}: {found}, so the limit of {} must be lowered",
                entry.limit
            ));
        }
        let stale = three_digits(found, f64::round) != entry.largest;
        stale.then(|| format!("{name}: {found}, the table says {}", entry.largest))
    }
}

/// Three significant digits.
fn three_digits(x: f64, round: fn(f64) -> f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let scale = 10_f64.powi(2 - x.abs().log10().floor() as i32);
    // Through text, so that the number is the one that is written.
    format!("{:.6e}", round(x * scale) / scale).parse().unwrap()
}

/// Rows of one name and kind of instructions as one: sets that give the same bits.
fn merged(rows: Vec<Row>) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for row in rows {
        match merged.iter_mut().find(|kept| kept.of == row.of && kept.on == row.on) {
            Some(kept) => kept.enter(row.largest, || row.at),
            None => merged.push(row),
        }
    }
    merged
}

/// The lines of a new table.
pub fn to_lines(rows: Vec<Row>) -> String {
    let lines: Vec<String> = merged(rows).iter().map(Row::to_line).collect();
    format!("errors = [\n{}\n]", lines.join("\n"))
}

/// Everything in which the table and what was measured differ.
pub fn differences(rows: Vec<Row>) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/precision.toml");
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut entries = BTreeMap::new();
    for entry in table.errors {
        let name = (entry.of.clone(), entry.on.clone());
        assert!(entries.insert(name, entry).is_none(), "an entry is in the table twice");
    }
    let rows = merged(rows);
    let mut found: Vec<String> = rows
        .iter()
        .filter_map(|row| row.compare(entries.remove(&(row.of.clone(), row.on.clone())).as_ref()))
        .collect();
    // A processor without fused operations measures nothing of them.
    let fused = rows.iter().any(|row| row.on == "fused");
    let left = entries.keys().filter(|(_, on)| fused || on == "portable");
    found.extend(
        left.map(|(of, on)| format!("{of} on {on} is in the table, and nobody measures it")),
    );
    found
}

/// Fails if an error beyond its limit, a limit that is slack, a figure that is stale or a row that is missing
/// passes, or if rounding up rounds down.
#[test]
fn entries_are_compared() {
    let row = |largest| Row { largest, ..Row::new("f", "fused", "ulp") };
    let entry = |largest, limit| {
        Some(Entry { of: "f".into(), on: "fused".into(), unit: "ulp".into(), largest, limit })
    };
    assert_eq!(row(0.5).compare(entry(0.5, 0.51).as_ref()), None);
    assert!(row(0.52).compare(entry(0.52, 0.51).as_ref()).unwrap().contains("limit 0.51"));
    assert!(row(f64::NAN).compare(entry(0.5, 0.51).as_ref()).is_some());
    assert!(row(0.4).compare(entry(0.4, 0.51).as_ref()).unwrap().contains("lowered"));
    assert!(row(0.505).compare(entry(0.5, 0.51).as_ref()).unwrap().contains("says 0.5"));
    assert!(row(0.5).compare(None).is_some());
    assert_eq!(row(0.0).compare(entry(0.0, 0.0).as_ref()), None);
    for x in [0.123_49, 7.777, 99.99, 1234.5, 0.000_666_1] {
        let limit = three_digits(x, f64::ceil);
        assert!(limit >= x && limit <= 1.01 * x, "{limit}");
        assert_eq!(format!("{limit:?}").parse::<f64>().unwrap(), limit);
    }
}
