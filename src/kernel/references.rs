//! Releasing references, and what follows when the last reference to a greenlet is released.
//!
//! - An *unstarted or dead* greenlet is freed: its stack returns to its pool, and the reference to its parent is
//!   released next, and so on up the tree, in a loop.
//! - A *suspended* greenlet is killed at once, inside the `Drop` that released it: the current greenlet stands in as
//!   its parent, an exit is thrown into it, and control returns. A value that it sends is dropped; an error is passed
//!   to the tree's `on_unraisable`. Then the old parent is restored. If the greenlet is alive and unreferenced after
//!   that, it is leaked: it keeps its stack, and `on_leak` is called with it. In an ended tree it is not killed. While
//!   an overflow is reported or the process exits, it is leaked without a kill.
//! - The *current* greenlet continues. The core's `UNREF` bit makes its next departure slow; the packet then owns the
//!   only reference, and the receiver releases that.
//!
//! User code runs here: destructors of unstarted bodies and of values, hooks, whole greenlets. At each of these calls
//! no borrow is held and every data structure is consistent. State is read again afterwards, because the call may have
//! changed it. If several calls panic, the last panic is returned and the earlier ones are discarded.

use crate::kernel::body;
use crate::kernel::handle::Greenlet;
use crate::kernel::thrown::Thrown;
use crate::kernel::transfer::arrival::{Delivery, Place, replace_by_panic};
use crate::kernel::transfer::slow::{self, Work};
use crate::kernel::tree::Tree;
use crate::records::attached;
use crate::records::block::{ABANDONED, BlockPtr, DEAD, ENDED};
use crate::records::busy::Busy;
use crate::records::core_state::UNREF;
use crate::records::paint;
use crate::records::panic::{self, Payload};
use crate::records::pool;
use core::mem::{ManuallyDrop, MaybeUninit};

/// Releases one reference to `block`, and does everything that follows from that. If user code panics meanwhile, the
/// work is finished first, and the panic is then resumed.
///
/// # Safety
///
/// The caller owns the reference that this releases. The greenlet is of a tree of `V` and `E`.
pub(crate) unsafe fn release<V: 'static, E: 'static>(block: BlockPtr) {
    // SAFETY: the same contract.
    if let Some(payload) = unsafe { release_caught::<V, E>(block) } {
        panic::resume(payload);
    }
}

/// As [`release`], but returns the panic instead of resuming it.
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
            // SAFETY: it is unreferenced, and not current: no unstarted or dead greenlet is.
            unsafe { free(block) }
        } else if block.has(ENDED) {
            break; // suspended in an ended tree: it is never resumed, and keeps its stack
        } else if block.core().current_ptr() == block.as_ptr() {
            block.core().set_slow(UNREF);
            break;
        } else {
            // SAFETY: it is suspended and unreferenced; its tree is entered, and has the types `V` and `E`.
            unsafe { kill_lost::<V, E>(block) }
        };
        panicked = panic::last(panicked, panic);
        next = parent;
    }
    panicked
}

/// Decrements the reference count. Returns whether that was the last reference.
fn uncount(block: BlockPtr) -> bool {
    let refs = block.refs.get() - 1;
    block.refs.set(refs);
    refs == 0
}

/// Frees an unstarted or dead greenlet: takes it out of the tree, drops its body, and releases its slot. Returns its
/// parent, with the reference that the parent field owned, and the panic of a destructor, if there was one.
///
/// # Safety
///
/// `block` is unreferenced, and not current.
#[cfg_attr(small, inline(never))] // one copy
unsafe fn free(block: BlockPtr) -> (Option<BlockPtr>, Option<Payload>) {
    // Taken out first, so that the user code that `strip` runs cannot reach it by a walk of the tree.
    let parent = block.parent();
    block.leave_ring();
    // At opt-level `s` and `z` there is one way.
    if !cfg!(small) && !block.has(ENDED) && owns_only_stack(block) && block.id.forget_unasked() {
        paint::keep(block);
        // SAFETY: as in `free_slowly`, while the tree runs.
        unsafe { pool::release(block, false) };
        return (parent, None);
    }
    // SAFETY: the same contract; it is out of the ring.
    (parent, unsafe { free_slowly(block) })
}

/// Whether a greenlet that is being freed owns nothing but its stack, which may be used again.
#[inline]
fn owns_only_stack(block: BlockPtr) -> bool {
    !(block.has(ABANDONED) || block.has_body_or_pin() || attached::is_attached(block))
}

/// What [`free`] does besides, in the general case.
///
/// # Safety
///
/// `block` is unreferenced, not current, and out of the ring.
#[cfg_attr(not(small), cold)]
#[cfg_attr(not(small), inline(never))]
unsafe fn free_slowly(block: BlockPtr) -> Option<Payload> {
    // First, so that user code cannot reach it by a weak handle.
    let is_linked = block.id.forget();
    block.note_lists(is_linked && !block.has(ENDED));
    // SAFETY: the caller's contract.
    let panicked = if owns_only_stack(block) { None } else { unsafe { strip(block) } };
    paint::keep(block);
    if block.has(ABANDONED) {
        // Pointers to its frames may exist, so its stack is never released. It is counted like the stack of a greenlet
        // that outlives its tree.
        if !block.has(ENDED) {
            block.home.get().count_out_of_tree();
        }
        return panicked;
    }
    // SAFETY: it is unreferenced, and only this function and `free` release stacks, so none is released twice. While
    // the tree runs, this is its core, which owns the pool, so the unsynchronised free list may be used. After the end
    // of the tree another core may own the pool; the second argument selects the atomic list then.
    unsafe { pool::release(block, block.has(ENDED)) };
    panicked
}

/// Drops what a greenlet that is being freed owns: its body, its context and its local values. Returns the last panic
/// of their destructors.
///
/// # Safety
///
/// `block` is unreferenced.
unsafe fn strip(block: BlockPtr) -> Option<Payload> {
    let mut panicked = panic::catch(|| body::drop_body(block)).err();
    while attached::is_attached(block) {
        // SAFETY: the caller's contract. A panic concerns one value; the loop drops the others as well.
        panicked = panic::last(panicked, panic::catch(|| unsafe { attached::detach(block) }).err());
    }
    panicked
}

/// Kills a suspended greenlet that is unreferenced. If it is dead and unreferenced after that, frees it and returns its
/// parent, as [`free`] does. Also returns the last panic of the user code that ran.
///
/// # Safety
///
/// `victim` is suspended and unreferenced, and its tree is entered, and has the types `V` and `E`.
#[cold]
unsafe fn kill_lost<V: 'static, E: 'static>(victim: BlockPtr) -> (Option<BlockPtr>, Option<Payload>) {
    victim.refs.set(1); // this kill's own reference
    if victim.core().stopped().is_some() {
        victim.leak(); // no greenlet of the tree may be resumed any more, so it cannot be killed
        return (None, None);
    }
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(victim) };
    let mut place = MaybeUninit::uninit();
    let exit = write_exit(tree, &mut place);
    if victim.refs.get() > 1 {
        // The exit function made a handle from a weak one: the greenlet is referenced again, and is not killed.
        let last = uncount(victim);
        debug_assert!(!last, "others refer to it");
        // SAFETY: there is an exit in `place`, unless the exit function panicked.
        let panicked = exit.and_then(|()| panic::catch(|| unsafe { place.assume_init_drop() })).err();
        return (None, panicked);
    }
    // SAFETY: this kill owns a reference to the victim, and there is no other. So it is not main, to which the tree
    // owns one, and no ancestor of the current greenlet, to which a child owns one.
    let mut panicked = unsafe { kill_discarding::<V, E>(victim, &mut place, exit) };
    if victim.has(DEAD) || victim.refs.get() > 1 {
        // SAFETY: if this releases the last reference, the victim is dead, by the condition above; a dead one is not
        // current.
        let (parent, panic) = if uncount(victim) { unsafe { free(victim) } } else { (None, None) };
        return (parent, panic::last(panicked, panic));
    }
    victim.leak(); // keeps this kill's reference
    // SAFETY: the reference counted here keeps the victim alive during the hook, which may still end it.
    let leaked = ManuallyDrop::new(unsafe { Greenlet::from_block(victim.retain()) });
    panicked = panic::last(panicked, panic::catch(|| (tree.leak)(&leaked)).err());
    // SAFETY: this is the reference that was counted for the hook.
    let released = unsafe { release_caught::<V, E>(victim) };
    (None, panic::last(panicked, released))
}

/// Writes an exit of `tree` into `place`; or returns the panic of the exit function, and writes nothing.
#[inline(never)]
pub(crate) fn write_exit<V: 'static, E: 'static>(tree: &Tree<V, E>, place: &mut Place<V, E>) -> Delivery {
    panic::catch(|| _ = place.write(Err(Thrown::Exit((tree.exit)()))))
}

/// Throws the exit in `place` into `victim`, as [`kill_as_parent`] does, and discards what comes back: a value is
/// dropped, an error is passed to the tree's `on_unraisable`. `exit` is the result of [`write_exit`]: if that was a
/// panic, nothing is thrown, and the panic is returned. Afterwards nothing in `place` needs to be dropped.
///
/// # Safety
///
/// As for [`kill_as_parent`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn kill_discarding<V: 'static, E: 'static>(
    victim: BlockPtr,
    place: &mut Place<V, E>,
    exit: Delivery,
) -> Option<Payload> {
    if let Err(payload) = exit {
        return Some(payload);
    }
    // SAFETY: the same contract; what came back from the victim is in `place`.
    let report = |place: &mut Place<V, E>| unsafe { report::<V, E>(victim, place) };
    // SAFETY: the same contract.
    unsafe { kill_as_parent(victim, place, report) }.err()
}

/// Discards what came back from `victim`, which was killed; writes an outcome that owns nothing instead. Returns the
/// panic of user code that ran for this.
///
/// # Safety
///
/// There is an outcome in `place`. The caller has a reference to the victim; the tree has the types `V` and `E`, and is
/// entered.
#[inline(never)]
unsafe fn report<V: 'static, E: 'static>(victim: BlockPtr, place: &mut Place<V, E>) -> Delivery {
    // SAFETY: the caller's contract.
    let reported = panic::catch(|| unsafe { consume::<V, E>(victim, place) });
    clear(place);
    reported
}

/// Writes an outcome that owns nothing.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
fn clear<V, E>(place: &mut Place<V, E>) {
    place.write(Err(Thrown::NoRun));
}

/// Drops a value in `place`, or passes an error or exit there to the tree's `on_unraisable`.
///
/// # Safety
///
/// As for [`report`]; afterwards nothing is in `place`.
unsafe fn consume<V: 'static, E: 'static>(victim: BlockPtr, place: &mut Place<V, E>) {
    // SAFETY: by the contract.
    if unsafe { place.assume_init_ref() }.is_ok() {
        // SAFETY: the same.
        unsafe { place.assume_init_drop() }
    } else {
        // SAFETY: the same.
        unsafe { report_error::<V, E>(victim, place) }
    }
}

/// Passes what is in `place`, an error, to the tree's `on_unraisable`.
///
/// # Safety
///
/// As for [`consume`].
#[cold]
#[inline(never)]
unsafe fn report_error<V: 'static, E: 'static>(victim: BlockPtr, place: &mut Place<V, E>) {
    // SAFETY: by the contract; it is moved out.
    let Err(thrown) = (unsafe { place.assume_init_read() }) else { return };
    // SAFETY: the tree is entered.
    let tree = unsafe { Tree::<V, E>::of(victim) };
    // SAFETY: the caller's reference keeps the victim alive during the hook; this handle is not dropped.
    let victim = ManuallyDrop::new(unsafe { Greenlet::from_block(victim) });
    (tree.unraisable)(&victim, thrown);
}

/// Throws what is in `place` into `victim` while the current greenlet stands in as its parent; calls `then` with what
/// comes back; then restores the old parent, overwriting any change made meanwhile, unless that would make a cycle.
///
/// If user code panics, all this is finished first, and the panic is then returned.
///
/// # Safety
///
/// The caller owns a reference to `victim`, which is neither main nor an ancestor of the current greenlet, and is of a
/// tree of `V` and `E` that is entered. There is an outcome in `place`, now and when `then` is called;
/// `then` leaves one there.
pub(crate) unsafe fn kill_as_parent<V: 'static, E: 'static>(
    victim: BlockPtr,
    place: &mut Place<V, E>,
    then: impl FnOnce(&mut Place<V, E>) -> Delivery,
) -> Delivery {
    let _busy = Busy::in_tree_of(victim);
    // SAFETY: the caller's contract.
    let old = unsafe { stand_in(victim) };
    // SAFETY: the caller's reference keeps the victim alive.
    let mut delivered = unsafe { slow::exchange(victim, place, Work::Pending) };
    if delivered.is_ok() {
        delivered = then(place);
    }
    // SAFETY: the reference is the one that the parent field owned.
    match unsafe { stand_down::<V, E>(victim, old) } {
        // SAFETY: if an outcome was delivered, one is there.
        Some(payload) => unsafe { replace_by_panic(payload, place, delivered) },
        None => delivered,
    }
}

/// Makes the current greenlet the parent of `victim`. Returns the old parent, with the reference of the parent field.
///
/// # Safety
///
/// The tree of `victim` is entered.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn stand_in(victim: BlockPtr) -> Option<BlockPtr> {
    // SAFETY: the tree is entered.
    let me = unsafe { victim.core().current() };
    let old = victim.replace_parent(me.retain());
    victim.core().kill_begins();
    old
}

/// Makes `old` the parent of `victim` again; releases its present parent. Returns the panic of user code that ran for
/// this.
///
/// # Safety
///
/// The caller owns the reference to `old`. The tree has the types `V` and `E`, and is entered.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn stand_down<V: 'static, E: 'static>(victim: BlockPtr, old: Option<BlockPtr>) -> Option<Payload> {
    victim.core().kill_ends();
    let surplus = match old {
        // The victim has become an ancestor of its old parent meanwhile: restoring that would make a cycle.
        Some(old) if victim.is_above(old) => Some(old),
        Some(old) => victim.replace_parent(old),
        None => None,
    };
    match surplus {
        // The usual case, without a call: this is not the last reference.
        Some(surplus) if surplus.refs.get() > 1 => {
            surplus.refs.set(surplus.refs.get() - 1);
            None
        }
        // SAFETY: the parent field owned this reference, which now belongs to this function.
        Some(surplus) => unsafe { release_caught::<V, E>(surplus) },
        None => None,
    }
}
