//! What the hub needs of the machine: a clock, an alarm, and a way to sleep.

/// The clock, the alarm and the sleep of the core on which a [`Hub`](crate::Hub) runs.
///
/// On bare metal, `now`, `hertz` and `arm` are the firmware's; the sleep is provided. In a hosted program with the
/// feature `std`, `Threads` is a complete platform.
///
/// ```
/// use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use greenlet_hub::{Hub, Platform};
///
/// /// A clock that jumps to the next alarm instead of sleeping: for tests and simulations.
/// struct Simulated { now: AtomicU64, alarm: AtomicU64 }
/// impl Platform for Simulated {
///     fn now(&self) -> u64 { self.now.load(Relaxed) }
///     fn hertz(&self) -> u32 { 1_000 }
///     fn arm(&self, at: Option<u64>) { self.alarm.store(at.unwrap_or(0), Relaxed) }
///     fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
///         if sleep() { self.now.fetch_max(self.alarm.load(Relaxed), Relaxed); }
///     }
/// }
/// static CLOCK: Simulated = Simulated { now: AtomicU64::new(0), alarm: AtomicU64::new(0) };
/// static HUB: Hub<1> = Hub::new(&CLOCK);
/// HUB.run(|main| main.sleep(core::time::Duration::from_secs(3600))).unwrap().unwrap();
/// assert_eq!(CLOCK.now(), 3_600_000);
/// ```
pub trait Platform: Sync + 'static {
    /// Returns the time in ticks. It never decreases, and never wraps.
    fn now(&self) -> u64;

    /// Returns the ticks per second. It never changes.
    fn hertz(&self) -> u32;

    /// Requests an interrupt at the time `at`, or at once if that has passed; with `None` there need not be one.
    ///
    /// Called immediately before each sleep, with interrupts masked if [`idle`](Self::idle) masks them. A new request
    /// replaces the previous one. An interrupt that arrives too early costs one turn of the idle loop; one that never
    /// arrives is a sleep for ever, in particular if `at` has passed by the time that the comparator is written.
    fn arm(&self, at: Option<u64>);

    /// Ends the sleep of the hub's core.
    ///
    /// Called from interrupt handlers and other cores, whenever they wake a task while no other wake is pending. It may
    /// do nothing if only interrupts of the hub's own core wake tasks, because an interrupt ends the sleep.
    ///
    /// What the wake has written must be visible to the hub's core before the interrupt reaches it. Atomics do not
    /// order that with a register of an interrupt controller: on aarch64 this begins with `dsb ishst`, on x86_64 with
    /// `mfence` and `lfence` if the register is an MSR (x2APIC). A register in uncached memory (xAPIC) needs no barrier
    /// on x86_64.
    fn kick(&self) {}

    /// Sleeps until an interrupt arrives or [`kick`](Self::kick) is called, unless `sleep` returns `false`.
    ///
    /// No wake may be lost between the call of `sleep` and the sleep itself. The provided implementation is
    /// [`sleep_if`](crate::sleep_if).
    #[cfg(target_os = "none")]
    fn idle(&self, sleep: &mut dyn FnMut() -> bool) {
        crate::sleep_if(sleep);
    }

    /// Sleeps until the alarm or [`kick`](Self::kick), unless `sleep` returns `false`.
    ///
    /// No wake may be lost between the call of `sleep` and the sleep itself: a `kick` in between ends the sleep at
    /// once, as [`std::thread::park`](https://doc.rust-lang.org/std/thread/fn.park.html) has it.
    #[cfg(not(target_os = "none"))]
    fn idle(&self, sleep: &mut dyn FnMut() -> bool);
}
