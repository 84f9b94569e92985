//! Replaces `busy` without the feature `abandon`: zero-sized types, and functions that do nothing.

use crate::records::block::BlockPtr;

/// As in `busy`, but zero-sized.
pub(crate) struct Count;

impl Count {
    pub(crate) const fn none() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn clear(&self) {}
}

/// As in `busy`, but zero-sized.
pub(crate) struct Busy;

impl Busy {
    #[inline(always)]
    pub(crate) fn in_tree_of(_any: BlockPtr) -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn on_this_core() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn of_receiver(_to: BlockPtr) {}

    #[inline(always)]
    pub(crate) fn received(_me: BlockPtr) -> Self {
        Self
    }
}
