//! How a task waits: it passes control to the next task, and gets it back when its turn comes.
//!
//! Control goes straight from the task that waits to the next one, by a switch that keeps no reference. If no task is
//! ready, the task that waits sleeps on its own stack. So main's stack is used only while main runs, and when a task
//! dies: then the kernel resumes its parent, main, which passes control on in the same way.

use crate::hub::State;
use crate::node::Node;
use crate::room;
use crate::slot::{DEADLOCK, EXITED, KILLED, SHIELDED, SlotRef, THROWN};
use crate::stop::{Refusal, Stop, TimeoutScope};
use crate::task::Task;
use crate::what::{Waiting, What};
use core::ptr;
use greenlet::Thrown;

/// Why a task is resumed. Small enough for a register: every turn returns one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// It is the task's turn. What it waits for may not have happened: every wait tests its condition again.
    Turn,
    /// An exit of the kernel: the tree ends, or the greenlet is cancelled. It counts as a kill.
    Exit,
    /// Control never left: main's closure has returned, and no task runs any more.
    Over,
    /// Control never left: another task runs.
    NotCurrent,
    /// Control never left: the kernel refused to switch.
    Refused(greenlet::Refusal),
}

impl Resumed {
    /// Returns an error if control never left, so that the task cannot wait. An exit is no error here: it is an alert.
    #[inline(always)]
    pub(crate) fn end<E>(self) -> Result<(), Stop<E>> {
        if self == Self::Turn { Ok(()) } else { self.end_out_of_turn() }
    }

    #[cold]
    #[inline(never)]
    fn end_out_of_turn<E>(self) -> Result<(), Stop<E>> {
        match self {
            Self::Turn | Self::Exit => Ok(()),
            Self::Over => Err(Stop::Killed),
            Self::NotCurrent => Err(Stop::Refused(Refusal::NotCurrent)),
            Self::Refused(refusal) => Err(Stop::Refused(Refusal::Kernel(refusal))),
        }
    }
}

/// # Taking turns
impl<V: Default + 'static, E: 'static> Task<V, E> {
    /// Returns `Err` if there is a reason to stop. For a long computation that does not wait.
    ///
    /// A kill from a handler or another core is seen at once. Inside of [`with_timeout`](Self::with_timeout) each call
    /// reads the clock.
    ///
    /// # Errors
    ///
    /// Every reason of [`Stop`] that concerns the task itself; [`Refusal::NotCurrent`], if another task runs.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Stop, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// assert_eq!(main.check(), Ok(()));
    /// main.remote().kill();
    /// assert_eq!(main.check(), Err(Stop::Killed));
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn check(&self) -> Result<(), Stop<E>> {
        if self.is_quiet() { Ok(()) } else { self.look() }
    }

    /// Returns `true` if [`check`](Self::check) has nothing to look at.
    #[inline(always)]
    pub(crate) fn is_quiet(&self) -> bool {
        let (base, schedule) = (self.slot.base(), self.slot.schedule());
        schedule.turn.get() == Some(self.slot) && schedule.is_inbox_empty() && base.is_quiet()
    }

    /// The slow path of [`check`](Self::check). At the end of the run no task has a turn; the check then succeeds or
    /// fails by the alerts alone, so that code that cleans up can continue.
    #[cold]
    #[inline(never)]
    fn look(&self) -> Result<(), Stop<E>> {
        room::probe_for::<(), V, E>();
        let schedule = self.slot.schedule();
        if schedule.turn.get() != Some(self.slot)
            && let Err(refused) = self.regain_turn()
            && refused != Resumed::Over
        {
            return refused.end();
        }
        schedule.look(self.slot.base().depth.get() != 0);
        self.check_seen()
    }

    /// As [`check`](Self::check), but does not look for new reasons. Enough before and after a wait, because the hub
    /// looks for them while the task waits.
    #[inline]
    pub(crate) fn check_seen(&self) -> Result<(), Stop<E>> {
        if self.slot.base().alerts.get() == 0 { Ok(()) } else { self.check_alerts() }
    }

    #[cold]
    #[inline(never)]
    fn check_alerts(&self) -> Result<(), Stop<E>> {
        if !self.runs() {
            return Err(Stop::Refused(Refusal::NotCurrent)); // this task's alerts are kept until it runs
        }
        let base = self.slot.base();
        let alerts = base.alerts.get();
        if alerts & DEADLOCK != 0 {
            self.slot.clear_alert(DEADLOCK);
            return Err(Stop::Deadlock);
        }
        let mut expired = base.expired.get();
        if alerts & SHIELDED != 0 {
            // Only scopes that began inside of the shield count.
            expired &= u16::MAX.checked_shl(base.shield.get().into()).unwrap_or(0);
        } else if alerts & KILLED != 0 {
            return Err(Stop::Killed);
        } else if alerts & THROWN != 0 {
            self.slot.clear_alert(THROWN);
            // SAFETY: a task of `V` and `E`.
            if let Some(error) = unsafe { self.slot.whole::<V, E>() }.thrown.take() {
                return Err(Stop::Error(error));
            }
        }
        match expired {
            0 => Ok(()),
            _ => Err(Stop::Timeout(TimeoutScope(expired.trailing_zeros() as u8 + 1))),
        }
    }

    /// Lets the other tasks that are ready run, each once.
    ///
    /// # Errors
    ///
    /// A reason to stop that exists before or after the wait; [`Stop::Refused`], for example if interrupts are masked.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # static STACKS: greenlet::StackPool<1, 65536> = greenlet::StackPool::new();
    /// # HUB.run(|main| {
    /// main.spawn(&STACKS, |_me| { println!("second"); Ok(()) }).unwrap();
    /// println!("first");
    /// main.yield_now().unwrap();
    /// println!("third");
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn yield_now(&self) -> Result<(), Stop<E>> {
        room::probe_for::<(), V, E>();
        // Before a task is taken out of the queue, because this is code of the program, which may panic.
        let value = V::default();
        let schedule = self.slot.schedule();
        if schedule.turn.get() == Some(self.slot)
            && self.slot.base().is_plain()
            && let Some(next) = schedule.rotate(self.slot)
        {
            match self.switch_to(next, value) {
                Some(Resumed::Turn) => self.check_seen(),
                other => self.yield_on(other),
            }
        } else {
            self.yield_slowly()
        }
    }

    #[cold]
    #[inline(never)]
    fn yield_slowly(&self) -> Result<(), Stop<E>> {
        self.check_seen()?;
        self.slot.schedule().ready.append(self.slot);
        self.pause(None).end()?;
        self.check_seen()
    }

    #[cold]
    #[inline(never)]
    fn yield_on(&self, resumed: Option<Resumed>) -> Result<(), Stop<E>> {
        resumed.unwrap_or_else(|| self.pass_again()).end()?;
        self.check_seen()
    }

    /// Waits for [`RemoteTask::wake`](crate::RemoteTask::wake) or a [waker](Self::waker) of this task. May return
    /// without a wake, so callers test a condition in a loop: `while !so() { me.park()?; }`.
    ///
    /// Such a loop loses no wake whose sender makes the condition true first. If a wake has come since the task's turn
    /// began, this returns at once. One that came earlier, while the task was ready or had not begun, is used up by the
    /// turn, in which the task finds the condition true and does not wait.
    ///
    /// # Errors
    ///
    /// A reason to stop that exists before or after the wait.
    ///
    /// ```
    /// # use greenlet_hub::{Hub, Threads};
    /// # static PLATFORM: Threads = Threads::new();
    /// # static HUB: Hub<1> = Hub::new(&PLATFORM);
    /// # HUB.run(|main| {
    /// main.remote().wake();
    /// main.park().unwrap();
    /// # }).unwrap();
    /// ```
    pub fn park(&self) -> Result<(), Stop<E>> {
        room::probe_for::<(), V, E>();
        self.check_seen()?;
        self.pause_external(&What::new(Waiting::Wake)).end()?;
        self.check_seen()
    }

    /// Waits until `so` returns `true`. If it does, the wait succeeds even if there is a reason to stop: that ends the
    /// next wait.
    #[inline]
    pub(crate) fn wait_until(&self, what: &What, so: impl Fn() -> bool) -> Result<(), Stop<E>> {
        loop {
            if so() {
                return Ok(());
            }
            self.check_seen()?;
            let resumed = if what.is_external() { self.pause_external(what) } else { self.pause(Some(what)) };
            if let Err(stop) = resumed.end() {
                return if so() { Ok(()) } else { Err(stop) };
            }
        }
    }

    /// As [`wait_until`](Self::wait_until) the node is done, of a task that has just checked for reasons to stop.
    #[inline]
    pub(crate) fn wait_for_node(&self, what: &What, node: &Node) -> Result<(), Stop<E>> {
        let resumed = self.pause(Some(what));
        if node.done.get() { Ok(()) } else { self.wait_on_for_node(resumed, what, node) }
    }

    #[cold]
    #[inline(never)]
    fn wait_on_for_node(&self, mut resumed: Resumed, what: &What, node: &Node) -> Result<(), Stop<E>> {
        while !node.done.get() {
            resumed.end()?;
            self.check_seen()?;
            resumed = self.pause(Some(what));
        }
        Ok(())
    }

    /// As [`pause`](Self::pause), for an event that may come from outside of the hub: no deadlock is reported
    /// meanwhile.
    pub(crate) fn pause_external(&self, what: &What) -> Resumed {
        let _external = self.slot.schedule().external();
        self.pause(Some(what))
    }

    /// Lets other tasks run until it is this one's turn again, for whatever reason.
    pub(crate) fn pause(&self, what: Option<&What>) -> Resumed {
        if !self.has_turn()
            && let Err(refused) = self.regain_turn()
        {
            return refused;
        }
        /// Clears `what` on every way out, also if a panic unwinds through this.
        struct Waits(SlotRef);
        impl Drop for Waits {
            fn drop(&mut self) {
                self.0.note_end_of_wait();
                self.0.base().what.set(ptr::null());
            }
        }
        let _waits = Waits(self.slot);
        self.slot.base().what.set(what.map_or(ptr::null(), ptr::from_ref));
        self.slot.note_wait(what);
        self.pass()
    }

    /// Switches from the task `from`, which runs, to the task `to`, although it is not the turn of `to`. `to` switches
    /// back in the same way. The ready queue does not change. Returns the reason if the switch is refused. An exit or
    /// error that arrives meanwhile ends the next wait. The caller creates `value`, at a place where that may panic.
    pub(crate) fn hand(from: SlotRef, to: SlotRef, value: V) -> Option<greenlet::Refusal> {
        // SAFETY: all slots of this hub are of `V` and `E`.
        let weak = unsafe { to.whole::<V, E>() }.weak()?;
        match weak.switch(value) {
            Err(Thrown::Refused(refusal, _)) => return Some(refusal),
            Err(Thrown::Exit(_)) => from.alert(KILLED | EXITED),
            Err(Thrown::Error(error)) => _ = Self::receive_error(from, error),
            _ => {}
        }
        None
    }

    /// Returns `true` if this task is asked to end. A task that begins tests this, because it calls no code of the
    /// program.
    pub(crate) fn is_killed(&self) -> bool {
        self.slot.base().alerts.get() & KILLED != 0
    }

    /// Returns `true` if this task runs. Another task may have its `&Task`, through a scope.
    #[inline]
    pub(crate) fn runs(&self) -> bool {
        self.has_turn() || self.is_current()
    }

    /// Returns `true` if it is the turn of this task; with the feature `abandon`, only if it also runs. There the
    /// difference matters: a task that the kernel resumed out of its turn may use the `&Task` of the one whose turn it
    /// is. If that task was then given up, the nodes that it left in the hub would not be found.
    #[inline(always)]
    fn has_turn(&self) -> bool {
        self.slot.schedule().turn.get() == Some(self.slot) && (!cfg!(feature = "abandon") || self.is_current())
    }

    #[cold]
    #[inline(never)]
    fn is_current(&self) -> bool {
        self.greenlet().is_current()
    }

    /// Returns an error unless this task runs.
    pub(crate) fn must_run(&self) -> Result<(), Stop<E>> {
        match self.has_turn() {
            true => Ok(()),
            false => self.regain_turn().or_else(Resumed::end),
        }
    }

    /// Makes it the turn of this task, if it runs although it is another one's turn. An operation of the kernel may
    /// have resumed it.
    #[cold]
    #[inline(never)]
    fn regain_turn(&self) -> Result<(), Resumed> {
        let turn = &self.slot.schedule().turn;
        if turn.get().is_none() {
            return Err(Resumed::Over);
        }
        if !self.greenlet().is_current() {
            return Err(Resumed::NotCurrent);
        }
        turn.set(Some(self.slot));
        Ok(())
    }

    /// Passes control to the next task. Returns when it comes back and it is this one's turn.
    #[inline(always)]
    fn pass(&self) -> Resumed {
        // Before a task is taken out of the queue, because this is code of the program, which may panic.
        let value = V::default();
        let schedule = self.slot.schedule();
        let next = match schedule.next() {
            Some(next) => next,
            None => match schedule.rest() {
                Some(next) => next,
                None => return self.pass_on(None, value),
            },
        };
        self.switch_to(next, value).unwrap_or_else(|| self.pass_again())
    }

    /// As [`pass`](Self::pass), when control came back although it is another task's turn: that has died, and often it
    /// is this one that joins it.
    #[cold]
    #[inline(never)]
    fn pass_again(&self) -> Resumed {
        if !self.take_turn() {
            return Resumed::Over;
        }
        let value = V::default();
        match self.slot.schedule().next() {
            Some(next) if next == self.slot => Resumed::Turn,
            next => self.pass_on(next, value),
        }
    }

    /// The task whose turn it is has died, and its stack can be released, or this one was resumed out of its turn.
    /// Returns `false` at the end of the run, when the turn is no one's and nothing more is queued: a wait would never
    /// end.
    #[inline(always)]
    fn take_turn(&self) -> bool {
        let turn = &self.slot.schedule().turn;
        let goes_on = turn.get().is_some();
        if goes_on {
            turn.set(Some(self.slot));
        }
        self.state().reap();
        goes_on
    }

    /// The loop, apart: the compiler prepares what its seldom paths need before it begins.
    #[cold]
    #[inline(never)]
    fn pass_on(&self, mut next: Option<SlotRef>, mut value: V) -> Resumed {
        let schedule = self.slot.schedule();
        loop {
            match next.or_else(|| schedule.rest()) {
                Some(to) => {
                    if let Some(resumed) = self.switch_to(to, value) {
                        return resumed;
                    }
                    if !self.take_turn() {
                        return Resumed::Over;
                    }
                    // Before a task is taken out of the queue, as above.
                    value = V::default();
                }
                None => match schedule.refusal() {
                    Some(refusal) => return Resumed::Refused(refusal),
                    None => self.deadlock(),
                },
            }
            next = schedule.next_out_of_line();
        }
    }

    /// Switches to `next`, which was taken out of the queue, until this task is resumed. Returns `None` if it waits on.
    #[inline(always)]
    fn switch_to(&self, next: SlotRef, value: V) -> Option<Resumed> {
        if next == self.slot {
            return Some(Resumed::Turn);
        }
        let schedule = self.slot.schedule();
        // SAFETY: all slots of this hub are of `V` and `E`.
        let Some(weak) = unsafe { next.whole::<V, E>() }.weak() else {
            self.state().finish(next);
            return None;
        };
        schedule.turn.set(Some(next));
        match weak.switch(value) {
            Ok(_) => (schedule.turn.get() == Some(self.slot)).then_some(Resumed::Turn),
            Err(thrown) => self.thrown(thrown, next),
        }
    }

    #[cold]
    #[inline(never)]
    fn thrown(&self, thrown: Thrown<V, E>, next: SlotRef) -> Option<Resumed> {
        let schedule = self.slot.schedule();
        let resumed = match thrown {
            Thrown::Exit(_) => {
                self.slot.alert(KILLED | EXITED);
                if schedule.turn.get().is_none() {
                    return Some(Resumed::Over);
                }
                Resumed::Exit
            }
            Thrown::Error(error) => {
                if Self::receive_error(self.slot, error) {
                    return None;
                }
                Resumed::Turn
            }
            Thrown::Refused(refusal, _) => {
                schedule.ready.prepend(next);
                Resumed::Refused(refusal)
            }
            _ => return None,
        };
        schedule.turn.set(Some(self.slot));
        Some(resumed)
    }

    /// Takes an error that the kernel delivers to the task `slot`. Returns `true` if it is the error of a task that was
    /// given up.
    fn receive_error(slot: SlotRef, error: E) -> bool {
        // SAFETY: a task of `V` and `E`.
        let state = unsafe { State::<V, E>::of(slot) };
        let given_up = state.given_up();
        match given_up {
            Some(given_up) => state.settle(given_up, Some(error)),
            None => Self::throw(slot, error),
        }
        given_up.is_some()
    }

    fn throw(slot: SlotRef, error: E) {
        slot.alert(THROWN);
        // SAFETY: a task of `V` and `E`. Last, because the destructor of the previous error may call anything.
        drop(unsafe { slot.whole::<V, E>() }.thrown.replace(Some(error)));
    }

    /// Makes main ready, because no other task ever will be: its wait ends with [`Stop::Deadlock`]. If main does not
    /// wait in the hub, but in an operation of the kernel, it just continues.
    #[cold]
    fn deadlock(&self) {
        // There is a task that was given up and whose error did not arrive in the hub: main received it in an operation
        // of the kernel, for example.
        if let Some(given_up) = self.state().given_up() {
            return self.state().settle(given_up, None);
        }
        let main = self.state().main_slot();
        if !main.base().what.get().is_null() {
            main.alert(DEADLOCK);
        }
        self.slot.schedule().ready.append(main);
    }
}
