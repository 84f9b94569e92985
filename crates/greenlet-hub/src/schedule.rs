//! Which task runs next, and when the core sleeps: the part of a hub that does not depend on the types of its tree.

use crate::history::OfHub;
use crate::platform::Platform;
use crate::ready::Ready;
use crate::slot::{EXPIRED, KILLED, SlotRef};
use crate::timers::Timers;
use crate::wakes::bell::Inbox;
use core::cell::Cell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

/// How many turns pass before the clock is read again: reading it may take a barrier and an access to a device.
const ROUND: u32 = 32;

pub(crate) struct Schedule {
    inbox: Inbox,
    platform: &'static dyn Platform,
    /// The number of the run, which no other run of any hub has; 0 if there is none.
    pub(crate) run: AtomicU32,
    /// How many more tasks are resumed before the hub looks at the clock.
    left: Cell<u32>,
    /// How often it has done so.
    rounds: Cell<u32>,
    pub(crate) ready: Ready,
    pub(crate) timers: Timers,
    /// The slot whose turn it is. `None` when main's closure has returned, and no task runs any more.
    pub(crate) turn: Cell<Option<SlotRef>>,
    /// A task that has ended, and whose stack can be released as soon as another one runs.
    pub(crate) dead: Cell<Option<SlotRef>>,
    /// Whether the stack of a task that was given up returns to its pool: see `Hub::reclaiming`.
    #[cfg(feature = "abandon")]
    pub(crate) reclaims: bool,
    /// How many tasks wait for events that may come from outside of the hub.
    external: Cell<u32>,
    /// Ticks per second, read once per run.
    pub(crate) hertz: Cell<u32>,
    /// Recomputes the level of a task that has unlocked a mutex. A pointer to typed code, set by the first wait for a
    /// mutex, so that a program without such a wait does not link it.
    pub(crate) relend: Cell<fn(SlotRef)>,
    /// Set when a task waits for a mutex; it may stay set when none waits any more. While it is set, the end of a task
    /// checks by this function whether the task held a mutex. Typed code, as `relend` is.
    pub(crate) lock_waits: Cell<Option<fn(SlotRef)>>,
    /// The state of the generator with which `select` picks its first arm.
    pub(crate) random: Cell<u32>,
    /// For records of what the tasks did.
    pub(crate) history: OfHub,
}

impl Schedule {
    pub(crate) const fn new(platform: &'static dyn Platform) -> Self {
        Self {
            inbox: Inbox::new(),
            platform,
            run: AtomicU32::new(0),
            left: Cell::new(0),
            rounds: Cell::new(0),
            ready: Ready::new(),
            timers: Timers::new(),
            turn: Cell::new(None),
            dead: Cell::new(None),
            #[cfg(feature = "abandon")]
            reclaims: false,
            external: Cell::new(0),
            hertz: Cell::new(1),
            relend: Cell::new(|_| ()),
            lock_waits: Cell::new(None),
            random: Cell::new(0),
            history: OfHub::new(),
        }
    }

    /// Makes the fields this core's. Returns `false` if they are those of a run that is not over.
    pub(crate) fn claim(&self) -> bool {
        static RUNS: AtomicU32 = AtomicU32::new(1);
        self.run.compare_exchange(0, next_run(&RUNS), Acquire, Relaxed).is_ok()
    }

    /// Begins a run that was claimed, in which it is the turn of `main`.
    pub(crate) fn begin(&self, main: SlotRef) {
        self.hertz.set(self.platform.hertz().max(1));
        self.left.set(0);
        self.rounds.set(0);
        self.external.set(0);
        self.random.set(0);
        // What code did at the end of the last run, when greenlets that refused to end were resumed once more.
        self.dead.set(None);
        self.ready.clear();
        self.timers.clear();
        self.turn.set(Some(main));
        self.history.begin();
    }

    /// Ends the run. Nodes of greenlets that refuse to end are taken out of the timers.
    pub(crate) fn end(&self) {
        self.turn.set(None);
        while self.ready.pop().is_some() {}
        while self.timers.pop_due(u64::MAX).is_some() {}
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.platform.now()
    }

    /// ②, from anywhere: see [`Inbox`].
    #[inline]
    pub(crate) fn post(&self, slot: SlotRef) {
        // SAFETY: slots are static; the caller has rung the bell.
        if unsafe { self.inbox.push(slot.bell()) } {
            self.platform.kick();
        }
    }

    /// Returns the slot that runs next.
    #[inline]
    pub(crate) fn next(&self) -> Option<SlotRef> {
        if !self.is_calm() {
            return self.next_out_of_line();
        }
        self.left.set(self.left.get() - 1);
        self.ready.pop_level_0()
    }

    /// As [`next`](Self::next), after the slot that runs was put at the end of the queue: one of level 0 that is not
    /// queued. `None`: there is something to look at, and nothing has changed.
    #[inline(always)]
    pub(crate) fn rotate(&self, slot: SlotRef) -> Option<SlotRef> {
        if !self.is_calm() {
            return None;
        }
        self.left.set(self.left.get() - 1);
        Some(self.ready.rotate(slot))
    }

    /// Returns `true` if nothing is to be looked at before the next task: no wake from outside, no level above 0, not
    /// the clock.
    #[inline(always)]
    fn is_calm(&self) -> bool {
        self.is_inbox_empty() && self.ready.has_only_level_0() && self.left.get() != 0
    }

    /// As [`next`](Self::next).
    #[cold]
    pub(crate) fn next_out_of_line(&self) -> Option<SlotRef> {
        self.look_around(self.left.get() == 0, true)
    }

    /// Takes the wakes and kills that came from outside; if `clock`, also the timers that are due.
    pub(crate) fn look(&self, clock: bool) {
        self.look_around(clock, false);
    }

    /// Both of these. `takes`: the slot that runs next.
    #[cold]
    #[inline(never)]
    fn look_around(&self, clock: bool, takes: bool) -> Option<SlotRef> {
        if !self.is_inbox_empty() {
            self.collect();
        }
        if clock && self.timers.first().is_some() {
            self.expire();
        }
        if !takes {
            return None;
        }
        if clock {
            self.rounds.set(self.rounds.get().wrapping_add(1));
            self.left.set(ROUND);
        }
        self.left.set(self.left.get() - 1);
        self.ready.pop()
    }

    #[inline(always)]
    pub(crate) fn is_inbox_empty(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Returns what changes whenever a task waits, and at no other time.
    #[inline]
    pub(crate) fn turns(&self) -> (u32, u32) {
        (self.rounds.get(), self.left.get())
    }

    #[inline]
    fn collect(&self) {
        if self.turn.get().is_none() {
            return; // at the end of the run, tasks that clean up call this too, and no task becomes ready any more
        }
        self.history.by_outside();
        self.inbox.drain(|bell, killed| {
            // SAFETY: only bells of slots are pushed.
            let slot = unsafe { SlotRef::of_bell(bell) };
            if slot.base().is_alive() {
                if killed {
                    slot.alert(KILLED);
                }
                self.ready.append(slot); // ⑤
            }
        });
        self.history.by_turn();
    }

    #[cold]
    #[inline(never)]
    fn expire(&self) {
        if self.turn.get().is_none() {
            return;
        }
        let now = self.now();
        self.history.by_timer();
        while let Some(entry) = self.timers.pop_due(now) {
            entry.due.set(true);
            let slot = entry.slot.get();
            let base = slot.base();
            if entry.scope != 0 {
                base.expired.set(base.expired.get() | 1 << (entry.scope - 1));
                slot.alert(EXPIRED);
            }
            self.ready.append(slot);
        }
        self.history.by_turn();
    }

    /// Sleeps until a task is ready, and returns that. Returns `None` if none ever can be, or if it is
    /// [refused](Self::refusal).
    #[inline(never)]
    pub(crate) fn rest(&self) -> Option<SlotRef> {
        loop {
            let can_wake = self.timers.first().is_some() || self.external.get() != 0 || !self.inbox.is_empty();
            if !can_wake || self.refusal().is_some() {
                return None;
            }
            self.left.set(0);
            self.note_sleep(true);
            self.platform.idle(&mut || {
                if !self.inbox.is_empty() {
                    return false;
                }
                let first = self.timers.first();
                if first.is_some_and(|at| at <= self.now()) {
                    return false;
                }
                // Every time: an alarm that came too early is used up.
                self.platform.arm(first);
                true
            });
            self.note_sleep(false);
            if let Some(next) = self.next_out_of_line() {
                return Some(next);
            }
        }
    }

    /// Returns why there is no sleep: in a critical section it is refused, as a switch is, because no handler could
    /// wake a task before the sleep ends.
    #[inline(always)]
    pub(crate) fn refusal(&self) -> Option<greenlet::Refusal> {
        #[cfg(target_os = "none")]
        if crate::idle::is_masked() {
            return Some(greenlet::Refusal::Masked);
        }
        None
    }

    /// Counts a wait for an event that may come from outside of the hub, until the guard is dropped.
    pub(crate) fn external(&self) -> External<'_> {
        self.external.set(self.external.get() + 1);
        External(self)
    }

    /// Ends such a wait in place of its guard, which is never dropped.
    #[cfg(feature = "abandon")]
    pub(crate) fn end_external(&self) {
        drop(External(self));
    }
}

/// Returns the number of the next run: never one that was returned before.
fn next_run(runs: &AtomicU32) -> u32 {
    let run = runs.fetch_update(Relaxed, Relaxed, |run| run.checked_add(1));
    match run {
        Ok(run) => run,
        // Without the number that `expect` would add: a firmware in C links no formatting code.
        Err(_) => panic!("2^32 runs of hubs are over; reset the program before that"),
    }
}

/// A wait that is counted in `external`.
pub(crate) struct External<'a>(&'a Schedule);

impl Drop for External<'_> {
    fn drop(&mut self) {
        self.0.external.set(self.0.external.get().saturating_sub(1));
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::next_run;
    use core::sync::atomic::AtomicU32;

    #[test]
    fn no_two_runs_have_a_number() {
        let runs = AtomicU32::new(u32::MAX - 1);
        assert_eq!(next_run(&runs), u32::MAX - 1);
        for _ in 0..2 {
            std::panic::catch_unwind(|| next_run(&runs)).unwrap_err();
        }
    }
}
