//! Proof that `amc-core` needs neither std nor an allocator and cannot panic.
//!
//! The program is linked without any library but `amc-core` and its dependencies. Its panic handler
//! calls a function that does not exist, so if the optimizer left a single reachable panic in
//! anything used here, linking fails and names it. It exits with 42 when the numbers are right.
//!
//! Elsewhere (`other_targets` builds it for WebAssembly and for bare ARM) one exported function gives that number.
#![no_std]
#![no_main]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;
mod teams;
mod tour;

use core::panic::PanicInfo;

unsafe extern "C" {
    /// Defined nowhere, on purpose.
    fn amc_core_can_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: never linked; see the module's documentation.
    unsafe { amc_core_can_panic() }
}

/// 42 when the numbers are right, on systems that have no exit code.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[unsafe(no_mangle)]
pub extern "C" fn amc_core_tour() -> i32 {
    if tour::tour() == Ok(true) { 42 } else { 1 }
}
