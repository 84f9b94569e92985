//! The registers of aarch64, by AAPCS64.

#[cfg(not(target_feature = "neon"))]
use crate::live;
use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them: x19 to x29, and d8 to d15 where the compiler uses
/// floating point registers at all. Where it does not, no code uses them, and a switch leaves them alone.
pub(crate) const KEPT: usize = if cfg!(target_feature = "neon") { NAMES.len() } else { GENERAL };

/// How many of [`NAMES`] are general registers.
const GENERAL: usize = 11;

/// The names of the registers in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; GENERAL + 8] = [
    "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", //
    "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15",
];

/// A word for each of [`NAMES`].
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
        ".arch_extension fp",
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
        "str x3, [sp, #160]",
        "ldp x19, x20, [x2, #0]",
        "ldp x21, x22, [x2, #16]",
        "ldp x23, x24, [x2, #32]",
        "ldp x25, x26, [x2, #48]",
        "ldp x27, x28, [x2, #64]",
        "ldr x29, [x2, #80]",
        "ldp d8, d9, [x2, #88]",
        "ldp d10, d11, [x2, #104]",
        "ldp d12, d13, [x2, #120]",
        "ldp d14, d15, [x2, #136]",
        "mov x9, x0",
        "mov x0, x1",
        "blr x9",
        "ldr x3, [sp, #160]",
        "stp x19, x20, [x3, #0]",
        "stp x21, x22, [x3, #16]",
        "stp x23, x24, [x3, #32]",
        "stp x25, x26, [x3, #48]",
        "stp x27, x28, [x3, #64]",
        "str x29, [x3, #80]",
        "stp d8, d9, [x3, #88]",
        "stp d10, d11, [x3, #104]",
        "stp d12, d13, [x3, #120]",
        "stp d14, d15, [x3, #136]",
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
    )
}

/// Overwrites every register that a function may change: x0 to x18, v0 to v7, v16 to v31, the high halves of v8 to v15,
/// and the condition flags.
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
        "cmn x0, x0",
        "ret",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mov x0, sp", "ret")
}

/// The control and status words: FPCR and FPSR.
pub(crate) const USUAL: [u32; 2] = [0, 0];
/// Others: round toward zero, flush to zero; every exception has happened.
pub(crate) const UNUSUAL: [u32; 2] = [0b11 << 22 | 1 << 24, 0x9f];

/// What the control words are.
pub(crate) fn control() -> [u32; 2] {
    #[unsafe(naked)]
    extern "C" fn both() -> u64 {
        naked_asm!(".arch_extension fp", "mrs x0, fpsr", "mrs x1, fpcr", "orr x0, x1, x0, lsl #32", "ret")
    }
    [both() as u32, (both() >> 32) as u32]
}

/// Sets the control words.
pub(crate) fn set_control(words: [u32; 2]) {
    #[unsafe(naked)]
    extern "C" fn set(_fpcr: u64, _fpsr: u64) {
        naked_asm!(".arch_extension fp", "msr fpcr, x0", "msr fpsr, x1", "ret")
    }
    set(words[0].into(), words[1].into());
}

/// `value`, in a general register, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(mut value: u64) -> u64 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// [`live_over`] with floating point registers.
#[cfg(target_feature = "neon")]
#[inline(always)]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    #[inline(always)]
    fn opaque(mut value: f64) -> f64 {
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {:d} */", inout(vreg) value, options(nomem, nostack, preserves_flags)) };
        value
    }
    live_over!(opaque, f64, transfer)
}

/// There are none on a soft-float target.
#[cfg(not(target_feature = "neon"))]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    (0..live::turns()).map(|_| transfer()).last()
}
