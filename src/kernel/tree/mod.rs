//! A tree of greenlets: entered by a closure, ended when the closure returns or unwinds.

mod defaults;
mod end;

pub(crate) use end::each;

use crate::kernel::handle::Greenlet;
use crate::kernel::me::Main;
use crate::kernel::overflow::{self, Overflow};
use crate::kernel::settle::Settle;
use crate::kernel::thrown::Thrown;
use crate::kernel::trace::Listener;
use crate::records::band::MainBand;
use crate::records::block::{Block, BlockPtr};
use crate::records::core_state::this_core;
use crate::records::errors::{EnterError, Refused};
use crate::records::mail::Mail;
use crate::records::occupancy::Occupancy;
use crate::records::panic::{self, Payload};
use crate::records::pool::Home;
use core::cell::{Cell, UnsafeCell};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

/// A tree of greenlets that exchange values `V` and errors `E`.
///
/// A tree is a `static`. The code that calls [`enter`](Self::enter) is its main greenlet until the closure returns.
///
/// ```text
///                enter              the closure returns (or unwinds)
///   (not entered) ───► entered ───────────────────────────────► ending ───► (not entered)
///                       main and its greenlets run        an exit is thrown into every
///                                                         greenlet that is left
/// ```
///
/// At the end, an exit is thrown into every greenlet that is not dead, in the order of creation. This is repeated, at
/// most 32 times: with all greenlets after a round in which one has died; else with those that were created meanwhile,
/// or whose exit a failure of the exit function or of the tracer replaced. Greenlets that refuse to end keep their
/// stacks for ever; [`on_leak`](Self::on_leak) is called with each, unless it was before. Greenlets that the hook
/// creates are treated the same. Handles that still exist are inert from then on: their greenlets count as dead, and a
/// transfer to them is [refused](crate::Refusal::Ended).
///
/// A core runs one tree at a time, and a tree runs on one core at a time. Without the features `cores` and `std` the
/// whole program counts as one core.
///
/// ```
/// use greenlet::{StackPool, Tree};
///
/// static STACKS: StackPool<1, 8192> = StackPool::new();
/// static TREE: Tree<u32> = Tree::new();
///
/// let sum = TREE.enter(|main| {
///     let adder = main.spawn(&STACKS, |me, mut sum| loop { sum += me.up(sum)?; }).unwrap();
///     (1..=4).map(|n| adder.switch(n).unwrap()).last()
/// });
/// assert_eq!(sum.unwrap(), Some(10));
/// ```
#[cfg_attr(feature = "std", repr(C))]
pub struct Tree<V: 'static, E: 'static = &'static str> {
    /// The requests from elsewhere. The first field: with `std`, [`Core::exit`] finds it by the address of the tree.
    ///
    /// [`Core::exit`]: crate::records::core_state::Core::exit
    pub(crate) mail: Mail,
    pub(crate) exit: fn() -> V,
    pub(crate) unraisable: fn(&Greenlet<V, E>, Thrown<V, E>),
    pub(crate) leak: fn(&Greenlet<V, E>),
    pub(crate) overflow: fn(&Overflow) -> !,
    /// The tracer. Only the core that entered uses it.
    pub(crate) listener: Cell<Option<Listener<V, E>>>,
    /// For requests of other cores and interrupt handlers. Set by [`Greenlet::remote`], before such a request can be
    /// made.
    pub(crate) settle: Cell<Option<&'static Settle>>,
    /// Whether `main` is in use: from `enter` until the last reference to it is released.
    occupancy: Occupancy,
    band: MainBand,
    main: UnsafeCell<MaybeUninit<Block>>,
}

// SAFETY: of the mutable fields, `occupancy` and `mail` are atomic; `main` and `band` belong to the core that entered
// the tree until it is free again; `listener` and `settle` belong to that core until the run ends, which sets the first
// to `None`. `settle` may stay set: it is valid for every later run. A tree never contains a `V` or an `E`, so nothing
// is required of these types.
unsafe impl<V: 'static, E: 'static> Sync for Tree<V, E> {}

impl<V: Default + 'static, E: 'static> Tree<V, E> {
    /// Creates a tree in which an exit without a payload carries `V::default()`.
    ///
    /// ```
    /// # use greenlet::Tree;
    /// static TREE: Tree<u32> = Tree::new();
    /// assert_eq!(TREE.enter(|main| main.kill()).unwrap(), Err(greenlet::Thrown::Exit(0))); // u32::default()
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self::with_exit(V::default)
    }
}

impl<V: Default + 'static, E: 'static> Default for Tree<V, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: 'static, E: 'static> Tree<V, E> {
    /// Creates a tree in which an exit without a payload carries `exit()`.
    ///
    /// These are the exits of [`kill`](Greenlet::kill) and [`cancel`](Greenlet::cancel), of a dropped last handle, of a
    /// kill from another core, and of the end of the tree. `exit` is called in the greenlet that throws the exit.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// #[derive(Debug, PartialEq)]
    /// enum Message { Byte(u8), Stopped }
    ///
    /// static TREE: Tree<Message> = Tree::with_exit(|| Message::Stopped);
    /// TREE.enter(|main| {
    ///     let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    ///     assert_eq!((g.switch(Message::Byte(7)), g.kill()), (Ok(Message::Byte(7)), Ok(Message::Stopped)));
    /// }).unwrap();
    /// ```
    #[must_use]
    pub const fn with_exit(exit: fn() -> V) -> Self {
        Self {
            mail: Mail::new(),
            exit,
            unraisable: defaults::unraisable,
            leak: defaults::leak,
            overflow: overflow::panics,
            listener: Cell::new(None),
            settle: Cell::new(None),
            occupancy: Occupancy::free(),
            band: MainBand::new(),
            main: UnsafeCell::new(MaybeUninit::zeroed()),
        }
    }

    /// Sets the hook for errors that have no receiver.
    ///
    /// These come from a greenlet that was killed because its last handle was dropped, because another core requested
    /// it, or because the tree ends, and that ended with an error or has no body. By default, with the feature `std`, a
    /// line on standard error names the greenlet.
    ///
    /// `hook` gets the greenlet that was killed, and the error. It runs in the greenlet that dropped the handle, was
    /// current when the request was settled, or ends the tree.
    ///
    /// ```
    /// # use greenlet::{StackPool, Thrown, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// static TREE: Tree<u32> = Tree::new().on_unraisable(|g, thrown| {
    ///     assert_eq!((g.name(), thrown), (Some("sore"), Thrown::Error("not now")));
    /// });
    /// TREE.enter(|main| {
    ///     let g = main.build(&STACKS).name("sore").spawn(|me, x| me.up(x).or(Err("not now".into()))).unwrap();
    ///     g.switch(1).unwrap();
    ///     drop(g);
    /// }).unwrap();
    /// ```
    #[must_use]
    pub const fn on_unraisable(mut self, hook: fn(&Greenlet<V, E>, Thrown<V, E>)) -> Self {
        self.unraisable = hook;
        self
    }

    /// Sets the hook for leaked greenlets: those that did not end when an exit was thrown into them.
    ///
    /// That exit came because the last handle was dropped, or because the tree ends. A leaked greenlet keeps its stack.
    /// The end of the tree throws an exit into it again; if it still does not end, it keeps its stack for ever. By
    /// default, with the feature `std`, a line on standard error names the greenlet. Without `std` the only sign is a
    /// spawn that finds [no stack](crate::SpawnError::PoolEmpty): its error counts leaked greenlets.
    ///
    /// The hook may create greenlets, also at the end of the tree. If each call there leaves another that does not end,
    /// it is called for 32 of them in a row; the last one keeps its stack unreported.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// static TREE: Tree<u32> = Tree::new().on_leak(|g| assert_eq!(g.name(), Some("stubborn")));
    /// TREE.enter(|main| {
    ///     let g = main.build(&STACKS).name("stubborn").spawn(|me, x| loop { let _refused = me.up(x); }).unwrap();
    ///     g.switch(1).unwrap();
    ///     drop(g);
    ///     assert_eq!(STACKS.free(), 0); // for ever
    /// }).unwrap();
    /// ```
    #[must_use]
    pub const fn on_leak(mut self, hook: fn(&Greenlet<V, E>)) -> Self {
        self.leak = hook;
        self
    }

    /// Sets the hook for a stack overflow. The default panics with what [`Overflow`] displays.
    ///
    /// Every transfer checks the greenlet that switches away: its stack pointer must be within its stack, and the
    /// canary band at the limit must be unchanged. A fast switch compares two words of the band; slow transfers and
    /// deaths compare all. If the check fails, memory below the stack may have been overwritten already, so no greenlet
    /// of the tree may run again: `hook` does not return. It runs on main's stack, below the frames of main, which are
    /// never resumed: a panic of the hook ends the program. The greenlet is still current, for
    /// [`current_report`](crate::current_report), and its [`stack`](Greenlet::stack) has the stack pointer with which
    /// it was about to leave.
    ///
    /// While the hook runs, every transfer is refused, with [`Refusal::Overflow`](crate::Refusal::Overflow). A greenlet
    /// whose last handle is dropped is leaked, and [`on_leak`](Self::on_leak) is not called. So the hook may drop
    /// handles, and so may `exit`, which drops the values of thread-locals. Queries work.
    ///
    /// ```
    /// # use greenlet::Tree;
    /// static TREE: Tree<u32> = Tree::new().on_overflow(|overflow| {
    ///     eprintln!("{overflow}, {} bytes too deep", overflow.past_limit());
    ///     std::process::exit(1) // reset the chip
    /// });
    /// # TREE.enter(|_main| ()).unwrap();
    /// ```
    #[must_use]
    pub const fn on_overflow(mut self, hook: fn(&Overflow) -> !) -> Self {
        self.overflow = hook;
        self
    }

    /// Runs `main_body` as the main greenlet of this tree, on the stack of the caller.
    ///
    /// The borrow that the closure gets cannot leave it, and no body can capture it: so main cannot be used after the
    /// closure has returned.
    ///
    /// Handles that still exist when this returns, such as those in a scheduler's table that is a static or a local of
    /// the caller, are inert, and their greenlets keep their stacks until they are dropped: drop such a table before
    /// the closure returns, or before the stacks are needed again.
    ///
    /// Aborts the program, with a message, if the closure returns or unwinds while another greenlet than main is
    /// current. That takes other code that switches stacks: `enter` is called in a coroutine of another crate, which a
    /// greenlet of the tree resumes.
    ///
    /// # Panics
    ///
    /// With the feature `std`: resumes the last panic of user code that runs at the end of the tree. With
    /// `stack-limit`: if this is not the process stack (PSP).
    ///
    /// # Errors
    ///
    /// Returns the closure, not called, with
    /// - [`EnterError::NoCore`]: called in an interrupt handler, or on a core whose number is above 63;
    /// - [`EnterError::CoreBusy`]: this core has entered a tree already, this one or another;
    /// - [`EnterError::OtherCore`]: another core has entered this tree;
    /// - [`EnterError::StillReferred`]: handles to the main greenlet of the previous run still exist.
    ///
    /// ```
    /// use greenlet::{EnterError, Tree};
    /// static TREE: Tree<()> = Tree::new();
    /// static OTHER: Tree<()> = Tree::new();
    /// TREE.enter(|_main| {
    ///     let refused = OTHER.enter(|_main| ()).unwrap_err();
    ///     assert_eq!(refused.reason, EnterError::CoreBusy);
    /// }).unwrap();
    /// OTHER.enter(|_main| ()).unwrap();
    /// ```
    pub fn enter<R, F: FnOnce(&Main<V, E>) -> R>(&'static self, main_body: F) -> Result<R, Refused<EnterError, F>> {
        let Some(core) = this_core() else {
            return Err(Refused { reason: EnterError::NoCore, returned: main_body });
        };
        if !core.take() {
            return Err(Refused { reason: EnterError::CoreBusy, returned: main_body });
        }
        if let Err(reason) = self.occupancy.enter() {
            core.give_back();
            return Err(Refused { reason, returned: main_body });
        }
        let place = self.main.get().cast::<Block>();
        // SAFETY: the tree was free, so no reference to the block in `self.main` exists; and it stays taken until the
        // last reference to this main is released.
        let bounds = unsafe { self.band.lay(place.cast()) };
        // SAFETY: the same.
        let main = unsafe { Block::write(place, bounds, (Home::Tree(&self.occupancy), 0), core) };
        core.begin(ptr::from_ref(self).cast(), main);
        core.hang(&self.mail);
        let run = Run { tree: self, main };
        let result = main_body(&Main::new(main));
        if let Some(payload) = ManuallyDrop::new(run).end() {
            panic::discard(result);
            panic::resume(payload);
        }
        Ok(result)
    }

    /// Returns the greenlet of this tree that runs on this core; `None` if this core has not entered the tree, and in
    /// an interrupt handler.
    ///
    /// For code that has no greenlet at hand; code that has one calls [`Greenlet::current`].
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static TREE: Tree<u32> = Tree::new();
    /// # #[cfg(feature = "std")] {
    /// assert!(TREE.current().is_none());
    /// TREE.enter(|main| assert_eq!(TREE.current().as_ref(), Some(&**main))).unwrap();
    /// # }
    /// ```
    #[cfg(any(feature = "std", feature = "cores"))]
    #[must_use]
    pub fn current(&'static self) -> Option<Greenlet<V, E>> {
        let core = this_core().filter(|core| core.tree() == ptr::from_ref(self).cast())?;
        // SAFETY: this core has entered this tree, and this is no interrupt handler, so the caller runs inside the
        // tree.
        let current = unsafe { core.current() };
        // `ENDED`: called by a destructor of a local value of main, while main is being freed. No new reference may be
        // made.
        // SAFETY: the reference is counted here; the greenlet is of this tree.
        (!current.has(crate::records::block::ENDED)).then(|| unsafe { Greenlet::from_block(current.retain()) })
    }

    /// Returns the tree of a greenlet.
    ///
    /// # Safety
    ///
    /// The greenlet is of a tree of `V` and `E` that has not ended.
    pub(crate) unsafe fn of(block: BlockPtr) -> &'static Self {
        // SAFETY: the greenlet's core has entered its tree and no other; `enter` stored a `&'static Tree<V, E>` there.
        unsafe { &*block.core().tree().cast() }
    }
}

/// A run of a tree. It ends on main's own stack, when the closure returns or unwinds.
struct Run<V: 'static, E: 'static> {
    tree: &'static Tree<V, E>,
    main: BlockPtr,
}

impl<V: 'static, E: 'static> Run<V, E> {
    fn end(&self) -> Option<Payload> {
        // SAFETY: called by `enter`, which has called main's closure, after that returned or while it unwinds.
        unsafe { end::end(self.tree, self.main) }
    }
}

/// Main unwinds: exits are thrown as usual. Further panics are discarded, because one is being propagated already.
impl<V: 'static, E: 'static> Drop for Run<V, E> {
    fn drop(&mut self) {
        panic::discard(self.end());
    }
}
