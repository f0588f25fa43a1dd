//! Structures that may grow: their first field says how many bytes their author knew.
//!
//! A shorter one, of an older program, is filled up with zeros, which always mean "as before". A longer one, of a newer
//! program, is taken as long as everything that this library does not know is zero.

use std::slice;

use crate::error::Failure;

/// A structure of C that begins with `size` and whose fields may all be zero.
///
/// # Safety
/// `repr(C)`, the first field a `usize`, and zero in all bytes a valid value.
pub(crate) unsafe trait Structure: Copy {
    /// Name for messages.
    const NAME: &'static str;
    /// Bytes of its first version.
    const FIRST: usize;
}

/// Reads a structure of this or another version.
///
/// # Safety
/// `given` is NULL, or points to a `size` and valid memory of so many bytes.
pub(crate) unsafe fn read<S: Structure>(given: *const S) -> Result<S, Failure> {
    // SAFETY: as promised by the caller.
    let size = unsafe { checked_size(given) }?;
    let mut known = std::mem::MaybeUninit::<S>::zeroed();
    let common = size.min(size_of::<S>());
    // SAFETY: both are valid for `common` bytes, and the rest of `known` is zero, which a `Structure` may be.
    let known = unsafe {
        known.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(given.cast(), common);
        known.assume_init()
    };
    // SAFETY: the caller promises `size` bytes.
    let beyond = unsafe { slice::from_raw_parts(given.cast::<u8>().add(common), size - common) };
    match beyond.iter().all(|byte| *byte == 0) {
        true => Ok(known),
        false => Err(Failure::shape(format!(
            "{} sets fields beyond its first {common} bytes, which this version of the library does not know",
            S::NAME
        ))),
    }
}

/// Fills a structure of this or another version; fields that the library does not know become zero.
///
/// # Safety
/// `place` is NULL, or points to a `size` and valid memory of so many bytes; `value` has no padding that matters.
pub(crate) unsafe fn write<S: Structure>(place: *mut S, value: &S) -> Result<(), Failure> {
    // SAFETY: as promised by the caller.
    let size = unsafe { checked_size(place) }?;
    let common = size.min(size_of::<S>());
    // SAFETY: both are valid for `common` bytes; the caller promises `size` bytes, the first of which stay.
    unsafe {
        let bytes = place.cast::<u8>();
        bytes.copy_from_nonoverlapping((&raw const *value).cast(), common);
        bytes.add(common).write_bytes(0, size - common);
        place.cast::<usize>().write(size);
    }
    Ok(())
}

/// The size that the structure tells of itself.
///
/// # Safety
/// `given` is NULL or points to a readable `size`.
unsafe fn checked_size<S: Structure>(given: *const S) -> Result<usize, Failure> {
    /// No structure will ever be longer; what is was never set.
    const MOST: usize = 1 << 16;
    if given.is_null() {
        return Err(Failure::null(S::NAME));
    }
    if !given.is_aligned() {
        return Err(Failure::shape(format!("{} is not aligned", S::NAME)));
    }
    // SAFETY: as promised by the caller.
    let size = unsafe { given.cast::<usize>().read() };
    if (S::FIRST..=MOST).contains(&size) {
        return Ok(size);
    }
    let (name, first) = (S::NAME, S::FIRST);
    Err(Failure::shape(format!(
        "{name}: size = {size}, but sizeof({name}) is at least {first}; set size first"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Sample {
        size: usize,
        old: u64,
        new: u64,
    }

    // SAFETY: numbers, the first a `usize`.
    unsafe impl Structure for Sample {
        const NAME: &'static str = "sample";
        const FIRST: usize = 16;
    }

    #[repr(C)]
    struct Longer(Sample, u64);

    /// Fails if an old program's memory is read past its end, its missing field is not zero, or a field that a newer
    /// program sets is passed over in silence.
    #[test]
    fn older_and_newer_programs_are_understood() {
        let with = |size| Sample { size, old: 1, new: 2 };
        // SAFETY: sizes are at most those of the memory.
        unsafe {
            assert_eq!(read(&with(24)), Ok(with(24)));
            assert_eq!(read(&with(16)), Ok(Sample { size: 16, old: 1, new: 0 }));
            for (beyond, fine) in [(0, true), (7, false)] {
                let longer = Longer(with(32), beyond);
                assert_eq!(read((&raw const longer).cast::<Sample>()).is_ok(), fine);
            }
            for wrong in [0, 8, 15, 1 << 20, usize::MAX] {
                assert!(read(&with(wrong)).is_err(), "{wrong}");
            }
            assert_eq!(read::<Sample>(std::ptr::null()), Err(Failure::null("sample")));
        }
    }

    /// Fails if an old program's memory is written past its end, or a newer one's new field keeps what it held.
    #[test]
    fn older_and_newer_programs_are_served() {
        let value = Sample { size: 24, old: 5, new: 6 };
        let mut given = Longer(Sample { size: 16, old: 1, new: 2 }, 3);
        // SAFETY: sizes are at most those of the memory.
        unsafe {
            let place: *mut Longer = &mut given;
            assert!(write(place.cast::<Sample>(), &value).is_ok());
            assert_eq!(((*place).0, (*place).1), (Sample { size: 16, old: 5, new: 2 }, 3));
            (*place).0.size = 32;
            assert!(write(place.cast::<Sample>(), &value).is_ok());
            assert_eq!(((*place).0, (*place).1), (Sample { size: 32, ..value }, 0));
        }
    }
}
