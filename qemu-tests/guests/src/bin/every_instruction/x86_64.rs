//! The registers of x86_64, by the System V ABI, and words on stacks.

use core::arch::naked_asm;

use crate::observed::Lost;

/// Whether an interrupt can come before each instruction.
pub(crate) const HAS_STEPS: bool = true;

/// Calls `call(job)` with patterns in all registers that a function must keep, and in 16 words of the stack. Tells in
/// which bits these differ from what the call leaves there.
///
/// # Safety
///
/// `call` may be called with `job`.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn framed(call: unsafe extern "C" fn(*mut ()), job: *mut (), patterns: u64) -> Lost {
    naked_asm!(
        ".macro differs register, pattern, sum",
        "lea rcx, [rsi + \\pattern]",
        "xor rcx, \\register",
        "or \\sum, rcx",
        ".endm",
        // The caller's own, and the patterns: seven words, 16 more and the return address leave the stack aligned.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdx",
        "sub rsp, 128",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "lea rax, [rdx + 128 + \\n]",
        "mov [rsp + 8 * \\n], rax",
        ".endr",
        "lea rbx, [rdx + 1]",
        "lea rbp, [rdx + 2]",
        "lea r12, [rdx + 3]",
        "lea r13, [rdx + 4]",
        "lea r14, [rdx + 5]",
        "lea r15, [rdx + 6]",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "mov rsi, [rsp + 128]",
        "xor eax, eax",
        "differs rbx, 1, rax",
        "differs rbp, 2, rax",
        "differs r12, 3, rax",
        "differs r13, 4, rax",
        "differs r14, 5, rax",
        "differs r15, 6, rax",
        "xor edx, edx",
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
        "differs [rsp + 8 * \\n], 128 + \\n, rdx",
        ".endr",
        "add rsp, 136",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
        ".purgem differs",
    )
}

/// Overwrites every register that a function may change, as a handler may, the condition flags, and 32 words below the
/// stack pointer.
#[unsafe(naked)]
pub(crate) extern "C" fn scribble() {
    naked_asm!(
        "mov rax, 0xdead0000beef0000",
        ".irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32",
        "mov [rsp - 8 * \\n], rax",
        ".endr",
        ".irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11",
        "lea \\register, [rax + 1]",
        ".endr",
        "add rax, rax",
        "ret",
    )
}

/// Calls `call(job)` on another place of the stack, with zero in all registers and in the 8 KiB below that place.
///
/// # Safety
///
/// `call` may be called with `job`; `place` is aligned, and nothing uses what is below it.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn placed(call: unsafe extern "C" fn(*mut ()), job: *mut (), place: usize) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov r8, rdi",
        "mov r9, rsp",
        "lea rdi, [rdx - 8 * 1024]",
        "mov ecx, 1024",
        "xor eax, eax",
        "rep stosq",
        "lea rsp, [rdx - 16]",
        "mov [rsp], r9",
        "mov rax, r8",
        "mov rdi, rsi",
        ".irp register, rbx, rcx, rdx, rbp, r8, r9, r10, r11, r12, r13, r14, r15",
        "xor \\register, \\register",
        ".endr",
        "call rax",
        "mov rsp, [rsp]",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// The stack pointer at a call.
#[unsafe(naked)]
pub(crate) extern "C" fn stack_pointer() -> usize {
    naked_asm!("mov rax, rsp", "ret")
}

/// Whether an interrupt before the instruction at an address has it do something else than it would have done.
pub(crate) fn is_undone(_address: usize) -> bool {
    false
}

/// Fills `words` words from `start` on.
///
/// # Safety
///
/// Nothing else uses them.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn fill(start: *mut u64, words: usize, value: u64) {
    naked_asm!("mov rcx, rsi", "mov rax, rdx", "rep stosq", "ret")
}

/// How many of the first `words` words of `now` differ from `one` and `other`, where these two are the same. They need
/// not be initialised.
///
/// Not looked at is the bit that says that this code is stepped, of RFLAGS: the kernel looks at the
/// register, which may leave a copy.
///
/// # Safety
///
/// They may be read, and nothing writes to them.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn differences(
    now: *const u64,
    one: *const u64,
    other: *const u64,
    words: usize,
) -> usize {
    naked_asm!(
        "xor eax, eax",
        "2: mov r8, [rdi + 8 * rcx - 8]",
        "mov r9, [rsi + 8 * rcx - 8]",
        "xor r8, r9",
        "and r8, ~(1 << 8)",
        "je 3f",
        "cmp r9, [rdx + 8 * rcx - 8]",
        "jne 3f",
        "inc rax",
        "3: dec rcx",
        "jne 2b",
        "ret",
    )
}
