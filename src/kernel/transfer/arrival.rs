//! Arrivals: what a greenlet is resumed with, a value in registers or a packet.
//!
//! | a greenlet that | receives a value in | and a packet in |
//! |---|---|---|
//! | left by the fast path | `receive`, of the parent module | [`receive_packet`] |
//! | left by the slow path | [`receive_unopened`] | `slow::exchange` or `slow::send_with_last` |
//! | starts | [`receive_first`] | [`receive_first`] |
//!
//! A value arrives alone. A packet is opened by [`open_packet`], which does these steps in this order:
//!
//! 1. Move what was sent out of the sender's frame. This is first, because each later step may resume or free the
//!    sender.
//! 2. Call the tracer, which may replace what was sent, also by its own error or panic. The packet's reference keeps
//!    the origin alive for that.
//! 3. Release the packet's reference to the origin. This may free it, or kill it and so run other greenlets.
//! 4. Release the pin, if there is one: the reference to the target of the receiver's `up`.
//! 5. Settle kills that other cores or interrupt handlers requested, which runs other greenlets. If the stack has no
//!    room for that, the next arrival in another greenlet does it.
//! 6. Return.
//!
//! User code can run in steps 2 to 5, so programs can observe their order. If it panics in steps 3 to 5, the last panic
//! replaces what was sent. `tests/library/unreferred.rs` tests the order of 3, 4 and 6, `trace.rs` beside it that of 2
//! and 3, and `settling.rs` that of 4 and 5.

use super::word::Packed;
use crate::arch::Landing;
use crate::kernel::references::release_caught;
use crate::kernel::settle::settle_asked;
use crate::kernel::thrown::Outcome;
use crate::kernel::trace::trace;
use crate::records::block::{BlockPtr, SETTLING};
use crate::records::busy::Busy;
use crate::records::core_state::ASKED;
use crate::records::panic::{self, Payload};
use core::mem::MaybeUninit;

/// The memory for one outcome, in a frame of the greenlet that makes a transfer. It holds what is sent, until the
/// receiver has moved that out; and later what this greenlet is resumed with.
///
/// All functions of a transfer get a reference to it. If they passed the outcome itself, each of their frames would
/// have room for one, and these frames are part of the least stack.
pub(crate) type Place<V, E> = MaybeUninit<Outcome<V, E>>;

/// Whether a transfer has delivered an outcome. `Ok`: it is in the place of the receiver. `Err`: a panic was delivered
/// instead, to be resumed there, and the place is empty.
pub(crate) type Delivery = Result<(), Payload>;

/// What a transfer has delivered, as a value; and what a body ends with.
pub(super) type OutcomeOrPanic<V, E> = Result<Outcome<V, E>, Payload>;

/// The message of a slow departure to its receiver, on the stack of the greenlet that leaves. The receiver owns what is
/// in it.
pub(super) struct Packet<V, E> {
    /// The greenlet that left. The packet owns a reference to it.
    pub(super) origin: BlockPtr,
    /// What is delivered, in the place of the sender. Nothing is there if there is a panic.
    pub(super) what: *const Outcome<V, E>,
    /// A panic that is delivered instead of an outcome.
    pub(super) panic: Option<Payload>,
}

/// What a greenlet that left by the slow path is resumed with.
pub(super) enum Arrived {
    /// A value, which has been received into its place. Or the greenlet did not leave, because it sent to itself, or to
    /// a greenlet without a body.
    Received(Delivery),
    /// This packet, which is not opened yet.
    Packet(*const ()),
}

/// Receives into `place` the value that a greenlet which left by the slow path is resumed with, or returns the packet.
///
/// # Safety
///
/// `landing` was just returned by a switch in a tree of `V` and `E`, and is received once.
#[inline(always)]
pub(super) unsafe fn receive_unopened<V: 'static, E: 'static, W: Packed>(
    landing: Landing<W>,
    place: &mut Place<V, E>,
) -> Arrived {
    match landing.received() {
        Ok(words) => {
            // SAFETY: they are a packed `V`.
            unsafe { receive_words(words, place) };
            Arrived::Received(Ok(()))
        }
        Err(packet) => Arrived::Packet(packet),
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
pub(super) unsafe fn receive_first<V: 'static, E: 'static>(landing: Landing) -> OutcomeOrPanic<V, E> {
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
unsafe fn open_first_packet<V: 'static, E: 'static>(packet: *const ()) -> OutcomeOrPanic<V, E> {
    let mut place = MaybeUninit::uninit();
    // SAFETY: the same contract.
    match unsafe { open_packet(packet, &mut place) } {
        // SAFETY: it was delivered there.
        Ok(()) => Ok(unsafe { place.assume_init() }),
        Err(payload) => Err(payload),
    }
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
pub(super) unsafe fn open_packet<V: 'static, E: 'static>(packet: *const (), place: &mut Place<V, E>) -> Delivery {
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
        panicked = panic::last(panicked, unsafe { settle_asked::<V, E>(me) });
    }
    match panicked {
        // SAFETY: if an outcome was delivered, it is still there.
        Some(payload) => unsafe { replace_by_panic(payload, place, delivered) },
        None => delivered,
    }
}

/// Receives what `me` has sent to itself, or to a dead greenlet below it, as if it had left and come back.
///
/// # Safety
///
/// `me` is current, of a tree with the types `V` and `E`. There is an outcome in `place`.
#[inline(always)]
pub(super) unsafe fn receive_own<V: 'static, E: 'static>(me: BlockPtr, place: &mut Place<V, E>) -> Delivery {
    // SAFETY: by the contract; the current greenlet exists.
    let delivered = unsafe { trace(me, me, place, Ok(())) };
    if me.core().slow() & ASKED == 0 || me.has(SETTLING) {
        return delivered;
    }
    // SAFETY: the same; the tree is entered.
    match unsafe { settle_asked::<V, E>(me) } {
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
