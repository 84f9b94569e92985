//! `Greenlet::reclaim`, which lets the stack of an abandoned greenlet return to its pool.
//!
//! An abandoned greenlet keeps its stack, because its frames were neither returned from nor unwound, so something may
//! still point to them. Only the program can ensure that nothing does.

use crate::kernel::handle::Greenlet;
use crate::records::block::{ABANDONED, DEAD, ENDED};
use crate::records::busy::Busy;
use core::fmt;

/// Why [`Greenlet::reclaim`] was refused. Nothing has changed.
///
/// ```
/// # use greenlet::ReclaimError;
/// assert!(ReclaimError::Ended.to_string().ends_with("reclaim the stack before `enter` returns"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReclaimError {
    /// The greenlet is not dead.
    Alive,
    /// The greenlet's tree has ended. The stack stays lost: the pool may belong to another core by now.
    Ended,
}

impl fmt::Display for ReclaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => {
                "the greenlet is not dead; its stack returns to the pool when it has ended and its handles are dropped"
            }
            Self::Ended => "the greenlet's tree has ended; reclaim the stack before `enter` returns",
        })
    }
}

impl core::error::Error for ReclaimError {}

/// # After [`Tree::abandon`](crate::Tree::abandon)
///
/// This needs the feature `abandon`.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Lets the stack of this abandoned greenlet return to its pool, like that of any other dead greenlet.
    ///
    /// It returns when the last reference is released: this handle, other handles, and the children of the greenlet.
    /// Until then the greenlet counts as dead, and no longer as abandoned, in
    /// [`SpawnError::PoolEmpty`](crate::SpawnError::PoolEmpty). For a greenlet that is dead and was not abandoned, or
    /// whose stack was reclaimed before, this does nothing.
    ///
    /// The parent that receives the error calls this, before it drops its handle. A greenlet that was abandoned while
    /// it was being killed because its last handle was dropped, because another core requested it, or because the tree
    /// ends, has no such parent: there the hook of [`Tree::on_unraisable`](crate::Tree::on_unraisable) gets a handle. A
    /// greenlet without a handle at that time keeps its stack for ever.
    ///
    /// What the frames own is lost all the same. Handles to other greenlets that lie in them keep those alive; one to
    /// the greenlet itself keeps its own stack, which then counts as dead until the tree ends.
    ///
    /// # Errors
    ///
    /// [`ReclaimError::Alive`] if the greenlet is not dead, and [`ReclaimError::Ended`] if its tree has ended.
    ///
    /// # Safety
    ///
    /// Nothing refers to the frames on the greenlet's stack any more: from this call on no code on any core, no handler
    /// and no device uses a pointer to anything that lay in them. The control block, and so every handle, is not meant:
    /// it is at the base of the stack, and stays valid until the last reference is released.
    ///
    /// Safe code alone can leave such pointers, because it may rely on frames that are left only by a return or a panic
    /// that unwinds. So the promise is about what the greenlet's code was doing, and not only about its `unsafe`
    /// blocks. Look for:
    ///
    /// - *nodes in its frames* that are linked into a list elsewhere, of waiters, timers or wakers: a future that was
    ///   pinned there, an entry of a queue, a mutex guard that others find through its lock. `Pin` guarantees that they
    ///   are unlinked before their memory is reused; here their destructors have not run, and the promise is that they
    ///   are not linked.
    /// - *borrows of its locals that were lent* to another greenlet, a thread, an interrupt handler or a device: a
    ///   scope that waits for its threads at its end, a buffer that a DMA transfer fills, a slice in a queue.
    /// - *addresses* of its locals in values that it sent, in statics, in contexts and in its values of
    ///   [`GreenletLocal`](crate::GreenletLocal)s, whose destructors run when the greenlet is freed.
    /// - *code of another stack that returns to it*: a coroutine of another crate that the greenlet resumed, or a
    ///   function that ran on a stack of its own with the greenlet as its caller.
    ///
    /// ```
    /// # use greenlet::{Greenlet, Outcome, Thrown};
    /// # type Connection = Greenlet<u32, &'static str>;
    /// /// Resumes a connection. If its greenlet was abandoned, its stack serves the next one.
    /// fn turn(connection: &Connection) -> Outcome<u32, &'static str> {
    ///     let outcome = connection.switch(1);
    ///     if outcome == Err(Thrown::Error("panicked")) {
    ///         // SAFETY: connections use smoltcp by handles into a set that main owns. They link no node of their own,
    ///         // and lend no buffer: reads and writes copy.
    ///         unsafe { connection.reclaim() }.expect("it is dead, and this is its tree");
    ///     }
    ///     outcome
    /// }
    /// # static STACKS: greenlet::StackPool<1, 16384> = greenlet::StackPool::new();
    /// # static TREE: greenlet::Tree<u32> = greenlet::Tree::new();
    /// # TREE.enter(|main| {
    /// #     let g = main.spawn(&STACKS, |_me, _| Err("panicked".into())).unwrap();
    /// #     assert!(turn(&g).is_err());
    /// # }).unwrap();
    /// ```
    pub unsafe fn reclaim(&self) -> Result<(), ReclaimError> {
        let block = self.block();
        if block.has(ENDED) {
            return Err(ReclaimError::Ended);
        }
        if !block.has(DEAD) {
            return Err(ReclaimError::Alive);
        }
        if block.has(ABANDONED) {
            let _busy = Busy::in_tree_of(block);
            // SAFETY: it is abandoned, and its tree has not ended; the rest is the caller's contract.
            unsafe { block.reclaim() };
        }
        Ok(())
    }
}
