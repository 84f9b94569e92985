//! Lists of waiting tasks, through nodes in the frames that wait. Only the hub's core uses them.
//!
//! A node lies in a frame of this crate, which unlinks it on every way out. A frame that is never left, because its
//! greenlet was leaked or abandoned, is on a stack that is never used again; so is the node.

use crate::slot::SlotRef;
use core::cell::Cell;
use core::marker::PhantomPinned;
use core::ptr;

pub(crate) struct List {
    first: Cell<*const Node>,
    last: Cell<*const Node>,
}

/// What a node waits for, in a list in which tasks wait for different things.
#[derive(Clone, Copy, PartialEq, Eq)]
#[doc(hidden)]
pub enum Kind {
    Receive,
    Send,
}

#[doc(hidden)]
pub struct Node {
    pub(crate) slot: SlotRef,
    pub(crate) kind: Kind,
    /// Set when the event for which the node waits has happened.
    pub(crate) done: Cell<bool>,
    /// The place in the same frame from which a value is taken, or into which one is put.
    pub(crate) data: *mut (),
    /// For a `select`: the nodes of all its arms. When one is completed, the others are unlinked.
    pub(crate) group: Cell<*const [Node]>,
    next: Cell<*const Node>,
    previous: Cell<*const Node>,
    list: Cell<*const List>,
    _pinned: PhantomPinned,
}

impl Node {
    pub(crate) fn new(slot: SlotRef, kind: Kind, data: *mut ()) -> Self {
        Self {
            slot,
            kind,
            done: Cell::new(false),
            data,
            group: Cell::new(ptr::slice_from_raw_parts(ptr::null(), 0)),
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            list: Cell::new(ptr::null()),
            _pinned: PhantomPinned,
        }
    }

    /// Returns the address, for the `object` of a [`What`](crate::what::What).
    pub(crate) fn address(&self) -> *const () {
        ptr::from_ref(self).cast()
    }

    /// Marks the node as done, and makes its task ready.
    pub(crate) fn complete(&self) {
        self.mark_done();
        self.slot.schedule().ready.append(self.slot);
    }

    /// As [`complete`](Self::complete), but puts the task at the head of its level.
    pub(crate) fn complete_first(&self) {
        self.mark_done();
        self.slot.schedule().ready.prepend(self.slot);
    }

    /// Returns `true` if another node of the same `select` is done.
    #[inline]
    pub(crate) fn is_void(&self) -> bool {
        !self.group.get().is_null() && self.is_void_in_group()
    }

    #[cold]
    fn is_void_in_group(&self) -> bool {
        // SAFETY: the nodes of a group lie in the frame in which this one lies.
        unsafe { &*self.group.get() }.iter().any(|node| node.done.get())
    }

    #[inline(always)]
    fn mark_done(&self) {
        self.done.set(true);
        // The task does not wait any more, although it has not run yet. The search for cycles of locks and the report
        // read this.
        self.slot.base().what.set(ptr::null());
        if !self.group.get().is_null() {
            self.unlink_group();
        }
    }

    #[cold]
    fn unlink_group(&self) {
        // SAFETY: the nodes of a group lie in the frame in which this one lies.
        for node in unsafe { &*self.group.get() } {
            node.unlink();
        }
    }

    /// Calls `undo` when the result is dropped, if the event has happened: that is, unless the caller forgets it. So what
    /// was handed over to a task goes on to the next one if a panic, which main may get from any task, leaves the wait.
    pub(crate) fn unless_forgotten<F: Fn()>(&self, undo: F) -> impl Drop {
        struct Undo<'a, F: Fn()>(&'a Node, F);
        impl<F: Fn()> Drop for Undo<'_, F> {
            #[cold]
            #[inline(never)]
            fn drop(&mut self) {
                if self.0.done.get() {
                    (self.1)();
                }
            }
        }
        Undo(self, undo)
    }

    /// As [`unlink`](Self::unlink), of a wait that was stopped.
    #[cold]
    #[inline(never)]
    fn leave(&self) {
        self.unlink();
    }

    pub(crate) fn unlink(&self) {
        let list = self.list.replace(ptr::null());
        // SAFETY: the list of a linked node exists: the frame of the node borrows it.
        let Some(list) = (unsafe { list.as_ref() }) else { return };
        let (previous, next) = (self.previous.get(), self.next.get());
        // SAFETY: linked nodes exist.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => list.first.set(next),
        }
        // SAFETY: the same.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => list.last.set(previous),
        }
    }
}

impl Drop for Node {
    #[inline]
    fn drop(&mut self) {
        if !self.list.get().is_null() {
            self.leave();
        }
    }
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(ptr::null()), last: Cell::new(ptr::null()) }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.get().is_null()
    }

    /// Empties the list: the nodes are of a run that is over, and are never used again.
    pub(crate) fn forget(&self) {
        self.first.set(ptr::null());
        self.last.set(ptr::null());
    }

    /// Returns how many nodes are of this kind.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        let mut count = 0;
        let mut at = self.first.get();
        // SAFETY: linked nodes exist.
        while let Some(node) = unsafe { at.as_ref() } {
            count += usize::from(node.kind == kind);
            at = node.next.get();
        }
        count
    }

    /// Returns the highest level of the tasks that wait; 0 if none does.
    pub(crate) fn highest_level(&self) -> u8 {
        let mut highest = 0;
        let mut at = self.first.get();
        // SAFETY: linked nodes exist.
        while let Some(node) = unsafe { at.as_ref() } {
            highest = highest.max(node.slot.base().level.get());
            at = node.next.get();
        }
        highest
    }

    /// Takes out the node of a task. A task has at most one node in a list that this is used for.
    #[cfg(feature = "abandon")]
    pub(crate) fn remove_of(&self, slot: SlotRef) {
        let mut at = self.first.get();
        // SAFETY: linked nodes exist.
        while let Some(node) = unsafe { at.as_ref() } {
            if node.slot == slot {
                return node.unlink();
            }
            at = node.next.get();
        }
    }

    /// # Safety
    ///
    /// The node stays where it is until it is dropped there, or its memory is never used again; and the list outlives
    /// the frame of the node.
    pub(crate) unsafe fn push(&self, node: &Node) {
        let last = self.last.replace(node);
        node.previous.set(last);
        node.next.set(ptr::null());
        node.list.set(self);
        // SAFETY: linked nodes exist.
        match unsafe { last.as_ref() } {
            Some(last) => last.next.set(node),
            None => self.first.set(node),
        }
    }

    /// Takes out the first node of this kind. Its frame does not change before its task runs, so callers may use it
    /// until they let another task run.
    #[inline]
    pub(crate) fn pop(&self, kind: Kind) -> Option<&Node> {
        if self.is_empty() { None } else { self.pop_of(kind) }
    }

    #[inline(never)]
    fn pop_of(&self, kind: Kind) -> Option<&Node> {
        let mut at = self.first.get();
        loop {
            // SAFETY: linked nodes exist.
            let node = unsafe { at.as_ref() }?;
            if node.kind == kind {
                node.unlink();
                return Some(node);
            }
            at = node.next.get();
        }
    }
}
