//! Heads of responses.

use core::fmt;

/// Why a request is not answered with a page. The connection is closed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no HTTP.
    Malformed,
    /// No complete request arrived in time.
    TooSlow,
    /// A method that changes something.
    ReadOnly,
    /// A request with a body.
    HasBody,
    /// The request line or the path is too long.
    LongPath,
    /// An `Expect` field.
    Expectation,
    /// The head is too large.
    TooLarge,
    /// A method that is not known.
    Method,
    /// All stacks for connections are in use.
    Busy,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    Version,
}

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// A page follows.
    Ok,
    /// There is no such page.
    NotFound,
    /// The request is refused.
    Refused(Refusal),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "200 OK",
            Self::NotFound => "404 Not Found",
            Self::Refused(refusal) => match refusal {
                Refusal::Malformed => "400 Bad Request",
                Refusal::ReadOnly => "405 Method Not Allowed",
                Refusal::TooSlow => "408 Request Timeout",
                Refusal::HasBody => "413 Content Too Large",
                Refusal::LongPath => "414 URI Too Long",
                Refusal::Expectation => "417 Expectation Failed",
                Refusal::TooLarge => "431 Request Header Fields Too Large",
                Refusal::Method => "501 Not Implemented",
                Refusal::Busy => "503 Service Unavailable",
                Refusal::Version => "505 HTTP Version Not Supported",
            },
        })
    }
}

impl Status {
    /// Returns the head of a response without a body, after which the connection is closed.
    ///
    /// ```
    /// use unikernel::http::{Refusal, Status};
    /// let head = Status::Refused(Refusal::Busy).closing().to_string();
    /// assert!(head.starts_with("HTTP/1.1 503 ") && head.ends_with("\r\nConnection: close\r\n\r\n"));
    /// ```
    pub fn closing(self) -> impl fmt::Display {
        Head { status: self, body: Body::Empty, keeps_alive: false }
    }

    /// Returns the head of a response.
    pub fn head(self, body: Body, keeps_alive: bool) -> impl fmt::Display {
        Head { status: self, body, keeps_alive }
    }
}

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    Empty,
    /// In chunks, of this media type.
    Chunked(&'static str),
    /// By the end of the connection, of this media type.
    ToTheEnd(&'static str),
}

struct Head {
    status: Status,
    body: Body,
    keeps_alive: bool,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/1.1 {}\r\n", self.status)?;
        match self.status {
            Status::Refused(Refusal::ReadOnly) => f.write_str("Allow: GET, HEAD\r\n")?,
            Status::Refused(Refusal::Busy) => f.write_str("Retry-After: 1\r\n")?,
            _ => {}
        }
        match self.body {
            Body::Empty => f.write_str("Content-Length: 0\r\n")?,
            Body::Chunked(media) => write!(f, "Content-Type: {media}\r\nTransfer-Encoding: chunked\r\n")?,
            Body::ToTheEnd(media) => write!(f, "Content-Type: {media}\r\n")?,
        }
        let connection = if self.keeps_alive { "keep-alive" } else { "close" };
        write!(f, "Connection: {connection}\r\n\r\n")
    }
}
