//! A client of QEMU's gdbstub, with the part of GDB's remote protocol that is needed to stop a machine and read its
//! state.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::symbols;

const GONE: &str = "the gdbstub is gone";

/// How long the stub may take to answer. A dump of the whole memory on a busy computer is the longest.
const PATIENCE: Duration = Duration::from_secs(300);

/// The socket of a connection.
trait Wire: Read + Write + Send {
    fn set_read_timeout(&self, wait: Duration) -> io::Result<()>;
}

impl Wire for UnixStream {
    fn set_read_timeout(&self, wait: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(wait))
    }
}

impl Wire for TcpStream {
    fn set_read_timeout(&self, wait: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(wait))
    }
}

/// A connection to a stub. The machine is stopped when it begins.
pub struct Stub {
    stream: Box<dyn Wire>,
    /// Bytes that have arrived and were not read yet.
    come: Vec<u8>,
}

impl Stub {
    /// Connects to the stub that listens at `socket`.
    ///
    /// # Errors
    ///
    /// When nothing listens there.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        Ok(Self { stream: Box::new(UnixStream::connect(socket)?), come: Vec::new() })
    }

    /// Connects to the stub that listens at `HOST:PORT`.
    ///
    /// # Errors
    ///
    /// When nothing listens there.
    pub fn connect_tcp(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Box::new(stream), come: Vec::new() })
    }

    /// Selects a core, numbered from 0, for registers and steps. Returns `false` if the machine has no such core.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn select(&mut self, core: usize) -> Result<bool> {
        Ok(self.ask(&format!("Hg{:x}", core + 1))? == "OK" && self.ask(&format!("Hc{:x}", core + 1))? == "OK")
    }

    /// Sets a hardware breakpoint at `address`. Such a breakpoint needs no memory, which may not be loaded yet.
    ///
    /// # Errors
    ///
    /// When the stub refuses.
    pub fn stop_at(&mut self, address: u64) -> Result<()> {
        let answer = self.ask(&format!("Z1,{address:x},4"))?;
        ensure!(answer == "OK", "QEMU sets no breakpoint at {address:#x}: `{answer}`");
        Ok(())
    }

    /// Removes such a breakpoint.
    ///
    /// # Errors
    ///
    /// When the stub refuses.
    pub fn stop_no_more_at(&mut self, address: u64) -> Result<()> {
        let answer = self.ask(&format!("z1,{address:x},4"))?;
        ensure!(answer == "OK", "QEMU removes no breakpoint at {address:#x}: `{answer}`");
        Ok(())
    }

    /// Lets the machine execute the one instruction at `address`, where it has stopped, so that it can stop there
    /// again.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn step_over(&mut self, address: u64) -> Result<()> {
        self.stop_no_more_at(address)?;
        self.send("s")?;
        ensure!(self.has_stopped(PATIENCE)?, "QEMU does not step");
        self.stop_at(address)
    }

    /// Lets the machine run.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn resume(&mut self) -> Result<()> {
        self.send("c")
    }

    /// Whether the machine has stopped. Waits for that, at most for `wait`.
    ///
    /// # Errors
    ///
    /// When the connection is lost: the machine has ended.
    pub fn has_stopped(&mut self, wait: Duration) -> Result<bool> {
        Ok(self.receive(wait)?.is_some_and(|packet| packet.starts_with(b"T") || packet.starts_with(b"S")))
    }

    /// Stops the machine at its present instruction.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn interrupt(&mut self) -> Result<()> {
        self.ask_to_stop()?;
        ensure!(self.has_stopped(PATIENCE)?, "QEMU does not stop the machine");
        Ok(())
    }

    /// Asks the machine to stop, and does not wait until it has.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn ask_to_stop(&mut self) -> Result<()> {
        self.stream.write_all(&[3]).context(GONE)
    }

    /// Register `number`, in GDB's order, of the core that has stopped: it and those before it have `word` bytes.
    ///
    /// # Errors
    ///
    /// When the stub has no such register.
    pub fn register(&mut self, number: usize, word: usize) -> Result<u64> {
        let all = bytes(&self.ask("g")?)?;
        let register = all.get(word * number..word * (number + 1)).context("QEMU gives too few registers")?;
        Ok(symbols::number(register))
    }

    /// Memory of the machine.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn memory(&mut self, address: u64, length: usize) -> Result<Vec<u8>> {
        let answer = self.ask(&format!("m{address:x},{length:x}"))?;
        bytes(&answer).with_context(|| format!("QEMU reads no {length} bytes at {address:#x}: `{answer}`"))
    }

    /// Executes `command` in QEMU's monitor, and returns the output.
    ///
    /// # Errors
    ///
    /// When there is no monitor.
    pub fn monitor(&mut self, command: &str) -> Result<String> {
        let mut packet = "qRcmd,".to_owned();
        command.bytes().for_each(|byte| {
            let _infallible = write!(packet, "{byte:02x}");
        });
        self.send(packet)?;
        let mut printed = Vec::new();
        loop {
            match self.answer()? {
                answer if answer == "OK" => return Ok(String::from_utf8_lossy(&printed).into_owned()),
                answer => match answer.strip_prefix('O').and_then(|hex| bytes(hex).ok()) {
                    Some(piece) => printed.extend(piece),
                    None => bail!("QEMU's monitor does not take `{command}`: `{answer}`"),
                },
            }
        }
    }

    /// Disconnects: the machine continues without breakpoints.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn detach(mut self) -> Result<()> {
        self.send("D")
    }

    fn ask(&mut self, packet: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.exchange(packet.as_bytes())?).into_owned())
    }

    fn answer(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.next_packet()?).into_owned())
    }

    /// Sends a packet, and returns the next one that comes.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn exchange(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        self.send(packet)?;
        self.next_packet()
    }

    /// The next packet.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn next_packet(&mut self) -> Result<Vec<u8>> {
        self.receive(PATIENCE)?.context("the gdbstub does not answer")
    }

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn send(&mut self, packet: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(&framed(packet.as_ref())).context(GONE)
    }

    /// The next packet, if one arrives in time. The socket neither loses nor changes packets, so checksums are not
    /// compared.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub fn receive(&mut self, wait: Duration) -> Result<Option<Vec<u8>>> {
        self.stream.set_read_timeout(wait)?;
        loop {
            if let Some(packet) = take_packet(&mut self.come) {
                self.stream.write_all(b"+")?;
                return Ok(Some(packet));
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => bail!(GONE),
                Ok(count) => self.come.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A packet as it is sent: `$TEXT#SUM`.
#[must_use]
pub fn framed(packet: &[u8]) -> Vec<u8> {
    let sum = packet.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", packet, format!("#{sum:02x}").as_bytes()].concat()
}

/// Removes the first whole packet, `$TEXT#SUM`, from the bytes that have arrived, with the acknowledgements before it.
pub fn take_packet(come: &mut Vec<u8>) -> Option<Vec<u8>> {
    let start = come.iter().position(|&byte| byte == b'$')?;
    let end = start + come[start..].iter().position(|&byte| byte == b'#')?;
    if come.len() < end + 3 {
        return None;
    }
    let packet = come[start + 1..end].to_vec();
    come.drain(..end + 3);
    Some(packet)
}

/// The bytes that are encoded as hexadecimal digits in a packet.
fn bytes(hex: &str) -> Result<Vec<u8>> {
    ensure!(hex.is_ascii() && hex.len().is_multiple_of(2), "`{hex}` is no answer of a gdbstub");
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    pairs.collect::<Result<_, _>>().with_context(|| format!("`{hex}` is no answer of a gdbstub"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_taken_when_it_is_whole() {
        let mut come = b"+$OK#9".to_vec();
        assert_eq!(take_packet(&mut come), None);
        come.extend(b"a+$T05#b9");
        assert_eq!(take_packet(&mut come).as_deref(), Some(&b"OK"[..]));
        assert_eq!(take_packet(&mut come).as_deref(), Some(&b"T05"[..]));
        assert!(come.is_empty());
    }

    #[test]
    fn a_packet_is_framed_by_its_sum() {
        assert_eq!(framed(b"OK"), b"$OK#9a");
        assert_eq!(framed(&[]), b"$#00");
    }

    #[test]
    fn what_is_no_hexadecimal_is_an_error() {
        assert_eq!(bytes("00ff").unwrap(), [0, 255]);
        assert!(bytes("E1x").is_err() && bytes("0g").is_err());
    }
}
