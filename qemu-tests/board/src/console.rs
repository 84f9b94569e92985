//! The transcript: everything that a guest prints goes to the machine's serial port, unbuffered.
//!
//! No lock is taken. There is one core, and a report must come out wherever it interrupts the guest.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::machine;

/// The last byte written was not a newline.
static LINE_IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Prints to the transcript, as in [`format!`](core::format_args).
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::console::print(::core::format_args!($($text)*)) };
}

/// Prints a line to the transcript, as in [`format!`](core::format_args).
///
/// A line that starts with `# ` is a note: shown, but not compared with what is expected. Addresses, counts, and
/// whatever else differs between machines go there.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($text:tt)+) => { $crate::print!("{}\n", ::core::format_args!($($text)+)) };
}

/// What [`print!`] expands to.
///
/// # Panics
///
/// When a value's `Display` or `Debug` returns an error.
#[doc(hidden)]
#[track_caller]
pub fn print(text: fmt::Arguments<'_>) {
    // The console itself returns none.
    Console.write_fmt(text).expect("a `Display` or `Debug` that is printed returned an error");
}

/// Writes bytes to the transcript as they are.
pub fn write(bytes: &[u8]) {
    if let Some(&last) = bytes.last() {
        LINE_IS_OPEN.store(last != b'\n', Relaxed);
        machine::serial::write(bytes);
    }
}

/// Ends the line that the guest was printing, if it was. What the host looks for starts on a line of its own.
pub(crate) fn end_line() {
    if LINE_IS_OPEN.load(Relaxed) {
        write(b"\n");
    }
}

/// The console as a destination of `write!`, for those who look at its errors themselves.
pub(crate) struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}
