//! Every transfer with something rare about it. One pair of functions, `depart` and `arrive`, does all of them.
//!
//! The order of an arrival is part of the language: what was sent is moved out of the sender's frame; the tracer
//! hears of it; the origin's reference is released, which may free it, or kill it and so run other greenlets; then
//! that of the target of a pending `up`; kills that were asked for from elsewhere are settled; then the transfer returns. No step may be moved: any of the later ones can resume or free the sender.

use super::word;
use crate::arch::{self, Landing};
use crate::block::{BARE, BlockPtr, DEAD, ENDED};
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::handle::Greenlet;
use crate::here::{ASKED, UNREF};
use crate::overflow;
use crate::panic::{self, Held, Payload};
use crate::references::{release, release_caught};
use crate::thrown::{Outcome, Refusal, Sent, Thrown};
use crate::trace::trace;
use crate::tree::Tree;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, replace};

/// What a slow departure leaves on its own stack for whoever goes on.
pub(super) struct Packet<V, E> {
    /// The greenlet that left; the packet owns a reference to it.
    pub(super) origin: BlockPtr,
    pub(super) what: ManuallyDrop<Arrival<V, E>>,
}

/// What arrives: an outcome; or a panic that goes on in whoever it arrives in.
pub(crate) type Arrival<V, E> = Result<Outcome<V, E>, Payload>;

/// The outcome; a panic goes on here, on the stack of the caller.
pub(crate) fn surface<V, E>(arrival: Arrival<V, E>) -> Outcome<V, E> {
    match arrival {
        Ok(outcome) => outcome,
        Err(payload) => panic::resume(payload),
    }
}

/// Sends to the greenlet that the caller named; returns what is sent back.
///
/// # Safety
///
/// `named` exists, and belongs to a tree with values `V` and errors `E`. It is not looked at when somebody else has run.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send<V: 'static, E: 'static>(named: BlockPtr, sent: Sent<V, E>) -> Outcome<V, E> {
    if !named.has(ENDED)
        && let Some(refusal) = named.here().refuses()
    {
        return Err(Thrown::Refused(refusal, Some(sent)));
    }
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(named);
    // SAFETY: the same contract.
    surface(unsafe { exchange(named, sent) })
}

/// [`send`] from `me` to its parent, to which a pin refers until this returns: the next arrival in `me` takes it. So does the end of the
/// tree, for one that refuses to end: what lies on its stack is never given up.
///
/// # Safety
///
/// `me` is the current greenlet, not main, of a tree with values `V` and errors `E`; `to` is its parent.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send_up<V: 'static, E: 'static>(me: BlockPtr, to: BlockPtr, sent: Sent<V, E>) -> Outcome<V, E> {
    me.pin(to.retain());
    let pinned = Pinned::<V, E>(me, PhantomData);
    // SAFETY: referred to by the pin.
    let back = Held::new(unsafe { send::<V, E>(to, sent) });
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference is ours, as nothing has arrived; the tree is one of `V` and `E`.
        unsafe { release::<V, E>(target) };
    }
    drop(pinned);
    back.into_inner()
}

/// Releases the pin of a greenlet by which a panic passes before anything has arrived.
struct Pinned<V: 'static, E: 'static>(BlockPtr, PhantomData<(V, E)>);

impl<V: 'static, E: 'static> Drop for Pinned<V, E> {
    fn drop(&mut self) {
        if let Some(target) = self.0.take_pin() {
            // SAFETY: the pin's reference is ours; the tree is one of `V` and `E`.
            panic::discard(unsafe { release_caught::<V, E>(target) });
        }
    }
}

/// [`send`], with a panic that comes back in the caller's hands.
///
/// # Safety
///
/// As for [`send`].
pub(crate) unsafe fn exchange<V: 'static, E: 'static>(named: BlockPtr, sent: Sent<V, E>) -> Arrival<V, E> {
    if named.has(ENDED) {
        return Ok(Err(Thrown::Refused(Refusal::Ended, Some(sent))));
    }
    // SAFETY: the tree has not ended, so this is code that it runs.
    let from = unsafe { named.here().current() };
    overflow::check_whole::<V, E>(from);
    let what = match sent.into_outcome() {
        Err(Thrown::Exit(value)) if named.has(DEAD) => Ok(value),
        what => what,
    };
    let target = first_not_dead(named);
    if target.has(BARE) {
        drop(what); // the sender's own value: its destructor may do what it likes
        return Ok(Err(Thrown::NoRun));
    }
    // SAFETY: the target is not dead and can start. It is `named`, which exists, or an ancestor, which its children's parent fields
    // refer to; nobody else ran since it was found.
    unsafe { depart(from, target, Ok(what)) }
}

/// [`send`] of a value by the last handle to a greenlet, which is given up before control leaves: the target runs without a
/// reference then, as if it had dropped the last one itself.
#[cold]
#[inline(never)]
pub(super) fn send_with_last<V: 'static, E: 'static>(last: Greenlet<V, E>, value: V) -> Outcome<V, E> {
    let named = last.block();
    // Held: what is dropped here may panic.
    let (mut to, value) = (Held::new(last), Held::new(value));
    if named.has(ENDED) {
        return given_up(to, Refusal::Ended, value);
    }
    if let Some(refusal) = named.here().refuses() {
        return given_up(to, refusal, value);
    }
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(named);
    // SAFETY: the tree has not ended, so this is code that it runs.
    let from = unsafe { named.here().current() };
    overflow::check_whole::<V, E>(from);
    while to.block().has(DEAD) {
        // Referred to before the dead one is freed: what was kept for that one is dropped, and may do anything.
        // SAFETY: counted here; of the same tree.
        let next = Held::new(unsafe { Greenlet::from_block(first_not_dead(to.block()).retain()) });
        drop(replace(&mut to, next).into_inner());
    }
    if to.block().has(BARE) {
        drop(value.into_inner());
        drop(to.into_inner());
        return Err(Thrown::NoRun);
    }
    let what = Ok(Ok(value.into_inner()));
    if to.block() == from {
        drop(to.into_inner());
        // SAFETY: current.
        return surface(unsafe { trace(from, from, what) });
    }
    let packet = Packet { origin: from.retain(), what: ManuallyDrop::new(what) };
    let to = ManuallyDrop::new(to.into_inner()).block();
    take_over(to);
    // Not by a release, which would free one that has not started.
    to.refs.set(to.refs.get() - 1);
    if to.refs.get() == 0 {
        to.here().set_slow(UNREF);
    }
    // SAFETY: `from` runs. `to` is suspended or fresh, and current from here on. The packet stays on this stack, which stands still
    // until it is read.
    let landing = unsafe { arch::send(from.context(), to.context(), (&raw const packet).cast()) };
    // SAFETY: this is the arrival.
    surface(unsafe { land(landing) })
}

/// The refusal, when the handle was given up in any case: its greenlet may end by that.
fn given_up<V: 'static, E: 'static>(to: Held<Greenlet<V, E>>, why: Refusal, value: Held<V>) -> Outcome<V, E> {
    drop(to.into_inner());
    Err(Thrown::Refused(why, Some(Sent::Value(value.into_inner()))))
}

/// `named`, or the nearest of its ancestors that is not dead. Main never is.
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

/// Leaves `from`, which runs, for `to`; returns when somebody switches back.
///
/// # Safety
///
/// `to` is not dead, can start, and exists until control is there. Both are of a tree of `V` and `E` that is entered.
unsafe fn depart<V: 'static, E: 'static>(from: BlockPtr, to: BlockPtr, what: Arrival<V, E>) -> Arrival<V, E> {
    if from == to {
        // SAFETY: `to` is current, and refers to itself by that.
        return unsafe { trace(from, to, what) };
    }
    let packet = Packet { origin: from.retain(), what: ManuallyDrop::new(what) };
    take_over(to);
    // SAFETY: `from` runs. `to` is suspended or fresh. The packet stays on this stack, which stands still until it is read.
    let landing = unsafe { arch::send(from.context(), to.context(), (&raw const packet).cast()) };
    // SAFETY: this is the arrival.
    unsafe { land(landing) }
}

/// Receives what comes with control, whether it departed fast or slowly.
///
/// # Safety
///
/// `landing` has just come from a switch in a tree of `V` and `E`, and is received once.
#[inline]
pub(super) unsafe fn land<V: 'static, E: 'static>(landing: Landing) -> Arrival<V, E> {
    match landing.received() {
        // SAFETY: the word is a packed `V`.
        Ok(word) => Ok(Ok(unsafe { word::unpack(word) })),
        // SAFETY: the packet is a `Packet<V, E>`.
        Err(packet) => unsafe { unwrap(packet) },
    }
}

/// Makes `to` the current greenlet, to receive a packet. The origin is counted by that now, so that it is no more a matter of the
/// core's.
pub(super) fn take_over(to: BlockPtr) {
    #[cfg(feature = "abandon")]
    Busy::of_receiver(to);
    let here = to.here();
    here.clear_slow(UNREF);
    here.set_current(to);
}

/// Receives a packet at the end of a fast departure.
///
/// # Safety
///
/// As for [`unwrap`].
#[cold]
#[inline(never)]
pub(super) unsafe fn arrive<V: 'static, E: 'static>(packet: *const ()) -> Outcome<V, E> {
    // SAFETY: the same contract.
    surface(unsafe { unwrap(packet) })
}

/// Receives a packet: see the order above.
///
/// # Safety
///
/// `packet` is a `Packet<V, E>` that was sent to the current greenlet just now, and is received once.
pub(super) unsafe fn unwrap<V: 'static, E: 'static>(packet: *const ()) -> Arrival<V, E> {
    // SAFETY: the sender's stack stands still, and the packet is read once.
    let Packet { origin, what } = unsafe { packet.cast::<Packet<V, E>>().read() };
    // SAFETY: as a greenlet of the tree runs here, the tree is entered.
    let me = unsafe { origin.here().current() };
    #[cfg(feature = "abandon")]
    let _busy = Busy::received(me);
    // SAFETY: `me` is current, the packet refers to the origin, the tree is one of `V` and `E`.
    let what = unsafe { trace(origin, me, ManuallyDrop::into_inner(what)) };
    // SAFETY: the packet's reference is ours.
    let mut panicked = unsafe { release_caught::<V, E>(origin) };
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference is ours.
        panicked = panic::last(panicked, unsafe { release_caught::<V, E>(target) });
    }
    if me.here().slow() & ASKED != 0 && me.here().settler() != me.as_ptr() {
        // SAFETY: the tree is one of `V` and `E`, and entered.
        panicked = panic::last(panicked, unsafe { settle_kills::<V, E>(me) });
    }
    match panicked {
        Some(payload) => lost_to(payload, what),
        None => what,
    }
}

/// Settles kills that were asked for from elsewhere, if this program asks for any. Returns the panic of user code that ran meanwhile.
///
/// # Safety
///
/// `me` is the current greenlet, of a tree of `V` and `E`.
#[cold]
#[inline(never)]
unsafe fn settle_kills<V: 'static, E: 'static>(me: BlockPtr) -> Option<Payload> {
    // SAFETY: as a greenlet of the tree runs here, the tree is entered.
    let Some(settle) = unsafe { Tree::<V, E>::of(me) }.settle.get() else {
        me.here().clear_slow(ASKED); // set late, for a request to another tree
        return None;
    };
    // SAFETY: the tree is one of `V` and `E`, and entered.
    panic::catch(|| unsafe { settle(me) }).err()
}

/// A panic arrives in the place of `what`.
pub(crate) fn lost_to<V, E>(payload: Payload, what: Arrival<V, E>) -> Arrival<V, E> {
    panic::discard(what);
    Err(payload)
}
