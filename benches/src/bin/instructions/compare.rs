//! Counts against stored counts.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::baseline::Counts;

/// Counts that differ by more than this fraction are not the same.
const TOLERANCE: f64 = 0.02;
/// The command that stores the counts.
const SAVE: &str = "cargo run --release -p amc-benches --bin instructions -- --save";

/// One case on one set of instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    set: String,
    case: String,
    stored: Option<u64>,
    found: Option<u64>,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Regression,
    Improvement,
    NotStored,
    Gone,
}

/// Every case that was counted, and those that are stored of the same sets only.
pub fn rows(counts: &Counts, stored: &Counts) -> Vec<Row> {
    let mut rows = Vec::new();
    for (set, found) in counts {
        let nothing = Default::default();
        let stored = stored.get(set).unwrap_or(&nothing);
        let only_stored = stored.keys().filter(|case| !found.contains_key(*case));
        for case in found.keys().chain(only_stored) {
            rows.push(Row {
                set: set.clone(),
                case: case.clone(),
                stored: stored.get(case).copied(),
                found: found.get(case).copied(),
            });
        }
    }
    rows
}

impl Row {
    /// The relative change, where there are two counts.
    fn change(&self) -> Option<f64> {
        let (stored, found) = self.stored.zip(self.found)?;
        Some(found as f64 / stored as f64 - 1.0)
    }

    fn verdict(&self) -> Verdict {
        match (self.change(), self.found) {
            (Some(change), _) if change > TOLERANCE => Verdict::Regression,
            (Some(change), _) if change < -TOLERANCE => Verdict::Improvement,
            (Some(_), _) => Verdict::Same,
            (None, Some(_)) => Verdict::NotStored,
            (None, None) => Verdict::Gone,
        }
    }
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Regression => "REGRESSION",
            Self::Improvement => "fewer: store it",
            Self::NotStored => "new: store it",
            Self::Gone => "gone: store it",
        }
    }
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["set", "case", "stored", "found", "change", "verdict"]);
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let number = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    for row in rows {
        table.add_row([
            row.set.clone(),
            row.case.clone(),
            number(row.stored),
            number(row.found),
            row.change().map_or("-".into(), |change| format!("{:+.2} %", 100.0 * change)),
            row.verdict().name().into(),
        ]);
    }
    table.to_string()
}

/// What is wrong, a line for each kind of difference.
pub fn complaints(rows: &[Row]) -> Vec<String> {
    let count = |wanted: &[Verdict]| rows.iter().filter(|r| wanted.contains(&r.verdict())).count();
    let mut complaints = Vec::new();
    let slower = count(&[Verdict::Regression]);
    if slower > 0 {
        complaints.push(format!(
            "{slower} counts have grown by more than 2 %; find out why, and if it is meant, store the \
             new baseline: {SAVE}"
        ));
    }
    let others = count(&[Verdict::Improvement, Verdict::NotStored, Verdict::Gone]);
    if others > 0 {
        complaints.push(format!(
            "{others} counts are lower than the stored ones, new or gone; store the new baseline: {SAVE}"
        ));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(set: &str, cases: &[(&str, u64)]) -> Counts {
        let cases = cases.iter().map(|(name, count)| (name.to_string(), *count)).collect();
        Counts::from([(set.to_owned(), cases)])
    }

    /// Fails if a difference is overlooked, invented within the tolerance, or blamed on a set that was
    /// not counted here.
    #[test]
    fn differences_are_named() {
        let mut stored = counts(
            "avx2",
            &[("exp", 1000), ("ln", 1000), ("mala", 1000), ("normals", 1000), ("old", 5)],
        );
        stored.extend(counts("portable", &[("exp", 1)]));
        let found = counts(
            "avx2",
            &[("exp", 1019), ("ln", 1021), ("mala", 979), ("normals", 981), ("new", 7)],
        );
        let rows = rows(&found, &stored);
        let verdict = |case: &str| rows.iter().find(|row| row.case == case).unwrap().verdict();
        let cases = ["exp", "ln", "mala", "normals", "new", "old"];
        use Verdict::{Gone, Improvement, NotStored, Regression, Same};
        assert_eq!(cases.map(verdict), [Same, Regression, Improvement, Same, NotStored, Gone]);
        assert_eq!(rows.len(), 6);
        let complaints = complaints(&rows);
        assert_eq!(complaints.len(), 2);
        assert!(complaints[0].starts_with("1 counts have grown") && complaints[0].contains(SAVE));
        assert!(complaints[1].starts_with("3 counts"));
        let table = table(&rows);
        assert!(table.contains("+2.10 %") && table.contains("REGRESSION"), "{table}");
    }

    /// Fails if equal counts are complained about.
    #[test]
    fn nothing_to_complain() {
        let stored = counts("portable", &[("exp", 1000)]);
        assert!(complaints(&rows(&stored, &stored)).is_empty());
    }
}
