//! The switch of Cortex-M, in Thumb-2.
//!
//! A stack of 2 KiB at 0x20001000, with a body of 12 bytes. The control block at its base, 128 bytes, begins with the
//! [`Context`]:
//!
//! ```text
//!   address         fresh                        running                      suspended
//!   0x2000_1800 base ┌────────────────────────┐   ┌──────────────────────┐     ┌──────────────────────┐
//!                    │ rest of the block      │   │                      │     │                      │
//!   0x2000_17a4      │ record: 0, 0           │   │ record: 0, 0         │     │ record: 0, 0         │
//!                    │ link: the parent's     │   │ link                 │     │ link                 │
//!                    │ reserved: entry        │   │ reserved: stale      │     │ reserved: its r6     │
//!                    │ frame: 0x2000_17a4     │   │ frame: stale         │     │ frame: its r7        │
//!                    │ pc: trampoline + 1     │   │ pc: stale            │     │ pc: label 2, + 1     │
//!   0x2000_1780      │ sp: 0x2000_1770        │   │ sp: stale            │     │ sp: 0x2000_16b0      │
//!                    ├────────────────────────┤   ├──────────────────────┤     ├──────────────────────┤
//!   0x2000_1770      │ the body's closure     │   │ (moved out)          │     │ (moved out)          │
//!                    ├────────────────────────┤   ├──────────────────────┤     ├──────────────────────┤
//!                    │ free                   │   │ frames of the entry  │     │ frames of the entry  │
//!                    │                        │   │ and of the body      │     │ and of the body      │
//!                    │                        │sp►├──────────────────────┤     │                      │
//!                    │                        │   │ free; an exception   │     │ registers that the   │
//!                    │                        │   │ stores 32 bytes here,│     │ compiler spilled     │
//!   0x2000_16b0      │                        │   │ or 104 with floats   │     ├──────────────────────┤
//!                    │                        │   │                      │     │ free                 │
//!   0x2000_1000 limit└────────────────────────┘   └──────────────────────┘     └──────────────────────┘
//! ```
//!
//! A switch pushes nothing, and saves four words in the [`Context`]. Bit 0 of a code address says that the code is
//! Thumb: a branch to an address without it is a fault.
//!
//! ```text
//!   register   at the branch                            at label 2, in the other context
//!   r0         word, if one is sent                     word
//!   r2         to, whose context is loaded; then null,  the context that resumes; null: a packet arrived
//!              if a packet is sent
//!   r3         packet, if one is sent                   packet
//!   r1         from, where this context is saved        unspecified
//!   sp         by way of r4: saved in from, loaded      as this context left it
//!              from to
//!   r7, r6     saved in from, loaded from to: the       as this context left them
//!              frame pointer, and LLVM's own register
//!   r5         scratch, resume address                  unspecified
//!   others     clobbered: the compiler spilled what is live, r8 to r12 and lr among them, and s0 to s31 where code
//!              uses them
//!   apsr,      clobbered: flags, and those of the       unspecified
//!   fpscr      last comparison of floats; the rest of fpscr is the core's
//! ```
//!
//! With the feature `stack-limit` a switch also sets the limit of the stack that it goes to: see `limit.rs`.
//!
//! sp is loaded by way of another register, and never from memory: some Cortex-M3 and Cortex-M4 load it twice if an
//! interrupt comes meanwhile (Arm's errata 752419 and 752770).

use super::trampoline::{outermost, resume_address};
use crate::arch::{Context, Diverging, Isa, Landing, Native, Word, offset};
use core::arch::asm;

const _: () = assert!(
    offset::PC == offset::SP + 4 && offset::RESERVED == offset::FRAME + 4,
    "one instruction stores sp and pc, and one the frame pointer and r6"
);

/// The instruction before label 2 of a marked switch, which never runs: `udf #0x67`. Before label 2 of an unmarked one
/// is `bx r5`, 0x4728, or a `nop` that aligns it, 0xbf00; before the trampoline whatever ends another function, but no
/// query looks there.
const MARK: u32 = 0xde67;

/// Lines that leave the running stack for that of `to`, in r2. Then sp, r6 and r7 are those of `to`, r5 is its resume
/// address, and `to` is still in r2.
macro_rules! leave {
    () => {
        concat!(
            "ldrd r4, r5, [r2, #{SP}]
             ldrd r7, r6, [r2, #{FRAME}]\n",
            to_stack!()
        )
    };
}

/// The common part of the two switches. They differ in what precedes the branch, `$before`, and in the registers of
/// what they send.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($before:literal),*], $($operands:tt)*) => {
        asm!(
            // r1 = from, r2 = to; r0 = word or r3 = packet. sp, r6 and r7 are those of `from`.
            // Save it, to resume at label 2, in Thumb state.
            "adr.w r5, 2f + 1",
            "mov r4, sp",
            "strd r4, r5, [r1, #{SP}]",
            "strd r7, r6, [r1, #{FRAME}]",
            // `from` is complete; r1, r4 and r5 are free.
            leave!(),
            // r2 = to; r0 = word or r3 = packet. The stack is that of `to`.
            $($before,)*
            "bx r5",
            // Not for the label, but for all of the code: `adr` counts from a multiple of 4, and the assembler takes
            // the beginning of a function for one only if something in it is aligned so.
            ".balign 4",
            ".if {MARKED}",
            "udf #0x67",
            ".endif",
            // A later switch to `from` branches here, with the sp, r6 and r7 that were saved above. Either r2 = from
            // and r0 = word, or r2 = 0 and r3 = packet. All other registers are unspecified.
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            FRAME = const offset::FRAME,
            inlateout("r1") $from => _,
            $($operands)*
            out("r4") _, out("r5") _,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _, lateout("lr") _,
            lateout("d0") _, lateout("d1") _, lateout("d2") _, lateout("d3") _, lateout("d4") _, lateout("d5") _,
            lateout("d6") _, lateout("d7") _, lateout("d8") _, lateout("d9") _, lateout("d10") _, lateout("d11") _,
            lateout("d12") _, lateout("d13") _, lateout("d14") _, lateout("d15") _,
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
            "bx r5",
            SP = const offset::SP,
            FRAME = const offset::FRAME,
            $($operands)*
            options(noreturn),
        )
    };
}

impl Isa for Native {
    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: r0 to r2. out: r0, r2, r3. All other registers are clobbered, except sp, r6 and r7, which no
        // clobber can name and which are saved and restored here. d0 to d15 are all that an M profile has, named also
        // for targets whose ABI does not use them: `target-cpu` may let the compiler keep values there. `clobber_abi`
        // would name d16 to d31, too. `nostack` is not given: sp must be aligned. `nomem` is not given: other contexts
        // change memory. The caller vouches for the two contexts.
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
                false, from, ["movs r2, #0"],
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
        unsafe { finish!(["movs r2, #0"], in("r2") to, in("r3") packet,) }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: r0, r2, r3. The caller vouches for the stack below `sp`.
        unsafe {
            asm!(
                "mov r1, sp",
                no_limit!(),
                "mov sp, r2",
                "movs r7, #0",
                // r0 = argument, r1 = the old sp, r3 = function. sp is on the other stack. r7 = 0 ends a walk along
                // frame pointers.
                "b.w {outermost}",
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
        // SAFETY: `pc` is a label 2 with bit 0 set, so there is code before it. Read in assembly: in Rust's memory
        // model code is not memory.
        unsafe {
            asm!("ldrh {0}, [{1}, #-3]", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags))
        };
        before == MARK
    }
}
