//! The machine: the files of `examples/unikernel`, but for what greenlets have of their own there.

#[path = "../../../../examples/unikernel/src/board/clock.rs"]
mod clock;
mod contain;
#[path = "../../../../examples/unikernel/src/board/aarch64/mod.rs"]
#[allow(dead_code, unused_imports, reason = "pages are mapped for stacks of greenlets alone")]
mod machine;
#[path = "../../../../examples/unikernel/src/board/nic.rs"]
pub(crate) mod nic;

pub(crate) use clock::CLOCK;
use virtio_drivers::transport::mmio::MmioTransport;

/// The network card, as the machine describes it.
pub(crate) struct Card {
    transport: MmioTransport<'static>,
    interrupt: u32,
}

/// Prints to the console.
pub(crate) fn print(text: &str) {
    machine::print(format_args!("{text}\n"));
}
