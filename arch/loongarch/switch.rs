//! The switch of LoongArch.
//!
//! The stack of a greenlet is drawn at the head of `arch/riscv/switch.rs`; here fp is the frame pointer, and s8 is the
//! register that LLVM reserves for itself.
//!
//! A switch pushes nothing, and saves four words in the [`Context`]. The return address into the trampoline is in the
//! entry's frame.
//!
//! ```text
//!   register   at the jump                              at label 2, in the other context
//!   a0         word, if one is sent                     word
//!   a5 to a7,  seven more, if words are sent            seven more, if words are received; else unspecified
//!   t0 to t3
//!   a2         to, until its context is loaded; null    the resumed context; null if a packet arrived
//!              then, if a packet is sent
//!   a3         packet, if one is sent                   packet
//!   a1         from, where this context is saved        unspecified
//!   sp, fp     saved in from, loaded from to            as this context left them
//!   s8         saved in from, loaded from to            as this context left it
//!   a4         scratch, resume address                  unspecified
//!   tp, r21    untouched: they belong to the program and to the core
//!   others     clobbered: the compiler spilled what is live, s0 to s7 among them, and f0 to f31 where code uses them
//! ```
//!
//! The vectors of LSX and LASX contain f0 to f31, so clobbers of these cover them. `asm!` clobbers the condition flags
//! fcc0 to fcc7 itself. The target is reached by `jr $a4`: the processor treats a jump through ra as a return, and
//! predicts it from its return stack.

use super::trampoline::{WIDE_AT, outermost, resume_address};
use crate::arch::{Context, Diverging, FrameRecord, Isa, Landing, Native, Word, Words, offset};
use core::arch::asm;

/// The instruction before label 2 of a marked switch, `break 0x67`, which is never executed. Before label 2 of an
/// unmarked one is `jr $a4`, and before the wide trampoline `break 1`. All instructions have four bytes.
const MARK: u32 = 0x002a_0067;

/// Lines that leave the running stack for that of `to`, in a2. Then sp, fp and s8 are those of `to`, a4 is its resume
/// address, and `to` is still in a2.
macro_rules! leave {
    () => {
        "ld.d $a4, $a2, {PC}\nld.d $sp, $a2, {SP}\nld.d $fp, $a2, {FRAME}\nld.d $s8, $a2, {RESERVED}"
    };
}

/// The common part of all switches. They differ in what precedes the jump, `$before`, and in the registers that carry
/// what is sent.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($before:literal),*], $($operands:tt)*) => {
        asm!(
            // a1 = from, a2 = to; a0 = word or a3 = packet. sp, fp and s8 are those of `from`.
            // Save it, to resume at label 2.
            "pcaddi $a4, %pcrel_20(2f)",
            "st.d $sp, $a1, {SP}",
            "st.d $a4, $a1, {PC}",
            "st.d $fp, $a1, {FRAME}",
            "st.d $s8, $a1, {RESERVED}",
            // `from` is complete; a1 and a4 are free.
            leave!(),
            // a2 = to; a0 = word or a3 = packet. The stack is that of `to`.
            $($before,)*
            "jr $a4",
            ".if {MARKED}",
            ".4byte {MARK}",
            ".endif",
            // A later switch to `from` jumps here, with the sp, fp and s8 that were saved above. Either a2 = from and
            // a0 = word, or a2 = 0 and a3 = packet. All other registers are unspecified, but for tp and r21.
            "2:",
            MARKED = const $marked as u8,
            MARK = const MARK,
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            inlateout("$a1") $from => _,
            $($operands)*
            out("$a4") _,
            lateout("$s0") _, lateout("$s1") _, lateout("$s2") _, lateout("$s3") _,
            lateout("$s4") _, lateout("$s5") _, lateout("$s6") _, lateout("$s7") _,
            lateout("$fs0") _, lateout("$fs1") _, lateout("$fs2") _, lateout("$fs3") _,
            lateout("$fs4") _, lateout("$fs5") _, lateout("$fs6") _, lateout("$fs7") _,
            clobber_abi("C"),
        )
    };
}

/// Leaves for `to` and never returns. `$operands` are the registers that carry what is sent.
macro_rules! finish {
    ([$($before:literal),*], $($operands:tt)*) => {
        asm!(
            leave!(),
            // a2 = to, or null. The stack is that of `to`; the old one may soon be reused.
            $($before,)*
            "jr $a4",
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
    /// By the psABI the frame pointer is the CFA: ra and the caller's frame pointer are below it.
    const FRAME_ABOVE: usize = size_of::<FrameRecord>();

    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: a0 to a2. out: a0, a2, a3. All other registers are clobbered, except sp, fp and s8, which no
        // clobber can name and which are saved and restored here, and tp and r21, which no code changes. `clobber_abi`
        // names the registers that a callee does not preserve, and the others are named here. `nostack` is not given:
        // sp must be aligned. `nomem` is not given: other contexts change memory. The caller vouches for the two
        // contexts.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("$a0") word => word_back,
                inlateout("$a2") to => target,
                lateout("$a3") packet,
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
                false, from, ["move $a2, $zero"],
                lateout("$a0") word,
                inlateout("$a2") to => target,
                inlateout("$a3") packet => packet_back,
            );
        }
        Landing { words: word, target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: in: a0, a2. The caller vouches for `to`; nothing is live after a jump that does not return.
        unsafe { finish!([], in("$a0") word, in("$a2") to,) }
    }

    #[inline(always)]
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: as in `finish_with_word`, with the packet in a3.
        unsafe { finish!(["move $a2, $zero"], in("$a2") to, in("$a3") packet,) }
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
        // SAFETY: as in `switch`, with seven words more in a5 to a7 and t0 to t3, in and out.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("$a0") w0 => b0, inlateout("$a5") w1 => b1,
                inlateout("$a6") w2 => b2, inlateout("$a7") w3 => b3,
                inlateout("$t0") w4 => b4, inlateout("$t1") w5 => b5,
                inlateout("$t2") w6 => b6, inlateout("$t3") w7 => b7,
                inlateout("$a2") to => target,
                lateout("$a3") packet,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet }
    }

    #[inline(always)]
    unsafe fn wide_switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing<Words> {
        let (target, packet_back);
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `switch_with_packet`, with seven words more in a5 to a7 and t0 to t3, out.
        unsafe {
            switch!(
                false, from, ["move $a2, $zero"],
                lateout("$a0") b0, lateout("$a5") b1, lateout("$a6") b2, lateout("$a7") b3,
                lateout("$t0") b4, lateout("$t1") b5, lateout("$t2") b6, lateout("$t3") b7,
                inlateout("$a2") to => target,
                inlateout("$a3") packet => packet_back,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_words(to: *const Context, words: Words) -> ! {
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        // SAFETY: as in `finish_with_word`, with seven words more in a5 to a7 and t0 to t3.
        unsafe {
            finish!(
                [],
                in("$a0") w0, in("$a5") w1, in("$a6") w2, in("$a7") w3,
                in("$t0") w4, in("$t1") w5, in("$t2") w6, in("$t3") w7,
                in("$a2") to,
            )
        }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: a0, a2, a3. The caller vouches for the stack below `sp`.
        unsafe {
            asm!(
                "move $a1, $sp",
                "move $sp, $a2",
                "move $fp, $zero",
                // a0 = argument, a1 = the old sp, a3 = function. sp is on the other stack. fp = 0 ends a walk along
                // frame pointers.
                "b {outermost}",
                outermost = sym outermost,
                in("$a0") argument,
                in("$a2") sp,
                in("$a3") function,
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
        unsafe { asm!("ld.wu {0}, {1}, -4", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags)) };
        before == MARK
    }
}
