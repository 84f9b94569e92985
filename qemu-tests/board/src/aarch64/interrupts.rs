//! Interrupts, by a GIC of version 2: one number, which the core sends to itself.
//!
//! An interrupt is taken on SP_EL1, like an exception, and returns. The processor masks interrupts meanwhile, so that there is
//! never more than one on that stack.

use core::arch::{asm, global_asm};
use core::ptr;

use aarch64_cpu::registers::{DAIF, Readable};

// Registers of the distributor and of the core's interface to it.
const DISTRIBUTOR_CONTROL: usize = 0x0800_0000;
const DISTRIBUTOR_SGI: usize = DISTRIBUTOR_CONTROL + 0xf00;
const INTERFACE_CONTROL: usize = 0x0801_0000;
const INTERFACE_PRIORITY_MASK: usize = INTERFACE_CONTROL + 0x04;
const INTERFACE_ACKNOWLEDGE: usize = INTERFACE_CONTROL + 0x0c;
const INTERFACE_END: usize = INTERFACE_CONTROL + 0x10;

/// Of both CONTROL registers.
const ENABLE: u32 = 1 << 0;
/// Of PRIORITY_MASK: every priority goes through.
const EVERY_PRIORITY: u32 = 0xff;
/// Of SGI: to the core that writes.
const TO_SELF: u32 = 0b10 << 24;
/// Of ACKNOWLEDGE: the bits that tell the number. The others tell which core sent it.
const NUMBER: u32 = 0x3ff;

/// The interrupt that is raised. Numbers up to 15 are for software; the controller never masks them here.
const OURS: u32 = 1;

/// Bytes on the stack while a handler runs: x0 to x18, x29 and x30, one to spare, q0 to q31, FPSR and FPCR.
const FRAME: usize = 8 * 22 + 16 * 32 + 16;

// Saves what a function of Rust may change; x19 to x28 it keeps itself. All vector registers are among that: of q8 to q15 a
// function keeps the lower halves only. ELR_EL1 and SPSR_EL1 stay as they are: interrupts are masked, and after an exception
// nobody returns here. Nor does anything change SP_EL0, the stack pointer of who was interrupted.
global_asm!(
    r#"
    .section .text.interrupt, "ax"
    .arch_extension fp
    .arch_extension simd
    .global interrupt_entry
    .type interrupt_entry, %function
interrupt_entry:
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

    bl      {interrupt}

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
    .size interrupt_entry, . - interrupt_entry
    .previous
    "#,
    frame = const FRAME,
    interrupt = sym interrupt,
);

/// Where the vector of interrupts arrives, when all is saved.
extern "C" fn interrupt() {
    let acknowledged = load(INTERFACE_ACKNOWLEDGE);
    let number = acknowledged & NUMBER;
    assert!(number == OURS, "interrupt {number} came, which nobody raised");
    // Ended before it is handled: one that is raised by the handler waits until this one returns, and comes then.
    store(INTERFACE_END, acknowledged);
    crate::interrupts::handle();
}

/// Lets software generated interrupts through to the core.
pub(crate) fn init() {
    store(DISTRIBUTOR_CONTROL, ENABLE);
    store(INTERFACE_PRIORITY_MASK, EVERY_PRIORITY);
    store(INTERFACE_CONTROL, ENABLE);
}

/// Sends the interrupt to this core.
pub(crate) fn raise() {
    store(DISTRIBUTOR_SGI, TO_SELF | OURS);
}

pub(crate) fn enable() {
    // SAFETY: unmasks interrupts: their vector resumes whoever is interrupted, with every register as it was.
    // Not `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("msr daifclr, #2", "isb", options(nostack, preserves_flags)) };
}

pub(crate) fn disable() {
    // SAFETY: masks interrupts. Not `nomem`, as above.
    unsafe { asm!("msr daifset, #2", options(nostack, preserves_flags)) };
}

pub(crate) fn are_enabled() -> bool {
    !DAIF.is_set(DAIF::I)
}

fn load(register: usize) -> u32 {
    let register: *const u32 = ptr::with_exposed_provenance(register);
    // SAFETY: a register of the interrupt controller, which is always there; reading touches no memory.
    unsafe { register.read_volatile() }
}

fn store(register: usize, value: u32) {
    let register: *mut u32 = ptr::with_exposed_provenance_mut(register);
    // SAFETY: a register of the interrupt controller, which is always there; it touches no memory.
    unsafe { register.write_volatile(value) }
}
