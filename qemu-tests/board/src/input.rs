//! What the host hands in: a file that QEMU's `-device loader` puts into RAM before the machine starts.

use core::{ptr, slice};

use crate::memory;

/// What the file starts with. RAM that nothing was loaded into is zero.
const MAGIC: [u8; 8] = *b"GLINPUT1";

/// The head of the file; the data follow.
#[repr(C)]
struct Head {
    magic: [u8; 8],
    /// Bytes of data, little-endian.
    length: [u8; 8],
}

/// The data that the host handed in; empty when it did not.
///
/// # Panics
///
/// When they are said to be longer than the memory that is set aside for them.
pub fn input() -> &'static [u8] {
    let area = memory::input_area();
    let head: *const Head = ptr::with_exposed_provenance(area.start);

    // SAFETY: the area is mapped RAM behind the image, so no Rust object is there; it is page-aligned; every bit
    // pattern is a head. Volatile: the compiler must not conclude anything from the absence of writes.
    let Head { magic, length } = unsafe { head.read_volatile() };
    if magic != MAGIC {
        return &[];
    }

    let room = area.len() - size_of::<Head>();
    let length = u64::from_le_bytes(length) as usize;
    assert!(length <= room, "the input of {length} bytes exceeds {room} bytes of memory set aside for it");

    // SAFETY: the head is followed by `room` bytes of the area, still the same allocation as far as there is one.
    let data = unsafe { head.add(1) };
    // SAFETY: `length` bytes of RAM, initialised by the host, to which nothing writes from now on.
    unsafe { slice::from_raw_parts(data.cast(), length) }
}
