//! What a Raspberry Pi 3B has in the place of firmware and interrupt controller: four mailboxes for each core. A core
//! that writes a word to one raises an interrupt, until the word is cleared.

use core::ops::Range;

use super::device::{load, store};
use super::{cores, timer};
use crate::memory;

/// The devices that all have in common, such as the console.
pub(super) const DEVICES: Range<usize> = 0x3f00_0000..0x4000_0000;
/// The console.
pub(super) const UART: usize = DEVICES.start + 0x20_1000;
/// Registers that all cores have of their own; those of a kind follow each other.
pub(super) const LOCAL_DEVICES: usize = 0x4000_0000;
/// Which timers of a core raise interrupts, and which interrupts of a core wait; 4 bytes a core.
const TIMER_INTERRUPTS: usize = LOCAL_DEVICES + 0x40;
const WAITING: usize = LOCAL_DEVICES + 0x60;
/// Which mailboxes of a core raise interrupts; 4 bytes a core.
pub(super) const MAILBOX_INTERRUPTS: usize = LOCAL_DEVICES + 0x50;
/// The first mailbox of a core: sets bits, and reads or clears them; 16 bytes a core.
const MAILBOX_SET: usize = LOCAL_DEVICES + 0x80;
pub(super) const MAILBOX_CLEAR: usize = LOCAL_DEVICES + 0xc0;

/// Of MAILBOX_INTERRUPTS: the first mailbox, by an ordinary interrupt.
const FIRST: u32 = 1 << 0;
/// Of TIMER_INTERRUPTS and of WAITING: the virtual timer, by an ordinary interrupt.
const VIRTUAL_TIMER: u32 = 1 << 3;

/// Whether this is one. Its memory begins at zero, and so its image lies below all others.
pub(super) fn is_it() -> bool {
    memory::constants().start < LOCAL_DEVICES
}

/// Lets the interrupts of this core's mailbox and of its timer through.
pub(super) fn init() {
    store(TIMER_INTERRUPTS + 4 * cores::number(), VIRTUAL_TIMER);
    store(MAILBOX_INTERRUPTS + 4 * cores::number(), FIRST);
}

/// Sends the interrupt `number` to this core.
pub(super) fn raise(number: u32) {
    write(cores::number(), number);
}

/// Which interrupt came; it may come again. That of the timer waits until the timer is stopped.
pub(super) fn take() -> u32 {
    if load(WAITING + 4 * cores::number()) & VIRTUAL_TIMER != 0 {
        return timer::NUMBER;
    }
    let mailbox = MAILBOX_CLEAR + 16 * cores::number();
    let number = load(mailbox);
    store(mailbox, number);
    number
}

/// Writes a word to the mailbox of `core`. One that has not started waits for an address there.
pub(super) fn write(core: usize, word: u32) {
    store(MAILBOX_SET + 16 * core, word);
}
