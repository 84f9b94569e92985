//! An HTTP client that waits for nothing longer than twenty seconds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::Outcome;

/// Longer than every time-out of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients connect one after the other: QEMU listens with room for one or two connections that it has not accepted.
/// When more come at once, Linux answers with SYN cookies and drops the last acknowledgement of a handshake that finds
/// no room: the client is connected, and QEMU does not hear of it unless the client sends; if it sends twice meanwhile,
/// it is reset.
static CONNECTS: Mutex<()> = Mutex::new(());

/// A connection to the server.
pub(super) struct Client(BufReader<TcpStream>);

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) is_last: bool,
    pub(super) body: String,
}

impl Client {
    pub(super) fn connect(server: SocketAddr) -> Outcome<Self> {
        let turn = CONNECTS.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(|error| format!("connect: {error}"))?;
        drop(turn);
        let set = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        set.and_then(|()| stream.set_nodelay(true)).map_err(|error| error.to_string())?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Has this computer keep few bytes that were not read; otherwise it keeps megabytes.
    pub(super) fn keep_little(&self) -> Outcome {
        set_socket_recv_buffer_size(self.0.get_ref(), 4096).map_err(|error| format!("SO_RCVBUF: {error}"))
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Outcome {
        self.0.get_mut().write_all(bytes).map_err(|error| format!("write: {error}"))
    }

    /// Sends no more.
    pub(super) fn end_sending(&mut self) -> Outcome {
        self.0.get_mut().shutdown(Shutdown::Write).map_err(|error| format!("shutdown: {error}"))
    }

    /// Asks for a page, and keeps the connection.
    pub(super) fn get(&mut self, path: &str) -> Outcome<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
        self.response()
    }

    /// Reads a response to a GET.
    pub(super) fn response(&mut self) -> Outcome<Response> {
        let (status, fields) = self.head()?;
        let body = match (fields.get("content-length"), fields.get("transfer-encoding").map(String::as_str)) {
            (Some(length), None) => {
                let length = length.parse().map_err(|_| format!("Content-Length: {length}"))?;
                self.exactly(length)?
            }
            (None, Some("chunked")) => self.chunks()?,
            (None, None) => self.rest()?,
            other => return Err(format!("the length of a body: {other:?}")),
        };
        Ok(Response { status, is_last: fields.get("connection").is_some_and(|value| value == "close"), body })
    }

    /// Reads the head of a response: the status, and the fields by lower-case name.
    pub(super) fn head(&mut self) -> Outcome<(u16, BTreeMap<String, String>)> {
        let line = self.line()?;
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("a status line: {line:?}"))?;
        let mut fields = BTreeMap::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, fields));
            }
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("a field: {line:?}"))?;
            fields.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }

    /// Reads until the server closes the connection.
    pub(super) fn rest(&mut self) -> Outcome<String> {
        let mut text = String::new();
        self.0.read_to_string(&mut text).map_err(|error| format!("read to the end: {error}"))?;
        Ok(text)
    }

    /// Reads `length` bytes.
    pub(super) fn exactly(&mut self, length: usize) -> Outcome<String> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).map_err(|error| format!("read {length} bytes: {error}"))?;
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    fn chunks(&mut self) -> Outcome<String> {
        let mut body = String::new();
        loop {
            let line = self.line()?;
            let length = usize::from_str_radix(&line, 16).map_err(|_| format!("the length of a chunk: {line:?}"))?;
            body += &self.exactly(length)?;
            if !self.line()?.is_empty() {
                return Err("a chunk is longer than it says".to_owned());
            }
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).map_err(|error| format!("read a line: {error}"))?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(format!("the connection ended after {line:?}")),
        }
    }
}

/// Asks for a page with a connection of its own.
pub(super) fn get(server: SocketAddr, path: &str) -> Outcome<Response> {
    let mut client = Client::connect(server)?;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())?;
    let response = client.response()?;
    match client.rest()?.as_str() {
        "" => Ok(response),
        more => Err(format!("after the last response: {more:?}")),
    }
}

/// Returns what `/metrics` says: values by name and labels.
pub(super) fn metrics(server: SocketAddr) -> Outcome<BTreeMap<String, f64>> {
    let response = get(server, "/metrics")?;
    if response.status != 200 {
        return Err(format!("/metrics: {response:?}"));
    }
    let samples = response.body.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').ok_or_else(|| format!("a sample: {line:?}"))?;
        Ok((name.to_owned(), value.parse().map_err(|_| format!("a value: {line:?}"))?))
    };
    samples.map(sample).collect()
}

/// Returns the metric `name`.
pub(super) fn metric(server: SocketAddr, name: &str) -> Outcome<f64> {
    metrics(server)?.get(name).copied().ok_or_else(|| format!("/metrics lacks {name}"))
}
