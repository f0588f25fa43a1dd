//! A process without the C library on Linux, x86-64: start, end, and the four functions of memory.

/// Ends the process (Linux, x86-64).
fn exit(code: i32) -> ! {
    // SAFETY: the exit_group system call takes one register and does not return.
    unsafe { core::arch::asm!("syscall", in("rax") 231, in("rdi") code, options(noreturn)) }
}

/// # Safety
/// Called by the kernel as the first code of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _start() -> ! {
    // SAFETY: the stack pointer is aligned as a call expects before the first Rust function runs.
    unsafe { core::arch::asm!("and rsp, -64", "call {main}", main = sym main, options(noreturn)) }
}

extern "C" fn main() -> ! {
    exit(if crate::tour::tour() == Ok(true) { 42 } else { 1 })
}

/// The compiler calls these for copies and comparisons; a bare system brings its own.
mod memory {
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        // SAFETY: the caller owns both ranges; `rep movsb` copies exactly `count` bytes.
        unsafe {
            core::arch::asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _);
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        if (to as usize) <= from as usize {
            // SAFETY: a forward copy is right when the destination starts first.
            return unsafe { memcpy(to, from, count) };
        }
        for i in (0..count).rev() {
            // SAFETY: `i < count`, and the caller owns both ranges; volatile keeps this a loop.
            unsafe { to.add(i).write_volatile(from.add(i).read_volatile()) };
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, count: usize) -> *mut u8 {
        // SAFETY: the caller owns the range; `rep stosb` fills exactly `count` bytes.
        unsafe {
            core::arch::asm!("rep stosb", inout("rcx") count => _, inout("rdi") to => _, in("al") byte as u8);
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
        for i in 0..count {
            // SAFETY: `i < count`, and the caller owns both ranges.
            let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
            if x != y {
                return i32::from(x) - i32::from(y);
            }
        }
        0
    }
}
