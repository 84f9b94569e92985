//! Questions about an x86_64 processor: stack pointer, RFLAGS, the interrupt descriptor table, debug registers.

use crate::arch::isa::Control;
use crate::arch::{BAND_WORDS, Bounds, Context, Cpu, INTERRUPT_BITS, Native};
use core::arch::asm;
use core::cell::Cell;

/// RFLAGS.IF, bit 9: set where interrupts are enabled (Intel SDM volume 1, section 3.4.3.3).
const INTERRUPT_ENABLE: u32 = 1 << 9;

const _: () = assert!(INTERRUPT_ENABLE & !INTERRUPT_BITS == 0);

impl Cpu for Native {
    #[inline(always)]
    fn stack_pointer() -> *mut u8 {
        let sp;
        // SAFETY: reads a register.
        unsafe { asm!("mov {}, rsp", out(reg) sp, options(nomem, nostack, preserves_flags)) };
        sp
    }

    /// The words are addressed from `base`, which is in a register: so `floor` is not loaded.
    #[inline(always)]
    unsafe fn stack_ok<const OFFSET: usize>(base: *const Context) -> bool {
        // The stack pointer is read first, and each word where it is used, so that the loads become memory operands.
        let sp = Self::stack_pointer().addr();
        // SAFETY: by the contract.
        let reach = unsafe { &*base.wrapping_byte_add(OFFSET).cast::<Bounds>() }.reach.get();
        // For a stack without bounds these are words of the context, and the sum may be any number.
        let lowest = base.wrapping_byte_add(reach).cast::<Cell<usize>>();
        // SAFETY: by the contract.
        let sum = sp.wrapping_add(unsafe { &*lowest }.get());
        // SAFETY: by the contract.
        let highest = unsafe { &*lowest.wrapping_add(BAND_WORDS - 1) };
        sum.wrapping_add(highest.get()) >= reach
    }

    unsafe fn first_mismatch(word: usize, start: *const usize, end: *const usize) -> *const usize {
        let mut at = start;
        // SAFETY: reads the words from `start` to `end` and nothing else.
        unsafe {
            asm!(
                "2:",
                // All words from `start` to `at` are `word`.
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

    /// One instruction with a memory operand; the compiler does not generate that for an atomic load. The access is
    /// atomic: the processor reads an aligned word in one access.
    #[cfg(bare)]
    #[inline(always)]
    unsafe fn xor_load<const OFFSET: usize>(base: *const (), bits: u32) -> u32 {
        let mut result = bits;
        // SAFETY: reads the word, by the contract. `pure`: the compiler may drop it where the result is not used.
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

    /// RFLAGS.IF alone.
    #[cfg(bare)]
    #[inline(always)]
    fn interrupts() -> u32 {
        flags() as u32 & INTERRUPT_ENABLE
    }

    /// One bit for all kinds of interrupts, since IF masks all of them.
    #[cfg(bare)]
    fn masked(interrupts: u32) -> u32 {
        !interrupts & INTERRUPT_ENABLE
    }

    /// RFLAGS.DF, the direction flag, which is clear at every call (System V ABI, 3.2.1).
    fn state() -> u32 {
        const DIRECTION: u64 = 1 << 10;
        (flags() & DIRECTION) as u32
    }

    /// Whether the interrupt descriptor table has an entry without a stack of its own, for an interrupt that may come
    /// now (Intel SDM volume 3, sections 6.10 and 6.14.1).
    #[cfg(bare)]
    fn interrupts_use_current_stack() -> bool {
        const NMI: usize = 2;
        /// The vectors from here on are for interrupts, which IF masks.
        const FIRST: usize = 32;
        /// In the second four bytes of an entry.
        const PRESENT: u32 = 1 << 15;
        /// The same: the number of the entry's own stack, or 0 for none.
        const STACK: u32 = 7;

        let mut register = [0u16; 5];
        // SAFETY: writes ten bytes.
        unsafe { asm!("sidt [{}]", in(reg) &mut register, options(nostack, preserves_flags)) };
        let [limit, base @ ..] = register.map(usize::from);
        let base = base.iter().rev().fold(0, |base, part| base << 16 | part);
        let entries = (limit + 1) / 16;
        let may_come = |vector: &usize| *vector == NMI || *vector >= FIRST && Self::masked(Self::interrupts()) == 0;
        (NMI..entries).filter(may_come).any(|vector| {
            let word: u32;
            // SAFETY: reads an entry of the table that the processor uses. In assembly, since Rust code has no pointer
            // to it.
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

    /// Watches the 32 bytes below `end`: 8 by each debug register.
    #[cfg(bare)]
    #[inline(always)]
    fn watch(end: *const ()) {
        let end = end.addr();
        // SAFETY: an address in a debug register has no effect until DR7 enables it. `nomem` is not given, so that no
        // store moves across.
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

    /// At ring 0. The exception is #DB, after the store.
    #[cfg(bare)]
    unsafe fn start_watching() {
        /// Of DR7 (Intel SDM, 18.2.4): all four enabled, each for stores (R/W 01) to 8 bytes (LEN 10). Bit 10 reads as
        /// one.
        const ON: u64 = 0x9999 << 16 | 1 << 10 | 0xff;
        // SAFETY: by the contract.
        unsafe { asm!("mov dr7, {}", in(reg) ON, options(nostack, preserves_flags)) };
    }

    /// MXCSR and the x87 control word.
    fn control() -> Control {
        let mut control = 0;
        // SAFETY: stores six bytes in eight.
        unsafe {
            asm!("stmxcsr [{0}]", "fnstcw [{0} + 4]", in(reg) &mut control, options(nostack, preserves_flags));
        }
        control
    }
}

/// RFLAGS.
///
/// LLDB finds no call frame information about the push, and knows only a `pop` of a register by its code, so it would
/// take the stack pointer for 8 bytes higher than it is in the rest of the function, in which a greenlet is then
/// suspended. It does not know the `pop` with a prefix that says what is so without it, a byte and no instruction more.
#[inline(always)]
fn flags() -> u64 {
    let flags;
    // SAFETY: reads the flags through the stack. `nostack` is not given, so that the compiler keeps no data below rsp.
    unsafe { asm!("pushfq", "rex64 pop {}", out(reg) flags, options(preserves_flags)) };
    flags
}
