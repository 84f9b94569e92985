//! Bodies: a function of the C program and its argument, as the closure that a greenlet runs.

use crate::handle::{Greenlet, Handle, Me, existing, give, raw};
use crate::outcome::{
    BAD_NAME, BAD_POOL, BUSY, ENDED, Fault, MAIN, NULL, OTHER_CORE, Out, Outcome, POOL_EMPTY, STARTED, VALUE, Word,
};
use crate::text::text;
use crate::tree;
use crate::version::LEAST_STACK;
use core::ffi::c_char;
use core::mem;
use greenlet::{RawStacks, RunError, SpawnError};

type Body = unsafe extern "C" fn(me: *mut Handle, argument: Word, value: Word) -> Out;
pub(crate) type Release = unsafe extern "C" fn(argument: Word);

/// What C calls `greenlet_options`.
#[repr(C)]
pub struct Options {
    name: *const c_char,
    release: Option<Release>,
}

/// What a body captures: its argument, which `release` is called with when the body is over or was dropped unstarted.
pub(crate) struct Captured {
    pub(crate) argument: Word,
    pub(crate) release: Option<Release>,
}

impl Drop for Captured {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the program's own function, with the argument that it is for.
            unsafe { release(self.argument) }
        }
    }
}

/// All bodies of C are this one closure, so there is one copy of the kernel's code for them.
fn closure(body: Body, captured: Captured) -> impl FnOnce(&Me, Word) -> Outcome + 'static {
    move |me, value| {
        let captured = captured; // whole, and dropped after the call
        // SAFETY: the program's own function.
        unsafe { body(raw(me), captured.argument, value) }.to_rust()
    }
}
/// As large as that closure, for the size of a stack.
type Closure = [usize; 3];

/// `greenlet_spawn`.
///
/// # Panics
///
/// If the parent was freed, and its stack has no other greenlet.
///
/// # Safety
///
/// `parent` is a handle or null, the name is null or a text that lives for ever, and the pool is null or a static that
/// `GREENLET_POOL` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_spawn(
    made: *mut *mut Handle,
    parent: *mut Handle,
    pool: *const RawStacks,
    body: Option<Body>,
    argument: Word,
    options: *const Options,
) -> u32 {
    // SAFETY: the caller's contract.
    let Some(pool) = unsafe { pool.as_ref() }.filter(|_| !made.is_null()) else { return NULL };
    if !pool.is_sound::<Word, Fault, Closure>(LEAST_STACK) {
        return BAD_POOL;
    }
    // SAFETY: the caller's contract.
    let options = unsafe { options.as_ref() };
    // SAFETY: the same.
    let name = match options.map(|options| unsafe { text(options.name) }) {
        Some(Err(_)) => return BAD_NAME,
        Some(Ok(name)) => name,
        None => None,
    };
    // SAFETY: the caller's contract.
    let created = match unsafe { existing(&parent) } {
        Some(parent) => create(parent, pool, name, body, argument, options),
        // As in the package: without a parent, the current greenlet is that.
        None => match tree::current() {
            Some(current) => create(&current, pool, name, body, argument, options),
            None => Err(ENDED),
        },
    };
    match created {
        Ok(greenlet) => {
            // SAFETY: not null, and valid by the contract.
            unsafe { made.write(give(greenlet)) };
            VALUE
        }
        Err(kind) => kind,
    }
}

fn create(
    parent: &Greenlet,
    pool: &'static RawStacks,
    name: Option<&'static str>,
    body: Option<Body>,
    argument: Word,
    options: Option<&Options>,
) -> Result<Greenlet, u32> {
    let mut builder = parent.build(pool);
    if let Some(name) = name {
        builder = builder.name(name);
    }
    let created = match body {
        None => builder.bare(),
        Some(body) => {
            let release = options.and_then(|options| options.release);
            builder.spawn(closure(body, Captured { argument, release })).map_err(|refused| {
                // The argument stays the caller's.
                mem::forget(refused.returned);
                refused.reason
            })
        }
    };
    created.map_err(why_not)
}

/// Why there is no stack for a greenlet.
pub(crate) fn why_not(reason: SpawnError) -> u32 {
    match reason {
        SpawnError::PoolEmpty { .. } => POOL_EMPTY,
        SpawnError::OtherCore => OTHER_CORE,
        SpawnError::Ended => ENDED,
        _ => BAD_POOL,
    }
}

/// `greenlet_set_body`: gives an unstarted greenlet another body. What is refused stays the caller's.
///
/// # Panics
///
/// If the greenlet was freed, and its stack has no other one.
///
/// # Safety
///
/// The handle is one or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_set_body(
    greenlet: *mut Handle,
    body: Option<Body>,
    argument: Word,
    release: Option<Release>,
) -> u32 {
    // SAFETY: the caller's contract.
    let (Some(greenlet), Some(body)) = (unsafe { existing(&greenlet) }, body) else { return NULL };
    // A reference of its own: `release` of the old body may give the caller's up.
    let greenlet = greenlet.clone();
    match greenlet.set_run(closure(body, Captured { argument, release })) {
        Ok(()) => VALUE,
        Err(refused) => {
            mem::forget(refused.returned);
            match refused.reason {
                RunError::Main => MAIN,
                RunError::Started => STARTED,
                RunError::Busy => BUSY,
                RunError::Ended => ENDED,
                _ => BAD_POOL,
            }
        }
    }
}

/// `greenlet_pool_free`: how many stacks of the pool are free.
///
/// # Safety
///
/// The pool is null, or a static that `GREENLET_POOL` has made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greenlet_pool_free(pool: *const RawStacks) -> usize {
    // SAFETY: the caller's contract.
    unsafe { pool.as_ref() }.map_or(0, RawStacks::free)
}

const _: () = {
    // A closure of another size would need another stack than `is_sound` was asked about.
    const fn same_size<F>(_: &impl Fn(Body, Captured) -> F) -> bool {
        size_of::<F>() == size_of::<Closure>()
    }
    assert!(same_size(&closure));
};
