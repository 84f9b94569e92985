//! The registers of LoongArch, by its psABI.

use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them: fp, s0 to s8, and fs0 to fs7.
pub(crate) const KEPT: usize = NAMES.len();

/// The names of the registers in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; 18] = [
    "fp", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", //
    "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7",
];

/// A word for each of [`NAMES`].
pub(crate) type Words = [u64; NAMES.len()];

/// Calls `call(job)` with the registers loaded from `loaded`, and stores what the call leaves in them in `found`.
///
/// # Safety
///
/// `call` may be called with `job`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn framed(
    call: unsafe extern "C" fn(*mut ()),
    job: *mut (),
    loaded: &Words,
    found: &mut Words,
) {
    naked_asm!(
        // Does what `\\general` and `\\float` are to r22 to r31, which are fp and s0 to s8, and to f24 to f31, at
        // `\\base`.
        ".macro each general, float, base",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "\\general $s\\n, \\base, 8 + 8 * \\n",
        "\\float $fs\\n, \\base, 80 + 8 * \\n",
        ".endr",
        "\\general $fp, \\base, 0",
        "\\general $s8, \\base, 72",
        ".endm",
        // The caller's own, and where to store.
        "addi.d $sp, $sp, -160",
        "each st.d, fst.d, $sp",
        "st.d $ra, $sp, 144",
        "st.d $a3, $sp, 152",
        "each ld.d, fld.d, $a2",
        "move $a4, $a0",
        "move $a0, $a1",
        "jirl $ra, $a4, 0",
        "ld.d $a3, $sp, 152",
        "each st.d, fst.d, $a3",
        "ld.d $ra, $sp, 144",
        "each ld.d, fld.d, $sp",
        "addi.d $sp, $sp, 160",
        "ret",
        ".purgem each",
    )
}

/// Overwrites every register that a function may change: t0 to t8, a0 to a7, f0 to f23, fcc0 to fcc7.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        "lu12i.w $a0, 0x5eadb",
        ".irp n, 1, 2, 3, 4, 5, 6, 7",
        "addi.d $a\\n, $a0, \\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8",
        "addi.d $t\\n, $a0, 8 + \\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23",
        "movgr2fr.d $f\\n, $a0",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "movgr2cf $fcc\\n, $a1",
        ".endr",
        "ret",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("move $a0, $sp", "ret")
}

/// The control and status word, fcsr, but for the causes of the last instruction.
pub(crate) const USUAL: u32 = 0;
/// Another: round toward zero; every exception has happened.
pub(crate) const UNUSUAL: u32 = 1 << 8 | 0x1f << 16;

/// What the control word is.
pub(crate) fn control() -> u32 {
    let word: usize;
    // SAFETY: reads a register.
    unsafe { asm!("movfcsr2gr {}, $fcsr0", out(reg) word, options(nomem, nostack, preserves_flags)) };
    word as u32
}

/// Sets the control word.
pub(crate) fn set_control(word: u32) {
    // SAFETY: no code of this guest depends on it, but on its being kept.
    unsafe { asm!("movgr2fcsr $fcsr0, {}", in(reg) word, options(nomem, nostack, preserves_flags)) };
}

/// `value`, in a general register, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(mut value: u64) -> u64 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// [`live_over`] with floating point registers.
#[inline(always)]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    #[inline(always)]
    fn opaque(mut value: f64) -> f64 {
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", inout(freg) value, options(nomem, nostack, preserves_flags)) };
        value
    }
    live_over!(opaque, f64, transfer)
}
