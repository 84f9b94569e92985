//! What a task waits for: time, signals, channels.

use super::{CLOSED, Channel, NULL, Out, Task, VALUE, Word, stopped, to_c, with};
use crate::outcome::{NOT_CURRENT, WOULD_WAIT};
use core::ptr;
use core::time::Duration;
use greenlet_hub::Signal;

/// What C gets of a wait for a signal.
pub(super) fn bits(bits: u32) -> Out {
    Out::of(VALUE, Word(ptr::without_provenance_mut(bits as usize)))
}

/// What C gets of a value that was received.
pub(super) fn received(value: Word) -> Out {
    Out::of(VALUE, value)
}

/// What C gets of a wait that brings nothing.
pub(super) fn sent((): ()) -> Out {
    Out::of(VALUE, Word::NULL)
}

/// `greenlet_task_yield`: lets the others run that are ready.
///
/// # Safety
///
/// The task is null, or the one that runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_yield(me: *const Task) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { me.as_ref() } {
        Some(me) => to_c(me.yield_now().map(sent)),
        None => Out::refused(NULL),
    }
}

/// `greenlet_task_sleep`.
///
/// # Safety
///
/// The task is null, or the one that runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_sleep(me: *const Task, nanoseconds: u64) -> Out {
    // SAFETY: the caller's contract.
    match unsafe { me.as_ref() } {
        Some(me) => to_c(me.sleep(Duration::from_nanos(nanoseconds)).map(sent)),
        None => Out::refused(NULL),
    }
}

/// `greenlet_signal_raise`. For any core and any interrupt handler.
///
/// # Safety
///
/// The signal is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_signal_raise(signal: *const Signal, bits: u32) -> u32 {
    // SAFETY: the caller's contract; zeros are a new signal.
    unsafe { signal.as_ref() }.map_or(NULL, |signal| {
        signal.raise(bits);
        VALUE
    })
}

/// `greenlet_signal_take`: the bits that are raised.
///
/// # Safety
///
/// The signal is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_signal_take(signal: *const Signal) -> u32 {
    // SAFETY: the caller's contract; zeros are a new signal.
    unsafe { signal.as_ref() }.map_or(0, Signal::take)
}

/// `greenlet_signal_wait`.
///
/// # Safety
///
/// The task is null, or the one that runs; the signal is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_signal_wait(me: *const Task, signal: *const Signal) -> Out {
    // SAFETY: the caller's contract.
    unsafe { with(me, signal, Word::NULL, |me, signal| to_c(signal.wait(me).map(bits))) }
}

/// `greenlet_channel_send`.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_send(me: *const Task, channel: *const Channel, value: Word) -> Out {
    let send = |me: &Task, channel: &Channel| match channel.send(me, value) {
        Ok(()) => sent(()),
        Err(refused) => stopped(refused.reason, refused.returned),
    };
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, value, send) }
}

/// `greenlet_channel_receive`.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_receive(me: *const Task, channel: *const Channel) -> Out {
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, Word::NULL, |me, channel| to_c(channel.receive(me).map(received))) }
}

/// `greenlet_channel_try_send`: sends if a task waits to receive.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_try_send(me: *const Task, channel: *const Channel, value: Word) -> Out {
    let send = |me: &Task, channel: &Channel| {
        if !me.greenlet().is_current() {
            return Out::of(NOT_CURRENT, value);
        }
        match channel.try_send(me, value) {
            Ok(()) => sent(()),
            Err(value) => Out::of(if channel.is_closed() { CLOSED } else { WOULD_WAIT }, value),
        }
    };
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, value, send) }
}

/// `greenlet_channel_try_receive`: receives if a task waits to send.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_try_receive(me: *const Task, channel: *const Channel) -> Out {
    let receive = |me: &Task, channel: &Channel| {
        if !me.greenlet().is_current() {
            return Out::refused(NOT_CURRENT);
        }
        to_c(channel.try_receive(me).map(|value| value.map_or(Out::refused(WOULD_WAIT), received)))
    };
    // SAFETY: the caller's contract.
    unsafe { with(me, channel, Word::NULL, receive) }
}

/// `greenlet_channel_close`.
///
/// # Safety
///
/// The task is null, or the one that runs; the channel is null, or a static that was zeros at first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_channel_close(me: *const Task, channel: *const Channel) -> u32 {
    // SAFETY: the caller's contract; zeros are a new channel.
    match (unsafe { me.as_ref() }, unsafe { channel.as_ref() }) {
        (Some(me), Some(channel)) => {
            channel.close(me);
            VALUE
        }
        _ => NULL,
    }
}
