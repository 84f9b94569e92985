//! All greenlets of a tree, and where their stacks are.

use super::Greenlet;
use crate::arch::{Cpu, Native};
use crate::tree::each;
use core::fmt;

/// Where a greenlet's stack is and how much of it is in use, in addresses and bytes.
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
    /// The stack pointer: of this moment for the current greenlet, else where it was left, be it by an overflow.
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

    /// Bytes from the base to the stack pointer; 0 if that is above the base, on a stack that is not the greenlet's.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| { let room = [x; 64]; me.up(room.len() as u32) }).unwrap();
    /// g.switch(1).unwrap();
    /// assert!(g.stack().unwrap().in_use() > 64 * 4); // the array, while g waits
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

/// # All greenlets
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// How many references there are to this greenlet: handles, this one included; parent fields of greenlets that exist; kills
    /// and counted transfers in progress. The current greenlet may have none but those of the caller.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.bare(&STACKS).unwrap();
    /// let child = g.bare(&STACKS).unwrap();
    /// assert_eq!((g.references(), child.references()), (2, 1)); // the handle, and the child's parent field
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn references(&self) -> u32 {
        self.block().refs.get()
    }

    /// How many kills are in progress on this core: by a lost reference, by `cancel`, by a remote request, by the end of the
    /// tree. Each holds a reference to its victim and one to the victim's old parent, which is what an audit of all references
    /// needs to know.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| {
    ///     let asked = me.up(x);
    ///     assert_eq!(me.kills_in_progress(), 1); // mine
    ///     asked
    /// }).unwrap();
    /// g.switch(1).unwrap();
    /// drop(g);
    /// assert_eq!(main.kills_in_progress(), 0);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn kills_in_progress(&self) -> u32 {
        if self.is_ended() { 0 } else { self.block().here().kills() }
    }

    /// Calls `visit` with every greenlet of this tree, main first, then in the order of creation, unstarted and dead ones
    /// included; those created meanwhile are left out. With an inert handle there are none.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<2, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// TREE.enter(|main| {
    ///     let _a = main.build(&STACKS).name("reader").spawn(|_me, x| Ok(x)).unwrap();
    ///     let _b = main.build(&STACKS).name("writer").spawn(|_me, x| Ok(x)).unwrap();
    ///     let mut list = Vec::new();
    ///     main.for_each(|g| list.push(format!("{:?} {}", g.name(), g.state())));
    ///     assert_eq!(list, ["None running", "Some(\"reader\") unstarted", "Some(\"writer\") unstarted"]);
    /// }).unwrap();
    /// ```
    pub fn for_each(&self, visit: impl FnMut(&Self)) {
        if self.is_ended() {
            return;
        }
        // SAFETY: the tree has not ended, so that it is the one that is entered.
        let main = unsafe { self.block().here().main() };
        // SAFETY: the same.
        unsafe { each(main, visit) };
    }

    /// Where this greenlet's stack is; `None` for main, whose stack is not the crate's, and for a dead greenlet, which uses
    /// none of it.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 8192> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// let before = g.stack().unwrap();
    /// g.switch(1).unwrap();
    /// let after = g.stack().unwrap();
    /// assert_eq!(before.size(), 8192);
    /// assert!(before.in_use() < after.in_use() && after.in_use() < 8192);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn stack(&self) -> Option<Stack> {
        if self.is_main() || self.is_dead() {
            return None;
        }
        let block = self.block();
        // While an overflow is reported nobody stands on the stack of the current greenlet.
        let stands = self.is_current() && !block.here().reports_overflow();
        let sp = if stands { Native::stack_pointer() } else { block.context.sp() };
        // Nothing was put on the stack of one that never had a body: the control block is all that is in use.
        let sp = if sp.is_null() { block.as_ptr().addr() } else { sp.addr() };
        Some(Stack { base: block.base(), limit: block.limit(), sp })
    }
}
