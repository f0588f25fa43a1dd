//! The files of a run: `config.toml`, `summary.json`, `samples.npz`.
//!
//! The folder is created and tried before the run starts. Each file is written under a temporary
//! name and renamed when complete, so that no half-written file ever carries its final name.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use npyz::{WriteOptions, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Problem, Run, RunError};
use crate::config::RunConfig;

/// The file whose presence marks a finished run.
const SUMMARY: &str = "summary.json";

/// A folder that is ready to take the files of a run.
#[derive(Debug, Clone)]
pub struct OutputDir {
    path: PathBuf,
    /// Whether [`OutputDir::prepare`] made the folder.
    created: bool,
}

impl OutputDir {
    /// Creates the folder if needed and makes sure that files can be written into it.
    ///
    /// # Errors
    /// A folder that holds a finished run already (unless `overwrite`), or cannot be written.
    pub fn prepare(path: &Path, overwrite: bool) -> Result<Self, RunError> {
        let refuse = |message: String| RunError::File { path: path.to_owned(), message };
        if path.join(SUMMARY).exists() && !overwrite {
            let message = "holds the files of a run already: choose another --out, or add --force";
            return Err(refuse(message.into()));
        }
        let created = !path.exists();
        fs::create_dir_all(path).map_err(|e| {
            refuse(format!("the folder cannot be created ({e}): choose another --out"))
        })?;
        let probe = path.join(".amc-probe");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|e| {
            refuse(format!("the folder cannot be written ({e}): choose another --out"))
        })?;
        Ok(Self { path: path.to_owned(), created })
    }

    /// Removes the folder again if it was made for a run that failed (it is empty then).
    pub fn abandon(&self) {
        if self.created {
            // Only an empty folder can be removed this way; anything else is left alone.
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// Writes all files of a run, the summary last.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, config: &RunConfig, problem: &Problem, run: &Run) -> Result<(), RunError> {
        self.file("config.toml", |file| file.write_all(config.to_toml().as_bytes()))?;
        self.file("samples.npz", |file| write_samples(file, problem, run))?;
        self.file(SUMMARY, |file| {
            serde_json::to_writer_pretty(&mut *file, &run.summary)?;
            file.write_all(b"\n")
        })
    }

    /// Writes one file under a temporary name, then renames it.
    fn file(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<fs::File>) -> std::io::Result<()>,
    ) -> Result<(), RunError> {
        let path = self.path.join(name);
        let temporary = self.path.join(format!(".{name}.part"));
        let written = fs::File::create(&temporary).and_then(|file| {
            let mut file = BufWriter::new(file);
            fill(&mut file)?;
            file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
            fs::rename(&temporary, &path)
        });
        written.map_err(|e| {
            // The error that matters is the first one; a leftover temporary file is harmless.
            let _ = fs::remove_file(&temporary);
            RunError::File { path, message: format!("cannot be written: {e}") }
        })
    }
}

/// `positions` `[N, d]`, `log_weights` `[N]`, and `shift`, `scale` `[d]` of the standardization:
/// `positions * scale + shift` are the coordinates of the target as it was defined.
fn write_samples(
    file: &mut BufWriter<fs::File>,
    problem: &Problem,
    run: &Run,
) -> std::io::Result<()> {
    let d = problem.mixture.dim() as u64;
    let n = run.outcome.weights.len() as u64;
    let mut archive = ZipWriter::new(file);
    let arrays: [(&str, &[f64], &[u64]); 4] = [
        ("positions", &run.outcome.positions, &[n, d]),
        ("log_weights", &run.outcome.log_weights, &[n]),
        ("shift", &problem.map.shift, &[d]),
        ("scale", &problem.map.scale, &[d]),
    ];
    for (name, values, shape) in arrays {
        // A fixed date keeps the file a function of the run alone.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(values.len() > (u32::MAX / 16) as usize);
        archive.start_file(format!("{name}.npy"), options)?;
        let builder = WriteOptions::new().default_dtype().shape(shape);
        let mut writer = builder.writer(&mut archive).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()?;
    }
    archive.finish()?;
    Ok(())
}
