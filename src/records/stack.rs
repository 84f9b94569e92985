//! The bounds of a stack, and how much of it is in use.

use core::fmt;

/// The bounds and the stack pointer of a greenlet's stack, as addresses.
///
/// The control block, at the base, counts as in use.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
/// let stack = g.stack().unwrap();
/// assert!(stack.limit < stack.sp && stack.sp < stack.base);
/// println!("{stack}"); // 224 of 16384 bytes in use, 0x40100000 to 0x40104000
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stack {
    /// One past the highest address.
    pub base: usize,
    /// The lowest address.
    pub limit: usize,
    /// The stack pointer: the present one for the current greenlet, else the saved one, also if an overflow saved it.
    pub sp: usize,
}

impl Stack {
    /// Bytes of the whole stack.
    ///
    /// ```
    /// # use greenlet::Stack;
    /// let stack = Stack { base: 0x5000, limit: 0x4000, sp: 0x4c00 };
    /// assert_eq!((stack.size(), stack.in_use()), (0x1000, 0x400));
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.base - self.limit
    }

    /// Bytes from the base to the stack pointer; 0 if the stack pointer is above the base, on another stack.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { let room = [x; 64]; me.up(room.len() as u32) }).unwrap();
    /// g.switch(1).unwrap();
    /// assert!(g.stack().unwrap().in_use() > 64 * 4); // the array, while g is suspended
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.base.saturating_sub(self.sp)
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes in use, {:#x} to {:#x}", self.in_use(), self.size(), self.limit, self.base)
    }
}
