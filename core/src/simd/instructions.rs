//! Which instructions kernels run on: found once, when the first kernel runs, or forced.

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

use crate::error::{Error, Result};

/// A set of vector instructions.
///
/// AVX2 and AVX-512 give the same bits (both fuse multiplication and addition); the portable kernels
/// differ from them in the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Instructions {
    /// What the build targets: SSE2 on a plain x86-64 build.
    Portable = 1,
    /// AVX2 and FMA, two registers of 256 bits.
    Avx2 = 2,
    /// AVX-512 (F, BW, DQ, VL), one register of 512 bits.
    Avx512 = 3,
}

/// The choice in force; 0 before there is one.
static CHOICE: AtomicU8 = AtomicU8::new(0);

impl Instructions {
    /// All sets, from the most portable one to the fastest.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The name: `portable`, `avx2` or `avx512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The set with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The set in force: the best this processor has, unless another was [forced](Self::force).
    #[inline]
    pub fn current() -> Self {
        match CHOICE.load(Ordering::Relaxed) {
            1 => Self::Portable,
            2 => Self::Avx2,
            3 => Self::Avx512,
            _ => Self::choose(),
        }
    }

    /// Makes every kernel from now on run on this set, in the whole process.
    ///
    /// Kernels that are running finish as they began, so this belongs at the start of a program.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the processor lacks it; nothing changes then.
    pub fn force(self) -> Result<()> {
        if self.is_available() {
            CHOICE.store(self as u8, Ordering::Relaxed);
            Ok(())
        } else {
            Err(Error::Unsupported { what: "this processor lacks the instructions asked for" })
        }
    }

    /// Whether this processor, and the system on it, can run the set.
    pub fn is_available(self) -> bool {
        self <= Self::best()
    }

    /// The fastest set of this processor.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            super::detect::best()
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            Self::Portable
        }
    }

    #[cold]
    fn choose() -> Self {
        let best = Self::best();
        // Another thread can only have stored the same, or a forced choice, which stays.
        match CHOICE.compare_exchange(0, best as u8, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => best,
            Err(_) => Self::current(),
        }
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if a name is lost or two sets share one.
    #[test]
    fn names_lead_back() {
        for set in Instructions::ALL {
            assert_eq!(Instructions::from_name(set.name()), Some(set));
        }
        assert_eq!(Instructions::from_name("sse9"), None);
    }

    /// Fails if the portable kernels are not always there, or detection sees more or less than the
    /// standard library does.
    #[test]
    fn detection_agrees_with_std() {
        assert!(Instructions::Portable.is_available());
        #[cfg(target_arch = "x86_64")]
        {
            extern crate std;
            let avx2 =
                std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
            let avx512 = std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("avx512vl");
            assert_eq!(Instructions::Avx2.is_available(), avx2);
            assert_eq!(Instructions::Avx512.is_available(), avx2 && avx512);
        }
    }
}
