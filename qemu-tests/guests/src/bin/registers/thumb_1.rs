//! The registers of a Cortex-M0, by AAPCS, in instructions of Thumb-1, which reach few of them directly.

use crate::live;
use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them: r4 to r11. There are none of floating point.
pub(crate) const KEPT: usize = NAMES.len();

/// The names of the registers in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; 8] = ["r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11"];

/// A word for each of [`NAMES`]. A register has the lower half, and the upper one is copied.
pub(crate) type Words = [u64; NAMES.len()];

/// Calls `call(job)` with the registers loaded from `loaded`, and stores what the call leaves in them in `found`.
///
/// # Safety
///
/// `call` may be called with `job`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn framed(
    call: unsafe extern "C" fn(*mut ()),
    job: *mut (),
    loaded: &Words,
    found: &mut Words,
) {
    naked_asm!(
        // What to copy and where to store, and the registers of the caller.
        "push {{r1-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r1, r3-r7}}",
        "mov r12, r0",
        "mov r0, r1",
        ".irp n, 8, 9, 10, 11",
        "ldr r4, [r2, #8 * (\\n - 4)]",
        "mov r\\n, r4",
        ".endr",
        ".irp n, 4, 5, 6, 7",
        "ldr r\\n, [r2, #8 * (\\n - 4)]",
        ".endr",
        "blx r12",
        // `found` of the second push, and `loaded` of the first.
        "ldr r3, [sp, #4]",
        "ldr r2, [sp, #28]",
        ".irp n, 4, 5, 6, 7",
        "str r\\n, [r3, #8 * (\\n - 4)]",
        ".endr",
        ".irp n, 8, 9, 10, 11",
        "mov r1, r\\n",
        "str r1, [r3, #8 * (\\n - 4)]",
        ".endr",
        ".irp n, 4, 5, 6, 7, 8, 9, 10, 11",
        "ldr r1, [r2, #8 * (\\n - 4) + 4]",
        "str r1, [r3, #8 * (\\n - 4) + 4]",
        ".endr",
        "pop {{r1, r3-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r1-r7, pc}}",
    )
}

/// Overwrites every register that a function may change: r0 to r3, r12, the flags.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        "movs r0, #0xbe",
        "lsls r0, r0, #23",
        "adds r1, r0, #1",
        "adds r2, r0, #2",
        "adds r3, r0, #3",
        "mov r12, r3",
        "cmp r0, r1",
        "bx lr",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mov r0, sp", "bx lr")
}

/// The control and status words: none. The flags of v6-M, N, Z, C and V, are those of the last comparison.
pub(crate) const USUAL: [u32; 0] = [];
/// Others: none.
pub(crate) const UNUSUAL: [u32; 0] = [];

/// What the control words are.
pub(crate) fn control() -> [u32; 0] {
    []
}

/// Sets the control words.
pub(crate) fn set_control([]: [u32; 0]) {}

/// `value`, in general registers, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(value: u64) -> u64 {
    u64::from(opaque_half((value >> 32) as u32)) << 32 | u64::from(opaque_half(value as u32))
}

#[inline(always)]
fn opaque_half(mut value: u32) -> u32 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// There are none.
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    (0..live::turns()).map(|_| transfer()).last()
}
