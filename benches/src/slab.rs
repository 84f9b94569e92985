//! Memory for the stacks of peers that bring none.

use crate::peer::Stacks;
use std::cell::Cell;
use std::mem::MaybeUninit;

/// A cache line, so that stacks begin with one.
#[repr(C, align(64))]
struct Line(#[allow(dead_code, reason = "memory for assembly")] [MaybeUninit<u8>; 64]);

/// Stacks side by side, handed out in order. All of them are given back with the slab.
///
/// From one to the next it is an odd number of cache lines. The part of a stack that is in use is at its end: with a power of two
/// between them, these parts would compete for a few sets of the caches.
pub(crate) struct Slab {
    lines: Vec<Line>,
    stacks: Stacks,
    next: Cell<usize>,
}

impl Slab {
    /// Memory that nobody has touched.
    pub(crate) fn new(stacks: Stacks) -> Self {
        Self { lines: Vec::with_capacity(stacks.count * lines(stacks.size)), stacks, next: Cell::new(0) }
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
        self.lines.as_ptr().cast_mut().wrapping_add((number + 1) * lines(self.stacks.size)).cast()
    }
}

/// Cache lines from the end of a stack to the end of the next one.
const fn lines(size: usize) -> usize {
    size.div_ceil(size_of::<Line>()) | 1
}

#[cfg(test)]
mod tests {
    use super::Slab;
    use crate::peer::Stacks;

    #[test]
    fn stacks_lie_apart_by_an_odd_number_of_lines() {
        let slab = Slab::new(Stacks { count: 3, size: 1024 });
        let ends = [0, 1, 2].map(|number| slab.end(number).addr());
        assert_eq!([ends[1] - ends[0], ends[2] - ends[1]], [1088; 2]);
        assert_eq!(slab.take().addr(), ends[0]);
    }
}
