//! Which library this is: the version of its interface and of itself.

use std::ffi::c_char;

/// Version of the binary interface that this header describes; the shared library is libamc.so.N.
///
/// A program that was compiled with one version runs with any library of the same version.
pub const AMC_ABI_VERSION: u32 = 0;

/// The library's version, for C.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// Version of the binary interface of the library that is running; compare it with `AMC_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn amc_abi_version() -> u32 {
    AMC_ABI_VERSION
}

/// Version of the library that is running, "major.minor.patch". The text is the library's own: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn amc_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    /// Fails if the text is another version's, or does not end where C looks for its end.
    #[test]
    fn the_version_is_that_of_the_package() {
        // SAFETY: the text is static and ends with NUL, which is what is tested.
        let text = unsafe { CStr::from_ptr(amc_version()) };
        assert_eq!(text.to_str(), Ok(env!("CARGO_PKG_VERSION")));
        assert_eq!(text.to_bytes_with_nul().len(), VERSION.len());
        assert_eq!(amc_abi_version(), AMC_ABI_VERSION);
    }
}
