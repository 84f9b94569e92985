//! Reports for panic handlers, fault handlers and supervisors: the current greenlet, and the owner of a stack address.

use crate::kernel::handle::Greenlet;
use crate::kernel::overflow::Overflow;
use crate::records::band::{BAND, CHECKED, is_whole};
use crate::records::block::BlockPtr;
use crate::records::core_state::reported_core;
use crate::records::identity::Identity;
use crate::records::stack::Stack;

/// The size of a guard page below a stack, in bytes.
const PAGE: usize = 4096;

/// Returns the identity of the current greenlet, for the report of a panic or fault handler.
///
/// `None` outside of [`Tree::enter`](crate::Tree::enter). Code that has a handle calls
/// [`Greenlet::current`](crate::Greenlet::current) instead, which is safe.
///
/// # Safety
///
/// If a tree is entered, the caller runs on the core that entered it: in its code, or in a handler that interrupts
/// it. On another core, or another thread of a hosted program, the greenlet could be freed during the call.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 8192> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// fn report() -> String {
///     // SAFETY: this program has one thread.
///     unsafe { greenlet::current_report() }.map_or("none".into(), |greenlet| greenlet.to_string())
/// }
/// assert_eq!(report(), "none");
/// TREE.enter(|main| {
///     assert_eq!(report(), "main greenlet");
///     let g = main.build(&STACKS).name("parser").spawn(|_me, x| {
///         assert_eq!(report(), "greenlet 1 \"parser\"");
///         Ok(x)
///     });
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
    /// Returns the overflow that a fault shows, if it is one of the current greenlet's stack; for a fault handler.
    ///
    /// `address` is the address of the access that faulted, and `sp` the stack pointer of the code that made it.
    /// `None` if `address` is neither in the page below the stack, its [guard](crate::GuardedStackPool::guards),
    /// nor in its canary band; if main is current; and outside of [`Tree::enter`](crate::Tree::enter). [`stack_of`]
    /// finds the owner of any other address.
    ///
    /// Takes no lock, and neither formats nor allocates.
    ///
    /// # Safety
    ///
    /// As for [`current_report`]: if a tree is entered, the caller runs on the core that entered it, in its code or
    /// in a handler that interrupts it.
    ///
    /// ```
    /// # use greenlet::Overflow;
    /// fn page_fault(address: usize, sp: usize) -> ! {
    ///     // SAFETY: called by the exception vector of the core that entered the tree.
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

/// Adds a line to the message of every panic from now on that happens in a tree: the greenlet in which it happens.
///
/// Sets a panic hook that writes to the standard error stream, and then calls the hook that was set before. For the
/// beginning of a hosted program. Needs the feature `std`.
///
/// # Panics
///
/// If the calling thread is panicking, as [`std::panic::set_hook`].
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 65536> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// greenlet::name_panics();
/// TREE.enter(|main| {
///     let g = main.build(&STACKS).name("parser").spawn(|_me, x| Ok(10 / x)).unwrap();
///     // in greenlet 1 "parser":
///     // thread 'main' panicked at src/main.rs:5:63: attempt to divide by zero
///     let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| g.switch(0)));
///     assert!(payload.is_err());
/// }).unwrap();
/// ```
#[cfg(feature = "std")]
pub fn name_panics() {
    let next = std::panic::take_hook();
    std::panic::set_hook(std::boxed::Box::new(move |info| {
        // SAFETY: with `std` each thread is a core, and the hook runs on the thread that panics.
        if let Some(greenlet) = unsafe { current_report() } {
            std::eprintln!("in {greenlet}:");
        }
        next(info);
    }));
}

/// Returns the greenlet on whose stack, or in the page below it, `address` lies.
///
/// For a fault handler that finds an access in a [guard](crate::GuardedStackPool::guards).
///
/// The returned [`Stack`] has the saved stack pointer of the greenlet, or `address` if the greenlet is the current
/// one. `None` for main's stack, and outside of [`Tree::enter`](crate::Tree::enter).
///
/// Takes time in proportion to the number of greenlets of the tree. Takes no lock, and neither formats nor
/// allocates.
///
/// # Safety
///
/// As for [`current_report`]: if a tree is entered, the caller runs on the core that entered it, in its code or in
/// a handler that interrupts it. If the handler may have interrupted code of this crate, as after an overflow, the
/// caller must not resume any greenlet of the tree afterwards.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.build(&STACKS).name("parser").spawn(|me, x| me.up(x)).unwrap();
/// g.switch(1).unwrap();
/// let address = g.stack().unwrap().limit - 8; // the address of a faulting access
/// // SAFETY: this program has one thread, and this is the tree's own code.
/// let (greenlet, stack) = unsafe { greenlet::stack_of(address) }.unwrap();
/// assert_eq!(greenlet.name, Some("parser"));
/// println!("{address:#x} is below the stack {stack} of {greenlet}");
/// # }).unwrap();
/// ```
#[must_use]
pub unsafe fn stack_of(address: usize) -> Option<(Identity, Stack)> {
    let core = reported_core()?;
    let current = core.current_ptr();
    if current.is_null() {
        return None;
    }
    // SAFETY: a tree is entered here, and the caller is on its core.
    let main = unsafe { core.main() };
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
    // First the stack that contains the address, then the one above it: without guard pages, the page below a stack
    // belongs to its neighbour.
    find(0).or_else(|| find(PAGE))
}

/// # Overflow check
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Returns `true` if the canary band of this greenlet's stack is unchanged: no sign of an overflow.
    ///
    /// Always `true` for main, whose stack does not belong to this crate, and with the feature `unchecked-switch`.
    /// Each transfer checks part of the band of the greenlet that it suspends; a supervisor can check the whole
    /// band of any greenlet with this.
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
