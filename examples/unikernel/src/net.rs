//! TCP: smoltcp's sockets, and the task that polls them.

use crate::board::CLOCK;
use crate::board::nic::Nic;
use crate::stream::Stream;
use crate::{Result, Task};
use core::cell::RefCell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use greenlet_hub::Signal;
use heapless::Vec;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration as Span, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Address};
use static_cell::ConstStaticCell;

/// Connections at a time, with those that are being opened, refused and closed.
pub(crate) const SOCKETS: usize = 48;
/// The bytes that a socket has for each direction.
const BUFFER: usize = 1536;

/// The address that QEMU's user network expects a guest to have, and its router.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// A connection whose other side does not even acknowledge is aborted after this time.
pub(crate) const SILENCE: Span = Span::from_secs(12);
/// One whose other side does not complete the handshake is aborted after this time.
const HANDSHAKE: Span = Span::from_secs(4);
/// After a connection was closed here, the other side has this time to acknowledge all that was sent.
const FAREWELL: Span = Span::from_secs(10);
/// When it has, it has this time to close the connection, too.
const LINGER: Span = Span::from_secs(2);
/// How long an acknowledgement may wait for something that it can be sent with.
const ACKNOWLEDGEMENT: Span = Span::from_millis(10);

/// What the task of the network waits for.
static NETWORK: Signal = Signal::new().named("network");
/// In `NETWORK`: the card has an interrupt.
const CARD: u32 = 1;
/// In `NETWORK`: a task has changed a socket.
const SOCKET: u32 = 1 << 1;

/// What the task that accepts waits for.
static CONNECTION: Signal = Signal::new().named("a connection");

/// The sockets that listened when the network was polled last.
static FREE: AtomicUsize = AtomicUsize::new(SOCKETS);

/// Returns how many sockets are there for further connections.
pub(crate) fn free() -> usize {
    FREE.load(Relaxed)
}

#[derive(Clone, Copy)]
struct Buffers {
    receive: [u8; BUFFER],
    send: [u8; BUFFER],
}

static BUFFERS: ConstStaticCell<[Buffers; SOCKETS]> =
    ConstStaticCell::new([Buffers { receive: [0; BUFFER], send: [0; BUFFER] }; SOCKETS]);
static STORAGE: ConstStaticCell<[SocketStorage<'static>; SOCKETS]> =
    ConstStaticCell::new([const { SocketStorage::EMPTY }; SOCKETS]);

/// The network. No task waits while it borrows the inside, so a borrow never fails.
pub(crate) struct Net {
    inner: RefCell<Inner>,
    port: u16,
}

struct Inner {
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    uses: Vec<(SocketHandle, Use), SOCKETS>,
}

/// What a socket is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It listens, or a connection is being opened.
    Listens,
    /// A [`Connection`] has it.
    Taken,
    /// It was closed, is aborted at this time, and listens again when it is done.
    Closes(Instant),
}

/// A connection of a task. Closed when dropped.
pub(crate) struct Connection {
    net: &'static Net,
    handle: SocketHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.net.close(self.handle);
    }
}

fn now() -> Instant {
    Instant::from_micros(CLOCK.microseconds() as i64)
}

impl Net {
    /// Starts the network. All sockets listen to `port`.
    ///
    /// # Panics
    ///
    /// The machine has no network card.
    pub(crate) fn new(port: u16) -> Self {
        let mut nic = Nic::find(|| NETWORK.raise(CARD)).expect("QEMU is started with a virtio network card");
        let address = HardwareAddress::Ethernet(EthernetAddress(nic.mac()));
        let mut interface = Interface::new(Config::new(address), &mut nic, now());
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ADDRESS.into(), 24)).expect("the first address has room");
        });
        interface.routes_mut().add_default_ipv4_route(ROUTER).expect("the first route has room");
        let mut sockets = SocketSet::new(&mut STORAGE.take()[..]);
        let uses = BUFFERS.take().iter_mut().map(|Buffers { receive, send }| {
            let mut socket = Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
            socket.set_nagle_enabled(false);
            socket.set_timeout(Some(HANDSHAKE));
            socket.set_keep_alive(Some(SILENCE / 2));
            socket.listen(port).expect("a new socket can listen");
            (sockets.add(socket), Use::Listens)
        });
        let uses = uses.collect();
        Self { inner: RefCell::new(Inner { nic, interface, sockets, uses }), port }
    }

    /// The task of the network: passes frames between the card and the sockets, for ever.
    pub(crate) fn run(&self, me: &Task) -> Result {
        loop {
            match self.poll() {
                // There is more to send than the card has room for, for instance: a time-out of zero would let no other
                // task run.
                Some(Duration::ZERO) => me.yield_now()?,
                Some(pause) => me.with_timeout(pause, || NETWORK.wait(me)).map(drop)?,
                None => NETWORK.wait(me).map(drop)?,
            }
        }
    }

    /// Receives and sends what there is. Returns how long there is nothing to do if nothing arrives.
    fn poll(&self) -> Option<Duration> {
        let Inner { nic, interface, sockets, uses } = &mut *self.inner.borrow_mut();
        let now = now();
        nic.acknowledge();
        interface.poll(now, nic, sockets);
        let (mut has_arrived, mut pause, mut free) = (false, None::<Span>, 0);
        for (handle, used) in uses {
            let socket = sockets.get_mut::<Socket<'_>>(*handle);
            let left = match used {
                Use::Taken => continue,
                Use::Listens => None,
                Use::Closes(end) => {
                    // The rest of a request that was refused: the other side cannot read the response before it was
                    // sent.
                    while socket.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|count| count > 0) {}
                    if socket.state() == State::FinWait2 {
                        *end = (*end).min(now + LINGER);
                    }
                    Some((*end).max(now) - now)
                }
            };
            match (socket.state(), left) {
                (State::Listen, _) => free += 1,
                (State::SynReceived, _) => {}
                // Both sides are done. The time-wait state would keep the socket for ten seconds.
                (State::Closed | State::TimeWait, _) => {
                    socket.abort();
                    socket.set_ack_delay(Some(ACKNOWLEDGEMENT));
                    socket.set_timeout(Some(HANDSHAKE));
                    socket.listen(self.port).expect("a closed socket can listen");
                    *used = Use::Listens;
                    free += 1;
                }
                (_, None) => has_arrived = true,
                (_, Some(Span::ZERO)) => {
                    socket.abort();
                    pause = Some(Span::ZERO); // to send the reset
                }
                (_, Some(left)) => pause = Some(pause.map_or(left, |pause| pause.min(left))),
            }
        }
        FREE.store(free, Relaxed);
        if has_arrived {
            CONNECTION.raise(1);
        }
        let pause = [pause, interface.poll_delay(now, sockets)].into_iter().flatten().min();
        pause.map(|pause| Duration::from_micros(pause.total_micros()))
    }

    /// Waits for the next connection.
    pub(crate) fn accept(&self, me: &Task) -> Result<SocketHandle> {
        loop {
            if let Some(handle) = self.take_established() {
                return Ok(handle);
            }
            CONNECTION.wait(me)?;
        }
    }

    fn take_established(&self) -> Option<SocketHandle> {
        let Inner { sockets, uses, .. } = &mut *self.inner.borrow_mut();
        let (handle, used) = uses.iter_mut().find(|(handle, used)| {
            let state = sockets.get::<Socket<'_>>(*handle).state();
            *used == Use::Listens && matches!(state, State::Established | State::CloseWait)
        })?;
        *used = Use::Taken;
        sockets.get_mut::<Socket<'_>>(*handle).set_timeout(Some(SILENCE));
        Some(*handle)
    }

    /// Returns what closes a connection when it is dropped.
    pub(crate) fn open(&'static self, handle: SocketHandle) -> Connection {
        Connection { net: self, handle }
    }

    /// Resets all connections. Returns how many sockets are closed, with their resets sent, after a second at most.
    pub(crate) fn end(&self) -> usize {
        let Inner { nic, interface, sockets, uses } = &mut *self.inner.borrow_mut();
        for (handle, _) in uses.iter() {
            sockets.get_mut::<Socket<'_>>(*handle).abort();
        }
        let until = now() + Span::from_secs(1);
        loop {
            interface.poll(now(), nic, sockets);
            let is_closed = |handle| sockets.get::<Socket<'_>>(handle).remote_endpoint().is_none();
            let closed = uses.iter().filter(|(handle, _)| is_closed(*handle)).count();
            if closed == SOCKETS || now() >= until {
                return closed;
            }
        }
    }

    /// Makes a stream of a connection, for the task `me`.
    pub(crate) fn stream<'a>(&'a self, me: &'a Task, handle: SocketHandle) -> Stream<'a> {
        Stream::new(self, me, handle)
    }

    /// Calls `look` with a socket.
    pub(crate) fn with<R>(&self, handle: SocketHandle, look: impl FnOnce(&mut Socket<'_>) -> R) -> R {
        look(self.inner.borrow_mut().sockets.get_mut(handle))
    }

    /// Has the network send what the changes of sockets lead to, when the task that made them waits.
    pub(crate) fn has_changed(&self) {
        NETWORK.raise(SOCKET);
    }

    /// Sends `bytes`, if there is room for them, and closes the connection.
    pub(crate) fn refuse(&self, handle: SocketHandle, bytes: &[u8]) {
        let _sent = self.with(handle, |socket| socket.send_slice(bytes));
        self.close(handle);
    }

    /// Closes a connection. Its socket listens again when that is done.
    pub(crate) fn close(&self, handle: SocketHandle) {
        self.with(handle, |socket| {
            socket.close();
            // The last one would be lost: the socket listens again as soon as both sides are done.
            socket.set_ack_delay(None);
        });
        let uses = &mut self.inner.borrow_mut().uses;
        if let Some((_, used)) = uses.iter_mut().find(|(other, _)| *other == handle) {
            *used = Use::Closes(now() + FAREWELL);
        }
        self.has_changed();
    }
}
