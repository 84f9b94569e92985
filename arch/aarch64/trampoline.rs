//! The first frame of a stack, and what a debugger reads of it.
//!
//! # The caller of the first frame
//!
//! Nothing calls a trampoline: a switch branches to it. Its call frame information shows the linked context as the
//! caller, so that a backtrace continues on another stack:
//!
//! ```text
//!   x29 ──► record of this stack
//!           Context of this stack   record - RECORD_AT
//!             link ─────────────►   L, the linked Context
//!                                     sp        is the CFA: the sp to continue with
//!                                     pc        where the address to continue at is saved
//!                                     frame     where x29 is saved
//!                                     reserved  where x19 is saved
//! ```
//!
//! So each rule begins with *breg29 LINK, deref*: load the link from below the record, where x29 points. Then
//! *plus_uconst* adds the offset of a field. Bytes, from DWARF 5 (sections 7.7.1 and 7.24):
//!
//! | byte | meaning |
//! |---|---|
//! | 0x0f, length | DW_CFA_def_cfa_expression: the CFA is the value of the expression |
//! | 0x10, register, length | DW_CFA_expression: the register is saved at the address that the expression yields |
//! | 0x07, register | DW_CFA_undefined: the register is lost |
//! | 0x8d, offset | DW_OP_breg29: x29 plus the offset, an SLEB128 |
//! | 0x06 | DW_OP_deref |
//! | 0x23, offset | DW_OP_plus_uconst |
//! | 19, 29, 30 | x19, x29, and x30, which stands for the address to continue at |
//!
//! The frame is a *signal frame*, for two reasons. Its caller may be on a lower stack, which a debugger accepts of
//! signal frames only. And a debugger looks up a signal frame's caller at the address itself, not one instruction
//! before: a fresh linked context is at the first instruction of this function, except for unwinders that have no such
//! rule.
//!
//! | target | section | written by |
//! |---|---|---|
//! | hosted, UEFI | `.eh_frame` | the assembler, from `.cfi_*` |
//! | bare ELF | `.debug_frame`, no byte of the image | the lines below, since the assembler drops `.cfi_signal_frame` there where rustc writes no unwind tables |

use crate::arch::{HAS_BYTE_BEFORE, RECORD_AT, offset};
use core::arch::naked_asm;

/// Bytes of the trampoline before its resume address: a `nop`, or nothing.
const BEFORE: usize = if HAS_BYTE_BEFORE { 4 } else { 0 };

/// The resume address of a fresh context.
#[inline(always)]
pub(super) fn resume_address() -> *const () {
    let first = trampoline as *const ();
    if HAS_BYTE_BEFORE { first.wrapping_byte_add(BEFORE) } else { first }
}

/// Bytes from [`resume_address`] to the part for words, the resume address of a context that is fresh and wide.
pub(super) const WIDE_AT: usize = 12;

/// Where a fresh context resumes: calls the entry in x19. The same function has the part for words, so that one
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
        ".cfi_escape 0x0f, 6, 0x8d, {LINK}, 0x06, 0x23, {SP}, 0x06",
        // The address to continue at, x29 and x19 are at &L->pc, &L->frame and &L->reserved.
        ".cfi_escape 0x10, 30, 5, 0x8d, {LINK}, 0x06, 0x23, {PC}",
        ".cfi_escape 0x10, 29, 5, 0x8d, {LINK}, 0x06, 0x23, {FRAME}",
        ".cfi_escape 0x10, 19, 5, 0x8d, {LINK}, 0x06, 0x23, {RESERVED}",
        // A switch saves no other register.
        ".irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28",
        ".cfi_undefined x\\n",
        ".endr",
        ".endif",
        "2:",
        ".if {BEFORE}",
        "nop",
        ".endif",
        // From a switch: x29 = record, x19 = entry, as `Context::fresh` set them. sp is the `sp` of `fresh`, 16-byte
        // aligned. x0, x2 and x3 are word, target and packet: the entry's first, third and fourth argument. The second
        // is this context.
        "sub x1, x29, {RECORD}",
        "blr x19",
        // The entry does not return. Its return address is here, still inside of this function.
        "brk #1",
        // 0, or else it does not assemble.
        ".skip {BEFORE} + {WIDE_AT} - (. - 2b)",
        // From a wide switch: the same, with the other words in x4 to x8, x11 and x12.
        "stp x0, x4, [sp, -64]!",
        "stp x5, x6, [sp, 16]",
        "stp x7, x8, [sp, 32]",
        "stp x11, x12, [sp, 48]",
        // sp is the address of the words, and 16-byte aligned again.
        "mov x0, sp",
        "b 2b",
        "3:",
        ".if !{BARE}",
        ".cfi_endproc",
        ".else",
        ".pushsection .debug_frame,\"\",%progbits",
        ".balign 8",
        // The CIE: version 1, augmentation `S` for a signal frame, code alignment 1, data alignment -8, return address
        // in 30.
        "4:",
        ".long 6f - 5f",
        "5:",
        ".long 0xffffffff",
        ".byte 1",
        ".asciz \"S\"",
        ".byte 1, 0x78, 30",
        ".balign 8, 0",
        // The FDE of the code from 2 to 3, with the rules from above.
        "6:",
        ".long 8f - 7f",
        "7:",
        ".long 4b",
        ".quad 2b, 3b - 2b",
        ".byte 0x0f, 6, 0x8d, {LINK}, 0x06, 0x23, {SP}, 0x06",
        ".byte 0x10, 30, 5, 0x8d, {LINK}, 0x06, 0x23, {PC}",
        ".byte 0x10, 29, 5, 0x8d, {LINK}, 0x06, 0x23, {FRAME}",
        ".byte 0x10, 19, 5, 0x8d, {LINK}, 0x06, 0x23, {RESERVED}",
        ".irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28",
        ".byte 0x07, \\n",
        ".endr",
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

/// The outermost frame on a stack that `call_on` moved to: calls the function in x3.
///
/// Its call frame information says that it has no caller, because the frame that moved here is on another stack.
///
/// # Safety
///
/// Only `call_on` reaches it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn outermost() {
    naked_asm!(".cfi_startproc", ".cfi_undefined x30", "blr x3", "brk #1", ".cfi_endproc")
}
