//! The switch between two stacks: one folder per instruction set.
//!
//! This module deals with registers and stacks. It has no notion of greenlets: no tree, no parent, no value type.
//!
//! | file | content |
//! |---|---|
//! | `isa.rs` | the contract: [`Isa`] moves control, [`Cpu`] has queries about the processor |
//! | `context.rs` | [`Context`], where a suspended stack is saved; [`Landing`], what arrives with control |
//! | `NAME/switch.rs` | the implementation of [`Isa`], as inline assembly; for Thumb-1 `arm/thumb_1.rs`, for A32 `arm/a32.rs` |
//! | `NAME/lines.rs` | lines of assembly that several of these files share |
//! | `NAME/trampoline.rs` | the first frame of a stack, and its call frame information |
//! | `NAME/cpu.rs` | the implementation of [`Cpu`]: stack pointer, interrupt masks, debug registers |
//! | `NAME/control.rs` | floating-point control words, which the feature `fp-control` makes part of a context |
//! | `arm/limit.rs` | the processor's stack limit, which the feature `stack-limit` makes part of a context |
//! | `gdb_script.rs` | the lines of a trampoline that put the script for GDB into the ELF file |
//! | `miri/` | the same contract without assembly: Miri runs each context on a thread |
//!
//! To add an instruction set: write its folder, select it below, and accept it in `build/target.rs`.
//!
//! # What a switch keeps
//!
//! A switch is inline assembly in its caller. The assembly saves the stack pointer, the resume address, and the two
//! registers that no clobber can name: the frame pointer, and one register that LLVM reserves for itself. Every other
//! register is declared clobbered. So the compiler spills the registers that are live at the switch, and no others,
//! whatever the ABI calls callee-saved. The word and the packet travel in the argument registers of the C ABI, so that
//! a trampoline calls the entry of a fresh context without moving them.
//!
//! A switch does not keep the condition flags, the interrupt mask, and the floating-point control and status words
//! (MXCSR and the x87 words; FPCR and FPSR; fcsr; FPSCR). They belong to the core. With the feature `fp-control` each
//! context has control words of its own.
//!
//! # How a receiver distinguishes a packet from a word
//!
//! The register that holds `to` at the jump distinguishes them: it arrives unchanged with a word, and null with a
//! packet. So the fast path, which sends a word, needs no instruction for this.
//!
//! # How a switch is marked
//!
//! The instruction right before the resume address is one in a marked switch, and another in an unmarked one. The fast
//! path does not execute the mark, so it takes no time. [`Context::is_marked`] reads the code before the saved resume
//! address. Code must therefore be readable, as it is unless the program is linked with `--execute-only`.

#[cfg(not(miri))]
#[macro_use]
mod gdb_script;
mod context;
mod isa;

#[cfg(all(not(miri), target_arch = "aarch64"))]
#[path = "aarch64/mod.rs"]
mod native;

#[cfg(all(not(miri), target_arch = "arm"))]
#[path = "arm/mod.rs"]
mod native;

#[cfg(all(not(miri), target_arch = "loongarch64"))]
#[path = "loongarch/mod.rs"]
mod native;

#[cfg(all(not(miri), any(target_arch = "riscv32", target_arch = "riscv64")))]
#[path = "riscv/mod.rs"]
mod native;

#[cfg(all(not(miri), target_arch = "x86_64"))]
#[path = "x86_64/mod.rs"]
mod native;

#[cfg(miri)]
#[path = "miri/mod.rs"]
mod native;

#[cfg(not(any(bare, hosted)))]
compile_error!(
    "the build script of greenlet sets one of the cfgs `bare` and `hosted`, for targets that have a stack switch: \
     build with cargo, or set it as the build script would"
);

#[cfg(all(bare, feature = "stack-limit", not(stack_limit)))]
compile_error!(
    "greenlet's feature `stack-limit` needs a processor with a limit register for its stack: build for a target that \
     begins with `thumbv8m.main`, or leave the feature out. Elsewhere guard pages (`GuardedStackPool`) and the feature \
     `watchpoint` stop overflows"
);

pub(crate) use context::{
    BAND_WORDS, Bounds, Context, Diverging, FrameRecord, Landing, RECORD_AT, STACK_ALIGN, Word, Words,
    target_not_left_for,
};
pub(crate) use isa::{Cpu, INTERRUPT_BITS, Isa, Places};

/// Public items of the crate that one instruction set alone has. `lib.rs` exports all of them, by a glob, so no other
/// folder names an instruction set.
pub(crate) mod exports {
    #[cfg(all(bare, target_arch = "aarch64"))]
    pub use super::native::Mpidr;
}

#[cfg(not(miri))]
use context::HAS_BYTE_BEFORE;
#[cfg(all(not(miri), target_arch = "aarch64"))]
use context::NOT_LEFT;
#[cfg(not(miri))]
pub(crate) use context::offset;

/// The instruction set that the crate is compiled for. One of the folders implements [`Isa`] and [`Cpu`] for it.
pub(crate) enum Native {}

/// The address, hidden from the optimizer: the compiler must assume that it may be any.
#[cfg(not(miri))]
#[inline(always)]
pub(crate) fn opaque<T>(address: *const T) -> usize {
    let mut address = address.addr();
    // SAFETY: the assembly has no instruction.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) address, options(nomem, nostack, preserves_flags)) };
    address
}

/// Always 0: Miri does not optimize, so there is no optimizer to hide an address from.
#[cfg(miri)]
pub(crate) fn opaque<T>(_address: *const T) -> usize {
    0
}
