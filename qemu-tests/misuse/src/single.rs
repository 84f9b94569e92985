//! Statics that a case and its greenlets share.

use core::cell::Cell;

/// A place for a `T` that any greenlet of a case can put into it, or take out of it.
pub(crate) struct Single<T>(Cell<Option<T>>);

// SAFETY: only cases and their hooks use these, and `Case::run` lets in one at a time, on one core or in one thread.
// Its flag makes what one left visible to the next; a handle that one left would be found by the account before that.
unsafe impl<T> Sync for Single<T> {}

impl<T> Single<T> {
    pub(crate) const fn empty() -> Self {
        Self(Cell::new(None))
    }

    pub(crate) fn set(&self, contents: T) {
        // What was there is dropped when the place has been filled: its destructor may look.
        drop(self.0.replace(Some(contents)));
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.take()
    }

    /// Looks at what is there, which is not there meanwhile.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let contents = self.take()?;
        let seen = look(&contents);
        self.0.set(Some(contents));
        Some(seen)
    }
}
