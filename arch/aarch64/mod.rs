//! The switch for aarch64, AAPCS64, hosted and freestanding, with and without floating point registers.
//!
//! ```text
//!   register   at the branch                            at label 2, in the other context
//!   x0         word, if there is no packet              word
//!   x2         to: loaded from here; then null, if      the context that goes on; null: there is a packet
//!              there is a packet
//!   x3         packet                                   packet
//!   x1         from: saved here                         anything
//!   sp, x29    saved in from, loaded from to            as they were when this context left
//!   x19        saved in from, loaded from to            as it was
//!   x18        untouched: the platform's
//!   others     clobbered: the compiler saved what is live, d8 to d15 among them, and all lanes of SVE where it may use that
//!   fpcr       with the feature: saved in from, loaded     as it was
//! ```
//!
//! The target is reached by `br`, not by `ret`: the return stack of the processor expects to go back to the caller.

use super::{Context, Landing, Last, Word, offset};
use core::arch::{asm, naked_asm};
use core::cell::Cell;

#[macro_use]
mod control;
#[cfg(feature = "fp-control")]
pub(crate) use control::control;
#[cfg(bare)]
mod mpidr;
#[cfg(bare)]
pub use mpidr::Mpidr;

const _: () = assert!(offset::PC == offset::SP + 8 && offset::BX == offset::BP + 8, "sp, pc and bp, bx move in pairs");

/// What lies before a marked switch's label 2, and is never executed: `brk #0x6775`. Before an unmarked one is a branch.
const MARK: u32 = 0xd420_0000 | 0x6775 << 5;

/// Whether a context that stands at `pc` left by a marked switch.
pub(crate) fn is_mark(pc: *const ()) -> bool {
    if pc.is_null() || pc == trampoline as *const () {
        return false;
    }
    let before: u32;
    // SAFETY: `pc` is a label 2, and reads what is before it. In assembly, because to Rust code is no memory.
    unsafe {
        asm!("ldur {0:w}, [{1}, #-4]", out(reg) before, in(reg) pc, options(readonly, nostack, preserves_flags));
    }
    before == MARK
}

/// What [`switch`] and [`send`] have in common: all but what they do before they go, which is `$go`, and the registers of what
/// they bring.
macro_rules! switch {
    ($marked:expr, $from:ident, [$($go:literal),*], $($operands:tt)*) => {
        asm!(
            "adr x10, 2f",
            "mov x9, sp",
            "stp x9, x10, [x1, {SP}]",
            "stp x29, x19, [x1, {BP}]",
            control!(save),
            control!(load),
            "ldp x9, x10, [x2, {SP}]",
            "ldp x29, x19, [x2, {BP}]",
            "mov sp, x9",
            $($go,)*
            "br x10",
            ".if {MARKED}",
            "brk #0x6775",
            ".endif",
            "2:",
            MARKED = const $marked as u8,
            SP = const offset::SP,
            BP = const offset::BP,
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
    // SAFETY: in: x0 to x2; all other registers are dead or saved by the compiler, as the clobbers say, but for sp, x29 and
    // x19, which no clobber may name and which are saved and restored here. `clobber_abi` names v0 to v31 whole, although
    // the ABI has a callee keep the low halves of v8 to v15, and p0 to p15. out: x0, x2, x3. Neither `nostack` nor `nomem` is
    // given: the stack pointer must be aligned, memory changes while others run. The caller vouches for the two contexts.
    unsafe {
        switch!(
            MARKED, from, [],
            inlateout("x0") word => word_back,
            inlateout("x2") to => direct,
            lateout("x3") packet,
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
    // SAFETY: as in `switch`, with x3 in, and no word.
    unsafe {
        switch!(
            false, from, ["mov x2, xzr"],
            lateout("x0") word,
            inlateout("x2") to => direct,
            inlateout("x3") packet => packet_back,
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
    // SAFETY: as in `switch`; nothing is live after a branch that does not return.
    unsafe {
        asm!(
            control!(load),
            "ldp x9, x10, [x2, {SP}]",
            "ldp x29, x19, [x2, {BP}]",
            "mov sp, x9",
            "br x10",
            SP = const offset::SP,
            BP = const offset::BP,
            in("x0") word,
            in("x2") to,
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
            "ldp x9, x10, [x2, {SP}]",
            "ldp x29, x19, [x2, {BP}]",
            "mov sp, x9",
            "mov x2, xzr",
            "br x10",
            SP = const offset::SP,
            BP = const offset::BP,
            in("x2") to,
            in("x3") packet,
            options(noreturn),
        )
    }
}

/// Calls `last` with `argument` and with the stack pointer of the caller, on the stack that ends at `sp`.
///
/// # Safety
///
/// - The memory below `sp` is a stack that nobody uses; `sp` is a multiple of 16.
/// - `argument` means to `last` what it means to the caller. Nothing on the caller's stack is looked at again.
#[inline(always)]
pub(crate) unsafe fn call_on(sp: *mut u8, last: Last, argument: *const ()) -> ! {
    // SAFETY: a call that does not return, on a stack that the caller vouches for.
    unsafe {
        asm!(
            "mov x1, sp",
            "mov sp, x2",
            "mov x29, xzr",
            "b {ground}",
            ground = sym ground,
            in("x0") argument,
            in("x2") sp,
            in("x3") last,
            options(noreturn),
        )
    }
}

/// Where a stack that [`call_on`] changed to begins: calls what is in x3. Its call frame information says that nobody called, so
/// that a walk ends here: the frame of who changed stacks is not above it.
#[unsafe(naked)]
unsafe extern "C" fn ground() {
    naked_asm!(".cfi_startproc", ".cfi_undefined x30", "blr x3", "brk #1", ".cfi_endproc")
}

/// The stack pointer of the caller.
#[inline(always)]
pub(crate) fn stack_pointer() -> *mut u8 {
    let sp;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, sp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
    sp
}

/// Whether the stack pointer is `span` bytes above `floor` at most, and not below it, and the two words below `floor` are its
/// address: with its sign changed the higher one, as it is the lower one.
///
/// In assembly because the compiler makes eight instructions of this, with a branch for each question.
///
/// # Safety
///
/// The two words exist.
#[inline(always)]
pub(crate) unsafe fn stands(floor: &Cell<*const Cell<usize>>, span: &Cell<usize>) -> bool {
    // SAFETY: reads what the caller vouches for. `ccmp` compares when the words below are equal, and else sets the carry alone,
    // which is "higher".
    unsafe {
        asm!(
            "ldp {lower}, {higher}, [{floor}, #-16]",
            "add {higher}, sp, {higher}",
            "cmp {lower}, {floor}",
            "ccmp {higher}, {span}, #2, eq",
            "b.hi {fails}",
            floor = in(reg) floor.get(),
            span = in(reg) span.get(),
            lower = out(reg) _,
            higher = out(reg) _,
            fails = label { return false },
            options(readonly, nostack),
        );
    }
    true
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
            "b.eq 3f",
            "ldr {found}, [{at}]",
            "cmp {found}, {word}",
            "b.ne 3f",
            "add {at}, {at}, #8",
            "b 2b",
            "3:",
            at = inout(reg) at,
            end = in(reg) end,
            word = in(reg) word,
            found = out(reg) _,
            options(readonly, nostack),
        );
    }
    at
}

/// DAIF.F, I and A: the masks of FIQ, IRQ and SError, bits 6 to 8 (Arm ARM, C5.2.3).
#[cfg(bare)]
const MASKS: u32 = 0b111 << 6;

/// The interrupt masks as the processor holds them, in bits 6 to 8.
#[cfg(bare)]
#[inline(always)]
pub(crate) fn interrupts() -> u32 {
    let daif: u64;
    // SAFETY: reads a register that every exception level above 0 may read.
    unsafe { asm!("mrs {}, daif", out(reg) daif, options(nomem, nostack, preserves_flags)) };
    daif as u32 & MASKS
}

/// The kinds of interrupts that `interrupts` masks, a bit each.
#[cfg(bare)]
pub(crate) fn masked(interrupts: u32) -> u32 {
    interrupts
}

/// Whether IRQs are masked, which they are in a handler unless it unmasks them.
#[cfg(bare)]
pub(crate) fn in_handler() -> bool {
    /// DAIF.I.
    const IRQ: u32 = 1 << 7;
    interrupts() & IRQ != 0
}

/// What must not be set where a greenlet is given up, unless it was when its tree was entered: a bit for each of the two stack pointers
/// that may be `sp` (SPSel), and the mask of debug exceptions (DAIF.D; Arm ARM, C5.2.19 and C5.2.3).
#[cfg(all(feature = "abandon", bare))]
pub(crate) fn state() -> u32 {
    /// DAIF.D, bit 9.
    const D: u64 = 1 << 9;
    let (selected, daif): (u64, u64);
    // SAFETY: reads registers that every exception level above 0 may read.
    unsafe {
        asm!("mrs {}, spsel", "mrs {}, daif", out(reg) selected, out(reg) daif, options(nomem, nostack, preserves_flags))
    };
    (1 << (selected & 1) | daif & D) as u32
}

/// Has a store to the 64 bytes below `end`, a multiple of 64, be an exception, and to no other that was watched before, once
/// [`start_watching`] was called.
#[cfg(all(feature = "watchpoint", bare))]
#[inline(always)]
pub(crate) fn watch(end: *const ()) {
    // SAFETY: an address in a debug register changes nothing, but for who asked for that with `start_watching`. The barrier has
    // it take effect before the next store. Not `nomem`: stores are not to be moved across it.
    unsafe {
        asm!(
            "msr dbgwvr0_el1, {start}",
            "isb",
            start = in(reg) end.addr() - WATCHED,
            options(nostack, preserves_flags),
        );
    }
}

/// Bytes that are watched.
#[cfg(all(feature = "watchpoint", bare))]
const WATCHED: usize = 64;

/// Turns on what [`watch`] has set, and unmasks debug exceptions.
///
/// # Safety
///
/// At EL1; watchpoint 0 is nobody else's, and its exceptions are caught.
#[cfg(all(feature = "watchpoint", bare))]
pub(crate) unsafe fn start_watching() {
    /// Of DBGWCR (Arm ARM, D19.3.12): on, for EL1, stores, all 8 bytes of a doubleword, and 2 to this power of addresses.
    const ON: u64 = 1 << 0 | 0b01 << 1 | 0b10 << 3 | 0xff << 5 | (WATCHED.trailing_zeros() as u64) << 24;
    /// Of MDSCR_EL1: KDE and MDE, breakpoints and watchpoints in this exception level.
    const ENABLED: u64 = 1 << 13 | 1 << 15;
    // SAFETY: by the contract.
    unsafe {
        asm!(
            "msr oslar_el1, xzr", // locked by a reset, and no debug exception comes while it is
            "msr dbgwcr0_el1, {on}",
            "mrs {state}, mdscr_el1",
            "orr {state}, {state}, {enabled}",
            "msr mdscr_el1, {state}",
            "isb",
            "msr daifclr, #8",
            "isb",
            on = in(reg) ON,
            enabled = in(reg) ENABLED,
            state = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Where a fresh context starts: calls the entry in x19. The arguments are in their C places already, but for the context, which
/// the record tells.
///
/// The call frame information makes the linked context the caller of this frame. With `L` for the link, found below the
/// record on which x29 stands: CFA = `L->sp`, and pc (as column 30, x30), x29 and x19 are found at `&L->pc`, `&L->bp`,
/// `&L->bx`. Opcodes, from DWARF 5 (section 7.7.1 and 7.24): 0x0f def_cfa_expression, 0x10 expression, 0x8d breg29,
/// 0x06 deref, 0x23 plus_uconst. `signal_frame` keeps walkers from looking one instruction before the resume address.
///
/// # Safety
///
/// Not to be called: reached by [`switch`] or [`depart`] to a fresh context only.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn trampoline() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        ".cfi_escape 0x0f, 6, 0x8d, {LINK}, 0x06, 0x23, {SP}, 0x06",
        ".cfi_escape 0x10, 30, 5, 0x8d, {LINK}, 0x06, 0x23, {PC}",
        ".cfi_escape 0x10, 29, 5, 0x8d, {LINK}, 0x06, 0x23, {BP}",
        ".cfi_escape 0x10, 19, 5, 0x8d, {LINK}, 0x06, 0x23, {BX}",
        "sub x1, x29, {RECORD}",
        "blr x19",
        "brk #1",
        ".cfi_endproc",
        RECORD = const super::RECORD_AT,
        LINK = const offset::LINK_FROM_RECORD,
        SP = const offset::SP,
        PC = const offset::PC,
        BP = const offset::BP,
        BX = const offset::BX,
    )
}
