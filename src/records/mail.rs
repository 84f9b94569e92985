//! Requests from other cores and from interrupt handlers: the word with a greenlet's id and its pending requests, the
//! lists of slots with requests, and the bell. Only the atomics are here, without greenlets, so that
//! `qemu-tests/models` can run this file under schedulers that search for wrong orders of steps.
//!
//! A *slot* is the memory of a control block, in which one greenlet after another lives. The *bell* is the bit
//! [`ASKED`] in the word `slow` of the core that runs the tree.
//!
//! ```text
//!   requester, anywhere: Mail::leave             the core that runs the tree
//!   ① sets the request and *linked* in the       ④ clears the bell
//!     slot's word, if that still has the id      ⑤ collect: takes the whole inbox, oldest first
//!     and the tree has not ended                 ⑥ take: clears the request and *linked*
//!   ② pushes the slot onto the tree's inbox
//!   ③ for a kill: rings the bell, which sends
//!     the core's next switch to the slow path
//! ```
//!
//! Each tree has one inbox for each kind of request: a list linked through the slots, so that the core visits only
//! slots with requests. The core always takes the whole inbox at once, so there is no ABA problem. ③ comes after ② and
//! ④ before ⑤: if the core clears the bell before it can see the slot, the bell is rung after that, and the core looks
//! again.
//!
//! # Slots pass from greenlet to greenlet
//!
//! *Linked* belongs to the slot, whichever greenlet lives in it. Only a requester that is about to push the slot sets
//! it, and only the core that has taken the slot out of a list clears it; so a slot is never pushed twice. A greenlet
//! may be freed while its slot is linked. A request to the next greenlet in the slot pushes nothing, and notes that in
//! `missing`. The slot may be in another tree's list: then it is *strange*, and the core visits all greenlets. Else it is
//! in a list of this tree, where the core finds it, or in none yet, if the first requester was interrupted between ① and
//! ②. So the core visits all greenlets only if a requester is between them, which `missing` counts. A visit takes time in
//! proportion to the number of greenlets, and a slot often gets its next greenlet before a request is taken.
//!
//! A core that takes a strange slot out of a list leaves the requests in it alone, because they are for another tree.
//!
//! A requester that finds the request to the same greenlet set already does nothing: it relies on the requester that
//! set the bit. If that one is interrupted between ① and ②, both requests are delayed. No requester ever waits for
//! another one: each step is an atomic read-modify-write.

use crate::records::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::records::sync::{AtomicPtr, AtomicU32, Word};
use core::ptr::{self, NonNull};

/// What can be requested of a greenlet from elsewhere, that is, from another core or from a handler.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Kill,
    Wake,
}

impl Request {
    /// The bit, beside the id, of a pending request.
    const fn asked(self) -> u64 {
        match self {
            Self::Kill => 1 << 63,
            Self::Wake => 1 << 62,
        }
    }

    /// The bit that says that the slot is in a list of such requests, or about to be pushed onto one.
    const fn linked(self) -> u64 {
        self.asked() >> 2
    }

    /// The bit that says that this list belongs to another tree than the greenlet.
    const fn strange(self) -> u64 {
        self.asked() >> 4
    }
}

const LINKED: u64 = Request::Kill.linked() | Request::Wake.linked();
const STRANGE: u64 = Request::Kill.strange() | Request::Wake.strange();
/// Beside the id: the tree has ended, and no request is accepted any more.
const ENDED: u64 = 1 << 57;
/// Beside the id: a remote handle exists or existed, so a request may come at any time.
const REMOTE: u64 = 1 << 56;
/// The bits of the id.
const NUMBER: u64 = REMOTE - 1;
/// How many ids there are.
pub(crate) const NUMBERS: u64 = NUMBER + 1;
/// The id in a free slot. No greenlet has it.
const FREE: u64 = NUMBER;

/// The bell: the bit of a core's `slow` that is set while a kill is requested.
pub(crate) const ASKED: u32 = 4;

/// The word of a slot, with the id of its greenlet, the pending requests, and whether the slot is in lists; and the
/// links of these lists.
pub(crate) struct Number {
    word: Word,
    /// The next slot in the list, for each kind of request; meaningful while linked.
    kills: AtomicPtr<Number>,
    wakes: AtomicPtr<Number>,
}

impl Number {
    /// Creates the word of a slot that had no greenlet yet.
    pub(crate) const fn unused() -> Self {
        Self { word: Word::new(FREE), kills: AtomicPtr::new(ptr::null_mut()), wakes: AtomicPtr::new(ptr::null_mut()) }
    }

    fn after(&self, request: Request) -> &AtomicPtr<Number> {
        match request {
            Request::Kill => &self.kills,
            Request::Wake => &self.wakes,
        }
    }

    /// Gives the free slot to the greenlet `id`, with no request pending. If the slot is linked, calls `ours`, which
    /// says whether it is in lists of the same tree.
    #[inline]
    pub(crate) fn set(&self, id: u64, ours: impl FnOnce() -> bool) {
        if self.is_linked() { self.inherit(id, ours()) } else { self.set_unlinked(id) }
    }

    /// [`set`](Self::set) of a slot that is not linked.
    #[cfg_attr(all(small, target_pointer_width = "32"), inline(never))] // one copy
    #[cfg_attr(not(all(small, target_pointer_width = "32")), inline)]
    pub(crate) fn set_unlinked(&self, id: u64) {
        self.word.store(id, Relaxed);
    }

    /// Whether the slot is in a list, or about to be pushed onto one. False of a free slot stays false: only a request
    /// to its greenlet links it.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.word.load(Relaxed) & LINKED != 0
    }

    /// [`set`](Self::set) of a linked slot: another core may take the slot out of its list meanwhile.
    #[cold]
    fn inherit(&self, id: u64, ours: bool) {
        let _before = self.word.fetch_update(Relaxed, Relaxed, |word| {
            let linked = word & LINKED;
            Some(id | linked | if ours { 0 } else { linked >> 2 })
        });
    }

    /// [`forget`](Self::forget) if nothing else changes the word: no requester, and no core that takes the slot out of
    /// its list. Else returns false, and does nothing.
    #[inline]
    pub(crate) fn forget_unasked(&self) -> bool {
        let unasked = self.word.load(Relaxed) & (REMOTE | LINKED) == 0;
        if unasked {
            self.word.store(FREE, Relaxed);
        }
        unasked
    }

    /// Frees the slot. True if it is linked, in lists of the greenlet's own tree.
    pub(crate) fn forget(&self) -> bool {
        if self.forget_unasked() {
            return false;
        }
        let before = self.word.fetch_update(AcqRel, Relaxed, |word| Some(FREE | word & LINKED));
        before.is_ok_and(|word| word & LINKED != 0 && word & STRANGE == 0)
    }

    /// Notes that requests to the greenlet are possible from now on.
    pub(crate) fn admit(&self) {
        self.word.fetch_or(REMOTE, Relaxed);
    }

    /// Notes that the tree of the greenlet has ended: requests are not accepted from now on.
    pub(crate) fn end(&self) {
        self.word.fetch_or(ENDED, Relaxed);
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.word.load(Relaxed) & NUMBER
    }

    /// Takes the request of a slot that was [taken out](Mail::next) of a list. True if there was one, for a greenlet of
    /// that list's tree; then what its requester wrote before is visible.
    pub(crate) fn take(&self, request: Request) -> bool {
        let before = self.word.fetch_update(AcqRel, Relaxed, |word| {
            let settled = if word & request.strange() == 0 { request.asked() } else { request.strange() };
            Some(word & !(request.linked() | settled))
        });
        before.is_ok_and(|word| word & request.asked() != 0 && word & (request.strange() | ENDED) == 0)
    }

    /// Takes the request of a slot that was found by a visit of all greenlets. The slot stays in its list, if it is in
    /// one. Only the tree's core takes requests, so one that is seen is still there when it is taken.
    pub(crate) fn take_found(&self, request: Request) -> bool {
        let is_asked = self.word.load(Relaxed) & request.asked() != 0;
        if is_asked {
            self.word.fetch_and(!request.asked(), AcqRel);
        }
        is_asked
    }
}

/// Requests of one kind to the greenlets of a tree.
struct List {
    /// Head of the list of slots that were pushed, the newest first. Any core may push.
    inbox: AtomicPtr<Number>,
    /// Head of the list of slots that were collected and not visited yet, the oldest first. Only the tree's core uses
    /// it.
    queue: AtomicPtr<Number>,
    /// [`STRANGE_ASKED`] and [`LINKED_ASKED`]; above them, the number of requesters that may be between ① and ②.
    missing: AtomicU32,
}

/// In `missing`: there may be a request to a slot that is in another tree's list.
const STRANGE_ASKED: u32 = 1;
/// In `missing`: there may be a request to a slot that an earlier requester pushes, or has pushed.
const LINKED_ASKED: u32 = 2;
/// In `missing`: one requester.
const REQUESTER: u32 = 4;

impl List {
    const fn new() -> Self {
        Self {
            inbox: AtomicPtr::new(ptr::null_mut()),
            queue: AtomicPtr::new(ptr::null_mut()),
            missing: AtomicU32::new(0),
        }
    }
}

/// The requests to the greenlets of a tree.
pub(crate) struct Mail {
    kills: List,
    wakes: List,
    /// The `slow` of the core that has entered the tree; null while the tree is not entered.
    bell: AtomicPtr<AtomicU32>,
    /// How many requesters are using `bell`.
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

    /// Leaves a request for the greenlet `id` in the slot `number`; false if that greenlet was freed, or its tree has
    /// ended.
    ///
    /// # Safety
    ///
    /// The slot stays a slot for ever, and its greenlet `id` is or was of the tree with this mail.
    pub(crate) unsafe fn leave(&self, number: NonNull<Number>, id: u64, request: Request) -> bool {
        let missing = &self.list(request).missing;
        missing.fetch_add(REQUESTER, Relaxed); // seen by whoever sees that this has linked the slot
        // SAFETY: the same contract.
        let left = unsafe { self.post(number, id, request) };
        missing.fetch_sub(REQUESTER, Release); // after the push
        if left && matches!(request, Request::Kill) {
            self.ring();
        }
        left
    }

    /// [`leave`](Self::leave) without the bell. Also for the tree's core, to put back a request that it cannot serve
    /// yet.
    ///
    /// # Safety
    ///
    /// As for [`leave`](Self::leave).
    pub(crate) unsafe fn post(&self, number: NonNull<Number>, id: u64, request: Request) -> bool {
        let (asked, linked) = (request.asked(), request.linked());
        // SAFETY: by the contract, and all fields are atomics.
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
        } else if before & asked == 0 {
            // The slot is linked by a request to an earlier greenlet in it.
            let whose = if before & request.strange() == 0 { LINKED_ASKED } else { STRANGE_ASKED };
            list.missing.fetch_or(whose, Release);
        }
        true
    }

    /// Rings the bell, if there is one: if the tree is entered.
    fn ring(&self) {
        // Acquire: after `take_down`, the load below sees null.
        self.ringing.fetch_add(1, AcqRel);
        // Acquire: pairs with the release in `hang`, so that the record of the core is visible.
        let bell = self.bell.load(Acquire);
        if !bell.is_null() {
            // SAFETY: it exists until `take_down` has returned, which waits until `ringing` is 0.
            unsafe { &*bell }.fetch_or(ASKED, Release);
        }
        self.ringing.fetch_sub(1, Release);
    }

    /// Makes `bell` the bell: its core has entered the tree.
    pub(crate) fn hang(&self, bell: &AtomicU32) {
        self.bell.store(ptr::from_ref(bell).cast_mut(), Release);
    }

    /// Removes the bell, as its core leaves the tree: at the end of the tree, or when the thread exits in it. Calls
    /// `wait` as long as a requester may be using it. If the bell exists for ever, there is no need to wait: `wait` can
    /// return false.
    pub(crate) fn take_down(&self, mut wait: impl FnMut() -> bool) {
        self.bell.store(ptr::null_mut(), Relaxed);
        // A read-modify-write: a requester that counts itself later sees no bell, and one that did so earlier is
        // counted here.
        while self.ringing.fetch_add(0, AcqRel) != 0 && wait() {}
    }

    /// Whether there may be requests to serve.
    #[inline]
    pub(crate) fn has(&self, request: Request) -> bool {
        let list = self.list(request);
        let is_missing = list.missing.load(Relaxed) & (STRANGE_ASKED | LINKED_ASKED) != 0;
        !list.inbox.load(Relaxed).is_null() || !list.queue.load(Relaxed).is_null() || is_missing
    }

    /// Takes the oldest of the slots that were [collected](Self::collect).
    ///
    /// Called by the tree's core.
    pub(crate) fn next(&self, request: Request) -> Option<NonNull<Number>> {
        let queue = &self.list(request).queue;
        let first = NonNull::new(queue.load(Relaxed))?;
        // SAFETY: `post` puts only slots into a list, and they stay slots.
        let rest = unsafe { first.as_ref() }.after(request).load(Relaxed);
        queue.store(rest, Relaxed);
        Some(first)
    }

    /// Collects the slots that were pushed since the last time, the oldest first; false if there are none. The list of
    /// those that were collected before is empty.
    ///
    /// Called by the tree's core.
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

    /// Whether there may be a request to a slot that is in no list of this tree. If so, the caller must visit all
    /// greenlets of the tree.
    ///
    /// Called by the tree's core when it has visited all slots in the lists. One that is pushed between that and this
    /// call is left for the next time: its requester is not done.
    pub(crate) fn is_missing(&self, request: Request) -> bool {
        const ASKED: u32 = STRANGE_ASKED | LINKED_ASKED;
        let missing = &self.list(request).missing;
        if missing.load(Relaxed) & ASKED == 0 {
            return false;
        }
        // Acquire: of a requester that is not counted any more, the push is visible.
        let before = missing.fetch_and(!ASKED, Acquire);
        before & STRANGE_ASKED != 0 || before >= REQUESTER
    }

    /// Notes that the visit of all greenlets was cut short: [`is_missing`](Self::is_missing) is true once more.
    pub(crate) fn leave_missing(&self, request: Request) {
        self.list(request).missing.fetch_or(STRANGE_ASKED, Relaxed);
    }

    /// Empties all lists, as the tree ends: requests to its greenlets are not accepted any more.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The requester of the last greenlet in the slot was interrupted before its push.
    #[test]
    fn a_request_to_a_slot_that_is_linked_and_in_no_list_is_found() {
        let (mail, slot) = (Mail::new(), Number::unused());
        mail.kills.missing.fetch_add(REQUESTER, Relaxed);
        slot.word.fetch_or(Request::Kill.linked(), Relaxed);
        slot.set(7, || true);
        slot.admit();
        assert!(!mail.has(Request::Kill));
        // SAFETY: the slot outlives the mail, and its greenlet is taken as one of that tree.
        assert!(unsafe { mail.leave(NonNull::from(&slot), 7, Request::Kill) });
        assert!(mail.has(Request::Kill));
        assert!(mail.next(Request::Kill).is_none() && !mail.collect(Request::Kill));
        assert!(mail.is_missing(Request::Kill) && slot.take_found(Request::Kill));
        assert!(!mail.is_missing(Request::Kill) && !mail.has(Request::Kill) && !slot.take_found(Request::Kill));
    }

    /// A walk over all greenlets would find nothing more.
    #[test]
    fn a_request_to_a_slot_that_is_in_a_list_is_found_there_alone() {
        for request in [Request::Kill, Request::Wake] {
            let (mail, slot) = (Mail::new(), Number::unused());
            for (id, was_linked) in [(7, false), (8, true)] {
                slot.set(id, || true);
                slot.admit();
                // SAFETY: the slot outlives the mail, and its greenlets are taken as those of that tree.
                assert!(unsafe { mail.leave(NonNull::from(&slot), id, request) });
                assert!(slot.forget(), "linked, by {id}");
                assert_eq!(mail.list(request).missing.load(Relaxed) != 0, was_linked);
            }
            slot.set(9, || true);
            slot.admit();
            // SAFETY: the same.
            assert!(unsafe { mail.leave(NonNull::from(&slot), 9, request) });
            assert!(mail.collect(request) && mail.next(request) == Some(NonNull::from(&slot)) && slot.take(request));
            assert!(mail.next(request).is_none() && !mail.collect(request));
            assert!(mail.has(request) && !mail.is_missing(request) && !mail.has(request));
        }
    }

    #[test]
    fn a_request_to_a_slot_in_another_tree_s_list_is_looked_for() {
        let (mail, slot) = (Mail::new(), Number::unused());
        slot.word.fetch_or(Request::Wake.linked(), Relaxed);
        slot.set(7, || false);
        slot.admit();
        // SAFETY: the slot outlives the mail, and its greenlet is taken as one of that tree.
        assert!(unsafe { mail.leave(NonNull::from(&slot), 7, Request::Wake) });
        assert!(mail.is_missing(Request::Wake) && !mail.is_missing(Request::Wake));
        mail.leave_missing(Request::Wake);
        assert!(mail.is_missing(Request::Wake));
    }

    #[test]
    fn a_tree_that_has_ended_leaves_its_lists_empty() {
        for request in [Request::Kill, Request::Wake] {
            let (mail, slot) = (Mail::new(), Number::unused());
            slot.set(7, || true);
            slot.admit();
            // SAFETY: the slot outlives the mail, and its greenlet is taken as one of that tree.
            assert!(unsafe { mail.leave(NonNull::from(&slot), 7, request) });
            mail.leave_missing(request);
            mail.clear();
            assert!(!mail.has(request) && !slot.is_linked());
        }
    }

    /// A requester may be changing the word, and what it writes must not be overwritten.
    #[test]
    fn a_slot_of_a_greenlet_with_a_remote_handle_is_not_freed_by_a_store() {
        let slot = Number::unused();
        slot.set(7, || true);
        assert!(slot.forget_unasked());
        slot.set(8, || true);
        slot.admit();
        assert!(!slot.forget_unasked() && slot.get() == 8);
    }

    /// And keeps nothing else of its greenlet.
    #[test]
    fn a_slot_that_is_freed_stays_in_its_lists_and_gets_into_no_other() {
        for linked in [0, Request::Kill.linked(), Request::Wake.linked(), LINKED] {
            let slot = Number::unused();
            slot.set(7, || true);
            slot.admit();
            slot.word.fetch_or(linked | Request::Kill.asked(), Relaxed);
            assert_eq!(slot.forget(), linked != 0);
            assert_eq!(slot.word.load(Relaxed), FREE | linked);
        }
    }
}
