//! Tasks that are given up, after a panic that does not unwind or an overflow. No code of theirs runs again, so this
//! module removes from the hub the nodes that are in their frames.
//!
//! ```text
//!   the task's stack, or a landing stack                      main, in a wait of the hub
//!   Hub::abandon, Hub::abandon_current
//!     Tree::abandon, Tree::abandon_current ─────────────────► the error arrives, out of main's turn
//!                                                             given_up: the task whose greenlet is dead, without an end
//!                                                             settle: its timers, nodes and joins; kills its scopes' tasks
//!   the last task of its scopes ends ───────────────────────► finish: the error to the join, the slot, the stack
//! ```
//!
//! Until `finish` the frames of the task do not change, so a pointer to one of its nodes is valid until `settle` has
//! removed that node.

use crate::hub::{Hub, State};
use crate::mutex::Held;
use crate::node::Node;
use crate::scope::{Child, Head};
use crate::slot::{Base, GIVEN_UP, KILLED, Life, Slot, SlotRef};
use crate::stop::Stop;
use crate::wakes::waiter::Waiter;
use crate::what::{Waiting, What};
use core::convert::Infallible;
use core::ptr;
use greenlet::{AbandonError, Overflow, Refused};

/// # Tasks that panic or overflow their stacks
///
/// These need the feature `abandon`, and are for programs in which panics abort. The page `containment` of the crate
/// `greenlet` says what a panic handler and a fault handler look like; here they call the hub in place of the tree.
impl<const TASKS: usize, V: 'static, E: 'static> Hub<TASKS, V, E> {
    /// Ends the current task, which has panicked, and resumes another one. For panic handlers.
    ///
    /// The task has ended then as if its body had returned `Err(Stop::Error(error))`: that is what a join of it
    /// returns. Its timers and its places in lists of tasks are removed. The tasks of its scopes are killed, and it
    /// ends when they have. No destructor in its frames runs: a [`Mutex`](crate::Mutex) that it holds is refused to
    /// others by name ([`Refusal::HolderGone`](crate::Refusal::HolderGone)), and can be
    /// [recovered](crate::Mutex::recover); permits of a [`Semaphore`](crate::Semaphore) are lost.
    ///
    /// If another greenlet beside the tasks has panicked, its parent gets the error, as from
    /// [`Tree::abandon_current`](greenlet::Tree::abandon_current).
    ///
    /// # Errors
    ///
    /// Returns `error` and the reason if the task cannot be given up, as main cannot; see [`AbandonError`].
    ///
    /// # Safety
    ///
    /// As for [`Tree::abandon_current`](greenlet::Tree::abandon_current). The hub's own code fulfils that contract.
    ///
    /// ```
    /// # use greenlet::Refused;
    /// # use greenlet_hub::{Hub, Threads};
    /// # use core::panic::PanicInfo;
    /// # static PLATFORM: Threads = Threads::new();
    /// static HUB: Hub<8, (), &'static str> = Hub::new(&PLATFORM);
    ///
    /// // #[panic_handler]
    /// fn panicked(info: &PanicInfo<'_>) -> ! {
    ///     // SAFETY: this is the only core. No handler panics, and the program lends nothing from its stacks.
    ///     let Err(Refused { reason, .. }) = unsafe { HUB.abandon_current("panicked") };
    ///     report(info, reason);
    ///     reset()
    /// }
    /// # fn report(_: &PanicInfo<'_>, _: greenlet::AbandonError) {}
    /// # fn reset() -> ! { loop {} }
    /// ```
    pub unsafe fn abandon_current(&'static self, error: E) -> Result<Infallible, Refused<AbandonError, E>> {
        // SAFETY: the same contract. Code of the program is called where no list is half changed, as it may use them
        // itself.
        unsafe { self.tree.abandon_current(error) }
    }

    /// Ends the current task, which a fault stopped at the limit of its stack, and resumes another one. For fault
    /// handlers.
    ///
    /// [`abandon_current`](Self::abandon_current) says what happens to what the task owned.
    ///
    /// # Errors
    ///
    /// Returns `error` and the reason if the task cannot be given up; see [`AbandonError`].
    ///
    /// # Safety
    ///
    /// As for [`Tree::abandon`](greenlet::Tree::abandon). The hub's own code fulfils that contract.
    ///
    /// ```
    /// # use greenlet::{Overflow, Refused};
    /// # use greenlet_hub::{Hub, Threads};
    /// # use std::sync::Mutex;
    /// # static PLATFORM: Threads = Threads::new();
    /// static HUB: Hub<8> = Hub::new(&PLATFORM);
    /// static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None); // set by the fault handler
    ///
    /// /// The function that the fault handler returns to, on the landing stack.
    /// fn land() -> ! {
    ///     let overflow = OVERFLOW.lock().unwrap().take().unwrap();
    ///     // SAFETY: a guard page stopped the task, which calls no C or assembly. This is the core of the fault, and no other
    ///     // code uses this stack.
    ///     let Err(Refused { reason, .. }) = unsafe { HUB.abandon(&overflow, "out of stack") };
    ///     panic!("{overflow}: {reason}")
    /// }
    /// ```
    pub unsafe fn abandon(
        &'static self,
        overflow: &Overflow,
        error: E,
    ) -> Result<Infallible, Refused<AbandonError, E>> {
        // SAFETY: the same contract. An operation of the hub is stopped before it changes a list, see `room`.
        unsafe { self.tree.abandon(overflow, error) }
    }

    /// Lets the stacks of tasks that were given up return to their pools.
    ///
    /// Without this each of them stays in use: [`SpawnError::NoStack`](crate::SpawnError::NoStack) counts them as
    /// abandoned.
    ///
    /// # Safety
    ///
    /// Every task of this hub that is given up fulfils the contract of
    /// [`Greenlet::reclaim`](greenlet::Greenlet::reclaim): from its end on, nothing uses a pointer to its frames. The
    /// hub removes its own nodes from there, its wakers do not point there, and tasks that borrow through a
    /// [`Scope`](crate::Scope) have ended by then. Look for futures that are linked elsewhere while a task waits for
    /// them, a [`Stackful`](crate::Stackful) in the frames of a task, and buffers of devices.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// // SAFETY: the tasks of this program wait for no future, and lend nothing from their stacks.
    /// static HUB: Hub<8> = unsafe { Hub::new(&PLATFORM).reclaiming() };
    /// # HUB.run(|_main| ()).unwrap();
    /// ```
    #[must_use]
    pub const unsafe fn reclaiming(mut self) -> Self {
        self.state.schedule.reclaims = true;
        self
    }
}

impl<V: 'static, E: 'static> State<V, E> {
    /// Returns a task that was given up and is not settled: its greenlet is dead, and its end was not recorded.
    #[cold]
    pub(crate) fn given_up(&self) -> Option<SlotRef> {
        let is_unsettled = |slot: &&Slot<V, E>| {
            let base = slot.base();
            base.is_alive() && base.alerts.get() & GIVEN_UP == 0 && slot.is_dead()
        };
        self.slots.get().iter().find(is_unsettled).map(Slot::bound)
    }

    /// Removes from the hub the nodes that are in the frames of a task that was given up.
    #[cold]
    pub(crate) fn settle(&self, slot: SlotRef, error: Option<E>) {
        // SAFETY: all slots of this hub are of `V` and `E`.
        let whole = unsafe { slot.whole::<V, E>() };
        let (base, schedule) = (slot.base(), &self.schedule);
        whole.forget_weak();
        base.alerts.set(GIVEN_UP);
        schedule.ready.remove(slot);
        schedule.timers.remove_all_of(slot);
        self.stop_waiting(base, slot);
        if base.life.get() == Life::Over {
            base.end.set(ptr::null_mut()); // its result is lost with its frames
            base.life.set(Life::Joinable);
        }
        for child in self.children(slot) {
            child.shared.kill();
        }
        self.take_back(slot);
        let before = whole.thrown.replace(error);
        self.finish(slot);
        // Last, because destructors may call anything.
        drop(before);
    }

    /// Drops the undelivered error of a task that is ending. Its destructor may panic, and then the task can still be
    /// given up.
    pub(crate) fn drop_thrown(&self, slot: SlotRef) {
        // SAFETY: all slots of this hub are of `V` and `E`.
        drop(unsafe { slot.whole::<V, E>() }.thrown.take());
    }

    /// Ends the wait in which the task was given up, if it was in one, for example in a method of the platform.
    fn stop_waiting(&self, base: &Base, slot: SlotRef) {
        for joined in self.slots.get().iter().map(Slot::base).filter(|base| base.life.get() == Life::Joinable) {
            // SAFETY: null, or the node of a task that joins. The frame of that node exists: either it was not left, or
            // it is a frame of the task that was given up.
            let node = unsafe { joined.end.get().cast::<Node>().as_ref() };
            if node.is_some_and(|node| node.slot == slot) {
                joined.end.set(ptr::null_mut());
            }
        }
        // SAFETY: null, or in a frame of the task.
        let Some(what) = (unsafe { base.what.replace(ptr::null()).as_ref() }) else { return };
        if what.is_external() {
            self.schedule.end_external();
        }
        // SAFETY: the object of the wait is of these types, and exists: the frame borrows it, or contains it.
        unsafe { unlink(what, slot) }
    }

    /// Keeps tasks from beginning whose body is still in a frame of this task, or which were about to join one of its
    /// scopes.
    fn take_back(&self, slot: SlotRef) {
        for base in self.slots.get().iter().map(Slot::base).filter(|base| base.life.get() == Life::Lent) {
            // SAFETY: `end` of such a task is the head in a frame that exists: it was not left, or it is one of this
            // task.
            let head = unsafe { &*base.end.get().cast::<Head<'_, E>>() };
            if head.spawner == slot || head.shared.parent == slot {
                // A task that is killed before it begins does not call its closure, which refers to the frame.
                base.alerts.set(base.alerts.get() | KILLED);
                base.life.set(Life::Detached);
                base.end.set(ptr::null_mut());
            }
        }
    }

    /// Returns the tasks of the scopes of this one.
    fn children(&self, parent: SlotRef) -> impl Iterator<Item = &Child<'_, E>> {
        let children = self.slots.get().iter().map(Slot::base).filter(|base| base.life.get() == Life::Child);
        // SAFETY: `end` of such a task is its `Child`, in a frame that is left only after `life` has changed.
        let children = children.filter_map(|base| unsafe { base.end.get().cast::<Child<'_, E>>().as_ref() });
        children.filter(move |child| child.shared.parent == parent)
    }

    /// Ends a task that was given up, if no task of its scopes is left: these borrow from its frames.
    #[cold]
    pub(crate) fn finish(&self, slot: SlotRef) {
        let base = slot.base();
        if !base.is_alive() || base.alerts.get() & GIVEN_UP == 0 || self.children(slot).next().is_some() {
            return;
        }
        // SAFETY: all slots of this hub are of `V` and `E`.
        let whole = unsafe { slot.whole::<V, E>() };
        let end = base.end.replace(ptr::null_mut());
        let mut error = None;
        if base.life.get() == Life::Joinable {
            base.life.set(Life::Failed);
            slot.over();
            // SAFETY: as in `stop_waiting`.
            if let Some(joiner) = unsafe { end.cast::<Node>().as_ref() }.filter(|joiner| !joiner.is_void()) {
                joiner.complete();
            }
        } else {
            error = whole.thrown.take();
            if base.life.get() == Life::Child {
                // SAFETY: its `Child`, in its own frame, which exists until the stack is released.
                let child = unsafe { &*end.cast::<Child<'_, E>>() };
                child.shared.fail(error.take().map_or(Stop::Killed, Stop::Error));
                child.leave();
            }
            slot.next_generation();
            self.schedule.ready.remove(slot);
        }
        let greenlet = whole.take_greenlet();
        if base.life.get() != Life::Failed {
            self.vacate(slot);
        }
        // All tasks become ready, because one may have been about to run, and others may wait for locks of this task.
        // Each wait tests its condition again.
        for alive in self.all().filter(|slot| slot.base().is_alive()) {
            self.schedule.ready.append(alive.bound());
        }
        if let Some(greenlet) = &greenlet
            && self.schedule.reclaims
        {
            // SAFETY: the contract of `reclaiming`. Nothing in this crate refers to the frames any more.
            let _ended = unsafe { greenlet.reclaim() };
        }
        // Last, because destructors may call anything.
        drop((greenlet, error));
    }
}

/// Takes the nodes of a wait out of their lists.
///
/// # Safety
///
/// `what` is the wait of the task `slot`, which does not run, and whose frames have not changed.
unsafe fn unlink(what: &What, slot: SlotRef) {
    match what.kind {
        Waiting::Send | Waiting::Receive | Waiting::Event | Waiting::Permit | Waiting::Condition => {
            // SAFETY: the object of such a wait is its node, in the same frame.
            unsafe { &*what.object.cast::<Node>() }.unlink();
        }
        Waiting::Select => {
            // SAFETY: the object of a select is its first node, in the same frame, as is its group.
            let group = unsafe { &*what.object.cast::<Node>() }.group.get();
            // SAFETY: the same.
            unsafe { &*group }.iter().for_each(Node::unlink);
        }
        // SAFETY: of a lock, the object is its `Held`, which the frame borrows.
        Waiting::Lock => unsafe { &*what.object.cast::<Held>() }.waiters.remove_of(slot),
        // SAFETY: the object of these is a `Waiter`, which the frame borrows.
        Waiting::Signal | Waiting::Remote => unsafe { &*what.object.cast::<Waiter>() }.leave(),
        Waiting::Time
        | Waiting::Join
        | Waiting::Children
        | Waiting::Closing
        | Waiting::Result
        | Waiting::Future
        | Waiting::Wake => {}
    }
}
