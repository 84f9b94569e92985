//! QEMU's `virt` with 64-bit or 32-bit RISC-V processors, without firmware.
//!
//! Runs in machine mode, or with the feature `supervisor-mode` in supervisor mode; memory is not translated in either:
//! guard pages and read-only memory are those of physical memory protection. Exceptions and interrupts are handled on stacks of their own, which `mscratch` points to. So a
//! guest may put its stack pointer wherever it likes, and an exception is reported all the same.

/// Macros of the assembler that load and store a word, `lx` and `sx`, for lines with an operand `word`: its bytes.
macro_rules! words {
    () => {
        r#"
    .macro  lx register, place:vararg
    .if {word} == 8
    ld      \register, \place
    .else
    lw      \register, \place
    .endif
    .endm
    .macro  sx register, place:vararg
    .if {word} == 8
    sd      \register, \place
    .else
    sw      \register, \place
    .endif
    .endm
"#
    };
}

/// The end of them: assembly of one crate may become one text, in which a macro has one definition at a time.
macro_rules! no_words {
    () => {
        ".purgem lx\n.purgem sx"
    };
}

mod boot;
mod clint;
pub(crate) mod cores;
mod csr;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod protection;
pub(crate) mod resume;
pub(crate) mod serial;
pub(crate) mod steps;
pub(crate) mod timer;
mod traps;

use core::arch::asm;

use crate::{device, run};

/// Where the UART is.
const UART: usize = 0x1000_0000;

/// Where `_start` arrives: on the guest's stack, with floating point on, exceptions caught and memory protected.
extern "C" fn start() -> ! {
    serial::init();
    run()
}

/// How many instructions the machine has executed, under `-icount shift=0`: exact, the same in every run.
/// Otherwise the ticks of the host's processor.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
pub fn instructions() -> u64 {
    let cycles;
    // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
    unsafe { asm!("csrr {}, cycle", out(reg) cycles, options(nostack, preserves_flags)) };
    cycles
}

/// How many instructions the machine has executed, under `-icount shift=0`: exact, the same in every run.
/// Otherwise the ticks of the host's processor.
#[cfg(target_pointer_width = "32")]
#[inline(always)]
pub fn instructions() -> u64 {
    loop {
        let (before, low, high): (u32, u32, u32);
        // SAFETY: reads a counter. Not `nomem`: what is measured must not be moved across it.
        unsafe {
            asm!(
                "csrr {}, cycleh",
                "csrr {}, cycle",
                "csrr {}, cycleh",
                out(reg) before,
                out(reg) low,
                out(reg) high,
                options(nostack, preserves_flags),
            );
        }
        if before == high {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Ends QEMU with `status`, by the device that SiFive's test benches have.
pub(crate) fn leave(status: u8) -> ! {
    const FINISHER: usize = 0x0010_0000;
    /// The test failed, with the code in the upper half: the one command that passes a code on.
    const FAIL: u32 = 0x3333;

    device::store(FINISHER, u32::from(status) << 16 | FAIL);
    halt()
}

/// Sleeps for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: sleeps.
        unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
    }
}
