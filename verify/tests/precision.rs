//! How exact the core's numbers are: one table of the largest errors, which may only tighten.
//!
//! `verify/precision.toml` is compared with what is measured here; it is written anew by
//!
//! ```text
//! cargo test --release -p amc-verify --test precision -- --ignored --nocapture print_the_table
//! ```
//!
//! which prints it. A limit may be lowered that way, never raised: code that needs a higher one has lost digits.

mod cases;
mod common;
#[path = "precision/elementary.rs"]
mod elementary;
#[path = "precision/far_modes.rs"]
mod far_modes;
#[path = "precision/log_sum_exp.rs"]
mod log_sum_exp;
#[path = "precision/points.rs"]
mod points;
mod problems;
#[path = "precision/sets.rs"]
mod sets;
#[path = "precision/sixty_digits.rs"]
mod sixty_digits;
#[path = "precision/table.rs"]
mod table;

use table::Row;

/// Everything that is measured.
fn measure() -> Vec<Row> {
    let parts = [
        elementary::measure(),
        log_sum_exp::measure(),
        sixty_digits::measure(),
        far_modes::measure(),
        sets::measure(),
    ];
    parts.concat()
}

/// Fails if an elementary function, a log-sum-exp, a density or a score of any kind is less exact than the table
/// allows, on any set of instructions, or two sets differ by more; if a limit stands higher than it has to; or
/// if the table has other rows than what is measured.
#[test]
fn errors_are_those_of_the_table() {
    let found = table::differences(measure());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Prints the table as it would have to be.
#[test]
#[ignore = "prints a new table, checks nothing"]
fn print_the_table() {
    println!("{}", table::to_lines(measure()));
}
