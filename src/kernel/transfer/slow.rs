//! The slow path: all throws and kills, and every switch that fails the test of the fast path.
//!
//! [`depart`] leaves a packet on the sender's stack and switches. The receiver opens it: see
//! [`arrival`](super::arrival).
//!
//! What is sent is moved from the place of the sender to that of the receiver, and is never passed by value. Otherwise
//! each frame of an arrival would contain an outcome, and these frames have to fit into the least stack.

use super::arrival::{Arrived, Delivery, Packet, Place, open_packet, receive_own, receive_unopened, replace_by_panic};
use super::word;
use crate::arch::{Isa, Native};
use crate::kernel::handle::Greenlet;
use crate::kernel::overflow;
use crate::kernel::references::release_caught;
use crate::kernel::thrown::{Sent, Thrown};
use crate::records::block::{BlockPtr, DEAD, ENDED, NO_BODY};
use crate::records::busy::Busy;
use crate::records::core_state::UNREF;
use crate::records::panic::{self, Held};
use crate::records::refusal::Refusal;
use core::mem::{ManuallyDrop, replace};
use core::ptr;

/// Sends what is in `place` to `named`, or to its nearest ancestor that is not dead. Writes what is sent back into
/// `place`.
///
/// # Safety
///
/// `named` exists, and belongs to a tree with values `V` and errors `E`. This does not use it after other code has run.
/// There is an outcome in `place`: a value, an error or an exit.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send<V: 'static, E: 'static>(named: BlockPtr, place: &mut Place<V, E>) {
    // SAFETY: the same contract.
    if let Err(payload) = unsafe { send_caught(named, place, Work::Done) } {
        panic::resume(payload);
    }
}

/// Whether the caller of a departure has work left to do after it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Work {
    /// A panic of user code is caught, and returned to the caller.
    Pending,
    /// A panic of user code may unwind through the caller.
    Done,
}

/// As [`send`], but if a panic is delivered, returns its payload instead of resuming the panic.
///
/// # Safety
///
/// As for [`send`].
#[inline(always)]
unsafe fn send_caught<V: 'static, E: 'static>(named: BlockPtr, place: &mut Place<V, E>, work: Work) -> Delivery {
    let refusal = if named.has(ENDED) { Some(Refusal::Ended) } else { named.core().refuses() };
    if let Some(refusal) = refusal {
        // SAFETY: the same contract.
        unsafe { refuse(refusal, place) };
        return Ok(());
    }
    let _busy = Busy::in_tree_of(named);
    // SAFETY: the same contract, and the tree has not ended.
    unsafe { exchange(named, place, work) }
}

/// Replaces what was to be sent by a refusal, which gives it back with the reason.
///
/// # Safety
///
/// As for [`send`].
#[cold]
#[inline(never)]
unsafe fn refuse<V, E>(refusal: Refusal, place: &mut Place<V, E>) {
    // SAFETY: by the contract. It is moved out, and something else is written there.
    let sent = match unsafe { place.assume_init_read() } {
        Ok(value) => Some(Sent::Value(value)),
        Err(Thrown::Error(error)) => Some(Sent::Error(error)),
        Err(Thrown::Exit(value)) => Some(Sent::Exit(value)),
        Err(_) => None,
    };
    place.write(Err(Thrown::Refused(refusal, sent)));
}

/// Sends from `me` to its parent, as [`send`]. A pin keeps the parent alive. It is released by the next arrival in
/// `me`; by this function, if the transfer is refused; and by the end of the tree, if `me` is never resumed.
///
/// # Safety
///
/// As for [`send`]. `me` is the current greenlet, not main, of a tree with the types `V` and `E`; `to` is its parent.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send_up<V: 'static, E: 'static>(me: BlockPtr, to: BlockPtr, place: &mut Place<V, E>) {
    me.pin(to.retain());
    // SAFETY: the same contract; the pin owns a reference to `to`.
    let mut delivered = unsafe { send_caught::<V, E>(to, place, Work::Pending) };
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference now belongs to this function; the tree has the types `V` and `E`.
        if let Some(payload) = unsafe { release_caught::<V, E>(target) } {
            // SAFETY: if an outcome was delivered, it is still there.
            delivered = unsafe { replace_by_panic(payload, place, delivered) };
        }
    }
    if let Err(payload) = delivered {
        panic::resume(payload);
    }
}

/// As [`send`] in a tree that has not ended. But if a panic is delivered, returns its payload; and refuses nothing,
/// because a kill must succeed while interrupts are masked, too.
///
/// # Safety
///
/// As for [`send`]; and the tree is entered.
#[inline(always)]
pub(crate) unsafe fn exchange<V: 'static, E: 'static>(
    named: BlockPtr,
    place: &mut Place<V, E>,
    work: Work,
) -> Delivery {
    // SAFETY: the tree is entered, so the caller runs inside it.
    overflow::check_whole::<V, E>(unsafe { named.core().current() });
    // SAFETY: the same contract.
    match unsafe { depart(named, place, work) } {
        Arrived::Received(delivered) => delivered,
        // SAFETY: the packet has just arrived, and is received once.
        Arrived::Packet(packet) => unsafe { open_packet(packet, place) },
    }
}

/// The departure of [`exchange`]. It is a function of its own, so that its frame is gone when the code of the arrival
/// runs, which may run other greenlets.
///
/// # Safety
///
/// As for [`exchange`].
#[inline(never)]
unsafe fn depart<V: 'static, E: 'static>(named: BlockPtr, place: &mut Place<V, E>, work: Work) -> Arrived {
    // SAFETY: the tree is entered, so the caller runs inside it.
    let from = unsafe { named.core().current() };
    let mut to = named;
    if named.has(DEAD) {
        // SAFETY: the caller's contract.
        unsafe { make_value_of_exit(place) };
        to = first_not_dead(named);
    }
    if to.has(NO_BODY) {
        // SAFETY: the caller's contract.
        return Arrived::Received(unsafe { drop_undeliverable(place, work) });
    }
    if from == to {
        // SAFETY: `to` is current, and the current greenlet exists.
        return Arrived::Received(unsafe { receive_own(to, place) });
    }
    set_current_for_packet(to);
    // SAFETY: `from` is running. `to` is suspended or unstarted, being neither dead nor bare. It is `named`, which
    // exists, or an ancestor, which its child's parent field keeps alive; no other code has run since it was found.
    unsafe { leave_with_packet(from, to, place) }
}

/// Leaves `from` for `to` with what is in the place, in a packet. The place and the packet are on this stack, which
/// does not change until the receiver has read them. Returns when a value has been received into the place, or a packet
/// has arrived, which the caller opens.
///
/// # Safety
///
/// `from` is running, and `to` suspended or unstarted. The tree is one of `V` and `E`.
#[inline(always)]
unsafe fn leave_with_packet<V: 'static, E: 'static>(from: BlockPtr, to: BlockPtr, place: &mut Place<V, E>) -> Arrived {
    // The pointer is derived from `place`, which this function uses again only after the receiver has used the pointer.
    let packet = ManuallyDrop::new(Packet { origin: from.retain(), what: place.as_ptr(), panic: None });
    let (from, to, packet) = (from.context(), to.context(), (&raw const packet).cast());
    if const { word::is_wide::<V>() } {
        // SAFETY: the caller's contract.
        let landing = unsafe { Native::wide_switch_with_packet(from, to, packet) };
        // SAFETY: `landing` comes from this switch, and is received once.
        return unsafe { receive_unopened(landing, place) };
    }
    // SAFETY: the caller's contract.
    let landing = unsafe { Native::switch_with_packet(from, to, packet) };
    // SAFETY: `landing` comes from this switch, and is received once.
    unsafe { receive_unopened(landing, place) }
}

/// Drops what was to be sent to a greenlet without a body, and delivers [`Thrown::NoRun`] to the sender in its place.
///
/// # Safety
///
/// There is an outcome in `place`.
#[cold]
#[inline(never)]
unsafe fn drop_undeliverable<V, E>(place: &mut Place<V, E>, work: Work) -> Delivery {
    // The departure has changed nothing yet, so the destructor may switch, spawn or panic.
    // SAFETY: by the contract, and another outcome is written.
    let mut drop = || unsafe { place.assume_init_drop() };
    let dropped = match work {
        Work::Pending => panic::catch(drop),
        Work::Done => {
            drop();
            Ok(())
        }
    };
    place.write(Err(Thrown::NoRun));
    dropped
}

/// Turns an exit that was sent to a dead greenlet into a value.
///
/// # Safety
///
/// There is an outcome in `place`.
#[cold]
#[inline(never)]
unsafe fn make_value_of_exit<V, E>(place: &mut Place<V, E>) {
    // SAFETY: by the contract; it is moved out, and written again.
    let what = match unsafe { place.assume_init_read() } {
        Err(Thrown::Exit(value)) => Ok(value),
        what => what,
    };
    place.write(what);
}

/// Sends the value in `place` to the greenlet of `last`, and releases that handle, the only reference, before the
/// switch. The target then runs without a reference, as if it had dropped the last one itself. Writes what is sent back
/// into `place`.
///
/// # Safety
///
/// There is a value in `place`.
#[cold]
#[inline(never)]
pub(super) unsafe fn send_with_last<V: 'static, E: 'static>(last: Greenlet<V, E>, place: &mut Place<V, E>) {
    let named = last.block();
    let refusal = if named.has(ENDED) { Some(Refusal::Ended) } else { named.core().refuses() };
    // If a panic unwinds through here, the handle and the value are discarded: the drops below may panic.
    let mut to = Held::new(last);
    let sent = Unsent(place);
    if let Some(refusal) = refusal {
        drop(to.into_inner());
        // SAFETY: there is still a value.
        return unsafe { refuse(refusal, sent.into_place()) };
    }
    let _busy = Busy::in_tree_of(named);
    // SAFETY: the tree has not ended, so the caller runs inside it.
    let from = unsafe { named.core().current() };
    overflow::check_whole::<V, E>(from);
    while to.block().has(DEAD) {
        // Counted before the dead greenlet is freed: that drops its local values, whose destructors may run any code.
        // SAFETY: the reference is counted here; an ancestor is of the same tree.
        let next = Held::new(unsafe { Greenlet::from_block(first_not_dead(to.block()).retain()) });
        drop(replace(&mut to, next).into_inner());
    }
    if to.block().has(NO_BODY) {
        let place = sent.into_place();
        // SAFETY: there is still a value, and something else is written.
        unsafe { place.assume_init_drop() };
        drop(to.into_inner());
        place.write(Err(Thrown::NoRun));
        return;
    }
    let delivered = if to.block() == from {
        drop(to.into_inner());
        // SAFETY: `from` is current.
        unsafe { receive_own(from, sent.into_place()) }
    } else {
        let place = sent.into_place();
        let to = ManuallyDrop::new(to.into_inner()).block();
        set_current_for_packet(to);
        // Decremented by hand, because `release` would free a target that has not started.
        to.refs.set(to.refs.get() - 1);
        if to.refs.get() == 0 {
            to.core().set_slow(UNREF);
        }
        // SAFETY: `from` is running. `to` is suspended or unstarted, and current from here on.
        match unsafe { leave_with_packet(from, to, place) } {
            Arrived::Received(delivered) => delivered,
            // SAFETY: the packet has just arrived, and is received once.
            Arrived::Packet(packet) => unsafe { open_packet(packet, place) },
        }
    };
    if let Err(payload) = delivered {
        panic::resume(payload);
    }
}

/// An outcome that is not sent yet. If a panic unwinds through its owner, it is discarded.
struct Unsent<'a, V, E>(&'a mut Place<V, E>);

impl<'a, V, E> Unsent<'a, V, E> {
    fn into_place(self) -> &'a mut Place<V, E> {
        let place = ptr::from_mut(ManuallyDrop::new(self).0);
        // SAFETY: `self` had this borrow, and is not used any more.
        unsafe { &mut *place }
    }
}

impl<V, E> Drop for Unsent<'_, V, E> {
    fn drop(&mut self) {
        // SAFETY: it is still there.
        unsafe { panic::discard_in(self.0) };
    }
}

/// Returns `named`, or its nearest ancestor that is not dead. Main is not dead as long as its tree is entered.
pub(super) fn first_not_dead(named: BlockPtr) -> BlockPtr {
    let mut target = named;
    while target.has(DEAD) {
        match target.parent() {
            Some(parent) => target = parent,
            None => unreachable!("a dead greenlet has a parent until it is freed"),
        }
    }
    target
}

/// Makes `to` the current greenlet, to which a packet is about to be sent. The packet owns a reference to the origin,
/// so the core's [`UNREF`] bit is cleared. The arrival is [counted for `to`](Busy::of_receiver) here, before it runs.
pub(super) fn set_current_for_packet(to: BlockPtr) {
    Busy::of_receiver(to);
    let core = to.core();
    core.clear_slow(UNREF);
    core.set_current(to);
}
