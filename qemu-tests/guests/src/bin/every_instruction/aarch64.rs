//! The registers of aarch64, by AAPCS64, and words on stacks.

use core::arch::naked_asm;
use core::ptr;

use crate::observed::Lost;

/// Whether an interrupt can come before each instruction.
pub(crate) const HAS_STEPS: bool = true;

/// Calls `call(job)` with patterns in all registers that a function must keep, and in 16 words of the stack. Tells in
/// which bits these differ from what the call leaves there.
///
/// d8 to d15 are among them where the compiler uses floating point registers at all.
///
/// # Safety
///
/// `call` may be called with `job`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn framed(call: unsafe extern "C" fn(*mut ()), job: *mut (), patterns: u64) -> Lost {
    naked_asm!(
        ".arch_extension fp",
        ".macro differs register, pattern, sum",
        "add x9, x2, #\\pattern",
        "eor x9, x9, \\register",
        "orr \\sum, \\sum, x9",
        ".endm",
        // The caller's own, and the patterns.
        "sub sp, sp, #304",
        "stp x19, x20, [sp, #128]",
        "stp x21, x22, [sp, #144]",
        "stp x23, x24, [sp, #160]",
        "stp x25, x26, [sp, #176]",
        "stp x27, x28, [sp, #192]",
        "stp x29, x30, [sp, #208]",
        "stp d8, d9, [sp, #224]",
        "stp d10, d11, [sp, #240]",
        "stp d12, d13, [sp, #256]",
        "stp d14, d15, [sp, #272]",
        "str x2, [sp, #288]",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "add x9, x2, #128 + \\n",
        "str x9, [sp, #8 * \\n]",
        ".endr",
        ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
        "add x\\n, x2, #\\n",
        ".endr",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "add x9, x2, #32 + \\n",
        "fmov d\\n, x9",
        ".endr",
        "mov x9, x0",
        "mov x0, x1",
        "blr x9",
        "ldr x2, [sp, #288]",
        "mov x0, xzr",
        ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
        "differs x\\n, \\n, x0",
        ".endr",
        ".if {floats}",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "fmov x10, d\\n",
        "differs x10, 32 + \\n, x0",
        ".endr",
        ".endif",
        "mov x1, xzr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "ldr x10, [sp, #8 * \\n]",
        "differs x10, 128 + \\n, x1",
        ".endr",
        "ldp x19, x20, [sp, #128]",
        "ldp x21, x22, [sp, #144]",
        "ldp x23, x24, [sp, #160]",
        "ldp x25, x26, [sp, #176]",
        "ldp x27, x28, [sp, #192]",
        "ldp x29, x30, [sp, #208]",
        "ldp d8, d9, [sp, #224]",
        "ldp d10, d11, [sp, #240]",
        "ldp d12, d13, [sp, #256]",
        "ldp d14, d15, [sp, #272]",
        "add sp, sp, #304",
        "ret",
        ".purgem differs",
        floats = const cfg!(target_feature = "neon") as usize,
    )
}

/// Overwrites every register that a function may change, as a handler may: x0 to x18, v0 to v7, v16 to v31, the high
/// halves of v8 to v15, and the condition flags; and 32 words below the stack pointer.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        ".arch_extension simd",
        "movz x0, #0xdead, lsl #48",
        "movk x0, #0xbeef, lsl #16",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32",
        "stur x0, [sp, #-8 * \\n]",
        ".endr",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
        "add x\\n, x0, #\\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "dup v\\n\\().2d, x0",
        ".endr",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "mov v\\n\\().d[1], x0",
        ".endr",
        "msr fpsr, x0",
        "cmn x0, x0",
        "ret",
    )
}

/// Calls `call(job)` on another place of the stack, with zero in all registers and in the 8 KiB below that place.
///
/// # Safety
///
/// `call` may be called with `job`; `place` is aligned, and nothing uses what is below it.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn placed(call: unsafe extern "C" fn(*mut ()), job: *mut (), place: usize) {
    naked_asm!(
        "sub sp, sp, #96",
        "stp x19, x20, [sp, #0]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "sub x9, x2, #2, lsl #12", // 8 KiB
        "2: stp xzr, xzr, [x9], #16",
        "cmp x9, x2",
        "b.ne 2b",
        "mov x9, sp",
        "sub sp, x2, #16",
        "str x9, [sp]",
        "mov x16, x0",
        "mov x0, x1",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
        "mov x\\n, xzr",
        ".endr",
        "blr x16",
        "ldr x9, [sp]",
        "mov sp, x9",
        "ldp x19, x20, [sp, #0]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "add sp, sp, #96",
        "ret",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mov x0, sp", "ret")
}

/// Whether an interrupt before the instruction at an address has it do something else than it would have done: a
/// store-exclusive fails. What is done then is done in no run that is undisturbed.
pub(crate) fn is_undone(address: usize) -> bool {
    let code: *const u32 = ptr::with_exposed_provenance(address);
    // SAFETY: the processor was about to execute it.
    let word = unsafe { code.read_volatile() };
    word & 0x3fc0_0000 == 0x0800_0000 // loads have bit 22, and what is not exclusive has bit 23
}

/// Fills `words` words from `start` on.
///
/// # Safety
///
/// Nothing else uses them.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn fill(start: *mut u64, words: usize, value: u64) {
    naked_asm!("2: str x2, [x0], #8", "subs x1, x1, #1", "b.ne 2b", "ret")
}

/// How many of the first `words` words of `now` differ from `one` and `other`, where these two are the same. They need
/// not be initialised.
///
/// Not looked at is the bit of DAIF that says that this code is stepped: the kernel reads the register, and may leave
/// a copy in a word or in half of one.
///
/// # Safety
///
/// They may be read, and nothing writes to them.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn differences(
    now: *const u64,
    one: *const u64,
    other: *const u64,
    words: usize,
) -> usize {
    naked_asm!(
        "mov x4, xzr",
        "2: ldr x5, [x0], #8",
        "ldr x6, [x1], #8",
        "ldr x7, [x2], #8",
        "eor x5, x5, x6",
        "cmp x6, x7",
        "and x5, x5, #~(1 << 9 | 1 << 41)",
        "ccmp x5, #0, #4, eq", // equal, if those are not
        "cinc x4, x4, ne",
        "subs x3, x3, #1",
        "b.ne 2b",
        "mov x0, x4",
        "ret",
    )
}
