//! The core's timer, once. Where instructions are counted, to the instruction, although its counter counts hundreds of
//! nanoseconds.

use core::arch::asm;

use super::clint::{self, TICK};
use super::{cores, instructions};

/// Ticks in which the counters are read, and the deadline is computed and set; and one for the part of a tick that has
/// passed.
const SLACK: u64 = if cfg!(debug_assertions) { 16 } else { 3 };

/// Has the interrupt come after that time.
///
/// The deadline is a tick of the counter. Under `-icount shift=0` both counters count the same nanoseconds, and this
/// waits until exactly that time is left; else the time is rounded up to a tick. QEMU's interrupt comes a whole number
/// of ticks after the store of the deadline, whatever part of a tick had passed then.
pub(crate) fn set(nanoseconds: u32) {
    let nanoseconds = u64::from(nanoseconds);
    let is_counted = clint::counter().abs_diff(instructions() / TICK) < SLACK;
    if !is_counted {
        clint::set_deadline(cores::number(), clint::counter() + nanoseconds.div_ceil(TICK));
        return;
    }
    let deadline = (instructions() + nanoseconds) / TICK + SLACK;
    let stored = clint::set_deadline(cores::number(), deadline);
    let interrupt = stored + (deadline - stored / TICK) * TICK;
    let left = (interrupt - nanoseconds).checked_sub(instructions());
    wait(left.expect("the instructions from the first count to here take more than SLACK") as usize);
}

/// Takes so many instructions, and a few.
fn wait(instructions: usize) {
    // SAFETY: counts down, two instructions at a time; one more if the number is odd.
    unsafe {
        asm!(
            "andi {odd}, {left}, 1",
            "beqz {odd}, 2f",
            "nop",
            "2:",
            "addi {left}, {left}, -2",
            "bgez {left}, 2b",
            left = inout(reg) instructions => _,
            odd = out(reg) _,
            options(nomem, nostack),
        );
    }
}

/// Stops it, and takes the interrupt back if it waits.
pub(crate) fn stop() {
    clint::set_deadline(cores::number(), u64::MAX);
}
