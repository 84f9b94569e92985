//! Waits that end when their time is over, and code whose waits nothing ends.

use super::run::Body;
use super::tasks::{join, lent};
use super::waits::{bits, received, sent};
use super::{Channel, Handle, NULL, Out, TIMEOUT, Task, Word, stopped, with};
use crate::outcome::{Fault, NOT_CURRENT};
use core::time::Duration;
use greenlet_hub::{JoinHandle, Signal, Stop};

/// What `wait` ends with, or a timeout; `sent` is given back with any other result than a value.
fn limited(me: &Task, nanoseconds: u64, sent: Word, wait: impl FnOnce() -> Result<Out, Stop<Fault>>) -> Out {
    match me.with_timeout(Duration::from_nanos(nanoseconds), wait) {
        Ok(Some(result)) => result,
        Ok(None) => Out::of(TIMEOUT, sent),
        Err(stop) => stopped(stop, sent),
    }
}

/// `greenlet_task_within`: calls a function whose waits end when the time is over.
///
/// # Safety
///
/// The task is null, or the one that runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_within(
    me: *const Task,
    nanoseconds: u64,
    body: Option<Body>,
    argument: Word,
) -> Out {
    // SAFETY: the caller's contract.
    let (Some(task), Some(body)) = (unsafe { me.as_ref() }, body) else { return Out::refused(NULL) };
    // SAFETY: the program's own function. A timeout in its result is not looked at, so it goes on as it is.
    limited(task, nanoseconds, Word::NULL, || Ok(unsafe { body(me, argument) }))
}

/// `greenlet_task_shield`: calls a function whose waits nothing ends that comes from outside of it.
///
/// # Safety
///
/// The task is null, or the one that runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_shield(me: *const Task, body: Option<Body>, argument: Word) -> Out {
    // SAFETY: the caller's contract.
    let (Some(task), Some(body)) = (unsafe { me.as_ref() }, body) else { return Out::refused(NULL) };
    if !task.greenlet().is_current() {
        return Out::refused(NOT_CURRENT);
    }
    // SAFETY: the program's own function.
    task.shield(|| unsafe { body(me, argument) })
}

/// `greenlet_signal_wait_for`.
///
/// # Safety
///
/// The task is null, or the one that runs; the signal is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_signal_wait_for(me: *const Task, signal: *const Signal, nanoseconds: u64) -> Out {
    let wait = |me: &Task, signal: &Signal| limited(me, nanoseconds, Word::NULL, || signal.wait(me).map(bits));
    // SAFETY: the caller's contract.
    unsafe { with(me, signal, Word::NULL, wait) }
}

/// `greenlet_channel_send_for`.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_send_for(
    me: *const Task,
    channel: *const Channel,
    value: Word,
    nanoseconds: u64,
) -> Out {
    let wait = |me: &Task, to: &Channel| limited(me, nanoseconds, value, || Ok(to.send(me, value).map(sent)?));
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, value, wait) }
}

/// `greenlet_channel_receive_for`.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_receive_for(
    me: *const Task,
    channel: *const Channel,
    nanoseconds: u64,
) -> Out {
    let wait = |me: &Task, from: &Channel| limited(me, nanoseconds, Word::NULL, || from.receive(me).map(received));
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, Word::NULL, wait) }
}

/// `greenlet_task_join_for`. The handle stays one unless the task has ended.
///
/// # Safety
///
/// The task `me` is null, or the one that runs; the handle is null, or was zeroed or made by `greenlet_task_spawn`; and
/// `ended` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_join_for(
    me: *const Task,
    handle: *mut Handle,
    ended: *mut Out,
    nanoseconds: u64,
) -> Out {
    // SAFETY: the caller's contract.
    let Some(task) = (unsafe { me.as_ref() }) else { return Out::refused(NULL) };
    if !task.greenlet().is_current() {
        return Out::refused(NOT_CURRENT);
    }
    let wait = |waited: &mut JoinHandle<Out, Word, Fault>| {
        limited(task, nanoseconds, Word::NULL, || waited.wait_over(task).map(sent))
    };
    // SAFETY: the caller's contract.
    match unsafe { lent(handle, wait) } {
        None => Out::refused(NULL),
        // SAFETY: the same.
        Some(waited) if waited.is_value() => unsafe { join(task, handle, ended) },
        Some(waited) => waited,
    }
}
