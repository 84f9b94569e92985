//! Room on the stack for an operation of the hub.
//!
//! With the feature `abandon` a task that overflows its stack is given up wherever a guard page stops it. That must not
//! happen in the middle of a change of a list. So every operation that changes a list first touches the stack at the
//! lowest address that the operation itself can reach, with the values that it moves: a task without that room is
//! stopped there, before anything has changed. Code of the program that an operation calls (`V::default`, the platform)
//! may need more room. It is called only where no change is half done, because it may use the hub itself; so it may be
//! stopped there.

#[cfg(all(feature = "abandon", not(miri)))]
use core::arch::asm;

/// How far the operations of this crate, with those of the kernel that they call, reach below the frame of their
/// caller. Less than a guard page, so that the page cannot be stepped over. Guest `hub_contain` tries every operation
/// with every number of bytes left.
#[cfg(all(feature = "abandon", not(miri)))]
const ROOM: usize = match (cfg!(debug_assertions), cfg!(feature = "recorder")) {
    (true, false) => 3584,
    (true, true) => 4032,
    (false, false) => 1536,
    (false, true) => 2048,
};

/// How many copies the frames below hold at most: of a value that the operation moves, and of a value or error that the
/// kernel passes.
#[cfg(all(feature = "abandon", not(miri)))]
const COPIES: (usize, usize) = if cfg!(debug_assertions) { (12, 32) } else { (6, 6) };

/// `ROOM` has room for values of this size.
#[cfg(all(feature = "abandon", not(miri)))]
const SMALL: usize = 32;

/// The distance of two touches; less than a guard page.
#[cfg(all(feature = "abandon", not(miri)))]
const STEP: usize = 2048;

/// Touches the stack at the end of the room of an operation that moves only small values.
#[inline(always)]
pub(crate) fn probe() {
    probe_for::<(), (), ()>();
}

/// Touches the stack at the end of the room of an operation that moves values of `T`, in a hub of `V` and `E`. On the
/// way there it touches the stack so often that it cannot step over a guard page.
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

/// Touches the stack after each of `steps`, and `ROOM` below that. It moves the stack pointer there, because a fault
/// counts as an overflow only near the stack pointer. It reads and does not write, because the kernel's canary band may
/// be there; with a frame of that size the compiler's probes would write.
#[cfg(all(feature = "abandon", not(miri)))]
#[inline(always)]
fn touch(steps: usize) {
    if steps != 0 {
        return touch_far(steps);
    }
    // SAFETY: the stack pointer is restored afterwards. The read is below it: on the stack, or in the guard page, which
    // faults.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("sub sp, sp, #{room}", "ldr xzr, [sp]", "add sp, sp, #{room}", room = const ROOM, options(readonly, preserves_flags));
    }
    // SAFETY: the same.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("sub sp, sp, #{room}", "ldr {word}, [sp]", "add sp, sp, #{room}", room = const ROOM, word = out(reg) _, options(readonly, preserves_flags));
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
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {base}, sp", "2:", "sub sp, sp, #{step}", "ldr {word}, [sp]", "subs {steps}, {steps}, #1", "bne 2b",
             "sub sp, sp, #{room}", "ldr {word}, [sp]", "mov sp, {base}",
             base = out(reg) _, word = out(reg) _, steps = inout(reg) steps => _, step = const STEP, room = const ROOM,
             options(readonly));
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
