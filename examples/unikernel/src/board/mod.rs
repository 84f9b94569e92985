//! The machine: start-up, the console, interrupts, the clock, and where the network card is. All `unsafe` code of the
//! server is here. Of the crate it needs `main`, its hub `HUB` and the error `Fault`.

mod clock;
mod contain;
#[cfg_attr(target_arch = "aarch64", path = "aarch64/mod.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
mod machine;
pub(crate) mod nic;

pub(crate) use clock::CLOCK;
pub(crate) use contain::{overflows, panics};
use core::fmt;
use core::ops::Range;
use core::ptr;
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

/// A page of RAM for a stack.
#[derive(Clone, Copy)]
#[repr(align(4096))]
pub(crate) struct Frame(#[allow(dead_code, reason = "used at the address of a stack")] [u8; Frame::SIZE]);

impl Frame {
    /// The bytes of a page.
    pub(crate) const SIZE: usize = 4096;
    pub(crate) const UNUSED: Self = Self([0; Self::SIZE]);
}

unsafe extern "C" {
    /// The ends of the addresses of stacks, from `greenlet.x`.
    static _greenlet_stacks_start: u8;
    static _greenlet_stacks_end: u8;
}

/// Gives each page of the stacks a frame, but for those that are in `guards`: an access to one of these is a fault.
///
/// Stacks have addresses where there is no RAM, so a guard takes none.
///
/// # Panics
///
/// If there are fewer frames than pages.
pub(crate) fn map_stacks(frames: &'static mut [Frame], guards: impl Iterator<Item = Range<usize>> + Clone) {
    let (start, end) = ((&raw const _greenlet_stacks_start).addr(), (&raw const _greenlet_stacks_end).addr());
    let pages = (start..end).step_by(Frame::SIZE).filter(|page| !guards.clone().any(|guard| guard.contains(page)));
    let mut frames = frames.iter_mut();
    for page in pages {
        let frame = frames.next().expect("each page of the stacks needs a frame: make FRAMES larger");
        machine::map(page, ptr::from_mut(frame).expose_provenance());
    }
}

/// Ends QEMU.
pub(crate) fn power_off() -> ! {
    machine::power_off()
}
