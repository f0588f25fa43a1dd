//! Texts from C and to C.

use std::ffi::{CStr, c_char};

use crate::error::{Failure, amc_status};

/// A text of the caller's.
///
/// # Safety
/// `text` is NULL or ends with NUL, and stays as it is while the result lives.
pub(crate) unsafe fn borrowed<'a>(
    name: &str,
    text: *const c_char,
) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as promised by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|error| {
        let message = format!("{name} is not UTF-8 from byte {} on", error.valid_up_to());
        Failure::new(amc_status::AMC_ERROR_UTF8, message)
    })
}

/// A text of the caller's that must be given.
///
/// # Safety
/// As for [`borrowed`].
pub(crate) unsafe fn required<'a>(name: &str, text: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: as promised by the caller.
    unsafe { borrowed(name, text) }?.ok_or_else(|| Failure::null(name))
}

/// Hands a text out: its length without NUL always, itself where it fits; a NULL `buffer` of capacity 0 only asks for
/// the length.
///
/// # Safety
/// `buffer` is NULL or valid for writing `capacity` bytes; `length` is NULL or valid for writing.
pub(crate) unsafe fn hand_out(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), Failure> {
    if !length.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { length.write(text.len()) };
    }
    if buffer.is_null() {
        return match (capacity, length.is_null()) {
            (0, false) => Ok(()),
            (0, true) => Err(Failure::null("both buffer and length")),
            _ => Err(Failure::null("buffer")),
        };
    }
    if capacity <= text.len() {
        let needed = text.len() + 1;
        return Err(Failure::shape(format!(
            "the buffer holds {capacity} bytes, and {needed} are needed"
        )));
    }
    // SAFETY: the text and its NUL fit into the capacity, for which the caller promises the memory.
    unsafe {
        buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::{null, null_mut};

    /// Fails if a text that is not UTF-8 passes or reads as another, or NULL is read.
    #[test]
    fn texts_come_in() {
        // SAFETY: literals end with NUL.
        unsafe {
            assert_eq!(required("settings", c"seed = 1".as_ptr()), Ok("seed = 1"));
            assert_eq!(borrowed("settings", null()), Ok(None));
            assert_eq!(required("path", null()), Err(Failure::null("path")));
            let failure = required("path", c"ab\xff".as_ptr()).unwrap_err();
            assert_eq!(failure.status, amc_status::AMC_ERROR_UTF8);
            assert_eq!(failure.message, "path is not UTF-8 from byte 2 on");
        }
    }

    /// Fails if a text is written past its buffer, without its NUL, or its length is not told.
    #[test]
    fn texts_go_out_where_they_fit() {
        let mut buffer = [b'x' as c_char; 6];
        let mut length = 0;
        // SAFETY: capacities are at most those of the buffer.
        unsafe {
            assert_eq!(hand_out("four", null_mut(), 0, &mut length), Ok(()));
            assert_eq!(length, 4);
            let small = hand_out("four", buffer.as_mut_ptr(), 4, null_mut()).unwrap_err();
            assert_eq!(small.status, amc_status::AMC_ERROR_SHAPE);
            assert_eq!(buffer[0], b'x' as c_char);
            assert_eq!(hand_out("four", buffer.as_mut_ptr(), 5, &mut length), Ok(()));
            assert_eq!(buffer.map(|byte| byte as u8), *b"four\0x");
            assert!(hand_out("four", null_mut(), 9, &mut length).is_err());
            assert!(hand_out("four", null_mut(), 0, null_mut()).is_err());
        }
    }
}
