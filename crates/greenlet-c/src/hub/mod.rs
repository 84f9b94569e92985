//! The hub: each function of `include/greenlet_hub.h`. One per program, over the tree that `greenlet_enter` enters.

pub mod run;
pub mod tasks;
pub mod waits;

use crate::outcome::{
    CLOSED, DEADLOCK, ENDED, EXIT, Fault, NOT_CURRENT, NULL, Out, SECOND_WAITER, VALUE, Word, kind_of,
};
use crate::version::layout;
use core::mem::MaybeUninit;
use greenlet_hub::{Channel, JoinHandle, RawHub, Refusal, Signal, Stop};

/// What C calls `greenlet_task`: a task, in the frame of its own body.
pub type Task = greenlet_hub::Task<Word, Fault>;

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
const _: () =
    assert!(align_of::<Signal>() <= align_of::<u64>() && align_of::<Channel<Word, Fault>>() <= align_of::<u64>());

/// What C gets of a wait.
fn to_c(waited: Result<Word, Stop<Fault>>) -> Out {
    match waited {
        Ok(value) => Out::of(VALUE, value),
        Err(stop) => stopped(stop, Word::NULL),
    }
}

/// Why a wait ended, with what was to be sent; an error takes its place.
#[cold]
fn stopped(stop: Stop<Fault>, sent: Word) -> Out {
    let kind = match stop {
        Stop::Error(fault) => return fault.to_c(),
        Stop::Killed => EXIT,
        Stop::Closed => CLOSED,
        Stop::Deadlock => DEADLOCK,
        Stop::Refused(Refusal::Kernel(refusal)) => kind_of(refusal),
        Stop::Refused(Refusal::NotCurrent) => NOT_CURRENT,
        Stop::Refused(Refusal::SecondWaiter { .. }) => SECOND_WAITER,
        // Of operations that the header does not have: timeouts, locks, scopes.
        _ => ENDED,
    };
    Out::of(kind, sent)
}
