//! The greenlet that runs, and whose stack an address is on: for panic handlers, fault handlers and supervisors.

use crate::kernel::handle::Greenlet;
use crate::kernel::overflow::Overflow;
use crate::records::band::{BAND, CHECKED, is_whole};
use crate::records::block::BlockPtr;
use crate::records::here::reported_core;
use crate::records::identity::Identity;
use crate::records::stack::Stack;

/// Bytes of a guard below a stack, where there is one.
const PAGE: usize = 4096;

/// The greenlet that runs, for a report: a panic handler's, or a fault handler's. `None` outside [`Tree::enter`](crate::Tree::enter).
///
/// Code that was handed a greenlet asks that instead, without `unsafe`: [`Greenlet::current`].
///
/// # Safety
///
/// Called on the core that entered the tree, if one is entered: from its code, or from a handler that interrupts it. On
/// another core, or in another thread of a hosted program, the greenlet could be freed meanwhile.
///
/// [`Tree::enter`]: crate::Tree::enter
/// [`Greenlet::current`]: crate::Greenlet::current
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 8192> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// fn report() -> String {
///     // SAFETY: this program has one thread.
///     unsafe { greenlet::current_report() }.map_or("nobody".into(), |who| who.to_string())
/// }
/// assert_eq!(report(), "nobody");
/// TREE.enter(|main| {
///     assert_eq!(report(), "main greenlet");
///     let g = main.build(&STACKS).name("parser").spawn(|_, _| { assert_eq!(report(), "greenlet 1 \"parser\""); Ok(0) });
///     g.unwrap().switch(0).unwrap();
/// }).unwrap();
/// ```
#[must_use]
pub unsafe fn current_report() -> Option<Identity> {
    let current = reported_core()?.current_ptr();
    // SAFETY: inside `enter` the current greenlet exists, and the caller is on its core.
    (!current.is_null()).then(|| unsafe { BlockPtr::new(current) }.identity())
}

impl Overflow {
    /// What a fault says of the stack of the current greenlet: for a fault handler that was told of an access to `address` by
    /// code whose stack pointer was `sp`. `None` if `address` is neither in the page below that stack, its
    /// [guard](crate::GuardedStackPool::guards), nor in its canary band; if main is current; and outside of [`Tree::enter`](crate::Tree::enter).
    ///
    /// Takes no lock, formats and allocates nothing. Whose stack any other address is on, [`stack_of`] knows.
    ///
    /// # Safety
    ///
    /// As for [`current_report`]: on the core that entered the tree, if one is entered, from its code or
    /// from a handler that interrupts it.
    ///
    /// ```
    /// # use greenlet::Overflow;
    /// fn page_fault(address: usize, sp: usize) -> ! {
    ///     // SAFETY: called by the vector of this core, which has a tree of its own.
    ///     if let Some(overflow) = unsafe { Overflow::at(address, sp) } {
    ///         eprintln!("{overflow}");
    ///     }
    ///     std::process::exit(1)
    /// }
    /// ```
    #[must_use]
    pub unsafe fn at(address: usize, sp: usize) -> Option<Self> {
        let current = reported_core()?.current_ptr();
        if current.is_null() {
            return None;
        }
        // SAFETY: inside `enter` the current greenlet exists, and the caller is on its core.
        let current = unsafe { BlockPtr::new(current) };
        if current.is_main() {
            return None;
        }
        let limit = current.limit();
        let stack = Stack { base: current.base(), limit, sp };
        let below = limit.saturating_sub(PAGE)..limit + BAND;
        below.contains(&address).then(|| Self { greenlet: current.identity(), stack, stopped_at: Some(address) })
    }
}

/// Whose stack `address` is on, or in the page below: for a fault handler that finds an access in a
/// [guard](crate::GuardedStackPool::guards). With the stack pointer that the greenlet was left with; `address` itself for the
/// current one. `None` for main's stack, and outside of [`Tree::enter`](crate::Tree::enter).
///
/// Looks at every greenlet of the tree. Takes no lock, formats and allocates nothing.
///
/// # Safety
///
/// As for [`current_report`]: on the core that entered the tree, if one is entered, from its code or from a
/// handler that interrupts it; and if that is the kernel's own code, as an overflow may be, then nothing of the tree is resumed.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.build(&STACKS).name("parser").spawn(|me, x| me.up(x)).unwrap();
/// g.switch(1).unwrap();
/// let address = g.stack().unwrap().limit - 8; // what a fault handler was told
/// // SAFETY: this program has one thread, and this is the tree's own code.
/// let (greenlet, stack) = unsafe { greenlet::stack_of(address) }.unwrap();
/// assert_eq!(greenlet.name, Some("parser"));
/// println!("{address:#x} is below the stack {stack} of {greenlet}");
/// # }).unwrap();
/// ```
#[must_use]
pub unsafe fn stack_of(address: usize) -> Option<(Identity, Stack)> {
    let here = reported_core()?;
    let current = here.current_ptr();
    if current.is_null() {
        return None;
    }
    // SAFETY: a tree is entered here, and the caller is on its core.
    let main = unsafe { here.main() };
    let find = |below: usize| {
        let mut at = main.successor();
        while at != main {
            if (at.limit().saturating_sub(below)..at.base()).contains(&address) {
                let sp = if at.as_ptr() == current { address } else { at.context.sp().addr() };
                return Some((at.identity(), Stack { base: at.base(), limit: at.limit(), sp }));
            }
            at = at.successor();
        }
        None
    };
    // A stack that the address is on comes before one that it is below: without guards these are neighbours.
    find(0).or_else(|| find(PAGE))
}

/// # Overflow
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Whether the canary band of this greenlet's stack is as it was. Always so for main, whose stack is not the crate's, and
    /// with the feature `unchecked-switch`.
    ///
    /// A transfer asks this of the greenlet that leaves. A supervisor may ask it of any.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// assert!(g.is_intact());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_intact(&self) -> bool {
        !CHECKED || is_whole(self.block())
    }
}
