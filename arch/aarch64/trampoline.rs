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
//! | 0x8d, offset | DW_OP_breg29: x29 plus the offset, an SLEB128 |
//! | 0x06 | DW_OP_deref |
//! | 0x23, offset | DW_OP_plus_uconst |
//! | 19, 29, 30 | x19, x29, and x30, which stands for the address to continue at |
//!
//! The frame is a *signal frame*, for two reasons. Its caller may be on a lower stack, which a debugger accepts of
//! signal frames only. And a debugger looks up a signal frame's caller at the address itself, not one instruction
//! before: a fresh linked context is at the first instruction of this function.

use crate::arch::{RECORD_AT, offset};
use core::arch::naked_asm;

/// Bytes from [`trampoline`] to its part for words, the resume address of a context that is fresh and wide.
pub(super) const WIDE_AT: usize = 12;

/// The resume address of a fresh context: calls the entry in x19. The same function has the part for words, so that one
/// call frame information serves both.
///
/// # Safety
///
/// Only a switch to a fresh context reaches it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn trampoline() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        // CFA = L->sp
        ".cfi_escape 0x0f, 6, 0x8d, {LINK}, 0x06, 0x23, {SP}, 0x06",
        // The address to continue at, x29 and x19 are at &L->pc, &L->frame and &L->reserved.
        ".cfi_escape 0x10, 30, 5, 0x8d, {LINK}, 0x06, 0x23, {PC}",
        ".cfi_escape 0x10, 29, 5, 0x8d, {LINK}, 0x06, 0x23, {FRAME}",
        ".cfi_escape 0x10, 19, 5, 0x8d, {LINK}, 0x06, 0x23, {RESERVED}",
        // From a switch: x29 = record, x19 = entry, as `Context::fresh` set them. sp is the `sp` of `fresh`, 16-byte aligned.
        // x0, x2 and x3 are word, target and packet: the entry's first, third and fourth argument. The second is this
        // context.
        "2:",
        "sub x1, x29, {RECORD}",
        "blr x19",
        // The entry does not return. Its return address is here, still inside of this function.
        "brk #1",
        // 0, or else it does not assemble.
        ".skip {WIDE_AT} - (. - 2b)",
        // From a wide switch: the same, with the other words in x4 to x8, x11 and x12.
        "stp x0, x4, [sp, -64]!",
        "stp x5, x6, [sp, 16]",
        "stp x7, x8, [sp, 32]",
        "stp x11, x12, [sp, 48]",
        // sp is the address of the words, and 16-byte aligned again.
        "mov x0, sp",
        "b 2b",
        ".cfi_endproc",
        RECORD = const RECORD_AT,
        WIDE_AT = const WIDE_AT,
        LINK = const offset::LINK_FROM_RECORD,
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
