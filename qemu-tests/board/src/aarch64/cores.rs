//! The other cores, by PSCI: the firmware, which is QEMU here, turns them on. On a Raspberry Pi they run from the
//! start; the boot code has them sleep until there is mail.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{MPIDR_EL1, Readable};

use super::processor::count_cycles;
use super::{boot, mmu, raspi3b};
use crate::cores::Start;

/// The machine was entered at EL2 or above. Then a hypervisor call goes there and not to the firmware, which takes
/// secure monitor calls.
static BY_SMC: AtomicBool = AtomicBool::new(false);

/// Notes at which exception level the machine was entered.
pub(super) fn entered_at(level: u64) {
    BY_SMC.store(level > 1, Relaxed);
}

/// Which core this is. QEMU's clusters have 8 cores at least, so the lowest affinity field is the number.
pub(crate) fn number() -> usize {
    MPIDR_EL1.read(MPIDR_EL1::Aff0) as usize
}

pub(crate) use mmu::take_out as unmap;

/// Starts `core`, which goes from the boot code to [`arrive`].
pub(crate) fn start(core: usize, start: &'static Start) {
    const CPU_ON: u64 = 0xc400_0003;
    const SUCCESS: i64 = 0;

    clean(start);
    if raspi3b::is_it() {
        raspi3b::write(core, (&raw const *start).addr() as u32);
        return;
    }
    let (call, entry, start) = (CPU_ON, boot::core_entry.as_ptr(), &raw const *start);
    let status: i64;
    if BY_SMC.load(Relaxed) {
        // SAFETY: PSCI's call: the core's affinity, where it starts, and what it finds in x0. It changes x0 to x17 at
        // most, and the new core nothing but its own stacks before it is in Rust.
        unsafe {
            asm!("smc #0", inlateout("x0") call => status, in("x1") core, in("x2") entry, in("x3") start, clobber_abi("C"));
        }
    } else {
        // SAFETY: the same by the other instruction.
        unsafe {
            asm!("hvc #0", inlateout("x0") call => status, in("x1") core, in("x2") entry, in("x3") start, clobber_abi("C"));
        }
    }
    assert!(status == SUCCESS, "PSCI starts no core {core} ({status}): does the guest's head say `cores`?");
}

/// Writes `start` back to memory, where a core looks for it that has its caches off.
fn clean(start: &'static Start) {
    const { assert!(size_of::<Start>() == 64, "one line of any cache") };
    // SAFETY: writes a line of the cache back; no value changes.
    unsafe { asm!("dc cvac, {}", in(reg) &raw const *start, options(nostack, preserves_flags)) };
    barrier::dsb(barrier::SY);
}

/// Where the boot code of such a core arrives: on a stack of its own, with floating point on and exceptions caught.
pub(super) extern "C" fn arrive() -> ! {
    mmu::turn_on();
    count_cycles();
    crate::cores::arrive()
}
