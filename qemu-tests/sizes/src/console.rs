//! A serial port that is written to byte by byte, and no `core::fmt`: what measures stacks must not take much of them.

use crate::boot::put;

/// Prints the line `figure NAME NUMBER`, which the runner reads.
pub fn figure(name: &str, number: usize) {
    write("figure ");
    write(name);
    write(" ");
    let mut power = 1;
    while number / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        put(b'0' + (number / power % 10) as u8);
        power /= 10;
    }
    write("\n");
}

fn write(text: &str) {
    text.bytes().for_each(put);
}
