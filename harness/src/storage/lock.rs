//! One process at a time in a folder.
//!
//! The system gives a lock back when its process ends, however it ends, so that no lock is ever left behind.

use std::fs::{File, OpenOptions, TryLockError, remove_file};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NAME: &str = ".amc-lock";

/// How long a lock that another process has is asked for: one that was killed has it until its memory is given back.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// An exclusive lock on a folder, given back when it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Open while the lock is held.
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder that exists; `None` if another process has it and keeps it.
    ///
    /// # Errors
    /// Those of the file system. Where files cannot be locked at all, the lock is taken for granted.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        let (path, start) = (folder.join(NAME), Instant::now());
        loop {
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                    sleep(PAUSE);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Its last owner may have removed the file between the two.
            if is_still(&file, &path) {
                return Ok(Some(Self { path, _file: file }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held, so that nobody else can hold what is removed.
        let _ = remove_file(&self.path);
    }
}

/// Whether a name still leads to an open file.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: &std::fs::Metadata, other: &std::fs::Metadata| {
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    match (file.metadata(), path.metadata()) {
        (Ok(opened), Ok(named)) => same(&opened, &named),
        _ => false,
    }
}

/// Open files keep their names.
#[cfg(not(unix))]
fn is_still(_file: &File, _path: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if two have the lock at once, or one that was given back cannot be taken, or something is left.
    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(Lock::take(folder.path()).unwrap().is_none());
        drop(first);
        assert!(Lock::take(folder.path()).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Lock::take(&folder.path().join("nowhere")).is_err());
    }

    /// Fails if a process that was killed, and gives its lock back a moment later, keeps the next one out.
    #[test]
    fn a_lock_that_is_about_to_be_free_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let dying = std::thread::spawn(move || {
            sleep(Duration::from_millis(100));
            drop(first);
        });
        assert!(Lock::take(folder.path()).unwrap().is_some());
        dying.join().unwrap();
    }
}
