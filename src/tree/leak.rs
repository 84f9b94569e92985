//! Who hears of a leaked greenlet when the program has said nothing about it.

use crate::handle::Greenlet;

/// A line on standard error, where there is one. Written piece by piece, without the machinery of formatting: this runs on the stack
/// of whoever has dropped the last handle, which may be small.
#[cfg(feature = "std")]
pub(super) fn tell<V: 'static, E: 'static>(greenlet: &Greenlet<V, E>) {
    write(greenlet.id(), greenlet.name());
}

/// There is no place to say it.
#[cfg(not(feature = "std"))]
pub(super) fn tell<V: 'static, E: 'static>(_greenlet: &Greenlet<V, E>) {}

/// Nobody is told of a line that cannot be written.
#[cfg(feature = "std")]
#[inline(never)]
fn write(id: u64, name: Option<&'static str>) {
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
    let remedy = b" was asked to exit and did not, so that it keeps its stack: have its body return what is thrown into it (`?`), \
        or set `Tree::on_leak`\n";
    let mut stderr = std::io::stderr().lock();
    for piece in [b"greenlet ", &digits[first..], quote, name, end, remedy] {
        let _nobody = stderr.write_all(piece);
    }
}
