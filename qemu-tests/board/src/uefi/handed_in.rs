//! What the host hands in. Firmware gives no promise about memory that QEMU filled before, so it is an item of QEMU's
//! device `fw_cfg`, which is copied to memory of the program.
//!
//! The directory of the items is an item itself, by a fixed number: a count, and for each item its size, its number
//! and its name, all numbers big-endian.

use super::host::{read, select};
use crate::memory::INPUT;

/// The number of the directory.
const DIRECTORY: u16 = 0x19;
/// The name that the runner gives to the item.
const NAME: &[u8] = b"opt/greenlet/input";
/// Bytes for a name, with zeros behind it.
const NAME_ROOM: usize = 56;

/// Copies it, if there is any.
pub(super) fn take() {
    if let Some((item, size)) = find() {
        select(item);
        INPUT.fill((0..size).map(|_| read()));
    }
}

/// The number and the size of the item.
fn find() -> Option<(u16, usize)> {
    select(DIRECTORY);
    let count = u32::from_be_bytes(bytes());
    (0..count).find_map(|_| {
        let size = u32::from_be_bytes(bytes());
        let item = u16::from_be_bytes(bytes());
        let _reserved: [u8; 2] = bytes();
        let name: [u8; NAME_ROOM] = bytes();
        let is_it = name.starts_with(NAME) && name[NAME.len()] == 0;
        is_it.then_some((item, size as usize))
    })
}

fn bytes<const COUNT: usize>() -> [u8; COUNT] {
    [(); COUNT].map(|()| read())
}
