//! Numbers as text, without `core::fmt`: for reports where little stack is left.

const DIGITS: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];

/// Writes a number in decimal, one digit per call of `write`.
pub(crate) fn decimal(number: u64, write: &mut dyn FnMut(&str)) {
    digits::<10>(number, write);
}

/// Writes a number in hexadecimal, one digit per call of `write`.
pub(crate) fn hexadecimal(number: u64, write: &mut dyn FnMut(&str)) {
    digits::<16>(number, write);
}

fn digits<const BASE: u64>(number: u64, write: &mut dyn FnMut(&str)) {
    let mut power = 1;
    while number / power >= BASE {
        power *= BASE;
    }
    while power > 0 {
        write(DIGITS[(number / power % BASE) as usize]);
        power /= BASE;
    }
}
