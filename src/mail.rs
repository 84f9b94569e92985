//! Requests from elsewhere, down to the atomics: the number of a greenlet with the requests beside it, and the counters of a
//! tree. Nothing here knows a greenlet, so that `qemu-tests/models` runs this file under schedulers that try to break it.
//!
//! ```text
//!   elsewhere: leave                          the greenlet's core
//!   ① number, if it is the same still,        ③ collect: counter back to 0, if it is not
//!     and not ended: with the request         ④ asks, take: number without the request
//!   ② counter: 1
//! ```
//!
//! ② comes after ①, so that who collects finds the request; ④ after ③, so that a request which comes too late to be found is
//! counted still. Counters are changed by read-modify-write only. A plain store would hide the counts before it, and a core
//! that reads the store need not see the requests which those stand for.

use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicU64};

/// What may be asked of a greenlet from elsewhere.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Kill,
    Wake,
}

impl Request {
    /// Its bit beside the number.
    const fn bit(self) -> u64 {
        match self {
            Self::Kill => 1 << 63,
            Self::Wake => 1 << 62,
        }
    }
}

/// Beside the number: the tree has ended, nothing can be asked any more.
const ENDED: u64 = 1 << 61;
/// The bits of the number itself.
const NUMBER: u64 = ENDED - 1;
/// No greenlet has this number; a free slot shows it.
const NOBODY: u64 = NUMBER;

/// The number of the greenlet that a slot holds, and what was asked of that greenlet.
#[derive(Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    /// The slot holds the greenlet `id` from now on. Of it nothing was asked.
    #[inline]
    pub(crate) fn set(&self, id: u64) {
        self.0.store(id, Relaxed);
    }

    /// The slot holds nobody from now on.
    #[inline]
    pub(crate) fn forget(&self) {
        self.0.store(NOBODY, Relaxed);
    }

    /// The tree of the greenlet has ended: from now on nothing can be asked of it.
    pub(crate) fn end(&self) {
        self.0.fetch_or(ENDED, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed) & NUMBER
    }

    /// Whether `request` was made, of whoever it is that the slot holds.
    pub(crate) fn asks(&self, request: Request) -> bool {
        self.0.load(Relaxed) & request.bit() != 0
    }

    /// Takes the request away, to settle it. What was written before it was made is visible from here on.
    pub(crate) fn take(&self, request: Request) {
        self.0.fetch_and(!request.bit(), Acquire);
    }
}

/// Whether there may be requests that a tree's core has not looked for, a counter for each kind.
pub(crate) struct Mail {
    kills: AtomicU32,
    wakes: AtomicU32,
}

impl Mail {
    pub(crate) const fn new() -> Self {
        Self { kills: AtomicU32::new(0), wakes: AtomicU32::new(0) }
    }

    fn counter(&self, request: Request) -> &AtomicU32 {
        match request {
            Request::Kill => &self.kills,
            Request::Wake => &self.wakes,
        }
    }

    /// Leaves a request for the greenlet `id`, which had the slot with this number; false if it has gone.
    pub(crate) fn leave(&self, number: &Number, id: u64, request: Request) -> bool {
        let left = number.0.fetch_update(AcqRel, Relaxed, |word| {
            (word & NUMBER == id && word & ENDED == 0).then_some(word | request.bit())
        });
        if left.is_ok() {
            self.counter(request).swap(1, Release);
        }
        left.is_ok()
    }

    /// Whether somebody asked for a kill.
    #[inline]
    pub(crate) fn has_kills(&self) -> bool {
        self.kills.load(Relaxed) != 0
    }

    /// Whether there is something to look for: then the caller looks at the numbers of all greenlets.
    pub(crate) fn collect(&self, request: Request) -> bool {
        self.counter(request).swap(0, Acquire) != 0
    }

    /// There is more to look for, which the caller found and leaves for the next time.
    pub(crate) fn put_back(&self, request: Request) {
        self.counter(request).fetch_or(1, Relaxed);
    }
}
