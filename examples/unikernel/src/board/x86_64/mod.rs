//! QEMU's microvm, entered by PVH.

mod boot;
mod clock;
mod console;
mod interrupts;
mod memory;
mod vectors;

pub(super) use clock::{arm, hertz, ticks};
pub(super) use console::{break_console_lock, print};
pub(super) use interrupts::listen;
pub(super) use memory::map;

use super::Card;
use core::ptr::NonNull;
use pvh::start_info::reader::{IdentityMap, StartInfoReader};
use spin::Once;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceType, Transport};
use x86_64::instructions::hlt;
use x86_64::instructions::port::Port;

/// The bytes of the registers of a virtio device.
const REGISTERS: usize = 0x200;

/// What QEMU hands over: the address of PVH's start info.
static START_INFO: Once<u32> = Once::new();

/// Called by the start-up code, on main's stack, with interrupts masked.
extern "C" fn start(start_info: u32) -> ! {
    START_INFO.call_once(|| start_info);
    vectors::init();
    interrupts::init();
    clock::init();
    x86_64::instructions::interrupts::enable();
    crate::main()
}

/// Finds the first network card. microvm names each device on the command line:
/// `virtio_mmio.device=SIZE@ADDRESS:INPUT`.
pub(super) fn find_card() -> Option<Card> {
    let &address = START_INFO.get()?;
    // SAFETY: QEMU has put the start info there, and everything is mapped one to one.
    let info = unsafe { StartInfoReader::<IdentityMap>::from_paddr_identity(address) }?;
    info.cmdline()?.to_str().ok()?.split_ascii_whitespace().find_map(|word| {
        let (_size, place) = word.strip_prefix("virtio_mmio.device=")?.split_once("@0x")?;
        let (address, interrupt) = place.split_once(':')?;
        let header = NonNull::new(usize::from_str_radix(address, 16).ok()? as *mut _)?;
        // SAFETY: the machine has a device there, which is mapped, and nothing else refers to it.
        let transport = unsafe { MmioTransport::new(header, REGISTERS) }.ok()?;
        let interrupt = interrupt.parse().ok()?;
        (transport.device_type() == DeviceType::Network).then_some(Card { transport, interrupt })
    })
}

/// Ends QEMU, by its device `isa-debug-exit`.
pub(super) fn power_off() -> ! {
    // SAFETY: a write to this port has no other effect.
    unsafe { Port::<u32>::new(0xf4).write(0) };
    loop {
        x86_64::instructions::interrupts::disable();
        hlt();
    }
}
