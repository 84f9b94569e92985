//! The switch of Armv7-A, in A32: Arm state.
//!
//! A stack of 4 KiB at 0x40201000, with a body of 12 bytes. The control block at its base, 128 bytes, begins with the
//! [`Context`]:
//!
//! ```text
//!   address         fresh                        running                      suspended
//!   0x4020_2000 base ┌────────────────────────┐   ┌──────────────────────┐     ┌──────────────────────┐
//!                    │ rest of the block      │   │                      │     │                      │
//!   0x4020_1fa4      │ record: 0, 0           │   │ record: 0, 0         │     │ record: 0, 0         │
//!                    │ link: the parent's     │   │ link                 │     │ link                 │
//!                    │ reserved: entry        │   │ reserved: stale      │     │ reserved: its r6     │
//!                    │ frame: 0x4020_1fa4     │   │ frame: stale         │     │ frame: its r11       │
//!                    │ pc: trampoline         │   │ pc: stale            │     │ pc: label 2          │
//!   0x4020_1f80      │ sp: 0x4020_1f70        │   │ sp: stale            │     │ sp: 0x4020_1e90      │
//!                    ├────────────────────────┤   ├──────────────────────┤     ├──────────────────────┤
//!   0x4020_1f70      │ the body's closure     │   │ (moved out)          │     │ (moved out)          │
//!                    ├────────────────────────┤   ├──────────────────────┤     ├──────────────────────┤
//!                    │ free                   │   │ frames of the entry  │     │ frames of the entry  │
//!                    │                        │   │ and of the body      │     │ and of the body      │
//!                    │                        │sp►├──────────────────────┤     │                      │
//!                    │                        │   │ free                 │     │ registers that the   │
//!   0x4020_1e90      │                        │   │                      │     │ compiler spilled     │
//!                    │                        │   │                      │     ├──────────────────────┤
//!                    │                        │   │                      │     │ free                 │
//!   0x4020_1000 limit└────────────────────────┘   └──────────────────────┘     └──────────────────────┘
//! ```
//!
//! A switch pushes nothing, and saves four words in the [`Context`]. Every function of the crate is in Arm state, so
//! bit 0 of a code address is clear.
//!
//! ```text
//!   register   at the branch                            at label 2, in the other context
//!   r0         word, if one is sent                     word
//!   r2         to, whose context is loaded; then null,  the context that resumes; null: a packet arrived
//!              if a packet is sent
//!   r3         packet, if one is sent                   packet
//!   r1         from, where this context is saved        unspecified
//!   sp         saved in from, loaded from to            as this context left it
//!   r11, r6    saved in from, loaded from to: the       as this context left them
//!              frame pointer, and LLVM's own register
//!   r5         scratch, resume address                  unspecified
//!   others     clobbered: the compiler spilled what is live, r4, r7 to r10, r12 and lr among them. Compiled code for
//!              these targets keeps nothing in registers of floating point
//!   cpsr       clobbered: flags                         unspecified
//! ```

use super::trampoline::{outermost, resume_address};
use crate::arch::{Context, Diverging, Isa, Landing, Native, Word, offset};
use core::arch::asm;

/// The instruction before label 2 of a marked switch, which never runs: `udf #0x67`. Before label 2 of an unmarked one
/// is `bx r5`, 0xe12fff15; before the trampoline whatever ends another function, but no query looks there.
const MARK: u32 = 0xe7f0_06f7;

/// Lines that leave the running stack for that of `to`, in r2. Then sp, r6 and r11 are those of `to`, r5 is its resume
/// address, and `to` is still in r2.
macro_rules! leave {
    () => {
        "ldr r5, [r2, #{PC}]
         ldr r11, [r2, #{FRAME}]
         ldr r6, [r2, #{RESERVED}]
         ldr sp, [r2, #{SP}]"
    };
}

/// The branch to the resume address. In Thumb code it has two bytes: this is assembly that the compiler has inlined
/// into a function with `#[instruction_set(arm::t32)]`, where a resume address lacks bit 0.
macro_rules! branch {
    () => {
        "3: bx r5
         .if . - 3b != 4
         .error \"greenlet: a function with #[instruction_set(arm::t32)] cannot switch; call one without it that does\"
         .endif"
    };
}

/// The common part of the two switches. They differ in what precedes the branch, `$before`, and in the registers of
/// what they send.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($before:literal),*], $($operands:tt)*) => {
        asm!(
            // r1 = from, r2 = to; r0 = word or r3 = packet. sp, r6 and r11 are those of `from`.
            // Save it, to resume at label 2.
            "adr r5, 2f",
            "str sp, [r1, #{SP}]",
            "str r5, [r1, #{PC}]",
            "str r11, [r1, #{FRAME}]",
            "str r6, [r1, #{RESERVED}]",
            // `from` is complete; r1 and r5 are free.
            leave!(),
            // r2 = to; r0 = word or r3 = packet. The stack is that of `to`.
            $($before,)*
            branch!(),
            ".if {MARKED}",
            "udf #0x67",
            ".endif",
            // A later switch to `from` branches here, with the sp, r6 and r11 that were saved above. Either r2 = from
            // and r0 = word, or r2 = 0 and r3 = packet. All other registers are unspecified.
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            inlateout("r1") $from => _,
            $($operands)*
            out("r5") _,
            lateout("r4") _, lateout("r7") _, lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r12") _,
            lateout("lr") _,
        )
    };
}

/// Leaves for `to` and never returns, with what `$operands` are.
macro_rules! finish {
    ([$($before:literal),*], $($operands:tt)*) => {
        asm!(
            leave!(),
            // r2 = to, or null. The stack is that of `to`, and the old one may have other uses soon.
            $($before,)*
            branch!(),
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            $($operands)*
            options(noreturn),
        )
    };
}

impl Isa for Native {
    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: r0 to r2. out: r0, r2, r3. All other registers are clobbered, except sp, r6 and r11, which no
        // clobber can name and which are saved and restored here. Registers of floating point are not named: the ABI is
        // soft-float, by the `compile_error!` in `mod.rs`, and rustc lets no flag turn that off. `nostack` is not
        // given: sp must be aligned. `nomem` is not given: other contexts change memory. The caller vouches for the two
        // contexts.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("r0") word => word_back,
                inlateout("r2") to => target,
                lateout("r3") packet,
            );
        }
        Landing { words: word_back, target, packet }
    }

    #[inline(always)]
    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
        let (word, target, packet_back);
        // SAFETY: as in `switch`, with the packet in r3 instead of a word in r0.
        unsafe {
            switch!(
                false, from, ["mov r2, #0"],
                lateout("r0") word,
                inlateout("r2") to => target,
                inlateout("r3") packet => packet_back,
            );
        }
        Landing { words: word, target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: in: r0, r2. The caller vouches for `to`; nothing is live after a branch that does not return.
        unsafe { finish!([], in("r0") word, in("r2") to,) }
    }

    #[inline(always)]
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: as in `finish_with_word`, with the packet in r3.
        unsafe { finish!(["mov r2, #0"], in("r2") to, in("r3") packet,) }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: r0, r2, r3. The caller vouches for the stack below `sp`.
        unsafe {
            asm!(
                "mov r1, sp",
                "mov sp, r2",
                "mov r11, #0",
                // r0 = argument, r1 = the old sp, r3 = function. sp is on the other stack. r11 = 0 ends a walk along
                // frame pointers.
                "b {outermost}",
                outermost = sym outermost,
                in("r0") argument,
                in("r2") sp,
                in("r3") function,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    fn trampoline() -> *const () {
        resume_address()
    }

    unsafe fn is_mark(pc: *const ()) -> bool {
        let before: u32;
        // SAFETY: `pc` is a label 2, so there is code before it. Read in assembly: in Rust's memory model code is not
        // memory.
        unsafe {
            asm!("ldr {0}, [{1}, #-4]", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags))
        };
        before == MARK
    }
}
