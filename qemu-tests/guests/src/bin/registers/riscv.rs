//! The registers of RISC-V, by its psABI, 64-bit and 32-bit.

#[cfg(not(hard_float))]
use crate::live;
use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them: s0 to s11, and fs0 to fs11 where the compiler uses
/// floating point registers at all. Where it does not, no code uses them, and a switch leaves them alone.
pub(crate) const KEPT: usize = if cfg!(hard_float) { NAMES.len() } else { GENERAL };

/// How many of [`NAMES`] are general registers.
const GENERAL: usize = 12;

/// The names of the registers in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; GENERAL + 12] = [
    "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", //
    "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11",
];

/// A word for each of [`NAMES`]. A general register of 32 bits has the lower half, and the upper one is copied.
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
        ".option push",
        ".option arch, +d",
        ".macro lx register, place:vararg",
        ".if {word} == 8",
        "ld \\register, \\place",
        ".else",
        "lw \\register, \\place",
        ".endif",
        ".endm",
        ".macro sx register, place:vararg",
        ".if {word} == 8",
        "sd \\register, \\place",
        ".else",
        "sw \\register, \\place",
        ".endif",
        ".endm",
        // Does what `\\general` and `\\float` are to s0 to s11 and fs0 to fs11, at `\\base`.
        ".macro each general, float, base",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "\\general s\\n, 8 * \\n(\\base)",
        "\\float fs\\n, 96 + 8 * \\n(\\base)",
        ".endr",
        ".endm",
        // The caller's own, where to store, and what to copy.
        "addi sp, sp, -224",
        "each sx, fsd, sp",
        "sx ra, 192(sp)",
        "sx a2, 200(sp)",
        "sx a3, 208(sp)",
        "each lx, fld, a2",
        "mv a4, a0",
        "mv a0, a1",
        "jalr a4",
        "lx a2, 200(sp)",
        "lx a3, 208(sp)",
        ".if {word} == 4",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "lw a4, 4 + 8 * \\n(a2)",
        "sw a4, 4 + 8 * \\n(a3)",
        ".endr",
        ".endif",
        "each sx, fsd, a3",
        "lx ra, 192(sp)",
        "each lx, fld, sp",
        "addi sp, sp, 224",
        "ret",
        ".purgem lx",
        ".purgem sx",
        ".purgem each",
        ".option pop",
        word = const size_of::<usize>(),
    )
}

/// Overwrites every register that a function may change: t0 to t6, a0 to a7, ft0 to ft11, fa0 to fa7.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        ".option push",
        ".option arch, +d",
        "li a0, 0x5eadbeef",
        ".irp n, 1, 2, 3, 4, 5, 6, 7",
        "addi a\\n, a0, \\n",
        "fcvt.d.w fa\\n, a\\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6",
        "addi t\\n, a0, 8 + \\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
        "fcvt.d.w ft\\n, a0",
        ".endr",
        "fcvt.d.w fa0, a0",
        "csrw fflags, zero",
        "ret",
        ".option pop",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mv a0, sp", "ret")
}

/// The control and status words: frm and fflags.
pub(crate) const USUAL: [u32; 2] = [0, 0];
/// Others: round toward zero; every exception has happened.
pub(crate) const UNUSUAL: [u32; 2] = [1, 0x1f];

/// What the control words are.
pub(crate) fn control() -> [u32; 2] {
    let (frm, fflags): (usize, usize);
    // SAFETY: reads registers, by their numbers, which the assembler takes on soft-float targets, too.
    unsafe { asm!("csrr {}, 2", "csrr {}, 1", out(reg) frm, out(reg) fflags, options(nomem, nostack)) };
    [frm as u32, fflags as u32]
}

/// Sets the control words.
pub(crate) fn set_control(words: [u32; 2]) {
    // SAFETY: no code of this guest depends on them, but on their being kept.
    unsafe { asm!("csrw 2, {}", "csrw 1, {}", in(reg) words[0], in(reg) words[1], options(nomem, nostack)) };
}

/// `value`, in general registers, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(value: u64) -> u64 {
    #[inline(always)]
    fn half(mut value: usize) -> usize {
        // SAFETY: no instruction at all.
        unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }
    if cfg!(target_arch = "riscv64") {
        return half(value as usize) as u64;
    }
    (half((value >> 32) as usize) as u64) << 32 | half(value as usize) as u64
}

/// [`live_over`] with floating point registers.
#[cfg(hard_float)]
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

/// There are none on a soft-float target.
#[cfg(not(hard_float))]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    (0..live::turns()).map(|_| transfer()).last()
}
