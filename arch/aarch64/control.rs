//! The control word of aarch64, FPCR: shared by all contexts, or with the feature `fp-control` each context's own.
//!
//! The status word, FPSR, stays the core's. FPCR goes by its encoding, since the assembler knows no such name where the target has
//! no floating point registers; it faults where floating point is trapped (CPACR_EL1.FPEN).

/// Lines of the switch, with `from` in x1 and `to` in x2, that change x9: the word stands 40 bytes above where sp is saved.
#[cfg(feature = "fp-control")]
macro_rules! control {
    (save) => {
        "mrs x9, S3_3_C4_C4_0
         str x9, [x1, {SP} + 40]"
    };
    (load) => {
        "ldr x9, [x2, {SP} + 40]
         msr S3_3_C4_C4_0, x9"
    };
}

#[cfg(feature = "fp-control")]
const _: () = assert!(
    core::mem::offset_of!(super::Context, control) == super::offset::SP + 40,
    "where the lines look for the word"
);

/// No line: the word is the core's.
#[cfg(not(feature = "fp-control"))]
macro_rules! control {
    ($what:ident) => {
        ""
    };
}

/// What the control word is now.
#[cfg(feature = "fp-control")]
pub(crate) fn control() -> crate::arch::Control {
    let control;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mrs {}, S3_3_C4_C4_0", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}
