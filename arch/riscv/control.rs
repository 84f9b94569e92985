//! The floating-point control word of RISC-V: the rounding mode, `frm`, of the register `fcsr`. All contexts of a core
//! share it, or, with the feature `fp-control`, each context has its own.
//!
//! The exception flags, the rest of `fcsr`, stay with the core. The register is written as its number, 2: the assembler
//! accepts the name only for targets with floating-point registers. Access is an illegal instruction where there is no
//! floating point, or where it is off (mstatus.FS).

/// Lines of a switch that save the word to `from` in a1, or load it from `to` in a2, by way of a4. It lies behind the
/// five words from the saved sp on, aligned to 8 bytes.
#[cfg(all(feature = "fp-control", target_pointer_width = "64"))]
macro_rules! control {
    (save) => {
        "csrr a4, 2
         sw a4, {SP} + 40(a1)"
    };
    (load) => {
        "lw a4, {SP} + 40(a2)
         csrw 2, a4"
    };
}

#[cfg(all(feature = "fp-control", target_pointer_width = "32"))]
macro_rules! control {
    (save) => {
        "csrr a4, 2
         sw a4, {SP} + 24(a1)"
    };
    (load) => {
        "lw a4, {SP} + 24(a2)
         csrw 2, a4"
    };
}

#[cfg(feature = "fp-control")]
const _: () = assert!(
    core::mem::offset_of!(crate::arch::Context, control)
        == crate::arch::offset::SP + if cfg!(target_pointer_width = "64") { 40 } else { 24 },
    "the lines above expect the word there"
);

/// No line: the word belongs to the core.
#[cfg(not(feature = "fp-control"))]
macro_rules! control {
    ($what:ident) => {
        ""
    };
}
