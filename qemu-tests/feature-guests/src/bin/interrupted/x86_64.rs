//! All general registers of x86_64, and xmm0 to xmm15, which a handler does not touch: the target is soft-float.

use core::arch::naked_asm;

/// What they hold: 14 general registers, without rsp and rax, which is where they are loaded from; xmm0 to xmm15, two
/// words each.
pub(crate) type Words = [u64; 14 + 32];

/// In the place of what was not stored.
pub(crate) const NOTHING: Words = [0; 14 + 32];

/// Loads the registers from `loaded`, unmasks interrupts for a few instructions, and stores what is in the registers
/// then in `found`.
#[unsafe(naked)]
pub(crate) extern "C" fn while_loaded(loaded: &Words, found: &mut Words) {
    naked_asm!(
        // The caller's own, and where to store.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rsi",
        "mov rax, rdi",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movups xmm\\n, [rax + 112 + 16 * \\n]",
        ".endr",
        "mov rbx, [rax]",
        "mov rcx, [rax + 8]",
        "mov rdx, [rax + 16]",
        "mov rsi, [rax + 24]",
        "mov rdi, [rax + 32]",
        "mov rbp, [rax + 40]",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "mov r\\n, [rax + 48 + 8 * (\\n - 8)]",
        ".endr",
        "sub rax, rax", // ZF and PF are set, SF, CF and OF are not
        "sti",
        "nop",
        "nop",
        "cli",
        "jne 2f",
        "jnp 2f",
        "jc 2f",
        "js 2f",
        "jo 2f",
        "test rax, rax",
        "jne 2f",
        "mov rax, [rsp]",
        "mov [rax], rbx",
        "mov [rax + 8], rcx",
        "mov [rax + 16], rdx",
        "mov [rax + 24], rsi",
        "mov [rax + 32], rdi",
        "mov [rax + 40], rbp",
        ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
        "mov [rax + 48 + 8 * (\\n - 8)], r\\n",
        ".endr",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "movups [rax + 112 + 16 * \\n], xmm\\n",
        ".endr",
        // With the flags or rax lost, nothing is stored, and all words differ.
        "2: pop rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Overwrites every general register that a function may change, and the condition flags.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        "mov rax, 0xdead0000beef0000",
        ".irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11",
        "lea \\register, [rax + 1]",
        ".endr",
        "add rax, rax",
        "ret",
    )
}
