//! One case under valgrind's callgrind, which counts inside one function only.

use std::process::{Command, Output};

use amc_core::simd::Instructions;

use crate::UNAVAILABLE;
use crate::cases::Case;

/// The instructions of a case; `None` where valgrind cannot run the set.
pub fn count(case: Case, set: Instructions) -> Result<Option<u64>, String> {
    let program = std::env::current_exe().map_err(|e| format!("this program is not found: {e}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*amc_measured_work*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(program)
        .args([case.name().as_str(), "--isa", set.name()])
        .output()
        .map_err(|e| {
            format!("valgrind cannot be run ({e}); install it, e.g. with apt-get install valgrind")
        })?;
    if output.status.code() == Some(i32::from(UNAVAILABLE)) {
        return Ok(None);
    }
    let Output { status, stderr, .. } = output;
    let text = String::from_utf8_lossy(&stderr);
    match collected(&text) {
        Some(count) if status.success() && count > 0 => Ok(Some(count)),
        _ => Err(format!("valgrind on {} ({set}) ended with {status}:\n{text}", case.name())),
    }
}

/// The number behind `Collected :` in what callgrind says at its end.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if the number is taken from another line, or made up where there is none.
    #[test]
    fn the_count_is_found() {
        let text = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n==7== I   refs: 99\n";
        assert_eq!(collected(text), Some(123_456));
        assert_eq!(collected("==7== Collected :\n"), None);
        assert_eq!(collected("valgrind: no such file\n"), None);
    }
}
