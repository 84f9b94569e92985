//! The default hooks of a tree. With the feature `std` they write a line to standard error; without it they do nothing.

use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Thrown;

/// Reports a leaked greenlet.
pub(super) fn leak<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>) {
    write(
        greenlet,
        " was asked to exit and did not, so that it keeps its stack: have its body return what is thrown into it \
         (`?`), or set `Tree::on_leak`\n",
    );
}

/// Reports that a killed greenlet ended with an error, or has no body, and drops `thrown`.
pub(super) fn unraisable<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>, thrown: Thrown<V, E>) {
    let what = match thrown {
        Thrown::NoRun => " was asked to exit and has no body: give it one, or set `Tree::on_unraisable`\n",
        _ => " was asked to exit and ended with an error, which has no receiver: set `Tree::on_unraisable`\n",
    };
    write(greenlet, what);
}

#[cfg(feature = "std")]
fn write<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>, what: &'static str) {
    to_stderr(greenlet.block().id(), greenlet.block().name.get(), what);
}

#[cfg(not(feature = "std"))]
fn write<V: 'static, E: 'static>(_greenlet: &Greenlet<V, E>, _what: &'static str) {}

/// Writes the line in pieces, without `core::fmt`: this runs on the stack of the greenlet that dropped the last handle,
/// which may be small. A failure to write is ignored.
#[cfg(feature = "std")]
#[inline(never)]
fn to_stderr(id: u64, name: Option<&'static str>, what: &'static str) {
    use std::io::Write;
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    let mut rest = id;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let name = name.map_or(["", "", ""], |name| [" \"", name, "\""]);
    let [quote, name, end] = name.map(str::as_bytes);
    let mut stderr = std::io::stderr().lock();
    for piece in [b"greenlet ", &digits[first..], quote, name, end, what.as_bytes()] {
        let _lost = stderr.write_all(piece);
    }
}
