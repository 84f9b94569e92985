//! The floating-point control word of aarch64, FPCR. All contexts of a core share it, or, with the feature
//! `fp-control`, each context has its own.
//!
//! The status word, FPSR, stays with the core. FPCR is written as its encoding, S3_3_C4_C4_0: the assembler accepts
//! the name only for targets with floating-point registers. Access faults where floating point is trapped (CPACR_EL1.FPEN).

/// Lines of a switch that save the word to `from` in x1, or load it from `to` in x2, by way of x9. It lies 40 bytes
/// above the saved sp.
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
    core::mem::offset_of!(crate::arch::Context, control) == crate::arch::offset::SP + 40,
    "the lines above expect the word there"
);

/// No line: the word belongs to the core.
#[cfg(not(feature = "fp-control"))]
macro_rules! control {
    ($what:ident) => {
        ""
    };
}
