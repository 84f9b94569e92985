//! The slow path: all throws and kills, and every switch that fails the test of the fast path.
//!
//! [`depart`] leaves a packet on the sender's stack and switches. The receiver calls [`receive`] if it left by the slow
//! path, or starts, and [`receive_packet`] if it left by the fast path; both call [`open_packet`] for a packet.
//! `open_packet` does these steps in this order:
//!
//! 1. Move what was sent out of the sender's frame. This is first, because each later step may resume or free the
//!    sender.
//! 2. Call the tracer, which may replace what was sent, also by its own error or panic. The packet's reference keeps the origin alive for that.
//! 3. Release the packet's reference to the origin. This may free it, or kill it and so run other greenlets.
//! 4. Release the pin, if there is one: the reference to the target of the receiver's `up`.
//! 5. Settle kills that other cores or interrupt handlers requested, which runs other greenlets.
//!
//! Then the transfer returns. User code can run in steps 2 to 5, so programs can observe their order. If user code
//! panics in steps 3 to 5, the last panic replaces what was sent.

use super::word::{self, Packed};
use crate::arch::{Isa, Landing, Native};
use crate::kernel::handle::Greenlet;
use crate::kernel::overflow;
use crate::kernel::references::{release, release_caught};
use crate::kernel::thrown::{Outcome, Sent, Thrown};
use crate::kernel::trace::trace;
use crate::kernel::tree::Tree;
use crate::records::block::{BlockPtr, DEAD, ENDED, NO_BODY, SETTLING};
use crate::records::busy::Busy;
use crate::records::core_state::{ASKED, UNREF};
use crate::records::panic::{self, Held, Payload};
use crate::records::refusal::Refusal;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, replace};
use core::ptr;

/// The message of a slow departure to its receiver, on the stack of the greenlet that leaves.
pub(super) struct Packet<V, E> {
    /// The greenlet that left. The packet owns a reference to it.
    pub(super) origin: BlockPtr,
    /// What is delivered.
    pub(super) what: ManuallyDrop<Arrival<V, E>>,
}

/// What a transfer delivers: an outcome, or a panic to be resumed in the receiver.
pub(crate) type Arrival<V, E> = Result<Outcome<V, E>, Payload>;

/// Returns the outcome, or resumes the panic on the caller's stack.
pub(crate) fn resume_panic<V, E>(arrival: Arrival<V, E>) -> Outcome<V, E> {
    match arrival {
        Ok(outcome) => outcome,
        Err(payload) => panic::resume(payload),
    }
}

/// Sends to `named`, or to its nearest ancestor that is not dead; returns what is sent back.
///
/// # Safety
///
/// `named` exists, and belongs to a tree with values `V` and errors `E`. This does not use it after other code has run.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send<V: 'static, E: 'static>(named: BlockPtr, sent: Sent<V, E>) -> Outcome<V, E> {
    if !named.has(ENDED)
        && let Some(refusal) = named.core().refuses()
    {
        return Err(Thrown::Refused(refusal, Some(sent)));
    }
    let _busy = Busy::in_tree_of(named);
    // SAFETY: the same contract.
    resume_panic(unsafe { exchange(named, sent) })
}

/// [`send`] from `me` to its parent, which a pin keeps alive. The pin is released by the next arrival in `me`; by this
/// function, if the transfer is refused; and by the end of the tree, if `me` is never resumed.
///
/// # Safety
///
/// `me` is the current greenlet, not main, of a tree with the types `V` and `E`; `to` is its parent.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send_up<V: 'static, E: 'static>(me: BlockPtr, to: BlockPtr, sent: Sent<V, E>) -> Outcome<V, E> {
    me.pin(to.retain());
    let pinned = Pinned::<V, E>(me, PhantomData);
    // SAFETY: the pin owns a reference to it.
    let back = Held::new(unsafe { send::<V, E>(to, sent) });
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference now belongs to this function; the tree has the types `V` and `E`.
        unsafe { release::<V, E>(target) };
    }
    drop(pinned);
    back.into_inner()
}

/// Releases the pin of a greenlet if a panic passes before anything has arrived.
struct Pinned<V: 'static, E: 'static>(BlockPtr, PhantomData<(V, E)>);

impl<V: 'static, E: 'static> Drop for Pinned<V, E> {
    fn drop(&mut self) {
        if let Some(target) = self.0.take_pin() {
            // SAFETY: the pin's reference now belongs to this function; the tree has the types `V` and `E`.
            panic::discard(unsafe { release_caught::<V, E>(target) });
        }
    }
}

/// As [`send`], but returns a panic instead of resuming it, and refuses only if the tree has ended: a kill must get
/// through while interrupts are masked.
///
/// # Safety
///
/// As for [`send`].
pub(crate) unsafe fn exchange<V: 'static, E: 'static>(named: BlockPtr, sent: Sent<V, E>) -> Arrival<V, E> {
    if named.has(ENDED) {
        return Ok(Err(Thrown::Refused(Refusal::Ended, Some(sent))));
    }
    // SAFETY: the tree has not ended, so the caller runs inside it.
    let from = unsafe { named.core().current() };
    overflow::check_whole::<V, E>(from);
    let what = match sent.into_outcome() {
        Err(Thrown::Exit(value)) if named.has(DEAD) => Ok(value),
        what => what,
    };
    let target = first_not_dead(named);
    if target.has(NO_BODY) {
        drop(what); // nothing has changed yet, so the destructor may switch, spawn or panic
        return Ok(Err(Thrown::NoRun));
    }
    // SAFETY: the target is neither dead nor bare. It is `named`, which exists, or an ancestor, which its child's
    // parent field keeps alive; no other code has run since it was found.
    unsafe { depart(from, target, Ok(what)) }
}

/// Sends a value to the greenlet of `last`, and releases that handle, the only reference, before the switch. The target
/// then runs without a reference, as if it had dropped the last one itself.
#[cold]
#[inline(never)]
pub(super) fn send_with_last<V: 'static, E: 'static>(last: Greenlet<V, E>, value: V) -> Outcome<V, E> {
    let named = last.block();
    // `Held`, because the drops below may panic.
    let (mut to, value) = (Held::new(last), Held::new(value));
    if named.has(ENDED) {
        return given_up(to, Refusal::Ended, value);
    }
    if let Some(refusal) = named.core().refuses() {
        return given_up(to, refusal, value);
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
        drop(value.into_inner());
        drop(to.into_inner());
        return Err(Thrown::NoRun);
    }
    let what = Ok(Ok(value.into_inner()));
    if to.block() == from {
        drop(to.into_inner());
        // SAFETY: `from` is current.
        return resume_panic(unsafe { trace(from, from, what) });
    }
    let packet = Packet { origin: from.retain(), what: ManuallyDrop::new(what) };
    let to = ManuallyDrop::new(to.into_inner()).block();
    set_current_counted(to);
    // Decremented by hand, because `release` would free a target that has not started.
    to.refs.set(to.refs.get() - 1);
    if to.refs.get() == 0 {
        to.core().set_slow(UNREF);
    }
    // SAFETY: `from` is running. `to` is suspended or fresh, and current from here on.
    resume_panic(unsafe { leave(from, to, &packet) })
}

/// Returns the refusal with the value. The handle is released all the same, which may kill its greenlet.
fn given_up<V: 'static, E: 'static>(to: Held<Greenlet<V, E>>, why: Refusal, value: Held<V>) -> Outcome<V, E> {
    drop(to.into_inner());
    Err(Thrown::Refused(why, Some(Sent::Value(value.into_inner()))))
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

/// Switches from `from`, the current greenlet, to `to` with a packet; returns what `from` is later resumed with. If the
/// two are the same, only the tracer is called.
///
/// # Safety
///
/// `to` is neither dead nor bare, and exists until it is resumed. Both are of a tree of `V` and `E` that is entered.
unsafe fn depart<V: 'static, E: 'static>(from: BlockPtr, to: BlockPtr, what: Arrival<V, E>) -> Arrival<V, E> {
    if from == to {
        // SAFETY: `to` is current, and the current greenlet exists.
        return unsafe { trace(from, to, what) };
    }
    let packet = Packet { origin: from.retain(), what: ManuallyDrop::new(what) };
    set_current_counted(to);
    // SAFETY: `from` is running. `to` is suspended or fresh.
    unsafe { leave(from, to, &packet) }
}

/// Leaves `from` for `to` with a packet; returns what is sent back. The packet is on this stack, which does not change
/// until the receiver has read it.
///
/// # Safety
///
/// `from` is running, and `to` suspended or fresh. The tree is one of `V` and `E`.
#[inline(always)]
unsafe fn leave<V: 'static, E: 'static>(from: BlockPtr, to: BlockPtr, packet: &Packet<V, E>) -> Arrival<V, E> {
    let (from, to, packet) = (from.context(), to.context(), ptr::from_ref(packet).cast());
    if const { word::is_wide::<V>() } {
        // SAFETY: the caller's contract.
        let landing = unsafe { Native::wide_switch_with_packet(from, to, packet) };
        // SAFETY: `landing` comes from this switch, and is received once.
        return unsafe { receive(landing) };
    }
    // SAFETY: the caller's contract.
    let landing = unsafe { Native::switch_with_packet(from, to, packet) };
    // SAFETY: `landing` comes from this switch, and is received once.
    unsafe { receive(landing) }
}

/// Receives what a greenlet that left by the slow path, or that starts, is resumed with: a word or a packet.
///
/// # Safety
///
/// `landing` was just returned by a switch, or passed to a new greenlet, in a tree of `V` and `E`, and is received
/// once.
#[inline]
pub(super) unsafe fn receive<V: 'static, E: 'static, W: Packed>(landing: Landing<W>) -> Arrival<V, E> {
    match landing.received() {
        // SAFETY: they are a packed `V`.
        Ok(words) => Ok(Ok(unsafe { words.unpack() })),
        // SAFETY: the packet is a `Packet<V, E>`.
        Err(packet) => unsafe { open_packet(packet) },
    }
}

/// Makes `to` the current greenlet, which will receive a packet. The packet owns a reference to the origin, so the
/// core's [`UNREF`] bit is cleared.
pub(super) fn set_current_counted(to: BlockPtr) {
    Busy::of_receiver(to);
    let core = to.core();
    core.clear_slow(UNREF);
    core.set_current(to);
}

/// Receives a packet in a greenlet that left by the fast path.
///
/// # Safety
///
/// As for [`open_packet`].
#[cold]
#[inline(never)]
pub(super) unsafe fn receive_packet<V: 'static, E: 'static>(packet: *const ()) -> Outcome<V, E> {
    // SAFETY: the same contract.
    resume_panic(unsafe { open_packet(packet) })
}

/// Receives a packet, in the order that the module's documentation gives.
///
/// # Safety
///
/// `packet` is a `Packet<V, E>` with which the current greenlet was just resumed, and is received once.
pub(super) unsafe fn open_packet<V: 'static, E: 'static>(packet: *const ()) -> Arrival<V, E> {
    // SAFETY: the sender's stack has not changed since the switch, and the packet is read once.
    let Packet { origin, what } = unsafe { packet.cast::<Packet<V, E>>().read() };
    // SAFETY: a greenlet of the tree runs here, so the tree is entered.
    let me = unsafe { origin.core().current() };
    let _busy = Busy::received(me);
    // SAFETY: `me` is current, the packet's reference keeps the origin alive, the tree has the types `V` and `E`.
    let what = unsafe { trace(origin, me, ManuallyDrop::into_inner(what)) };
    // SAFETY: the packet's reference now belongs to this function.
    let mut panicked = unsafe { release_caught::<V, E>(origin) };
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference now belongs to this function.
        panicked = panic::last(panicked, unsafe { release_caught::<V, E>(target) });
    }
    if me.core().slow() & ASKED != 0 && !me.has(SETTLING) {
        // SAFETY: the tree is entered, and has the types `V` and `E`.
        panicked = panic::last(panicked, unsafe { settle_kills::<V, E>(me) });
    }
    match panicked {
        Some(payload) => replace_by_panic(payload, what),
        None => what,
    }
}

/// Settles kills that other cores or interrupt handlers requested. Returns the panic of user code that ran meanwhile.
///
/// `Tree::settle` is set by `Greenlet::remote` alone: a program that makes no remote handle does not link the code.
///
/// # Safety
///
/// `me` is the current greenlet, of a tree of `V` and `E`.
#[cold]
#[inline(never)]
unsafe fn settle_kills<V: 'static, E: 'static>(me: BlockPtr) -> Option<Payload> {
    // SAFETY: a greenlet of the tree runs here, so the tree is entered.
    let Some(settle) = unsafe { Tree::<V, E>::of(me) }.settle.get() else {
        me.core().clear_slow(ASKED); // set by a late request to an earlier tree of this core
        return None;
    };
    // SAFETY: the tree is entered, and has the types `V` and `E`.
    panic::catch(|| unsafe { settle(me) }).err()
}

/// Replaces `what` by a panic. `what` is dropped, and a panic of its destructor is discarded.
pub(crate) fn replace_by_panic<V, E>(payload: Payload, what: Arrival<V, E>) -> Arrival<V, E> {
    panic::discard(what);
    Err(payload)
}
