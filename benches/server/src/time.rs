//! The clock of the machine for embassy-time, the sleep of the core, and critical sections.

use crate::board::CLOCK;
use core::cell::RefCell;
use core::task::Waker;
use critical_section::{Impl, Mutex, RawRestoreState, set_impl};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use greenlet_hub::Platform;

struct Timers(Mutex<RefCell<Queue>>);

time_driver_impl!(static TIMERS: Timers = Timers(Mutex::new(RefCell::new(Queue::new()))));

impl Driver for Timers {
    fn now(&self) -> u64 {
        CLOCK.microseconds()
    }

    /// The alarm is set when the core is about to sleep.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| self.0.borrow_ref_mut(section).schedule_wake(at, waker));
    }
}

/// Wakes the tasks whose time has come, and sleeps until an interrupt if `sleeps` returns `true` after that.
pub(crate) fn sleep(mut sleeps: impl FnMut() -> bool) {
    let now = CLOCK.microseconds();
    let next = critical_section::with(|section| TIMERS.0.borrow_ref_mut(section).next_expiration(now));
    CLOCK.arm((next != u64::MAX).then(|| {
        let ticks = u64::from(CLOCK.hertz());
        next / 1_000_000 * ticks + next % 1_000_000 * ticks / 1_000_000 + 1
    }));
    CLOCK.idle(&mut sleeps);
}

struct OneCore;
set_impl!(OneCore);

// SAFETY: on the one core, masked interrupts leave nothing else that could enter a critical section.
unsafe impl Impl for OneCore {
    #[inline(always)]
    unsafe fn acquire() -> RawRestoreState {
        let before;
        // SAFETY: reads and sets masks. Not `nomem`: nothing moves out of a critical section.
        unsafe {
            core::arch::asm!("mrs {}, daif", "msr daifset, #2", out(reg) before, options(nostack, preserves_flags))
        };
        before
    }

    #[inline(always)]
    unsafe fn release(before: RawRestoreState) {
        // SAFETY: sets the masks as they were.
        unsafe { core::arch::asm!("msr daif, {}", in(reg) before, options(nostack, preserves_flags)) };
    }
}
