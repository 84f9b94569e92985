//! TCP: smoltcp's sockets, and the task that polls them.

use crate::board::CLOCK;
use crate::board::nic::Nic;
use crate::stream::Stream;
use crate::{Result, Task};
use core::cell::RefCell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::Waker;
use core::time::Duration;
use greenlet_hub::Signal;
use heapless::Vec;
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::Socket as Any;
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

/// The sockets that listen.
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
}

struct Inner {
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    port: u16,
    /// Those that listen, and those whose connection is being opened.
    listening: Vec<SocketHandle, SOCKETS>,
    /// What is woken when one of these changes: the task that accepts.
    acceptor: Waker,
    /// Those that have a connection which is not accepted yet.
    established: Vec<SocketHandle, SOCKETS>,
    /// Those that were closed, with the time when they are aborted. When they are done they listen again.
    closing: Vec<(SocketHandle, Instant), SOCKETS>,
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

/// Has a socket listen that has no connection, or no more. A change of its state wakes `waker`.
fn listen(socket: &mut Socket<'_>, port: u16, waker: &Waker) {
    socket.abort();
    socket.set_ack_delay(Some(ACKNOWLEDGEMENT));
    socket.set_timeout(Some(HANDSHAKE));
    socket.listen(port).expect("a closed socket can listen");
    socket.register_send_waker(waker);
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
        let listening = BUFFERS.take().iter_mut().map(|Buffers { receive, send }| {
            let mut socket = Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
            socket.set_nagle_enabled(false);
            socket.set_keep_alive(Some(SILENCE / 2));
            listen(&mut socket, port, Waker::noop());
            sockets.add(socket)
        });
        let listening = listening.collect();
        let (acceptor, established, closing) = (Waker::noop().clone(), Vec::new(), Vec::new());
        let inner = Inner { nic, interface, sockets, port, listening, acceptor, established, closing };
        Self { inner: RefCell::new(inner) }
    }

    /// The task of the network: passes frames between the card and the sockets, for ever.
    ///
    /// Tasks that are woken by what was received run before there is a look for something to send: their responses are
    /// sent with the acknowledgements, and each look is at all sockets.
    pub(crate) fn run(&self, me: &Task) -> Result {
        loop {
            self.receive();
            me.check()?; // makes ready what was woken, so that it comes before this task
            me.yield_now()?;
            let raised = NETWORK.take();
            let pause = self.send();
            if raised & CARD == 0 {
                match pause {
                    Some(Duration::ZERO) => {} // there was more to send than the card has room for, for instance
                    Some(pause) => me.with_timeout(pause, || NETWORK.wait(me)).map(drop)?,
                    None => NETWORK.wait(me).map(drop)?,
                }
            }
        }
    }

    /// Passes on what has arrived.
    fn receive(&self) {
        let Inner { nic, interface, sockets, .. } = &mut *self.inner.borrow_mut();
        let now = now();
        nic.acknowledge();
        while interface.poll_ingress_single(now, nic, sockets) != PollIngressSingleResult::None {}
    }

    /// Sends what there is. Returns how long there is nothing to do if nothing arrives.
    fn send(&self) -> Option<Duration> {
        let Inner { nic, interface, sockets, port, listening, acceptor, closing, .. } = &mut *self.inner.borrow_mut();
        let now = now();
        interface.poll_egress(now, nic, sockets);
        let mut pause = None::<Span>;
        closing.retain_mut(|(handle, end)| {
            let socket = sockets.get_mut::<Socket<'_>>(*handle);
            // The rest of a request that was refused: the other side cannot read the response before it was sent.
            while socket.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|count| count > 0) {}
            match socket.state() {
                // Both sides are done. The time-wait state would keep the socket for ten seconds.
                State::Closed | State::TimeWait => {
                    listen(socket, *port, acceptor);
                    FREE.fetch_add(1, Relaxed);
                    listening.push(*handle).expect("there is room for all sockets");
                    return false;
                }
                State::FinWait2 => *end = (*end).min(now + LINGER),
                _ => {}
            }
            let left = (*end).max(now) - now;
            if left == Span::ZERO {
                socket.abort(); // and the reset is to be sent
            }
            pause = Some(pause.map_or(left, |pause| pause.min(left)));
            true
        });
        let pause = [pause, interface.poll_delay(now, sockets)].into_iter().flatten().min();
        pause.map(|pause| Duration::from_micros(pause.total_micros()))
    }

    /// Waits for the next connection. Must be woken for the first look.
    pub(crate) fn accept(&self, me: &Task) -> Result<SocketHandle> {
        loop {
            if let Some(handle) = self.inner.borrow_mut().established.pop() {
                return Ok(handle);
            }
            me.park()?;
            self.look_for_established(me.waker());
        }
    }

    /// Looks at what listens, and has the next change of it wake `waker`.
    fn look_for_established(&self, waker: Waker) {
        let Inner { sockets, port, listening, acceptor, established, .. } = &mut *self.inner.borrow_mut();
        *acceptor = waker;
        let mut free = 0;
        listening.retain(|handle| {
            let socket = sockets.get_mut::<Socket<'_>>(*handle);
            match socket.state() {
                State::Listen => free += 1,
                State::SynReceived => {}
                // The other side has reset it, or has not completed the handshake in time.
                State::Closed | State::TimeWait => {
                    listen(socket, *port, acceptor);
                    free += 1;
                }
                _ => {
                    socket.set_timeout(Some(SILENCE));
                    established.push(*handle).expect("there is room for all sockets");
                    return false;
                }
            }
            socket.register_send_waker(acceptor);
            true
        });
        FREE.store(free, Relaxed);
    }

    /// Returns what closes a connection when it is dropped.
    pub(crate) fn open(&'static self, handle: SocketHandle) -> Connection {
        Connection { net: self, handle }
    }

    /// Resets all connections. Returns how many sockets are closed, with their resets sent, after a second at most.
    pub(crate) fn end(&self) -> usize {
        let Inner { nic, interface, sockets, .. } = &mut *self.inner.borrow_mut();
        sockets.iter_mut().for_each(|(_, Any::Tcp(socket))| socket.abort());
        let until = now() + Span::from_secs(1);
        loop {
            interface.poll(now(), nic, sockets);
            let closed = sockets.iter().filter(|(_, Any::Tcp(socket))| socket.remote_endpoint().is_none()).count();
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
        let closing = &mut self.inner.borrow_mut().closing;
        closing.push((handle, now() + FAREWELL)).expect("there is room for all sockets");
        self.has_changed();
    }
}
