//! The machine: start-up, the console, interrupts, the clock, and where the network card is. All `unsafe` code of the
//! server is here.

mod contain;
#[cfg_attr(target_arch = "aarch64", path = "aarch64/mod.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64/mod.rs")]
mod machine;
pub(crate) mod nic;

use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use greenlet_hub::{Platform, sleep_if};
use virtio_drivers::transport::mmio::MmioTransport;

/// The network card, as the machine describes it.
pub(crate) struct Card {
    transport: MmioTransport<'static>,
    /// The number of its interrupt, as [`machine::listen`] takes it.
    interrupt: u32,
}

/// The clock of the machine, for the hub.
pub(crate) struct Clock {
    /// Ticks that the core has slept.
    slept: AtomicU64,
    /// When it began to sleep; 0 while it is awake.
    asleep_since: AtomicU64,
}

pub(crate) static CLOCK: Clock = Clock { slept: AtomicU64::new(0), asleep_since: AtomicU64::new(0) };

impl Clock {
    /// Returns the microseconds since the machine was started.
    pub(crate) fn microseconds(&self) -> u64 {
        self.in_microseconds(self.now())
    }

    /// Returns a time of this clock in nanoseconds.
    pub(crate) fn nanoseconds(&self, ticks: u64) -> u64 {
        let hertz = u64::from(self.hertz());
        ticks / hertz * 1_000_000_000 + ticks % hertz * 1_000_000_000 / hertz
    }

    /// Returns the microseconds that the core did not sleep.
    pub(crate) fn awake(&self) -> u64 {
        self.in_microseconds(self.now() - self.slept.load(Relaxed))
    }

    /// Ends a sleep. Called first in handlers, whose own time is no sleep, and after a sleep that no handler ended.
    fn wakes(&self) {
        match self.asleep_since.swap(0, Relaxed) {
            0 => {}
            since => _ = self.slept.fetch_add(self.now() - since, Relaxed),
        }
    }

    fn in_microseconds(&self, ticks: u64) -> u64 {
        let hertz = u64::from(self.hertz());
        ticks / hertz * 1_000_000 + ticks % hertz * 1_000_000 / hertz
    }
}

impl Platform for Clock {
    fn now(&self) -> u64 {
        machine::ticks()
    }

    fn hertz(&self) -> u32 {
        machine::hertz()
    }

    fn arm(&self, at: Option<u64>) {
        machine::arm(at);
    }

    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        sleep_if(|| {
            let sleeps = sleep();
            if sleeps {
                self.asleep_since.store(self.now(), Relaxed);
            }
            sleeps
        });
        self.wakes();
    }
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
