//! High-water marks: the most bytes of its stack that each greenlet has used.
//!
//! A claim fills the stack with a pattern, the paint. A scan for the lowest word that no longer has the pattern
//! gives the mark.
//!
//! ```text
//!   base  ┌──────────────────┐ ─┐
//!         │ control block    │  │ high-water mark: the greatest depth that was written to
//!         │ frames, now      │  │
//!         │ frames, once     │  │
//!         ├──────────────────┤ ─┘
//!         │ paint            │
//!   floor ├──────────────────┤
//!         │ canary band      │ not painted
//!   limit └──────────────────┘
//! ```
//!
//! Memory that a frame reserves and never writes keeps the paint. The mark is at least the depth of the current or
//! saved stack pointer, but a deeper frame that was not written to, and has been left since, is not counted: the
//! mark is a lower bound of what a stack needs.
//!
//! Painting costs one store for each word of the stack at every claim. The scan at every release costs one load for
//! each word that was not written. Because of these costs it is a feature.

use crate::api::digits::decimal;
use crate::kernel::handle::Greenlet;
use crate::kernel::tree::each;
use crate::records::paint::{deepest, mark};

/// Returns the largest [high-water mark](Greenlet::high_water_mark) of all greenlets that were freed or have
/// outlived their trees, in bytes.
///
/// 0 before there is any such greenlet. A test can call this at its end, and fail when the value exceeds a limit.
/// Needs the feature `high-water`.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     let g = main.spawn(&STACKS, |_me, x| Ok(std::hint::black_box([x; 500])[7])).unwrap();
///     g.switch(1).unwrap();
/// }).unwrap();
/// assert!((2000..16384).contains(&greenlet::deepest_stack()));
/// ```
#[must_use]
pub fn deepest_stack() -> usize {
    deepest()
}

/// # Stack use
///
/// These need the feature `high-water`.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns the most bytes of its stack that this greenlet has used, its control block included.
    ///
    /// `None` for main, whose stack does not belong to this crate. For a dead greenlet, the most that it used while
    /// it lived. Never less than what is in use now, as [`stack`](Self::stack) reports it. Memory that a function
    /// reserved, never wrote to and released again is not counted. Takes one load for each word that was not used.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |_me, x| Ok(std::hint::black_box([x; 500])[7])).unwrap();
    /// let before = g.high_water_mark().unwrap();
    /// g.switch(1).unwrap();
    /// let after = g.high_water_mark().unwrap();
    /// assert!(before < 512 && after > 2000 && after < 16384);
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn high_water_mark(&self) -> Option<usize> {
        (!self.is_main()).then(|| mark(self.block()))
    }

    /// Writes a table of all stacks of this tree, one line each, in the order of creation of their greenlets.
    ///
    /// A line has the id, the name, the size, the bytes in use now, the most bytes ever used, and those in per cent
    /// of the size. `write` is called with one piece of text after the other.
    ///
    /// Does not allocate, and formats without `core::fmt`: with optimization it takes at most 384 bytes of stack
    /// besides what `write` takes, so it can be called where little stack is left. With an inert handle it writes
    /// nothing.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let _g = main.build(&STACKS).name("parser").spawn(|_me, x| Ok(x)).unwrap();
    /// let mut table = String::new();
    /// main.report_stacks(&mut |piece| table.push_str(piece));
    /// // greenlet 1 parser: 16384 bytes, 192 now, 192 peak, 1 %
    /// assert!(table.starts_with("greenlet ") && table.contains(" parser: 16384 bytes, "));
    /// assert_eq!(table.lines().count(), 1);
    /// # }).unwrap();
    /// ```
    pub fn report_stacks(&self, write: &mut dyn FnMut(&str)) {
        if self.is_ended() {
            return;
        }
        // SAFETY: the tree has not ended, so it is the one that is entered on this core.
        let main = unsafe { self.block().core().main() };
        let line = |greenlet: &Self| {
            if greenlet.is_main() {
                return;
            }
            let size = greenlet.block().stack_size();
            let peak = mark(greenlet.block());
            write("greenlet ");
            decimal(greenlet.id(), write);
            if let Some(name) = greenlet.name() {
                write(" ");
                write(name);
            }
            write(": ");
            decimal(size as u64, write);
            write(" bytes, ");
            decimal(greenlet.stack().map_or(0, |stack| stack.in_use()) as u64, write);
            write(" now, ");
            decimal(peak as u64, write);
            write(" peak, ");
            decimal((peak * 100 / size) as u64, write);
            write(" %\n");
        };
        // SAFETY: the same.
        unsafe { each(main, line) };
    }
}
