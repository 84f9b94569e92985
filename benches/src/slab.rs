//! Memory for the stacks of peers that bring none.

use crate::peer::Stacks;
use std::cell::Cell;
use std::mem::MaybeUninit;

/// A cache line, so that stacks begin with one.
#[repr(C, align(64))]
struct Line(#[allow(dead_code, reason = "memory for assembly")] [MaybeUninit<u8>; 64]);

/// Stacks side by side, in the sizes that the work needs, handed out in order. All of them are given back with the
/// slab.
pub(crate) struct Slab {
    lines: Vec<Line>,
    stacks: Stacks,
    next: Cell<usize>,
}

impl Slab {
    /// Memory that was never touched.
    pub(crate) fn new(stacks: Stacks) -> Self {
        Self { lines: Vec::with_capacity(stacks.count * stacks.size / size_of::<Line>()), stacks, next: Cell::new(0) }
    }

    pub(crate) fn size(&self) -> usize {
        self.stacks.size
    }

    /// The end of the next stack: one past its highest byte.
    pub(crate) fn take(&self) -> *mut u8 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.end(number)
    }

    /// The end of a stack.
    pub(crate) fn end(&self, number: usize) -> *mut u8 {
        assert!(number < self.stacks.count, "the slab has {} stacks", self.stacks.count);
        self.lines.as_ptr().cast_mut().cast::<u8>().wrapping_add((number + 1) * self.stacks.size)
    }
}
