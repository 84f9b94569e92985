//! Transfers of control, and the fast path of a switch.
//!
//! ```text
//!              switching away                            being resumed
//!   switch, ─► needs_slow_path? ─ no ─► Native::switch ─► receive ──────────► a word: the value
//!   up               │                                      └───────────────► a packet: receive_packet ┐
//!                   yes                                                                                ├► open_packet
//!                    ▼                                              ┌───────► a packet ────────────────┘
//!                slow::send ─► depart ─► Native:: ────────► receive_unopened ► a word: the value
//!                                        switch_with_packet
//! ```
//!
//! The fast path does what the slow path would do in the usual case. One test before the switch,
//! `Core::needs_slow_path`, recognises this case:
//!
//! - the target's flags are 0: it has a body, started or not, is not dead or leaked, its tree has not ended, and it has
//!   no pin to release;
//! - the core's `slow` word equals the present interrupt bits: interrupts are masked or unmasked as usual, the current
//!   greenlet is referenced, and there is no tracer, no pending kill, no overflow being reported and no exit of the
//!   process.
//!
//! The fast path sends the value in registers, or its address if it is too large for them: see [`word`]. In all other
//! cases the slow path refuses the transfer, or sends a *packet*, which also names the sender. One test after the
//! switch distinguishes a packet from words.
//!
//! Where the instruction set has a [tested switch](Isa::tested_switch), the test is part of the switch, and
//! [`receive_slowly`] calls the slow path if it failed.

pub(crate) mod arrival;
#[cfg(not(miri))]
pub mod foreign;
pub(crate) mod life;
pub(crate) mod slow;
pub(crate) mod word;

use crate::arch::{Isa, Landing, Native, target_not_left_for};
use crate::kernel::handle::Greenlet;
use crate::kernel::overflow;
use crate::kernel::thrown::Outcome;
use crate::records::band::CHECKED;
use crate::records::block::{Block, BlockPtr};
use crate::records::busy::Busy;
use crate::records::core_state::FastPath;
use core::mem::{ManuallyDrop, MaybeUninit, needs_drop};
use core::ptr;
use word::Packed;

/// Switches to `to` with a value; returns what is sent back to the current greenlet.
///
/// # Safety
///
/// `to` exists when this is called, and belongs to a tree with values `V` and errors `E`. It may be freed before this
/// returns: this does not use `to` after other code has run.
#[cfg_attr(small, inline(never))] // one copy
#[cfg_attr(not(small), inline(always))]
pub(crate) unsafe fn switch<V: 'static, E: 'static>(to: BlockPtr, value: V) -> Outcome<V, E> {
    let core = to.core();
    if const { TESTED_IN_SWITCH } {
        outgoing!(place = value);
        // SAFETY: the switch uses the current greenlet only after it has found the flags of `to` to be 0: then the tree
        // has not ended, and the current greenlet exists. The rest is as below.
        return unsafe { leave_tested::<V, E, false>(core.current_ptr(), to, place) };
    }
    if core.needs_slow_path(to) {
        return out_of_line(|place| {
            place.write(Ok(value));
            // SAFETY: the same contract; a value was just written.
            unsafe { slow::send(to, place) }
        });
    }
    // SAFETY: the flags of `to` are 0, so its tree has not ended, and the caller runs inside it.
    let from = unsafe { core.current() };
    overflow::check::<V, E>(from);
    core.set_current(to);
    outgoing!(place = value);
    // SAFETY: `from` is running; `to` is suspended or unstarted, or is `from` itself. `place` points to a valid `V`,
    // which no other code uses or drops from here on.
    unsafe { leave::<V, E, false>(from, to, place) }
}

/// As [`switch`], but releases the handle `to` before the switch. If it is the last handle, the slow path does that.
#[inline(always)]
pub(crate) fn switch_away<V: 'static, E: 'static>(to: Greenlet<V, E>, value: V) -> Outcome<V, E> {
    let refs = to.block().refs.get();
    if refs == 1 {
        return out_of_line(|place| {
            place.write(Ok(value));
            // SAFETY: a value was just written.
            unsafe { slow::send_with_last(to, place) }
        });
    }
    let to = ManuallyDrop::new(to).block();
    to.refs.set(refs - 1);
    // SAFETY: other references exist, and no code that could release them runs before the switch.
    unsafe { switch(to, value) }
}

/// Switches from `me`, the current greenlet, to its parent with a value; returns what is sent back.
///
/// The target of a pending `up` must stay alive. On the fast path the parent field keeps it, so nothing is counted: if
/// the parent changes while `me` waits, [`BlockPtr::replace_parent`] turns the old parent's count into a pin. The slow
/// path pins the target from the start.
///
/// # Safety
///
/// `me` is the current greenlet, not main, of a tree with values `V` and errors `E`.
#[cfg_attr(small, inline(never))] // one copy
#[cfg_attr(not(small), inline(always))]
pub(crate) unsafe fn up<V: 'static, E: 'static>(me: BlockPtr, value: V) -> Outcome<V, E> {
    // SAFETY: `me` runs a body, so it is neither main nor of an ended tree, and only those have no parent.
    let to = unsafe { me.parent().unwrap_unchecked() };
    let core = to.core();
    if const { TESTED_IN_SWITCH } {
        outgoing!(place = value);
        // SAFETY: as below; `me` is current.
        return unsafe { leave_tested::<V, E, true>(me.as_ptr(), to, place) };
    }
    if core.needs_slow_path(to) {
        return out_of_line(|place| {
            let _busy = Busy::in_tree_of(to);
            place.write(Ok(value));
            // SAFETY: `me` is current, and `to` its parent; their tree is entered, and has the types `V` and `E`.
            unsafe { slow::send_up(me, to, place) }
        });
    }
    overflow::check::<V, E>(me);
    core.set_current(to);
    outgoing!(place = value);
    // SAFETY: as in `switch`. Marked, so `replace_parent` can tell that `me` waits in `up`.
    unsafe { leave::<V, E, true>(me, to, place) }
}

/// Defines `$place`, a pointer to the value of the variable `$value`. The receiver moves the value out, so it is not
/// dropped here. A value that needs no drop stays in its variable, which saves a copy. A macro, because passing the
/// value to a function would copy it.
macro_rules! outgoing {
    ($place:ident = $value:ident) => {
        let moved;
        let $place = if needs_drop::<V>() {
            moved = ManuallyDrop::new($value);
            (&raw const moved).cast::<V>()
        } else {
            &raw const $value
        };
    };
}
pub(super) use outgoing;

/// Leaves `from` for `to` with the value at `place`; returns what is sent back.
///
/// # Safety
///
/// `from` is running, and `to` may be resumed: see [`Isa::switch`]. `place` points to a valid `V`, which is moved out,
/// and which stays there until this returns. The tree is one of `V` and `E`.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn leave<V: 'static, E: 'static, const MARKED: bool>(
    from: BlockPtr,
    to: BlockPtr,
    place: *const V,
) -> Outcome<V, E> {
    let (from, to) = (from.context(), to.context());
    if const { word::is_wide::<V>() } {
        // SAFETY: the caller's contract.
        let words = unsafe { word::pack_wide(place) };
        // SAFETY: the caller's contract. The words are a packed `V`.
        let landing = unsafe { Native::wide_switch::<MARKED>(from, to, words) };
        // SAFETY: `landing` comes from this switch, and is received once.
        return unsafe { receive(landing) };
    }
    // SAFETY: the caller's contract.
    let word = unsafe { word::pack(place) };
    // SAFETY: the caller's contract. The word is a packed `V`. If it is the value's address, the value is on this
    // stack. The receiver unpacks the word before it does anything else, and this stack does not change before that.
    let landing = unsafe { Native::switch::<MARKED>(from, to, word) };
    // SAFETY: `landing` comes from this switch, and is received once.
    unsafe { receive(landing) }
}

/// Receives what a greenlet that left by the fast path is resumed with. Called immediately after the switch, because
/// the value must be moved out of the sender's frame before any other code runs.
///
/// # Safety
///
/// `landing` was just returned by a switch in a tree of `V` and `E`, and is received once.
#[inline(always)]
unsafe fn receive<V: 'static, E: 'static, W: Packed>(landing: Landing<W>) -> Outcome<V, E> {
    match landing.received() {
        // SAFETY: they are a packed `V`.
        Ok(words) => Ok(unsafe { words.unpack() }),
        Err(packet) => out_of_line(|place| {
            // SAFETY: the packet is a `Packet<V, E>`.
            unsafe { arrival::receive_packet(packet, place) }
        }),
    }
}

/// Whether the switch itself makes the tests of the fast path ([`Isa::TESTS`]). Then one cold call, of
/// [`receive_slowly`], handles a failed test as well as a packet.
const TESTED_IN_SWITCH: bool = CHECKED && Native::TESTS;

/// [`leave`] after the tests of the fast path; or, if one fails, by the slow path. `MARKED` if this is an `up`.
///
/// # Safety
///
/// `to` exists. If its flags are 0, the contract of [`leave`] holds for the block at `from` and for `to`, and the
/// caller runs inside the tree. In any case what that contract requires of `place` and of the tree holds. If `MARKED`,
/// `from` is not main, and `to` is its parent.
#[inline(always)]
unsafe fn leave_tested<V: 'static, E: 'static, const MARKED: bool>(
    from: *const Block,
    to: BlockPtr,
    place: *const V,
) -> Outcome<V, E> {
    let (core, from) = (ptr::from_ref(to.core()).cast(), from.cast());
    if const { word::is_wide::<V>() } {
        // SAFETY: the caller's contract.
        let words = unsafe { word::pack_wide(place) };
        // SAFETY: the caller's contract. The words are a packed `V`.
        let landing = unsafe { Native::wide_tested_switch::<MARKED, FastPath>(core, from, to.context(), words) };
        // SAFETY: `landing` comes from this switch, and is received once.
        return unsafe { receive_tested::<V, E, _, MARKED>(landing) };
    }
    // SAFETY: the caller's contract.
    let word = unsafe { word::pack(place) };
    // SAFETY: as in `leave`.
    let landing = unsafe { Native::tested_switch::<MARKED, FastPath>(core, from, to.context(), word) };
    // SAFETY: `landing` comes from this switch, and is received once.
    unsafe { receive_tested::<V, E, _, MARKED>(landing) }
}

/// As [`receive`], after a tested switch.
///
/// # Safety
///
/// As for [`receive`]. If no switch was made, the contract of [`leave_tested`] holds for the target of the attempt.
#[inline(always)]
unsafe fn receive_tested<V: 'static, E: 'static, W: Packed, const MARKED: bool>(landing: Landing<W>) -> Outcome<V, E> {
    match landing.received_after_tests() {
        // SAFETY: they are a packed `V`.
        Ok(words) => Ok(unsafe { words.unpack() }),
        Err((packet, words)) => out_of_line(|place| {
            // SAFETY: the packet is a `Packet<V, E>`, or the words are those that were to be sent.
            unsafe { receive_slowly::<V, E, W, MARKED>(packet, place, words) }
        }),
    }
}

/// Receives a packet, or sends `words` by the slow path because a test failed. Writes what is sent back into `place`.
///
/// # Safety
///
/// `packet` is a `Packet<V, E>` with which the current greenlet was just resumed. Or it is the target to which no
/// switch was made; then the contract of [`leave_tested`] holds for that target, and `words` are a packed `V`.
#[cold]
#[inline(never)]
unsafe fn receive_slowly<V: 'static, E: 'static, W: Packed, const MARKED: bool>(
    packet: *const (),
    place: &mut arrival::Place<V, E>,
    words: W,
) {
    let Some(to) = target_not_left_for(packet) else {
        // SAFETY: the same contract.
        return unsafe { arrival::receive_packet(packet, place) };
    };
    // SAFETY: `to` came from a block, which exists.
    let to = unsafe { BlockPtr::from_context(to) };
    let core = to.core();
    if !core.needs_slow_path(to) {
        // Either the test of the stack failed, or another test failed before and passes now: a debugger masks
        // interrupts while it steps. SAFETY: the flags of `to` are 0, so its tree has not ended, and the caller runs
        // inside it.
        overflow::check::<V, E>(unsafe { core.current() });
    }
    // SAFETY: the same contract.
    place.write(Ok(unsafe { words.unpack() }));
    if MARKED {
        let _busy = Busy::in_tree_of(to);
        // SAFETY: an `up` is called inside a tree.
        let me = unsafe { core.current() };
        // SAFETY: `me` is current, and `to` its parent; their tree has the types `V` and `E`.
        unsafe { slow::send_up(me, to, place) }
    } else {
        // SAFETY: the same contract; a value was just written.
        unsafe { slow::send(to, place) }
    }
}

/// Runs `slow`, which writes its outcome into a place of its own. Without this, the compiler builds the outcome of the
/// fast path in the same memory too, and takes it apart again: four instructions per switch.
#[inline(always)]
fn out_of_line<V, E>(slow: impl FnOnce(&mut arrival::Place<V, E>)) -> Outcome<V, E> {
    let mut place = MaybeUninit::uninit();
    slow(&mut place);
    // SAFETY: `slow` wrote it.
    unsafe { place.assume_init_read() }
}
