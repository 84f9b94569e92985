//! How a greenlet starts and how it dies.

use super::slow::{self, Arrival, Packet, first_not_dead, take_over};
use crate::arch::{self, Context, Word};
#[cfg(feature = "abandon")]
use crate::block::ABANDONED;
use crate::block::{BlockPtr, DEAD, LEAKED};
use crate::body::Unstarted;
#[cfg(feature = "abandon")]
use crate::busy::Busy;
use crate::me::Me;
use crate::overflow;
use crate::panic;
use crate::thrown::Thrown;
use core::mem::{self, ManuallyDrop};

/// Where a greenlet's stack begins. Every start is slow, so there is a packet.
///
/// `extern "C"`, and nothing in this frame has a destructor: see [`crate::panic`] for what becomes of a panic.
///
/// # Safety
///
/// Reached through the trampoline only, with what the switch was given. `to` is the context of a greenlet of a tree of `V`
/// and `E`, with a body.
pub(crate) unsafe extern "C" fn entry<V: 'static, E: 'static>(
    _word: Word,
    this: *const Context,
    _direct: *const Context,
    packet: *const (),
) -> ! {
    // SAFETY: this is the context of a block.
    let me = unsafe { BlockPtr::from_context(this) };
    // SAFETY: every start is slow, the packet is one of `V` and `E`, and this is its arrival.
    let outcome = panic::guard(me, || unsafe { live::<V, E>(me, packet) });
    die(me, outcome.unwrap_or_else(Err))
}

/// All that runs on a greenlet's stack: its first arrival, and its body if that is a value.
///
/// # Safety
///
/// As for [`entry`]; `me` is the greenlet that runs.
unsafe fn live<V: 'static, E: 'static>(me: BlockPtr, packet: *const ()) -> Arrival<V, E> {
    // Before the arrival: what runs in there may save another sp into the context.
    let body = Unstarted::take(me);
    // SAFETY: the caller's contract.
    match unsafe { slow::unwrap::<V, E>(packet) } {
        // SAFETY: the body is one of `V` and `E`.
        Ok(Ok(value)) => Ok(unsafe { body.call(&Me::new(me), value) }),
        thrown => {
            drop(body); // here: `thrown` would be lost with a destructor that panics when this returns
            thrown
        }
    }
}

/// The end of `me`, which runs: what left its body goes to its parent.
fn die<V: 'static, E: 'static>(me: BlockPtr, left: Arrival<V, E>) -> ! {
    overflow::check_whole::<V, E>(me);
    #[cfg(feature = "abandon")]
    let _busy = Busy::in_tree_of(me);
    // An exit that leaves the body is a value: it was asked for.
    let mut what = match left {
        Ok(Err(Thrown::Exit(value))) => Ok(Ok(value)),
        other => other,
    };
    let (mut heir, whole) = heir_of(me);
    if !whole {
        let lost = mem::replace(&mut what, Ok(Err(Thrown::NoRun)));
        what = panic::catch(|| drop(lost)).map_or_else(Err, |()| what);
        // The destructor of what was lost may have moved parents about, or given one a body.
        (heir, _) = heir_of(me);
    }
    me.set(DEAD);
    me.here().count_death();
    me.context.over();
    let origin = if me.has(LEAKED) { me } else { me.retain() }; // the reference that a leak kept serves
    me.clear(LEAKED);
    let packet = Packet { origin, what: ManuallyDrop::new(what) };
    take_over(heir);
    // SAFETY: the heir is suspended or fresh, and exists: parent fields refer to it. `me` does not go on; its stack, the
    // packet on it, stays until the heir has read the packet and releases the origin.
    unsafe { arch::leave(heir.context(), (&raw const packet).cast()) }
}

/// Gives up `me`, which was stopped, from another stack: `error` goes to its parent. What [`die`] does at its end, but that no
/// user code runs.
///
/// # Safety
///
/// `me` is current and not main, of a tree of `V` and `E`; the kernel is not at work on its stack, which nobody returns to. The
/// stack of the caller stands still until the packet is read.
#[cfg(feature = "abandon")]
pub(crate) unsafe fn take_out<V: 'static, E: 'static>(me: BlockPtr, error: E) -> ! {
    let (heir, whole) = heir_of(me);
    let thrown: Thrown<V, E> = if whole {
        Thrown::Error(error)
    } else {
        mem::forget(error); // its destructor might switch, from a stack that is nobody's
        Thrown::NoRun
    };
    me.set(DEAD | ABANDONED);
    me.here().count_death();
    me.context.over();
    let origin = if me.has(LEAKED) { me } else { me.retain() };
    me.clear(LEAKED);
    let packet = Packet { origin, what: ManuallyDrop::new(Ok(Err(thrown))) };
    take_over(heir);
    // SAFETY: the heir is suspended or fresh, and exists: parent fields refer to it. `me` does not go on; the packet stays until
    // it is read, by the contract.
    unsafe { arch::leave(heir.context(), (&raw const packet).cast()) }
}

/// Who goes on after `me`: the nearest ancestor that is not dead and can start; and whether what `me` sends reaches it
/// whole. It does not when a nearer one cannot start: then the failure takes its place.
fn heir_of(me: BlockPtr) -> (BlockPtr, bool) {
    let mut whole = true;
    let mut heir = me;
    loop {
        let Some(parent) = heir.parent() else { unreachable!("main has no body to end; everyone else has a parent") };
        heir = first_not_dead(parent);
        if !heir.cannot_start() {
            return (heir, whole);
        }
        whole = false;
    }
}
