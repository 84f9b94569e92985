//! Tasks that borrow from the task that creates them.

use crate::join::JoinHandle;
use crate::room;
use crate::slot::{DEADLOCK, KILLED, Life, Slot, SlotRef};
use crate::spawn::SpawnError;
use crate::stop::{Refusal, Stop};
use crate::task::Task;
use crate::wait::Resumed;
use crate::what::{Waiting, What};
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr;
use greenlet::{Refused, Stacks};

/// A scope: its tasks may borrow what outlives it. Made by [`Task::scope`].
///
/// ```
/// # use greenlet_hub::{Hub, Threads};
/// # static PLATFORM: Threads = Threads::new();
/// # static HUB: Hub<2> = Hub::new(&PLATFORM);
/// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
/// # HUB.run(|main| {
/// let words = String::from("borrowed");
/// let count = std::cell::Cell::new(0);
/// main.scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(&STACKS, |me| {
///             me.yield_now()?;
///             count.set(count.get() + words.len());
///             Ok(())
///         })?;
///     }
///     Ok(())
/// }).unwrap();
/// assert_eq!(count.get(), 16);
/// # }).unwrap();
/// ```
pub struct Scope<'scope, 'env: 'scope, V: 'static = (), E: 'static = &'static str> {
    task: &'scope Task<V, E>,
    shared: &'scope Shared<E>,
    /// Invariant in both lifetimes: with a shorter `'scope` a task could borrow a value that is dropped before the
    /// scope ends.
    lifetimes: PhantomData<(&'scope mut &'scope (), &'env mut &'env ())>,
}

/// What the tasks of a scope share with it, in its frame.
pub(crate) struct Shared<E> {
    pub(crate) parent: SlotRef,
    /// How many tasks have not ended.
    left: Cell<usize>,
    /// The first error of a task.
    failed: Cell<Option<Stop<E>>>,
    /// Set when the scope ends: its tasks are killed, and no further one is created.
    closing: Cell<bool>,
    /// The list of its tasks, through their [`Child::next`]. Untyped, because the type of a child has the lifetime of
    /// this record.
    children: Cell<*const ()>,
}

/// A task of a scope, in a frame of its own.
pub(crate) struct Child<'a, E> {
    slot: SlotRef,
    pub(crate) shared: &'a Shared<E>,
    next: Cell<*const ()>,
}

/// # Tasks that borrow
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Runs `body`, whose tasks may borrow what outlives this call, and waits until they have ended.
    ///
    /// When a task fails, the others are killed, and this returns that first error, unless `body` itself fails. If
    /// `body` fails, or this task is stopped, the tasks are killed. In every case this returns only when all of them
    /// have ended: if a task refuses to end, this never returns, and [`report`](Self::report) names that task.
    ///
    /// # Errors
    ///
    /// That of `body`, or the first one of a task.
    ///
    /// ```
    /// # use core::time::Duration;
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<2> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let failed = main.scope(|scope| {
    ///     scope.spawn(&STACKS, |me| me.sleep(Duration::from_secs(3600)))?; // killed
    ///     scope.spawn(&STACKS, |_me| Err("broken".into()))?;
    ///     Ok(())
    /// });
    /// assert_eq!(failed, Err(Stop::Error("broken")));
    /// # }).unwrap();
    /// ```
    pub fn scope<'env, R>(
        &self,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env, V, E>) -> Result<R, Stop<E>>,
    ) -> Result<R, Stop<E>> {
        room::probe_for::<(), V, E>();
        let shared = Shared {
            parent: self.slot,
            left: Cell::new(0),
            failed: Cell::new(None),
            closing: Cell::new(false),
            children: Cell::new(ptr::null()),
        };
        /// Waits on every way out, a panic included: the frame from which the tasks borrow is not left before they have
        /// ended.
        struct Close<'a, V: Default + 'static, E: 'static>(&'a Task<V, E>, &'a Shared<E>);
        impl<V: Default + 'static, E: 'static> Drop for Close<'_, V, E> {
            fn drop(&mut self) {
                // A panic of a task can unwind out of the wait: then this waits for the remaining tasks. A second panic
                // ends the program.
                let again = Close(self.0, self.1);
                self.0.close(self.1);
                mem::forget(again);
            }
        }
        self.must_run()?;
        // Not the value of the block: the compiler would leak that if a panic of a task comes out of `_close`.
        let result;
        {
            let _close = Close(self, &shared);
            let scope = Scope { task: self, shared: &shared, lifetimes: PhantomData };
            result = body(&scope).and_then(|result| {
                // A task that fails sets `closing`, and `close` waits for the rest.
                let over = || shared.left.get() == 0 || shared.closing.get();
                self.wait_until(&What::new(Waiting::Children), over)?;
                Ok(result)
            });
        }
        match (result, shared.failed.take()) {
            (Ok(_), Some(stop)) => Err(stop),
            (result, _) => result,
        }
    }

    /// Kills the tasks that are left, and waits until they have ended, whatever happens.
    fn close(&self, shared: &Shared<E>) {
        let base = self.slot.base();
        let (what, hopeless_what) = (What::new(Waiting::Children), What::new(Waiting::Closing));
        let mut hopeless = false;
        while shared.left.get() != 0 {
            shared.kill();
            // A deadlock does not end this wait. From then on the core sleeps until an event comes from outside.
            let resumed = if hopeless { self.pause_external(&hopeless_what) } else { self.pause(Some(&what)) };
            hopeless |= base.alerts.get() & DEADLOCK != 0;
            self.slot.clear_alert(DEADLOCK);
            match resumed {
                Resumed::Turn | Resumed::Exit => {}
                // The run is over, and the kernel ends this task and its children one by one: the caller is main.
                Resumed::Over => drop(Self::hand(self.slot, self.state().main_slot(), V::default())),
                Resumed::NotCurrent | Resumed::Refused(_) => stuck(),
            }
        }
    }
}

/// Ends the program: the scope cannot wait for its tasks, and must not be left without them.
#[cold]
fn stuck() -> ! {
    /// A panic while another one unwinds ends the program.
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            panic!("a scope is left in a critical section; leave that first");
        }
    }
    let _abort = Abort;
    panic!("a scope is left in a critical section; leave that first");
}

impl<'scope, V: Default + 'static, E: 'static> Scope<'scope, '_, V, E> {
    /// Creates a task, whose body may borrow what outlives the scope. It begins when the present task waits.
    ///
    /// Half of a stack of the pool must be enough for the captured data of the body, or this does not compile.
    ///
    /// # Errors
    ///
    /// [`Stop::Spawn`], with the body; `?` turns the error into [`Stop`]. [`Refusal::NotCurrent`], if the caller is
    /// neither the task of the scope nor another task of the hub.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<2> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<2, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// let mut halves = [0, 0];
    /// let (left, right) = halves.split_at_mut(1);
    /// main.scope(|scope| {
    ///     scope.spawn(&STACKS, |_me| { left[0] = 1; Ok(()) })?;
    ///     scope.spawn(&STACKS, |_me| { right[0] = 2; Ok(()) })?;
    ///     Ok(())
    /// }).unwrap();
    /// assert_eq!(halves, [1, 2]);
    /// # }).unwrap();
    /// ```
    pub fn spawn<P: Stacks, F>(&'scope self, stacks: &'static P, body: F) -> Result<(), Refused<Stop<E>, F>>
    where
        F: FnOnce(&Task<V, E>) -> Result<(), Stop<E>> + 'scope,
    {
        const { assert!(size_of::<F>() <= P::SIZE / 2, "the captured data of the body does not fit into the stack") };
        room::probe_for::<F, V, E>();
        let value = V::default(); // before there is a task that refers to this frame
        if self.shared.closing.get() {
            return Err(Refused { reason: Stop::Spawn(SpawnError::Over), returned: body });
        }
        let Some(spawner) = self.running() else {
            return Err(Refused { reason: Stop::Refused(Refusal::NotCurrent), returned: body });
        };
        let head = Head { spawner, shared: self.shared };
        let hand = Hand { head, body: UnsafeCell::new(Some(body)) };
        let place = (&raw const hand).cast::<()>();
        let run: Begin<V, E> = begin::<F, V, E>;
        // SAFETY: `hand` exists when the closure runs: that is below, before this returns, or never.
        let spawned = self.task.spawn(stacks, move |me| unsafe { run(place, me) });
        let reason = match spawned {
            Ok(task) => {
                let base = task.slot().base();
                base.life.set(Life::Lent);
                base.end.set(place.cast_mut());
                let unbegun = Unbegun { hand: &hand, task };
                Self::lend(spawner, unbegun.task.slot(), value).map_or(SpawnError::NotBegun, SpawnError::Refused)
            }
            Err(refused) => refused.reason,
        };
        match hand.body.into_inner() {
            Some(body) => Err(Refused { reason: Stop::Spawn(reason), returned: body }),
            None => Ok(()),
        }
    }

    /// Passes control to the new task, until it has its body. Returns the reason if that is refused.
    fn lend(spawner: SlotRef, task: SlotRef, value: V) -> Option<greenlet::Refusal> {
        // The spawner is queued meanwhile: if the new task dies, or a tracer switches elsewhere, control does not come
        // straight back.
        let ready = &spawner.schedule().ready;
        let queued = spawner.base().next.get().is_some();
        ready.append(spawner);
        let turns = spawner.schedule().turns();
        let refusal = Task::<V, E>::hand(spawner, task, value);
        // If other tasks have run, the spawner may also have been woken by one of them. It stays queued then, and its
        // next wait returns early, and tests its condition again.
        if !queued && spawner.schedule().turns() == turns {
            ready.remove(spawner);
        }
        refusal
    }

    /// Returns the task that runs: the task of the scope, or one of the scope's tasks that spawns another one.
    fn running(&self) -> Option<SlotRef> {
        let state = self.task.state();
        let all = state.slots.get().iter().chain([&state.main]).map(Slot::bound);
        state.schedule.turn.get().into_iter().chain(all).find(|slot| {
            // SAFETY: all slots of this hub are of `V` and `E`.
            let weak = unsafe { slot.whole::<V, E>() }.weak();
            weak.and_then(|weak| weak.upgrade()).is_some_and(|greenlet| greenlet.is_current())
        })
    }
}

/// A body, in the frame of `spawn` until the task has moved it to its own stack.
#[repr(C)]
struct Hand<'scope, F, E> {
    head: Head<'scope, E>,
    body: UnsafeCell<Option<F>>,
}

/// The part of a [`Hand`] that does not depend on the body.
pub(crate) struct Head<'scope, E> {
    /// The task that spawns, to which the new one hands control back.
    pub(crate) spawner: SlotRef,
    pub(crate) shared: &'scope Shared<E>,
}

/// Dropped when control comes back to `spawn`, also by a panic. Usually the task has taken its body by then. But a
/// tracer of the first transfer to it may have killed it, switched away or panicked: then it never begins.
struct Unbegun<'a, 'scope, F, V: Default + 'static, E: 'static> {
    hand: &'a Hand<'scope, F, E>,
    task: JoinHandle<(), V, E>,
}

impl<F, V: Default + 'static, E: 'static> Drop for Unbegun<'_, '_, F, V, E> {
    fn drop(&mut self) {
        // SAFETY: the task does not run, and uses the body in one step.
        if unsafe { &*self.hand.body.get() }.is_some() {
            self.task.kill(); // a task that is killed before it begins does not call its closure
        }
    }
}

/// [`begin`] without `F` in its type: the body of a greenlet must be `'static`, and `F` need not be.
type Begin<V, E> = unsafe fn(*const (), &Task<V, E>) -> Result<(), Stop<E>>;

/// The body of a task of a scope.
///
/// # Safety
///
/// `place` points to a [`Hand`] of `F` and `E`, in the frame of `spawn`, which is not left before this hands control
/// back.
unsafe fn begin<F, V: Default + 'static, E: 'static>(place: *const (), me: &Task<V, E>) -> Result<(), Stop<E>>
where
    F: FnOnce(&Task<V, E>) -> Result<(), Stop<E>>,
{
    room::probe_for::<F, V, E>();
    // SAFETY: the contract. The lifetime of `shared` ends when `left` is 0, and this task counts.
    let hand = unsafe { &*place.cast::<Hand<'_, F, E>>() };
    let Head { spawner, shared } = hand.head;
    // SAFETY: the task that spawns waits, so nothing else uses the body.
    let body = unsafe { &mut *hand.body.get() }.take();
    let child = Child { slot: me.slot, shared, next: Cell::new(shared.children.get()) };
    shared.children.set(ptr::from_ref(&child).cast());
    shared.left.set(shared.left.get() + 1);
    let base = me.slot.base();
    base.life.set(Life::Child);
    base.end.set(ptr::from_ref(&child).cast_mut().cast());
    // Dropped last: the body may borrow until then.
    let _end = ChildEnd(&child);
    Task::<V, E>::hand(me.slot, spawner, V::default()); // if that is refused, this task continues, and the other one is in the ready queue
    let result = match body {
        Some(body) if !me.is_killed() => body(me),
        body => {
            drop(body);
            Err(Stop::Killed)
        }
    };
    if let Err(stop) = result {
        shared.fail(stop);
    }
    Ok(())
}

/// Takes a task out of its scope, also if a panic unwinds through the body.
struct ChildEnd<'a, E>(&'a Child<'a, E>);

impl<E> Drop for ChildEnd<'_, E> {
    fn drop(&mut self) {
        let base = self.0.slot.base();
        base.life.set(Life::Detached);
        base.end.set(ptr::null_mut());
        self.0.leave();
    }
}

impl<E> Child<'_, E> {
    /// Removes it from its scope, whose task continues when none is left.
    pub(crate) fn leave(&self) {
        let shared = self.shared;
        let mut at = &shared.children;
        while !ptr::eq(at.get(), ptr::from_ref(self).cast()) {
            // SAFETY: the children in the list exist, and this one is among them.
            at = unsafe { &(*at.get().cast::<Child<'_, E>>()).next };
        }
        at.set(self.next.get());
        let parent = shared.parent;
        // When the last task has left, `shared` may be gone as soon as another task runs.
        shared.left.set(shared.left.get() - 1);
        parent.schedule().ready.append(parent);
    }
}

impl<E> Shared<E> {
    /// Records the error of a task, and kills the others, unless the scope is ending already.
    pub(crate) fn fail(&self, stop: Stop<E>) {
        if !self.closing.get() {
            self.failed.set(Some(stop));
            self.kill();
        }
    }

    pub(crate) fn kill(&self) {
        self.closing.set(true);
        let mut at = self.children.get();
        // SAFETY: a child takes itself out of the list before its frame is left.
        while let Some(child) = unsafe { at.cast::<Child<'_, E>>().as_ref() } {
            child.slot.alert(KILLED);
            child.slot.schedule().ready.append(child.slot);
            at = child.next.get();
        }
    }
}

impl<V: 'static, E: 'static> fmt::Debug for Scope<'_, '_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("task", self.task).field("left", &self.shared.left.get()).finish()
    }
}
