//! With the feature `recorder`: where the hub calls its [`Trace`]. Its twin without the feature is `no_history`.
//!
//! A wake from outside is written down where it happens, in an atomic of the slot, and becomes a record when the hub
//! looks: so only the hub's core makes records.

use crate::hub::Hub;
use crate::recorder::{Place, Record, Step, Trace, WokenBy};
use crate::schedule::Schedule;
use crate::slot::SlotRef;
use crate::wakes::bell::Bell;
use crate::what::{Waiting, What};
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use greenlet::{Identity, WeakGreenlet};

/// In a wake: the place has as many bits, and the time the others.
const PLACE: u32 = 16;
/// In the bits of a place: it is an interrupt.
const INTERRUPT: u16 = 1 << 15;

/// The part of a slot. All zeros when it is new.
pub(crate) struct OfTask {
    id: Cell<u64>,
    name: Cell<Option<&'static str>>,
    is_main: Cell<bool>,
    /// It has begun a wait. The slot's `what` is null as soon as the wait is over, before the task runs.
    waits: Cell<bool>,
    /// The last wake from outside: its time and its place. Written before the bell is pushed, and read after it was
    /// taken, except by a wake that comes in between; the hub then takes the later one for both.
    wake: AtomicU64,
}

impl OfTask {
    pub(crate) const fn new() -> Self {
        Self {
            id: Cell::new(0),
            name: Cell::new(None),
            is_main: Cell::new(false),
            waits: Cell::new(false),
            wake: AtomicU64::new(0),
        }
    }

    fn identity(&self) -> Identity {
        Identity { id: self.id.get(), name: self.name.get(), is_main: self.is_main.get() }
    }

    /// Takes over the identity of the greenlet that gets the slot.
    pub(crate) fn belongs_to<V: 'static, E: 'static>(&self, weak: Option<&WeakGreenlet<V, E>>) {
        if let Some(greenlet) = weak.and_then(WeakGreenlet::upgrade) {
            self.id.set(greenlet.id());
            self.name.set(greenlet.name());
            self.is_main.set(greenlet.is_main());
            self.waits.set(false);
        }
    }
}

/// The part of a hub.
pub(crate) struct OfHub {
    trace: Option<&'static dyn Trace>,
    /// The place of the tasks of this run.
    own: Cell<Place>,
    cause: Cell<Cause>,
}

/// Why tasks become ready now.
#[derive(Clone, Copy)]
enum Cause {
    /// The task that runs does that.
    Turn,
    /// The time is over.
    Timer,
    /// They were woken from outside.
    Outside,
}

impl OfHub {
    pub(crate) const fn new() -> Self {
        Self { trace: None, own: Cell::new(Place::Core(0)), cause: Cell::new(Cause::Turn) }
    }

    pub(crate) fn begin(&self) {
        self.cause.set(Cause::Turn);
        if let Some(trace) = self.trace {
            self.own.set(unpacked(pack(0, trace.place()), 0).1);
        }
    }

    pub(crate) fn by_outside(&self) {
        self.cause.set(Cause::Outside);
    }

    pub(crate) fn by_timer(&self) {
        self.cause.set(Cause::Timer);
    }

    pub(crate) fn by_turn(&self) {
        self.cause.set(Cause::Turn);
    }
}

impl<const TASKS: usize, V: Default + 'static, E: 'static> Hub<TASKS, V, E> {
    /// Passes a record of each step of the tasks to `trace`: the start of a wait and its object, and the source of the
    /// wake.
    ///
    /// With the feature `recorder`. A turn of [`yield_now`](crate::Task::yield_now) is no wait, and has no record;
    /// [`greenlet::Recorder`] has the transfer.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Place, Recorder, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// // SAFETY: both functions return, and call nothing.
    /// static RECORDER: Recorder<64> = unsafe { Recorder::new(|| 0, || Place::Core(0)) };
    /// static HUB: Hub<8> = Hub::new(&PLATFORM).traced(&RECORDER);
    /// # HUB.run(|_main| ()).unwrap();
    /// ```
    #[must_use]
    pub const fn traced(mut self, trace: &'static dyn Trace) -> Self {
        self.state.schedule.history.trace = Some(trace);
        self
    }
}

fn pack(time: u64, place: Place) -> u64 {
    let place = match place {
        Place::Core(number) => number & !INTERRUPT,
        Place::Interrupt(number) => number | INTERRUPT,
    };
    time << PLACE | u64::from(place)
}

/// Returns the time and the place of a wake, of less than 2^47 ticks before or after `now`.
fn unpacked(wake: u64, now: u64) -> (u64, Place) {
    let since = ((now << PLACE).wrapping_sub(wake & !0xffff)).cast_signed() >> PLACE;
    let number = wake as u16 & !INTERRUPT;
    let place = if wake as u16 & INTERRUPT == 0 { Place::Core(number) } else { Place::Interrupt(number) };
    (now.wrapping_sub(since.cast_unsigned()), place)
}

impl SlotRef {
    /// A wake or kill from anywhere has rung the bell of this slot, which is not pushed yet.
    #[inline]
    pub(crate) fn note_wake(self) {
        if let Some(trace) = self.schedule_from_anywhere().history.trace {
            self.base().history.wake.store(pack(trace.now(), trace.place()), Relaxed);
        }
    }

    /// The slot was put into the ready queue.
    pub(crate) fn note_ready(self) {
        let schedule = self.schedule();
        let (Some(trace), Some(turn)) = (schedule.history.trace, schedule.turn.get()) else { return };
        let cause = schedule.history.cause.get();
        if matches!(cause, Cause::Turn) && turn == self && !self.base().history.waits.get() {
            return; // it yields
        }
        let own = WokenBy::Task(turn.base().history.identity());
        let now = trace.now();
        let (time, by) = match cause {
            Cause::Turn => (now, own),
            Cause::Timer => (now, WokenBy::Timer),
            Cause::Outside => {
                let (time, place) = unpacked(self.base().history.wake.load(Relaxed), now);
                (time, if place == schedule.history.own.get() { own } else { WokenBy::Outside(place) })
            }
        };
        trace.record(&Record::new(time, self.base().history.identity(), Step::Ready { by }));
    }

    /// The task begins a wait, if there is a `what`.
    pub(crate) fn note_wait(self, what: Option<&What>) {
        let Some(what) = what else { return };
        self.base().history.waits.set(true);
        let on = match NonNull::new(what.object.cast_mut().cast::<Bell>()) {
            Some(bell) if what.kind == Waiting::Join => {
                // SAFETY: of a join, the object is the address of a slot, which is valid while it is waited for.
                unsafe { SlotRef::of_bell(bell) }.base().history.name.get().or(Some("?"))
            }
            _ => what.name,
        };
        self.note(Step::Waits { what: what.kind.words(), on });
    }

    /// The task begins to run.
    pub(crate) fn note_run(self) {
        self.note(Step::Runs);
    }

    /// The wait of the task is over, or the task yielded.
    pub(crate) fn note_end_of_wait(self) {
        if self.base().history.waits.replace(false) {
            self.note_run();
        }
    }

    fn note(self, step: Step) {
        if let Some(trace) = self.schedule().history.trace {
            trace.record(&Record::new(trace.now(), self.base().history.identity(), step));
        }
    }
}

impl Schedule {
    /// The core is about to sleep, or has slept.
    pub(crate) fn note_sleep(&self, sleeps: bool) {
        if let Some(turn) = self.turn.get() {
            turn.note(if sleeps { Step::Sleeps } else { Step::Awake });
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn a_wake_keeps_its_time_and_place() {
        for place in [Place::Core(0), Place::Core(0x7fff), Place::Interrupt(0), Place::Interrupt(27)] {
            for time in [0, 5, 1 << 47, (1 << 48) + 3, u64::MAX - 7] {
                for later in [0, 1, 1 << 40, u64::MAX] {
                    assert_eq!(unpacked(pack(time, place), time.wrapping_add(later)), (time, place), "{time} {later}");
                }
            }
        }
    }
}
