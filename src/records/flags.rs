//! The flags of a control block. Any of them sends a transfer to the greenlet to the slow path.

use core::ops::BitOr;

/// A set of flags.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    /// No flag: the greenlet can be switched to on the fast path.
    pub(crate) const NONE: Self = Self(0);

    /// Whether at least one of `flags` is set.
    #[inline(always)]
    pub(crate) fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    #[inline(always)]
    pub(crate) fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// The bits, 0 for no flag: the fast path tests them together with other bits.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

/// The greenlet has not started and has no body, so it cannot be started yet.
pub(crate) const NO_BODY: Flags = Flags(1);
/// The body has ended, or will never run.
pub(crate) const DEAD: Flags = Flags(2);
/// The tree has ended: no greenlet of it is resumed, and a handle only counts.
pub(crate) const ENDED: Flags = Flags(4);
/// The greenlet survived the kill that the release of its last reference caused. The kill keeps its reference, so that
/// the greenlet stays for ever, or until it dies after all.
pub(crate) const LEAKED: Flags = Flags(8);
/// The greenlet waits in an `up` that took the slow path, or whose target is no longer its parent, and the block holds
/// a *pin*: a reference to the greenlet that it switched to.
pub(crate) const PINNED: Flags = Flags(16);
/// Set together with [`NO_BODY`] while one operation reserves the right to set the body: a `set_run` that is dropping
/// the old body, or a claim. Any other `set_run` is refused.
pub(crate) const REPLACING: Flags = Flags(32);
/// The greenlet is settling requested kills. Arrivals in it settle none meanwhile: otherwise each kill requested by a
/// victim's destructor would be settled inside the previous one, one level deeper on the same stack.
pub(crate) const SETTLING: Flags = Flags(128);
/// The greenlet is dead, and its slot is not released, because its stack must stay as it is, unless `BlockPtr::reclaim`
/// clears this. Never set without the feature `abandon`.
pub(crate) const ABANDONED: Flags = Flags(if cfg!(feature = "abandon") { 64 } else { 0 });
