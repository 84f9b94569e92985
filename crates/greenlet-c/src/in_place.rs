//! `greenlet_switch` and `greenlet_up` where the header has assembly for them: hosted on x86_64.
//!
//! That assembly is not a call. It tells the C compiler that a switch keeps rbx, rbp and rsp, so it saves what
//! it needs of the others, and most often needs none. It jumps here, with the address at which the greenlet resumes;
//! nothing is pushed, and nothing returns.
//!
//! ```text
//!   register   at the jump                 where the greenlet resumes, or at once if a test failed
//!   rdi        the value                   the value that was sent back; unchanged if a test failed
//!   rsi        up: the current greenlet    unspecified
//!   rdx        switch: the target          null, unless a value was sent back
//!   rcx        unspecified                 if rdx is null: a packet; or what a function is to do, with bit 0 or 1
//!   rax        the address                 unspecified
//! ```
//!
//! Tests and switch are those of the kernel (`transfer` and `arch/x86_64/switch.rs` there), in the same order. Whatever
//! is out of the ordinary is left to the functions that all other targets have.

use crate::handle::{Greenlet, Handle};
use crate::outcome::{Out, Word, to_c};
use crate::transfer::{greenlet_switch_abi_1, greenlet_up_abi_1};
use core::arch::naked_asm;
use greenlet::foreign::{Places, RECORD};

/// Added to the target of a switch that a function is to make.
const SWITCH: usize = 1;
/// Added to the greenlet for which a function is to go up.
const UP: usize = 2;

/// Lines that switch from rsi to rdx, unless a test fails: then they go to label 8. The flags of the processor are
/// those of the last `or`, of reasons for the slow path.
macro_rules! switch {
    () => {
        "jnz 8f
         .if {CHECKED}
         mov r8, [rsi + {REACH}]
         mov r9, [rsi + r8]
         add r9, rsp
         add r9, [rsi + r8 + {BAND}]
         cmp r9, r8
         jb 8f
         .endif
         mov [rip + {RECORD} + {CURRENT}], rdx
         mov [rsi + {SP}], rsp
         mov [rsi + {PC}], rax
         mov [rsi + {FRAME}], rbp
         mov [rsi + {RESERVED}], rbx
         .cfi_undefined rip
         mov rsp, [rdx + {SP}]
         mov rbp, [rdx + {FRAME}]
         mov rbx, [rdx + {RESERVED}]
         jmp qword ptr [rdx + {PC}]"
    };
}

/// Defines a function to which the header jumps: the first lines, a register, what is added to that in rcx if a test
/// fails, and operands of those lines.
macro_rules! jumped_to {
    ($(#[$doc:meta])* $name:ident, $first:literal, $handle:literal, $what:ident, $($operands:tt)*) => {
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// Only the assembly of the header jumps here. The handle is one or null.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            naked_asm!(
                ".cfi_startproc",
                // The caller has pushed nothing: its own frame begins at rsp.
                ".cfi_def_cfa rsp, 0",
                ".cfi_register rip, rax",
                ".if {PLAIN}",
                $first,
                switch!(),
                ".endif",
                "8:",
                concat!("lea rcx, [", $handle, " + {WHAT}]"),
                "xor edx, edx",
                "jmp rax",
                ".cfi_endproc",
                RECORD = sym RECORD,
                WHAT = const $what,
                PLAIN = const Places::PLAIN as u8,
                CHECKED = const Places::CHECKED as u8,
                CURRENT = const Places::CURRENT,
                SLOW = const Places::SLOW,
                FLAGS = const Places::FLAGS,
                REACH = const Places::REACH,
                BAND = const Places::BAND,
                SP = const Places::SP,
                PC = const Places::PC,
                FRAME = const Places::FRAME,
                RESERVED = const Places::RESERVED,
                $($operands)*
            )
        }
    };
}

jumped_to! {
    /// `greenlet_switch`.
    greenlet_switch_in_place_abi_1,
    "test rdx, rdx
     jz 8f
     mov rsi, [rip + {RECORD} + {CURRENT}]
     mov ecx, [rip + {RECORD} + {SLOW}]
     or ecx, [rdx + {FLAGS}]",
    "rdx",
    SWITCH,
}
jumped_to! {
    /// `greenlet_up`. A current greenlet with a flag is one for which an earlier `greenlet_up` has not returned.
    greenlet_up_in_place_abi_1,
    "test rsi, rsi
     jz 8f
     cmp rsi, [rip + {RECORD} + {CURRENT}]
     jne 8f
     mov rdx, [rsi + {PARENT}]
     test rdx, rdx
     jz 8f
     mov ecx, [rip + {RECORD} + {SLOW}]
     or ecx, [rdx + {FLAGS}]
     or ecx, [rsi + {FLAGS}]",
    "rsi",
    UP,
    PARENT = const Places::PARENT
}

/// What the header calls if no value was sent back: receives the packet, or makes the transfer.
///
/// # Safety
///
/// `what` is what was in rcx, and `value` in rdi.
#[unsafe(no_mangle)]
#[cold]
pub unsafe extern "C" fn greenlet_landed_abi_1(value: Word, what: *mut Handle) -> Out {
    let handle = |added| what.wrapping_byte_sub(added);
    // A packet and a block are aligned, so the two bits are those that were added.
    match what.addr() & (SWITCH | UP) {
        // SAFETY: the caller's contract.
        0 => to_c(unsafe { Greenlet::received(what.cast_const().cast()) }),
        // SAFETY: the same.
        SWITCH => unsafe { greenlet_switch_abi_1(value, handle(SWITCH)) },
        // SAFETY: the same.
        _ => unsafe { greenlet_up_abi_1(value, handle(UP)) },
    }
}
