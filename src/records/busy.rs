//! Whether the kernel is at work on the stack of the greenlet that runs, be it that it calls user code there. Only with the feature
//! `abandon`, which must not take out a greenlet in the middle of that.
//!
//! Counted is what changes more than one word that outlives the greenlet, and what holds a reference, a place or a lock while it
//! calls user code. It counts while the greenlet is suspended in there, and is its own affair: what the others do is not part of it.
//!
//! A stack may give out at any instruction that touches it: a call, a store far down in a frame. So the order is everything:
//!
//! ```text
//!   who changes something                        who sends a packet            who receives it
//!     Busy::in_tree_of(..)   one more              Busy::of_receiver(to)         (is busy since then)
//!     the first change                             the departure ──────────────► Busy::received(me)
//!     ...                                                                        the work of an arrival
//!     the last change                                                            drop: one less
//!     drop                   one less
//! ```
//!
//! Who changes something counts before, in the function that makes the first change or in one that calls it: no frame is entered
//! between. What comes with a packet is to be settled by who receives it, from its very first instruction: so it is the sender, from
//! its own stack, who counts for it. The fast path of a switch is not counted: it leaves nothing that is to be settled.

use crate::records::block::{BlockPtr, ENDED};
use crate::records::here::{Here, reported_core};
use core::mem;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, compiler_fence};

/// At how many things the kernel is at work on the stack of one greenlet.
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// For the next greenlet on the stack.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}

/// Until it is dropped, on the same stack, the kernel is at work there.
pub(crate) struct Busy(Option<&'static AtomicU32>);

impl Busy {
    /// On the stack of the greenlet that runs on the core of `any`: one of another tree, or nobody, if the tree of `any` has ended.
    #[inline]
    pub(crate) fn in_tree_of(any: BlockPtr) -> Self {
        Self::count(at_work(any.here(), !any.has(ENDED)))
    }

    /// On the stack of the greenlet that runs on this core, if one does.
    #[inline]
    pub(crate) fn on_this_core() -> Self {
        Self::count(reported_core().and_then(|here| at_work(here, false)))
    }

    /// Counts for `to`, which a packet is on its way to.
    #[inline]
    pub(crate) fn of_receiver(to: BlockPtr) {
        mem::forget(Self::count(counter(to)));
    }

    /// What was counted for `me`, which runs, by who has sent it a packet.
    #[inline]
    pub(crate) fn received(me: BlockPtr) -> Self {
        Self(counter(me))
    }

    #[inline]
    fn count(counter: Option<&'static AtomicU32>) -> Self {
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
        compiler_fence(SeqCst); // what follows is not moved up: a fault handler looks
        Self(counter)
    }
}

impl Drop for Busy {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(SeqCst); // what went before is not moved down
        if let Some(counter) = self.0 {
            counter.fetch_sub(1, Relaxed);
        }
    }
}

/// Whether a record is of one core or thread. Hosted, without features, one record is of all threads: one that has a handle of an
/// ended tree must not look at a greenlet that another one runs.
const OWN: bool = cfg!(any(bare, feature = "std", feature = "cores"));

/// Where those threads count instead, for whoever runs.
static SOMEWHERE: AtomicU32 = AtomicU32::new(0);

/// Where is counted what is done on the stack of the greenlet that runs on this core, whose record is `here`; `None` if nobody does.
/// `entered` tells that the caller is code of the tree that is entered.
fn at_work(here: &Here, entered: bool) -> Option<&'static AtomicU32> {
    if !(entered || OWN) {
        return Some(&SOMEWHERE);
    }
    let current = here.current_ptr();
    // SAFETY: the record is of the core that asks, and the greenlet that runs there exists.
    if current.is_null() { None } else { counter(unsafe { BlockPtr::new(current) }) }
}

/// Where is counted what is done on the stack of `greenlet`. Not for main, which cannot be abandoned, and whose block may be another
/// core's by the time that its own release is over.
fn counter(greenlet: BlockPtr) -> Option<&'static AtomicU32> {
    // SAFETY: memory that was once a stack stays one for ever, and this an atomic.
    (!greenlet.is_main()).then(|| unsafe { &(*greenlet.as_ptr()).busy.0 })
}

/// Whether the kernel may be at work on the stack of `greenlet`, which runs.
pub(crate) fn is_busy(greenlet: BlockPtr) -> bool {
    let counted = greenlet.busy.0.load(Relaxed) != 0 || !OWN && SOMEWHERE.load(Relaxed) != 0;
    counted || greenlet.body().is_some() // it has not come to its body yet
}
