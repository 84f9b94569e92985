//! The network card, a virtio device, as smoltcp takes it. All frames are in statics, and none is copied.

use super::{Card, machine};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst, fence};
use heapless::Vec;
use smoltcp::phy::{self, DeviceCapabilities};
use smoltcp::time::Instant;
use static_cell::ConstStaticCell;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// Frames that the card has for each direction, at most.
const QUEUE: usize = 32;
/// The bytes of a frame: the card's header of 12, and Ethernet's 1514.
const FRAME: usize = 1536;
const MTU: usize = 1514;

type Frames = [[u8; FRAME]; QUEUE];
type Raw = VirtIONetRaw<Dma, MmioTransport<'static>, QUEUE>;

static RECEIVED: ConstStaticCell<Frames> = ConstStaticCell::new([[0; FRAME]; QUEUE]);
static SENT: ConstStaticCell<Frames> = ConstStaticCell::new([[0; FRAME]; QUEUE]);

/// The network card.
pub(crate) struct Nic {
    raw: Raw,
    received: &'static mut Frames,
    /// By token: the frame that the card has with it.
    given: [u8; QUEUE],
    /// A frame that smoltcp has read, for the card to use again.
    read: Option<u8>,
    outbox: Outbox,
}

/// The frames to send.
struct Outbox {
    frames: &'static mut Frames,
    /// Those that the card does not have.
    free: Vec<u8, QUEUE>,
    /// By token: the frame that the card sends, and its length.
    sent: [(u8, usize); QUEUE],
}

impl Nic {
    /// Returns the first network card of the machine. `on_interrupt` is called in the handler of its interrupt.
    pub(crate) fn find(on_interrupt: fn()) -> Option<Self> {
        let Card { transport, interrupt } = machine::find_card()?;
        let outbox = Outbox { frames: SENT.take(), free: (0..QUEUE as u8).collect(), sent: [(0, 0); QUEUE] };
        let raw = Raw::new(transport).ok()?;
        let mut nic = Self { raw, received: RECEIVED.take(), given: [0; QUEUE], read: None, outbox };
        (0..QUEUE as u8).for_each(|frame| nic.give(frame));
        nic.raw.enable_interrupts();
        machine::listen(interrupt, on_interrupt);
        Some(nic)
    }

    pub(crate) fn mac(&self) -> [u8; 6] {
        self.raw.mac_address()
    }

    /// Acknowledges the interrupt. To be called before the look for frames: only then does the next one interrupt.
    pub(crate) fn acknowledge(&mut self) {
        self.raw.ack_interrupt();
    }

    /// Gives the card a frame to receive into.
    fn give(&mut self, frame: u8) {
        // SAFETY: the frame is in a static, and not accessed before the card has returned it.
        let token = unsafe { self.raw.receive_begin(&mut self.received[usize::from(frame)]) };
        self.given[usize::from(token.expect("the queue has room for all frames"))] = frame;
    }

    fn outgoing(&mut self) -> Outgoing<'_> {
        Outgoing { raw: &mut self.raw, outbox: &mut self.outbox }
    }
}

impl Outbox {
    /// Takes back what has been sent. Returns `true` if there is a frame to send.
    fn has_room(&mut self, raw: &mut Raw) -> bool {
        while let Some(token) = raw.poll_transmit() {
            let (frame, length) = self.sent[usize::from(token)];
            // SAFETY: the frame that was sent with this token.
            let done = unsafe { raw.transmit_complete(token, &self.frames[usize::from(frame)][..length]) };
            done.expect("the card has returned this token");
            before_the_next_look();
            self.free.push(frame).expect("there are no more frames than this has room for");
        }
        !self.free.is_empty()
    }
}

impl phy::Device for Nic {
    type RxToken<'a> = Incoming<'a>;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        if let Some(frame) = self.read.take() {
            self.give(frame);
        }
        if !self.outbox.has_room(&mut self.raw) {
            return None;
        }
        let token = self.raw.poll_receive()?;
        let number = self.given[usize::from(token)];
        let frame = &mut self.received[usize::from(number)];
        // SAFETY: the frame that was given with this token.
        let received = unsafe { self.raw.receive_complete(token, frame) };
        let (header, length) = received.expect("the card has returned this token");
        before_the_next_look();
        self.read = Some(number);
        let outgoing = Outgoing { raw: &mut self.raw, outbox: &mut self.outbox };
        Some((Incoming(&mut frame[header..][..length]), outgoing))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        self.outbox.has_room(&mut self.raw).then(|| self.outgoing())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// Orders what a completed frame leaves for the card, that the next one interrupts, before the look for that one, as
/// the specification demands of drivers. The driver has no barrier there: a processor may do the two the other way
/// round, and a frame that arrives between them would be neither seen nor announced, and nor would any after it.
fn before_the_next_look() {
    fence(SeqCst);
}

/// A frame that was received.
pub(crate) struct Incoming<'a>(pub(crate) &'a mut [u8]);

impl phy::RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// A frame to fill and send.
pub(crate) struct Outgoing<'a> {
    raw: &'a mut Raw,
    outbox: &'a mut Outbox,
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let number = self.outbox.free.pop().expect("`has_room` was true");
        let frame = &mut self.outbox.frames[usize::from(number)];
        let header = self.raw.fill_buffer_header(frame).expect("a frame has room for a header");
        let result = fill(&mut frame[header..][..length]);
        // SAFETY: the frame is in a static, and not accessed before the card has returned it.
        let token = unsafe { self.raw.transmit_begin(&frame[..header + length]) };
        let token = token.expect("the queue has room for all frames");
        self.outbox.sent[usize::from(token)] = (number, header + length);
        result
    }
}

/// Memory for the queues of the card. The card sees it at the same address as the core.
pub(crate) struct Dma;

/// Pages for all queues.
const PAGES: usize = 8;

#[repr(align(4096))]
struct Pages(#[allow(dead_code, reason = "the card's and the driver's, by address")] [u8; PAGES * PAGE_SIZE]);

static mut DMA: Pages = Pages([0; PAGES * PAGE_SIZE]);
static PAGES_IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: each page is handed out once and zeroed. Buffers are shared where they are: both are statics, which are mapped
// one to one, as all is but the stacks.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = PAGES_IN_USE.fetch_add(pages, Relaxed);
        assert!(first + pages <= PAGES, "the queues of the card take more than {PAGES} pages: make PAGES larger");
        let address = (&raw mut DMA).cast::<u8>().wrapping_add(first * PAGE_SIZE);
        (address.addr() as PhysAddr, NonNull::new(address).expect("a static has an address"))
    }

    unsafe fn dma_dealloc(_address: PhysAddr, _pages: NonNull<u8>, _count: usize) -> i32 {
        0 // the only card stays
    }

    unsafe fn mmio_phys_to_virt(_address: PhysAddr, _size: usize) -> NonNull<u8> {
        unreachable!("only the driver of PCI calls this")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        buffer.cast::<u8>().addr().get() as PhysAddr
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
