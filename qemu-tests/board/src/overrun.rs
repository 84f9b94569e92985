//! Ways to overrun a stack.

use core::cell::Cell;
use core::hint::black_box;

/// Calls itself `left` times. A million times takes more than any stack has.
#[inline(never)]
#[must_use]
pub fn dig(left: u32) -> u32 {
    let frame = Cell::new([left; 16]);
    black_box(&frame);
    let deeper = if left == 0 { 0 } else { dig(left - 1) };
    black_box(&frame).get()[0] ^ deeper
}

/// Has a frame of more than `SIZE` words of four bytes, so its first access may be far below the stack.
#[inline(never)]
#[must_use]
pub fn huge<const SIZE: usize>(x: u32) -> u32 {
    black_box([x; SIZE])[7]
}
