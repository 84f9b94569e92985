//! How much of its stack a greenlet has ever used: stacks are painted when they are claimed, and what was written over is
//! found by looking for where the paint begins.
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
//! What a frame reserved and never wrote to is seen only where the stack pointer was left, or is: no mark is above that. What was
//! reserved deeper, and given up again, is not: the figure is a floor for what a stack needs. Painting costs
//! a store for each word of the stack at every claim, and the look when it is given back a load for each that was not written to,
//! which is why this is a feature.

use crate::kernel::handle::Greenlet;
use crate::kernel::tree::each;
use crate::records::paint::{deepest, mark};

/// The most bytes that any greenlet of this program has used of its stack, its control block included: of those that were freed,
/// and those that outlived their trees. 0 before there are any. For a test that ends with it, and fails when it grows.
///
/// With the feature `high-water`. What is known of one greenlet tells [`Greenlet::high_water_mark`].
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

/// # How much stack is needed
///
/// With the feature `high-water`.
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// The most bytes of its stack that this greenlet has used, its control block included; `None` for main, whose stack is not
    /// the crate's. A dead greenlet tells what it had used.
    ///
    /// Never less than what is in use now, [`stack`](Self::stack) says. What a function reserved, never wrote to and gave up again
    /// is not counted. Takes as many steps as there are words that were not used.
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

    /// Writes a table of all stacks of this tree, in the order of creation, piece by piece: number, name, size, bytes in use now,
    /// the most bytes ever used, and that in per cent of the size.
    ///
    /// Allocates nothing, formats without `core::fmt`, and takes less than 256 bytes of stack besides what `write` takes, built with
    /// optimization. So it can be asked for where there is little left. With an inert handle it writes nothing.
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
        // SAFETY: the tree has not ended, so that it is the one that is entered.
        let main = unsafe { self.block().here().main() };
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

/// Writes a number digit by digit.
fn decimal(number: u64, write: &mut dyn FnMut(&str)) {
    const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let mut power = 1;
    while number / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        write(DIGITS[(number / power % 10) as usize]);
        power /= 10;
    }
}
