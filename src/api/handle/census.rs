//! All greenlets of a tree, and where their stacks are.

use crate::arch::{Cpu, Native};
use crate::kernel::handle::Greenlet;
use crate::kernel::tree::each;
use crate::records::stack::Stack;

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
