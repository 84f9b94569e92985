//! Wakes: a bell per slot, and the inbox of a hub.
//!
//! ```text
//!   anywhere                                  the hub's core: Inbox::drain
//!   ① Bell::ring: NOTIFIED was 0, becomes 1   ③ takes all bells, if there are any
//!   ② Inbox::push; if the inbox was empty:    ④ for each: reads its link, then NOTIFIED becomes 0
//!     kicks the core                          ⑤ puts its slot into the ready queue, unless it is there
//! ```
//!
//! ④ comes before the task runs. A wake before ④ is not lost, because ⑤ makes the task run after it. A wake after ④
//! finds NOTIFIED 0, and pushes the bell again. So the link is read before ④.

use crate::atomics::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::atomics::{AtomicPtr, Word};
use core::ptr::{self, NonNull};

/// In the word: the bell is in the inbox, or about to be pushed.
const NOTIFIED: u64 = 1;
/// In the word: a kill was requested from outside of the hub.
const KILL: u64 = 1 << 1;
/// In the word: the body is over, so a kill comes too late. The task has not ended if its result was not taken.
const OVER: u64 = 1 << 2;
/// In the word: the lowest bit of the generation, which changes when a task begins and when it ends. It never wraps.
const GENERATION: u64 = 1 << 3;

/// The part of a slot that other cores and handlers use.
pub(crate) struct Bell {
    word: Word,
    link: AtomicPtr<Bell>,
}

impl Bell {
    pub(crate) const fn new() -> Self {
        Self { word: Word::new(0), link: AtomicPtr::new(ptr::null_mut()) }
    }

    /// ①. Returns `true` if the caller has to push the bell.
    #[inline]
    pub(crate) fn ring(&self) -> bool {
        self.word.fetch_or(NOTIFIED, AcqRel) & NOTIFIED == 0
    }

    /// ①, with a kill of the task of this generation: `None` if its body is over, or if there is another task by now.
    pub(crate) fn kill(&self, generation: u64) -> Option<bool> {
        let mut now = self.word.load(Relaxed);
        loop {
            if now / GENERATION != generation || now & OVER != 0 {
                return None;
            }
            match self.word.compare_exchange_weak(now, now | NOTIFIED | KILL, AcqRel, Relaxed) {
                Ok(before) => return Some(before & NOTIFIED == 0),
                Err(other) => now = other,
            }
        }
    }

    /// ④. Returns `true` if a kill was requested.
    fn collect(&self) -> bool {
        self.word.fetch_and(!(NOTIFIED | KILL), AcqRel) & KILL != 0
    }

    #[inline(always)]
    pub(crate) fn generation(&self) -> u64 {
        self.word.load(Acquire) / GENERATION
    }

    /// Marks the body as over: kills are refused until the next generation.
    pub(crate) fn over(&self) {
        self.word.fetch_or(OVER, Relaxed);
    }

    /// Begins a new generation. Clears a requested kill, which was for the previous one.
    pub(crate) fn next_generation(&self) {
        let mut now = self.word.load(Relaxed);
        while let Err(other) =
            self.word.compare_exchange_weak(now, (now & !(KILL | OVER)) + GENERATION, AcqRel, Relaxed)
        {
            now = other;
        }
    }
}

/// A list to which any core pushes bells, and which the hub's core takes as a whole.
pub(crate) struct Inbox(AtomicPtr<Bell>);

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// ②. Returns `true` if the inbox was empty.
    ///
    /// # Safety
    ///
    /// The bell is static, and [`Bell::ring`] or [`Bell::kill`] returned that it has to be pushed.
    #[inline]
    pub(crate) unsafe fn push(&self, bell: NonNull<Bell>) -> bool {
        let mut head = self.0.load(Relaxed);
        loop {
            // SAFETY: static.
            unsafe { bell.as_ref() }.link.store(head, Relaxed);
            match self.0.compare_exchange_weak(head, bell.as_ptr(), Release, Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Returns `true` if the inbox is empty. Uses a plain load: on some cores an exclusive load in an idle loop sets
    /// the event register, and they would never sleep. What a waking core wrote is seen after [`drain`](Self::drain),
    /// which acquires it.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Relaxed).is_null()
    }

    /// ③ and ④. Calls `each` with every bell, in the order in which they were pushed, and whether a kill was requested.
    pub(crate) fn drain(&self, mut each: impl FnMut(NonNull<Bell>, bool)) {
        let mut taken = self.0.swap(ptr::null_mut(), Acquire);
        // The bell that was pushed last is the first of the list. Until ④ only this core uses the links.
        let mut reversed = ptr::null_mut();
        while let Some(bell) = NonNull::new(taken) {
            // SAFETY: only static bells are pushed.
            let link = unsafe { &bell.as_ref().link };
            taken = link.load(Relaxed);
            link.store(reversed, Relaxed);
            reversed = bell.as_ptr();
        }
        while let Some(bell) = NonNull::new(reversed) {
            // SAFETY: as above.
            let rung = unsafe { bell.as_ref() };
            reversed = rung.link.load(Relaxed);
            let killed = rung.collect();
            each(bell, killed);
        }
    }
}
