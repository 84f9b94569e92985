//! The control words of x86_64, MXCSR and that of the x87: shared by all contexts, or with the feature `fp-control` each
//! context's own.
//!
//! ```text
//!   control   bits 0 to 31: MXCSR      bits 32 to 47: x87 control word      bits 48 to 63: 0
//! ```
//!
//! The exception flags of SSE are in MXCSR and go with it; the x87 status word stays. All of it faults where SSE and x87 are not
//! enabled (CR4.OSFXSR, CR0.EM, CR0.TS).

/// Lines of the switch, with `from` in rsi and `to` in rdx: the words stand 40 bytes above where sp is saved.
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
    core::mem::offset_of!(super::Context, control) == super::offset::SP + 40,
    "where the lines look for the words"
);

/// No line: the words are the core's.
#[cfg(not(feature = "fp-control"))]
macro_rules! control {
    ($what:ident) => {
        ""
    };
}

/// What the control words are now.
#[cfg(feature = "fp-control")]
pub(crate) fn control() -> crate::arch::Control {
    let mut control = 0;
    // SAFETY: stores six bytes in eight.
    unsafe {
        core::arch::asm!("stmxcsr [{0}]", "fnstcw [{0} + 4]", in(reg) &mut control, options(nostack, preserves_flags));
    }
    control
}
