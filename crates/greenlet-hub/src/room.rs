//! Room on the stack for an operation of the hub.
//!
//! With the feature `abandon` a task that overflows its stack is given up wherever a guard page stops it. That must not be in
//! the middle of a change of a list. So every operation that changes one first touches the stack as far below as it reaches
//! itself: a task without that room is stopped there, before anything has changed. Code of the program that an operation calls
//! (`V::default`, the platform) may need more, and is stopped where nothing is half changed, as it may use the hub itself.

#[cfg(all(feature = "abandon", not(miri)))]
use core::arch::asm;

/// How far the operations of this crate reach below the frame of their caller, the kernel's included. Less than a guard page, so
/// that it cannot be stepped over. Guest `hub_contain` tries every operation with every number of bytes left.
#[cfg(all(feature = "abandon", not(miri)))]
const ROOM: usize = if cfg!(debug_assertions) { 3584 } else { 1536 };

/// Touches the stack at the end of the room. The stack pointer goes there, as a fault is an overflow only near it. It reads,
/// because the kernel's canary may lie there; in a frame so large the compiler would write.
#[cfg(all(feature = "abandon", not(miri)))]
#[inline(always)]
pub(crate) fn probe() {
    // SAFETY: reads below the stack pointer, which is back afterwards: on the stack, or of the guard page, which faults.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("sub sp, sp, #{room}", "ldr xzr, [sp]", "add sp, sp, #{room}", room = const ROOM, options(readonly, preserves_flags));
    }
    // SAFETY: the same.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("sub rsp, {room}", "mov {word}, [rsp]", "add rsp, {room}", room = const ROOM, word = out(reg) _, options(readonly));
    }
}

/// Nothing: an overflow ends the program.
#[cfg(any(not(feature = "abandon"), miri))]
#[inline(always)]
pub(crate) fn probe() {}
