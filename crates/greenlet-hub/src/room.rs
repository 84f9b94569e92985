//! Room on the stack for an operation of the hub.
//!
//! With the feature `abandon` a task that overflows its stack is given up wherever a guard page stops it. That must not be in
//! the middle of a change of a list. So every operation that changes one first touches the stack as far below as it reaches
//! itself, with the values that it moves: a task without that room is stopped there, before anything has changed. Code of the
//! program that an operation calls (`V::default`, the platform) may need more, and is stopped where nothing is half changed, as
//! it may use the hub itself.

#[cfg(all(feature = "abandon", not(miri)))]
use core::arch::asm;

/// How far the operations of this crate reach below the frame of their caller, the kernel's included. Less than a guard page, so
/// that it cannot be stepped over. Guest `hub_contain` tries every operation with every number of bytes left.
#[cfg(all(feature = "abandon", not(miri)))]
const ROOM: usize = if cfg!(debug_assertions) { 3584 } else { 1536 };

/// How many copies the frames below hold at most: of a value that the operation moves, and of one that goes through the kernel.
#[cfg(all(feature = "abandon", not(miri)))]
const COPIES: (usize, usize) = if cfg!(debug_assertions) { (12, 32) } else { (6, 6) };

/// `ROOM` has room for values of this size.
#[cfg(all(feature = "abandon", not(miri)))]
const SMALL: usize = 32;

/// The distance of two touches; less than a guard page.
#[cfg(all(feature = "abandon", not(miri)))]
const STEP: usize = 2048;

/// Touches the stack at the end of the room of an operation that moves no values but small ones.
#[inline(always)]
pub(crate) fn probe() {
    probe_for::<(), (), ()>();
}

/// Touches the stack at the end of the room of an operation that moves values of `T`, in a hub of `V` and `E`, and on the way there as often as no
/// guard page is stepped over.
#[inline(always)]
pub(crate) fn probe_for<T, V, E>() {
    #[cfg(all(feature = "abandon", not(miri)))]
    touch(
        const { (COPIES.0 * beyond_small::<T>() + COPIES.1 * (beyond_small::<V>() + beyond_small::<E>())).div_ceil(STEP) },
    );
}

#[cfg(all(feature = "abandon", not(miri)))]
const fn beyond_small<T>() -> usize {
    size_of::<T>().saturating_sub(SMALL)
}

/// Touches the stack after each of `steps`, and `ROOM` below that. The stack pointer goes there, as a fault is an overflow only near
/// it. It reads, because the kernel's canary may lie there; in a frame so large the compiler would write.
#[cfg(all(feature = "abandon", not(miri)))]
#[inline(always)]
fn touch(steps: usize) {
    if steps != 0 {
        return touch_far(steps);
    }
    // SAFETY: reads below the stack pointer, which is back afterwards: on the stack, or of the guard page, which faults.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("sub sp, sp, #{room}", "ldr xzr, [sp]", "add sp, sp, #{room}", room = const ROOM, options(readonly, preserves_flags));
    }
    // SAFETY: the same.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        asm!("li {at}, {room}", "sub sp, sp, {at}", "lw zero, 0(sp)", "add sp, sp, {at}",
             room = const ROOM, at = out(reg) _, options(readonly, preserves_flags));
    }
    // SAFETY: the same.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("sub rsp, {room}", "mov {word}, [rsp]", "add rsp, {room}", room = const ROOM, word = out(reg) _, options(readonly));
    }
}

#[cfg(all(feature = "abandon", not(miri)))]
#[inline(never)]
fn touch_far(steps: usize) {
    // SAFETY: as in `touch`.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("mov {base}, sp", "2:", "sub sp, sp, #{step}", "ldr xzr, [sp]", "subs {steps}, {steps}, #1", "b.ne 2b",
             "sub sp, sp, #{room}", "ldr xzr, [sp]", "mov sp, {base}",
             base = out(reg) _, steps = inout(reg) steps => _, step = const STEP, room = const ROOM, options(readonly));
    }
    // SAFETY: the same.
    #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
    unsafe {
        asm!("mv {base}, sp", "li {step}, {STEP}", "2:", "sub sp, sp, {step}", "lw zero, 0(sp)", "addi {steps}, {steps}, -1",
             "bnez {steps}, 2b", "li {step}, {ROOM}", "sub sp, sp, {step}", "lw zero, 0(sp)", "mv sp, {base}",
             base = out(reg) _, step = out(reg) _, steps = inout(reg) steps => _, STEP = const STEP, ROOM = const ROOM,
             options(readonly));
    }
    // SAFETY: the same.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("mov {base}, rsp", "2:", "sub rsp, {step}", "mov {word}, [rsp]", "dec {steps}", "jnz 2b",
             "sub rsp, {room}", "mov {word}, [rsp]", "mov rsp, {base}",
             base = out(reg) _, word = out(reg) _, steps = inout(reg) steps => _, step = const STEP, room = const ROOM,
             options(readonly));
    }
}
