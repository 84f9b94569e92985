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
    /// Adds a byte. The end of a line is CRLF or LF; a tab is the only other control character.
    pub(super) fn add(&mut self, byte: u8) -> Step {
        match (byte, self.returned) {
            (b'\n', _) => return Step::Complete,
            (_, true) => return Step::Forbidden,
            (b'\r', false) => self.returned = true,
            (b'\t' | b' '..=b'~' | 0x80.., false) => self.is_cut |= self.kept.push(byte).is_err(),
            _ => return Step::Forbidden,
        }
        Step::Open
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
