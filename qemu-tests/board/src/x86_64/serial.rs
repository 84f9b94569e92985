//! The console: a 16550 UART, COM1.

use core::arch::asm;

use ::x86_64::instructions::port::Port;

/// Its registers.
const DATA: u16 = 0x3f8;
const INTERRUPT_ENABLE: u16 = DATA + 1;
const FIFO_CONTROL: u16 = DATA + 2;
const LINE_CONTROL: u16 = DATA + 3;
const MODEM_CONTROL: u16 = DATA + 4;
const LINE_STATUS: u16 = DATA + 5;

// FIFO_CONTROL
const FIFO_ENABLE: u8 = 1 << 0;
const CLEAR_RECEIVER: u8 = 1 << 1;
const CLEAR_TRANSMITTER: u8 = 1 << 2;
// LINE_CONTROL
const EIGHT_BITS: u8 = 0b11;
// MODEM_CONTROL
const TERMINAL_READY: u8 = 1 << 0;
const REQUEST_TO_SEND: u8 = 1 << 1;
// LINE_STATUS
const FIFO_EMPTY: u8 = 1 << 5;
const TRANSMITTER_EMPTY: u8 = 1 << 6;

/// Bytes in the transmit FIFO.
const FIFO: usize = 16;

/// Turns the transmitter on. QEMU has no use for a baud rate.
pub(super) fn init() {
    store(INTERRUPT_ENABLE, 0);
    store(LINE_CONTROL, EIGHT_BITS);
    store(FIFO_CONTROL, FIFO_ENABLE | CLEAR_RECEIVER | CLEAR_TRANSMITTER);
    store(MODEM_CONTROL, TERMINAL_READY | REQUEST_TO_SEND);
}

/// Sends `bytes`; returns when the last one is on its way.
///
/// Asks for room once for a whole FIFO, not for every byte: an access to a device costs as much as a thousand
/// instructions.
pub(crate) fn write(bytes: &[u8]) {
    for burst in bytes.chunks(FIFO) {
        wait_for(FIFO_EMPTY);
        // SAFETY: reads `burst` and sends it to the device, where there is room for it. The direction flag is clear, as
        // the ABI has it.
        unsafe {
            asm!(
                "rep outsb",
                in("dx") DATA,
                inout("rsi") burst.as_ptr() => _,
                inout("rcx") burst.len() => _,
                options(nostack, preserves_flags, readonly),
            );
        }
    }
}

/// Returns when everything has left. What still was in the FIFO would be lost with the machine.
pub(crate) fn drain() {
    wait_for(TRANSMITTER_EMPTY);
}

fn wait_for(status: u8) {
    // SAFETY: reading the line status has no effect on what is sent.
    while unsafe { Port::<u8>::new(LINE_STATUS).read() } & status == 0 {}
}

fn store(register: u16, value: u8) {
    // SAFETY: a register of the device, which touches no memory.
    unsafe { Port::new(register).write(value) }
}
