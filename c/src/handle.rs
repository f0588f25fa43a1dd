//! Handles: boxes whose owner is the caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Failure;

/// What a handle stands for.
///
/// # Safety
/// `handle` is NULL or a handle that has not been freed.
pub(crate) unsafe fn borrowed<'a, T>(name: &str, handle: *const T) -> Result<&'a T, Failure> {
    // SAFETY: as promised by the caller; handles are never written to.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::null(name))
}

/// Makes a handle; where that fails, the caller's variable becomes NULL.
///
/// # Safety
/// `place` is NULL or valid for writing a pointer.
pub(crate) unsafe fn hand_out<T>(
    name: &str,
    place: *mut *mut T,
    make: impl FnOnce() -> Result<T, Failure>,
) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: as promised by the caller.
    unsafe { place.write(std::ptr::null_mut()) };
    let handle = Box::into_raw(Box::new(make()?));
    // SAFETY: as promised by the caller.
    unsafe { place.write(handle) };
    Ok(())
}

/// Frees what a handle stands for.
///
/// # Safety
/// `handle` is NULL or a handle that has not been freed, and is not used any more.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if handle.is_null() {
        return;
    }
    // SAFETY: handles come from `hand_out`, and this one was not freed.
    let owned = unsafe { Box::from_raw(handle) };
    // There is nobody to tell; what a panicking drop leaves is lost.
    let _ = catch_unwind(AssertUnwindSafe(move || drop(owned)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted<'a>(&'a AtomicUsize);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Fails if a handle leaks or is freed early, a failure leaves the variable as it was, or NULL is followed.
    #[test]
    fn a_handle_lives_until_it_is_freed() {
        let dropped = AtomicUsize::new(0);
        let mut place = null_mut();
        // SAFETY: the variable is written, and the one handle freed once.
        unsafe {
            assert!(hand_out("x", &mut place, || Ok(Counted(&dropped))).is_ok());
            assert!(borrowed("x", place).is_ok() && dropped.load(Ordering::SeqCst) == 0);
            free(place);
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
            let failed = hand_out("x", &mut place, || Err(Failure::shape("no")));
            assert_eq!((failed, place.is_null()), (Err(Failure::shape("no")), true));
            assert_eq!(hand_out("x", null_mut(), || Ok(7)), Err(Failure::null("x")));
            assert!(borrowed::<u8>("x", null_mut()).is_err());
            free::<u8>(null_mut());
        }
    }
}
