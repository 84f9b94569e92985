//! All registers of aarch64.

use core::arch::naked_asm;

/// What they hold: x0 to x15, x17 to x30; q0 to q31, two words each. x16 is where they are loaded from.
pub(crate) type Words = [u64; 30 + 64];

/// In the place of what was not stored.
pub(crate) const NOTHING: Words = [0; 30 + 64];

/// Loads the registers from `loaded`, unmasks interrupts for a few instructions, and stores what is in the registers
/// then in `found`.
#[unsafe(naked)]
pub(crate) extern "C" fn while_loaded(loaded: &Words, found: &mut Words) {
    naked_asm!(
        ".arch_extension fp",
        ".arch_extension simd",
        // The caller's own, and where to store.
        "sub sp, sp, #176",
        "stp x19, x20, [sp, #0]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "str x1, [sp, #160]",
        "mov x16, x0",
        "mov x17, #{fpsr}",
        "msr fpsr, x17",
        "mov x17, #{fpcr}",
        "msr fpcr, x17",
        "add x17, x16, #240",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "ldr q\\n, [x17, #16 * \\n]",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "ldr x\\n, [x16, #8 * \\n]",
        ".endr",
        ".irp n, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
        "ldr x\\n, [x16, #8 * (\\n - 1)]",
        ".endr",
        "subs x16, x16, x16", // Z and C are set, N and V are not
        "msr daifclr, #2",
        "isb",
        "nop",
        "nop",
        "msr daifset, #2",
        "b.ne 2f",
        "b.cc 2f",
        "b.mi 2f",
        "b.vs 2f",
        "cbnz x16, 2f",
        "ldr x16, [sp, #160]",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "str x\\n, [x16, #8 * \\n]",
        ".endr",
        ".irp n, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30",
        "str x\\n, [x16, #8 * (\\n - 1)]",
        ".endr",
        "add x17, x16, #240",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "str q\\n, [x17, #16 * \\n]",
        ".endr",
        "mrs x17, fpsr",
        "cmp x17, #{fpsr}",
        "b.ne 2f",
        "mrs x17, fpcr",
        "cmp x17, #{fpcr}",
        "b.eq 3f",
        // With the flags, x16 or a control word lost, the first word is: it never was zero.
        "2: ldr x16, [sp, #160]",
        "str xzr, [x16]",
        "3: msr fpcr, xzr",
        "ldp x19, x20, [sp, #0]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "add sp, sp, #176",
        "ret",
        fpsr = const FPSR,
        fpcr = const FPCR,
    )
}

/// Of the floating point unit: that each exception has happened; to round up.
const FPSR: u32 = 0x1f;
const FPCR: u32 = 1 << 22;

/// Overwrites every register that a function may change: x0 to x18, v0 to v7, v16 to v31, the high halves of v8 to v15,
/// the condition flags, and the words of the floating point unit.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        ".arch_extension simd",
        "movz x0, #0xdead, lsl #48",
        "movk x0, #0xbeef, lsl #16",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18",
        "add x\\n, x0, #\\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "dup v\\n\\().2d, x0",
        ".endr",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "mov v\\n\\().d[1], x0",
        ".endr",
        "msr fpsr, xzr",
        "msr fpcr, xzr",
        "cmn x0, x0",
        "ret",
    )
}
