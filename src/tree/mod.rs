//! A tree of greenlets: entered by a closure, ended when the closure is over.

mod defaults;
mod end;
mod occupancy;

pub(crate) use end::each;
pub(crate) use occupancy::Occupancy;

use crate::block::{Block, BlockPtr};
use crate::errors::{EnterError, Refused};
use crate::handle::Greenlet;
use crate::here::this_core;
use crate::mail::Mail;
use crate::me::Main;
use crate::overflow::{self, MainBand, Overflow};
use crate::panic::{self, Payload};
use crate::pool::Home;
use crate::remote::Settle;
use crate::thrown::Thrown;
use crate::trace::Listener;
use core::cell::{Cell, UnsafeCell};
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

/// A tree: all its greenlets exchange values `V` and errors `E`.
///
/// A `static`. Code becomes the main greenlet of the tree by [`enter`](Self::enter), and is that until the closure returns.
///
/// ```text
///                enter              the closure returns (or unwinds)
///   (not entered) ───► entered ───────────────────────────────► ending ───► (not entered)
///                       main and its greenlets run        every greenlet that is left
///                                                         gets its exit, in main's place
/// ```
///
/// At the end, every greenlet that is not dead gets an exit thrown into it, in the order of creation, round by round, for at most 32
/// rounds. After a round in which a greenlet has ended, all are asked again; after any other, those that were created meanwhile, and
/// those that a failure of the exit function or of the tracer left without their exits. A greenlet that refuses keeps its stack for
/// ever, and [`on_leak`](Self::on_leak) is called with it, if it was not before. What that hook leaves is treated the same. Handles that
/// are kept longer are inert: their greenlets count as dead, a transfer to them is [refused](crate::Refusal::Ended).
///
/// One tree is entered at a time on a core, and a tree is entered on one core at a time. Without the features `cores` and `std`
/// there is one core in the world.
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
pub struct Tree<V: 'static, E: 'static = &'static str> {
    pub(crate) exit: fn() -> V,
    pub(crate) unraisable: fn(&Greenlet<V, E>, Thrown<V, E>),
    pub(crate) leak: fn(&Greenlet<V, E>),
    pub(crate) overflow: fn(&Overflow) -> !,
    /// Hears of every transfer. Only the core that entered looks at it.
    pub(crate) listener: Cell<Option<Listener<V, E>>>,
    /// Settles kills that were asked for from elsewhere, once somebody can ask: see [`Greenlet::remote`], which puts it here.
    pub(crate) settle: Cell<Option<Settle>>,
    /// Whether `main` is a greenlet: it is from `enter` until the last reference to it is gone.
    occupancy: Occupancy,
    pub(crate) mail: Mail,
    band: MainBand,
    main: UnsafeCell<MaybeUninit<Block>>,
}

// SAFETY: of what is mutable in a tree, `occupancy` and `mail` are atomic; `main` and `band` belong to the core that entered the tree
// until it is free again, `listener` and `settle` until the run is over: `None` is left in the first, and in the second a function
// that is good for whoever comes. No `V` or `E` is ever kept in a tree, so nothing is asked of these types.
unsafe impl<V: 'static, E: 'static> Sync for Tree<V, E> {}

impl<V: Default + 'static, E: 'static> Tree<V, E> {
    /// A tree where an exit without a payload carries `V::default()`.
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
    /// A tree where an exit without a payload, that of [`kill`](Greenlet::kill), of a lost reference and of the end of the
    /// tree, carries `exit()`. It is called in the greenlet that throws the exit.
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
            exit,
            unraisable: defaults::unraisable,
            leak: defaults::leak,
            overflow: overflow::panics,
            listener: Cell::new(None),
            settle: Cell::new(None),
            occupancy: Occupancy::free(),
            mail: Mail::new(),
            band: MainBand::new(),
            main: UnsafeCell::new(MaybeUninit::zeroed()),
        }
    }

    /// Sets the hook for errors that have no receiver: what came back from a greenlet that was killed because its last handle was
    /// dropped, or because the tree ends. By default, with the feature `std`, a line on standard error names the greenlet.
    ///
    /// `hook` gets the greenlet that was killed, and what came back. It runs in the greenlet that dropped the handle.
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

    /// Sets who hears of a greenlet that was asked to exit because nobody refers to it, or because the tree ends, and did
    /// not end. It keeps its stack, until the end of the tree asks it again, and for ever after that. By default a line on standard
    /// error says who it is, with the feature `std`; without, nobody hears of it before a spawn finds
    /// [no stack](crate::SpawnError::PoolEmpty), which counts them.
    ///
    /// A hook that leaves another such greenlet each time that it is called, at the end of the tree, is called until there is no stack.
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

    /// Sets who hears of a greenlet that has not kept to its stack. A panic with what [`Overflow`] displays by default.
    ///
    /// Asked of the greenlet that leaves, at every transfer: its stack pointer must be on its stack, and the canary band at the
    /// limit of its stack as it was laid. When it is not, memory below the stack may have been overwritten already, and nothing
    /// of the greenlet or its tree may go on; so `hook` does not return. It runs on main's stack, below the frames of main,
    /// which are lost to it: a panic of the hook ends the program. The greenlet is still current, for
    /// [`current_report`](crate::current_report), and its [`stack`](Greenlet::stack) is as it was left.
    ///
    /// While the hook runs every transfer is refused, with [`Refusal::Overflow`](crate::Refusal::Overflow). A greenlet whose last
    /// handle goes is leaked, and nobody hears of it. So the hook may drop what it holds, and what `exit` drops, the values of
    /// thread-locals, may hold handles. Questions are answered.
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
    /// The borrow that it gets cannot leave the closure, nor can the body of a greenlet capture it: main cannot be used
    /// when it is over.
    ///
    /// Aborts the program, with a message, if the closure is over while another greenlet than main is current. That takes other code
    /// that changes stacks: a coroutine of another crate in which `enter` was called, and which a greenlet of the tree resumes.
    ///
    /// # Errors
    ///
    /// The closure comes back, not called, with
    /// - [`EnterError::NoCore`]: called in an interrupt handler, or on a core that the core identity does not know;
    /// - [`EnterError::CoreBusy`]: a tree is entered already, this one or another;
    /// - [`EnterError::OtherCore`]: another core is in this tree;
    /// - [`EnterError::StillReferred`]: handles to the main greenlet of the last run still exist.
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
        let Some(here) = this_core() else {
            return Err(Refused { reason: EnterError::NoCore, returned: main_body });
        };
        if !here.take() {
            return Err(Refused { reason: EnterError::CoreBusy, returned: main_body });
        }
        if let Err(reason) = self.occupancy.enter() {
            here.give_back();
            return Err(Refused { reason, returned: main_body });
        }
        let place = self.main.get().cast::<Block>();
        // SAFETY: taken just now, so nobody refers to the block in `self.main`; it stays so until that one is released.
        let bounds = unsafe { self.band.lay() };
        // SAFETY: the same.
        let main = unsafe { Block::write(place, bounds, (Home::Tree(&self.occupancy), 0), here) };
        here.begin(ptr::from_ref(self).cast(), main);
        here.hang(&self.mail);
        let run = Run { tree: self, main };
        let result = main_body(&Main::new(main));
        if let Some(payload) = ManuallyDrop::new(run).end() {
            panic::discard(result);
            panic::resume(payload);
        }
        Ok(result)
    }

    /// The greenlet of this tree that runs on this core; `None` if the tree is not entered here, and in an interrupt handler.
    ///
    /// For code that was handed no greenlet. Who was handed one asks [`Greenlet::current`].
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
        let here = this_core().filter(|here| here.tree() == ptr::from_ref(self).cast())?;
        // SAFETY: this tree is entered on this core, and this is not a handler: so it is code that the tree runs.
        let current = unsafe { here.current() };
        // At the very end a destructor may ask, of what was kept for main: that is being freed, and nobody may refer to it.
        // SAFETY: counted here; the tree is this one.
        (!current.has(crate::block::ENDED)).then(|| unsafe { Greenlet::from_block(current.retain()) })
    }

    /// The tree of a greenlet.
    ///
    /// # Safety
    ///
    /// The greenlet is of a tree of `V` and `E` that has not ended.
    pub(crate) unsafe fn of(block: BlockPtr) -> &'static Self {
        // SAFETY: one tree is entered on the greenlet's core, its own; `enter` put a `&'static Tree<V, E>` there.
        unsafe { &*block.here().tree().cast() }
    }
}

/// A run of a tree. It ends on main's own stack, on return and on unwinding alike.
struct Run<V: 'static, E: 'static> {
    tree: &'static Tree<V, E>,
    main: BlockPtr,
}

impl<V: 'static, E: 'static> Run<V, E> {
    fn end(&self) -> Option<Payload> {
        // SAFETY: this is the caller of main's closure, which is over.
        unsafe { end::end(self.tree, self.main) }
    }
}

/// Main panics: its greenlets get their exits; what panics meanwhile is lost, there is one panic on its way already.
impl<V: 'static, E: 'static> Drop for Run<V, E> {
    fn drop(&mut self) {
        panic::discard(self.end());
    }
}
