//! Tasks: created, joined, killed.

use super::run::Body;
use super::{Handle, NULL, Out, Task, VALUE, Word, stopped};
use crate::body::{self, Captured, Release};
use crate::outcome::{BAD_NAME, BAD_POOL, ENDED, Fault, GONE, NO_SLOT, NOT_CURRENT};
use crate::text::text;
use crate::version::LEAST_TASK_STACK;
use core::ffi::c_char;
use core::mem::{self, ManuallyDrop, MaybeUninit};
use core::ptr;
use greenlet::RawStacks;
use greenlet_hub::{JoinHandle, SpawnError};

/// What C calls `greenlet_task_options`.
#[repr(C)]
pub struct Options {
    name: *const c_char,
    release: Option<Release>,
    level: u32,
}

/// What `made` is in a handle that was made and not used up. A struct of zeros is refused, and most garbage.
const MADE: u64 = 0x6772_6565_7461_736b;
/// What it is while a task waits with the handle, and may give it back: it can be killed, and not joined or detached.
const LENT: u64 = MADE + 1;

/// As large as the body of a task's greenlet: the slot, and the closure below.
type Closure = [usize; 4];

fn closure(body: Body, captured: Captured) -> impl FnOnce(&Task) -> Result<Out, greenlet_hub::Stop<Fault>> + 'static {
    move |me| {
        let captured = captured; // whole, and dropped after the call
        // SAFETY: the program's own function.
        Ok(unsafe { body(ptr::from_ref(me), captured.argument) })
    }
}

/// `greenlet_task_spawn`.
///
/// # Safety
///
/// The task is null, or the one that runs; the name is null or a text that lives for ever; the pool is null or a static
/// that `GREENLET_POOL` has made; and `made` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_spawn(
    made: *mut Handle,
    me: *const Task,
    pool: *const RawStacks,
    body: Option<Body>,
    argument: Word,
    options: *const Options,
) -> u32 {
    // SAFETY: the caller's contract.
    let (me, pool) = (unsafe { me.as_ref() }, unsafe { pool.as_ref() });
    let (Some(me), Some(pool), Some(body)) = (me, pool, body) else { return NULL };
    if !pool.is_sound::<Word, Fault, Closure>(LEAST_TASK_STACK) {
        return BAD_POOL;
    }
    let mut builder = me.build(pool);
    let mut release = None;
    // SAFETY: the caller's contract.
    if let Some(options) = unsafe { options.as_ref() } {
        // SAFETY: the same.
        match unsafe { text(options.name) } {
            Err(_) => return BAD_NAME,
            Ok(Some(name)) => builder = builder.name(name),
            Ok(None) => {}
        }
        builder = builder.level(u8::try_from(options.level).unwrap_or(u8::MAX));
        release = options.release;
    }
    match builder.spawn(closure(body, Captured { argument, release })) {
        Ok(handle) if made.is_null() => drop(handle), // it continues
        // SAFETY: valid by the contract.
        Ok(handle) => unsafe { made.write(Handle { made: MADE, handle: MaybeUninit::new(handle) }) },
        Err(refused) => {
            // The argument stays the caller's.
            mem::forget(refused.returned);
            return match refused.reason {
                SpawnError::NoSlot { .. } => NO_SLOT,
                SpawnError::NoStack(reason) => body::why_not(reason),
                _ => ENDED,
            };
        }
    }
    VALUE
}

/// The handle, if it is one, borrowed.
///
/// # Safety
///
/// It is null, or was zeroed or made by `greenlet_task_spawn`.
unsafe fn borrow<'a>(handle: *const Handle) -> Option<&'a JoinHandle<Out, Word, Fault>> {
    // SAFETY: the caller's contract.
    let handle = unsafe { handle.as_ref() }.filter(|handle| [MADE, LENT].contains(&handle.made))?;
    // SAFETY: `greenlet_task_spawn` has written both.
    Some(unsafe { handle.handle.assume_init_ref() })
}

/// Waits for the end of a task by `wait`, and gives the handle back. `None` if it is none, or if another task does this
/// with it.
///
/// # Safety
///
/// As for [`borrow`]; and the handle exists until this returns.
pub(super) unsafe fn lent<R>(
    handle: *mut Handle,
    wait: impl FnOnce(&mut JoinHandle<Out, Word, Fault>) -> R,
) -> Option<R> {
    // SAFETY: the caller's contract. What can be taken is the handle alone; it stays in its place, for kills meanwhile.
    let mut copy = ManuallyDrop::new(unsafe { take(handle) }?);
    // SAFETY: `take` has found a handle there. No reference to it exists during the wait.
    unsafe { (*handle).made = LENT };
    let result = wait(&mut copy);
    // SAFETY: the same.
    if unsafe { (*handle).made } != LENT {
        // Against the contract of `greenlet_task_spawn`, it has written another handle there. That one stays.
        drop(ManuallyDrop::into_inner(copy));
        return None;
    }
    // SAFETY: the same.
    unsafe { (*handle).made = MADE };
    Some(result)
}

/// The handle, if it is one, taken: it is none afterwards.
///
/// # Safety
///
/// As for [`borrow`]; and it is not used by other code.
unsafe fn take(handle: *mut Handle) -> Option<JoinHandle<Out, Word, Fault>> {
    // SAFETY: the caller's contract.
    let handle = unsafe { handle.as_mut() }.filter(|handle| handle.made == MADE)?;
    handle.made = 0;
    // SAFETY: `greenlet_task_spawn` has written both, and `made` says that it was not taken.
    Some(unsafe { handle.handle.assume_init_read() })
}

/// `greenlet_task_join`: waits for the end of a task.
///
/// # Safety
///
/// The task `me` is null, or the one that runs; the handle is null, or was zeroed or made by `greenlet_task_spawn`; and
/// `ended` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_join(me: *const Task, handle: *mut Handle, ended: *mut Out) -> Out {
    // SAFETY: the caller's contract.
    let Some(me) = (unsafe { me.as_ref() }) else { return Out::refused(NULL) };
    if !me.greenlet().is_current() {
        return Out::refused(NOT_CURRENT);
    }
    // SAFETY: the same.
    unsafe { join(me, handle, ended) }
}

/// Joins, on behalf of the task that runs.
///
/// # Safety
///
/// As for `greenlet_task_join`.
pub(super) unsafe fn join(me: &Task, handle: *mut Handle, ended: *mut Out) -> Out {
    // SAFETY: the caller's contract.
    let Some(handle) = (unsafe { take(handle) }) else { return Out::refused(NULL) };
    let result = match handle.join(me) {
        Ok(Ok(result)) => result,
        Ok(Err(stop)) => stopped(stop, Word::NULL),
        Err(stop) => return stopped(stop, Word::NULL),
    };
    if !ended.is_null() {
        // SAFETY: valid by the contract.
        unsafe { ended.write(result) };
    }
    Out::of(VALUE, Word::NULL)
}

/// `greenlet_task_kill`: asks a task to end.
///
/// # Safety
///
/// The handle is null, or was zeroed or made by `greenlet_task_spawn`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_kill(handle: *const Handle) -> u32 {
    // SAFETY: the caller's contract.
    match unsafe { borrow(handle) } {
        None => NULL,
        Some(handle) if handle.is_over() => GONE,
        Some(handle) => {
            handle.kill();
            VALUE
        }
    }
}

/// `greenlet_task_throw`: throws an error into a task.
///
/// # Safety
///
/// The handle is null, or was zeroed or made by `greenlet_task_spawn`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_throw(handle: *const Handle, error: Word) -> u32 {
    // SAFETY: the caller's contract.
    let Some(handle) = (unsafe { borrow(handle) }) else { return NULL };
    if handle.throw(Fault::thrown(error)).is_ok() { VALUE } else { GONE }
}

/// `greenlet_task_detach`: gives a handle up. The task continues.
///
/// # Safety
///
/// The handle is null, or was zeroed or made by `greenlet_task_spawn`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_task_detach(handle: *mut Handle) -> u32 {
    // SAFETY: the caller's contract.
    unsafe { take(handle) }.map_or(NULL, |handle| {
        drop(handle);
        VALUE
    })
}

const _: () = {
    // A closure of another size would need another stack than `is_sound` was asked about.
    const fn size_of_closure<F>(_: &impl Fn(Body, Captured) -> F) -> usize {
        size_of::<F>()
    }
    assert!(size_of_closure(&closure) + size_of::<usize>() == size_of::<Closure>());
};
