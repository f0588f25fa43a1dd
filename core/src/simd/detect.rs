//! What an x86-64 processor can do, asked of itself (the standard library's detection is not in `core`).
//!
//! Bits of the `cpuid` leaves as in Intel's manual, volume 2A. Registers wider than 128 bits also need
//! a system that saves them: `xgetbv` says which it does.

use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

use super::Instructions;

/// Leaf 1, ecx: FMA, XSAVE in use by the system, AVX.
const FMA_OSXSAVE_AVX: u32 = 1 << 12 | 1 << 27 | 1 << 28;
/// Leaf 7, ebx.
const AVX2: u32 = 1 << 5;
/// Leaf 7, ebx: F, DQ, BW, VL.
const AVX512: u32 = 1 << 16 | 1 << 17 | 1 << 30 | 1 << 31;
/// XCR0: SSE and AVX state.
const STATE_256: u64 = 0b110;
/// XCR0: mask registers, upper halves, upper registers besides.
const STATE_512: u64 = 0b1110_0110;

/// The fastest set that processor and system support.
pub(super) fn best() -> Instructions {
    let (highest, features) = (__cpuid(0).eax, __cpuid(1).ecx);
    if highest < 7 || features & FMA_OSXSAVE_AVX != FMA_OSXSAVE_AVX {
        return Instructions::Portable;
    }
    of_bits(__cpuid_count(7, 0).ebx, saved_state())
}

/// The set that leaf 7, ebx, and XCR0 stand for, where FMA and AVX are there.
fn of_bits(extended: u32, saved: u64) -> Instructions {
    if saved & STATE_256 != STATE_256 || extended & AVX2 == 0 {
        Instructions::Portable
    } else if saved & STATE_512 != STATE_512 || extended & AVX512 != AVX512 {
        Instructions::Avx2
    } else {
        Instructions::Avx512
    }
}

/// XCR0; the caller has seen that the instruction exists.
fn saved_state() -> u64 {
    #[target_feature(enable = "xsave")]
    fn read() -> u64 {
        // SAFETY: register 0 always exists.
        unsafe { _xgetbv(0) }
    }
    // SAFETY: OSXSAVE is set, so `xgetbv` exists.
    unsafe { read() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits of the manual, one by one.
    fn bits<const N: usize>(numbers: [u32; N]) -> u64 {
        numbers.into_iter().fold(0, |bits, number| bits | 1 << number)
    }

    /// Fails if any one of the bits that a set needs, of the processor or of the system, is not asked for, or
    /// one that it does not need is.
    #[test]
    fn every_bit_is_needed() {
        assert_eq!(u64::from(FMA_OSXSAVE_AVX), bits([12, 27, 28]));
        let avx2 = (bits([5]) as u32, bits([1, 2]));
        let avx512 = (bits([5, 16, 17, 30, 31]) as u32, bits([1, 2, 5, 6, 7]));
        assert_eq!(of_bits(avx2.0, avx2.1), Instructions::Avx2);
        assert_eq!(of_bits(avx512.0, avx512.1), Instructions::Avx512);
        for (extended, saved, needed) in [
            (avx2.0 & !bits([5]) as u32, avx2.1, Instructions::Portable),
            (avx512.0 & !bits([5]) as u32, avx512.1, Instructions::Portable),
            (!avx2.0, !avx2.1, Instructions::Portable),
            (avx512.0, avx512.1 & !bits([1]), Instructions::Portable),
            (avx512.0, avx512.1 & !bits([2]), Instructions::Portable),
            (avx512.0, avx512.1 & !bits([5]), Instructions::Avx2),
            (avx512.0, avx512.1 & !bits([6]), Instructions::Avx2),
            (avx512.0, avx512.1 & !bits([7]), Instructions::Avx2),
            (avx512.0 & !bits([16]) as u32, avx512.1, Instructions::Avx2),
            (avx512.0 & !bits([17]) as u32, avx512.1, Instructions::Avx2),
            (avx512.0 & !bits([30]) as u32, avx512.1, Instructions::Avx2),
            (avx512.0 & !bits([31]) as u32, avx512.1, Instructions::Avx2),
        ] {
            assert_eq!(of_bits(extended, saved), needed, "{extended:x} {saved:x}");
        }
    }
}
