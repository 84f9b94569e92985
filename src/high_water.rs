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

use crate::arch::{Cpu, Native};
use crate::block::BlockPtr;
use crate::handle::Greenlet;
use crate::overflow::Canary;
use crate::tree::each;
use core::mem::size_of;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// A byte of the paint: no pointer and no small number is made of these, and no cleared or set memory.
const PAINT: u8 = 0x9e;
/// What a word looks like that was not written to.
const PAINTED: usize = usize::from_ne_bytes([PAINT; size_of::<usize>()]);

/// Paints a stack from `floor` up to the control block, `span` bytes above it.
///
/// # Safety
///
/// This memory belongs to the caller, and nothing lies in it.
pub(crate) unsafe fn paint((floor, span): (*const Canary, usize)) {
    // SAFETY: the caller's contract.
    unsafe { floor.cast_mut().cast::<u8>().write_bytes(PAINT, span) };
}

/// The lowest word that was written to, or the stack pointer if that is lower: as it is for the greenlet that runs, else as the last
/// switch left it. As a distance from the base in bytes.
#[inline(never)] // one copy, for the size
fn mark(block: BlockPtr) -> usize {
    let (floor, span) = (block.floor.get().cast::<usize>(), block.span.get());
    debug_assert!(span.is_multiple_of(size_of::<usize>()));
    // SAFETY: between floor and control block is memory of the greenlet's stack, which was painted; both are aligned to more.
    let lowest = unsafe { Native::first_mismatch(PAINTED, floor, floor.wrapping_byte_add(span)) };
    // Null, if it never ran and has no body.
    let here = block.here();
    let runs = here.current_ptr() == block.as_ptr() && !here.reports_overflow();
    let left = if runs { Native::stack_pointer() } else { block.context.sp() };
    let sp = if left.is_null() { lowest.addr() } else { left.addr() };
    block.base() - lowest.addr().min(sp)
}

/// The highest mark of all greenlets that were freed, or outlived their trees.
static DEEPEST: AtomicUsize = AtomicUsize::new(0);

/// Keeps the mark of a greenlet of which the kernel loses sight.
pub(crate) fn keep(block: BlockPtr) {
    if !block.is_main() {
        DEEPEST.fetch_max(mark(block), Relaxed);
    }
}

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
    DEEPEST.load(Relaxed)
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
