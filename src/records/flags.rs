//! What keeps a switch to a greenlet from being a plain one: the flags of its control block.

use core::ops::BitOr;

/// A set of the flags below.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    /// The greenlet can be switched to without further thought.
    pub(crate) const NONE: Self = Self(0);

    /// Whether one of `flags` is in here.
    #[inline(always)]
    pub(crate) fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    #[inline(always)]
    pub(crate) fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }

    /// 0 for none: for a test of these and of other bits at a time.
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

/// A greenlet that has not started and has no body, so that it cannot.
pub(crate) const BARE: Flags = Flags(1);
/// A greenlet whose body is over.
pub(crate) const DEAD: Flags = Flags(2);
/// A greenlet whose tree has ended: nothing is resumed any more, handles only count.
pub(crate) const ENDED: Flags = Flags(4);
/// A greenlet that refused to end when the last reference to it went. The kill that asked it keeps its reference, so that it
/// exists for ever, or until it dies after all.
pub(crate) const LEAKED: Flags = Flags(8);
/// A greenlet whose parent changed while it waited in `up`: `pin` refers to the one that it switched to.
pub(crate) const PINNED: Flags = Flags(16);
/// A bare greenlet whose body is somebody's affair: its old one is being dropped where it lies, to be replaced, or it was claimed
/// to be given one. No other may be put there.
pub(crate) const REPLACING: Flags = Flags(32);
/// A dead greenlet whose stack must stay as it is: its slot is not given back. Nobody is, without the feature.
pub(crate) const ABANDONED: Flags = Flags(if cfg!(feature = "abandon") { 64 } else { 0 });
