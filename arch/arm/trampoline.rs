//! The first frame of a stack, and what a debugger reads of it.
//!
//! # The caller of the first frame
//!
//! Nothing calls a trampoline: a switch branches to it. Its call frame information shows the linked context as the
//! caller, so that a backtrace continues on another stack:
//!
//! ```text
//!   fp ───► record of this stack
//!           Context of this stack   fp - RECORD_AT
//!             link ─────────────►   L, the linked Context
//!                                     sp        is the CFA: the sp to continue with
//!                                     pc        where the address to continue at is saved
//!                                     frame     where fp is saved
//!                                     reserved  where r6 is saved
//! ```
//!
//! Here fp is the frame pointer: r7 in Thumb code, r11 in A32.
//!
//! So each rule begins with *breg FP LINK, deref*: load the link from below the record, where fp points. Then
//! *plus_uconst* adds the offset of a field. Bytes, from DWARF 5 (sections 7.7.1 and 7.24), with the numbers that
//! "DWARF for the Arm Architecture" gives to registers:
//!
//! | byte | meaning |
//! |---|---|
//! | 0x0f, length | DW_CFA_def_cfa_expression: the CFA is the value of the expression |
//! | 0x10, register, length | DW_CFA_expression: the register is saved at the address that the expression yields |
//! | 0x07, register | DW_CFA_undefined: the register is lost |
//! | 0x70 + register, offset | DW_OP_breg: the register plus the offset, an SLEB128 |
//! | 0x06 | DW_OP_deref |
//! | 0x23, offset | DW_OP_plus_uconst |
//! | 7 or 11, 6, 14 | fp, r6, and lr, which stands for the address to continue at |
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
const _: () = assert!(Native::FRAME_ABOVE == 0, "the frame pointer points to the record");

/// The number of the frame pointer, and that of the register which is the frame pointer in the other kind of code.
const FRAME_POINTERS: (usize, usize) = if cfg!(a32) { (11, 7) } else { (7, 11) };

/// The resume address of a fresh context, with bit 0 set if the function is Thumb code.
#[inline(always)]
pub(super) fn resume_address() -> *const () {
    trampoline as *const ()
}

/// Where a fresh context resumes: calls the entry in r6.
///
/// # Safety
///
/// Only a switch to a fresh context reaches it.
#[unsafe(naked)]
unsafe extern "C" fn trampoline() {
    naked_asm!(
        gdb_script!(),
        "2:",
        // From a switch: fp = record, r6 = entry, as `Context::fresh` set them. sp is the `sp` of `fresh`, 16-byte
        // aligned. r0, r2 and r3 are word, target and packet: the entry's first, third and fourth argument. The second
        // is this context.
        sub!("r1", frame_pointer!(), "#{RECORD}"),
        "blx r6",
        // The entry does not return. Its return address is here, still inside of this function.
        "udf #1",
        "3:",
        ".pushsection .debug_frame,\"\",%progbits",
        ".balign 4",
        // The CIE: version 1, augmentation `S` for a signal frame, code alignment 1, data alignment -4, return address
        // in 14.
        "4:",
        ".long 6f - 5f",
        "5:",
        ".long 0xffffffff",
        ".byte 1",
        ".asciz \"S\"",
        ".byte 1, 0x7c, 14",
        ".balign 4, 0",
        // The FDE of the code from 2 to 3, with the rules from above.
        "6:",
        ".long 8f - 7f",
        "7:",
        ".long 4b",
        ".long 2b, 3b - 2b",
        // CFA = L->sp
        ".byte 0x0f, 6, 0x70 + {FP}, {LINK}, 0x06, 0x23, {SP}, 0x06",
        // The address to continue at, fp and r6 are at &L->pc, &L->frame and &L->reserved.
        ".byte 0x10, 14, 5, 0x70 + {FP}, {LINK}, 0x06, 0x23, {PC}",
        ".byte 0x10, {FP}, 5, 0x70 + {FP}, {LINK}, 0x06, 0x23, {FRAME}",
        ".byte 0x10, 6, 5, 0x70 + {FP}, {LINK}, 0x06, 0x23, {RESERVED}",
        // A switch saves no other register: r4, r5, r8 to r10, and r7 or r11.
        ".irp n, 4, 5, 8, 9, 10, {OTHER}",
        ".byte 0x07, \\n",
        ".endr",
        ".balign 4, 0",
        "8:",
        ".popsection",
        RECORD = const RECORD_AT,
        FP = const FRAME_POINTERS.0,
        OTHER = const FRAME_POINTERS.1,
        LINK = const offset::LINK_FROM_FRAME,
        SP = const offset::SP,
        PC = const offset::PC,
        FRAME = const offset::FRAME,
        RESERVED = const offset::RESERVED,
    )
}

/// The outermost frame on a stack that `call_on` moved to: calls the function in r3.
///
/// Its call frame information says that it has no caller, because the frame that moved here is on another stack.
///
/// # Safety
///
/// Only `call_on` reaches it.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn outermost() {
    naked_asm!(".cfi_startproc", ".cfi_undefined lr", "blx r3", "udf #1", ".cfi_endproc")
}
