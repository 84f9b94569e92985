//! The body of a response, whose length is not known before it is written.

use super::Body;
use core::fmt;
use embedded_io::Write;

/// The bytes that are collected before they are written.
const BUFFER: usize = 96;
/// The room for what is formatted at a time. Less would be made by a write in the midst of it, and the stack would have
/// to hold both.
const FORMATTED: usize = 64;

/// Writes the text of a body to a stream, in chunks or as it is.
///
/// ```
/// use core::fmt::Write;
/// use unikernel::http::{Body, Chunks};
/// let mut stream = [0; 64];
/// let mut rest = &mut stream[..];
/// let mut chunks = Chunks::new(&mut rest, Body::Chunked("text/plain"));
/// write!(chunks, "{} and {}", 1, 2).unwrap();
/// chunks.finish().unwrap();
/// assert!(stream.starts_with(b"007\r\n1 and 2\r\n0\r\n\r\n"));
/// ```
pub struct Chunks<'a, W: Write> {
    stream: &'a mut W,
    is_chunked: bool,
    buffer: heapless::Vec<u8, BUFFER>,
    error: Option<W::Error>,
}

impl<'a, W: Write> Chunks<'a, W> {
    /// Begins a body.
    pub fn new(stream: &'a mut W, body: Body) -> Self {
        Self { stream, is_chunked: matches!(body, Body::Chunked(_)), buffer: heapless::Vec::new(), error: None }
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// The first error of the stream.
    pub fn finish(&mut self) -> Result<(), W::Error> {
        self.flush();
        if self.is_chunked {
            self.write(b"0\r\n\r\n");
        }
        self.error.take().map_or(Ok(()), Err)
    }

    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if self.is_chunked {
            let length = hexadecimal(self.buffer.len());
            self.write(&length);
        }
        if self.error.is_none() {
            self.error = self.stream.write_all(&self.buffer).err();
        }
        if self.is_chunked {
            self.write(b"\r\n");
        }
        self.buffer.clear();
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.stream.write_all(bytes).err();
        }
    }
}

/// The length of a chunk, of at most three digits, and the end of its line.
fn hexadecimal(length: usize) -> [u8; 5] {
    const { assert!(BUFFER < 1 << 12) };
    let digit = |shift: u32| b"0123456789abcdef"[length >> shift & 15];
    [digit(8), digit(4), digit(0), b'\r', b'\n']
}

impl<W: Write> fmt::Write for Chunks<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut left = text.as_bytes();
        while !left.is_empty() {
            if self.buffer.is_full() {
                self.flush();
            }
            let (now, later) = left.split_at(left.len().min(BUFFER - self.buffer.len()));
            self.buffer.extend_from_slice(now).expect("the buffer has room for it");
            left = later;
        }
        if self.error.is_none() { Ok(()) } else { Err(fmt::Error) }
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> fmt::Result {
        if BUFFER - self.buffer.len() < FORMATTED {
            self.flush();
        }
        fmt::write(self, text)
    }
}
