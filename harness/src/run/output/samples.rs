//! Samples with their log-weights, as NumPy arrays and as a table.

use std::fs::File;
use std::io::{self, BufWriter};

use super::super::{Problem, Run};
use super::npz::Archive;
use super::table::{Column, write_table};

/// `positions` `[N, d]`, `log_weights` `[N]`, and `shift`, `scale` `[d]` of the standardization:
/// `positions * scale + shift` are the coordinates of the target as it was defined.
pub(super) fn write_npz(
    file: &mut BufWriter<File>,
    problem: &Problem,
    run: &Run,
) -> io::Result<()> {
    let (d, n) = (problem.mixture.dim() as u64, run.sample.weights.len() as u64);
    let mut archive = Archive::new(file);
    archive.add("positions", &[n, d], run.sample.positions.iter().copied())?;
    archive.add("log_weights", &[n], run.sample.log_weights.iter().copied())?;
    archive.add("shift", &[d], problem.map.shift.iter().copied())?;
    archive.add("scale", &[d], problem.map.scale.iter().copied())?;
    archive.finish()
}

/// `log_weight` and the coordinates of the target as it was defined, a column each.
pub(super) fn write_parquet(
    file: &mut BufWriter<File>,
    problem: &Problem,
    run: &Run,
) -> io::Result<()> {
    let dim = problem.mixture.dim();
    let mut columns = vec![Column::numbers("log_weight", |row| run.sample.log_weights[row])];
    for j in 0..dim {
        let (shift, scale) = (problem.map.shift[j], problem.map.scale[j]);
        let positions = &run.sample.positions;
        let value = move |row: usize| positions[row * dim + j] * scale + shift;
        columns.push(Column::numbers(format!("x{j}"), value));
    }
    write_table(file, run.sample.weights.len(), &columns)
}
