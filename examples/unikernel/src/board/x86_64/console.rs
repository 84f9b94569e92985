//! The serial port.

use core::fmt::{self, Write};
use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::{Config, Uart16550Tty};

static CONSOLE: Mutex<Option<Uart16550Tty<PioBackend>>> = Mutex::new(None);

pub(in crate::board) fn print(arguments: fmt::Arguments<'_>) {
    let mut console = CONSOLE.lock();
    if console.is_none() {
        // SAFETY: the first serial port, which nothing else uses.
        *console = unsafe { Uart16550Tty::new_port(0x3f8, Config::default()) }.ok();
    }
    if let Some(port) = &mut *console {
        let _never_fails = port.write_fmt(arguments);
    }
}

/// For the panic handler: the code that panicked may be printing.
pub(in crate::board) fn break_console_lock() {
    // SAFETY: one core, and the code that has the lock does not continue.
    unsafe { CONSOLE.force_unlock() }
}
