//! How a greenlet starts and how it dies.

use super::slow::{self, Arrival, Packet, first_not_dead, lost_to, take_over};
use super::{outgoing, word};
use crate::arch::{self, Context, Landing, Word};
use crate::kernel::body::{self, Run, Waiting};
use crate::kernel::me::Me;
use crate::kernel::overflow;
use crate::kernel::thrown::Thrown;
#[cfg(feature = "abandon")]
use crate::records::block::ABANDONED;
use crate::records::block::{BARE, BlockPtr, DEAD, Flags};
use crate::records::busy::Busy;
use crate::records::panic::{self, Payload};
use core::mem::{self, ManuallyDrop, needs_drop};

/// Where the stack of a greenlet with the body `F` begins.
///
/// `extern "C"`, and nothing in this frame has a destructor: see [`crate::records::panic`] for what becomes of a panic.
///
/// # Safety
///
/// Reached through the trampoline only, with what came with the control. `this` is the context of a greenlet of a tree of `V`
/// and `E`, with that body.
pub(crate) unsafe extern "C" fn entry<V: 'static, E: 'static, F: Run<V, E>>(
    word: Word,
    this: *const Context,
    direct: *const Context,
    packet: *const (),
) -> ! {
    // SAFETY: this is the context of a block.
    let me = unsafe { BlockPtr::from_context(this) };
    let landing = arch::landing(word, direct, packet);
    // SAFETY: the caller's contract; this is the arrival.
    end(me, panic::guard(me, || unsafe { live::<V, E, F>(me, landing) }))
}

/// All that runs on a greenlet's stack: its first arrival, and its body if that is a value.
///
/// # Safety
///
/// As for [`entry`]; `me` is the greenlet that runs.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else, for the sake of the stack, each has a frame of its own
unsafe fn live<V: 'static, E: 'static, F: Run<V, E>>(me: BlockPtr, landing: Landing) -> Arrival<V, E> {
    // Before the arrival: what runs in there may save another sp into the context.
    // SAFETY: the caller's contract.
    let body = unsafe { body::take::<F>(me) };
    // SAFETY: the caller's contract.
    match unsafe { slow::land::<V, E>(landing) } {
        Ok(Ok(value)) => Ok(body.call(&Me::new(me), value)),
        thrown if panic::CAUGHT => refused(body, thrown),
        thrown => {
            drop(body);
            thrown
        }
    }
}

/// What becomes of `thrown`, which arrived in the place of a first value: it is what the greenlet leaves, once its body is dropped.
#[cold]
#[inline(never)]
fn refused<V, E, F>(body: Waiting<F>, thrown: Arrival<V, E>) -> Arrival<V, E> {
    match panic::catch(|| drop(body)) {
        Ok(()) => thrown,
        Err(payload) => lost_to(payload, thrown),
    }
}

/// The end of `me`, which runs. Not inlined: one for all bodies.
#[inline(never)]
fn end<V: 'static, E: 'static>(me: BlockPtr, left: Result<Arrival<V, E>, Payload>) -> ! {
    let rare = finish(me, left.unwrap_or_else(Err));
    die(me, rare)
}

/// The end of `me`, which runs, if nothing rare is the matter: a value is left, somebody refers to `me`, and its parent can be
/// switched to. Then this is a fast switch that does not return; else returns what was left.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else, for the sake of the stack, each has a frame of its own
fn finish<V: 'static, E: 'static>(me: BlockPtr, left: Arrival<V, E>) -> Arrival<V, E> {
    let (Ok(Ok(value)) | Ok(Err(Thrown::Exit(value)))) = left else { return left };
    overflow::check_whole::<V, E>(me);
    // SAFETY: a body runs under a parent, in a tree that is entered.
    let parent = unsafe { me.parent().unwrap_unchecked() };
    if me.here().is_rare(parent) || me.flags.get().bits() != 0 {
        return Ok(Ok(value));
    }
    let _busy = Busy::in_tree_of(me);
    outgoing!(place = value);
    // SAFETY: a `V` lies there, which is nobody's from here on.
    let word = unsafe { word::pack(place) };
    mark(me, DEAD);
    me.here().set_current(parent);
    // SAFETY: the parent is suspended or fresh, and exists: the parent field refers to it. `me` does not go on; nobody gives its
    // stack to others, because somebody refers to it, and the parent unpacks the word, first thing.
    unsafe { arch::depart(parent.context(), word) }
}

/// Notes that `me` is over, by `how`.
#[inline]
fn mark(me: BlockPtr, how: Flags) {
    me.die(how);
    me.context.over();
}

/// The end of `me`, which runs, with anything rare the matter: what left its body goes to its parent.
#[cold]
#[inline(never)]
fn die<V: 'static, E: 'static>(me: BlockPtr, left: Arrival<V, E>) -> ! {
    overflow::check_whole::<V, E>(me);
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
    mark(me, DEAD);
    let origin = if me.recover() { me } else { me.retain() }; // the reference that a leak kept serves
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
    mark(me, DEAD | ABANDONED);
    let origin = if me.recover() { me } else { me.retain() };
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
        if !heir.has(BARE) {
            return (heir, whole);
        }
        whole = false;
    }
}
