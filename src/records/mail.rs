//! Requests from elsewhere, down to the atomics: the number of a greenlet with the requests beside it, the lists of those who
//! were asked, and the bell. Nothing here knows a greenlet, so that `qemu-tests/models` runs this file under schedulers that try
//! to break it.
//!
//! ```text
//!   elsewhere: leave                             the tree's core
//!   ① number, if it is the same still and        ④ bell taken back
//!     not ended: with the request, and *linked*  ⑤ collect: all of the inbox, oldest first
//!   ② slot into the inbox of the tree            ⑥ take: number without the request, not linked
//!   ③ kills: the bell, a bit that the next
//!     switch of that core looks at
//! ```
//!
//! One inbox a tree and kind of request, a list through the slots, so that who collects looks at those that were asked and at nobody
//! else. Its whole content is taken at a time, which no order of steps can confuse. ③ comes after ②, and ⑤ after ④, so that a bell
//! that is taken back too early to be answered rings again.
//!
//! # Slots pass from greenlet to greenlet
//!
//! *Linked* is of the slot, whoever has it: set by the one who is about to put it into a list, cleared by the one who has taken it
//! out, and by nobody else. So a slot is never put into a list twice. A greenlet may be freed meanwhile, and its slot be linked, or
//! about to be, when the next one gets it:
//!
//! | the next one is | the slot is | asked again |
//! |---|---|---|
//! | of the same tree | linked | its tree's core comes to it anyway |
//! | of another tree | linked and *strange*: in a list that its core does not look at | `missing` is set: that core looks at all its greenlets, once |
//!
//! Who takes a strange slot out of a list leaves the request alone: it is not for his tree.
//!
//! Who finds the request made already, or the slot linked, relies on who is putting it into the list, and who was interrupted in
//! between delays both. Nobody waits for anybody: each step is a read-modify-write.

use crate::records::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::records::sync::{AtomicPtr, AtomicU32, AtomicU64};
use core::ptr::{self, NonNull};

/// What may be asked of a greenlet from elsewhere.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Kill,
    Wake,
}

impl Request {
    /// Its bit beside the number.
    const fn asked(self) -> u64 {
        match self {
            Self::Kill => 1 << 63,
            Self::Wake => 1 << 62,
        }
    }

    /// The slot is in a list of such requests, or about to be.
    const fn linked(self) -> u64 {
        self.asked() >> 2
    }

    /// That list is another tree's.
    const fn strange(self) -> u64 {
        self.asked() >> 4
    }
}

const LINKED: u64 = Request::Kill.linked() | Request::Wake.linked();
const STRANGE: u64 = Request::Kill.strange() | Request::Wake.strange();
/// Beside the number: the tree has ended, nothing can be asked any more.
const ENDED: u64 = 1 << 57;
/// Beside the number: there is, or was, a remote handle, so that something may be asked at any time.
const REMOTE: u64 = 1 << 56;
/// The bits of the number itself.
const NUMBER: u64 = REMOTE - 1;
/// How many numbers there are.
pub(crate) const NUMBERS: u64 = NUMBER + 1;
/// No greenlet has this number; a free slot shows it.
const NOBODY: u64 = NUMBER;

/// The bell, a bit of the word that a switch looks at: kills are asked for.
pub(crate) const ASKED: u32 = 4;

/// The number of the greenlet that a slot holds, what was asked of that greenlet, and the slot's place in lists of such requests.
pub(crate) struct Number {
    word: AtomicU64,
    /// The next one in the list, for each kind of request; meaningful while linked.
    kills: AtomicPtr<Number>,
    wakes: AtomicPtr<Number>,
}

impl Number {
    /// Of a slot that nobody ever had.
    pub(crate) const fn nobody() -> Self {
        Self {
            word: AtomicU64::new(NOBODY),
            kills: AtomicPtr::new(ptr::null_mut()),
            wakes: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn after(&self, request: Request) -> &AtomicPtr<Number> {
        match request {
            Request::Kill => &self.kills,
            Request::Wake => &self.wakes,
        }
    }

    /// The slot, which nobody has, holds the greenlet `id` from now on. Of it nothing was asked. `ours` is asked when the slot is
    /// linked, and says whether that was by the same tree.
    #[inline]
    pub(crate) fn set(&self, id: u64, ours: impl FnOnce() -> bool) {
        if self.word.load(Relaxed) & LINKED == 0 {
            self.word.store(id, Relaxed);
        } else {
            self.inherit(id, ours());
        }
    }

    /// Meanwhile another core may take the slot out of its list.
    #[cold]
    fn inherit(&self, id: u64, ours: bool) {
        let _before = self.word.fetch_update(Relaxed, Relaxed, |word| {
            let linked = word & LINKED;
            Some(id | linked | if ours { 0 } else { linked >> 2 })
        });
    }

    /// The slot holds nobody from now on. True when it is linked, in lists of the greenlet's own tree.
    #[inline]
    pub(crate) fn forget(&self) -> bool {
        if self.word.load(Relaxed) & (REMOTE | LINKED) == 0 {
            self.word.store(NOBODY, Relaxed);
            false
        } else {
            self.forget_asked()
        }
    }

    /// Meanwhile somebody may ask, or take the slot out of its list.
    #[cold]
    fn forget_asked(&self) -> bool {
        let before = self.word.fetch_update(AcqRel, Relaxed, |word| Some(NOBODY | word & LINKED));
        before.is_ok_and(|word| word & LINKED != 0 && word & STRANGE == 0)
    }

    /// From now on something may be asked of the greenlet.
    pub(crate) fn admit(&self) {
        self.word.fetch_or(REMOTE, Relaxed);
    }

    /// The tree of the greenlet has ended: from now on nothing can be asked of it.
    pub(crate) fn end(&self) {
        self.word.fetch_or(ENDED, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.word.load(Relaxed) & NUMBER
    }

    /// Takes the request away, of a slot that was [taken out](Mail::next) of a list. True when it was made, and of a greenlet of
    /// that list's tree: then what was written before it was made is visible from here on.
    pub(crate) fn take(&self, request: Request) -> bool {
        let before = self.word.fetch_update(AcqRel, Relaxed, |word| {
            let settled = if word & request.strange() == 0 { request.asked() } else { request.strange() };
            Some(word & !(request.linked() | settled))
        });
        before.is_ok_and(|word| word & request.asked() != 0 && word & (request.strange() | ENDED) == 0)
    }

    /// The same, of a greenlet that was found otherwise: its slot stays where it is.
    pub(crate) fn take_found(&self, request: Request) -> bool {
        self.word.load(Relaxed) & request.asked() != 0
            && self.word.fetch_and(!request.asked(), AcqRel) & request.asked() != 0
    }
}

/// Requests of one kind to the greenlets of a tree.
struct List {
    /// Who was asked last. From anywhere.
    inbox: AtomicPtr<Number>,
    /// Who was asked first, of those that were collected. Of the tree's core.
    queue: AtomicPtr<Number>,
    /// Somebody was asked who could not be put into the inbox.
    missing: AtomicU32,
}

impl List {
    const fn new() -> Self {
        Self {
            inbox: AtomicPtr::new(ptr::null_mut()),
            queue: AtomicPtr::new(ptr::null_mut()),
            missing: AtomicU32::new(0),
        }
    }
}

/// What was asked of the greenlets of a tree.
pub(crate) struct Mail {
    kills: List,
    wakes: List,
    /// The word that the tree's core looks at when it switches; null when nobody has entered.
    bell: AtomicPtr<AtomicU32>,
    /// How many have their hands on it.
    ringing: AtomicU32,
}

impl Mail {
    pub(crate) const fn new() -> Self {
        Self {
            kills: List::new(),
            wakes: List::new(),
            bell: AtomicPtr::new(ptr::null_mut()),
            ringing: AtomicU32::new(0),
        }
    }

    fn list(&self, request: Request) -> &List {
        match request {
            Request::Kill => &self.kills,
            Request::Wake => &self.wakes,
        }
    }

    /// Leaves a request for the greenlet `id`, which had the slot with this number; false if it has gone.
    ///
    /// # Safety
    ///
    /// The slot stays one for ever, and its greenlet `id` is of the tree with this mail.
    pub(crate) unsafe fn leave(&self, number: NonNull<Number>, id: u64, request: Request) -> bool {
        // SAFETY: the same contract.
        let left = unsafe { self.post(number, id, request) };
        if left && matches!(request, Request::Kill) {
            self.ring();
        }
        left
    }

    /// [`leave`](Self::leave) without the bell: for the tree's core, which puts back what has to wait.
    ///
    /// # Safety
    ///
    /// As for [`leave`](Self::leave).
    pub(crate) unsafe fn post(&self, number: NonNull<Number>, id: u64, request: Request) -> bool {
        let (asked, linked) = (request.asked(), request.linked());
        // SAFETY: by the contract, and all of it is atomic.
        let slot = unsafe { number.as_ref() };
        let before = slot.word.fetch_update(AcqRel, Relaxed, |word| {
            let link = if word & (asked | linked) == 0 { linked } else { 0 };
            (word & (NUMBER | ENDED) == id).then_some(word | asked | link)
        });
        let Ok(before) = before else { return false };
        let list = self.list(request);
        if before & (asked | linked) == 0 {
            let mut first = list.inbox.load(Relaxed);
            loop {
                slot.after(request).store(first, Relaxed);
                let put = list.inbox.compare_exchange_weak(first, number.as_ptr(), Release, Relaxed);
                match put {
                    Ok(_) => break,
                    Err(now) => first = now,
                }
            }
        } else if before & asked == 0 && before & request.strange() != 0 {
            list.missing.swap(1, Release);
        }
        true
    }

    /// Rings the bell, if it hangs.
    fn ring(&self) {
        // Acquire: after `take_down` it is seen that there is none.
        self.ringing.fetch_add(1, AcqRel);
        // Acquire: what it hangs at is there.
        let bell = self.bell.load(Acquire);
        if !bell.is_null() {
            // SAFETY: it is there until `take_down` has returned, which waits for who is counted.
            unsafe { &*bell }.fetch_or(ASKED, Release);
        }
        self.ringing.fetch_sub(1, Release);
    }

    /// A core has entered the tree, and looks at `bell` when it switches.
    pub(crate) fn hang(&self, bell: &AtomicU32) {
        self.bell.store(ptr::from_ref(bell).cast_mut(), Release);
    }

    /// The core leaves the tree. `wait` is called as long as somebody still has his hands on the bell; who takes it to be there for
    /// ever need not wait.
    pub(crate) fn take_down(&self, mut wait: impl FnMut() -> bool) {
        self.bell.store(ptr::null_mut(), Relaxed);
        // A read-modify-write, so that who comes after it finds no bell, and who came before is counted.
        while self.ringing.fetch_add(0, AcqRel) != 0 && wait() {}
    }

    /// Whether there may be something to settle.
    #[inline]
    pub(crate) fn has(&self, request: Request) -> bool {
        let list = self.list(request);
        !list.inbox.load(Relaxed).is_null() || !list.queue.load(Relaxed).is_null() || list.missing.load(Relaxed) != 0
    }

    /// Takes the oldest slot out of those that were [collected](Self::collect).
    ///
    /// Told by the tree's core.
    pub(crate) fn next(&self, request: Request) -> Option<NonNull<Number>> {
        let queue = &self.list(request).queue;
        let first = NonNull::new(queue.load(Relaxed))?;
        // SAFETY: who is in a list was put there by `post`: a slot, which stays one.
        let rest = unsafe { first.as_ref() }.after(request).load(Relaxed);
        queue.store(rest, Relaxed);
        Some(first)
    }

    /// Collects who was asked since the last time, the oldest first; false when there is nobody. Of those that were collected before
    /// none is left.
    ///
    /// Told by the tree's core.
    pub(crate) fn collect(&self, request: Request) -> bool {
        let list = self.list(request);
        if list.inbox.load(Relaxed).is_null() {
            return false;
        }
        let mut newest = list.inbox.swap(ptr::null_mut(), Acquire);
        let mut oldest = ptr::null_mut();
        // SAFETY: as in `next`.
        while let Some(slot) = unsafe { newest.as_ref() } {
            let after = slot.after(request);
            let next = after.load(Relaxed);
            after.store(oldest, Relaxed);
            oldest = newest;
            newest = next;
        }
        list.queue.store(oldest, Relaxed);
        true
    }

    /// Whether somebody may be asked who is in no list. Then the caller looks at all greenlets of the tree.
    ///
    /// Told by the tree's core.
    pub(crate) fn is_missing(&self, request: Request) -> bool {
        let missing = &self.list(request).missing;
        missing.load(Relaxed) != 0 && missing.swap(0, Acquire) != 0
    }

    /// There is more to look for, which the caller found and leaves for the next time.
    pub(crate) fn leave_missing(&self, request: Request) {
        self.list(request).missing.fetch_or(1, Relaxed);
    }

    /// Empties all lists. The tree ends: nothing can be asked of its greenlets any more.
    pub(crate) fn clear(&self) {
        for request in [Request::Kill, Request::Wake] {
            loop {
                while let Some(number) = self.next(request) {
                    // SAFETY: as in `next`.
                    unsafe { number.as_ref() }.take(request);
                }
                if !self.collect(request) {
                    break;
                }
            }
            self.is_missing(request);
        }
    }
}
