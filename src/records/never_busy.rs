//! Stands in for `busy` without the feature `abandon`: nothing counts, and nothing of it is in the program.

use crate::records::block::BlockPtr;

/// As in `busy`; of no size.
pub(crate) struct Count;

impl Count {
    pub(crate) const fn none() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn clear(&self) {}
}

/// As in `busy`; of no size.
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
