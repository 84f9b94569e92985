//! The hub: each function of `include/greenlet_hub.h`. One per program, over the tree that `greenlet_enter` enters.

pub mod limits;
pub mod run;
pub mod tasks;
pub mod waits;

use crate::outcome::{
    CLOSED, DEADLOCK, ENDED, EXIT, Fault, NOT_CURRENT, NULL, Out, SECOND_WAITER, TIMEOUT, TOO_DEEP, VALUE, Word,
    kind_of,
};
use crate::version::layout;
use core::mem::MaybeUninit;
use greenlet_hub::{JoinHandle, RawHub, Refusal, Signal, Stop};

/// What C calls `greenlet_task`: a task, in the frame of its own body.
pub type Task = greenlet_hub::Task<Word, Fault>;

/// What C calls `greenlet_channel`.
pub type Channel = greenlet_hub::Channel<Word, Fault>;

/// What C calls `greenlet_task_handle`: `made` is 0 as long as it is none.
#[repr(C)]
pub struct Handle {
    made: u64,
    handle: MaybeUninit<JoinHandle<Out, Word, Fault>>,
}

/// The sizes of all structs of the header, and of a slot.
const LAYOUT: u64 = {
    let (signal, channel) = greenlet_hub::zeros_are_new::<Word, Fault>();
    layout([
        RawHub::<Word, Fault>::SLOT,
        signal,
        channel,
        size_of::<run::Platform>(),
        size_of::<run::Tasks>(),
        size_of::<tasks::Options>(),
        size_of::<Handle>(),
    ])
};
const _: () = assert!(align_of::<Signal>() == align_of::<usize>() && align_of::<Channel>() == align_of::<usize>());

/// Calls with the task and a signal or channel. If one is null, that is refused, with what was to be `sent`.
///
/// # Safety
///
/// The task is null, or the one that runs; the object is null, or a static that was zeros at first.
unsafe fn with<T>(me: *const Task, object: *const T, sent: Word, call: impl FnOnce(&Task, &T) -> Out) -> Out {
    // SAFETY: the caller's contract; zeros are a new signal or channel.
    match (unsafe { me.as_ref() }, unsafe { object.as_ref() }) {
        (Some(me), Some(object)) => call(me, object),
        _ => Out::of(NULL, sent),
    }
}

/// What C gets of a wait.
fn to_c(waited: Result<Out, Stop<Fault>>) -> Out {
    waited.unwrap_or_else(|stop| stopped(stop, Word::NULL))
}

/// Why a wait ended, with what was to be sent; an error takes its place.
#[cold]
fn stopped(stop: Stop<Fault>, sent: Word) -> Out {
    let kind = match stop {
        Stop::Error(fault) => return fault.to_c(),
        Stop::Killed => EXIT,
        Stop::Closed => CLOSED,
        Stop::Deadlock => DEADLOCK,
        Stop::Timeout(_) => TIMEOUT,
        Stop::Refused(Refusal::Kernel(refusal)) => kind_of(refusal),
        Stop::Refused(Refusal::NotCurrent) => NOT_CURRENT,
        Stop::Refused(Refusal::SecondWaiter { .. }) => SECOND_WAITER,
        Stop::Refused(Refusal::TooDeep) => TOO_DEEP,
        // Of operations that the header does not have: locks, scopes.
        _ => ENDED,
    };
    Out::of(kind, sent)
}
