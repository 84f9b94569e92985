//! The registers of a Cortex-M, by AAPCS, with and without those of floating point.

#[cfg(not(target_abi = "eabihf"))]
use crate::live;
use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them: r4 to r11, and d8 to d15, which are s16 to s31, where
/// the compiler uses floating point registers at all. Where it does not, no code uses them.
pub(crate) const KEPT: usize = if HAS_FLOATS { NAMES.len() } else { GENERAL };

const HAS_FLOATS: bool = cfg!(target_abi = "eabihf");

/// How many of [`NAMES`] are general registers.
const GENERAL: usize = 8;

/// The names of the registers in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; GENERAL + 8] = [
    "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", //
    "d8", "d9", "d10", "d11", "d12", "d13", "d14", "d15",
];

/// A word for each of [`NAMES`]. A general register has the lower half, and the upper one is copied.
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
        // The caller's own, what to copy and where to store.
        "push {{r1-r11, lr}}",
        ".if {FLOATS}",
        ".fpu fpv4-sp-d16",
        "vpush {{d8-d15}}",
        ".endif",
        "mov r12, r0",
        "mov r0, r1",
        ".irp n, 4, 5, 6, 7, 8, 9, 10, 11",
        "ldr r\\n, [r2, #8 * (\\n - 4)]",
        ".endr",
        ".if {FLOATS}",
        "add r2, r2, #64",
        "vldmia r2, {{d8-d15}}",
        ".endif",
        "blx r12",
        "ldr r2, [sp, #64 * {FLOATS} + 4]",
        "ldr r3, [sp, #64 * {FLOATS} + 8]",
        ".irp n, 4, 5, 6, 7, 8, 9, 10, 11",
        "ldr r1, [r2, #8 * (\\n - 4) + 4]",
        "str r1, [r3, #8 * (\\n - 4) + 4]",
        "str r\\n, [r3, #8 * (\\n - 4)]",
        ".endr",
        ".if {FLOATS}",
        "add r3, r3, #64",
        "vstmia r3, {{d8-d15}}",
        "vpop {{d8-d15}}",
        ".endif",
        "pop {{r1-r11, pc}}",
        FLOATS = const HAS_FLOATS as u32,
    )
}

/// Overwrites every register that a function may change: r0 to r3, r12, s0 to s15, the flags.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        "movw r0, #0xbeef",
        "movt r0, #0x5ead",
        ".irp n, 1, 2, 3, 12",
        "add r\\n, r0, #\\n",
        ".endr",
        ".if {FLOATS}",
        ".fpu fpv4-sp-d16",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "vmov s\\n, r0",
        ".endr",
        ".endif",
        "cmp r0, r1",
        "bx lr",
        FLOATS = const HAS_FLOATS as u32,
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mov r0, sp", "bx lr")
}

/// The control and status words: those of FPSCR. Without floating point there is no control, and one bit of status, Q
/// of APSR.
pub(crate) const USUAL: [u32; 2] = [0, 0];
/// Others: round toward zero; every exception has happened.
pub(crate) const UNUSUAL: [u32; 2] = if HAS_FLOATS { [0b11 << 22, STATUS] } else { [0, STATUS] };

/// The bits of [`UNUSUAL`] that are status.
const STATUS: u32 = if HAS_FLOATS { 0x9f } else { 1 << 27 };

/// What the control words are.
#[cfg(target_abi = "eabihf")]
pub(crate) fn control() -> [u32; 2] {
    let fpscr: u32;
    // SAFETY: reads a register.
    unsafe { asm!("vmrs {}, fpscr", out(reg) fpscr, options(nomem, nostack)) };
    // DN, FZ and RMode; AHP has no use here.
    [fpscr & 0b1111 << 22, fpscr & STATUS]
}

/// Sets the control words.
#[cfg(target_abi = "eabihf")]
pub(crate) fn set_control(words: [u32; 2]) {
    // SAFETY: no code of this guest depends on them, but on their being kept.
    unsafe { asm!("vmsr fpscr, {}", in(reg) words[0] | words[1], options(nomem, nostack)) };
}

/// What the control words are.
#[cfg(not(target_abi = "eabihf"))]
pub(crate) fn control() -> [u32; 2] {
    let apsr: u32;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, apsr", out(reg) apsr, options(nomem, nostack)) };
    [0, apsr & STATUS]
}

/// Sets the control words.
#[cfg(not(target_abi = "eabihf"))]
pub(crate) fn set_control(words: [u32; 2]) {
    // SAFETY: changes flags, which are clobbered.
    unsafe { asm!("msr apsr_nzcvq, {}", in(reg) words[1], options(nomem, nostack)) };
}

/// `value`, in general registers, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(value: u64) -> u64 {
    u64::from(opaque_half((value >> 32) as u32)) << 32 | u64::from(opaque_half(value as u32))
}

#[inline(always)]
fn opaque_half(mut value: u32) -> u32 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// [`live_over`] with floating point registers, of single precision, for which all these processors have instructions.
#[cfg(target_abi = "eabihf")]
#[inline(always)]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    #[inline(always)]
    fn opaque(value: f32) -> f32 {
        // By way of a general register: `asm!` takes s registers only where there is double precision, too.
        f32::from_bits(opaque_half(value.to_bits()))
    }
    live_over!(opaque, f32, transfer)
}

/// There are none on a soft-float target.
#[cfg(not(target_abi = "eabihf"))]
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    (0..live::turns()).map(|_| transfer()).last()
}
