//! `greenlet_result`: what a transfer returns, and what a body returns.

use core::ffi::c_void;
use core::ptr;
use greenlet::{Refusal, Sent, Thrown};

/// What is sent: a word that belongs to the C program. The kernel does not look at it.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Word(pub(crate) *mut c_void);

impl Word {
    pub(crate) const NULL: Self = Self(ptr::null_mut());
}

/// What the hub sends.
impl Default for Word {
    fn default() -> Self {
        Self::NULL
    }
}

/// An error of a tree: what was thrown, and the kind with which it goes to the parent if it leaves a body.
#[derive(Clone, Copy)]
pub struct Fault {
    value: Word,
    kind: u32,
}

impl Fault {
    /// What `greenlet_throw` throws.
    pub(crate) fn thrown(value: Word) -> Self {
        Self { value, kind: ERROR }
    }

    /// What the call returns to which it is delivered.
    pub(crate) fn to_c(self) -> Out {
        Out { value: self.value, kind: self.kind }
    }
}

/// What a transfer or a body of this tree ends with.
pub(crate) type Outcome = greenlet::Outcome<Word, Fault>;

/// What C calls `greenlet_result`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Out {
    value: Word,
    kind: u32,
}

// The enumerators of `greenlet_kind`, in the order of the header.
pub(crate) const VALUE: u32 = 0;
pub(crate) const EXIT: u32 = 1;
pub(crate) const ERROR: u32 = 2;
pub(crate) const NO_RUN: u32 = 3;
pub(crate) const NULL: u32 = 4;
pub(crate) const ENDED: u32 = 5;
pub(crate) const NOT_CURRENT: u32 = 6;
pub(crate) const MAIN: u32 = 7;
pub(crate) const CYCLE: u32 = 8;
pub(crate) const MASKED: u32 = 9;
pub(crate) const OVERFLOW: u32 = 10;
pub(crate) const EXITING: u32 = 11;
pub(crate) const GONE: u32 = 12;
pub(crate) const STARTED: u32 = 13;
pub(crate) const BUSY: u32 = 14;
pub(crate) const POOL_EMPTY: u32 = 15;
pub(crate) const BAD_POOL: u32 = 16;
pub(crate) const OTHER_CORE: u32 = 17;
pub(crate) const BAD_NAME: u32 = 18;
pub(crate) const CORE_BUSY: u32 = 19;
pub(crate) const STILL_REFERRED: u32 = 20;
pub(crate) const IN_HANDLER: u32 = 21;
pub(crate) const BAD_ABI: u32 = 22;
pub(crate) const CLOSED: u32 = 23;
pub(crate) const DEADLOCK: u32 = 24;
pub(crate) const SECOND_WAITER: u32 = 25;
pub(crate) const NO_SLOT: u32 = 26;
pub(crate) const TIMEOUT: u32 = 27;
pub(crate) const WOULD_WAIT: u32 = 28;
pub(crate) const TOO_DEEP: u32 = 29;

impl Out {
    /// A result of that kind, which gives `value` back to the caller.
    pub(crate) fn of(kind: u32, value: Word) -> Self {
        Self { value, kind }
    }

    /// A refusal, when nothing was sent.
    pub(crate) fn refused(kind: u32) -> Self {
        Self { value: Word::NULL, kind }
    }

    /// Whether this says that nothing went wrong.
    pub(crate) fn is_value(self) -> bool {
        self.kind == VALUE
    }

    /// What a body, or a tracer, has returned. A result of another kind than the first two is an error, and keeps its
    /// kind: a body may return what any function of this library returned to it.
    pub(crate) fn to_rust(self) -> Outcome {
        let Self { value, kind } = self;
        match kind {
            VALUE => Ok(value),
            EXIT => Err(Thrown::Exit(value)),
            _ => Err(Thrown::Error(Fault { value, kind })),
        }
    }

    /// The same, where only an error is possible: an exit is one.
    pub(crate) fn to_fault(self) -> Fault {
        Fault { value: self.value, kind: if self.kind == EXIT { ERROR } else { self.kind } }
    }
}

/// What C gets of a transfer. The value is on the fast path.
#[inline(always)]
pub(crate) fn to_c(outcome: Outcome) -> Out {
    match outcome {
        Ok(value) => Out { value, kind: VALUE },
        Err(thrown) => thrown_to_c(thrown),
    }
}

#[cold]
#[inline(never)]
pub(crate) fn thrown_to_c(thrown: Thrown<Word, Fault>) -> Out {
    match thrown {
        Thrown::Exit(value) => Out { value, kind: EXIT },
        Thrown::Error(fault) => fault.to_c(),
        Thrown::Refused(refusal, sent) => Out { value: sent.map_or(Word::NULL, word_of), kind: kind_of(refusal) },
        _ => Out::refused(NO_RUN),
    }
}

fn word_of(sent: Sent<Word, Fault>) -> Word {
    match sent {
        Sent::Value(value) | Sent::Exit(value) | Sent::Error(Fault { value, .. }) => value,
    }
}

pub(crate) fn kind_of(refusal: Refusal) -> u32 {
    match refusal {
        Refusal::Ended => ENDED,
        Refusal::Main => MAIN,
        Refusal::Cycle => CYCLE,
        Refusal::Masked => MASKED,
        Refusal::Overflow => OVERFLOW,
        Refusal::Gone => GONE,
        _ => EXITING,
    }
}
