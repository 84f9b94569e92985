//! embassy's time driver, on the clock of a hub's platform and the timer of one of its tasks.

use crate::queue::{Inserted, Queue};
use core::cell::RefCell;
use core::convert::Infallible;
use core::fmt;
use core::task::Waker;
use core::time::Duration;
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ};
use greenlet_hub::{Platform, Signal, Stop, Task};

const NANOSECONDS: u64 = 1_000_000_000;

/// embassy's time driver: its clock is that of a hub's [`Platform`], and a task of the hub wakes what is due. A static,
/// declared by [`time_driver_impl!`](crate::time_driver_impl), one in a program.
///
/// Up to `N` wakers wait at a time, embassy's tasks and the hub's together; each task counts once, however many timers
/// it has. If there are more, those are woken at once and look at the clock again: that is correct, but the core does
/// not sleep. Neither is the driver bound to embassy's executor: wakers of any kind may be used.
///
/// A critical section guards the list; in it, the `N` places are looked through, and nothing is woken.
///
/// ```standalone_crate
/// use embassy_time::{Duration, Instant, Timer};
/// use greenlet::StackPool;
/// use greenlet_embassy::{TimeDriver, time_driver_impl};
/// use greenlet_hub::{Hub, Threads};
/// static PLATFORM: Threads = Threads::new();
/// static HUB: Hub<1> = Hub::new(&PLATFORM);
/// static STACKS: StackPool<1, 65536> = StackPool::new();
/// time_driver_impl!(static TIME: TimeDriver<8> = TimeDriver::new(&PLATFORM));
///
/// fn main() {
///     HUB.run(|main| {
///         let _clock = main.spawn(&STACKS, |me| TIME.serve(me)).unwrap();
///         let begun = Instant::now();
///         main.wait(Timer::after_millis(2)).unwrap();
///         assert!(begun.elapsed() >= Duration::from_millis(2));
///     }).unwrap();
/// }
/// ```
pub struct TimeDriver<const N: usize> {
    platform: &'static dyn Platform,
    queue: Mutex<RefCell<Queue<N>>>,
    /// Raised when a waker is due earlier than all others.
    changed: Signal,
}

impl<const N: usize> TimeDriver<N> {
    /// Creates a driver with this clock.
    ///
    /// ```standalone_crate
    /// use greenlet_embassy::{TimeDriver, time_driver_impl};
    /// use greenlet_hub::Threads;
    /// static PLATFORM: Threads = Threads::new();
    /// time_driver_impl!(static TIME: TimeDriver<8> = TimeDriver::new(&PLATFORM));
    /// fn main() {
    ///     assert!(embassy_time::Instant::now() <= embassy_time::Instant::now());
    /// }
    /// ```
    #[must_use]
    pub const fn new(platform: &'static dyn Platform) -> Self {
        const { assert!(TICK_HZ <= u32::MAX as u64, "embassy-time: choose a tick rate of less than 4.2 GHz") };
        Self {
            platform,
            queue: Mutex::new(RefCell::new(Queue::new())),
            changed: Signal::new().named("embassy's time driver"),
        }
    }

    /// Wakes what is due, until there is a reason to stop. To be called by one task; while none does, no timer of
    /// embassy ends.
    ///
    /// # Errors
    ///
    /// A reason to stop; without one, this does not return. [`Stop::Refused`]: another task serves this driver.
    ///
    /// ```standalone_crate
    /// # use greenlet::StackPool;
    /// # use greenlet_embassy::{TimeDriver, time_driver_impl};
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: StackPool<1, 65536> = StackPool::new();
    /// # time_driver_impl!(static TIME: TimeDriver<8> = TimeDriver::new(&PLATFORM));
    /// # fn main() {
    /// # HUB.run(|main| {
    /// let clock = main.spawn(&STACKS, |me| TIME.serve(me)).unwrap();
    /// clock.kill();
    /// assert_eq!(clock.join(main), Ok(Err(Stop::Killed)));
    /// # }).unwrap();
    /// # }
    /// ```
    pub fn serve<V: Default + 'static, E: 'static>(&self, me: &Task<V, E>) -> Result<Infallible, Stop<E>> {
        loop {
            let now = self.now();
            while let Some(waker) = self.with(|queue| queue.take_due(now)) {
                waker.wake();
            }
            match self.with(|queue| queue.first()) {
                Some(at) => {
                    let _changed = me.with_timeout(time_between(self.now(), at), || self.changed.wait(me))?;
                }
                None => {
                    self.changed.wait(me)?;
                }
            }
        }
    }

    fn with<R>(&self, action: impl FnOnce(&mut Queue<N>) -> R) -> R {
        critical_section::with(|section| action(&mut self.queue.borrow_ref_mut(section)))
    }
}

impl<const N: usize> Driver for TimeDriver<N> {
    fn now(&self) -> u64 {
        embassy_ticks(self.platform.now(), self.platform.hertz())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // Cloned, dropped and woken outside of the critical section.
        let mut waker = Some(waker.clone());
        match self.with(|queue| queue.insert(at, &mut waker)) {
            Inserted::First => self.changed.raise(1),
            Inserted::Later => {}
            Inserted::Full => {
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }
}

impl<const N: usize> fmt::Debug for TimeDriver<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeDriver").field("first", &self.with(|queue| queue.first())).finish_non_exhaustive()
    }
}

/// Returns embassy's ticks for those of a platform, rounded down.
fn embassy_ticks(ticks: u64, hertz: u32) -> u64 {
    let hertz = u64::from(hertz.max(1));
    // Both factors of the second product are below 2^32.
    ticks / hertz * TICK_HZ + ticks % hertz * TICK_HZ / hertz
}

/// Returns the time between two points in embassy's ticks, rounded up; zero if `at` has passed.
fn time_between(now: u64, at: u64) -> Duration {
    let ticks = at.saturating_sub(now);
    let nanoseconds = (ticks % TICK_HZ * NANOSECONDS).div_ceil(TICK_HZ);
    Duration::from_secs(ticks / TICK_HZ) + Duration::from_nanos(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_converted_without_drift_and_never_decrease() {
        for hertz in [1, 32_768, 62_500_000, 1_000_000, 1_000_000_000, u32::MAX] {
            let hour = u64::from(hertz) * 3600;
            assert_eq!(embassy_ticks(hour, hertz), 3600 * TICK_HZ, "{hertz}");
            let mut last = 0;
            for ticks in hour - 1000..hour + 1000 {
                let now = embassy_ticks(ticks, hertz);
                assert!(now >= last, "{hertz}: {ticks}");
                last = now;
            }
        }
    }

    #[test]
    fn the_time_to_sleep_is_never_too_short() {
        assert_eq!(time_between(5, 5), Duration::ZERO);
        assert_eq!(time_between(6, 5), Duration::ZERO);
        assert_eq!(time_between(0, TICK_HZ), Duration::from_secs(1));
        assert!(time_between(1, TICK_HZ + 2) > Duration::from_secs(1));
        assert!(time_between(0, u64::MAX) > Duration::from_secs(u64::MAX / TICK_HZ - 1));
    }
}
