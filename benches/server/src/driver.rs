//! The card of the board, as embassy-net takes it.

use crate::board::nic::{Incoming, Nic, Outgoing};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::task::Context;
use embassy_net_driver::{Capabilities, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use smoltcp::phy::{Device, TxToken};
use smoltcp::time::Instant;

/// What the interrupt of the card wakes: the task of the network.
static NETWORK: AtomicWaker = AtomicWaker::new();
/// The card has an interrupt that is not acknowledged.
static IS_RAISED: AtomicBool = AtomicBool::new(false);

/// Called in the handler of the card's interrupt.
pub(crate) fn interrupted() {
    IS_RAISED.store(true, Relaxed);
    NETWORK.wake();
}

pub(crate) struct Driver(pub(crate) Nic);

impl embassy_net_driver::Driver for Driver {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received<'_>, Sent<'_>)> {
        NETWORK.register(context.waker());
        // Before the look for frames: only then does the next one interrupt.
        if IS_RAISED.swap(false, Relaxed) {
            self.0.acknowledge();
        }
        self.0.receive(Instant::ZERO).map(|(incoming, outgoing)| (Received(incoming), Sent(outgoing)))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<Sent<'_>> {
        NETWORK.register(context.waker());
        self.0.transmit(Instant::ZERO).map(Sent)
    }

    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = self.0.capabilities().max_transmission_unit;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.0.mac())
    }
}

/// A frame that was received.
pub(crate) struct Received<'a>(Incoming<'a>);

impl embassy_net_driver::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0.0)
    }
}

/// A frame to fill and send.
pub(crate) struct Sent<'a>(Outgoing<'a>);

impl embassy_net_driver::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        self.0.consume(length, fill)
    }
}
