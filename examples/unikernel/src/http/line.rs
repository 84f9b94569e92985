//! Lines of a head, out of bytes that arrive in pieces.

use heapless::Vec;

/// The bytes of a line that are kept: of longer ones the beginning.
pub(super) const KEPT: usize = 96;

/// A line that is being read.
#[derive(Debug, Default)]
pub(super) struct Line {
    kept: Vec<u8, KEPT>,
    is_cut: bool,
    /// The last byte was a carriage return.
    returned: bool,
}

/// What a byte does to a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More of it is to come.
    Open,
    /// It is complete.
    Complete,
    /// The byte may not be in a head.
    Forbidden,
}

impl Line {
    /// Adds the text that these bytes begin with, and returns how many bytes of them it is.
    pub(super) fn add_text(&mut self, bytes: &[u8]) -> usize {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        let length = match self.returned {
            true => 0,
            false => bytes.iter().position(|byte| !is_text(byte)).unwrap_or(bytes.len()),
        };
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..length.min(room)]).expect("there is room for that much");
        self.is_cut |= length > room;
        length
    }

    /// Adds a byte that is no text. The end of a line is CRLF or LF; a tab is text, and no other control character may
    /// be in a head.
    pub(super) fn add(&mut self, byte: u8) -> Step {
        match (byte, self.returned) {
            (b'\n', _) => Step::Complete,
            (b'\r', false) => {
                self.returned = true;
                Step::Open
            }
            _ => Step::Forbidden,
        }
    }

    /// Returns what is kept of the line.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    /// Returns `true` if the line was longer than what is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        (self.is_cut, self.returned) = (false, false);
    }
}
