//! The control word of aarch64.

use core::arch::naked_asm;

/// FPCR.
pub(crate) type Words = [u64; 1];

/// One of 16 settings: the rounding mode, flush to zero, default NaN. The first is what every program finds.
pub(crate) fn words(number: u32) -> Words {
    let [rounding, flush, nan] = [number & 3, number >> 2 & 1, number >> 3 & 1].map(u64::from);
    [rounding << 22 | flush << 24 | nan << 25]
}

/// What it is.
pub(crate) fn control() -> Words {
    #[unsafe(naked)]
    extern "C" fn fpcr() -> u64 {
        naked_asm!(".arch_extension fp", "mrs x0, fpcr", "ret")
    }
    [fpcr()]
}

/// Sets it.
pub(crate) fn set_control(words: &Words) {
    #[unsafe(naked)]
    extern "C" fn set(_fpcr: u64) {
        naked_asm!(".arch_extension fp", "msr fpcr, x0", "ret")
    }
    set(words[0]);
}
