//! Scopes: of a timeout, and of a shield.

use crate::room;
use crate::slot::{EXPIRED, SHIELDED, SlotRef};
use crate::stop::{Refusal, Stop, TimeoutScope};
use crate::task::Task;
use crate::time::ticks;
use crate::timers::Entry;
use core::time::Duration;

/// How deep timeouts may nest: each has a bit.
const MOST: u8 = u16::BITS as u8;

/// # Scopes
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Runs `body`, whose waits end with [`Stop::Timeout`] once `time` is over. Returns `None` if `body` returned that
    /// error.
    ///
    /// Scopes nest, and each catches its own timeout only. The timer lies in this call's frame; nothing of it is left
    /// when this returns. A body that completes although its time is over has its result returned.
    ///
    /// # Errors
    ///
    /// The error of `body`; [`Refusal::TooDeep`] if more than 16 scopes would be nested; [`Refusal::NotCurrent`] if
    /// another task runs, which has the `&Task` of this one through a scope.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Signal, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// static BUTTON: Signal = Signal::new();
    /// # HUB.run(|main| {
    /// let pressed = main.with_timeout(Duration::from_millis(2), || BUTTON.wait(main));
    /// assert_eq!(pressed, Ok(None));
    /// BUTTON.raise(1);
    /// let pressed = main.with_timeout(Duration::from_millis(2), || BUTTON.wait(main));
    /// assert_eq!(pressed, Ok(Some(1)));
    /// # }).unwrap();
    /// ```
    pub fn with_timeout<R>(
        &self,
        time: Duration,
        body: impl FnOnce() -> Result<R, Stop<E>>,
    ) -> Result<Option<R>, Stop<E>> {
        room::probe_for::<(), V, E>();
        if !self.runs() {
            return Err(Stop::Refused(Refusal::NotCurrent));
        }
        let schedule = self.slot.schedule();
        let base = self.slot.base();
        let depth = base.depth.get() + 1;
        if depth > MOST {
            return Err(Stop::Refused(Refusal::TooDeep));
        }
        /// Ends the scope, also if a panic unwinds through it.
        struct Scope(SlotRef, u8);
        impl Drop for Scope {
            fn drop(&mut self) {
                let base = self.0.base();
                base.depth.set(self.1 - 1);
                let expired = base.expired.get() & !(1 << (self.1 - 1));
                base.expired.set(expired);
                if expired == 0 {
                    self.0.clear_alert(EXPIRED);
                }
            }
        }
        let result = {
            base.depth.set(depth);
            let _scope = Scope(self.slot, depth);
            let entry = Entry::new(self.slot, schedule.now().saturating_add(ticks(schedule, time)), depth);
            // SAFETY: it stays in this frame until it is dropped there, before the scope.
            unsafe { schedule.timers.insert(&entry) };
            (body(), entry.due.get())
        };
        match result {
            (Ok(result), _) => Ok(Some(result)),
            // If this scope's time is not over, the timeout is passed on: the program has kept it from an earlier scope
            // of the same depth.
            (Err(Stop::Timeout(TimeoutScope(scope))), true) if scope == depth => Ok(None),
            (Err(stop), _) => Err(stop),
        }
    }

    /// Runs `body`. Inside of it no wait ends by a reason to stop that comes from outside of it. For clean-up that has
    /// to wait, such as sending the last bytes to a device.
    ///
    /// A reason to stop that comes meanwhile ends the first wait after the shield. A
    /// [`with_timeout`](Self::with_timeout) inside of it works as usual. Use one: otherwise a kill has no effect for as
    /// long as the body waits.
    ///
    /// If another task runs, which has the `&Task` of this one through a scope, this just runs `body`, and shields no
    /// task.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// main.remote().kill();
    /// assert_eq!(main.yield_now(), Err(Stop::Killed));
    /// assert_eq!(main.shield(|| main.sleep(Duration::from_millis(1))), Ok(()));
    /// assert_eq!(main.yield_now(), Err(Stop::Killed));
    /// # }).unwrap();
    /// ```
    pub fn shield<R>(&self, body: impl FnOnce() -> R) -> R {
        /// Restores the state before the shield, also if a panic unwinds through it.
        struct Before(SlotRef, u8, u8);
        impl Drop for Before {
            fn drop(&mut self) {
                let base = self.0.base();
                base.shield.set(self.1);
                base.alerts.set(base.alerts.get() & !SHIELDED | self.2);
            }
        }
        if !self.runs() {
            return body();
        }
        let base = self.slot.base();
        let _before = Before(self.slot, base.shield.get(), base.alerts.get() & SHIELDED);
        base.shield.set(base.depth.get());
        self.slot.alert(SHIELDED);
        body()
    }
}
