//! Without greenlets nothing is contained: a panic ends the program.

use super::machine;
use core::panic::PanicInfo;

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    machine::break_console_lock();
    machine::print(format_args!("{info}\n"));
    machine::power_off()
}

/// No stack has a guard page.
pub(super) fn has_overflowed(_address: usize, _sp: usize) -> bool {
    false
}

/// Never called.
pub(super) fn land() -> ! {
    machine::power_off()
}
