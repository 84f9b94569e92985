//! The record of a task, in static memory for ever.
//!
//! The bell and the hub are atomics, which handlers, other cores and wakers use. All other fields belong to the hub's
//! core.

use crate::history::OfTask;
use crate::schedule::Schedule;
use crate::wakes::bell::Bell;
use crate::what::What;
use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;
use greenlet::{Greenlet, WeakGreenlet};

/// In `alerts`: asked to end. Holds until the body has ended.
pub(crate) const KILLED: u8 = 1;
/// In `alerts`: an error was thrown and not delivered.
pub(crate) const THROWN: u8 = 1 << 1;
/// In `alerts`: the time of a `with_timeout` is over. Holds until its scope is left.
pub(crate) const EXPIRED: u8 = 1 << 2;
/// In `alerts`: no task can ever run again. Main's only, delivered once.
pub(crate) const DEADLOCK: u8 = 1 << 3;
/// In `alerts`: the code runs in `shield`. Not a reason to stop, but a bit of `alerts`, so that the quick test for
/// reasons fails and the exact one is made.
pub(crate) const SHIELDED: u8 = 1 << 4;
/// In `alerts`: the kernel has thrown an exit. With `KILLED`; the task ends without waiting for a join.
pub(crate) const EXITED: u8 = 1 << 5;
/// In `alerts`: the task was given up, and tasks of its scopes are left. No code of it runs any more.
pub(crate) const GIVEN_UP: u8 = 1 << 6;

/// What a slot is used for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// No task.
    Free,
    /// A task without a `JoinHandle`.
    Detached,
    /// A task with a `JoinHandle`. `end` is the node of the task that joins, or null.
    Joinable,
    /// A task of a scope that does not have its body yet: `end` is the `Head` in the frame of the task that spawns it.
    Lent,
    /// A task of a scope: `end` is its [`Child`](crate::scope::Child), in its own frame.
    Child,
    /// The body has ended, and its result waits in the task's own frame: `end` points to it.
    Over,
    /// The task was given up, and its error waits in `thrown` for a join, or for the drop of the handle.
    #[cfg_attr(not(feature = "abandon"), expect(dead_code, reason = "no task is given up"))]
    Failed,
    /// The task has ended; its stack is not released yet.
    Dead,
}

/// The part of a slot that does not depend on the types of the tree.
#[repr(C)]
pub(crate) struct Base {
    bell: Bell,
    /// The hub of this slot, for ever: so a slot in an inbox never belongs to another hub. Null before the first run.
    hub: AtomicPtr<Schedule>,

    /// The next one in the ready queue, or in the list of free slots. `None`: in neither.
    pub(crate) next: Cell<Option<SlotRef>>,
    /// What the task waits for, in the frame that waits.
    pub(crate) what: Cell<*const What>,
    /// See [`Life`].
    pub(crate) end: Cell<*mut ()>,
    /// The level of the task, which waiters of its mutexes may have raised; and its own level.
    pub(crate) level: Cell<u8>,
    pub(crate) own_level: Cell<u8>,
    pub(crate) alerts: Cell<u8>,
    /// How many `with_timeout` the task is in.
    pub(crate) depth: Cell<u8>,
    pub(crate) life: Cell<Life>,
    /// With `SHIELDED`, what `depth` was when the `shield` began: those scopes are not seen in it.
    pub(crate) shield: Cell<u8>,
    /// A bit for each `with_timeout` whose time is over: bit 0 is the outermost.
    pub(crate) expired: Cell<u16>,
    /// For records of what the task did.
    pub(crate) history: OfTask,
}

/// A slot. `Base` is its first field, so that a reference to a slot is one word whatever the types.
#[repr(C)]
pub(crate) struct Slot<V: 'static, E: 'static> {
    base: Base,
    /// An error that was thrown and not delivered.
    pub(crate) thrown: Cell<Option<E>>,
    /// Resumes the task.
    weak: Cell<Option<WeakGreenlet<V, E>>>,
    /// Keeps the greenlet. `None` for main, whose tree keeps it.
    handle: Cell<Option<Greenlet<V, E>>>,
}

// SAFETY: only the hub's core uses the fields that are not atomic, and only inside its run: through a `Task`, which is
// `!Send` and made there, or a `JoinHandle`, which is `!Send` and compares the generation first. No value is left when
// the run is over.
unsafe impl<V, E> Sync for Slot<V, E> {}

impl<V: 'static, E: 'static> Slot<V, E> {
    pub(crate) const fn new() -> Self {
        Self {
            base: Base {
                bell: Bell::new(),
                hub: AtomicPtr::new(ptr::null_mut()),
                next: Cell::new(None),
                what: Cell::new(ptr::null()),
                end: Cell::new(ptr::null_mut()),
                level: Cell::new(0),
                own_level: Cell::new(0),
                alerts: Cell::new(0),
                depth: Cell::new(0),
                life: Cell::new(Life::Free),
                shield: Cell::new(0),
                expired: Cell::new(0),
                history: OfTask::new(),
            },
            thrown: Cell::new(None),
            weak: Cell::new(None),
            handle: Cell::new(None),
        }
    }

    /// Returns whether it is as [`new`](Self::new) makes it, as far as zeros might not be. For constants.
    pub(crate) const fn is_new(&self) -> bool {
        const fn inside<T>(cell: &Cell<T>) -> &T {
            // SAFETY: borrowed, and used in a constant, where nothing else runs.
            unsafe { &*cell.as_ptr() }
        }
        let is_empty = inside(&self.thrown).is_none() && inside(&self.weak).is_none() && inside(&self.handle).is_none();
        is_empty && inside(&self.base.next).is_none() && matches!(inside(&self.base.life), Life::Free)
    }

    /// Resets the slot for a task that begins.
    pub(crate) fn begin(&self, life: Life, level: u8) {
        let base = &self.base;
        base.life.set(life);
        base.alerts.set(0);
        base.level.set(level);
        base.own_level.set(level);
        base.depth.set(0);
        base.shield.set(0);
        base.expired.set(0);
        base.what.set(ptr::null());
        base.end.set(ptr::null_mut());
    }

    /// Binds the slot to its hub, which is the same in every run.
    pub(crate) fn bind(&'static self, hub: *const Schedule) -> SlotRef {
        self.base.hub.store(hub.cast_mut(), Relaxed);
        self.bound()
    }

    /// Returns a reference to a slot that is bound, and so is in a static.
    pub(crate) fn bound(&self) -> SlotRef {
        SlotRef(NonNull::from(self).cast())
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    pub(crate) fn set_greenlet(&self, weak: Option<WeakGreenlet<V, E>>, handle: Option<Greenlet<V, E>>) {
        self.base.history.belongs_to(weak.as_ref());
        self.weak.set(weak);
        self.handle.set(handle);
    }

    /// Keeps the task from being resumed.
    #[cfg(feature = "abandon")]
    pub(crate) fn forget_weak(&self) {
        self.weak.set(None);
    }

    /// Returns `true` if the greenlet is dead. The end of a task is recorded before that, unless it was given up.
    #[cfg(feature = "abandon")]
    pub(crate) fn is_dead(&self) -> bool {
        // SAFETY: this core's, and the question runs no code that could reach the cell.
        unsafe { (*self.handle.as_ptr()).as_ref() }.is_some_and(Greenlet::is_dead)
    }

    /// Takes the handle out, with which the greenlet may end or its stack be released.
    pub(crate) fn take_greenlet(&self) -> Option<Greenlet<V, E>> {
        self.weak.set(None);
        self.handle.take()
    }

    /// Returns a copy of the weak handle.
    #[inline(always)]
    pub(crate) fn weak(&self) -> Option<WeakGreenlet<V, E>> {
        // SAFETY: this core's, and cloning a weak handle runs no code that could reach the cell.
        unsafe { (*self.weak.as_ptr()).clone() }
    }

    /// Returns the name of the task, or "main".
    pub(crate) fn name(&self) -> Option<&'static str> {
        // SAFETY: this core's, and the question runs no code that could reach the cell.
        match unsafe { (*self.handle.as_ptr()).as_ref() } {
            Some(greenlet) => greenlet.name(),
            None => self.weak().map(|_main| "main"),
        }
    }
}

/// A reference to a slot, without its types. Slots are static.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotRef(NonNull<Base>);

// SAFETY: the fields of a slot that other cores may use are atomic; only code of the hub's core reaches the others.
unsafe impl Send for SlotRef {}
// SAFETY: the same.
unsafe impl Sync for SlotRef {}

impl SlotRef {
    #[inline(always)]
    pub(crate) fn base(self) -> &'static Base {
        // SAFETY: made by `bind` from a static slot.
        unsafe { self.0.as_ref() }
    }

    /// Returns the whole slot.
    ///
    /// # Safety
    ///
    /// The slot is of a hub of `V` and `E`.
    #[inline(always)]
    pub(crate) unsafe fn whole<V, E>(self) -> &'static Slot<V, E> {
        // SAFETY: made by `bind` from a static slot of these types, whose first field is the base.
        unsafe { self.0.cast().as_ref() }
    }

    /// Returns the pointer to the bell, which is the first field of the base: so it is also that of the slot.
    #[inline(always)]
    pub(crate) fn bell(self) -> NonNull<Bell> {
        self.0.cast()
    }

    /// # Safety
    ///
    /// [`bell`](Self::bell) returned the pointer.
    #[inline(always)]
    pub(crate) unsafe fn of_bell(bell: NonNull<Bell>) -> Self {
        Self(bell.cast())
    }

    /// Returns the address of the slot.
    pub(crate) fn address(self) -> *const () {
        self.0.as_ptr().cast_const().cast()
    }

    #[inline(always)]
    pub(crate) fn schedule(self) -> &'static Schedule {
        // SAFETY: bound before a reference to the slot exists, to a static hub. Callers are in a run of this hub, on its
        // core: they have a `Task`, a handle whose generation they have compared, or a node or a timer that is linked.
        unsafe { &*self.hub() }
    }

    /// As [`schedule`](Self::schedule), on any core.
    #[inline(always)]
    pub(crate) fn schedule_from_anywhere(self) -> &'static Schedule {
        // SAFETY: as above.
        unsafe { &*self.base().hub.load(Relaxed) }
    }

    /// Returns the pointer to the hub's record, with which its typed part can be reached. For callers of
    /// [`schedule`](Self::schedule).
    #[inline(always)]
    pub(crate) fn hub(self) -> *const Schedule {
        // SAFETY: `bind` writes it at the beginning of a run, and claiming the run orders runs. Not as an atomic, of
        // which the compiler repeats each load.
        unsafe { *self.base().hub.as_ptr() }
    }

    /// Wakes the task, from anywhere. The wake of a slot without a task has no effect.
    #[inline]
    pub(crate) fn wake(self) {
        if self.base().bell.ring() {
            self.note_wake();
            self.schedule_from_anywhere().post(self);
        }
    }

    /// Requests a kill of the task of this generation, from anywhere. Returns `false` if its body is over.
    pub(crate) fn kill(self, generation: u64) -> bool {
        let push = self.base().bell.kill(generation);
        if push == Some(true) {
            self.note_wake();
            self.schedule_from_anywhere().post(self);
        }
        push.is_some()
    }

    #[inline(always)]
    pub(crate) fn generation(self) -> u64 {
        self.base().bell.generation()
    }

    /// Refuses kills from now on, until the next generation.
    pub(crate) fn over(self) {
        self.base().bell.over();
    }

    /// Begins a new generation: handles to the previous one refer to no task from now on.
    #[inline]
    pub(crate) fn next_generation(self) {
        self.base().bell.next_generation();
    }

    #[inline(always)]
    pub(crate) fn alert(self, reason: u8) {
        let alerts = &self.base().alerts;
        alerts.set(alerts.get() | reason);
    }

    pub(crate) fn clear_alert(self, reason: u8) {
        let alerts = &self.base().alerts;
        alerts.set(alerts.get() & !reason);
    }
}

impl Base {
    /// Returns `true` if there is no reason to stop, and no `with_timeout` whose time may be over.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        self.alerts.get() | self.depth.get() == 0
    }

    /// Returns `true` if there is no reason to stop, and the task is of level 0 and not queued.
    #[inline(always)]
    pub(crate) fn is_plain(&self) -> bool {
        self.alerts.get() | self.level.get() == 0 && self.next.get().is_none()
    }

    /// Returns `true` for a slot whose task can run.
    #[inline(always)]
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.life.get(), Life::Free | Life::Failed | Life::Dead)
    }

    /// Returns `true` for a slot whose task's body has not ended.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.life.get(), Life::Detached | Life::Joinable | Life::Lent | Life::Child)
    }
}
