//@ exit: reset
//@ profiles: release
#![no_std]
#![no_main]
//! A machine that resets itself after all checks passed: QEMU's exit status is 0, and yet it is no pass.

use board::{check, println};

board::guest!(main);

fn main() {
    check!(true);
    println!("about to reset");
    machine::reset()
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use core::arch::asm;

    /// Asks the firmware, which is QEMU here, by PSCI.
    pub(crate) fn reset() {
        const SYSTEM_RESET: u32 = 0x8400_0009;
        // SAFETY: PSCI's call of this number does not return, so nothing it changes is seen.
        unsafe { asm!("hvc #0", in("w0") SYSTEM_RESET, options(noreturn)) }
    }
}

#[cfg(all(target_arch = "arm", target_has_atomic = "64"))]
mod machine {
    use core::arch::asm;

    /// Asks the firmware, which is QEMU here, by PSCI.
    pub(crate) fn reset() {
        const SYSTEM_RESET: u32 = 0x8400_0009;
        // SAFETY: PSCI's call of this number, `hvc #0`, does not return, so nothing it changes is seen.
        unsafe { asm!(".inst 0xe1400070", in("r0") SYSTEM_RESET, options(noreturn)) }
    }
}

#[cfg(all(target_arch = "arm", not(target_has_atomic = "64")))]
mod machine {
    /// Asks the processor.
    pub(crate) fn reset() {
        /// The key, and SYSRESETREQ.
        const RESET: u32 = 0x05fa_0004;
        let register: *mut u32 = core::ptr::with_exposed_provenance_mut(0xe000_ed0c);
        // SAFETY: a register of the processor (AIRCR). It resets the machine: nothing after it runs.
        unsafe { register.write_volatile(RESET) };
        loop {
            core::hint::spin_loop();
        }
    }
}

#[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
mod machine {
    /// Asks the device that ends QEMU.
    pub(crate) fn reset() {
        const RESET: u32 = 0x7777;
        let device: *mut u32 = core::ptr::with_exposed_provenance_mut(0x10_0000);
        // SAFETY: a register of a device. It resets the machine: nothing after it runs.
        unsafe { device.write_volatile(RESET) };
        loop {
            core::hint::spin_loop();
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use core::arch::asm;

    /// A triple fault: an exception, and no handler for it, nor for the failure to find one.
    pub(crate) fn reset() {
        let no_handlers = [0_u16; 5]; // limit and base of the table of handlers
        // SAFETY: the exception finds no handler in an empty table, and the machine resets: nothing after it runs.
        unsafe { asm!("lidt [{}]", "ud2", in(reg) &no_handlers, options(noreturn)) }
    }
}
