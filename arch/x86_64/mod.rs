//! The switch for x86_64, System V ABI, hosted and freestanding; and UEFI, whose C ABI is another one.
//!
//! ```text
//!   register   at the jump                              at label 2, in the other context
//!   rdi        word, if there is no packet              word
//!   rdx        to: loaded from here; then null, if      the context that goes on; null: there is a packet
//!              there is a packet
//!   rcx        packet                                   packet
//!   rsi        from: saved here                         anything
//!   rsp, rbp   saved in from, loaded from to            as they were when this context left
//!   rbx        saved in from, loaded from to            as it was
//!   others     clobbered: the compiler saved what is live, all lanes of it, whatever the code around may use
//!   control    with the feature: saved in from, loaded     as it was
//! ```
//!
//! The target is reached by an indirect jump. A `ret` would be shorter, and mispredicted every time: the return stack of
//! the processor expects to go back to the caller.

use super::{Context, Landing, Last, Word, offset};
use core::arch::{asm, naked_asm};

#[macro_use]
mod control;
#[cfg(feature = "fp-control")]
pub(crate) use control::control;

/// Calls `$function`, a register, with what travels in the registers of the System V ABI.
#[cfg(not(target_os = "uefi"))]
macro_rules! c_call {
    ($function:literal) => {
        concat!("call ", $function)
    };
}

/// The same by the C ABI of UEFI, Microsoft's: rcx, rdx, r8 and r9, and 32 bytes of stack that are the callee's. What that ABI keeps
/// beyond the other one, rdi, rsi and xmm6 to xmm15, the clobbers of a switch name in any case.
#[cfg(target_os = "uefi")]
macro_rules! c_call {
    ($function:literal) => {
        concat!(
            "mov rax, ",
            $function,
            "
            mov r9, rcx
            mov r8, rdx
            mov rdx, rsi
            mov rcx, rdi
            sub rsp, 32
            call rax"
        )
    };
}

mod first_frame;
pub(crate) use first_frame::trampoline;

/// What lies before a marked switch's label 2, and is never executed: `int3`. Before an unmarked one is the end of a jump, which is
/// another byte.
const MARK: u32 = 0xcc;

/// Whether a context that stands at `pc` left by a marked switch.
pub(crate) fn is_mark(pc: *const ()) -> bool {
    if pc.is_null() || pc == trampoline as *const () {
        return false;
    }
    let before: u32;
    // SAFETY: `pc` is a label 2, and reads what is before it. In assembly, because to Rust code is no memory.
    unsafe {
        asm!("movzx {0:e}, byte ptr [{1} - 1]", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags));
    }
    before == MARK
}

/// What [`switch`] and [`send`] have in common: all but how they go, which is `$go`, and the registers of what they bring.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($go:literal),*], $($operands:tt)*) => {
        asm!(
            "lea rax, [rip + 2f]",
            "mov [rsi + {SP}], rsp",
            "mov [rsi + {PC}], rax",
            "mov [rsi + {BP}], rbp",
            "mov [rsi + {BX}], rbx",
            control!(save),
            control!(load),
            "mov rsp, [rdx + {SP}]",
            "mov rbp, [rdx + {BP}]",
            "mov rbx, [rdx + {BX}]",
            $($go,)*
            ".if {MARKED}",
            "int3",
            ".endif",
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            PC = const offset::PC,
            BP = const offset::BP,
            BX = const offset::BX,
            inlateout("rsi") $from => _,
            $($operands)*
            out("rax") _,
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        )
    };
}

/// Saves this context in `from` and goes on in `to`, whose own `switch` or [`send`] returns `word`. Returns when a context comes
/// back to `from`, with what it brings. Until then `from` is [marked](Context::is_marked), or is not.
///
/// # Safety
///
/// - `from` is the context that runs; nothing else will save into it or start from it before it is gone to.
/// - `to` is [fresh](Context::fresh), or was left by this function or by `send` and not resumed since; its stack is untouched and
///   belongs to this core. `from` and `to` may be the same.
/// - `word` means to `to` what it means to the caller.
#[inline(always)]
pub(crate) unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
    let (word_back, direct, packet);
    // SAFETY: in: rdi, rsi, rdx; all other registers are dead or saved by the compiler, as the clobbers say, but for
    // rsp, rbp and rbx, which no clobber may name and which are saved and restored here. out: rdi, rdx, rcx. Neither `nostack`
    // nor `nomem` is given: the stack pointer must be aligned and below the red zone, memory changes while others run.
    // The caller vouches for the two contexts.
    unsafe {
        switch!(
            MARKED, from, ["jmp qword ptr [rdx + {PC}]"],
            inlateout("rdi") word => word_back,
            inlateout("rdx") to => direct,
            lateout("rcx") packet,
        );
    }
    Landing { word: word_back, direct, packet }
}

/// [`switch`] with a packet, and without a mark.
///
/// # Safety
///
/// As for [`switch`]; `packet` means to `to` what it means to the caller.
#[inline(always)]
pub(crate) unsafe fn send(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
    let (word, direct, packet_back);
    // SAFETY: as in `switch`, with rcx in, and no word.
    unsafe {
        switch!(
            false, from, ["mov rax, [rdx + {PC}]", "xor edx, edx", "jmp rax"],
            lateout("rdi") word,
            inlateout("rdx") to => direct,
            inlateout("rcx") packet => packet_back,
        );
    }
    Landing { word, direct, packet: packet_back }
}

/// Goes on in `to` with a word and never comes back: the stack of the caller is over.
///
/// # Safety
///
/// As for [`switch`], without `from` being saved. Whoever goes on may give the caller's stack to others, as soon as it has
/// read what `word` stands for.
#[inline(always)]
pub(crate) unsafe fn depart(to: *const Context, word: Word) -> ! {
    // SAFETY: as in `switch`; nothing is live after a jump that does not return.
    unsafe {
        asm!(
            control!(load),
            "mov rsp, [rdx + {SP}]",
            "mov rbp, [rdx + {BP}]",
            "mov rbx, [rdx + {BX}]",
            "jmp qword ptr [rdx + {PC}]",
            SP = const offset::SP,
            PC = const offset::PC,
            BP = const offset::BP,
            BX = const offset::BX,
            in("rdi") word,
            in("rdx") to,
            options(noreturn),
        )
    }
}

/// [`depart`] with a packet.
///
/// # Safety
///
/// As for [`depart`].
#[inline(always)]
pub(crate) unsafe fn leave(to: *const Context, packet: *const ()) -> ! {
    // SAFETY: as in `depart`.
    unsafe {
        asm!(
            control!(load),
            "mov rsp, [rdx + {SP}]",
            "mov rbp, [rdx + {BP}]",
            "mov rbx, [rdx + {BX}]",
            "mov rax, [rdx + {PC}]",
            "xor edx, edx",
            "jmp rax",
            SP = const offset::SP,
            PC = const offset::PC,
            BP = const offset::BP,
            BX = const offset::BX,
            in("rdx") to,
            in("rcx") packet,
            options(noreturn),
        )
    }
}

/// Calls `last` with `argument` and with the stack pointer of the caller, on the stack that ends at `sp`.
///
/// # Safety
///
/// - The memory below `sp`, 128 bytes left free for who may have a red zone there, is a stack that nobody uses.
/// - `argument` means to `last` what it means to the caller. Nothing on the caller's stack is looked at again.
#[inline(always)]
pub(crate) unsafe fn call_on(sp: *mut u8, last: Last, argument: *const ()) -> ! {
    // SAFETY: a call that does not return, on a stack that the caller vouches for; the stack pointer is aligned before it.
    unsafe {
        asm!(
            "mov rsi, rsp",
            "lea rsp, [rdx - 128]",
            "and rsp, -16",
            "xor ebp, ebp",
            "jmp {ground}",
            ground = sym ground,
            in("rdi") argument,
            in("rdx") sp,
            in("rcx") last,
            options(noreturn),
        )
    }
}

/// Where a stack that [`call_on`] changed to begins: calls what is in rcx. Its call frame information says that nobody called, so
/// that a walk ends here: the frame of who changed stacks is not above it.
#[unsafe(naked)]
unsafe extern "C" fn ground() {
    naked_asm!(".cfi_startproc", ".cfi_undefined rip", c_call!("rcx"), "ud2", ".cfi_endproc")
}

/// `bits` exclusive or with the `AtomicU32` that lies `OFFSET` bytes above `base`: a relaxed load, since the processor reads an aligned
/// word in one piece, as a part of one instruction. The compiler makes it an instruction of its own.
///
/// # Safety
///
/// It lies there, as long as this runs.
#[cfg(bare)]
#[inline(always)]
pub(crate) unsafe fn xor_load<const OFFSET: usize>(base: *const (), bits: u32) -> u32 {
    let mut result = bits;
    // SAFETY: reads the word, by the contract. Not `nomem`; `pure`, so that it may be left out where the result is not used.
    unsafe {
        asm!(
            "xor {result:e}, dword ptr [{base} + {OFFSET}]",
            result = inout(reg) result,
            base = in(reg) base,
            OFFSET = const OFFSET,
            options(pure, readonly, nostack),
        );
    }
    result
}

/// The stack pointer of the caller.
#[inline(always)]
pub(crate) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// Where the first word from `start` on lies that is not `word`; `end`, if there is none before that.
///
/// In assembly, because what lies there may be frames of code that runs, which to Rust code are no words.
///
/// # Safety
///
/// Both addresses are multiples of 8, and there is memory from `start` to `end`.
#[cfg(feature = "high-water")]
pub(crate) unsafe fn first_not(word: usize, start: *const usize, end: *const usize) -> *const usize {
    let mut at = start;
    // SAFETY: reads the words between the two and nothing else.
    unsafe {
        asm!(
            "2:",
            "cmp {at}, {end}",
            "je 3f",
            "cmp [{at}], {word}",
            "jne 3f",
            "add {at}, 8",
            "jmp 2b",
            "3:",
            at = inout(reg) at,
            end = in(reg) end,
            word = in(reg) word,
            options(readonly, nostack),
        );
    }
    at
}

/// RFLAGS.IF, bit 9 (Intel SDM volume 1, section 3.4.3.3).
#[cfg(bare)]
const INTERRUPT_ENABLE: u32 = 1 << 9;

/// What the processor says of interrupts: the bit that masks them, and nothing else.
#[cfg(bare)]
#[inline(always)]
pub(crate) fn interrupts() -> u32 {
    let flags: u64;
    // SAFETY: reads the flags by way of the stack, which the compiler keeps usable: `nostack` is not given.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags as u32 & INTERRUPT_ENABLE
}

/// The kinds of interrupts that `interrupts` masks: all of them, in one bit, or none.
#[cfg(bare)]
pub(crate) fn masked(interrupts: u32) -> u32 {
    !interrupts & INTERRUPT_ENABLE
}

/// Whether interrupts are masked, which they are in a handler unless it unmasks them.
#[cfg(bare)]
pub(crate) fn in_handler() -> bool {
    masked(interrupts()) != 0
}

/// What must not be set where a greenlet is given up, unless it was when its tree was entered: the direction flag, which is clear where
/// a function is called (System V ABI, 3.2.1).
#[cfg(feature = "abandon")]
pub(crate) fn state() -> u32 {
    /// RFLAGS.DF, bit 10.
    const DIRECTION: u64 = 1 << 10;
    let flags: u64;
    // SAFETY: as in `interrupts`.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    (flags & DIRECTION) as u32
}

/// Whether an interrupt that comes is pushed onto the stack of who runs: an entry of the IDT that the core has loaded has no stack of
/// its own (Intel SDM volume 3, sections 6.10 and 6.14.1).
#[cfg(all(feature = "abandon", bare))]
pub(crate) fn interrupts_come_here() -> bool {
    const NMI: usize = 2;
    const FIRST: usize = 32;
    /// Of the second four bytes of an entry: it is present; which of the seven stacks is its own.
    const PRESENT: u32 = 1 << 15;
    const STACK: u32 = 7;

    let mut register = [0u16; 5];
    // SAFETY: writes ten bytes.
    unsafe { asm!("sidt [{}]", in(reg) &mut register, options(nostack, preserves_flags)) };
    let [limit, base @ ..] = register.map(usize::from);
    let base = base.iter().rev().fold(0, |base, part| base << 16 | part);
    let entries = (limit + 1) / 16;
    (NMI..entries).filter(|vector| *vector == NMI || *vector >= FIRST && masked(interrupts()) == 0).any(|vector| {
        let word: u32;
        // SAFETY: an entry of the table that the processor reads. In assembly, since nobody has told Rust code of that memory.
        unsafe {
            asm!(
                "mov {:e}, [{} + 4]",
                out(reg) word,
                in(reg) base + 16 * vector,
                options(nostack, readonly, preserves_flags),
            );
        }
        word & PRESENT != 0 && word & STACK == 0
    })
}

/// Has a store to the 32 bytes below `end`, a multiple of 8, be an exception, and to no other that was watched before, once
/// [`start_watching`] was called.
#[cfg(all(feature = "watchpoint", bare))]
#[inline(always)]
pub(crate) fn watch(end: *const ()) {
    let end = end.addr();
    // SAFETY: an address in a debug register changes nothing, but for who asked for that with `start_watching`. Not `nomem`:
    // stores are not to be moved across it.
    unsafe {
        asm!(
            "mov dr0, {word0}",
            "mov dr1, {word1}",
            "mov dr2, {word2}",
            "mov dr3, {word3}",
            word0 = in(reg) end - 8,
            word1 = in(reg) end - 16,
            word2 = in(reg) end - 24,
            word3 = in(reg) end - 32,
            options(nostack, preserves_flags),
        );
    }
}

/// Turns on what [`watch`] has set.
///
/// # Safety
///
/// In ring 0; the debug registers are nobody else's, and #DB is caught.
#[cfg(all(feature = "watchpoint", bare))]
pub(crate) unsafe fn start_watching() {
    /// Of DR7 (Intel SDM, 18.2.4): all four on; each for stores (R/W 01) to 8 bytes (LEN 10). Bit 10 reads as one.
    const ON: u64 = 0x9999 << 16 | 1 << 10 | 0xff;
    // SAFETY: by the contract.
    unsafe { asm!("mov dr7, {}", in(reg) ON, options(nostack, preserves_flags)) };
}
