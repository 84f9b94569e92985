//! The vectors of AVX2. The target is soft-float, so that the compiler keeps nothing in them even where it may use
//! AVX2; should it ever begin to, this notices. Hosted, where it does, there are the library's own tests.

use core::arch::x86_64::{__cpuid, __cpuid_count};
use core::arch::{asm, naked_asm};

/// Bytes of a vector.
pub(crate) const WIDTHS: [usize; 1] = [32];

/// Turns them on; how many bytes they have, `None` if there is no AVX2.
pub(crate) fn enable(width: usize) -> Option<usize> {
    const XSAVE_AND_AVX: u32 = 1 << 26 | 1 << 28;
    const AVX2: u32 = 1 << 5;
    /// CR4.OSXSAVE.
    const OSXSAVE: u64 = 1 << 18;
    /// XCR0: x87, SSE, AVX.
    const STATE: u32 = 0b111;
    if __cpuid(1).ecx & XSAVE_AND_AVX != XSAVE_AND_AVX || __cpuid_count(7, 0).ebx & AVX2 == 0 {
        return None;
    }
    // SAFETY: enables what there is.
    unsafe {
        asm!(
            "mov {cr4}, cr4", "or {cr4}, {OSXSAVE}", "mov cr4, {cr4}", "xsetbv",
            cr4 = out(reg) _, OSXSAVE = const OSXSAVE,
            in("ecx") 0, in("eax") STATE, in("edx") 0,
            options(nomem, nostack),
        )
    };
    Some(width)
}

/// Overwrites ymm0 to ymm15.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "vpcmpeqd ymm\\n, ymm\\n, ymm\\n",
        ".endr",
        "ret",
    )
}

/// Changes `words` turn by turn, with a transfer after each; whether all of these went well.
pub(crate) fn change(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
    #[target_feature(enable = "avx2")]
    fn with_vectors(words: &mut [u64], factors: &[u64; 4], transfer: impl Fn() -> bool) -> bool {
        super::turns(words, factors, transfer)
    }
    // SAFETY: main has found that there is AVX2.
    unsafe { with_vectors(words, factors, transfer) }
}
