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
use heapless::{Deque, Vec};
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
/// How long the reset of a connection may wait until it can be sent. A computer on the same Ethernet that has vanished does
/// not even say where it is.
const RESET: Span = Span::from_secs(2);
/// How long an acknowledgement may wait for something that it can be sent with.
const ACKNOWLEDGEMENT: Span = Span::from_millis(10);

/// What the task of the network waits for.
static NETWORK: Signal = Signal::new().named("network");
/// In `NETWORK`: the card has an interrupt.
const CARD: u32 = 1;
/// In `NETWORK`: a task has changed a socket.
const SOCKET: u32 = 1 << 1;

/// The sockets that have no connection.
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

static SPARE: ConstStaticCell<Vec<Socket<'static>, SOCKETS>> = ConstStaticCell::new(Vec::new());

/// The network. No task waits while it borrows the inside, so a borrow never fails.
pub(crate) struct Net {
    inner: RefCell<Inner>,
}

struct Inner {
    nic: Nic,
    interface: Interface,
    /// Those that have a connection, and one that listens. smoltcp looks at all of them for each frame, for what there
    /// is to send, and for the next time-out.
    sockets: SocketSet<'static>,
    port: u16,
    /// Those that have no connection.
    spare: &'static mut Vec<Socket<'static>, SOCKETS>,
    /// The one that listens. `None` if all have a connection.
    listening: Option<SocketHandle>,
    /// Those whose connection is being opened, the oldest first.
    opening: Vec<SocketHandle, SOCKETS>,
    /// Those that have a connection which is not accepted yet, the oldest first.
    established: Deque<SocketHandle, SOCKETS>,
    /// What is woken when there is such a one: the task that accepts.
    acceptor: Waker,
    /// Those that were closed, with the time when they are aborted.
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

impl Inner {
    /// Passes on what has arrived.
    fn receive(&mut self) {
        let now = now();
        self.nic.acknowledge();
        let next = |inner: &mut Self| inner.interface.poll_ingress_single(now, &mut inner.nic, &mut inner.sockets);
        while next(self) != PollIngressSingleResult::None {
            // A frame can take the socket that listens: the next one finds another.
            self.listen();
        }
        self.look_at_opening();
    }

    /// Sends what there is.
    fn send(&mut self) {
        let now = now();
        self.interface.poll_egress(now, &mut self.nic, &mut self.sockets);
        self.look_at_opening(); // a handshake may have taken too long
        self.look_at_closing(now);
        self.listen();
    }

    /// Has a socket listen if none does.
    fn listen(&mut self) {
        if let Some(handle) = self.listening
            && !self.sockets.get::<Socket<'_>>(handle).is_listening()
        {
            self.opening.push(handle).expect("there is room for all sockets");
            self.listening = None;
        }
        if self.listening.is_none()
            && let Some(mut socket) = self.spare.pop()
        {
            socket.set_ack_delay(Some(ACKNOWLEDGEMENT));
            socket.set_timeout(Some(HANDSHAKE));
            socket.listen(self.port).expect("a closed socket can listen");
            self.listening = Some(self.sockets.add(socket));
        }
        FREE.store(self.spare.len() + usize::from(self.listening.is_some()), Relaxed);
    }

    /// Finds those whose connection was opened, or will not be.
    fn look_at_opening(&mut self) {
        let Self { sockets, spare, opening, established, acceptor, .. } = self;
        opening.retain(|handle| {
            let socket = sockets.get_mut::<Socket<'_>>(*handle);
            match socket.state() {
                State::SynReceived => return true,
                // The other side has reset it, or has not completed the handshake in time.
                State::Listen | State::Closed | State::TimeWait => retire(*handle, sockets, spare),
                _ => {
                    socket.set_timeout(Some(SILENCE));
                    established.push_back(*handle).expect("there is room for all sockets");
                    acceptor.wake_by_ref();
                }
            }
            false
        });
    }

    /// Finds those whose other side has closed the connection, too, or has had the time for that.
    fn look_at_closing(&mut self, now: Instant) {
        let Self { sockets, spare, closing, .. } = self;
        closing.retain_mut(|(handle, end)| {
            let socket = sockets.get_mut::<Socket<'_>>(*handle);
            // The rest of a request that was refused: the other side cannot read the response before it was sent.
            while socket.recv(|bytes| (bytes.len(), bytes.len())).is_ok_and(|count| count > 0) {}
            match socket.state() {
                // A reset is still to be sent.
                State::Closed if socket.remote_endpoint().is_some() && now < *end => {}
                // Both sides are done. The time-wait state would keep the socket for ten seconds.
                State::Closed | State::TimeWait => {
                    retire(*handle, sockets, spare);
                    return false;
                }
                State::FinWait2 => *end = (*end).min(now + LINGER),
                _ => {}
            }
            if *end <= now {
                socket.abort(); // and the reset is to be sent
                *end = now + RESET;
            }
            true
        });
    }

    /// Returns how long there is nothing to do if nothing arrives.
    fn pause(&mut self) -> Option<Duration> {
        let now = now();
        let ends = self.closing.iter().map(|(_, end)| (*end).max(now) - now);
        let pause = ends.chain(self.interface.poll_delay(now, &self.sockets)).min();
        pause.map(|pause| Duration::from_micros(pause.total_micros()))
    }
}

/// Takes a socket out of the set, whose connection is over.
fn retire(handle: SocketHandle, sockets: &mut SocketSet<'static>, spare: &mut Vec<Socket<'static>, SOCKETS>) {
    let Any::Tcp(mut socket) = sockets.remove(handle);
    socket.abort();
    assert!(spare.push(socket).is_ok(), "there is room for all sockets");
}

impl Net {
    /// Starts the network, which accepts connections at `port`.
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
        let spare = SPARE.take();
        spare.extend(BUFFERS.take().iter_mut().map(|Buffers { receive, send }| {
            let mut socket = Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
            socket.set_nagle_enabled(false);
            socket.set_keep_alive(Some(SILENCE / 2));
            socket
        }));
        let mut inner = Inner {
            nic,
            interface,
            sockets: SocketSet::new(&mut STORAGE.take()[..]),
            port,
            spare,
            listening: None,
            opening: Vec::new(),
            established: Deque::new(),
            acceptor: Waker::noop().clone(),
            closing: Vec::new(),
        };
        inner.listen();
        Self { inner: RefCell::new(inner) }
    }

    /// The task of the network: passes frames between the card and the sockets, for ever.
    ///
    /// Tasks that are woken by what was received run before there is a look for something to send: their responses are
    /// sent with the acknowledgements, and each look is at all sockets.
    pub(crate) fn run(&self, me: &Task) -> Result {
        loop {
            self.inner.borrow_mut().receive();
            me.check()?; // makes ready what was woken, so that it comes before this task
            me.yield_now()?;
            let raised = NETWORK.take();
            self.inner.borrow_mut().send();
            if raised & CARD == 0 {
                let pause = self.inner.borrow_mut().pause();
                match pause {
                    Some(Duration::ZERO) => {} // there was more to send than the card has room for, for instance
                    Some(pause) => me.with_timeout(pause, || NETWORK.wait(me)).map(drop)?,
                    None => NETWORK.wait(me).map(drop)?,
                }
            }
        }
    }

    /// Waits for the next connection.
    pub(crate) fn accept(&self, me: &Task) -> Result<SocketHandle> {
        loop {
            let next = {
                let mut inner = self.inner.borrow_mut();
                inner.acceptor = me.waker();
                inner.established.pop_front()
            };
            match next {
                Some(handle) => return Ok(handle),
                None => me.park()?,
            }
        }
    }

    /// Returns what closes a connection when it is dropped.
    pub(crate) fn open(&'static self, handle: SocketHandle) -> Connection {
        Connection { net: self, handle }
    }

    /// Resets all connections. Returns how many sockets are closed, with their resets sent, after a second at most.
    pub(crate) fn end(&self) -> usize {
        let Inner { nic, interface, sockets, spare, .. } = &mut *self.inner.borrow_mut();
        sockets.iter_mut().for_each(|(_, Any::Tcp(socket))| socket.abort());
        let until = now() + Span::from_secs(1);
        loop {
            interface.poll(now(), nic, sockets);
            let reset = sockets.iter().filter(|(_, Any::Tcp(socket))| socket.remote_endpoint().is_none()).count();
            if spare.len() + reset == SOCKETS || now() >= until {
                return spare.len() + reset;
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

    /// Closes a connection. Its socket is there for another one when that is done.
    pub(crate) fn close(&self, handle: SocketHandle) {
        self.with(handle, |socket| {
            socket.close();
            // The last one would be lost: the socket has no connection as soon as both sides are done.
            socket.set_ack_delay(None);
        });
        let closing = &mut self.inner.borrow_mut().closing;
        closing.push((handle, now() + FAREWELL)).expect("there is room for all sockets");
        self.has_changed();
    }
}
