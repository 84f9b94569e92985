//! Steps: with the trap flag set, a debug exception follows every instruction.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use ::x86_64::registers::rflags::RFlags;
use ::x86_64::structures::idt::ExceptionVector;

/// The vector of debug exceptions.
pub(super) const VECTOR: usize = ExceptionVector::Debug as usize;

/// Whether debug exceptions are steps.
pub(super) static STEPPING: AtomicBool = AtomicBool::new(false);

/// Sets the trap flag: the first trap comes after the instruction that follows `popfq`.
pub(crate) fn start() {
    STEPPING.store(true, SeqCst);
    // SAFETY: the vector of the traps resumes the interrupted code, with every register as it was. The stack is usable:
    // `nostack` is not given. Not `nomem`: what the handler changes is looked at after it.
    unsafe {
        asm!("pushfq", "or qword ptr [rsp], {trap}", "popfq", trap = const RFlags::TRAP_FLAG.bits());
    }
}

/// Clears it. The last trap comes after `popfq`, which began with the flag set.
pub(crate) fn stop() {
    // SAFETY: as above.
    unsafe {
        asm!("pushfq", "and qword ptr [rsp], {others}", "popfq", "nop", others = const !RFlags::TRAP_FLAG.bits() as i32);
    }
    STEPPING.store(false, SeqCst);
}

/// The address in DR0 to DR3 that was written to, by the last debug exception; forgets it.
pub(super) fn watched() -> Option<usize> {
    let why: u64;
    let (address0, address1, address2, address3): (usize, usize, usize, usize);
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mov {}, dr6",
            "mov {}, dr0",
            "mov {}, dr1",
            "mov {}, dr2",
            "mov {}, dr3",
            out(reg) why,
            out(reg) address0,
            out(reg) address1,
            out(reg) address2,
            out(reg) address3,
            options(nomem, nostack, preserves_flags),
        );
    }
    let addresses = [address0, address1, address2, address3];
    // SAFETY: clears what was found there: the processor sets these bits and never clears them.
    unsafe { asm!("mov dr6, {}", in(reg) why & !0xf, options(nomem, nostack, preserves_flags)) };
    (0..addresses.len()).find(|index| why & 1 << index != 0).map(|index| addresses[index])
}

/// Where a step arrives, when all is saved: it came before the instruction at `rip`.
pub(super) extern "C" fn step(rip: usize) {
    /// Of DR6: this was a step (BS). The processor sets it and never clears it.
    const SINGLE_STEP: u64 = 1 << 14;

    let why: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, dr6", out(reg) why, options(nomem, nostack, preserves_flags)) };
    assert!(why & SINGLE_STEP != 0, "a debug exception came that is no step: DR6 is {why:#x}");
    // SAFETY: clears what was found there.
    unsafe { asm!("mov dr6, {}", in(reg) why & !SINGLE_STEP, options(nomem, nostack, preserves_flags)) };
    crate::interrupts::step_to(rip);
}
