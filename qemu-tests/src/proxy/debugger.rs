//! The debugger's end of the proxy: packets on a socket, and the byte by which it interrupts the machine.

use std::fmt;
use std::io::{ErrorKind, Read, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::stub::{framed, take_packet};

/// The byte that interrupts.
const INTERRUPT: u8 = 3;
/// Bytes of a packet, at most: what is longer is none.
const LONGEST: usize = 1 << 20;
/// How long a debugger may take to read an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A debugger that is connected.
pub(super) struct Debugger {
    stream: TcpStream,
    come: Receiver<Come>,
}

/// The debugger has left: no failure, but nothing more is to be done for it.
#[derive(Debug)]
pub(super) struct Left;

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the debugger has left")
    }
}

impl std::error::Error for Left {}

/// What comes from a debugger.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Come {
    /// A packet.
    Packet(Vec<u8>),
    /// The request to stop the machine.
    Interrupt,
}

impl Debugger {
    /// Reads what comes by `stream` on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the socket has none of the properties that this takes.
    pub(super) fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (sender, come) = mpsc::sync_channel(64);
        let reader = stream.try_clone()?;
        thread::spawn(move || read(reader, &sender));
        Ok(Self { stream, come })
    }

    /// What comes next; `None` when the debugger has left.
    pub(super) fn next(&self) -> Option<Come> {
        self.come.recv().ok()
    }

    /// What has come already, while the machine runs. `Err` when the debugger has left.
    ///
    /// # Errors
    ///
    /// [`Left`].
    pub(super) fn at_once(&self) -> Result<Option<Come>> {
        match self.come.try_recv() {
            Ok(come) => Ok(Some(come)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Left.into()),
        }
    }

    /// Acknowledges a packet.
    ///
    /// # Errors
    ///
    /// [`Left`].
    pub(super) fn acknowledge(&mut self) -> Result<()> {
        self.stream.write_all(b"+").map_err(|_| Left.into())
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// [`Left`].
    pub(super) fn send(&mut self, packet: &[u8]) -> Result<()> {
        self.stream.write_all(&framed(packet)).map_err(|_| Left.into())
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        // Ends the thread that reads.
        let _has_left = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Reads packets until the connection or the receiver of the channel is closed, or a malformed packet arrives.
fn read(mut stream: TcpStream, sender: &SyncSender<Come>) {
    let (mut come, mut piece) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => come.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
        while let Some(next) = take(&mut come) {
            if sender.send(next).is_err() {
                return;
            }
        }
        if come.len() > LONGEST {
            return;
        }
    }
}

/// Takes the first packet or interrupt out of what came, with the acknowledgements before it.
fn take(come: &mut Vec<u8>) -> Option<Come> {
    let start = come.iter().position(|&byte| byte == b'$' || byte == INTERRUPT);
    let Some(start) = start else {
        come.clear();
        return None;
    };
    come.drain(..start);
    if come[0] == INTERRUPT {
        come.remove(0);
        return Some(Come::Interrupt);
    }
    take_packet(come).map(Come::Packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_interrupts_are_taken_in_their_order() {
        let mut come = b"++\x03+$g#67$m1,1".to_vec();
        assert_eq!(take(&mut come), Some(Come::Interrupt));
        assert_eq!(take(&mut come), Some(Come::Packet(b"g".to_vec())));
        assert_eq!(take(&mut come), None);
        come.extend(b"#00-garbage");
        assert_eq!(take(&mut come), Some(Come::Packet(b"m1,1".to_vec())));
        assert_eq!(take(&mut come), None);
        assert!(come.is_empty());
    }
}
