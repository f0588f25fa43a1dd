//! What a function says of its outcome: a status, and a message in the caller's own memory.
//!
//! Everything that can fail runs inside `report`, where a panic becomes a status too: none ever reaches C.

use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use amc_harness::config::ConfigError;
use amc_harness::embed::{EmbedError, EmbedErrorKind};
use amc_harness::target::TargetError;

/// What a function says of its outcome. Later versions may add values.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amc_status {
    /// Done.
    AMC_OK = 0,
    /// A handle, array or structure that must be given is NULL.
    AMC_ERROR_NULL = 1,
    /// A size, dimension, stride or capacity does not fit, or arrays overlap.
    AMC_ERROR_SHAPE = 2,
    /// A number is not in the range that its parameter allows.
    AMC_ERROR_VALUE = 3,
    /// A number is NaN or infinite; `row` of the `amc_error` says which point.
    AMC_ERROR_NOT_FINITE = 4,
    /// A text is not UTF-8.
    AMC_ERROR_UTF8 = 5,
    /// A setting or a text that describes a mixture is wrong.
    AMC_ERROR_CONFIGURATION = 6,
    /// A file cannot be read.
    AMC_ERROR_FILE = 7,
    /// A callback of a target reported an error; `code` of the `amc_error` is what it returned.
    AMC_ERROR_TARGET = 8,
    /// The progress callback asked to stop; `code` of the `amc_error` is what it returned.
    AMC_ERROR_STOPPED = 9,
    /// The computation failed: all weights were lost, an iteration did not converge, memory ran out.
    AMC_ERROR_NUMERICAL = 10,
    /// A defect of the library was caught. Please report the message.
    AMC_ERROR_PANIC = 11,
}

/// Bytes of a message, its NUL included.
pub const AMC_MESSAGE_LENGTH: usize = 1008;

/// `row` of an `amc_error` that is not about one point.
pub const AMC_NO_ROW: u64 = u64::MAX;

/// The outcome of the last function that was given it, in the caller's memory; nothing has to be set before.
#[repr(C)]
pub struct amc_error {
    /// The status that the function returned, an `amc_status`.
    pub status: i32,
    /// What a callback returned to report an error or to stop a run, otherwise 0.
    pub code: i32,
    /// Index of the point that is at fault, counted from 0, otherwise `AMC_NO_ROW`.
    pub row: u64,
    /// What is wrong and what to do, one line; empty after success. Longer ones end with "...".
    pub message: [c_char; AMC_MESSAGE_LENGTH],
}

/// Name of a status, such as "AMC_ERROR_SHAPE", or "unknown status". The text is the library's own: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn amc_status_name(status: i32) -> *const c_char {
    macro_rules! names {
        ($($name:ident)*) => {
            $(if status == amc_status::$name as i32 {
                return concat!(stringify!($name), "\0").as_ptr().cast();
            })*
        };
    }
    names!(AMC_OK AMC_ERROR_NULL AMC_ERROR_SHAPE AMC_ERROR_VALUE AMC_ERROR_NOT_FINITE AMC_ERROR_UTF8
        AMC_ERROR_CONFIGURATION AMC_ERROR_FILE AMC_ERROR_TARGET AMC_ERROR_STOPPED AMC_ERROR_NUMERICAL
        AMC_ERROR_PANIC);
    c"unknown status".as_ptr()
}

/// Why a function failed, before it is told to C.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) status: amc_status,
    pub(crate) code: i32,
    pub(crate) row: u64,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: amc_status, message: impl Into<String>) -> Self {
        Self { status, code: 0, row: AMC_NO_ROW, message: message.into() }
    }

    /// Of an argument that must not be NULL.
    pub(crate) fn null(what: &str) -> Self {
        Self::new(amc_status::AMC_ERROR_NULL, format!("{what} is NULL"))
    }

    /// Of sizes, strides and capacities.
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::new(amc_status::AMC_ERROR_SHAPE, message)
    }

    /// Of an evaluation of the points from `start` on.
    pub(crate) fn in_rows_from(start: usize, error: EmbedError) -> Self {
        Self::from(match error {
            EmbedError::NotFinite { name, row, column, value } => {
                EmbedError::NotFinite { name, row: row + start, column, value }
            }
            other => other,
        })
    }

    fn panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "no message".to_owned());
        Self::new(amc_status::AMC_ERROR_PANIC, format!("the library panicked: {text}"))
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        let status = match error.kind() {
            EmbedErrorKind::Shape => amc_status::AMC_ERROR_SHAPE,
            EmbedErrorKind::NotFinite => amc_status::AMC_ERROR_NOT_FINITE,
            EmbedErrorKind::Config => amc_status::AMC_ERROR_CONFIGURATION,
            EmbedErrorKind::Target => amc_status::AMC_ERROR_TARGET,
            EmbedErrorKind::Stopped => amc_status::AMC_ERROR_STOPPED,
            EmbedErrorKind::Panic => amc_status::AMC_ERROR_PANIC,
            _ => amc_status::AMC_ERROR_NUMERICAL,
        };
        let mut failure = Self::new(status, error.to_string());
        match error {
            EmbedError::NotFinite { row, .. } => failure.row = row as u64,
            EmbedError::Target(report) => failure.code = report.code,
            _ => {}
        }
        failure
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let status = match error {
            TargetError::Unreadable { .. } => amc_status::AMC_ERROR_FILE,
            _ => amc_status::AMC_ERROR_CONFIGURATION,
        };
        Self::new(status, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(amc_status::AMC_ERROR_CONFIGURATION, error.to_string())
    }
}

impl From<amc_core::error::Error> for Failure {
    fn from(error: amc_core::error::Error) -> Self {
        Self::new(amc_status::AMC_ERROR_VALUE, error.to_string())
    }
}

/// Does the work of a function and tells its outcome.
///
/// # Safety
/// `error` is NULL or valid for writing an `amc_error`.
pub(crate) unsafe fn report(
    error: *mut amc_error,
    work: impl FnOnce() -> Result<(), Failure>,
) -> amc_status {
    // Handles are only read, and a handle in the making is dropped by the unwinding: nothing half done is left.
    let outcome = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Failure::panic(&*payload)));
    // SAFETY: as promised by the caller.
    unsafe { tell(error, outcome.as_ref().err()) };
    outcome.err().map_or(amc_status::AMC_OK, |failure| failure.status)
}

/// Fills the caller's structure, which may hold anything.
///
/// # Safety
/// `error` is NULL or valid for writing an `amc_error`.
unsafe fn tell(error: *mut amc_error, failure: Option<&Failure>) {
    if error.is_null() || !error.is_aligned() {
        return;
    }
    let (status, code, row) = match failure {
        None => (amc_status::AMC_OK, 0, AMC_NO_ROW),
        Some(failure) => (failure.status, failure.code, failure.row),
    };
    let (text, dots) = shortened(failure.map_or("", |failure| &failure.message));
    // SAFETY: the structure is valid for writes and aligned; the message and its NUL fit, see `shortened`.
    unsafe {
        (&raw mut (*error).status).write(status as i32);
        (&raw mut (*error).code).write(code);
        (&raw mut (*error).row).write(row);
        let message: *mut u8 = (&raw mut (*error).message).cast();
        message.copy_from_nonoverlapping(text.as_ptr(), text.len());
        message.add(text.len()).copy_from_nonoverlapping(dots.as_ptr(), dots.len());
        message.add(text.len() + dots.len()).write(0);
    }
}

/// As much of a message as fits, and dots where that is not all.
fn shortened(message: &str) -> (&str, &'static str) {
    const DOTS: &str = "...";
    // C would take a NUL for the end.
    let message = message.split('\0').next().unwrap_or_default();
    if message.len() < AMC_MESSAGE_LENGTH {
        return (message, "");
    }
    let end = message.floor_char_boundary(AMC_MESSAGE_LENGTH - 1 - DOTS.len());
    (message.get(..end).unwrap_or_default(), DOTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::mem::MaybeUninit;

    fn outcome(work: impl FnOnce() -> Result<(), Failure>) -> (amc_status, i32, u64, String) {
        let mut error = MaybeUninit::<amc_error>::uninit();
        // SAFETY: the structure may be written, and `report` fills it.
        let (status, error) = unsafe { (report(error.as_mut_ptr(), work), error.assume_init()) };
        assert_eq!(error.status, status as i32);
        // SAFETY: a message ends with NUL within its array.
        let text = unsafe { CStr::from_ptr(error.message.as_ptr()) };
        (status, error.code, error.row, text.to_str().unwrap().to_owned())
    }

    /// Fails if a panic leaves `report`, or its message is lost, whatever the panic carries.
    #[test]
    fn a_panic_is_a_status() {
        let formatted = outcome(|| panic!("number {}", 7));
        assert_eq!(
            (formatted.0, formatted.3.as_str()),
            (amc_status::AMC_ERROR_PANIC, "the library panicked: number 7")
        );
        let odd = outcome(|| std::panic::panic_any(3.5));
        assert_eq!(
            (odd.0, odd.3.as_str()),
            (amc_status::AMC_ERROR_PANIC, "the library panicked: no message")
        );
        // SAFETY: NULL is allowed.
        let silent = unsafe { report(std::ptr::null_mut(), || panic!("unseen")) };
        assert_eq!(silent, amc_status::AMC_ERROR_PANIC);
    }

    /// Fails if success leaves the message or numbers of an earlier error, or of memory that was never set.
    #[test]
    fn success_clears_everything() {
        assert_eq!(outcome(|| Ok(())), (amc_status::AMC_OK, 0, AMC_NO_ROW, String::new()));
    }

    /// Fails if a long message is written beyond its array, loses its NUL or is cut inside a character.
    #[test]
    fn long_messages_end_with_dots() {
        for (text, kept) in [
            ("x".repeat(AMC_MESSAGE_LENGTH - 1), AMC_MESSAGE_LENGTH - 1),
            ("x".repeat(AMC_MESSAGE_LENGTH), AMC_MESSAGE_LENGTH - 1),
            // Two bytes each: 1004 would end inside the 502nd after one byte of "x".
            (format!("x{}", "é".repeat(AMC_MESSAGE_LENGTH)), AMC_MESSAGE_LENGTH - 2),
        ] {
            let (status, .., message) = outcome(|| Err(Failure::shape(text.clone())));
            assert_eq!((status, message.len()), (amc_status::AMC_ERROR_SHAPE, kept));
            assert_eq!(message.ends_with("..."), text.len() >= AMC_MESSAGE_LENGTH);
            assert!(text.starts_with(message.trim_end_matches('.')));
        }
    }

    /// Fails if a status has no name or another's.
    #[test]
    fn every_status_has_its_name() {
        // SAFETY: names are static and end with NUL.
        let name = |status| unsafe { CStr::from_ptr(amc_status_name(status)) }.to_str().unwrap();
        assert_eq!(name(0), "AMC_OK");
        assert_eq!(name(amc_status::AMC_ERROR_PANIC as i32), "AMC_ERROR_PANIC");
        let known: Vec<&str> = (0..12).map(name).collect();
        let debug = format!("{:?}", amc_status::AMC_ERROR_FILE);
        assert_eq!(known[7], debug);
        assert!(known.iter().all(|name| *name != "unknown status"));
        assert_eq!((name(12), name(-1)), ("unknown status", "unknown status"));
    }

    /// Fails if the row of a later piece is told as if it were in the first, in numbers or in words.
    #[test]
    fn rows_are_those_of_all_points() {
        let failure = Failure::in_rows_from(
            512,
            EmbedError::NotFinite { name: "x", row: 3, column: 1, value: f64::NAN },
        );
        assert_eq!((failure.status, failure.row), (amc_status::AMC_ERROR_NOT_FINITE, 515));
        assert!(failure.message.contains("515"), "{}", failure.message);
        assert_eq!(Failure::in_rows_from(512, EmbedError::Stopped).row, AMC_NO_ROW);
    }
}
