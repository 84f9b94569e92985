//! The clock of the machine for embassy-time, the sleep of the core, and critical sections.

use crate::board::CLOCK;
use core::cell::RefCell;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::task::Waker;
use critical_section::{Impl, Mutex, RawRestoreState, set_impl};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use greenlet_hub::Platform;

struct Timers {
    queue: Mutex<RefCell<Queue>>,
    /// No timer ends before this time.
    next: AtomicU64,
}

time_driver_impl!(static TIMERS: Timers = Timers {
    queue: Mutex::new(RefCell::new(Queue::new())),
    next: AtomicU64::new(u64::MAX),
});

impl Driver for Timers {
    fn now(&self) -> u64 {
        CLOCK.microseconds()
    }

    /// The alarm is set when the core is about to sleep.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            self.queue.borrow_ref_mut(section).schedule_wake(at, waker);
            self.next.fetch_min(at, Relaxed);
        });
    }
}

impl Timers {
    /// Wakes the tasks whose time has come. The queue is searched only if there may be one.
    fn look(&self) {
        let now = CLOCK.microseconds();
        if now >= self.next.load(Relaxed) {
            critical_section::with(|section| {
                self.next.store(self.queue.borrow_ref_mut(section).next_expiration(now), Relaxed);
            });
        }
    }
}

/// The end of a turn: wakes the tasks whose time has come, and sleeps until an interrupt if no task is woken.
pub(crate) fn rest(is_woken: impl Fn() -> bool) {
    TIMERS.look();
    if is_woken() {
        return;
    }
    CLOCK.idle(&mut || {
        // With interrupts masked: one that comes from now on ends the sleep, also that of an alarm which is over
        // already.
        TIMERS.look();
        let next = TIMERS.next.load(Relaxed);
        let sleeps = !is_woken();
        if sleeps {
            CLOCK.arm((next != u64::MAX).then(|| {
                let ticks = u64::from(CLOCK.hertz());
                next / 1_000_000 * ticks + next % 1_000_000 * ticks / 1_000_000 + 1
            }));
        }
        sleeps
    });
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
