//! Timers: a pairing heap whose nodes lie in the frames that wait.
//!
//! An insertion takes one comparison, a removal amortized logarithmic time. There is no capacity.

use crate::slot::SlotRef;
use core::cell::Cell;
use core::marker::PhantomPinned;
use core::ptr;

/// A node of the heap. It must not move between [`Timers::insert`] and its drop, which removes it.
pub(crate) struct Entry {
    pub(crate) at: u64,
    pub(crate) slot: Cell<SlotRef>,
    /// The depth of a `with_timeout`; 0 for a sleep.
    pub(crate) scope: u8,
    /// Set when the time has come.
    pub(crate) due: Cell<bool>,
    /// Whether it is in the heap.
    inside: Cell<bool>,
    child: Cell<*const Entry>,
    /// The next sibling.
    next: Cell<*const Entry>,
    /// The previous sibling; for the first sibling, the parent; null at the root.
    back: Cell<*const Entry>,
    _pinned: PhantomPinned,
}

impl Entry {
    pub(crate) fn new(slot: SlotRef, at: u64, scope: u8) -> Self {
        let null = || Cell::new(ptr::null());
        Self {
            at,
            slot: Cell::new(slot),
            scope,
            due: Cell::new(false),
            inside: Cell::new(false),
            child: null(),
            next: null(),
            back: null(),
            _pinned: PhantomPinned,
        }
    }
}

impl Entry {
    /// Takes it out of the heap, if it is in one. Otherwise does not read its slot: an arm of `select` may outlive its
    /// run, and another core may bind the slot meanwhile.
    pub(crate) fn leave(&self) {
        if self.inside.get() {
            self.slot.get().schedule().timers.remove(self);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The heap, by its root.
pub(crate) struct Timers(Cell<*const Entry>);

fn get<'a>(entry: *const Entry) -> Option<&'a Entry> {
    // SAFETY: an entry in the heap exists, because its drop removes it. Callers do not keep the reference while user
    // code runs.
    unsafe { entry.as_ref() }
}

impl Timers {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(ptr::null()))
    }

    /// Empties the heap. Entries that are still in it are in frames of a run that is over: these never return, so the
    /// entries are never dropped.
    pub(crate) fn clear(&self) {
        self.0.set(ptr::null());
    }

    /// Returns the earliest time.
    #[inline]
    pub(crate) fn first(&self) -> Option<u64> {
        get(self.0.get()).map(|entry| entry.at)
    }

    /// Puts an entry into the heap, until its drop or [`remove`](Self::remove).
    ///
    /// # Safety
    ///
    /// The entry stays where it is until it is dropped there; or its memory is never used again.
    pub(crate) unsafe fn insert(&self, entry: &Entry) {
        entry.inside.set(true);
        self.0.set(meld(self.0.get(), entry));
    }

    pub(crate) fn remove(&self, entry: &Entry) {
        if !entry.inside.replace(false) {
            return;
        }
        let rest = merge_pairs(entry.child.replace(ptr::null()));
        let back = entry.back.replace(ptr::null());
        let next = entry.next.replace(ptr::null());
        let Some(back) = get(back) else {
            self.0.set(rest);
            return;
        };
        if ptr::eq(back.child.get(), entry) {
            back.child.set(next);
        } else {
            back.next.set(next);
        }
        if let Some(next) = get(next) {
            next.back.set(back);
        }
        self.0.set(meld(self.0.get(), rest));
    }

    /// Removes all entries of a slot, whose frames never return: its task was abandoned.
    #[cfg(feature = "abandon")]
    pub(crate) fn remove_all_of(&self, slot: SlotRef) {
        let mut at = get(self.0.get());
        while let Some(entry) = at {
            if entry.slot.get() == slot {
                self.remove(entry);
                at = get(self.0.get()); // what was below it is elsewhere now
            } else {
                at = get(entry.child.get()).or_else(|| after(entry));
            }
        }
    }

    /// Removes the earliest entry if its time has come.
    pub(crate) fn pop_due(&self, now: u64) -> Option<&Entry> {
        let first = get(self.0.get()).filter(|entry| entry.at <= now)?;
        self.remove(first);
        Some(first)
    }
}

/// Returns the entry after this one and all entries below it, in preorder.
#[cfg(feature = "abandon")]
fn after(mut entry: &Entry) -> Option<&Entry> {
    loop {
        if let Some(next) = get(entry.next.get()) {
            return Some(next);
        }
        let mut back = get(entry.back.get())?;
        while !ptr::eq(back.child.get(), entry) {
            entry = back; // the previous sibling
            back = get(entry.back.get())?;
        }
        entry = back;
    }
}

fn meld(a: *const Entry, b: *const Entry) -> *const Entry {
    let (Some(x), Some(y)) = (get(a), get(b)) else { return if a.is_null() { b } else { a } };
    // Of two equal times, the entry that was there first stays on top. A heap gives no more order than that.
    let (top, under) = if y.at < x.at { (y, x) } else { (x, y) };
    let child = top.child.replace(under);
    under.next.set(child);
    under.back.set(top);
    if let Some(child) = get(child) {
        child.back.set(under);
    }
    top
}

/// Melds siblings in two passes, without recursion: pairs from the left, then all of them from the right.
fn merge_pairs(mut first: *const Entry) -> *const Entry {
    let mut pairs: *const Entry = ptr::null();
    while let Some(a) = get(first) {
        let b = a.next.replace(ptr::null());
        a.back.set(ptr::null());
        first = ptr::null();
        if let Some(b) = get(b) {
            first = b.next.replace(ptr::null());
            b.back.set(ptr::null());
        }
        let pair = meld(a, b);
        if let Some(pair) = get(pair) {
            pair.next.set(pairs);
        }
        pairs = pair;
    }
    let mut result: *const Entry = ptr::null();
    while let Some(pair) = get(pairs) {
        pairs = pair.next.replace(ptr::null());
        result = meld(result, pair);
    }
    result
}
