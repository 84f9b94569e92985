//! The static that all scripts share, without a lock: a greenlet belongs to one core, and the
//! compiler ensures it by the type of its handles.

use core::cell::RefCell;

use super::value::Handle;

/// A cell that is opened with a [`Handle`], as the proof of being on the tree's core.
///
/// It must not stay open across a transfer, or across anything that may hide one: the drop of a
/// handle can kill a greenlet, which then runs its script. Should that happen nevertheless, the
/// inner `RefCell` panics.
pub(super) struct OneCore<T>(RefCell<T>);

// SAFETY: `with` is the only way to the contents, and it demands a `&Handle`. The types inside `Handle` cannot be named
// outside of `interpret`, which makes one tree of them, `TREE`; and handles are neither `Send` nor `Sync`. So the
// caller of `with` is on a core that entered `TREE`. That is one core at a time: a further `enter` is refused as long
// as one lasts, and after that as long as a handle to its main greenlet exists. `interpret` keeps such a handle until
// no other one of the run is left (or, should it unwind, for ever, in the slots). The claim of the tree makes what the
// last core did visible to the next. Contents may be `!Send`: when that last handle goes, plain data is all that
// remains in the cell.
unsafe impl<T> Sync for OneCore<T> {}

impl<T> OneCore<T> {
    pub(super) const fn new(contents: T) -> Self {
        Self(RefCell::new(contents))
    }

    /// Opens the cell for the time of one call.
    pub(super) fn with<R>(&self, _on_the_core_of: &Handle, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.0.borrow_mut())
    }
}
