//! Queries about all greenlets of a tree, their references and their stacks.

use crate::arch::{Cpu, Native};
use crate::kernel::handle::Greenlet;
use crate::kernel::tree::each;
use crate::records::band::BAND;
use crate::records::stack::Stack;

/// # All greenlets
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns the number of references to this greenlet.
    ///
    /// Counted are the handles, this one included; the parent fields of the greenlets that exist; and each kill or
    /// counted transfer in progress. Running is not counted: the only reference to the current greenlet may be the
    /// caller's handle.
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

    /// Returns the number of kills in progress on this core.
    ///
    /// A kill is caused by the drop of the last reference, by `cancel`, by a remote request, or by the end of the
    /// tree. While it is in progress it holds one reference to the greenlet that is killed and one to that
    /// greenlet's old parent; an audit of all references has to add these. 0 if this greenlet's tree has ended.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| {
    ///     let asked = me.up(x);
    ///     assert_eq!(me.kills_in_progress(), 1); // this greenlet's
    ///     asked
    /// }).unwrap();
    /// g.switch(1).unwrap();
    /// drop(g);
    /// assert_eq!(main.kills_in_progress(), 0);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn kills_in_progress(&self) -> u32 {
        if self.is_ended() { 0 } else { self.block().core().kills() }
    }

    /// Calls `visit` with each greenlet of this tree: first main, then the others in the order of creation.
    ///
    /// Unstarted and dead greenlets are included. Greenlets that are created during the walk are not visited. If
    /// the tree has ended, `visit` is never called.
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
        // SAFETY: the tree has not ended, so it is the one that is entered on this core.
        let main = unsafe { self.block().core().main() };
        // SAFETY: the same.
        unsafe { each(main, visit) };
    }

    /// Returns the bounds and the stack pointer of this greenlet's stack.
    ///
    /// `None` for main, whose stack does not belong to this crate, and for a dead greenlet, which no longer uses
    /// its stack.
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
        // While an overflow is being reported, the code runs on another stack than that of the current greenlet.
        let is_on_stack = self.is_current() && !block.core().reports_overflow();
        let sp = if is_on_stack { Native::stack_pointer().addr() } else { block.saved_sp() };
        Some(Stack { base: block.base(), limit: block.limit(), sp })
    }
}

impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Whether the bounds in the control block are those of a stack below it; false for main. For wrappers in other
    /// languages, where a handle may be any pointer.
    #[doc(hidden)]
    #[must_use]
    pub fn is_on_stack(&self) -> bool {
        let bounds = &self.block().bounds;
        let band = self.block().as_ptr().addr().wrapping_add(bounds.reach.get());
        bounds.floor.get().addr() == band.wrapping_add(BAND)
    }
}
