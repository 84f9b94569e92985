//! The start and the death of a greenlet.

use super::arrival::{self, OutcomeOrPanic, Packet};
use super::slow::{first_not_dead, set_current_for_packet};
use super::{outgoing, word};
use crate::arch::{Context, Isa, Landing, Native, Word};
use crate::kernel::body::{self, Body, Waiting};
use crate::kernel::me::Me;
use crate::kernel::overflow;
use crate::kernel::thrown::Thrown;
#[cfg(feature = "abandon")]
use crate::records::block::ABANDONED;
use crate::records::block::{BlockPtr, DEAD, Flags, NO_BODY};
use crate::records::busy::Busy;
use crate::records::panic::{self, Payload};
use core::mem::{ManuallyDrop, MaybeUninit, needs_drop};

/// Runs a greenlet with a body of type `F`, from its first arrival to its death. Called by the trampoline.
///
/// `extern "C"`, and nothing in this frame has a destructor: [`crate::records::panic`] says what happens to a panic.
///
/// # Safety
///
/// Only the trampoline calls this, with the arguments that the switch passed to it. `this` is the context of a greenlet
/// with such a body, of a tree of `V` and `E`.
pub(crate) unsafe extern "C" fn entry<V: 'static, E: 'static, F: Body<V, E>>(
    word: Word,
    this: *const Context,
    target: *const Context,
    packet: *const (),
) -> ! {
    // SAFETY: `this` is the context of a block, by the contract.
    let me = unsafe { BlockPtr::from_context(this) };
    let landing = Landing::new(word, target, packet);
    // SAFETY: the caller's contract; `landing` is received once, here.
    end(me, panic::guard(me, || unsafe { run_body::<V, E, F>(me, landing) }))
}

/// Receives the first transfer to a greenlet, and calls the body if it is a value. Returns the result of the greenlet.
///
/// # Safety
///
/// As for [`entry`]; `me` is the current greenlet.
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
unsafe fn run_body<V: 'static, E: 'static, F: Body<V, E>>(me: BlockPtr, landing: Landing) -> OutcomeOrPanic<V, E> {
    // Taken before `arrival::receive_first`. The address of the body is the saved sp, and user code that an arrival
    // runs may switch, which saves another sp there.
    // SAFETY: the caller's contract.
    let body = unsafe { body::take::<F>(me) };
    // SAFETY: the caller's contract.
    match unsafe { arrival::receive_first::<V, E>(landing) } {
        Ok(Ok(value)) => Ok(body.call(&Me::new(me), value)),
        thrown if panic::CAUGHT => drop_uncalled(body, thrown),
        thrown => {
            drop(body);
            thrown
        }
    }
}

/// Drops the body of a greenlet whose first transfer delivered no value. Returns the greenlet's result: `thrown`, or
/// the panic of the drop.
#[cold]
#[inline(never)]
fn drop_uncalled<V, E, F>(body: Waiting<F>, thrown: OutcomeOrPanic<V, E>) -> OutcomeOrPanic<V, E> {
    match panic::catch(|| drop(body)) {
        Ok(()) => thrown,
        Err(payload) => {
            panic::discard(thrown);
            Err(payload)
        }
    }
}

/// Ends `me`, the current greenlet. `result` is the panic that left the body; or else what the body returned; or, if it
/// was not called, what arrived in place of a value. Not inlined, so all bodies share one copy.
#[inline(never)]
fn end<V: 'static, E: 'static>(me: BlockPtr, result: Result<OutcomeOrPanic<V, E>, Payload>) -> ! {
    let undelivered = finish(me, result.unwrap_or_else(Err));
    die(me, undelivered)
}

/// Ends `me`, the current greenlet, by a fast switch to its parent that saves nothing and does not return. Needs a
/// value or an exit as result, no flags on `me` or its parent, and the usual `slow` word: so `me` is referenced, and
/// there is no tracer and no pending kill. Otherwise returns the result, for [`die`].
#[cfg_attr(not(any(unoptimized, debug_assertions)), inline(always))] // else out of line: smaller frames
fn finish<V: 'static, E: 'static>(me: BlockPtr, result: OutcomeOrPanic<V, E>) -> OutcomeOrPanic<V, E> {
    let (Ok(Ok(value)) | Ok(Err(Thrown::Exit(value)))) = result else { return result };
    overflow::check_whole::<V, E>(me);
    // SAFETY: `me` runs a body, in a tree that is entered, so it has a parent.
    let parent = unsafe { me.parent().unwrap_unchecked() };
    if me.core().needs_slow_path(parent) || me.flags.get().bits() != 0 {
        return Ok(Ok(value));
    }
    let _busy = Busy::in_tree_of(me);
    outgoing!(place = value);
    mark_dead(me, DEAD);
    me.core().set_current(parent);
    if const { word::is_wide::<V>() } {
        // SAFETY: `place` points to a valid `V`, which no other code uses or drops from here on.
        let words = unsafe { word::pack_wide(place) };
        // SAFETY: as below.
        unsafe { Native::finish_with_words(parent.context(), words) }
    }
    // SAFETY: `place` points to a valid `V`, which no other code uses or drops from here on.
    let word = unsafe { word::pack(place) };
    // SAFETY: the parent is suspended or unstarted, and exists: the parent field refers to it. `me` is never resumed.
    // Its stack is not reused before the parent has unpacked the value: `me` is referenced, and unpacking is what the
    // parent does first.
    unsafe { Native::finish_with_word(parent.context(), word) }
}

/// Sets the flags `how` on `me`, which is dying, and resets its context: a debugger then sees an empty stack.
#[cfg_attr(small, inline(never))] // one copy
#[cfg_attr(not(small), inline(always))]
fn mark_dead(me: BlockPtr, how: Flags) {
    me.die(how);
    me.context.clear_frames();
}

/// Ends `me`, the current greenlet, by the slow path: sends its result to the nearest ancestor that is neither dead nor
/// bare.
#[cold]
#[inline(never)]
fn die<V: 'static, E: 'static>(me: BlockPtr, result: OutcomeOrPanic<V, E>) -> ! {
    overflow::check_whole::<V, E>(me);
    let _busy = Busy::in_tree_of(me);
    let (mut what, mut panicked) = match result {
        // An exit that leaves the body is its result.
        Ok(Err(Thrown::Exit(value))) => (MaybeUninit::new(Ok(value)), None),
        Ok(outcome) => (MaybeUninit::new(outcome), None),
        Err(payload) => (MaybeUninit::uninit(), Some(payload)),
    };
    let (mut heir, unchanged) = heir_of(me);
    if !unchanged {
        panicked = match panicked {
            Some(payload) => panic::drop_payload(payload).err(),
            // SAFETY: there is an outcome if there is no panic. Something else is written.
            None => panic::catch(|| unsafe { what.assume_init_drop() }).err(),
        };
        what.write(Err(Thrown::NoRun));
        // The destructor may have changed parents, or given a bare one a body.
        (heir, _) = heir_of(me);
    }
    mark_dead(me, DEAD);
    let origin = if me.unleak() { me } else { me.retain() }; // a leaked greenlet owns a reference already
    let packet = ManuallyDrop::new(Packet { origin, what: what.as_ptr(), panic: panicked });
    set_current_for_packet(heir);
    // SAFETY: the heir is suspended or unstarted, and exists: parent fields refer to it. `me` is never resumed. Its
    // stack, with the packet, is not reused before the heir has read the packet and releases the origin.
    unsafe { Native::finish_with_packet(heir.context(), (&raw const packet).cast()) }
}

/// Ends `me`, whose body neither returns nor unwinds, because a fault or a panic stopped it: sends `error` to the
/// nearest ancestor that is neither dead nor bare. Does what the last part of [`die`] does, but runs no user code. Runs
/// on any stack: after a fault on the landing stack, which the firmware provides; after a panic on that of `me`.
///
/// # Safety
///
/// `me` is current and not main, of a tree of `V` and `E`. It was not stopped inside this crate's own code, and no code
/// returns to its frames. The caller's stack does not change until the packet is read.
#[cfg(feature = "abandon")]
pub(crate) unsafe fn abandon<V: 'static, E: 'static>(me: BlockPtr, error: E) -> ! {
    let (heir, unchanged) = heir_of(me);
    let thrown: Thrown<V, E> = if unchanged {
        Thrown::Error(error)
    } else {
        core::mem::forget(error); // its destructor might switch, and this stack may be no greenlet's
        Thrown::NoRun
    };
    mark_dead(me, DEAD | ABANDONED);
    let origin = if me.unleak() { me } else { me.retain() };
    let what: ManuallyDrop<crate::kernel::thrown::Outcome<V, E>> = ManuallyDrop::new(Err(thrown));
    let packet = ManuallyDrop::new(Packet::<V, E> { origin, what: (&raw const what).cast(), panic: None });
    set_current_for_packet(heir);
    // SAFETY: the heir is suspended or unstarted, and exists: parent fields refer to it. `me` is never resumed; the
    // packet stays until it is read, by the contract.
    unsafe { Native::finish_with_packet(heir.context(), (&raw const packet).cast()) }
}

/// Returns the receiver of the result of `me`, its nearest ancestor that is neither dead nor bare; and whether it
/// receives the result unchanged. If a nearer ancestor is bare it does not: it receives `Thrown::NoRun`.
fn heir_of(me: BlockPtr) -> (BlockPtr, bool) {
    let mut heir = me;
    let mut steps = 0_u32;
    loop {
        let Some(parent) = heir.parent() else { unreachable!("only main has no parent, and it has no body") };
        heir = first_not_dead(parent);
        steps += 1;
        if !heir.has(NO_BODY) {
            return (heir, steps == 1);
        }
    }
}
