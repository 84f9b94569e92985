//! The transcript: everything that a guest prints goes to the machine's serial port, unbuffered.
//!
//! A line that is printed in one go comes out in one piece: meanwhile other cores wait. Not so a core for itself, whose
//! handlers and reports come out wherever they interrupt it.

use crate::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::atomic::{AtomicBool, AtomicUsize};
use core::fmt::{self, Write};
use core::hint::spin_loop;

use crate::{cores, machine};

/// The core that prints: its number plus one; 0 if none does.
static HOLDER: AtomicUsize = AtomicUsize::new(0);

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
    let _held = hold();
    // The console itself returns none.
    Console.write_fmt(text).expect("a `Display` or `Debug` that is printed returned an error");
}

/// Writes bytes to the transcript as they are.
pub fn write(bytes: &[u8]) {
    if let Some(&last) = bytes.last() {
        let _held = hold();
        LINE_IS_OPEN.store(last != b'\n', Relaxed);
        machine::serial::write(bytes);
    }
}

/// Keeps other cores from printing, until it is dropped.
#[must_use]
pub(crate) struct Held {
    /// Whether this core did not hold the console before.
    taken: bool,
}

/// Waits until no other core prints.
pub(crate) fn hold() -> Held {
    let this = cores::number() + 1;
    if HOLDER.load(Relaxed) == this {
        return Held { taken: false };
    }
    while HOLDER.compare_exchange_weak(0, this, Acquire, Relaxed).is_err() {
        spin_loop();
    }
    Held { taken: true }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.taken {
            HOLDER.store(0, Release);
        }
    }
}

/// Ends the line that the guest was printing, if it was. What the host looks for starts on a line of its own.
pub(crate) fn end_line() {
    if LINE_IS_OPEN.load(Relaxed) {
        write(b"\n");
    }
}

/// The console as a destination of `write!`, for callers that handle its errors themselves.
pub(crate) struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}
