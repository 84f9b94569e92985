//! The transfers, as methods of the target: switch, throw, kill and cancel.

use crate::kernel::handle::Greenlet;
use crate::kernel::references::kill_as_parent;
use crate::kernel::thrown::{Outcome, Thrown};
use crate::kernel::transfer::{self, slow};
use crate::kernel::tree::Tree;
use crate::records::panic;
use crate::records::refusal::Refusal;
use core::mem::MaybeUninit;

/// # Transfers
///
/// Each of these suspends the current greenlet and resumes or starts another one. The call returns when some
/// greenlet transfers back to the one that called. It returns what that transfer delivers, which need not come from
/// the target of this call.
///
/// A transfer to a dead greenlet is delivered to its nearest ancestor that is not dead. If that ancestor, or the
/// target itself, is the current greenlet, the call returns at once with what was sent.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Switches to this greenlet and sends it `value`.
    ///
    /// An unstarted greenlet starts, with `value` as the argument of its body. A suspended one resumes: the call
    /// that suspended it returns `Ok(value)`.
    ///
    /// # Errors
    ///
    /// - [`Thrown::Exit`], [`Thrown::Error`]: another greenlet threw this into the current greenlet while it was
    ///   suspended, or a child ended with it. Pass it on with `?`.
    /// - [`Thrown::NoRun`]: the greenlet that the transfer reached has no body. `value` is dropped.
    /// - [`Thrown::Refused`]: nothing has happened, and `value` is returned in the error. The handle is inert,
    ///   interrupts are masked now that were unmasked at `enter` or at a transfer since, an overflow is being
    ///   reported, or the process exits; see [`Refusal`].
    ///
    /// # Panics
    ///
    /// - If the current greenlet has overflowed its stack, the default hook of
    ///   [`Tree::on_overflow`](crate::Tree::on_overflow) panics, which ends the program.
    /// - With the feature `std`, a panic that leaves a body is resumed in the parent, in the call that suspended the
    ///   parent.
    ///
    /// # Cost
    ///
    /// On the fast path 25 instructions on bare aarch64 and 27 on bare x86_64; 18 with the feature `unchecked-switch`.
    /// A value of up to 8 bytes is passed in a register, one of up to 64 bytes in eight, and a larger one through
    /// memory. On a 32-bit processor these limits are 4 and 32 bytes; on 32-bit Arm more than 4 bytes go through memory.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { let y = me.up(x + 1)?; Ok(y * 10) }).unwrap();
    /// assert_eq!(g.switch(1), Ok(2)); // the first value is the argument of the body
    /// assert_eq!(g.switch(5), Ok(50)); // `up` returns the second; the body's result is delivered to main
    /// assert_eq!(g.switch(7), Ok(7)); // dead: delivered to the parent, which is main itself
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn switch(&self, value: V) -> Outcome<V, E> {
        // SAFETY: the handle has the types of its tree, and keeps the greenlet alive for the time of this borrow.
        unsafe { transfer::switch(self.block(), value) }
    }

    /// Switches to this greenlet as [`switch`](Self::switch) does, and drops this handle before the current
    /// greenlet is suspended.
    ///
    /// A suspended caller then holds no reference to the target. If the target ends in the meantime, it is freed
    /// and its stack returns to the pool. A scheduler that switches from one greenlet to the next uses this, most
    /// often with a clone.
    ///
    /// If this is the last handle, the target still runs, and is killed when it next switches away, as any running
    /// greenlet that has lost its last handle; unless a new handle to it was made by then.
    /// [`WeakGreenlet::switch`](crate::WeakGreenlet::switch) does the same for code that has no handle to drop.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch). The handle is dropped in every case.
    ///
    /// # Cost
    ///
    /// Together with the clone, eight instructions more than [`switch`](Self::switch), hosted on x86_64. The last
    /// handle takes the slow path.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let worker = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
    /// let next = worker.clone();
    /// let waits = main.spawn(&STACKS, move |_me, x| next.switch_away(x)).unwrap(); // suspended from then on
    /// assert_eq!(waits.switch(1), Ok(1)); // the worker's result, delivered to its parent, main
    /// drop(worker);
    /// assert_eq!(STACKS.free(), 1); // of two: the suspended greenlet holds no reference to the worker
    /// # }).unwrap();
    /// ```
    #[inline(always)]
    pub fn switch_away(self, value: V) -> Outcome<V, E> {
        transfer::switch_away(self, value)
    }

    /// Throws an error into this greenlet: the call that suspended it returns [`Thrown::Error`].
    ///
    /// An unstarted greenlet is dead at once: its body is dropped without running, and the error is delivered to
    /// its parent. If the greenlet is dead already, the error is delivered to its parent, too.
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
    /// assert_eq!(g.throw("late"), Err(Thrown::Error("late"))); // dead: delivered to the parent
    /// # }).unwrap();
    /// ```
    pub fn throw(&self, error: E) -> Outcome<V, E> {
        self.send(Thrown::Error(error))
    }

    /// Asks this greenlet to exit: the call that suspended it returns [`Thrown::Exit`].
    ///
    /// The exit carries the tree's exit value. When the greenlet ends with it, its *parent* resumes and receives
    /// that value as `Ok`. The current greenlet, unless it is that parent, stays suspended until another one
    /// switches to it; [`cancel`](Self::cancel) delivers the result to the caller instead. If the greenlet is dead
    /// already, its parent receives the value at once.
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
    /// let g = main.spawn(&STACKS, |me, x| { me.up(x)?; unreachable!("`?` returns the exit") }).unwrap();
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

    /// Asks this greenlet to exit as [`kill`](Self::kill) does, with `value` in place of the tree's exit value.
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
    ///     Err(Thrown::Exit(code)) => { assert_eq!(code, 7); Err(Thrown::Exit(code)) } // the body ends with it
    ///     other => other,
    /// }).unwrap();
    /// g.switch(0).unwrap();
    /// assert_eq!(g.kill_with(7), Ok(7));
    /// # }).unwrap();
    /// ```
    pub fn kill_with(&self, value: V) -> Outcome<V, E> {
        self.send(Thrown::Exit(value))
    }

    /// Asks this greenlet to exit, and returns to the caller with the result.
    ///
    /// The current greenlet is the parent of this one until control returns, so the result is delivered to the
    /// current greenlet. Then this greenlet has its old parent again. The drop of the last handle does the same to
    /// a suspended greenlet, and discards the result.
    ///
    /// Returns what is delivered, most often the tree's exit value. A greenlet that handles the exit and continues
    /// is not dead afterwards: see [`is_dead`](Self::is_dead).
    ///
    /// # Errors
    ///
    /// - [`Thrown::Refused`], and nothing has happened: this is the main greenlet ([`Refusal::Main`]), or the
    ///   current greenlet or an ancestor of it ([`Refusal::Cycle`]); its tree has ended ([`Refusal::Ended`]); an
    ///   overflow is being reported ([`Refusal::Overflow`]); the process exits ([`Refusal::Exit`]).
    /// - Otherwise as [`switch`](Self::switch).
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
    ///     worker.cancel()?; // returns here, although the worker's parent is main
    ///     assert!(worker.is_dead());
    ///     Ok(99)
    /// }).unwrap();
    /// assert_eq!(supervisor.switch(0), Ok(99));
    /// # }).unwrap();
    /// ```
    pub fn cancel(&self) -> Outcome<V, E> {
        let refuse = |refusal| Err(Thrown::Refused(refusal, None));
        let Some(value) = self.exit_value() else { return refuse(Refusal::Ended) };
        if let Some(refusal) = self.block().core().stopped() {
            return refuse(refusal);
        }
        if self.is_main() {
            return refuse(Refusal::Main);
        }
        // SAFETY: `exit_value` saw that the tree is entered.
        if self.block().is_above(unsafe { self.block().core().current() }) {
            return refuse(Refusal::Cycle);
        }
        let mut place = MaybeUninit::new(Err(Thrown::Exit(value)));
        // SAFETY: this handle keeps the greenlet alive; the two other conditions were checked above, and nothing
        // ran since.
        let delivered = unsafe { kill_as_parent(self.block(), &mut place, |_| Ok(())) };
        match delivered {
            // SAFETY: it was delivered there.
            Ok(()) => unsafe { place.assume_init() },
            Err(payload) => panic::resume(payload),
        }
    }

    fn send(&self, thrown: Thrown<V, E>) -> Outcome<V, E> {
        let mut place = MaybeUninit::new(Err(thrown));
        // SAFETY: the handle has the types of its tree, and keeps the greenlet alive for the time of this borrow.
        unsafe { slow::send(self.block(), &mut place) };
        // SAFETY: `send` has returned, so there is an outcome.
        unsafe { place.assume_init() }
    }

    /// Returns the tree's exit value, for a kill without a value of its own; `None` when the tree has ended.
    fn exit_value(&self) -> Option<V> {
        // SAFETY: the tree has not ended, so it is the one that is entered; the handle has its types.
        (!self.is_ended()).then(|| (unsafe { Tree::<V, E>::of(self.block()) }.exit)())
    }
}
