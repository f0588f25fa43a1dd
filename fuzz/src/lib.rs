//! What the fuzz targets share: numbers that break things, and texts that are mostly valid.
//!
//! Bytes alone hardly ever get past the first check of a parser or a constructor. Each target therefore takes
//! its input in two ways: as it comes, which explores the refusals, and as a list of choices from which
//! something nearly right is built, which explores what lies behind them.
#![deny(missing_docs)]

pub mod config_text;
pub mod mixture_text;
pub mod number;
pub mod points_text;

/// The first byte of an input that is a list of choices. No UTF-8 text starts with it, so seeds of the targets
/// that read text can be plain files.
pub const STRUCTURED: u8 = 0xff;

/// Whether a message keeps to one line, as every message to a user does.
pub fn is_one_line(message: &str) -> bool {
    !message.is_empty() && !message.contains(['\n', '\r'])
}

/// Whether two numbers agree up to `tolerance`; equal infinities do, NaN never does.
pub fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    found == expected || (found - expected).abs() <= tolerance
}
