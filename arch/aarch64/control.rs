//! The floating-point control word of aarch64, FPCR. All contexts of a core share it, or, with the feature
//! `fp-control`, each context has its own.
//!
//! The status word, FPSR, stays with the core. FPCR is written as its encoding, S3_3_C4_C4_0: the assembler accepts
//! the name only for targets with floating-point registers. Access faults where floating point is trapped
//! (CPACR_EL1.FPEN).

/// Lines of a switch that save the word to `from` in x1, or load it from `to` in x2, by way of x16. It lies 40 bytes
/// above the saved sp.
#[cfg(feature = "fp-control")]
macro_rules! control {
    (save) => {
        "mrs x16, S3_3_C4_C4_0
         str x16, [x1, {SP} + 40]"
    };
    (load) => {
        "ldr x16, [x2, {SP} + 40]
         msr S3_3_C4_C4_0, x16"
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

/// Lines of a tested switch that move the watchpoint to the canary band of `to` in x2, by way of x16. As `Cpu::watch`
/// does.
#[cfg(all(bare, feature = "watchpoint"))]
macro_rules! watch {
    () => {
        "ldr x16, [x2, {BOUNDS}]
         sub x16, x16, #64
         msr dbgwvr0_el1, x16
         isb"
    };
}

/// No line: nothing is watched.
#[cfg(not(all(bare, feature = "watchpoint")))]
macro_rules! watch {
    () => {
        ""
    };
}
