//! Counts the operations of the kernel that are in progress on the stack of each greenlet, for `Tree::abandon` (feature
//! `abandon`): a greenlet that a fault has stopped inside such an operation must not be abandoned.
//!
//! An operation is counted if it changes more than one word that outlives the greenlet, or if it holds a reference, a
//! place or a lock while it calls user code. It stays counted while the greenlet is suspended inside it. Each greenlet
//! has a count of its own, which says nothing of other greenlets.
//!
//! A greenlet can be stopped at any instruction that accesses its stack: at a call, or at a store into a large frame.
//! On Cortex-M, where the frame of an interrupt is stored there, it can be stopped at any instruction. So the order of
//! the steps matters:
//!
//! ```text
//!   operation                                    sender of a packet           receiver of a packet
//!     Busy::in_tree_of(..)   count + 1             Busy::of_receiver(to)        (count + 1, by the sender)
//!     the first change                             the departure ─────────────► Busy::received(me)
//!     ...                                                                       the work of an arrival
//!     the last change                                                           drop: count - 1
//!     drop                   count - 1
//! ```
//!
//! An operation is counted by the function that makes its first change, or by a caller of it, and no frame is entered
//! between the counting and the change. The receiver of a packet has to release a reference, from its very first
//! instruction on; so the sender counts for the receiver, before it leaves. A fast switch is not counted, because its
//! receiver has nothing to release.

use crate::records::block::{BlockPtr, ENDED};
use crate::records::core_state::{Core, reported_core};
use crate::records::sync::atomic::{AtomicU32, compiler_fence};
use core::mem;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How many operations of the kernel are in progress on the stack of one greenlet.
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Sets the count to 0, for the next greenlet on the stack.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

/// An operation in progress: counted until this is dropped, which must be on the same stack.
pub(crate) struct Busy(Option<&'static AtomicU32>);

impl Busy {
    /// Counts an operation on the stack of the current greenlet of the core of `any`. If the tree of `any` has ended,
    /// that greenlet may be of another tree, or there may be none.
    #[inline]
    pub(crate) fn in_tree_of(any: BlockPtr) -> Self {
        Self::count(at_work(any.core(), !any.has(ENDED)))
    }

    /// Counts an operation on the stack of the current greenlet of this core, if there is one.
    #[inline]
    pub(crate) fn on_this_core() -> Self {
        Self::count(reported_core().and_then(|core| at_work(core, false)))
    }

    /// Counts an arrival at `to`, to which a packet is about to be sent.
    #[inline]
    pub(crate) fn of_receiver(to: BlockPtr) {
        mem::forget(Self::count(counter(to)));
    }

    /// The arrival at `me`, the current greenlet, which the sender of its packet has counted.
    #[inline]
    pub(crate) fn received(me: BlockPtr) -> Self {
        Self(counter(me))
    }

    #[inline]
    fn count(counter: Option<&'static AtomicU32>) -> Self {
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
        compiler_fence(SeqCst); // keeps later stores after the count, which a fault handler may read at any time
        Self(counter)
    }
}

impl Drop for Busy {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(SeqCst); // keeps earlier stores before the end of the count
        if let Some(counter) = self.0 {
            counter.fetch_sub(1, Relaxed);
        }
    }
}

/// Whether each core or thread has a record of its own. If it has not (hosted, without `std` and `cores`), all threads
/// share one record, and a thread with a handle of an ended tree must not touch the count of a greenlet that another
/// thread runs.
const OWN: bool = cfg!(any(bare, feature = "std", feature = "cores"));

/// The count that is used instead in that case, for all greenlets.
static SOMEWHERE: AtomicU32 = AtomicU32::new(0);

/// The count for an operation on the stack of the current greenlet of this core, whose record is `core`; `None` if
/// there is no such greenlet. `entered`: the caller is code of the tree that is entered.
fn at_work(core: &Core, entered: bool) -> Option<&'static AtomicU32> {
    if !(entered || OWN) {
        return Some(&SOMEWHERE);
    }
    let current = core.current_ptr();
    // SAFETY: the record is that of the calling core, and the current greenlet exists.
    if current.is_null() { None } else { counter(unsafe { BlockPtr::new(current) }) }
}

/// The count of `greenlet`. `None` for main: it cannot be abandoned, and when its last reference is being released,
/// another core may already have entered the tree and use the block.
fn counter(greenlet: BlockPtr) -> Option<&'static AtomicU32> {
    // SAFETY: memory that was once a stack stays one for ever, and the count is an atomic.
    (!greenlet.is_main()).then(|| unsafe { &(*greenlet.as_ptr()).busy.0 })
}

/// Whether an operation of the kernel may be in progress on the stack of `greenlet`, which is the current one.
pub(crate) fn is_busy(greenlet: BlockPtr) -> bool {
    let counted = greenlet.busy.0.load(Relaxed) != 0 || !OWN && SOMEWHERE.load(Relaxed) != 0;
    counted || greenlet.body().is_some() // it was resumed, but has not taken its body yet
}
