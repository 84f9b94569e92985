//! The board: boots QEMU machines into Rust, so that a guest is an ordinary program.
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! //! One line on what this guest shows.
//! use board::{check, println};
//!
//! board::guest!(main);
//!
//! fn main() {
//!     println!("...");
//!     check!(1 + 1 == 2);
//! }
//! ```
//!
//! What a guest sees is the same on every machine: [`print!`] and [`println!`] write to the serial port, [`check!`]
//! counts, [`input()`] is what the host handed in, [`instructions`] counts what was executed, [`record`] has the runner
//! draw a timeline. A guest ends with `DONE passed/total` and an [exit code](exit()); a panic and an unexpected
//! exception end it with a report of their own. [`cores`] starts the other cores of the machine.
//!
//! # Machines
//!
//! `aarch64` is QEMU's `virt`, and `raspi3b` by an image that is linked for it; `riscv` is `virt` with such processors;
//! `arm` is three boards with a Cortex-M; `armv7a` is `virt` with a Cortex-A15; `loongarch` is `virt` with such a processor; `x86_64` is `pc`, `q35` and
//! `microvm`, by the same image; `uefi` is `virt`
//! and `q35` again, with firmware that loads the guest. One folder each, which gives the rest of the board this and
//! nothing else:
//!
//! | item | contract |
//! |---|---|
//! | `serial::write(bytes)` | sends them; returns when the last one is on its way |
//! | `serial::drain()` | returns when everything has left |
//! | `frames::write(bytes)` | sends them by a channel that is no part of the transcript, if the host set it up |
//! | `leave(status)` | ends QEMU |
//! | `halt()` | sleeps for good |
//! | `interrupts::{init, raise, enable, disable, are_enabled, on_own_stack}` | as [`interrupts`] has it; an interrupt arrives in `interrupts::handle` |
//! | `timer::{set, stop}` | an interrupt after so many nanoseconds, once |
//! | `steps::{start, stop}` | steps; each arrives in `interrupts::step_to` |
//! | `resume::FRAME` | bytes of stack that both take before `interrupts` is called |
//! | `cores::{number, start, unmap}` | which core this is; starts one, which arrives in [`cores`]; takes out a guard page |
//! | `instructions()` | under `-icount shift=0`, how many instructions the machine has executed |
//!
//! Each boots from `_start`, in the state that QEMU's loader leaves behind, to `run` on the guest's stack: privileged,
//! interrupts masked, floating point on, .bss zeroed, every exception caught. Memory is mapped one to one: RAM, as much
//! as the tests' machines have, and what devices there are. Code and constants are read-only, nothing else is
//! executable, and there is nothing at address zero and in the pages that guard the stacks. On `uefi` the firmware
//! stays: it calls `efi_main`, has mapped the memory, and gets each exception, so that a guest which faults there never
//! ends.
//!
//! The board uses greenlets in its reports only: which one is current, and which one's stack has overflowed.

#![no_std]
#![cfg_attr(
    target_os = "uefi",
    allow(dead_code, reason = "no exception, interrupt or other core arrives in the board")
)]

#[cfg(not(any(
    all(
        target_os = "none",
        any(
            target_arch = "aarch64",
            target_arch = "arm",
            target_arch = "loongarch64",
            target_arch = "riscv32",
            target_arch = "riscv64",
            target_arch = "x86_64"
        )
    ),
    all(target_os = "uefi", any(target_arch = "aarch64", target_arch = "x86_64"))
)))]
compile_error!(
    "the board boots bare metal: build with `--target` aarch64-unknown-none, aarch64-unknown-none-softfloat, \
     armv7a-none-eabi, loongarch64-unknown-none, riscv32imac-unknown-none-elf, riscv32imc-unknown-none-elf, riscv64gc-unknown-none-elf, \
     riscv64imac-unknown-none-elf, thumbv6m-none-eabi, thumbv7em-none-eabi, thumbv7em-none-eabihf, thumbv7m-none-eabi, \
     thumbv8m.main-none-eabihf, x86_64-unknown-none, aarch64-unknown-uefi or x86_64-unknown-uefi"
);

#[cfg(all(target_arch = "aarch64", target_os = "none"))]
mod aarch64;
#[cfg(all(target_arch = "aarch64", target_os = "none"))]
use aarch64 as machine;

// Of the Arm processors with 32 bits, Armv7-A has atomics of 64, and Cortex-M has not.
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
mod arm;
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
use arm as machine;
#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
pub use arm::timer::{count_ticks, phases, ticks};

#[cfg(all(target_arch = "arm", target_has_atomic = "64"))]
mod armv7a;
#[cfg(all(target_arch = "arm", target_has_atomic = "64"))]
use armv7a as machine;

#[cfg(target_arch = "loongarch64")]
mod loongarch;
#[cfg(target_arch = "loongarch64")]
use loongarch as machine;

#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
mod riscv;
#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
use riscv as machine;

#[cfg(target_os = "uefi")]
mod uefi;
#[cfg(target_os = "uefi")]
use uefi as machine;

#[cfg(all(target_arch = "x86_64", target_os = "none"))]
mod x86_64;
#[cfg(all(target_arch = "x86_64", target_os = "none"))]
use x86_64 as machine;

/// The atomics of `core`; those of `portable-atomic` where `core` lacks compare-and-swap.
#[cfg(target_has_atomic = "ptr")]
pub use core::sync::atomic;
#[cfg(not(target_has_atomic = "ptr"))]
pub use portable_atomic as atomic;

pub mod check;
pub mod console;
pub mod cores;
#[cfg(not(any(target_arch = "loongarch64", target_arch = "x86_64", target_os = "uefi")))]
mod device;
mod exit;
mod fault;
pub mod faults;
mod hook;
mod input;
pub mod interrupts;
#[cfg_attr(target_os = "uefi", path = "uefi/memory.rs")]
mod memory;
pub mod overrun;
mod report;
#[cfg_attr(not(feature = "timeline"), path = "no_timeline.rs")]
pub mod timeline;

pub use check::checks;
pub use console::write;
pub use exit::exit;
pub use input::input;
pub use machine::frames::write as write_frames;
pub use machine::instructions;
pub use memory::{constants as code, guest_stack, unmap};
pub use report::{before_panic, on_panic};
pub use timeline::record;

/// Names the function that the machine runs: a `fn()`.
#[macro_export]
macro_rules! guest {
    ($main:path) => {
        // SAFETY: the board declares `guest_main` with this signature and nothing else defines it, or linking fails.
        #[unsafe(no_mangle)]
        fn guest_main() {
            let main: fn() = $main;
            main()
        }
    };
}

unsafe extern "Rust" {
    /// What [`guest!`] defines.
    safe fn guest_main();
}

/// Runs the guest, then ends the machine. Where every machine arrives when it has booted.
fn run() -> ! {
    guest_main();
    finish()
}

/// Ends the guest as its return does: with `DONE`, and whether all checks passed. For code that cannot return.
pub fn finish() -> ! {
    exit(check::done())
}
