//! The switch of aarch64.
//!
//! A stack of 8 KiB at 0x1000, with a body of 24 bytes. The control block at its base, 192 bytes, begins with the
//! [`Context`]:
//!
//! ```text
//!   address         fresh                        running                      suspended
//!   0x3000   base ┌──────────────────────┐     ┌──────────────────────┐     ┌──────────────────────┐
//!                 │ rest of the block    │     │                      │     │                      │
//!   0x2f80        │ record: 0, 0         │     │ record: 0, 0         │     │ record: 0, 0         │
//!                 │ link: the parent's   │     │ link                 │     │ link                 │
//!                 │ reserved: entry      │     │ reserved: stale      │     │ reserved: its x19    │
//!                 │ frame: 0x2f80        │     │ frame: stale         │     │ frame: its x29       │
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
//! A switch pushes nothing, and saves four words in the [`Context`]. Between link and record are fields that a switch
//! tests (flags, bounds).
//!
//! ```text
//!   register   at the branch                            at label 2, in the other context
//!   x0         word, if one is sent                     word
//!   x4 to x8,  seven more, if words are sent            seven more, if words are received; else unspecified
//!   x11, x12
//!   x2         to, until its context is loaded; null    the resumed context; null if a packet arrived
//!              then, if a packet is sent
//!   x3         packet, if one is sent                   packet; `to` with `NOT_LEFT`, if a test failed (x2 is null)
//!   x1         from, where this context is saved        unspecified
//!   sp, x29    saved in from, loaded from to            as this context left them
//!   x19        saved in from, loaded from to            as this context left it
//!   x9, x10    scratch, resume address                  unspecified
//!   x13 to x16 scratch                                  unspecified
//!   x18        untouched where the platform reserves it, else clobbered
//!   others     clobbered: the compiler spilled what is live, d8 to d15 among them, and SVE where code uses it
//!   FPCR       with `fp-control`: saved and loaded      as this context left it
//! ```
//!
//! The target is reached by `br`, not by `ret`: the return stack of the processor expects a return to the caller.

use super::trampoline::{WIDE_AT, outermost, resume_address};
use crate::arch::{Bounds, Context, Cpu, Diverging, Isa, Landing, NOT_LEFT, Native, Places, Word, Words, offset};
use core::arch::asm;
use core::mem::offset_of;

const _: () = assert!(
    offset::PC == offset::SP + 8 && offset::RESERVED == offset::FRAME + 8,
    "sp and pc, frame and reserved are saved and loaded in pairs"
);

/// The instruction before label 2 of a marked switch: `movz x2, #0`. Before label 2 of an unmarked one is its branch;
/// of an unmarked tested one `orr x2, xzr, xzr`, which does the same and is another instruction. The two that set x2
/// are executed only if a test of a tested switch fails.
const MARK: u32 = 0xd280_0002;

/// Lines that leave the running stack for that of `to`, in x2. Then sp, x29 and x19 are those of `to`, x10 is its
/// resume address, and `to` is still in x2.
macro_rules! load {
    () => {
        "ldp x9, x10, [x2, {SP}]
         ldp x29, x19, [x2, {FRAME}]
         mov sp, x9"
    };
}

/// The common part of all untested switches. They differ in what precedes the branch, `$before`, and in the registers
/// that carry what is sent.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($before:literal),*], $($operands:tt)*) => {
        asm!(
            // x1 = from, x2 = to; x0 = word or x3 = packet. sp, x29 and x19 are those of `from`.
            // Save it, to resume at label 2.
            "adr x10, 2f",
            "mov x9, sp",
            "stp x9, x10, [x1, {SP}]",
            "stp x29, x19, [x1, {FRAME}]",
            control!(save),
            // `from` is complete; x1, x9 and x10 are free.
            control!(load),
            load!(),
            // x2 = to; x0 = word or x3 = packet. The stack is that of `to`.
            $($before,)*
            "br x10",
            ".if {MARKED}",
            "movz x2, #0",
            ".endif",
            // A later switch to `from` branches here, with the sp, x29 and x19 that were saved above. Either x2 = from
            // and x0 = word, or x2 = 0 and x3 = packet. All other registers are unspecified, but for a reserved x18.
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            FRAME = const offset::FRAME,
            inlateout("x1") $from => _,
            $($operands)*
            out("x9") _,
            out("x10") _,
            lateout("x20") _,
            lateout("x21") _,
            lateout("x22") _,
            lateout("x23") _,
            lateout("x24") _,
            lateout("x25") _,
            lateout("x26") _,
            lateout("x27") _,
            lateout("x28") _,
            clobber_abi("C"),
        )
    };
}

/// The common part of the two tested switches, which differ in the registers that carry what is sent.
///
/// Loads come early, and instructions that do not depend on them are between each load and its first use: a processor
/// that executes in order waits at that use.
macro_rules! tested_switch {
    ($marked:expr, $places:ty, $core:ident, $from:ident, $($operands:tt)*) => {
        asm!(
            // x1 = from, x2 = to, the word or words. `from` may be anything, until the flags of `to` are known to be 0.
            "ldr w13, [x2, {FLAGS}]",
            "ldr w14, [{core}, {SLOW}]",
            ".if {BARE}",
            "mrs x15, daif",
            ".endif",
            "mov x9, sp",
            "adr x10, 2f",
            ".if {BARE}",
            "eor w14, w14, w15",
            ".endif",
            "orr w13, w13, w14",
            "cbnz w13, 3f",
            // `from` runs. Its context may be saved before all tests have passed: while it runs, the contents of the
            // context have no meaning.
            "ldp x13, x14, [x1, {BOUNDS}]",
            "stp x9, x10, [x1, {SP}]",
            "stp x29, x19, [x1, {FRAME}]",
            control!(save),
            // x13 = `Bounds::floor`, x14 = `Bounds::reach`.
            "ldp x15, x16, [x13, #-16]",
            "ldp x9, x10, [x2, {SP}]",
            "add x16, sp, x16",
            "add x16, x16, x15",
            "cmp x16, x14",
            "b.lo 3f",
            // x9, x10 = sp and resume address of `to`. All tests have passed.
            watch!(),
            "str x2, [{core}, {CURRENT}]",
            control!(load),
            "ldp x29, x19, [x2, {FRAME}]",
            "mov sp, x9",
            // x2 = to, the word or words. The stack is that of `to`.
            "br x10",
            // A test failed. The words are where they were; the packet is `to`, with a bit set.
            "3:",
            "orr x3, x2, {NOT_LEFT}",
            ".if {MARKED}",
            "movz x2, #0",
            ".else",
            "mov x2, xzr",
            ".endif",
            // As at label 2 of `switch`; or at once, with x2 = 0.
            "2:",
            BARE = const cfg!(bare) as u8,
            MARKED = const $marked as u8,
            FLAGS = const <$places>::FLAGS,
            SLOW = const <$places>::SLOW,
            CURRENT = const <$places>::CURRENT,
            BOUNDS = const <$places>::BOUNDS,
            SP = const offset::SP,
            FRAME = const offset::FRAME,
            NOT_LEFT = const NOT_LEFT,
            core = in(reg) $core,
            inlateout("x1") $from => _,
            $($operands)*
            out("x9") _,
            out("x10") _,
            out("x13") _,
            out("x14") _,
            out("x15") _,
            out("x16") _,
            lateout("x20") _,
            lateout("x21") _,
            lateout("x22") _,
            lateout("x23") _,
            lateout("x24") _,
            lateout("x25") _,
            lateout("x26") _,
            lateout("x27") _,
            lateout("x28") _,
            clobber_abi("C"),
        )
    };
}

const _: () = assert!(
    offset_of!(Bounds, reach) == offset_of!(Bounds, floor) + 8 && Native::LOWER_CANARY == 2,
    "a tested switch loads the bounds as a pair, and the two words of the band"
);

impl Isa for Native {
    const TESTS: bool = true;

    #[inline(always)]
    unsafe fn tested_switch<const MARKED: bool, P: Places>(
        core: *const (),
        from: *const Context,
        to: *const Context,
        word: Word,
    ) -> Landing {
        let (word_back, target, packet);
        // SAFETY: as in `switch`. Before the flags are tested, this reads what the caller vouches for in any case. x19,
        // x29 and sp are changed last, and `core` is none of them, nor of the registers that are written before it is
        // read.
        unsafe {
            tested_switch!(
                MARKED, P, core, from,
                inlateout("x0") word => word_back,
                inlateout("x2") to => target,
                lateout("x3") packet,
            );
        }
        Landing { words: word_back, target, packet }
    }

    #[inline(always)]
    unsafe fn wide_tested_switch<const MARKED: bool, P: Places>(
        core: *const (),
        from: *const Context,
        to: *const Context,
        words: Words,
    ) -> Landing<Words> {
        let (target, packet);
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `tested_switch`, with seven words more in x4 to x8, x11 and x12, in and out.
        unsafe {
            tested_switch!(
                MARKED, P, core, from,
                inlateout("x0") w0 => b0,
                inlateout("x4") w1 => b1,
                inlateout("x5") w2 => b2,
                inlateout("x6") w3 => b3,
                inlateout("x7") w4 => b4,
                inlateout("x8") w5 => b5,
                inlateout("x11") w6 => b6,
                inlateout("x12") w7 => b7,
                inlateout("x2") to => target,
                lateout("x3") packet,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet }
    }

    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: x0 to x2. out: x0, x2, x3. All other registers are clobbered, except sp, x29 and x19, which no
        // clobber can name and which are saved and restored here, and x18 where the platform reserves it.
        // `clobber_abi` names p0 to p15, and v0 to v31 whole, although a callee preserves the low halves of v8 to v15.
        // `nostack` is not given: sp must be aligned. `nomem` is not given: other contexts change memory. The caller
        // vouches for the two contexts.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("x0") word => word_back,
                inlateout("x2") to => target,
                lateout("x3") packet,
            );
        }
        Landing { words: word_back, target, packet }
    }

    #[inline(always)]
    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
        let (word, target, packet_back);
        // SAFETY: as in `switch`, with the packet in x3 instead of a word in x0.
        unsafe {
            switch!(
                false, from, ["mov x2, xzr"],
                lateout("x0") word,
                inlateout("x2") to => target,
                inlateout("x3") packet => packet_back,
            );
        }
        Landing { words: word, target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: in: x0, x2. The caller vouches for `to`; nothing is live after a branch that does not return.
        unsafe {
            asm!(
                control!(load),
                load!(),
                // x2 = to, x0 = word. The stack is that of `to`, and the old one may have other uses soon.
                "br x10",
                SP = const offset::SP,
                FRAME = const offset::FRAME,
                in("x0") word,
                in("x2") to,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: as in `finish_with_word`, with the packet in x3.
        unsafe {
            asm!(
                control!(load),
                load!(),
                // x2 = to, which null replaces; x3 = packet. The stack is that of `to`.
                "mov x2, xzr",
                "br x10",
                SP = const offset::SP,
                FRAME = const offset::FRAME,
                in("x2") to,
                in("x3") packet,
                options(noreturn),
            )
        }
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
        // SAFETY: as in `switch`, with seven words more in x4 to x8, x11 and x12, in and out.
        unsafe {
            switch!(
                MARKED, from, [],
                inlateout("x0") w0 => b0,
                inlateout("x4") w1 => b1,
                inlateout("x5") w2 => b2,
                inlateout("x6") w3 => b3,
                inlateout("x7") w4 => b4,
                inlateout("x8") w5 => b5,
                inlateout("x11") w6 => b6,
                inlateout("x12") w7 => b7,
                inlateout("x2") to => target,
                lateout("x3") packet,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet }
    }

    #[inline(always)]
    unsafe fn wide_switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing<Words> {
        let (target, packet_back);
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `switch_with_packet`, with seven words more in x4 to x8, x11 and x12, out.
        unsafe {
            switch!(
                false, from, ["mov x2, xzr"],
                lateout("x0") b0,
                lateout("x4") b1,
                lateout("x5") b2,
                lateout("x6") b3,
                lateout("x7") b4,
                lateout("x8") b5,
                lateout("x11") b6,
                lateout("x12") b7,
                inlateout("x2") to => target,
                inlateout("x3") packet => packet_back,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_words(to: *const Context, words: Words) -> ! {
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        // SAFETY: as in `finish_with_word`, with seven words more in x4 to x8, x11 and x12.
        unsafe {
            asm!(
                control!(load),
                load!(),
                "br x10",
                SP = const offset::SP,
                FRAME = const offset::FRAME,
                in("x0") w0,
                in("x4") w1,
                in("x5") w2,
                in("x6") w3,
                in("x7") w4,
                in("x8") w5,
                in("x11") w6,
                in("x12") w7,
                in("x2") to,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: x0, x2, x3. The caller vouches for the stack below `sp`.
        unsafe {
            asm!(
                "mov x1, sp",
                "mov sp, x2",
                "mov x29, xzr",
                // x0 = argument, x1 = the old sp, x3 = function. sp is on the other stack. x29 = 0 ends a walk along
                // frame pointers.
                "b {outermost}",
                outermost = sym outermost,
                in("x0") argument,
                in("x2") sp,
                in("x3") function,
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
        unsafe {
            asm!("ldur {0:w}, [{1}, #-4]", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags));
        }
        before == MARK
    }
}
