//! A client, and what the core of a server executes for its requests.

use super::guest::Guest;
use anyhow::{Context, Result, bail, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// The sockets of a server.
const SOCKETS: u16 = 48;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many connections: in each round a request on each, and then all responses.
    Kept(usize),
    /// A connection for each request, one after the other; the server closes it.
    Each,
}

pub(crate) const LOADS: [Load; 4] = [Load::Kept(1), Load::Kept(8), Load::Kept(32), Load::Each];

impl Load {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Kept(1) => "1 connection".to_owned(),
            Self::Kept(count) => format!("{count} connections"),
            Self::Each => "a connection each".to_owned(),
        }
    }

    fn requests(self) -> usize {
        match self {
            Self::Kept(count) => 960 / count * count,
            Self::Each => 240,
        }
    }

    /// Returns the instructions of a request.
    ///
    /// # Errors
    ///
    /// When the server does not answer as expected.
    pub(crate) fn measure(self, guest: &Guest) -> Result<f64> {
        let connect = |_| Client::connect(guest).and_then(|mut client| client.not_found().map(|()| client));
        let mut clients = match self {
            Self::Kept(count) => (0..count).map(connect).collect::<Result<Vec<_>>>()?,
            Self::Each => vec![connect(0)?],
        };
        // The second look at the counter takes as much as the third.
        let looks = [awake(&mut clients[0])?, awake(&mut clients[0])?];
        match self {
            Self::Kept(count) => {
                for _ in 0..self.requests() / count {
                    clients.iter_mut().try_for_each(|client| client.ask("/nosuch", ""))?;
                    clients.iter_mut().try_for_each(Client::is_not_found)?;
                }
            }
            Self::Each => {
                for _ in 0..self.requests() {
                    let mut client = Client::connect(guest)?;
                    client.ask("/nosuch", "Connection: close\r\n")?;
                    client.is_not_found()?;
                    ensure!(client.stream.read(&mut [0])? == 0, "the server does not close a connection");
                }
            }
        }
        let end = awake(&mut clients[0])?;
        drop(clients);
        until_free(guest)?;
        Ok((end - looks[1] - (looks[1] - looks[0])) / self.requests() as f64)
    }
}

/// Returns a metric of the server.
///
/// # Errors
///
/// When the server has none of this name, or does not answer.
pub(crate) fn metric(guest: &Guest, name: &str) -> Result<f64> {
    Client::connect(guest)?.metric(name)
}

/// Waits until all sockets listen again, but for the one that asks.
fn until_free(guest: &Guest) -> Result<()> {
    /// The server gives up each connection long before, in its own time.
    const LOOKS: usize = 3_000;
    let mut client = Client::connect(guest)?;
    for _ in 0..LOOKS {
        match client.metric("sockets_free") {
            Ok(free) if free == f64::from(SOCKETS - 1) => return Ok(()),
            Ok(_) => {}
            // There was no stack for it yet.
            Err(_) => client = Client::connect(guest)?,
        }
        thread::sleep(Duration::from_millis(10)); // lets the server run; how long it takes does not matter
    }
    bail!("after {LOOKS} looks some sockets do not listen")
}

/// The nanoseconds that the core was awake: instructions.
fn awake(client: &mut Client) -> Result<f64> {
    Ok(client.metric("awake_seconds_total")? * 1e9)
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    fn connect(guest: &Guest) -> Result<Self> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let stream = TcpStream::connect_timeout(&guest.address, PATIENCE).context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::new() })
    }

    fn ask(&mut self, path: &str, fields: &str) -> Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
        self.stream.write_all(request.as_bytes()).context("cannot send a request")
    }

    /// Reads up to these bytes, and returns what is before them.
    fn up_to(&mut self, end: &[u8]) -> Result<String> {
        loop {
            if let Some(at) = self.received.windows(end.len()).position(|bytes| bytes == end) {
                let text = String::from_utf8_lossy(&self.received[..at]).into_owned();
                self.received.drain(..at + end.len());
                return Ok(text);
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).context("no response")?;
            ensure!(count > 0, "the server has ended a connection");
            self.received.extend_from_slice(&bytes[..count]);
        }
    }

    /// A request and its response, which has no body.
    fn not_found(&mut self) -> Result<()> {
        self.ask("/nosuch", "")?;
        self.is_not_found()
    }

    fn is_not_found(&mut self) -> Result<()> {
        let head = self.up_to(b"\r\n\r\n")?;
        ensure!(head.starts_with("HTTP/1.1 404 "), "another response than 404: {head}");
        Ok(())
    }

    fn metric(&mut self, name: &str) -> Result<f64> {
        self.ask("/metrics", "")?;
        let head = self.up_to(b"\r\n\r\n")?;
        ensure!(head.starts_with("HTTP/1.1 200 "), "no metrics: {head}");
        // In chunks, of which one may begin within a line.
        let mut text = String::new();
        loop {
            let length = usize::from_str_radix(&self.up_to(b"\r\n")?, 16).context("the length of a chunk")?;
            let chunk = self.up_to_length(length)?;
            self.up_to(b"\r\n")?;
            if length == 0 {
                break;
            }
            text += &chunk;
        }
        let line = text.lines().find_map(|line| line.strip_prefix("unikernel_")?.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("/metrics lacks {name}: {text}"))
    }

    fn up_to_length(&mut self, length: usize) -> Result<String> {
        while self.received.len() < length {
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).context("no response")?;
            ensure!(count > 0, "the server has ended a connection");
            self.received.extend_from_slice(&bytes[..count]);
        }
        Ok(String::from_utf8_lossy(&self.received.drain(..length).collect::<Vec<_>>()).into_owned())
    }
}
