//! Transfers, as methods of the greenlet that they go to.

use crate::kernel::handle::Greenlet;
use crate::kernel::references::end_under_me;
use crate::kernel::thrown::{Outcome, Sent, Thrown};
use crate::kernel::transfer::{self, slow};
use crate::kernel::tree::Tree;
use crate::records::refusal::Refusal;

/// # Moving control
///
/// All of these suspend the current greenlet and let another one go on. They return when somebody transfers back to it,
/// with what was sent then: by whom, and whether it has to do with what was sent here, is up to the program.
///
/// A transfer to a greenlet that is dead goes on to its parent, and so on up to one that is not; if that is the current
/// greenlet, the call returns at once. A transfer to the current greenlet itself returns at once, too.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Switches to this greenlet with a value. It starts with that value, or its own pending call returns it.
    ///
    /// # Errors
    ///
    /// - [`Thrown::Exit`], [`Thrown::Error`]: thrown into the current greenlet while it waits. Pass it on with `?`.
    /// - [`Thrown::NoRun`]: the transfer ended at a greenlet without a body; `value` is lost.
    /// - [`Thrown::Refused`]: the handle is inert, interrupts are masked that were unmasked at `enter` or at a transfer since, an
    ///   overflow is being reported, or the process exits; `value` comes back. See [`Refusal`].
    ///
    /// # Cost
    ///
    /// With nothing rare the matter: 28 instructions, 18 of them without the checks that `unchecked-switch` turns off (x86_64: one more).
    /// A value of up to 8 bytes travels in a register, a larger one through memory.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { let y = me.up(x + 1)?; Ok(y * 10) }).unwrap();
    /// assert_eq!(g.switch(1), Ok(2)); // the first value goes to the body
    /// assert_eq!(g.switch(5), Ok(50)); // the second to its `up`; the body returns to its parent
    /// assert_eq!(g.switch(7), Ok(7)); // dead: goes on to the parent, which is main itself
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn switch(&self, value: V) -> Outcome<V, E> {
        // SAFETY: the handle knows its tree's types, and refers to the greenlet for the time of this borrow.
        unsafe { transfer::switch(self.block(), value) }
    }

    /// [`switch`](Self::switch) that gives this handle up before control leaves, so that the current greenlet does not keep the
    /// target while it waits: a greenlet that ends meanwhile is freed, and its stack with it. For a scheduler that hands over from
    /// one greenlet to the next, most often with a clone.
    ///
    /// With the last handle: the target goes on, and when it leaves, it is asked to exit, as always when the last handle to a
    /// greenlet goes while it runs; unless there is another handle by then. See [`WeakGreenlet::switch`](crate::WeakGreenlet::switch)
    /// for who has no handle to give up.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch). The handle is given up in any case.
    ///
    /// # Cost
    ///
    /// With a clone that is made for it, eight instructions more than [`switch`](Self::switch), hosted on x86_64. With the last handle,
    /// a slow departure.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let worker = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    /// let next = worker.clone();
    /// let waits = main.spawn(&STACKS, move |_me, x| next.switch_away(x)).unwrap(); // until somebody switches to it
    /// assert_eq!(waits.switch(1), Ok(1)); // the worker's end, which comes to its parent
    /// drop(worker);
    /// assert_eq!(STACKS.free(), 1); // of two: the one that waits has not kept it
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn switch_away(self, value: V) -> Outcome<V, E> {
        transfer::switch_away(self, value)
    }

    /// Throws an error into this greenlet: its pending call returns [`Thrown::Error`].
    ///
    /// An unstarted greenlet dies of it without running, and its *parent* gets the error. A dead one hands it to its parent
    /// as well.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree, Thrown};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| match me.up(x) {
    ///     Err(Thrown::Error("slow")) => Ok(1),
    ///     other => other,
    /// }).unwrap();
    /// g.switch(0).unwrap();
    /// assert_eq!(g.throw("slow"), Ok(1)); // handled: the body returns
    /// assert_eq!(g.throw("late"), Err(Thrown::Error("late"))); // dead: the parent gets it
    /// # }).unwrap();
    /// ```
    pub fn throw(&self, error: E) -> Outcome<V, E> {
        self.send(Sent::Error(error))
    }

    /// Asks this greenlet to exit: its pending call returns [`Thrown::Exit`]. The *parent* goes on when it has; the current
    /// greenlet stays suspended until somebody switches to it. See [`cancel`](Self::cancel) for a supervisor's way.
    ///
    /// The exit carries the tree's exit value, which is what the parent receives, as `Ok`. A dead target's parent receives
    /// it at once.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { me.up(x)?; unreachable!("`?` ends it") }).unwrap();
    /// g.switch(3).unwrap();
    /// assert_eq!(g.kill(), Ok(0)); // u32::default()
    /// assert!(g.is_dead());
    /// # }).unwrap();
    /// ```
    pub fn kill(&self) -> Outcome<V, E> {
        match self.exit_value() {
            Some(value) => self.kill_with(value),
            None => Err(Thrown::Refused(Refusal::Ended, None)),
        }
    }

    /// [`kill`](Self::kill) with a value of the caller's for the parent.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    ///
    /// ```
    /// # use greenlet::{StackPool, Thrown, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| match me.up(x) {
    ///     Err(Thrown::Exit(code)) => { assert_eq!(code, 7); Err(Thrown::Exit(code)) } // seen, and obeyed
    ///     other => other,
    /// }).unwrap();
    /// g.switch(0).unwrap();
    /// assert_eq!(g.kill_with(7), Ok(7));
    /// # }).unwrap();
    /// ```
    pub fn kill_with(&self, value: V) -> Outcome<V, E> {
        self.send(Sent::Exit(value))
    }

    /// Asks this greenlet to exit and waits for it: until it has ended or goes elsewhere, the current greenlet stands in
    /// for its parent. What [`Drop`] does to a suspended greenlet, with the result handed out.
    ///
    /// Returns what comes back, most often the tree's exit value. The old parent is put back then. A greenlet that
    /// refuses is not dead afterwards: ask [`is_dead`](Self::is_dead).
    ///
    /// # Errors
    ///
    /// - [`Thrown::Refused`] with [`Refusal::Main`], [`Refusal::Cycle`], [`Refusal::Ended`], [`Refusal::Overflow`] or [`Refusal::Exit`]: nothing has
    ///   happened.
    /// - else as [`switch`](Self::switch).
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree, Thrown};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let supervisor = main.spawn(&STACKS, |me, _| {
    ///     let worker = me.parent().spawn(&STACKS, |me, x| me.up(x)).unwrap(); // a child of main
    ///     worker.set_parent(&me).unwrap();
    ///     worker.switch(1)?;
    ///     worker.set_parent(&me.parent()).unwrap();
    ///     worker.cancel()?; // comes back here, although the worker's parent is main
    ///     assert!(worker.is_dead());
    ///     Ok(99)
    /// }).unwrap();
    /// assert_eq!(supervisor.switch(0), Ok(99));
    /// # }).unwrap();
    /// ```
    pub fn cancel(&self) -> Outcome<V, E> {
        let refuse = |refusal| Err(Thrown::Refused(refusal, None));
        let Some(value) = self.exit_value() else { return refuse(Refusal::Ended) };
        if let Some(refusal) = self.block().here().stopped() {
            return refuse(refusal);
        }
        if self.is_main() {
            return refuse(Refusal::Main);
        }
        // SAFETY: `exit_value` saw that the tree is entered.
        if self.block().is_above(unsafe { self.block().here().current() }) {
            return refuse(Refusal::Cycle);
        }
        // SAFETY: this handle refers to the greenlet; the two other conditions were tested, and nothing ran since.
        let arrival = unsafe { end_under_me(self.block(), Sent::Exit(value), |arrival| arrival) };
        slow::surface(arrival.and_then(|arrival| arrival))
    }

    fn send(&self, sent: Sent<V, E>) -> Outcome<V, E> {
        // SAFETY: the handle knows its tree's types, and refers to the greenlet for the time of this borrow.
        unsafe { slow::send(self.block(), sent) }
    }

    /// What an exit without a payload carries; `None` when the tree has ended.
    fn exit_value(&self) -> Option<V> {
        // SAFETY: the tree has not ended, so it is the one that is entered; the handle knows its types.
        (!self.is_ended()).then(|| (unsafe { Tree::<V, E>::of(self.block()) }.exit)())
    }
}
