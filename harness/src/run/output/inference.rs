//! Samples and weights as an ArviZ `InferenceData`, in a folder in version 2 of the Zarr format.
//!
//! | group | variable | shape | what |
//! |---|---|---|---|
//! | `posterior` | `x` | `[chain, draw, d]` | the target's own coordinates |
//! | `sample_stats` | `log_weight` | `[chain, draw]` | log-weights, whose exponentials sum to 1 |
//!
//! Particles of an annealed run are one chain. Each ladder of replica exchange is a chain of its own, so that what ArviZ
//! says of chains that do not mix holds. Every array is one uncompressed chunk of little-endian numbers; the metadata of
//! all is also in `.zmetadata`, where xarray looks first.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::{Problem, Run};
use crate::storage::{sync_names, write_through};

/// Writes the folder.
pub(super) fn write(folder: &Path, problem: &Problem, run: &Run) -> io::Result<()> {
    let (n, dim) = (run.sample.weights.len(), problem.mixture.dim());
    let chains = run.summary.exchange().map_or(1, |report| report.ladders).max(1);
    let draws = n / chains;
    // Rows come round by round, ladder by ladder.
    let rows =
        || (0..chains).flat_map(move |chain| (0..draws).map(move |draw| draw * chains + chain));
    let (shift, scale) = (&problem.map.shift, &problem.map.scale);
    let positions = &run.sample.positions;
    let x = rows().flat_map(|row| {
        (0..dim).map(move |j| (positions[row * dim + j] * scale[j] + shift[j]).to_le_bytes())
    });
    let log_weight = rows().map(|row| run.sample.log_weights[row].to_le_bytes());

    let mut store = Store::create(folder)?;
    let about = json!({
        "inference_library": "amc",
        "inference_library_version": env!("CARGO_PKG_VERSION"),
        "target": run.summary.target,
        "log_evidence": finite(run.summary.log_z),
        "log_evidence_std_error": finite(run.summary.log_z_std_error),
    });
    store.group("", about.clone())?;
    for (group, variable) in [("posterior", "x"), ("sample_stats", "log_weight")] {
        store.group(group, about.clone())?;
        store.index(group, "chain", chains)?;
        store.index(group, "draw", draws)?;
        let name = format!("{group}/{variable}");
        if variable == "x" {
            store.index(group, "x_dim_0", dim)?;
            let shape = [("chain", chains), ("draw", draws), ("x_dim_0", dim)];
            store.array(&name, &shape, "<f8", x.clone())?;
        } else {
            store.array(&name, &[("chain", chains), ("draw", draws)], "<f8", log_weight.clone())?;
        }
    }
    store.finish()
}

/// JSON has no NaN.
fn finite(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

/// A folder in the making.
struct Store<'a> {
    folder: &'a Path,
    metadata: Map<String, Value>,
}

impl<'a> Store<'a> {
    fn create(folder: &'a Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder, metadata: Map::new() })
    }

    fn group(&mut self, name: &str, attributes: Value) -> io::Result<()> {
        fs::create_dir_all(self.folder.join(name))?;
        self.describe(name, ".zgroup", json!({"zarr_format": 2}))?;
        self.describe(name, ".zattrs", attributes)
    }

    /// The coordinate `0, 1, .., length - 1` of a dimension.
    fn index(&mut self, group: &str, dimension: &str, length: usize) -> io::Result<()> {
        let values = (0..length as i64).map(i64::to_le_bytes);
        self.array(&format!("{group}/{dimension}"), &[(dimension, length)], "<i8", values)
    }

    fn array(
        &mut self,
        name: &str,
        shape: &[(&str, usize)],
        dtype: &str,
        values: impl Iterator<Item = [u8; 8]>,
    ) -> io::Result<()> {
        let lengths: Vec<usize> = shape.iter().map(|(_, length)| *length).collect();
        let dimensions: Vec<&str> = shape.iter().map(|(dimension, _)| *dimension).collect();
        // A chunk has at least one entry in every direction.
        let chunks: Vec<usize> = lengths.iter().map(|length| (*length).max(1)).collect();
        fs::create_dir_all(self.folder.join(name))?;
        let array = json!({
            "zarr_format": 2, "shape": lengths, "chunks": chunks, "dtype": dtype, "order": "C",
            "compressor": null, "filters": null, "fill_value": null,
        });
        self.describe(name, ".zarray", array)?;
        self.describe(name, ".zattrs", json!({"_ARRAY_DIMENSIONS": dimensions}))?;
        let chunk = vec!["0"; shape.len()].join(".");
        write_through(&self.folder.join(name).join(chunk), |file| {
            let mut values = values;
            values.try_for_each(|value| file.write_all(&value))
        })
    }

    fn describe(&mut self, name: &str, kind: &str, contents: Value) -> io::Result<()> {
        let path = self.folder.join(name).join(kind);
        write_through(&path, |file| Ok(serde_json::to_writer_pretty(file, &contents)?))?;
        let key = if name.is_empty() { kind.to_owned() } else { format!("{name}/{kind}") };
        self.metadata.insert(key, contents);
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        let all = json!({"zarr_consolidated_format": 1, "metadata": self.metadata});
        let path = self.folder.join(".zmetadata");
        write_through(&path, |file| Ok(serde_json::to_writer_pretty(file, &all)?))?;
        sync_names(self.folder)
    }
}
