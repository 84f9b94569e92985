//! The registers of x86_64, by the System V ABI, whose registers that calls keep those of UEFI keep, too.

use crate::live;
use core::arch::{asm, naked_asm};

/// How many registers a function must hand back as it found them.
pub(crate) const KEPT: usize = NAMES.len();

/// Their names in the order in which [`framed`] loads and stores them.
pub(crate) const NAMES: [&str; 6] = ["rbx", "rbp", "r12", "r13", "r14", "r15"];

/// A word for each of [`NAMES`].
pub(crate) type Words = [u64; NAMES.len()];

/// Calls `call(job)` with the registers loaded from `loaded`, and stores what the call leaves in them in `found`.
///
/// # Safety
///
/// `call` may be called with `job`.
#[unsafe(naked)]
pub(crate) unsafe extern "sysv64" fn framed(
    call: unsafe extern "C" fn(*mut ()),
    job: *mut (),
    loaded: &Words,
    found: &mut Words,
) {
    naked_asm!(
        // The caller's own, and where to store: seven words and the return address leave the stack aligned.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rcx",
        "mov rbx, [rdx]",
        "mov rbp, [rdx + 8]",
        "mov r12, [rdx + 16]",
        "mov r13, [rdx + 24]",
        "mov r14, [rdx + 32]",
        "mov r15, [rdx + 40]",
        "mov rax, rdi",
        // The argument, and 32 bytes for the callee: by the one ABI and by the other.
        "mov rdi, rsi",
        "mov rcx, rsi",
        "sub rsp, 32",
        "call rax",
        "add rsp, 32",
        "pop rcx",
        "mov [rcx], rbx",
        "mov [rcx + 8], rbp",
        "mov [rcx + 16], r12",
        "mov [rcx + 24], r13",
        "mov [rcx + 32], r14",
        "mov [rcx + 40], r15",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Overwrites every register that a function may change: the general ones, xmm0 to xmm15, the mantissas of the x87
/// registers, and the condition flags. The board does not enable AVX.
#[unsafe(naked)]
pub(crate) extern "sysv64" fn scribble() {
    naked_asm!(
        "mov rax, 0xdead0000beef0000",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movq xmm\\n, rax",
        "punpcklqdq xmm\\n, xmm\\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7",
        "movq mm\\n, rax",
        ".endr",
        "emms",
        ".irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11",
        "lea \\register, [rax + 1]",
        ".endr",
        "add rax, rax",
        "ret",
    )
}

/// The stack pointer at a call, before it pushes the return address.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("lea rax, [rsp + 8]", "ret")
}

/// The control words: MXCSR and that of the x87.
pub(crate) const USUAL: [u32; 2] = [0x1f80, 0x037f];
/// Others: round toward zero, flush to zero; round toward zero.
pub(crate) const UNUSUAL: [u32; 2] = [0xff80, 0x0f7f];

/// What the control words are.
pub(crate) fn control() -> [u32; 2] {
    #[unsafe(naked)]
    extern "sysv64" fn store(_words: &mut [u32; 2]) {
        naked_asm!("stmxcsr [rdi]", "fnstcw [rdi + 4]", "ret")
    }
    let mut words = [0; 2];
    store(&mut words);
    words
}

/// Sets the control words.
pub(crate) fn set_control(words: [u32; 2]) {
    #[unsafe(naked)]
    extern "sysv64" fn load(_words: &[u32; 2]) {
        naked_asm!("ldmxcsr [rdi]", "fldcw [rdi + 4]", "ret")
    }
    load(&words);
}

/// `value`, in a general register, and nothing known of it.
#[inline(always)]
pub(crate) fn opaque(mut value: u64) -> u64 {
    // SAFETY: no instruction at all.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// `live_over` with floating point registers: there are none on a soft-float target.
pub(crate) fn floats_live_over<R>(transfer: impl Fn() -> R) -> Option<R> {
    (0..live::turns()).map(|_| transfer()).last()
}
