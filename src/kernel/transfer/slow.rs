//! The slow path: all throws and kills, and every switch that fails the test of the fast path.
//!
//! [`depart`] leaves a packet on the sender's stack and switches. The receiver calls [`exchange`] if it left by the slow
//! path, [`receive_first`] if it starts, and [`receive_packet`] if it left by the fast path; all call [`open_packet`].
//! `open_packet` does these steps in this order:
//!
//! 1. Move what was sent out of the sender's frame. This is first, because each later step may resume or free the
//!    sender.
//! 2. Call the tracer, which may replace what was sent, also by its own error or panic. The packet's reference keeps the origin alive for that.
//! 3. Release the packet's reference to the origin. This may free it, or kill it and so run other greenlets.
//! 4. Release the pin, if there is one: the reference to the target of the receiver's `up`.
//! 5. Settle kills that other cores or interrupt handlers requested, which runs other greenlets. If the stack has no room
//!    for that, the next arrival in another greenlet does it.
//!
//! What is sent is moved from the place of the sender to that of the receiver, and is never passed by value: the frames of
//! an arrival may lie on a small stack, and would each have room for one.
//!
//! Then the transfer returns. User code can run in steps 2 to 5, so programs can observe their order. If user code
//! panics in steps 3 to 5, the last panic replaces what was sent.

use super::word::{self, Packed};
use crate::arch::{Landing, Word, Words};
use crate::kernel::handle::Greenlet;
use crate::kernel::overflow;
use crate::kernel::references::release_caught;
use crate::kernel::settle::settle_where_room;
use crate::kernel::thrown::{Outcome, Sent, Thrown};
use crate::kernel::trace::trace;
use crate::records::block::{BlockPtr, DEAD, ENDED, NO_BODY, SETTLING};
use crate::records::busy::Busy;
use crate::records::core_state::{ASKED, UNREF};
use crate::records::panic::{self, Held, Payload};
use crate::records::refusal::Refusal;
use core::mem::{ManuallyDrop, MaybeUninit, replace};
use core::ptr;

/// The memory for one outcome, in a frame of the greenlet that makes a transfer. It holds what is sent, until the
/// receiver has moved that out; and later what this greenlet is resumed with.
///
/// All functions of a transfer get a reference to it. If they passed the outcome itself, each of their frames would have
/// room for one, and these frames are part of the least stack.
pub(crate) type Place<V, E> = MaybeUninit<Outcome<V, E>>;

/// Whether an outcome was delivered, into the place of the receiver; or a panic, to be resumed there. Then the place is
/// empty.
pub(crate) type Delivery = Result<(), Payload>;

/// What a transfer delivers, as a value.
pub(super) type Arrival<V, E> = Result<Outcome<V, E>, Payload>;

/// The message of a slow departure to its receiver, on the stack of the greenlet that leaves. The receiver owns what is
/// in it.
pub(super) struct Packet<V, E> {
    /// The greenlet that left. The packet owns a reference to it.
    pub(super) origin: BlockPtr,
    /// What is delivered, in the place of the sender. Nothing is there if there is a panic.
    pub(super) what: *const Outcome<V, E>,
    /// What is delivered instead.
    pub(super) panic: Option<Payload>,
}

/// Sends what is in `place` to `named`, or to its nearest ancestor that is not dead. Afterwards what is sent back is
/// there.
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

/// Whether the caller of a departure has work to finish, so that a panic of user code must be returned to it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Work {
    Open,
    /// The panic may pass.
    Done,
}

/// As [`send`], but returns a panic that is delivered, instead of resuming it.
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

/// Gives back what was to be sent, with the reason.
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

/// [`send`] from `me` to its parent, which a pin keeps alive. The pin is released by the next arrival in `me`; by this
/// function, if the transfer is refused; and by the end of the tree, if `me` is never resumed.
///
/// # Safety
///
/// As for [`send`]. `me` is the current greenlet, not main, of a tree with the types `V` and `E`; `to` is its parent.
#[cold]
#[inline(never)]
pub(crate) unsafe fn send_up<V: 'static, E: 'static>(me: BlockPtr, to: BlockPtr, place: &mut Place<V, E>) {
    me.pin(to.retain());
    // SAFETY: the same contract; the pin owns a reference to `to`.
    let mut delivered = unsafe { send_caught::<V, E>(to, place, Work::Open) };
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

/// As [`send`] in a tree that has not ended, but returns a panic that is delivered, and refuses nothing: a kill must get
/// through while interrupts are masked.
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
    if const { word::is_wide::<V>() } {
        // SAFETY: the same contract.
        unsafe { exchange_as::<V, E, Words>(named, place, work) }
    } else {
        // SAFETY: the same contract.
        unsafe { exchange_as::<V, E, Word>(named, place, work) }
    }
}

/// [`exchange`] with values that are packed to a `W`.
///
/// # Safety
///
/// As for [`exchange`].
#[inline(always)]
unsafe fn exchange_as<V: 'static, E: 'static, W: Packed>(
    named: BlockPtr,
    place: &mut Place<V, E>,
    work: Work,
) -> Delivery {
    // SAFETY: the same contract.
    match unsafe { depart::<V, E, W>(named, place, work) } {
        // SAFETY: the landing has just arrived, and is received once.
        Ok(landing) => unsafe { receive(landing, place) },
        Err(delivered) => delivered,
    }
}

/// The departure of [`exchange`]. A function of its own, so that the code of the arrival, which may run other greenlets,
/// uses the same part of the stack. Returns what the greenlet is resumed with; or `Err` if it did not leave, because it
/// sent to itself, or to a greenlet without a body.
///
/// # Safety
///
/// As for [`exchange`].
#[inline(never)]
unsafe fn depart<V: 'static, E: 'static, W: Packed>(
    named: BlockPtr,
    place: &mut Place<V, E>,
    work: Work,
) -> Result<Landing<W>, Delivery> {
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
        return Err(unsafe { refuse_without_body(place, work) });
    }
    if from == to {
        // SAFETY: `to` is current, and the current greenlet exists.
        return Err(unsafe { trace(from, to, place, Ok(())) });
    }
    set_current_counted(to);
    // SAFETY: `from` is running. `to` is suspended or fresh, being neither dead nor bare. It is `named`, which exists, or an
    // ancestor, which its child's parent field keeps alive; no other code has run since it was found.
    Ok(unsafe { leave(from, to, place) })
}

/// Leaves `from` for `to` with what is in the place, in a packet. Both are on this stack, which does not change until the
/// receiver has read them. Returns what `from` is resumed with.
///
/// # Safety
///
/// `from` is running, and `to` suspended or fresh. The tree is one of `V` and `E`, whose values are packed to a `W`.
#[inline(always)]
unsafe fn leave<V, E, W: Packed>(from: BlockPtr, to: BlockPtr, place: &mut Place<V, E>) -> Landing<W> {
    // The pointer to the place is derived from the reference of this function, which is used again afterwards.
    let packet = ManuallyDrop::new(Packet { origin: from.retain(), what: place.as_ptr(), panic: None });
    // SAFETY: the caller's contract.
    unsafe { W::switch_with_packet(from.context(), to.context(), (&raw const packet).cast()) }
}

/// Drops what was to be sent to a greenlet without a body.
///
/// # Safety
///
/// There is an outcome in `place`.
#[cold]
#[inline(never)]
unsafe fn refuse_without_body<V, E>(place: &mut Place<V, E>, work: Work) -> Delivery {
    // The departure has changed nothing yet, so the destructor may switch, spawn or panic.
    // SAFETY: by the contract, and another outcome is written.
    let mut drop = || unsafe { place.assume_init_drop() };
    let dropped = match work {
        Work::Open => panic::catch(drop),
        Work::Done => {
            drop();
            Ok(())
        }
    };
    place.write(Err(Thrown::NoRun));
    dropped
}

/// Makes a value of an exit that was sent to a dead greenlet.
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

/// Sends the value in `place` to the greenlet of `last`, and releases that handle, the only reference, before the switch.
/// The target then runs without a reference, as if it had dropped the last one itself. Afterwards what is sent back is
/// in `place`.
///
/// # Safety
///
/// There is a value in `place`.
#[cold]
#[inline(never)]
pub(super) unsafe fn send_with_last<V: 'static, E: 'static>(last: Greenlet<V, E>, place: &mut Place<V, E>) {
    let named = last.block();
    let refusal = if named.has(ENDED) { Some(Refusal::Ended) } else { named.core().refuses() };
    // Discarded if a panic passes, because the drops below may panic.
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
        unsafe { trace(from, from, sent.into_place(), Ok(())) }
    } else {
        let place = sent.into_place();
        let to = ManuallyDrop::new(to.into_inner()).block();
        set_current_counted(to);
        // Decremented by hand, because `release` would free a target that has not started.
        to.refs.set(to.refs.get() - 1);
        if to.refs.get() == 0 {
            to.core().set_slow(UNREF);
        }
        // SAFETY: `from` is running. `to` is suspended or fresh, and current from here on.
        unsafe { leave_and_receive(from, to, place) }
    };
    if let Err(payload) = delivered {
        panic::resume(payload);
    }
}

/// An outcome that is not sent yet. Discarded if a panic passes.
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

/// [`leave`], and then [`receive`].
///
/// # Safety
///
/// As for [`leave`].
#[inline(always)]
unsafe fn leave_and_receive<V: 'static, E: 'static>(from: BlockPtr, to: BlockPtr, place: &mut Place<V, E>) -> Delivery {
    if const { word::is_wide::<V>() } {
        // SAFETY: the same contract.
        let landing: Landing<Words> = unsafe { leave(from, to, place) };
        // SAFETY: the landing has just arrived, and is received once.
        return unsafe { receive(landing, place) };
    }
    // SAFETY: the same contract.
    let landing: Landing<Word> = unsafe { leave(from, to, place) };
    // SAFETY: the landing has just arrived, and is received once.
    unsafe { receive(landing, place) }
}

/// Receives what a greenlet that left by the slow path is resumed with, a value or a packet, into `place`.
///
/// # Safety
///
/// `landing` was just returned by a switch in a tree of `V` and `E`, and is received once.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn receive<V: 'static, E: 'static, W: Packed>(landing: Landing<W>, place: &mut Place<V, E>) -> Delivery {
    match landing.received() {
        Ok(words) => {
            // SAFETY: they are a packed `V`.
            unsafe { receive_words(words, place) };
            Ok(())
        }
        // SAFETY: the packet is a `Packet<V, E>`.
        Err(packet) => unsafe { open_packet(packet, place) },
    }
}

/// Receives words into `place`.
///
/// # Safety
///
/// They are a packed `V`, just received.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn receive_words<V, E, W: Packed>(words: W, place: &mut Place<V, E>) {
    // SAFETY: the same contract.
    place.write(Ok(unsafe { words.unpack() }));
}

/// Receives what a greenlet starts with: a word or a packet.
///
/// # Safety
///
/// `landing` was passed to a new greenlet in a tree of `V` and `E`, and is received once.
#[inline]
pub(super) unsafe fn receive_first<V: 'static, E: 'static>(landing: Landing) -> Arrival<V, E> {
    match landing.received() {
        // SAFETY: they are a packed `V`.
        Ok(words) => Ok(Ok(unsafe { words.unpack() })),
        // SAFETY: the packet is a `Packet<V, E>`.
        Err(packet) => unsafe { open_first_packet(packet) },
    }
}

/// Receives a packet in a greenlet that starts.
///
/// # Safety
///
/// As for [`open_packet`].
#[cold]
#[inline(never)]
unsafe fn open_first_packet<V: 'static, E: 'static>(packet: *const ()) -> Arrival<V, E> {
    let mut place = MaybeUninit::uninit();
    // SAFETY: the same contract.
    match unsafe { open_packet(packet, &mut place) } {
        // SAFETY: it was delivered there.
        Ok(()) => Ok(unsafe { place.assume_init() }),
        Err(payload) => Err(payload),
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

/// Receives a packet in a greenlet that left by the fast path, into `place`.
///
/// # Safety
///
/// As for [`open_packet`].
#[cold]
#[inline(never)]
pub(super) unsafe fn receive_packet<V: 'static, E: 'static>(packet: *const (), place: &mut Place<V, E>) {
    // SAFETY: the same contract.
    if let Err(payload) = unsafe { open_packet(packet, place) } {
        panic::resume(payload);
    }
}

/// Receives a packet into `place`, in the order that the module's documentation gives.
///
/// # Safety
///
/// `packet` is a `Packet<V, E>` with which the current greenlet was just resumed, and is received once.
#[inline(never)]
unsafe fn open_packet<V: 'static, E: 'static>(packet: *const (), place: &mut Place<V, E>) -> Delivery {
    // SAFETY: the caller's contract.
    let (origin, mut delivered) = unsafe { read_packet(packet, place) };
    // SAFETY: a greenlet of the tree runs here, so the tree is entered.
    let me = unsafe { origin.core().current() };
    let _busy = Busy::received(me);
    // SAFETY: `me` is current, the packet's reference keeps the origin alive, the tree has the types `V` and `E`.
    delivered = unsafe { trace(origin, me, place, delivered) };
    // SAFETY: the packet's reference now belongs to this function.
    let mut panicked = unsafe { release_caught::<V, E>(origin) };
    if let Some(target) = me.take_pin() {
        // SAFETY: the pin's reference now belongs to this function.
        panicked = panic::last(panicked, unsafe { release_caught::<V, E>(target) });
    }
    if me.core().slow() & ASKED != 0 && !me.has(SETTLING) {
        // SAFETY: the tree is entered, and has the types `V` and `E`.
        panicked = panic::last(panicked, unsafe { settle_where_room::<V, E>(me) });
    }
    match panicked {
        // SAFETY: if an outcome was delivered, it is still there.
        Some(payload) => unsafe { replace_by_panic(payload, place, delivered) },
        None => delivered,
    }
}

/// Moves what was sent into `place`, and returns the origin.
///
/// # Safety
///
/// As for [`open_packet`].
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn read_packet<V, E>(packet: *const (), place: &mut Place<V, E>) -> (BlockPtr, Delivery) {
    // SAFETY: the sender's stack has not changed since the switch, and the packet is read once.
    let Packet { origin, what, panic } = unsafe { packet.cast::<Packet<V, E>>().read() };
    let delivered = match panic {
        None => {
            // SAFETY: the same holds for the place of the sender.
            place.write(unsafe { what.read() });
            Ok(())
        }
        Some(payload) => Err(payload),
    };
    (origin, delivered)
}

/// Replaces what was delivered by a panic. It is dropped, and a panic of its destructor is discarded.
///
/// # Safety
///
/// If an outcome was `delivered`, it is in `place`.
#[cold]
#[inline(never)]
pub(crate) unsafe fn replace_by_panic<V, E>(
    payload: Payload,
    place: &mut Place<V, E>,
    delivered: Delivery,
) -> Delivery {
    match delivered {
        // SAFETY: by the contract.
        Ok(()) => unsafe { panic::discard_in(place) },
        Err(earlier) => panic::discard(earlier),
    }
    Err(payload)
}
