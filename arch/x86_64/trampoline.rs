//! The first frame of a stack, and what a debugger reads of it.
//!
//! # The caller of the first frame
//!
//! Nothing calls a trampoline: a switch jumps to it. Its call frame information shows the linked context as the caller,
//! so that a backtrace continues on another stack:
//!
//! ```text
//!   rbp ──► record of this stack
//!           Context of this stack   record - RECORD_AT
//!             link ─────────────►   L, the linked Context
//!                                     sp        is the CFA: the rsp to continue with
//!                                     pc        where rip is saved
//!                                     frame     where rbp is saved
//!                                     reserved  where rbx is saved
//! ```
//!
//! So each rule begins with *breg6 LINK, deref*: load the link from below the record, where rbp points. Then
//! *plus_uconst* adds the offset of a field. Bytes, from DWARF 5 (sections 6.4.2, 7.7.1 and 7.24):
//!
//! | byte | meaning |
//! |---|---|
//! | 0x0f, length | DW_CFA_def_cfa_expression: the CFA is the value of the expression |
//! | 0x10, register, length | DW_CFA_expression: the register is saved at the address that the expression yields |
//! | 0x07, register | DW_CFA_undefined: the register is lost |
//! | 0x76, offset | DW_OP_breg6: rbp plus the offset, an SLEB128 |
//! | 0x06 | DW_OP_deref |
//! | 0x23, offset | DW_OP_plus_uconst |
//! | 3, 6, 16 | rbx, rbp, return address |
//!
//! The frame is a *signal frame*, for two reasons. Its caller may be on a lower stack, which a debugger accepts of
//! signal frames only. And a debugger looks up a signal frame's caller at the address itself, not one byte before: a
//! fresh linked context is at the first byte of this function, except for unwinders that have no such rule.
//!
//! | target | section | written by |
//! |---|---|---|
//! | hosted, UEFI | `.eh_frame` | the assembler, from `.cfi_*` |
//! | bare ELF | `.debug_frame`, no byte of the image | the lines below, since the assembler drops `.cfi_signal_frame` there |

use crate::arch::{HAS_BYTE_BEFORE, RECORD_AT, offset};
use core::arch::naked_asm;

/// Calls `$function`, a register, with the arguments that are in the registers of the System V ABI.
#[cfg(not(target_os = "uefi"))]
macro_rules! c_call {
    ($function:literal) => {
        concat!("call ", $function)
    };
}

/// The same by the C ABI of UEFI, which is Microsoft's: arguments in rcx, rdx, r8 and r9, and 32 bytes of stack for the
/// callee. It preserves more registers than the System V ABI, rdi, rsi and xmm6 to xmm15; a switch clobbers these in
/// any case.
#[cfg(target_os = "uefi")]
macro_rules! c_call {
    ($function:literal) => {
        concat!(
            "mov rax, ",
            $function,
            "
            mov r9, rcx
            mov r8, rdx
            mov rdx, rsi
            mov rcx, rdi
            sub rsp, 32
            call rax"
        )
    };
}

/// Bytes of the trampoline before its resume address: a `nop`, or nothing.
const BEFORE: usize = if HAS_BYTE_BEFORE { 1 } else { 0 };

/// The resume address of a fresh context.
#[inline(always)]
pub(super) fn resume_address() -> *const () {
    let first = trampoline as *const ();
    if HAS_BYTE_BEFORE { first.wrapping_byte_add(BEFORE) } else { first }
}

/// Bytes from [`resume_address`] to the part for words, the resume address of a context that is fresh and wide.
pub(super) const WIDE_AT: usize = if cfg!(target_os = "uefi") { 32 } else { 8 };

/// Where a fresh context resumes: calls the entry in rbx. The same function has the part for words, so that one
/// call frame information serves both.
///
/// # Safety
///
/// Only a switch to a fresh context reaches it.
#[unsafe(naked)]
unsafe extern "C" fn trampoline() {
    naked_asm!(
        gdb_script!(),
        ".if !{BARE}",
        ".cfi_startproc",
        ".cfi_signal_frame",
        // CFA = L->sp
        ".cfi_escape 0x0f, 6, 0x76, {LINK}, 0x06, 0x23, {SP}, 0x06",
        // rip, rbp and rbx are at &L->pc, &L->frame and &L->reserved.
        ".cfi_escape 0x10, 16, 5, 0x76, {LINK}, 0x06, 0x23, {PC}",
        ".cfi_escape 0x10, 6, 5, 0x76, {LINK}, 0x06, 0x23, {FRAME}",
        ".cfi_escape 0x10, 3, 5, 0x76, {LINK}, 0x06, 0x23, {RESERVED}",
        // A switch saves no other register.
        ".cfi_undefined r12",
        ".cfi_undefined r13",
        ".cfi_undefined r14",
        ".cfi_undefined r15",
        ".endif",
        "2:",
        ".if {BEFORE}",
        "nop",
        ".endif",
        // From a switch: rbp = record, rbx = entry, as `Context::fresh` set them. rsp is the `sp` of `fresh`, 16-byte
        // aligned. rdi, rdx and rcx are word, target and packet: the entry's first, third and fourth argument. The
        // second is this context.
        "lea rsi, [rbp - {RECORD}]",
        c_call!("rbx"),
        // The entry does not return. Its return address is here, still inside of this function.
        "ud2",
        // No byte is skipped but for UEFI, none with the value of a mark, and a negative number does not assemble.
        ".skip {BEFORE} + {WIDE_AT} - (. - 2b), 0x90",
        // From a wide switch: the same, with the other words in r8 to r14.
        "push r14",
        "push r13",
        "push r12",
        "push r11",
        "push r10",
        "push r9",
        "push r8",
        "push rdi",
        // rsp is the address of the words, and 16-byte aligned again.
        "mov rdi, rsp",
        "jmp 2b",
        "3:",
        ".if !{BARE}",
        ".cfi_endproc",
        ".else",
        ".pushsection .debug_frame,\"\",@progbits",
        ".balign 8",
        // The CIE: version 1, augmentation `S` for a signal frame, code alignment 1, data alignment -8, return address
        // in 16.
        "4:",
        ".long 6f - 5f",
        "5:",
        ".long 0xffffffff",
        ".byte 1",
        ".asciz \"S\"",
        ".byte 1, 0x78, 16",
        ".balign 8, 0",
        // The FDE of the code from 2 to 3, with the rules from above.
        "6:",
        ".long 8f - 7f",
        "7:",
        ".long 4b",
        ".quad 2b, 3b - 2b",
        ".byte 0x0f, 6, 0x76, {LINK}, 0x06, 0x23, {SP}, 0x06",
        ".byte 0x10, 16, 5, 0x76, {LINK}, 0x06, 0x23, {PC}",
        ".byte 0x10, 6, 5, 0x76, {LINK}, 0x06, 0x23, {FRAME}",
        ".byte 0x10, 3, 5, 0x76, {LINK}, 0x06, 0x23, {RESERVED}",
        ".byte 0x07, 12, 0x07, 13, 0x07, 14, 0x07, 15",
        ".balign 8, 0",
        "8:",
        ".popsection",
        ".endif",
        BARE = const cfg!(all(bare, not(target_os = "uefi"))) as u8,
        BEFORE = const BEFORE,
        RECORD = const RECORD_AT,
        WIDE_AT = const WIDE_AT,
        LINK = const offset::LINK_FROM_FRAME,
        SP = const offset::SP,
        PC = const offset::PC,
        FRAME = const offset::FRAME,
        RESERVED = const offset::RESERVED,
    )
}

/// The outermost frame on a stack that `call_on` moved to: calls the function in rcx.
///
/// Its call frame information says that it has no caller, because the frame that moved here is on another stack.
///
/// # Safety
///
/// Only `call_on` reaches it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn outermost() {
    naked_asm!(".cfi_startproc", ".cfi_undefined rip", c_call!("rcx"), "ud2", ".cfi_endproc")
}
