//! Moving control, and what is sent with it.
//!
//! ```text
//!   handle ──► switch ──► arch::switch ───────────────────────────► receive ──► caller
//!                │  one test                                    one test │
//!                └─► slow::send ──► slow::depart ──► arch::switch ──► slow::arrive
//! ```
//!
//! The fast path means what the slow path means, for the case that nothing rare is the matter: the target has a
//! body, started or not, is not dead, and is of a tree that is entered; the origin is referred to by somebody. Everything else is behind one test on the
//! way out. A greenlet that departs slowly sends a packet with what it has to say; the test on the way in is for that.

pub(crate) mod life;
pub(crate) mod slow;
mod word;

use crate::arch::{self, Landing};
use crate::block::BlockPtr;
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::handle::Greenlet;
use crate::overflow;
use crate::thrown::{Outcome, Sent};
use core::mem::{ManuallyDrop, MaybeUninit, needs_drop};

/// Switches to `to` with a value; returns what is sent back to the current greenlet.
///
/// # Safety
///
/// `to` exists, and belongs to a tree with values `V` and errors `E`. Nothing runs before control is there, so that it still exists
/// then; when control is back, it is not looked at.
#[inline(always)]
pub(crate) unsafe fn switch<V: 'static, E: 'static>(to: BlockPtr, value: V) -> Outcome<V, E> {
    let here = to.here();
    if here.is_rare(to) {
        return apart(|outcome| {
            // SAFETY: the same contract.
            outcome.write(unsafe { slow::send(to, Sent::Value(value)) });
        });
    }
    // SAFETY: flags are 0, so the tree has not ended.
    let from = unsafe { here.current() };
    overflow::check::<V, E>(from);
    here.set_current(to);
    outgoing!(place = value);
    // SAFETY: a `V` lies there, which is nobody's from here on.
    let word = unsafe { word::pack(place) };
    // SAFETY: `from` runs; `to` is suspended or fresh, or is `from` itself. The word is what a `V` packs to.
    // `value` is on this stack, which stands still until the word is unpacked, first thing.
    let landing = unsafe { arch::switch::<false>(from.context(), to.context(), word) };
    // SAFETY: this is the arrival.
    unsafe { receive(landing) }
}

/// [`switch`] that gives up a handle before control leaves; the one who has it is gone to.
#[inline(always)]
pub(crate) fn switch_away<V: 'static, E: 'static>(to: Greenlet<V, E>, value: V) -> Outcome<V, E> {
    let refs = to.block().refs.get();
    if refs == 1 {
        return apart(|outcome| {
            outcome.write(slow::send_with_last(to, value));
        });
    }
    let to = ManuallyDrop::new(to).block();
    to.refs.set(refs - 1);
    // SAFETY: others refer to it, and who does so does not run before control is there.
    unsafe { switch(to, value) }
}

/// Switches from `me`, which runs, to its parent with a value; returns what is sent back.
///
/// A transfer in progress refers to its target. Here the parent field does, and [`BlockPtr::replace_parent`] sees to it
/// when that changes meanwhile; so nothing is counted.
///
/// # Safety
///
/// `me` is the current greenlet, not main, of a tree with values `V` and errors `E`.
#[inline(always)]
pub(crate) unsafe fn up<V: 'static, E: 'static>(me: BlockPtr, value: V) -> Outcome<V, E> {
    // SAFETY: only main, and greenlets of an ended tree, have no parent; none of these is a body that runs.
    let to = unsafe { me.parent().unwrap_unchecked() };
    let here = to.here();
    if here.is_rare(to) {
        return apart(|outcome| {
            #[cfg(feature = "abandon")]
            let _busy = Busy::in_tree_of(to);
            // SAFETY: `me` is current, and its parent exists; the tree is one of `V` and `E`, and entered.
            outcome.write(unsafe { slow::send_up(me, to, Sent::Value(value)) });
        });
    }
    overflow::check::<V, E>(me);
    here.set_current(to);
    outgoing!(place = value);
    // SAFETY: a `V` lies there, which is nobody's from here on.
    let word = unsafe { word::pack(place) };
    // SAFETY: as in `switch`. Marked, for `replace_parent` to know.
    let landing = unsafe { arch::switch::<true>(me.context(), to.context(), word) };
    // SAFETY: this is the arrival.
    unsafe { receive(landing) }
}

/// Defines `$place`, where the value in the variable `$value` lies on its way out, which is not dropped there. A value with nothing
/// to drop stays in the variable: one copy less. A macro, because a function would have the value moved.
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

/// The receiving end of every transfer, first thing after the switch: what was sent is moved out of the sender's frame
/// before anything else may happen.
///
/// # Safety
///
/// `landing` has just come from a switch in a tree of `V` and `E`, and is received once.
#[inline(always)]
unsafe fn receive<V: 'static, E: 'static>(landing: Landing) -> Outcome<V, E> {
    match landing.received() {
        // SAFETY: the word is a packed `V`.
        Ok(word) => Ok(unsafe { word::unpack(word) }),
        Err(packet) => apart(|outcome| {
            // SAFETY: the packet is a `Packet<V, E>`.
            outcome.write(unsafe { slow::arrive(packet) });
        }),
    }
}

/// Runs `slow`, which writes its outcome into memory of its own. Without this, the compiler lets the fast path, too,
/// assemble its outcome in that memory, only to take it apart again: four instructions a switch.
#[inline(always)]
fn apart<V, E>(slow: impl FnOnce(&mut MaybeUninit<Outcome<V, E>>)) -> Outcome<V, E> {
    let mut outcome = MaybeUninit::uninit();
    slow(&mut outcome);
    // SAFETY: `slow` wrote it.
    unsafe { outcome.assume_init_read() }
}
