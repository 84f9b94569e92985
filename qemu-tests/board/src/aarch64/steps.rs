//! Steps: the processor executes one instruction and takes a debug exception.
//!
//! ```text
//!   MDSCR_EL1.SS   PSTATE.D   PSTATE.SS, by `eret` from SPSR_EL1
//!       1             0            1          executes one instruction, which clears PSTATE.SS
//!       1             0            0          takes the exception; D masks others until it returns
//! ```
//!
//! An exception between a load-exclusive and its store makes the store fail: code that tries until it succeeds would be
//! stepped for ever. So it is stepped through once, in vain, and let through when it tries again, to breakpoints behind
//! it.

use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aarch64_cpu::registers::{ELR_EL1, MDSCR_EL1, OSLAR_EL1, ReadWriteable, Readable, SPSR_EL1, Writeable};

/// The load-exclusive that was stepped last, until it is let through; else 0.
static STEPPED: AtomicUsize = AtomicUsize::new(0);

/// Steps begin with the next instruction.
pub(crate) fn start() {
    OSLAR_EL1.write(OSLAR_EL1::OSLK::Unlocked); // locked by a reset, and no debug exception comes while it is
    step_next();
    // SAFETY: unmasks debug exceptions: their vector resumes the interrupted code, with every register as it was. Not
    // `nomem`: what the handler changes is looked at after it.
    unsafe { asm!("isb", "msr daifclr, #8", "isb", options(nostack, preserves_flags)) };
}

/// Steps end with this instruction.
pub(crate) fn stop() {
    // SAFETY: masks debug exceptions. Not `nomem`, as above.
    unsafe { asm!("msr daifset, #8", "isb", options(nostack, preserves_flags)) };
}

/// Where the vector of debug exceptions arrives, when all is saved: with a step, or at a breakpoint behind an
/// exclusive.
pub(super) extern "C" fn step() {
    let at = ELR_EL1.get() as usize;
    crate::interrupts::step_to(at);

    step_next();
    if is_exclusive(instruction(at), LOAD) && STEPPED.swap(at, Relaxed) == at {
        STEPPED.store(0, Relaxed);
        run_behind(at);
    }
}

/// The processor is to execute one instruction when the exception returns.
fn step_next() {
    breakpoints([0, 0]);
    MDSCR_EL1.write(MDSCR_EL1::KDE::AllDebugExceptionsEnabled + MDSCR_EL1::SS::SoftwareStepEnabled);
    SPSR_EL1.modify(SPSR_EL1::SS::SET);
}

/// The processor is to execute what follows the load-exclusive at `load`: until after the store, or to where a branch
/// goes between the two.
fn run_behind(load: usize) {
    /// Instructions between the two, at most: the architecture promises success only to short sequences.
    const LONGEST: usize = 16;

    let mut ends = [0, 0];
    for at in (load + 4..).step_by(4).take(LONGEST) {
        let word = instruction(at);
        if is_exclusive(word, STORE) {
            ends[0] = at + 4;
            break;
        }
        if let Some(distance) = conditional_branch(word) {
            assert!(ends[1] == 0, "two branches between the load-exclusive at {load:#x} and its store");
            ends[1] = at.wrapping_add_signed(distance);
        }
    }
    assert!(ends[0] != 0, "the load-exclusive at {load:#x} has no store");
    breakpoints(ends);
    MDSCR_EL1.write(MDSCR_EL1::KDE::AllDebugExceptionsEnabled + MDSCR_EL1::MDE::SET);
    SPSR_EL1.modify(SPSR_EL1::SS::CLEAR);
}

/// Breakpoints at these addresses; none at 0.
fn breakpoints(addresses: [usize; 2]) {
    /// Of DBGBCR: on, at EL1, all four bytes of the instruction.
    const ON: u64 = 1 << 0 | 0b01 << 1 | 0xf << 5;
    let [control0, control1] = addresses.map(|address| if address == 0 { 0 } else { ON });
    let [address0, address1] = addresses;
    // SAFETY: every processor has two breakpoints, nothing else uses them, and their exceptions are masked here.
    unsafe {
        asm!(
            "msr dbgbvr0_el1, {address0}",
            "msr dbgbcr0_el1, {control0}",
            "msr dbgbvr1_el1, {address1}",
            "msr dbgbcr1_el1, {control1}",
            address0 = in(reg) address0,
            control0 = in(reg) control0,
            address1 = in(reg) address1,
            control1 = in(reg) control1,
            options(nostack, preserves_flags),
        );
    }
}

/// Loads and stores of exclusives: the bits that say so, bit 22 aside.
const EXCLUSIVE: u32 = 0b001000 << 24;
const EXCLUSIVE_MASK: u32 = 0b111111 << 24 | 1 << 23;
/// Bit 22 says which.
const LOAD: u32 = 1 << 22;
const STORE: u32 = 0;

fn is_exclusive(word: u32, which: u32) -> bool {
    word & (EXCLUSIVE_MASK | LOAD) == EXCLUSIVE | which
}

/// How far `word` branches, if it is `b.cond`, `cbz` or `cbnz`, whose distances are in the same place.
fn conditional_branch(word: u32) -> Option<isize> {
    let is_one = word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000;
    // 19 bits from bit 5 on, in instructions: first up to where the sign is.
    is_one.then(|| ((word << 8) as i32 >> 13) as isize * 4)
}

/// The instruction at an address, where the processor has been.
fn instruction(at: usize) -> u32 {
    let code: *const u32 = ptr::with_exposed_provenance(at);
    // SAFETY: code is readable, aligned, and never written.
    unsafe { code.read_volatile() }
}
