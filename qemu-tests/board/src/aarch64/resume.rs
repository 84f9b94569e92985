//! The entries that return: of an interrupt, and of a step. The interrupted code finds every register as it was.

use core::arch::global_asm;

use super::{interrupts, steps};

/// Bytes on the stack while a handler runs: x0 to x18, x29 and x30, one to spare, q0 to q31, FPSR and FPCR.
pub const FRAME: usize = 8 * 22 + 16 * 32 + 16;

// Saves what a function of Rust may change; x19 to x28 it keeps itself. All vector registers are among that: of q8 to
// q15 a function keeps the lower halves only. ELR_EL1 and SPSR_EL1 stay as they are, but for what a step has to change:
// interrupts are masked, and after an exception control does not return here. Nor does anything change SP_EL0, the
// stack pointer of the code that was interrupted if it is not this one.
global_asm!(
    r#"
    .macro resuming_entry name, function
    .global \name
    .type \name, %function
\name:
    sub     sp, sp, #{frame}
    stp     x0, x1, [sp, #16 * 0]
    stp     x2, x3, [sp, #16 * 1]
    stp     x4, x5, [sp, #16 * 2]
    stp     x6, x7, [sp, #16 * 3]
    stp     x8, x9, [sp, #16 * 4]
    stp     x10, x11, [sp, #16 * 5]
    stp     x12, x13, [sp, #16 * 6]
    stp     x14, x15, [sp, #16 * 7]
    stp     x16, x17, [sp, #16 * 8]
    stp     x18, x29, [sp, #16 * 9]
    str     x30, [sp, #16 * 10]
    mrs     x0, fpsr
    mrs     x1, fpcr
    stp     x0, x1, [sp, #16 * 11]
    add     x0, sp, #16 * 12
    .irp    register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    str     q\register, [x0, #16 * \register]
    .endr

    bl      \function

    add     x0, sp, #16 * 12
    .irp    register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ldr     q\register, [x0, #16 * \register]
    .endr
    ldp     x0, x1, [sp, #16 * 11]
    msr     fpsr, x0
    msr     fpcr, x1
    ldr     x30, [sp, #16 * 10]
    ldp     x18, x29, [sp, #16 * 9]
    ldp     x16, x17, [sp, #16 * 8]
    ldp     x14, x15, [sp, #16 * 7]
    ldp     x12, x13, [sp, #16 * 6]
    ldp     x10, x11, [sp, #16 * 5]
    ldp     x8, x9, [sp, #16 * 4]
    ldp     x6, x7, [sp, #16 * 3]
    ldp     x4, x5, [sp, #16 * 2]
    ldp     x2, x3, [sp, #16 * 1]
    ldp     x0, x1, [sp, #16 * 0]
    add     sp, sp, #{frame}
    eret
    .size \name, . - \name
    .endm

    .section .text.resume, "ax"
    .arch_extension fp
    .arch_extension simd
    resuming_entry interrupt_entry, {interrupt}
    resuming_entry step_entry, {step}
    .purgem resuming_entry
    .previous
    "#,
    frame = const FRAME,
    interrupt = sym interrupts::interrupt,
    step = sym steps::step,
);
