//! The floating-point control words of x86_64: MXCSR and the x87 control word. All contexts of a core share them, or,
//! with the feature `fp-control`, each context has its own.
//!
//! ```text
//!   control   bits 0 to 31: MXCSR      bits 32 to 47: x87 control word      bits 48 to 63: 0
//! ```
//!
//! MXCSR includes the exception flags of SSE, which are therefore saved with it; the x87 status word stays with the
//! core. The instructions fault where SSE and x87 are not enabled (CR4.OSFXSR, CR0.EM, CR0.TS).

/// Lines of a switch that save the words to `from` in rsi, or load them from `to` in rdx. They lie 40 bytes above the
/// saved rsp.
#[cfg(feature = "fp-control")]
macro_rules! control {
    (save) => {
        "stmxcsr [rsi + {SP} + 40]
         fnstcw [rsi + {SP} + 44]"
    };
    (load) => {
        "ldmxcsr [rdx + {SP} + 40]
         fldcw [rdx + {SP} + 44]"
    };
}

#[cfg(feature = "fp-control")]
const _: () = assert!(
    core::mem::offset_of!(crate::arch::Context, control) == crate::arch::offset::SP + 40,
    "the lines above expect the words there"
);

/// No line: the words belong to the core.
#[cfg(not(feature = "fp-control"))]
macro_rules! control {
    ($what:ident) => {
        ""
    };
}
