//! The switch of RISC-V.
//!
//! A stack of 8 KiB at 0x1000, with a body of 24 bytes, on a 64-bit processor. The control block at its base, 192
//! bytes, begins with the [`Context`]:
//!
//! ```text
//!   address         fresh                        running                      suspended
//!   0x3000   base ┌──────────────────────┐     ┌──────────────────────┐     ┌──────────────────────┐
//!                 │ rest of the block    │     │                      │     │                      │
//!   0x2f80        │ record: 0, 0         │     │ record: 0, 0         │     │ record: 0, 0         │
//!                 │ link: the parent's   │     │ link                 │     │ link                 │
//!                 │ reserved: entry      │     │ reserved: stale      │     │ reserved: its s1     │
//!                 │ frame: 0x2f90        │     │ frame: stale         │     │ frame: its s0        │
//!                 │ pc: trampoline       │     │ pc: stale            │     │ pc: label 2          │
//!   0x2f40        │ sp: 0x2f20           │     │ sp: stale            │     │ sp: 0x2d80           │
//!                 ├──────────────────────┤     ├──────────────────────┤     ├──────────────────────┤
//!   0x2f20        │ the body's closure   │     │ (moved out)          │     │ (moved out)          │
//!                 ├──────────────────────┤     ├──────────────────────┤     ├──────────────────────┤
//!                 │ free                 │     │ frames of the entry  │     │ frames of the entry  │
//!                 │                      │     │ and of the body      │     │ and of the body      │
//!                 │                      │  sp►├──────────────────────┤     │                      │
//!                 │                      │     │ free                 │     │ registers that the   │
//!                 │                      │     │                      │     │ compiler spilled     │
//!   0x2d80        │                      │     │                      │     ├──────────────────────┤
//!                 │                      │     │                      │     │ free                 │
//!   0x1000  limit └──────────────────────┘     └──────────────────────┘     └──────────────────────┘
//! ```
//!
//! A switch pushes nothing, and saves four words in the [`Context`]. The return address into the trampoline is in the
//! entry's frame.
//!
//! ```text
//!   register   at the jump                              at label 2, in the other context
//!   a0         word, if one is sent                     word
//!   a5 to a7,  seven more, if words are sent            seven more, if words are received; else unspecified
//!   t3 to t6
//!   a2         to, until its context is loaded; null    the resumed context; null if a packet arrived
//!              then, if a packet is sent
//!   a3         packet, if one is sent                   packet
//!   a1         from, where this context is saved        unspecified
//!   sp, s0     saved in from, loaded from to            as this context left them
//!   s1         saved in from, loaded from to            as this context left it
//!   a4         scratch, resume address                  unspecified
//!   gp, tp     untouched: they belong to the program and to the core
//!   others     clobbered: the compiler spilled what is live, s2 to s11 among them, and fs0 to fs11 and v0 to v31
//!              where code uses them
//!   frm        with `fp-control`: saved and loaded      as this context left it
//! ```
//!
//! The target is reached by `jr a4`. The processor treats a jump through ra or t0 as a return, and predicts it from its
//! return stack (unprivileged architecture, 2.5.1).

use super::trampoline::{WIDE_AT, outermost, resume_address};
use crate::arch::{Context, Diverging, FrameRecord, Isa, Landing, Native, Word, Words, offset};
use core::arch::asm;

/// The two bytes before label 2 of a marked switch: the upper half of a four-byte `ebreak`, which is never executed.
/// Before label 2 of an unmarked one is `jr a4`: 0x8702 in its two-byte form, and 0x0007 as the upper half of its
/// four-byte form. Before the wide trampoline is the upper half of a four-byte `unimp`, 0xc000.
const MARK: u32 = 0x0010;

impl Isa for Native {
    /// By the psABI the frame pointer is the CFA: ra and the caller's frame pointer are below it.
    const FRAME_ABOVE: usize = size_of::<FrameRecord>();

    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: a0 to a2. out: a0, a2, a3. All other registers are clobbered, except sp, s0 and s1, which no
        // clobber can name and which are saved and restored here, and gp and tp, which no code changes. `clobber_abi`
        // names the registers that a callee does not preserve, vectors among them, and the others are named here; the
        // compiler accepts the names of registers that the target does not have. `nostack` is not given: sp must be
        // aligned. `nomem` is not given: other contexts change memory. The caller vouches for the two contexts.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("a0") word => word_back,
                inlateout("a2") to => target,
                lateout("a3") packet,
            );
        }
        Landing { words: word_back, target, packet }
    }

    #[inline(always)]
    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
        let (word, target, packet_back);
        // SAFETY: as in `switch`, with the packet in a3 instead of a word in a0.
        unsafe {
            switch!(
                false, from, ["li a2, 0"],
                lateout("a0") word,
                inlateout("a2") to => target,
                inlateout("a3") packet => packet_back,
            );
        }
        Landing { words: word, target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: in: a0, a2. The caller vouches for `to`; nothing is live after a jump that does not return.
        unsafe { finish!([], in("a0") word, in("a2") to,) }
    }

    #[inline(always)]
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: as in `finish_with_word`, with the packet in a3.
        unsafe { finish!(["li a2, 0"], in("a2") to, in("a3") packet,) }
    }

    #[inline(always)]
    unsafe fn wide_switch<const MARKED: bool>(
        from: *const Context,
        to: *const Context,
        words: Words,
    ) -> Landing<Words> {
        let (target, packet);
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `switch`, with seven words more in a5 to a7 and t3 to t6, in and out.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("a0") w0 => b0, inlateout("a5") w1 => b1, inlateout("a6") w2 => b2, inlateout("a7") w3 => b3,
                inlateout("t3") w4 => b4, inlateout("t4") w5 => b5, inlateout("t5") w6 => b6, inlateout("t6") w7 => b7,
                inlateout("a2") to => target,
                lateout("a3") packet,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet }
    }

    #[inline(always)]
    unsafe fn wide_switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing<Words> {
        let (target, packet_back);
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `switch_with_packet`, with seven words more in a5 to a7 and t3 to t6, out.
        unsafe {
            switch!(
                false, from, ["li a2, 0"],
                lateout("a0") b0, lateout("a5") b1, lateout("a6") b2, lateout("a7") b3,
                lateout("t3") b4, lateout("t4") b5, lateout("t5") b6, lateout("t6") b7,
                inlateout("a2") to => target,
                inlateout("a3") packet => packet_back,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_words(to: *const Context, words: Words) -> ! {
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        // SAFETY: as in `finish_with_word`, with seven words more in a5 to a7 and t3 to t6.
        unsafe {
            finish!(
                [],
                in("a0") w0, in("a5") w1, in("a6") w2, in("a7") w3,
                in("t3") w4, in("t4") w5, in("t5") w6, in("t6") w7,
                in("a2") to,
            )
        }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: a0, a2, a3. The caller vouches for the stack below `sp`.
        unsafe {
            asm!(
                "mv a1, sp",
                "mv sp, a2",
                "li s0, 0",
                // a0 = argument, a1 = the old sp, a3 = function. sp is on the other stack. s0 = 0 ends a walk along
                // frame pointers.
                "tail {outermost}",
                outermost = sym outermost,
                in("a0") argument,
                in("a2") sp,
                in("a3") function,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    fn trampoline() -> *const () {
        resume_address()
    }

    #[inline(always)]
    fn wide_trampoline() -> *const () {
        Self::trampoline().wrapping_byte_add(WIDE_AT)
    }

    unsafe fn is_mark(pc: *const ()) -> bool {
        let before: u32;
        // SAFETY: `pc` is a label 2 or in the trampoline, so there is code before it. Read in assembly: in Rust's
        // memory model code is not memory.
        unsafe { asm!("lhu {0}, -2({1})", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags)) };
        before == MARK
    }
}
