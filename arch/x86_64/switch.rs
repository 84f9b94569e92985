//! The switch of x86_64.
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
//!                 │ reserved: entry      │     │ reserved: stale      │     │ reserved: its rbx    │
//!                 │ frame: 0x2f80        │     │ frame: stale         │     │ frame: its rbp       │
//!                 │ pc: trampoline       │     │ pc: stale            │     │ pc: label 2          │
//!   0x2f40        │ sp: 0x2f20           │     │ sp: stale            │     │ sp: 0x2d80           │
//!                 ├──────────────────────┤     ├──────────────────────┤     ├──────────────────────┤
//!   0x2f20        │ the body's closure   │     │ (moved out)          │     │ (moved out)          │
//!                 ├──────────────────────┤     ├──────────────────────┤     ├──────────────────────┤
//!   0x2f18        │ free                 │     │ pc in the trampoline │     │ pc in the trampoline │
//!                 │                      │     │ frames of the entry  │     │ frames of the entry  │
//!                 │                      │     │ and of the body      │     │ and of the body      │
//!                 │                      │ rsp►├──────────────────────┤     │                      │
//!                 │                      │     │ free                 │     │ registers that the   │
//!                 │                      │     │                      │     │ compiler spilled     │
//!   0x2d80        │                      │     │                      │     ├──────────────────────┤
//!                 │                      │     │                      │     │ free                 │
//!   0x1000  limit └──────────────────────┘     └──────────────────────┘     └──────────────────────┘
//! ```
//!
//! A switch pushes nothing, and saves four words in the [`Context`].
//!
//! ```text
//!   register   at the jump                              at label 2, in the other context
//!   rdi        word, if one is sent                     word
//!   r8 to r14  seven more, if words are sent            seven more, if words are received; else unspecified
//!   rdx        to, until its context is loaded; null    the resumed context; null if a packet arrived
//!              then, if a packet is sent
//!   rcx        packet, if one is sent                   packet
//!   rsi        from, where this context is saved        unspecified
//!   rsp, rbp   saved in from, loaded from to            as this context left them
//!   rbx        saved in from, loaded from to            as this context left it
//!   rax        resume address, then scratch             unspecified
//!   others     clobbered: the compiler spilled what is live, in full width, also vector registers of `target_feature`
//!   control    with `fp-control`: saved and loaded      as this context left them
//! ```
//!
//! The target is reached by an indirect jump. A `ret` would be shorter, and mispredicted every time: the return stack
//! of the processor expects a return to the caller.

use super::trampoline::{WIDE_AT, outermost, resume_address};
use crate::arch::{Context, Diverging, Isa, Landing, Native, Word, Words, offset};
use core::arch::asm;

/// The byte before label 2 of a marked switch: `int3`, never executed. Before label 2 of an unmarked one is the last
/// byte of its jump: the offset of `pc` in `jmp [rdx + 8]`, or 0xe0 in `jmp rax`.
const MARK: u32 = 0xcc;

const _: () = assert!(offset::PC as u32 != MARK, "an unmarked switch must not end in the mark");

/// Lines that leave the running stack for that of `to`, in rdx. Then rsp, rbp and rbx are those of `to`, and `to` is
/// still in rdx.
macro_rules! load {
    () => {
        "mov rsp, [rdx + {SP}]
         mov rbp, [rdx + {FRAME}]
         mov rbx, [rdx + {RESERVED}]"
    };
}

/// The common part of all switches. They differ in the final jump, `$jump`, and in the registers that carry what is
/// sent.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($jump:literal),*], $($operands:tt)*) => {
        asm!(
            // rsi = from, rdx = to; rdi = word or rcx = packet. rsp, rbp and rbx are those of `from`.
            // Save it, to resume at label 2.
            "lea rax, [rip + 2f]",
            "mov [rsi + {SP}], rsp",
            "mov [rsi + {PC}], rax",
            "mov [rsi + {FRAME}], rbp",
            "mov [rsi + {RESERVED}], rbx",
            control!(save),
            // `from` is complete; rsi and rax are free.
            control!(load),
            load!(),
            // rdx = to; rdi = word or rcx = packet. The stack is that of `to`.
            $($jump,)*
            ".if {MARKED}",
            "int3",
            ".endif",
            // A later switch to `from` jumps here, with the rsp, rbp and rbx that were saved above. Either rdx = from
            // and rdi = word, or rdx = 0 and rcx = packet. All other registers are unspecified.
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            PC = const offset::PC,
            FRAME = const offset::FRAME,
            RESERVED = const offset::RESERVED,
            inlateout("rsi") $from => _,
            $($operands)*
            out("rax") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        )
    };
}

impl Isa for Native {
    #[inline(always)]
    unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
        let (word_back, target, packet);
        // SAFETY: in: rdi, rsi, rdx. out: rdi, rdx, rcx. All other registers are clobbered, except rsp, rbp and rbx,
        // which no clobber can name and which are saved and restored here. `nostack` is not given: rsp must be aligned
        // and below the red zone. `nomem` is not given: other contexts change memory. The caller vouches for the two
        // contexts.
        unsafe {
            switch!(
                MARKED, from, ["jmp qword ptr [rdx + {PC}]"],
                inlateout("rdi") word => word_back,
                inlateout("rdx") to => target,
                lateout("rcx") packet,
                lateout("r12") _,
                lateout("r13") _,
                lateout("r14") _,
            );
        }
        Landing { words: word_back, target, packet }
    }

    #[inline(always)]
    unsafe fn switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
        let (word, target, packet_back);
        // SAFETY: as in `switch`, with the packet in rcx instead of a word in rdi.
        unsafe {
            switch!(
                false, from, ["mov rax, [rdx + {PC}]", "xor edx, edx", "jmp rax"],
                lateout("rdi") word,
                inlateout("rdx") to => target,
                inlateout("rcx") packet => packet_back,
                lateout("r12") _,
                lateout("r13") _,
                lateout("r14") _,
            );
        }
        Landing { words: word, target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_word(to: *const Context, word: Word) -> ! {
        // SAFETY: in: rdi, rdx. The caller vouches for `to`; nothing is live after a jump that does not return.
        unsafe {
            asm!(
                control!(load),
                load!(),
                // rdx = to, rdi = word. The stack is that of `to`; the old one may soon be reused.
                "jmp qword ptr [rdx + {PC}]",
                SP = const offset::SP,
                PC = const offset::PC,
                FRAME = const offset::FRAME,
                RESERVED = const offset::RESERVED,
                in("rdi") word,
                in("rdx") to,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    unsafe fn finish_with_packet(to: *const Context, packet: *const ()) -> ! {
        // SAFETY: as in `finish_with_word`, with the packet in rcx.
        unsafe {
            asm!(
                control!(load),
                load!(),
                // rdx = to, which null replaces; rcx = packet. The stack is that of `to`.
                "mov rax, [rdx + {PC}]",
                "xor edx, edx",
                "jmp rax",
                SP = const offset::SP,
                PC = const offset::PC,
                FRAME = const offset::FRAME,
                RESERVED = const offset::RESERVED,
                in("rdx") to,
                in("rcx") packet,
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
        // SAFETY: as in `switch`, with seven words more in r8 to r14, in and out.
        unsafe {
            switch!(
                MARKED, from, ["jmp qword ptr [rdx + {PC}]"],
                inlateout("rdi") w0 => b0,
                inlateout("r8") w1 => b1,
                inlateout("r9") w2 => b2,
                inlateout("r10") w3 => b3,
                inlateout("r11") w4 => b4,
                inlateout("r12") w5 => b5,
                inlateout("r13") w6 => b6,
                inlateout("r14") w7 => b7,
                inlateout("rdx") to => target,
                lateout("rcx") packet,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet }
    }

    #[inline(always)]
    unsafe fn wide_switch_with_packet(from: *const Context, to: *const Context, packet: *const ()) -> Landing<Words> {
        let (target, packet_back);
        let (b0, b1, b2, b3, b4, b5, b6, b7);
        // SAFETY: as in `switch_with_packet`, with seven words more in r8 to r14, out.
        unsafe {
            switch!(
                false, from, ["mov rax, [rdx + {PC}]", "xor edx, edx", "jmp rax"],
                lateout("rdi") b0,
                lateout("r8") b1,
                lateout("r9") b2,
                lateout("r10") b3,
                lateout("r11") b4,
                lateout("r12") b5,
                lateout("r13") b6,
                lateout("r14") b7,
                inlateout("rdx") to => target,
                inlateout("rcx") packet => packet_back,
            );
        }
        Landing { words: Words([b0, b1, b2, b3, b4, b5, b6, b7]), target, packet: packet_back }
    }

    #[inline(always)]
    unsafe fn finish_with_words(to: *const Context, words: Words) -> ! {
        let Words([w0, w1, w2, w3, w4, w5, w6, w7]) = words;
        // SAFETY: as in `finish_with_word`, with seven words more in r8 to r14.
        unsafe {
            asm!(
                control!(load),
                load!(),
                "jmp qword ptr [rdx + {PC}]",
                SP = const offset::SP,
                PC = const offset::PC,
                FRAME = const offset::FRAME,
                RESERVED = const offset::RESERVED,
                in("rdi") w0,
                in("r8") w1,
                in("r9") w2,
                in("r10") w3,
                in("r11") w4,
                in("r12") w5,
                in("r13") w6,
                in("r14") w7,
                in("rdx") to,
                options(noreturn),
            )
        }
    }

    #[inline(always)]
    unsafe fn call_on(sp: *mut u8, function: Diverging, argument: *const ()) -> ! {
        // SAFETY: in: rdi, rdx, rcx. The caller vouches for the stack below `sp`; 128 bytes of it stay free, for a red
        // zone.
        unsafe {
            asm!(
                "mov rsi, rsp",
                "lea rsp, [rdx - 128]",
                "and rsp, -16",
                "xor ebp, ebp",
                // rdi = argument, rsi = the old rsp, rcx = function. rsp is on the other stack. rbp = 0 ends a walk
                // along frame pointers.
                "jmp {outermost}",
                outermost = sym outermost,
                in("rdi") argument,
                in("rdx") sp,
                in("rcx") function,
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
            asm!(
                "movzx {0:e}, byte ptr [{1} - 1]",
                out(reg) before,
                in(reg) pc,
                options(readonly, nostack, preserves_flags),
            );
        }
        before == MARK
    }
}
