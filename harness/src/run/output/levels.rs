//! A row for every level of a run.

use std::fs::File;
use std::io::{self, BufWriter};

use super::super::Details;
use super::table::{Column, write_table};

/// Writes the records of all levels: the fields of [`crate::sampler::LevelRecord`] or of
/// [`crate::sampler::ExchangeRecord`].
pub(super) fn write(file: &mut BufWriter<File>, details: &Details) -> io::Result<()> {
    let integer = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    match details {
        Details::Annealing(report) => {
            let levels = &report.levels;
            let columns = [
                Column::integers("level", |row| levels[row].level as i64),
                Column::numbers("time", |row| levels[row].time),
                Column::numbers("ess", |row| levels[row].ess),
                Column::numbers("conditional_ess", |row| levels[row].conditional_ess),
                Column::flags("resampled", |row| levels[row].resampled),
                Column::optional("acceptance_rate", |row| levels[row].acceptance_rate),
                Column::optional("step_size", |row| levels[row].step_size),
                Column::integers("non_finite", |row| integer(levels[row].non_finite)),
            ];
            write_table(file, levels.len(), &columns)
        }
        Details::Exchange(report) => {
            let levels = &report.levels;
            let columns = [
                Column::integers("level", |row| levels[row].level as i64),
                Column::numbers("time", |row| levels[row].time),
                Column::optional("acceptance_rate", |row| levels[row].acceptance_rate),
                Column::optional("step_size", |row| levels[row].step_size),
                Column::optional("rejection_rate", |row| levels[row].rejection_rate),
                Column::integers("non_finite", |row| integer(levels[row].non_finite)),
            ];
            write_table(file, levels.len(), &columns)
        }
    }
}
