//! The vectors of SVE, of several widths. Not on a soft-float target, whose code uses no vector registers at all; these
//! are filled nevertheless.

use core::arch::{asm, naked_asm};

/// Bytes of a vector, one width after the other.
pub(crate) const WIDTHS: [usize; 4] = [16, 32, 64, 256];

/// Turns on vectors of at most `width` bytes; how many they have, `None` if there is no SVE.
pub(crate) fn enable(width: usize) -> Option<usize> {
    /// CPACR_EL1.ZEN and FPEN: nothing is trapped.
    const ENABLED: u64 = 0b11 << 16 | 0b11 << 20;

    #[unsafe(naked)]
    extern "C" fn width_now() -> usize {
        naked_asm!(".arch_extension sve", "cntb x0", "ret")
    }
    let features: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, id_aa64pfr0_el1", out(reg) features, options(nomem, nostack, preserves_flags)) };
    if features >> 32 & 0xf == 0 {
        return None;
    }
    // SAFETY: enables what there is; `S3_0_C1_C2_0` is ZCR_EL1, the width in units of 16 bytes, less one.
    unsafe {
        asm!(
            "msr cpacr_el1, {}", "isb", "msr S3_0_C1_C2_0, {}", "isb",
            in(reg) ENABLED, in(reg) width / 16 - 1,
            options(nomem, nostack, preserves_flags),
        )
    };
    Some(width_now())
}

/// Overwrites z0 to z31, p0 to p15 and FFR.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        ".arch_extension sve",
        // Where the target has floating point, the low halves of z8 to z15 are the caller's.
        "stp d8, d9, [sp, #-64]!",
        "stp d10, d11, [sp, #16]",
        "stp d12, d13, [sp, #32]",
        "stp d14, d15, [sp, #48]",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
        "mov z\\n\\().b, #-1",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "pfalse p\\n\\().b",
        ".endr",
        "wrffr p0.b",
        "ldp d10, d11, [sp, #16]",
        "ldp d12, d13, [sp, #32]",
        "ldp d14, d15, [sp, #48]",
        "ldp d8, d9, [sp], #64",
        "ret",
    )
}

/// Changes `words` turn by turn, with a transfer after each; whether all of these went well.
#[cfg(target_feature = "neon")]
pub(crate) fn change(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
    #[target_feature(enable = "sve")]
    fn with_vectors(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
        super::turns(words, factors, transfer)
    }
    // SAFETY: main has found that there is SVE.
    unsafe { with_vectors(words, factors, transfer) }
}

#[cfg(not(target_feature = "neon"))]
pub(crate) fn change(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
    super::turns(words, factors, transfer)
}
