#![no_std]
#![no_main]
//! The board itself: booted, privileged, memory as it was linked, floating point on, nothing handed in.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use board::{check, print, println};

board::guest!(main);

static DATA: AtomicU64 = AtomicU64::new(0x0123_4567_89ab_cdef);
static BSS: [AtomicU64; 4096] = [const { AtomicU64::new(0) }; 4096];

fn main() {
    print!("hello from ");
    println!("bare metal");

    check!(machine::is_privileged());
    check!(machine::translates());

    check!(DATA.swap(1, Relaxed) == 0x0123_4567_89ab_cdef, ".data was {:#x}", DATA.load(Relaxed));
    check!(DATA.load(Relaxed) == 1);
    check!(BSS.iter().all(|word| word.swap(1, Relaxed) == 0), ".bss was not zero");

    let stack = board::guest_stack();
    check!(stack.len() == 256 * 1024);
    check!(stack.contains(&machine::stack_pointer()), "{:#x} is not in {stack:#x?}", machine::stack_pointer());
    check!(machine::stack_pointer().is_multiple_of(16));

    check!(black_box(1.5_f64) * black_box(-2.0) == -3.0);
    check!(machine::doubled(1.25) == 2.5, "the floating point unit says {}", machine::doubled(1.25));

    let before = board::instructions();
    let after = board::instructions();
    println!("# one count after another: {}", after - before);
    check!(after >= before);

    let input = board::input();
    check!(input.is_empty(), "{} bytes were handed in", input.len());
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use core::arch::{asm, naked_asm};

    /// At EL1, with the stack pointer that belongs to no exception level.
    pub(crate) fn is_privileged() -> bool {
        let (level, selected): (u64, u64);
        // SAFETY: reads two registers that EL1 may read.
        unsafe { asm!("mrs {}, currentel", "mrs {}, spsel", out(reg) level, out(reg) selected) };
        level >> 2 == 1 && selected == 0
    }

    /// Translation and both caches are on.
    pub(crate) fn translates() -> bool {
        const ALL: u64 = 1 << 0 | 1 << 2 | 1 << 12; // M, C, I
        let control: u64;
        // SAFETY: reads a register that EL1 may read.
        unsafe { asm!("mrs {}, sctlr_el1", out(reg) control) };
        control & ALL == ALL
    }

    /// The stack pointer at a call.
    #[unsafe(naked)]
    pub(crate) extern "C" fn stack_pointer() -> usize {
        naked_asm!("mov x0, sp", "ret")
    }

    /// By the floating point unit, for soft-float targets too: their compiler does not touch its registers.
    pub(crate) fn doubled(value: f64) -> f64 {
        #[unsafe(naked)]
        extern "C" fn double(_bits: u64) -> u64 {
            naked_asm!(".arch_extension fp", "fmov d16, x0", "fadd d16, d16, d16", "fmov x0, d16", "ret")
        }
        f64::from_bits(double(value.to_bits()))
    }
}

#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
mod machine {
    use core::arch::{asm, naked_asm};

    /// A register that no mode below may read: which processor this is.
    #[cfg(not(feature = "supervisor-mode"))]
    pub(crate) fn is_privileged() -> bool {
        let hart: usize;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, mhartid", out(reg) hart) };
        hart == 0
    }

    /// A register that user mode may not read: where the board has exceptions handled.
    #[cfg(feature = "supervisor-mode")]
    pub(crate) fn is_privileged() -> bool {
        let vector: usize;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, stvec", out(reg) vector) };
        vector != 0
    }

    /// Nothing is translated. Only machine mode reads whether memory is protected: guests that end with a fault see it.
    #[cfg(feature = "supervisor-mode")]
    pub(crate) fn translates() -> bool {
        let translation: usize;
        // SAFETY: reads a register.
        unsafe { asm!("csrr {}, satp", out(reg) translation) };
        translation == 0
    }

    /// Nothing is translated in machine mode; but the entry of memory protection for code and constants is on, locked.
    #[cfg(not(feature = "supervisor-mode"))]
    pub(crate) fn translates() -> bool {
        const LOCKED: usize = 1 << 7;
        let entries: usize;
        // SAFETY: reads a register that machine mode may read: entry 14 is the seventh of the second eight, and the
        // third of the fourth four.
        #[cfg(target_arch = "riscv64")]
        unsafe {
            asm!("csrr {}, pmpcfg2", out(reg) entries)
        };
        // SAFETY: the same.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!("csrr {}, pmpcfg3", out(reg) entries)
        };
        entries >> (usize::BITS - 16) & LOCKED != 0
    }

    /// The stack pointer at a call.
    #[unsafe(naked)]
    pub(crate) extern "C" fn stack_pointer() -> usize {
        naked_asm!("mv a0, sp", "ret")
    }

    /// By the floating point unit, for soft-float targets too: their compiler does not touch its registers.
    pub(crate) fn doubled(value: f64) -> f64 {
        #[unsafe(naked)]
        extern "C" fn double(_bits: &mut u64) {
            naked_asm!(
                ".option push",
                ".option arch, +d",
                "fld ft0, 0(a0)",
                "fadd.d ft0, ft0, ft0",
                "fsd ft0, 0(a0)",
                ".option pop",
                "ret"
            )
        }
        let mut bits = value.to_bits();
        double(&mut bits);
        f64::from_bits(bits)
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use core::arch::{asm, naked_asm};

    /// At privilege level 0, in a 64-bit segment.
    pub(crate) fn is_privileged() -> bool {
        const LONG: u32 = 1 << 21; // in the access rights of a segment
        let (selector, rights): (u64, u32);
        // SAFETY: reads the code segment and what its descriptor says.
        unsafe { asm!("mov {0}, cs", "lar {1:e}, {0:e}", out(reg) selector, out(reg) rights) };
        selector & 0b11 == 0 && rights & LONG != 0
    }

    /// Paging is on, and write protection with it.
    pub(crate) fn translates() -> bool {
        const ALL: u64 = 1 << 31 | 1 << 16; // PG, WP
        let control: u64;
        // SAFETY: reads a register that privilege level 0 may read.
        unsafe { asm!("mov {}, cr0", out(reg) control) };
        control & ALL == ALL
    }

    /// The stack pointer at a call, before it pushes the return address.
    #[unsafe(naked)]
    pub(crate) extern "C" fn stack_pointer() -> usize {
        naked_asm!("lea rax, [rsp + 8]", "ret")
    }

    /// By the floating point unit. The target is soft-float: the compiler does not touch its registers.
    pub(crate) fn doubled(value: f64) -> f64 {
        #[unsafe(naked)]
        extern "C" fn double(_bits: u64) -> u64 {
            naked_asm!("movq xmm15, rdi", "addsd xmm15, xmm15", "movq rax, xmm15", "ret")
        }
        f64::from_bits(double(value.to_bits()))
    }
}
