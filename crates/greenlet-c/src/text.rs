//! Texts of C programs: names.

use core::ffi::{CStr, c_char};
use core::str;

/// What was given is not UTF-8.
pub(crate) struct NotUtf8;

/// A text of C; `None` for null.
///
/// # Safety
///
/// `start` is null, or a text that ends with a zero and lives for ever.
pub(crate) unsafe fn text(start: *const c_char) -> Result<Option<&'static str>, NotUtf8> {
    if start.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's contract.
    let bytes = unsafe { CStr::from_ptr(start) }.to_bytes();
    // SAFETY: by the test.
    if is_utf8(bytes) { Ok(Some(unsafe { str::from_utf8_unchecked(bytes) })) } else { Err(NotUtf8) }
}

/// Whether these bytes are UTF-8. That of `core` is made for long texts, and takes 600 bytes of code and tables.
fn is_utf8(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter();
    while let Some(&first) = rest.next() {
        // How many bytes follow, and the least character for which that many are needed.
        let (more, least) = match first {
            0..0x80 => continue,
            0xc0..0xe0 => (1, 0x80),
            0xe0..0xf0 => (2, 0x800),
            0xf0..0xf8 => (3, 0x1_0000),
            _ => return false,
        };
        let mut character = u32::from(first) & (0x3f >> more);
        for _ in 0..more {
            match rest.next() {
                Some(&byte) if byte & 0xc0 == 0x80 => character = character << 6 | u32::from(byte & 0x3f),
                _ => return false,
            }
        }
        if character < least || char::from_u32(character).is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_utf8;
    use core::str;

    /// The bytes at which something changes.
    const EDGES: [u8; 29] = [
        0, 1, 0x20, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbe, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
        0xec, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
    ];

    fn agrees(bytes: &[u8]) {
        assert_eq!(is_utf8(bytes), str::from_utf8(bytes).is_ok(), "{bytes:x?}");
    }

    #[test]
    fn it_is_utf8_for_core_too() {
        agrees(&[]);
        for first in 0..=u8::MAX {
            agrees(&[first]);
            for second in 0..=u8::MAX {
                agrees(&[first, second]);
                for third in EDGES {
                    agrees(&[first, second, third]);
                    for fourth in EDGES {
                        agrees(&[first, second, third, fourth]);
                    }
                }
            }
        }
        // What follows a character of each length.
        for start in ["a", "\u{df}", "\u{20ac}", "\u{1f600}"] {
            let mut text = [0; 8];
            text[..start.len()].copy_from_slice(start.as_bytes());
            for next in EDGES {
                for last in EDGES {
                    text[start.len()] = next;
                    text[start.len() + 1] = last;
                    agrees(&text[..start.len() + 2]);
                }
            }
        }
    }
}
