#![no_std]
//! What the programs have in common: how the machine starts and ends, a console, memory, and a panic handler that does
//! nothing.
//!
//! What starts the machine stands in a section `.boot`, which is not measured: firmware has that with greenlets and
//! without. Of the rest a program is linked with what it uses.

#[cfg(feature = "alloc")]
mod alloc;
#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod boot;
#[cfg(target_arch = "arm")]
#[path = "arm.rs"]
mod boot;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
#[path = "riscv.rs"]
mod boot;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod boot;
mod console;
#[cfg(feature = "cores")]
mod cores;
mod memory;

#[cfg(target_arch = "arm")]
pub use boot::untouched;
pub use console::figure;
pub use memory::memory;

/// Bytes between the statics and main's stack that were never written. Not measured on this machine, which has plenty.
#[cfg(not(target_arch = "arm"))]
pub fn untouched() -> usize {
    0
}

/// Declares the function that a program is. It gets a number that is not known at compile time; what it returns, below
/// 100, is the code that the machine ends with.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        const _: () = {
            // SAFETY: called by the assembly of this crate, with this signature; nothing else defines it, or linking
            // fails.
            #[unsafe(no_mangle)]
            extern "C" fn program(seed: u64) -> u64 {
                let main: fn(u64) -> u64 = $main;
                main(seed)
            }
        };
    };
}

/// Prints nothing: a program that panics does not end, and is ended.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
