//! A connection as a stream: `embedded-io`'s blocking traits, and other tasks run while it blocks.

use crate::net::Net;
use crate::{Fault, Stop, Task};
use core::fmt;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::Socket;

/// A connection, as the task that has it reads and writes it.
pub(crate) struct Stream<'a> {
    net: &'a Net,
    me: &'a Task,
    handle: SocketHandle,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(net: &'a Net, me: &'a Task, handle: SocketHandle) -> Self {
        Self { net, me, handle }
    }

    /// Drops what was not sent, and resets the connection.
    pub(crate) fn abort(&self) {
        self.net.with(self.handle, |socket| socket.abort());
        self.net.has_changed();
    }

    /// Writes as many bytes as there is room for, and does not wait.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<usize, Error> {
        let sent = self.net.with(self.handle, |socket| socket.send_slice(bytes));
        self.net.has_changed();
        sent.map_err(|_| Error(Stop::Error(Fault::Reset)))
    }

    /// Waits until `attempt` is ready.
    fn wait<T>(
        &self,
        what: &'static str,
        mut attempt: impl FnMut(&mut Socket<'_>, &Waker) -> Poll<Result<T, Fault>>,
    ) -> Result<T, Error> {
        let ready = poll_fn(|context| self.net.with(self.handle, |socket| attempt(socket, context.waker())));
        let result = self.me.wait_for(what, ready)?;
        self.net.has_changed();
        Ok(result.map_err(Stop::Error)?)
    }
}

impl ErrorType for Stream<'_> {
    type Error = Error;
}

impl Read for Stream<'_> {
    /// Waits for bytes. Returns 0 when the other side sends no more.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        self.wait("bytes", |socket, waker| {
            if socket.can_recv() {
                return Poll::Ready(socket.recv_slice(into).map_err(|_| Fault::Reset));
            }
            if !socket.may_recv() {
                return Poll::Ready(if socket.may_send() { Ok(0) } else { Err(Fault::Reset) });
            }
            socket.register_recv_waker(waker);
            Poll::Pending
        })
    }
}

impl Write for Stream<'_> {
    /// Waits for room, and takes as many bytes as there is room for.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.wait("room to send", |socket, waker| {
            if !socket.may_send() {
                return Poll::Ready(Err(Fault::Reset));
            }
            if socket.can_send() {
                return Poll::Ready(socket.send_slice(bytes).map_err(|_| Fault::Reset));
            }
            socket.register_send_waker(waker);
            Poll::Pending
        })
    }

    /// Does nothing: the network sends what was written when this task waits.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Why a stream failed: the reason why its task stops.
///
/// A type of its own, because neither [`Stop`] nor the trait is of this crate.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) Stop);

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        Self(stop)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self.0 {
            Stop::Error(Fault::Reset) => ErrorKind::ConnectionReset,
            Stop::Timeout(_) => ErrorKind::TimedOut,
            Stop::Killed => ErrorKind::Interrupted,
            _ => ErrorKind::Other,
        }
    }
}
