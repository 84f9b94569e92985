//! What happens when the last reference to a greenlet goes.
//!
//! An unstarted or dead greenlet is freed: its stack goes back to its pool, its parent loses a reference, and so on up, in
//! a loop. A suspended one is killed, at that very point, inside the `Drop` that released it: whoever released it becomes
//! its parent, an exit is thrown into it, and when control comes back the old parent is put back. What it sends is thrown
//! away; an error goes to the tree's `on_unraisable`. If it lives after that and nobody refers to it, it is leaked: it
//! keeps its stack, and `on_leak` hears of it.
//!
//! User code runs in here: bodies that are dropped unstarted, destructors of values, hooks, whole greenlets. No borrow and
//! no half-done change is open at any of these points; state is read again after each.

use crate::kernel::body;
use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Sent;
use crate::kernel::transfer::slow::{self, Arrival};
use crate::kernel::tree::Tree;
use crate::records::attached;
use crate::records::block::{ABANDONED, BlockPtr, DEAD, ENDED};
use crate::records::busy::Busy;
use crate::records::here::UNREF;
use crate::records::paint;
use crate::records::panic::{self, Payload};
use crate::records::pool;
use core::mem::ManuallyDrop;

/// Gives up one reference to `block`, and all that follows from it. A panic of the user's code in there goes on here, at the
/// end.
///
/// # Safety
///
/// The caller owns a reference and gives it up. The greenlet is of a tree of `V` and `E`.
pub(crate) unsafe fn release<V: 'static, E: 'static>(block: BlockPtr) {
    // SAFETY: the same contract.
    if let Some(payload) = unsafe { release_caught::<V, E>(block) } {
        panic::resume(payload);
    }
}

/// [`release`], with the panic in the caller's hands.
///
/// # Safety
///
/// As for [`release`].
pub(crate) unsafe fn release_caught<V: 'static, E: 'static>(block: BlockPtr) -> Option<Payload> {
    let _busy = Busy::in_tree_of(block);
    let mut next = Some(block);
    let mut panicked = None;
    while let Some(block) = next {
        if !uncount(block) {
            break;
        }
        let (parent, panic) = if block.has(DEAD) || block.is_unstarted() {
            // SAFETY: nobody refers to it, and it does not run: an unstarted or dead greenlet is never current.
            unsafe { free(block) }
        } else if block.has(ENDED) {
            break; // It refused to end, and nobody may resume it: it keeps its stack for ever.
        } else if block.here().current_ptr() == block.as_ptr() {
            block.here().set_slow(UNREF);
            break;
        } else {
            // SAFETY: suspended, of a tree that is entered, of `V` and `E`.
            unsafe { kill_lost::<V, E>(block) }
        };
        panicked = panic::last(panicked, panic);
        next = parent;
    }
    panicked
}

/// Counts one reference less; true when it was the last.
fn uncount(block: BlockPtr) -> bool {
    let refs = block.refs.get() - 1;
    block.refs.set(refs);
    refs == 0
}

/// Frees an unstarted or dead greenlet: detaches it from everything, drops its body, gives back its slot. Returns the
/// parent, with the reference that the parent field held; and the panic of a destructor, if there was one.
///
/// # Safety
///
/// Nobody refers to `block`, and it is not current.
unsafe fn free(block: BlockPtr) -> (Option<BlockPtr>, Option<Payload>) {
    let linked = block.id.forget();
    let parent = block.take_parent();
    block.unlink();
    if linked && !block.has(ENDED) {
        block.leave_in_lists();
    }
    let panicked = if block.has_body_or_pin() || attached::is_attached(block) {
        // SAFETY: the caller's contract.
        unsafe { strip(block) }
    } else {
        None
    };
    paint::keep(block);
    if block.has(ABANDONED) {
        // Others may refer to what lies on its stack. It keeps that for ever, as if it outlived its tree.
        if !block.has(ENDED) {
            block.home.get().outlived();
        }
        return (parent, panicked);
    }
    // SAFETY: nobody refers to it, and this is the one place that gives a stack back. A handle of a living tree is on its core.
    unsafe { pool::release(block, block.has(ENDED)) };
    (parent, panicked)
}

/// Drops what a greenlet that is being freed has: its body, and what was kept for it. Returns the panic of a destructor, if there
/// was one.
///
/// # Safety
///
/// Nobody refers to `block`.
#[cold]
#[inline(never)]
unsafe fn strip(block: BlockPtr) -> Option<Payload> {
    let mut panicked = panic::catch(|| body::drop_body(block)).err();
    while attached::is_attached(block) {
        // SAFETY: the caller's contract. A panic is one value's; the others are left.
        panicked = panic::last(panicked, panic::catch(|| unsafe { attached::detach(block) }).err());
    }
    panicked
}

/// Kills a suspended greenlet that nobody refers to. When that leaves it dead and unreferred, returns its parent, as
/// [`free`] does; and the panic that came back, if it was one.
///
/// # Safety
///
/// `victim` is suspended, nobody refers to it, and its tree, one of `V` and `E`, is entered.
#[cold]
unsafe fn kill_lost<V: 'static, E: 'static>(victim: BlockPtr) -> (Option<BlockPtr>, Option<Payload>) {
    victim.refs.set(1); // this kill's own reference
    if victim.here().stopped().is_some() {
        victim.leak(); // nothing of the tree goes on: it cannot be asked to end
        return (None, None);
    }
    // SAFETY: the tree is entered.
    let exit = panic::catch(unsafe { Tree::<V, E>::of(victim) }.exit);
    if victim.refs.get() > 1 {
        // The exit function found it through a weak handle and kept it: nothing is lost.
        let last = uncount(victim);
        debug_assert!(!last, "others refer to it");
        let panicked = exit.and_then(|exit| panic::catch(|| drop(exit))).err();
        return (None, panicked);
    }
    // SAFETY: this kill refers to the victim; it is not main, which its tree refers to, and it is not an ancestor of the
    // dropper: its children would refer to it.
    let mut panicked = unsafe { end_for_nobody::<V, E>(victim, exit) };
    if victim.has(DEAD) || victim.refs.get() > 1 {
        // SAFETY: the caller goes on with what a release goes on with: freed if dead, else somebody refers to it.
        let (parent, panic) = if uncount(victim) { unsafe { free(victim) } } else { (None, None) };
        return (parent, panic::last(panicked, panic));
    }
    victim.leak();
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(victim) };
    // SAFETY: counted here, for as long as the hook looks at it: it may end it after all.
    let told = ManuallyDrop::new(unsafe { Greenlet::from_block(victim.retain()) });
    panicked = panic::last(panicked, panic::catch(|| (tree.leak)(&told)).err());
    // SAFETY: the reference is the one that was counted.
    let released = unsafe { release_caught::<V, E>(victim) };
    (None, panic::last(panicked, released))
}

/// Throws an exit into `victim`, as [`end_under_me`] does, on behalf of nobody who would look at what comes back: a value is
/// dropped, an error goes to the tree's hook. If there was a panic instead of the exit, that is what comes of it.
///
/// # Safety
///
/// As for [`end_under_me`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn end_for_nobody<V: 'static, E: 'static>(
    victim: BlockPtr,
    exit: Result<V, Payload>,
) -> Option<Payload> {
    let report = |arrival: Arrival<V, E>| match arrival {
        Ok(Ok(value)) => {
            drop(value);
            None
        }
        Ok(Err(thrown)) => {
            // SAFETY: the tree is entered.
            let tree = unsafe { Tree::<V, E>::of(victim) };
            // SAFETY: the caller refers to the victim while the hook looks at it.
            let victim = ManuallyDrop::new(unsafe { Greenlet::from_block(victim) });
            (tree.unraisable)(&victim, thrown);
            None
        }
        Err(payload) => Some(payload),
    };
    // SAFETY: the same contract.
    exit.and_then(|exit| unsafe { end_under_me(victim, Sent::Exit(exit), report) }).unwrap_or_else(Some)
}

/// Throws `sent` into `victim` while the current greenlet stands in for its parent; hands what comes back to `then`, and
/// puts the old parent back after that, over any change made meanwhile, unless that would make a cycle.
///
/// A panic of the user's code in there is returned, when all this is done.
///
/// # Safety
///
/// The caller refers to `victim`, which is not main and no ancestor of the current greenlet, of a tree of `V` and `E`
/// that is entered.
pub(crate) unsafe fn end_under_me<V: 'static, E: 'static, R>(
    victim: BlockPtr,
    sent: Sent<V, E>,
    then: impl FnOnce(Arrival<V, E>) -> R,
) -> Result<R, Payload> {
    let _busy = Busy::in_tree_of(victim);
    // SAFETY: the tree is entered.
    let me = unsafe { victim.here().current() };
    let old = victim.replace_parent(me.retain());
    victim.here().kill_begins();
    // SAFETY: the caller refers to the victim.
    let result = panic::catch(|| then(unsafe { slow::exchange(victim, sent) }));
    victim.here().kill_ends();
    let surplus = match old {
        // Meanwhile the victim became a parent of its old parent, near or far. Putting that back would make a cycle.
        Some(old) if victim.is_above(old) => Some(old),
        Some(old) => victim.replace_parent(old),
        None => None,
    };
    let released = match surplus {
        // Short of `release_caught`, for what is nearly always so.
        Some(surplus) if surplus.refs.get() > 1 => {
            surplus.refs.set(surplus.refs.get() - 1);
            None
        }
        // SAFETY: the parent field owned it, or this function did.
        Some(surplus) => unsafe { release_caught::<V, E>(surplus) },
        None => None,
    };
    match released {
        Some(payload) => {
            panic::discard(result);
            Err(payload)
        }
        None => result,
    }
}
