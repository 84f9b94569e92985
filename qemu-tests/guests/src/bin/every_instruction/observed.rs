//! Transfers with patterns in all registers that a function must keep, and on the stack.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::handler::window;
use crate::{Greenlet, Me, Outcome, isa};

/// Whose patterns: no two have a word in common.
#[derive(Clone, Copy)]
pub(crate) struct Patterns(u64);

pub(crate) const MAIN: Patterns = Patterns(0x1111_2222_3333_4400);
pub(crate) const OTHER: Patterns = Patterns(0x8888_9999_aaaa_bb00);
pub(crate) const NOBODY: Patterns = Patterns(0xcccc_dddd_eeee_ff00);

/// In which bits the patterns differed from what was there after a transfer.
#[repr(C)]
#[derive(Debug, PartialEq)]
pub(crate) struct Lost {
    pub(crate) registers: u64,
    pub(crate) stack: u64,
}

impl Lost {
    pub(crate) const NOTHING: Self = Self { registers: 0, stack: 0 };
}

static REGISTERS: AtomicU64 = AtomicU64::new(0);
static STACK: AtomicU64 = AtomicU64::new(0);

/// What was lost since this was called last.
pub(crate) fn take_lost() -> Lost {
    Lost { registers: REGISTERS.swap(0, Relaxed), stack: STACK.swap(0, Relaxed) }
}

/// Makes a transfer with patterns in the registers and on the stack.
#[inline(always)]
pub(crate) fn kept<R>(patterns: Patterns, transfer: impl FnOnce() -> R) -> R {
    framed(patterns, || window(transfer))
}

/// Calls `f` with patterns in the registers and on the stack.
#[inline(always)]
pub(crate) fn framed<R>(patterns: Patterns, f: impl FnOnce() -> R) -> R {
    /// # Safety
    ///
    /// `job` is that of the call to `framed` which made this function.
    unsafe extern "C" fn call<F: FnOnce()>(job: *mut ()) {
        // SAFETY: an `Option<F>`, which nobody else looks at now.
        let job = unsafe { &mut *job.cast::<Option<F>>() };
        job.take().expect("called once")();
    }
    fn caller<F: FnOnce()>(_job: &Option<F>) -> unsafe extern "C" fn(*mut ()) {
        call::<F>
    }

    let mut result = None;
    let mut job = Some(|| result = Some(f()));
    // SAFETY: `caller` made the function for this very job.
    let lost = unsafe { isa::framed(caller(&job), (&raw mut job).cast(), patterns.0) };
    REGISTERS.fetch_or(lost.registers, Relaxed);
    STACK.fetch_or(lost.stack, Relaxed);
    result.expect("the job was called")
}

// One place in the code for each: all that leave by it are seen together.

#[inline(never)]
pub(crate) fn switch(patterns: Patterns, to: &Greenlet, value: u64) -> Outcome {
    kept(patterns, || to.switch(value))
}

#[inline(never)]
pub(crate) fn up(me: &Me, value: u64) -> Outcome {
    kept(OTHER, || me.up(value))
}

#[inline(never)]
pub(crate) fn throw(patterns: Patterns, to: &Greenlet, error: u64) -> Outcome {
    kept(patterns, || to.throw(error))
}
