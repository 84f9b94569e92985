//! Transfers with patterns in all registers that a function must keep, and on the stack.

use board::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::handler::window;
use crate::{Greenlet, Me, Outcome, isa};

/// Whose patterns: no two have a word in common.
#[derive(Clone, Copy)]
pub(crate) struct Patterns(u64);

pub(crate) const MAIN: Patterns = Patterns(0x1111_2222_3333_4400);
pub(crate) const OTHER: Patterns = Patterns(0x8888_9999_aaaa_bb00);

/// In which bits the patterns differed from what was there after a transfer.
#[repr(C)]
#[derive(Debug, PartialEq)]
pub(crate) struct Lost {
    pub(crate) registers: usize,
    pub(crate) stack: usize,
}

impl Lost {
    pub(crate) const NOTHING: Self = Self { registers: 0, stack: 0 };
}

static REGISTERS: AtomicUsize = AtomicUsize::new(0);
static STACK: AtomicUsize = AtomicUsize::new(0);

/// What was lost since this was called last.
pub(crate) fn take_lost() -> Lost {
    Lost { registers: REGISTERS.swap(0, Relaxed), stack: STACK.swap(0, Relaxed) }
}

/// Makes a transfer with patterns in the registers and on the stack.
#[inline(always)]
pub(crate) fn kept<R>(patterns: Patterns, transfer: impl FnOnce() -> R) -> R {
    // SAFETY: a job is called once, and gets its own pointer.
    let (result, lost) = as_job(|| window(transfer), |call, job| unsafe { isa::framed(call, job, patterns.0) });
    REGISTERS.fetch_or(lost.registers, Relaxed);
    STACK.fetch_or(lost.stack, Relaxed);
    result
}

/// Calls `f` with registers and with a stack that are the same each time, at the same place. What is there may be
/// copied by code that does not know that it is of no use, and be left on the greenlet's stack.
pub(crate) fn reproduced<R>(f: impl FnOnce() -> R) -> R {
    /// Bytes of the guest's stack that this may be called on.
    const ABOVE: usize = 32 << 10;
    let place = board::guest_stack().end - ABOVE;
    assert!(isa::stack_pointer() > place, "called with more than {ABOVE} bytes of stack in use");
    // SAFETY: as above; below the place is stack that nothing uses.
    as_job(f, |call, job| unsafe { isa::placed(call, job, place) }).0
}

/// A function with the only argument that it may be called with, once.
type Call = unsafe extern "C" fn(*mut ());

/// Has `caller` call `f`, by way of a function that assembly can call. Returns what both return.
#[inline(always)]
fn as_job<F: FnOnce() -> R, R, C>(f: F, caller: impl FnOnce(Call, *mut ()) -> C) -> (R, C) {
    struct Job<F, R> {
        f: Option<F>,
        result: Option<R>,
    }
    /// # Safety
    ///
    /// `job` is a `Job<F, R>`, to which nothing else refers now.
    unsafe extern "C" fn call<F: FnOnce() -> R, R>(job: *mut ()) {
        // SAFETY: by the contract.
        let job = unsafe { &mut *job.cast::<Job<F, R>>() };
        job.result = job.f.take().map(|f| f());
    }
    let mut job = Job { f: Some(f), result: None };
    let called = caller(call::<F, R>, (&raw mut job).cast());
    (job.result.expect("the job was called, once"), called)
}

// One place in the code for each: all that leave by it are seen together.

#[inline(never)]
pub(crate) fn switch(patterns: Patterns, to: &Greenlet, value: usize) -> Outcome {
    kept(patterns, || to.switch(value))
}

#[inline(never)]
pub(crate) fn up(me: &Me, value: usize) -> Outcome {
    kept(OTHER, || me.up(value))
}

#[inline(never)]
pub(crate) fn throw(patterns: Patterns, to: &Greenlet, error: usize) -> Outcome {
    kept(patterns, || to.throw(error))
}
