//! The machine: start-up, the console, interrupts, the clock, and where the network card is. All `unsafe` code of the
//! server is here.

mod clock;
mod contain;
#[cfg_attr(target_arch = "aarch64", path = "aarch64/mod.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
mod machine;
pub(crate) mod nic;

pub(crate) use clock::CLOCK;
use core::fmt;
use core::ops::Range;
use virtio_drivers::transport::mmio::MmioTransport;

/// The network card, as the machine describes it.
pub(crate) struct Card {
    transport: MmioTransport<'static>,
    /// The number of its interrupt, as [`machine::listen`] takes it.
    interrupt: u32,
}

/// Prints a line to the console. Not for interrupt handlers: the code that they interrupt may be printing.
macro_rules! println {
    ($($arguments:tt)*) => { $crate::board::print(format_args!("{}\n", format_args!($($arguments)*))) };
}
pub(crate) use println;

/// Prints to the console.
pub(crate) fn print(arguments: fmt::Arguments<'_>) {
    machine::print(arguments);
}

/// Takes the memory away from pages that guard stacks: from now on an access to one is a fault.
pub(crate) fn guard(pages: impl Iterator<Item = Range<usize>>) {
    pages.for_each(|page| machine::unmap(page.start));
}

/// Ends QEMU.
pub(crate) fn power_off() -> ! {
    machine::power_off()
}
