//! The control words of x86_64.

use core::arch::naked_asm;

/// MXCSR and the control word of the x87.
pub(crate) type Words = [u32; 2];

/// One of 16 settings: the rounding modes, flush to zero, and whether the x87 has all of its precision. The first is
/// what every program finds.
pub(crate) fn words(number: u32) -> Words {
    let (rounding, flush, narrow) = (number & 3, number >> 2 & 1, number >> 3 & 1);
    [0x1f80 | rounding << 13 | flush << 15, 0x037f & !(narrow << 8) | rounding << 10]
}

/// What they are.
pub(crate) fn control() -> Words {
    #[unsafe(naked)]
    extern "C" fn store(_words: &mut Words) {
        naked_asm!("stmxcsr [rdi]", "fnstcw [rdi + 4]", "ret")
    }
    let mut words = [0; 2];
    store(&mut words);
    words
}

/// Sets them.
pub(crate) fn set_control(words: &Words) {
    #[unsafe(naked)]
    extern "C" fn load(_words: &Words) {
        naked_asm!("ldmxcsr [rdi]", "fldcw [rdi + 4]", "ret")
    }
    load(words);
}
