//! Whether the kernel is at work on the stack of the greenlet that runs, be it that it calls user code there. Only with the feature
//! `abandon`, which must not take out a greenlet in the middle of that.
//!
//! Noted is what changes more than one word that outlives the greenlet, or what calls user code meanwhile. It lasts while the
//! greenlet is suspended in there, and is its own affair: what the others do is not part of it. The fast path of a switch is
//! not noted: between its test and the switch it uses nothing of the stack but frames that are there already.

use crate::block::{BlockPtr, ENDED};

/// Until it is dropped, on the same stack, the kernel is at work there.
pub(crate) struct Busy {
    greenlet: Option<BlockPtr>,
    /// Whether the kernel has called the user code that called the kernel.
    before: bool,
}

impl Busy {
    /// On the stack of the greenlet that runs in the tree of `any`. When that tree has ended, nobody can be abandoned.
    pub(crate) fn in_tree_of(any: BlockPtr) -> Self {
        // SAFETY: the tree has not ended, so that it is entered, and this is code that it runs.
        let greenlet = (!any.has(ENDED)).then(|| unsafe { any.here().current() });
        Self { greenlet, before: greenlet.is_some_and(|greenlet| greenlet.busy.replace(true)) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(greenlet) = self.greenlet {
            greenlet.busy.set(self.before);
        }
    }
}
