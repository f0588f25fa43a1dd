//! The files of a run: `config.toml`, `summary.json`, `samples.npz`.
//!
//! The folder is created and tried before the run starts. All files are written under temporary
//! names and renamed when the last one is complete, so that no half-written file ever carries its
//! final name, and a full disk leaves neither some of the files nor those of two runs.

use std::fs;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use npyz::{WriteOptions, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{Problem, Run, RunError};
use crate::config::RunConfig;

/// The file whose presence marks a finished run.
const SUMMARY: &str = "summary.json";

/// All files, in the order in which they get their names.
const FILES: [&str; 3] = ["config.toml", "samples.npz", SUMMARY];

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
        if path.join(FILES[0]).exists() && !overwrite {
            let message =
                "holds a config.toml already: choose another --out, or add --force to replace it";
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
    /// A file that cannot be written; then none is left.
    pub fn write(&self, config: &RunConfig, problem: &Problem, run: &Run) -> Result<(), RunError> {
        let written = self
            .fill("config.toml", |file| file.write_all(config.to_toml().as_bytes()))
            .and_then(|()| self.fill("samples.npz", |file| write_samples(file, problem, run)))
            .and_then(|()| {
                self.fill(SUMMARY, |file| {
                    serde_json::to_writer_pretty(&mut *file, &run.summary)?;
                    file.write_all(b"\n")
                })
            })
            .and_then(|()| self.publish());
        if written.is_err() {
            for name in FILES {
                // The error that matters is the first one.
                let _ = fs::remove_file(self.temporary(name));
            }
            self.abandon();
        }
        written
    }

    /// Gives every file its final name. The summary, which marks a finished run, goes first if it
    /// is an earlier run's, and comes last.
    fn publish(&self) -> Result<(), RunError> {
        let earlier = self.path.join(SUMMARY);
        if earlier.exists() {
            fs::remove_file(&earlier).map_err(|e| self.unwritable(SUMMARY, &e))?;
        }
        for name in FILES {
            fs::rename(self.temporary(name), self.path.join(name))
                .map_err(|e| self.unwritable(name, &e))?;
        }
        Ok(())
    }

    /// Writes one file under its temporary name.
    fn fill(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<fs::File>) -> std::io::Result<()>,
    ) -> Result<(), RunError> {
        let written = fs::File::create(self.temporary(name)).and_then(|file| {
            let mut file = BufWriter::new(file);
            fill(&mut file)?;
            file.into_inner().map_err(|e| e.into_error())?.sync_all()
        });
        written.map_err(|e| self.unwritable(name, &e))
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.part"))
    }

    fn unwritable(&self, name: &str, error: &std::io::Error) -> RunError {
        let message = format!("cannot be written ({error}): choose another --out");
        RunError::File { path: self.path.join(name), message }
    }
}

/// A writer that keeps its first error to itself until it is asked, and then only pretends.
///
/// An archive dropped after an error prints to stderr, where our one line about it belongs.
struct Patient<'a> {
    file: &'a mut BufWriter<fs::File>,
    error: Option<std::io::Error>,
    /// Where the file would be without the error, and where it would end.
    position: u64,
    end: u64,
}

impl<'a> Patient<'a> {
    fn new(file: &'a mut BufWriter<fs::File>) -> Self {
        Self { file, error: None, position: 0, end: 0 }
    }

    fn attempt(&mut self, act: impl FnOnce(&mut BufWriter<fs::File>) -> std::io::Result<()>) {
        if self.error.is_none() {
            self.error = act(self.file).err();
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.attempt(|file| file.write_all(bytes));
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.attempt(BufWriter::flush);
        Ok(())
    }
}

impl Seek for Patient<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(std::io::ErrorKind::InvalidInput)?;
        let position = self.position;
        self.attempt(|file| file.seek(SeekFrom::Start(position)).map(|_| ()));
        Ok(position)
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
    let n = run.sample.weights.len() as u64;
    let mut patient = Patient::new(file);
    let mut archive = ZipWriter::new(&mut patient);
    let arrays: [(&str, &[f64], &[u64]); 4] = [
        ("positions", &run.sample.positions, &[n, d]),
        ("log_weights", &run.sample.log_weights, &[n]),
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
    patient.error.map_or(Ok(()), Err)
}
