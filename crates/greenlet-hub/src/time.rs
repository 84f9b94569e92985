//! Sleeping, points in time, and intervals.

use crate::room;
use crate::schedule::Schedule;
use crate::stop::Stop;
use crate::task::Task;
use crate::timers::Entry;
use crate::what::{Waiting, What};
use core::time::Duration;

const NANOSECONDS: u64 = 1_000_000_000;

/// A point in time: ticks of the hub's [`Platform`](crate::Platform).
///
/// ```
/// use greenlet_hub::Instant;
/// assert!(Instant::from_ticks(7) < Instant::from_ticks(8));
/// assert_eq!(Instant::from_ticks(7).ticks(), 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Creates the point in time at which the platform's clock has this value.
    ///
    /// ```
    /// assert_eq!(greenlet_hub::Instant::from_ticks(7).ticks(), 7);
    /// ```
    #[must_use]
    pub const fn from_ticks(ticks: u64) -> Self {
        Self(ticks)
    }

    /// Returns the value of the platform's clock at this point in time.
    ///
    /// ```
    /// assert_eq!(greenlet_hub::Instant::from_ticks(7).ticks(), 7);
    /// ```
    #[must_use]
    pub const fn ticks(self) -> u64 {
        self.0
    }
}

/// Returns the ticks of a duration, rounded up.
pub(crate) fn ticks(schedule: &Schedule, time: Duration) -> u64 {
    let hertz = u64::from(schedule.hertz.get());
    // Does not overflow: both factors are below 2^32.
    let part = (u64::from(time.subsec_nanos()) * hertz).div_ceil(NANOSECONDS);
    time.as_secs().saturating_mul(hertz).saturating_add(part)
}

/// Returns the duration of these ticks, rounded down.
fn duration(schedule: &Schedule, ticks: u64) -> Duration {
    let hertz = u64::from(schedule.hertz.get());
    let nanoseconds = ticks % hertz * NANOSECONDS / hertz;
    Duration::new(ticks / hertz, nanoseconds as u32)
}

/// # Time
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Returns the present time.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert!(main.now() <= main.now());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant(self.slot.schedule().now())
    }

    /// Returns the point in time after `time`, rounded up to a tick.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert!(main.after(Duration::from_millis(1)) > main.now());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn after(&self, time: Duration) -> Instant {
        let schedule = self.slot.schedule();
        Instant(schedule.now().saturating_add(ticks(schedule, time)))
    }

    /// Returns how long ago `then` was; zero if it is in the future.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let begun = main.now();
    /// main.sleep(Duration::from_millis(1)).unwrap();
    /// assert!(main.since(begun) >= Duration::from_millis(1));
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn since(&self, then: Instant) -> Duration {
        let schedule = self.slot.schedule();
        duration(schedule, schedule.now().saturating_sub(then.0))
    }

    /// Waits for the duration `time`, rounded up to a tick.
    ///
    /// # Errors
    ///
    /// A reason to stop.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// main.sleep(Duration::from_millis(1)).unwrap();
    /// # }).unwrap();
    /// ```
    pub fn sleep(&self, time: Duration) -> Result<(), Stop<E>> {
        self.sleep_until(self.after(time))
    }

    /// Waits until that point in time. If it has passed, the other tasks that are ready run first.
    ///
    /// # Errors
    ///
    /// A reason to stop.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let deadline = main.after(Duration::from_millis(2));
    /// main.sleep_until(deadline).unwrap();
    /// assert!(main.now() >= deadline);
    /// # }).unwrap();
    /// ```
    pub fn sleep_until(&self, at: Instant) -> Result<(), Stop<E>> {
        room::probe_for::<(), V, E>();
        self.check_seen()?;
        let entry = Entry::new(self.slot, at.0, 0);
        // SAFETY: it stays in this frame.
        unsafe { self.slot.schedule().timers.insert(&entry) };
        self.wait_until(&What::new(Waiting::Time), || entry.due.get())
    }

    /// Returns an interval whose first tick is one `period` from now.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// let mut interval = main.interval(Duration::from_millis(1));
    /// for _ in 0..3 {
    ///     let _missed = interval.tick(main).unwrap();
    /// }
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn interval(&self, period: Duration) -> Interval {
        let schedule = self.slot.schedule();
        let period = ticks(schedule, period).max(1);
        Interval { next: schedule.now().saturating_add(period), period }
    }
}

/// Ticks at multiples of a period. It does not drift: each tick is a period after the previous one, however late the
/// task ran.
///
/// ```
/// # use core::time::Duration;
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<1> = Hub::new(&PLATFORM);
/// # HUB.run(|main| {
/// let mut interval = main.interval(Duration::from_millis(1));
/// let first = interval.next();
/// main.sleep(Duration::from_millis(5)).unwrap(); // falls behind
/// assert!(interval.tick(main).unwrap() >= 3); // skipped, not made up for in a burst
/// # assert!(interval.next() > first);
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    next: u64,
    period: u64,
}

impl Interval {
    /// Waits for the next tick. Returns how many ticks were missed: those that were due a whole period or more before
    /// the call.
    ///
    /// # Errors
    ///
    /// A reason to stop. The interval does not change in that case, so the next call counts the same missed ticks.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert_eq!(main.interval(Duration::from_millis(50)).tick(main), Ok(0));
    /// # }).unwrap();
    /// ```
    pub fn tick<V: Default + 'static, E: 'static>(&mut self, me: &Task<V, E>) -> Result<u64, Stop<E>> {
        let missed = me.slot.schedule().now().saturating_sub(self.next) / self.period;
        let next = self.next.saturating_add(missed.saturating_mul(self.period));
        me.sleep_until(Instant(next))?;
        self.next = next.saturating_add(self.period);
        Ok(missed)
    }

    /// Returns when the next tick is due.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert!(main.interval(Duration::from_secs(1)).next() > main.now());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn next(&self) -> Instant {
        Instant(self.next)
    }
}
