//! The head of a request.

use super::line::{Line, Step};
use super::response::Refusal;
use super::target::{is_host, path};
use heapless::String;

/// The most bytes of a head. More is answered with [`Refusal::TooLarge`].
pub const HEAD: usize = 8192;
/// The most lines of a head.
pub const LINES: usize = 64;
/// The most bytes of a path, without the query.
pub const PATH: usize = 24;

/// A method that the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks for a page.
    Get,
    /// Asks for the head of a page.
    Head,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String<PATH>,
    /// The client speaks HTTP/1.1, and so takes a body in chunks.
    pub is_1_1: bool,
    /// The connection stays open after the response.
    pub keeps_alive: bool,
}

/// Reads the head of a request, as its bytes arrive.
///
/// ```
/// use unikernel::http::{Method, Parser};
/// let mut parser = Parser::default();
/// assert_eq!(parser.add(b"GET /metrics HTT"), (16, None)); // more is to come
/// let next = b"P/1.1\r\nHost: x\r\n\r\nGET /";
/// let (taken, request) = parser.add(next);
/// let request = request.unwrap().unwrap();
/// assert_eq!((request.method, &*request.path, request.keeps_alive), (Method::Get, "/metrics", true));
/// assert_eq!(&next[taken..], b"GET /"); // of the next request
/// ```
#[derive(Debug, Default)]
pub struct Parser {
    line: Line,
    request: Option<Request>,
    bytes: usize,
    lines: usize,
    seen: Seen,
}

/// Fields that were read.
#[derive(Debug, Default)]
struct Seen {
    host: bool,
    /// `Connection: close`, which prevails over `keep-alive`.
    close: bool,
}

impl Parser {
    /// Takes bytes, and returns how many belong to this request; with it, or a refusal, if its head is complete. Then
    /// the parser is ready for the next one.
    pub fn add(&mut self, bytes: &[u8]) -> (usize, Option<Result<Request, Refusal>>) {
        let mut taken = 0;
        loop {
            let text = self.line.add_text(&bytes[taken..bytes.len().min(taken + HEAD - self.bytes)]);
            (taken, self.bytes) = (taken + text, self.bytes + text);
            let Some(&byte) = bytes.get(taken) else { return (taken, None) };
            taken += 1;
            let ended = match self.byte(byte) {
                Ok(false) => continue,
                Ok(true) => self.request.take().map(Ok),
                Err(refusal) => Some(Err(refusal)),
            };
            self.clear();
            return (taken, ended);
        }
    }

    /// Makes it as new, in place: a new one would lie on the stack for a moment.
    fn clear(&mut self) {
        self.line.clear();
        self.request = None;
        (self.bytes, self.lines, self.seen) = (0, 0, Seen::default());
    }

    /// Returns `true` if nothing of a request has arrived, but for an empty line before it.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.bytes == 0
    }

    /// Takes a byte that is no text. Returns `true` if the head is complete, and `request` is there.
    fn byte(&mut self, byte: u8) -> Result<bool, Refusal> {
        self.bytes += 1;
        if self.bytes > HEAD {
            return Err(Refusal::TooLarge);
        }
        match self.line.add(byte) {
            Step::Open => return Ok(false),
            Step::Forbidden => return Err(Refusal::Malformed),
            Step::Complete => {}
        }
        self.lines += 1;
        if self.lines > LINES {
            return Err(Refusal::TooLarge);
        }
        let complete = self.end_of_line()?;
        self.line.clear();
        Ok(complete)
    }

    fn end_of_line(&mut self) -> Result<bool, Refusal> {
        let Some(request) = &mut self.request else {
            // RFC 9112 lets a server ignore an empty line before a request. Some clients end a request with it.
            if self.line.bytes().is_empty() && self.lines == 1 {
                self.bytes = 0;
            } else {
                self.request = Some(request_line(&self.line)?);
            }
            return Ok(false);
        };
        if !self.line.bytes().is_empty() {
            field(&self.line, request, &mut self.seen)?;
            return Ok(false);
        }
        if request.is_1_1 && !self.seen.host {
            return Err(Refusal::Malformed);
        }
        Ok(true)
    }
}

/// Reads `GET /path?query HTTP/1.1`.
fn request_line(line: &Line) -> Result<Request, Refusal> {
    let mut words = line.bytes().split(|&byte| byte == b' ');
    let method = words.next().unwrap_or_default();
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(Refusal::Malformed);
    }
    if line.is_cut() {
        return Err(Refusal::LongPath);
    }
    let (Some(target), Some(version), None) = (words.next(), words.next(), words.next()) else {
        return Err(Refusal::Malformed);
    };
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(Refusal::Version);
        }
        _ => return Err(Refusal::Malformed),
    };
    let method = match method {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        // Before the target is read: that of OPTIONS may be `*`, and that of CONNECT is a host.
        b"POST" | b"PUT" | b"DELETE" | b"CONNECT" | b"OPTIONS" | b"TRACE" | b"PATCH" => return Err(Refusal::ReadOnly),
        _ => return Err(Refusal::Method),
    };
    Ok(Request { method, path: path(target)?, is_1_1, keeps_alive: is_1_1 })
}

/// Reads `Name: value`, or what is kept of it.
fn field(line: &Line, request: &mut Request, seen: &mut Seen) -> Result<(), Refusal> {
    let Some(colon) = line.bytes().iter().position(|&byte| byte == b':') else {
        return Err(if line.is_cut() { Refusal::TooLarge } else { Refusal::Malformed });
    };
    let (name, value) = (&line.bytes()[..colon], line.bytes()[colon + 1..].trim_ascii());
    // Also a line that begins with a space, which once continued the previous one.
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Refusal::Malformed);
    }
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("host") {
        // What is cut off is not looked at.
        if line.is_cut() {
            return Err(Refusal::TooLarge);
        }
        if core::mem::replace(&mut seen.host, true) || !is_host(value) {
            return Err(Refusal::Malformed);
        }
    } else if is("connection") {
        let mut options = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        // What is cut off may be `close`.
        seen.close |= line.is_cut() || options.clone().any(|option| option.eq_ignore_ascii_case(b"close"));
        request.keeps_alive |= options.any(|option| option.eq_ignore_ascii_case(b"keep-alive"));
        request.keeps_alive &= !seen.close;
    } else if is("content-length") {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        return match value.iter().all(|&digit| digit == b'0') {
            _ if line.is_cut() || !is_number => Err(Refusal::Malformed),
            true => Ok(()),
            false => Err(Refusal::HasBody),
        };
    } else if is("transfer-encoding") {
        return Err(Refusal::HasBody);
    } else if is("expect") && request.is_1_1 {
        return Err(Refusal::Expectation);
    }
    Ok(())
}

/// Returns `true` if a method or the name of a field may have this byte.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
