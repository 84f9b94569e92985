//! The first frame of a stack, and what a debugger reads of it.
//!
//! # The caller of the first frame
//!
//! Nothing calls a trampoline: a switch jumps to it. Its call frame information shows the linked context as the caller,
//! so that a backtrace continues on another stack:
//!
//! ```text
//!   fp ───►
//!           record of this stack    the frame pointer of LoongArch points above the two words of a frame record
//!           Context of this stack   record - RECORD_AT
//!             link ─────────────►   L, the linked Context
//!                                     sp        is the CFA: the sp to continue with
//!                                     pc        where the address to continue at is saved
//!                                     frame     where fp is saved
//!                                     reserved  where s8 is saved
//! ```
//!
//! So each rule begins with *breg22 LINK, deref*: load the link from below the record, where fp points. Then
//! *plus_uconst* adds the offset of a field. Bytes, from DWARF 5 (sections 7.7.1 and 7.24), with the numbers that the
//! psABI of LoongArch gives to registers:
//!
//! | byte | meaning |
//! |---|---|
//! | 0x0f, length | DW_CFA_def_cfa_expression: the CFA is the value of the expression |
//! | 0x10, register, length | DW_CFA_expression: the register is saved at the address that the expression yields |
//! | 0x07, register | DW_CFA_undefined: the register is lost |
//! | 0x86, offset | DW_OP_breg22: fp plus the offset, an SLEB128 |
//! | 0x06 | DW_OP_deref |
//! | 0x23, offset | DW_OP_plus_uconst |
//! | 22, 31, 1 | fp, s8, and ra, which stands for the address to continue at |
//!
//! The frame is a *signal frame*, for two reasons. Its caller may be on a lower stack, which a debugger accepts of
//! signal frames only. And a debugger looks up a signal frame's caller at the address itself, not one instruction
//! before: a fresh linked context is at the first instruction of this function.
//!
//! The lines are in `.debug_frame`, which takes no byte of the image. They are written by hand because the assembler
//! drops `.cfi_signal_frame` on bare metal, where rustc writes no unwind tables.

use crate::arch::{HAS_BYTE_BEFORE, Isa, Native, RECORD_AT, offset};
use core::arch::naked_asm;

const _: () = assert!(!HAS_BYTE_BEFORE, "hosted programs are refused on this instruction set, by `build/target.rs`");

/// The resume address of a fresh context.
#[inline(always)]
pub(super) fn resume_address() -> *const () {
    trampoline as *const ()
}

/// Bytes from [`resume_address`] to the part for words, the resume address of a context that is fresh and wide.
pub(super) const WIDE_AT: usize = 12;

/// Where a fresh context resumes: calls the entry in s8. The same function has the part for words, so that one call
/// frame information serves both.
///
/// # Safety
///
/// Only a switch to a fresh context reaches it.
#[unsafe(naked)]
unsafe extern "C" fn trampoline() {
    naked_asm!(
        gdb_script!(),
        "2:",
        // From a switch: fp = the end of the record, s8 = entry, as `Context::fresh` set them. sp is the `sp` of
        // `fresh`, 16-byte aligned. a0, a2 and a3 are word, target and packet: the entry's first, third and fourth
        // argument. The second is this context.
        "addi.d $a1, $fp, -{RECORD}",
        "jirl $ra, $s8, 0",
        // The entry does not return. Its return address is here, still inside of this function. It is not the mark.
        "break 1",
        // 0, or else it does not assemble.
        ".skip {WIDE_AT} - (. - 2b)",
        // From a wide switch: the same, with the other words in a5 to a7 and t0 to t3.
        "addi.d $sp, $sp, -64",
        "st.d $a0, $sp, 0",
        "st.d $a5, $sp, 8",
        "st.d $a6, $sp, 16",
        "st.d $a7, $sp, 24",
        "st.d $t0, $sp, 32",
        "st.d $t1, $sp, 40",
        "st.d $t2, $sp, 48",
        "st.d $t3, $sp, 56",
        // sp is the address of the words, and 16-byte aligned again.
        "move $a0, $sp",
        "b 2b",
        "3:",
        ".pushsection .debug_frame,\"\",@progbits",
        ".balign 8",
        // The CIE: version 1, augmentation `S` for a signal frame, code alignment 1, data alignment -8, return address
        // in 1.
        "4:",
        ".long 6f - 5f",
        "5:",
        ".long 0xffffffff",
        ".byte 1",
        ".asciz \"S\"",
        ".byte 1, 0x78, 1",
        ".balign 8, 0",
        // The FDE of the code from 2 to 3, with the rules from above.
        "6:",
        ".long 8f - 7f",
        "7:",
        ".long 4b",
        ".8byte 2b, 3b - 2b",
        // CFA = L->sp
        ".byte 0x0f, 6, 0x86, {LINK}, 0x06, 0x23, {SP}, 0x06",
        // The address to continue at, fp and s8 are at &L->pc, &L->frame and &L->reserved.
        ".byte 0x10, 1, 5, 0x86, {LINK}, 0x06, 0x23, {PC}",
        ".byte 0x10, 22, 5, 0x86, {LINK}, 0x06, 0x23, {FRAME}",
        ".byte 0x10, 31, 5, 0x86, {LINK}, 0x06, 0x23, {RESERVED}",
        // A switch saves no other register: s0 to s7.
        ".irp n, 23, 24, 25, 26, 27, 28, 29, 30",
        ".byte 0x07, \\n",
        ".endr",
        ".balign 8, 0",
        "8:",
        ".popsection",
        RECORD = const RECORD_AT + Native::FRAME_ABOVE,
        WIDE_AT = const WIDE_AT,
        LINK = const offset::LINK_FROM_FRAME,
        SP = const offset::SP,
        PC = const offset::PC,
        FRAME = const offset::FRAME,
        RESERVED = const offset::RESERVED,
    )
}

/// The outermost frame on a stack that `call_on` moved to: calls the function in a3.
///
/// Its call frame information says that it has no caller, because the frame that moved here is on another stack.
///
/// # Safety
///
/// Only `call_on` reaches it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn outermost() {
    naked_asm!(".cfi_startproc", ".cfi_undefined $r1", "jirl $ra, $a3, 0", "break 1", ".cfi_endproc")
}
