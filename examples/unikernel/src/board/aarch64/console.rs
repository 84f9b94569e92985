//! The serial port, a PL011.

use arm_pl011_uart::{PL011Registers, Uart, UniqueMmioPointer};
use core::fmt::{self, Write};
use core::ptr::NonNull;
use spin::Mutex;

const PL011: NonNull<PL011Registers> = NonNull::new(0x900_0000 as *mut PL011Registers).expect("not null");

static CONSOLE: Mutex<Option<Uart<'static>>> = Mutex::new(None);

pub(in crate::board) fn print(arguments: fmt::Arguments<'_>) {
    let mut console = CONSOLE.lock();
    let uart = console.get_or_insert_with(|| {
        // SAFETY: the port is there, mapped as a device, and nothing else refers to it. QEMU has set it up.
        Uart::new(unsafe { UniqueMmioPointer::new(PL011) })
    });
    let _never_fails = uart.write_fmt(arguments);
}

/// For the panic handler: the code that panicked may be printing.
pub(in crate::board) fn break_console_lock() {
    // SAFETY: one core, and the code that has the lock does not continue.
    unsafe { CONSOLE.force_unlock() }
}
