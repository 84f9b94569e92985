//! QEMU's `virt`, with an interrupt controller of version 3.
//!
//! `aarch64-rt` brings the core to Rust at EL1, with translation and caches on.

mod boot;
mod console;
mod interrupts;
mod memory;

pub(super) use console::{break_console_lock, print};
pub(super) use interrupts::listen;
pub(super) use memory::map;

use super::Card;
use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, CNTVCT_EL0, Readable, Writeable};
use core::ptr::NonNull;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};

/// The slots for virtio devices: their number, the address of the first, the bytes of each, and the first interrupt.
const SLOTS: usize = 32;
const FIRST_SLOT: usize = 0xa00_0000;
const SLOT: usize = 0x200;
const FIRST_INTERRUPT: u32 = 16;

/// Finds the first network card.
pub(super) fn find_card() -> Option<Card> {
    (0..SLOTS).zip(FIRST_INTERRUPT..).find_map(|(slot, interrupt)| {
        let header = NonNull::new((FIRST_SLOT + SLOT * slot) as *mut VirtIOHeader)?;
        // SAFETY: `virt` has a slot there, which is mapped as a device, and nothing else refers to it.
        let transport = unsafe { MmioTransport::new(header, SLOT) }.ok()?;
        (transport.device_type() == DeviceType::Network).then_some(Card { transport, interrupt })
    })
}

pub(super) fn ticks() -> u64 {
    CNTVCT_EL0.get()
}

pub(super) fn hertz() -> u32 {
    CNTFRQ_EL0.get() as u32
}

/// Sets the timer. Its interrupt is pending at once if the time has passed.
pub(super) fn arm(at: Option<u64>) {
    match at {
        Some(at) => {
            CNTV_CVAL_EL0.set(at);
            CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::SET);
        }
        None => CNTV_CTL_EL0.write(CNTV_CTL_EL0::ENABLE::CLEAR),
    }
    barrier::isb(barrier::SY);
}

pub(super) fn power_off() -> ! {
    let _refused = smccc::psci::system_off::<smccc::Hvc>();
    loop {
        aarch64_cpu::asm::wfi();
    }
}
