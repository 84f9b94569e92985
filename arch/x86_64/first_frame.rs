//! The first frame of a context, and what a debugger reads of it.
//!
//! The call frame information makes the linked context the caller of this frame. With `L` for the link, which lies below the record
//! that rbp points to: CFA = `L->sp`, and rip, rbp and rbx are saved at `&L->pc`, `&L->bp` and `&L->bx`. The frame is a *signal
//! frame*: its caller may stand on a lower stack, and the caller's address is looked up as it is and not one byte before, which
//! matters where a linked context is fresh and stands at the first byte of this function.
//!
//! | target | section | written by |
//! |---|---|---|
//! | hosted, UEFI | `.eh_frame` | the assembler, from `.cfi_*` |
//! | bare ELF | `.debug_frame`, no byte of the image | the lines below: the assembler drops `.cfi_signal_frame` from that section |
//!
//! Opcodes, from DWARF 5 (sections 6.4.2, 7.7.1 and 7.24): 0x07 undefined, 0x0f def_cfa_expression, 0x10 expression; 0x76 breg6
//! (rbp), 0x06 deref, 0x23 plus_uconst.

use super::offset;
use core::arch::naked_asm;

/// Where a fresh context starts: calls the entry in rbx. The arguments are in the registers of the System V ABI already, except the
/// context, which lies below the record.
///
/// # Safety
///
/// Not to be called: reached by a switch to a fresh context only.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn trampoline() {
    naked_asm!(
        ".if !{BARE}",
        ".cfi_startproc",
        ".cfi_signal_frame",
        ".cfi_escape 0x0f, 6, 0x76, {LINK}, 0x06, 0x23, {SP}, 0x06",
        ".cfi_escape 0x10, 16, 5, 0x76, {LINK}, 0x06, 0x23, {PC}",
        ".cfi_escape 0x10, 6, 5, 0x76, {LINK}, 0x06, 0x23, {BP}",
        ".cfi_escape 0x10, 3, 5, 0x76, {LINK}, 0x06, 0x23, {BX}",
        ".cfi_undefined r12",
        ".cfi_undefined r13",
        ".cfi_undefined r14",
        ".cfi_undefined r15",
        ".endif",
        "2:",
        "lea rsi, [rbp - {RECORD}]",
        c_call!("rbx"),
        "ud2",
        "3:",
        ".if !{BARE}",
        ".cfi_endproc",
        ".else",
        ".pushsection .debug_frame,\"\",@progbits",
        ".balign 8",
        "4:", // the CIE: version 1, augmentation `S` for a signal frame, code and data alignment 1 and -8, return address in 16
        ".long 6f - 5f",
        "5:",
        ".long 0xffffffff",
        ".byte 1",
        ".asciz \"S\"",
        ".byte 1, 0x78, 16",
        ".balign 8, 0",
        "6:", // the FDE of this function
        ".long 8f - 7f",
        "7:",
        ".long 4b",
        ".quad 2b, 3b - 2b",
        ".byte 0x0f, 6, 0x76, {LINK}, 0x06, 0x23, {SP}, 0x06",
        ".byte 0x10, 16, 5, 0x76, {LINK}, 0x06, 0x23, {PC}",
        ".byte 0x10, 6, 5, 0x76, {LINK}, 0x06, 0x23, {BP}",
        ".byte 0x10, 3, 5, 0x76, {LINK}, 0x06, 0x23, {BX}",
        ".byte 0x07, 12, 0x07, 13, 0x07, 14, 0x07, 15",
        ".balign 8, 0",
        "8:",
        ".popsection",
        ".endif",
        BARE = const cfg!(all(bare, not(target_os = "uefi"))) as u8,
        RECORD = const super::super::RECORD_AT,
        LINK = const offset::LINK_FROM_RECORD,
        SP = const offset::SP,
        PC = const offset::PC,
        BP = const offset::BP,
        BX = const offset::BX,
    )
}
