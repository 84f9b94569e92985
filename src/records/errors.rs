//! The errors of functions that create or change something. Every message names the remedy, and every error comes with
//! what was passed in.

use core::fmt;

/// What a core is called in messages.
const CORE: &str = if cfg!(feature = "std") { "thread" } else { "core" };

/// A refusal, together with what was passed in.
///
/// `Debug` does not require `T: Debug`, so that `unwrap` works with closures. Like that of every error of this crate,
/// it names the remedy.
///
/// ```
/// # use greenlet::{EnterError, StackPool, SpawnError, Tree};
/// static STACKS: StackPool<0, 8192> = StackPool::new(); // a pool without a stack
/// static TREE: Tree<u32> = Tree::new();
/// TREE.enter(|main| {
///     let refused = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap_err();
///     assert!(matches!(refused.reason, SpawnError::PoolEmpty { .. }));
///     let _body = refused.returned; // can be spawned elsewhere, or later
/// }).unwrap();
/// ```
pub struct Refused<R, T> {
    /// The reason.
    pub reason: R,
    /// What was passed in, unchanged.
    pub returned: T,
}

impl<R: fmt::Debug, T> fmt::Debug for Refused<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<R: fmt::Display, T> fmt::Display for Refused<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<R: core::error::Error, T> core::error::Error for Refused<R, T> {}

/// Why [`Tree::enter`](crate::Tree::enter) was refused.
///
/// ```
/// # use greenlet::{EnterError, Tree};
/// # static TREE: Tree<u32> = Tree::new();
/// let kept = TREE.enter(|main| main.handle()).unwrap(); // outlives its run
/// assert_eq!(TREE.enter(|_main| ()).unwrap_err().reason, EnterError::StillReferred);
/// drop(kept);
/// TREE.enter(|_main| ()).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EnterError {
    /// The core identity says that the caller is a handler, or that the core's number is above 63.
    NoCore,
    /// This core has entered a tree already, this one or another.
    CoreBusy,
    /// Another core has entered this tree.
    OtherCore,
    /// Handles to the main greenlet of this tree's last run still exist.
    StillReferred,
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Where all threads count as one core, two threads cannot enter trees at the same time, as tests often try.
        const ONE_CORE: &str = if cfg!(any(bare, feature = "std")) {
            ""
        } else {
            "; for tests in parallel threads use the feature `std` of the crate `greenlet`, without which all threads \
             are one core"
        };
        f.write_str(match self {
            Self::NoCore => {
                "a tree cannot be entered from an interrupt handler, nor with interrupts masked if the core identity \
                 counts that as one, nor on a core with a number above 63; enter it from the core's main function"
            }
            Self::CoreBusy => {
                return write!(
                    f,
                    "a tree is entered on this {CORE} already; one at a time: return from that `enter` first, \
                     or spawn greenlets in the tree that is entered{ONE_CORE}"
                );
            }
            Self::OtherCore => {
                return write!(
                    f,
                    "another {CORE} has entered this tree, and a tree runs on one {CORE} at a time; wait until its \
                     `enter` has returned, or enter another `static` tree"
                );
            }
            Self::StillReferred => {
                "handles to the main greenlet of this tree's last run still exist; drop them, \
                 or enter another `static` tree"
            }
        })
    }
}

impl core::error::Error for EnterError {}

/// Why a greenlet could not be created.
///
/// ```
/// # use greenlet::{SpawnError, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |_me, x| Ok(x)).unwrap();
/// g.switch(1).unwrap();
/// let refused = main.bare(&STACKS).unwrap_err();
/// assert!(matches!(refused, SpawnError::PoolEmpty { stacks: 1, dead: 1, .. })); // g is dead, and keeps its stack
/// assert!(refused.to_string().contains("drop their handles"));
/// drop(g);
/// assert!(main.bare(&STACKS).is_ok());
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpawnError {
    /// All stacks of the pool are in use.
    PoolEmpty {
        /// How many stacks the pool has.
        stacks: usize,
        /// How many of them belong to dead greenlets to which a handle or a child still refers. Only greenlets of trees
        /// that have not ended are counted: of one tree, unless cores share the pool.
        dead: usize,
        /// How many belong to greenlets that were asked to exit and did not, in this or an earlier run of a tree. Such
        /// a greenlet keeps its stack for ever, or until it ends after all. See
        /// [`Tree::on_leak`](crate::Tree::on_leak).
        leaked: usize,
        /// How many belonged to greenlets that were abandoned (feature `abandon`). Such a stack is used again only if
        /// `Greenlet::reclaim` was called before the last handle was dropped.
        abandoned: usize,
    },
    /// The tree of another core has claimed a stack from this pool, or tried to, and has not ended: the pool is for one
    /// core at a time.
    OtherCore,
    /// The stacks of the pool are too small for the body, as the spawning crate is compiled without optimization.
    ///
    /// In most builds such a program does not compile. This error occurs only if the crate `greenlet` is optimized, its
    /// profile has no debug assertions, and the crate that spawns is not optimized.
    StackTooSmall {
        /// Bytes that the body and the least working stack need, including the pool's bytes for interrupts.
        needs: usize,
        /// Bytes of a stack of the pool.
        stack: usize,
    },
    /// The allocator has no memory for a stack. Only for `HeapStacks`, with the feature `alloc`.
    NoMemory {
        /// Bytes of a stack.
        bytes: usize,
    },
    /// The parent's tree has ended. A parent of another tree is refused with this, too: on a core, every tree but the
    /// entered one has ended.
    Ended,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            &Self::PoolEmpty { stacks, dead, leaked, abandoned } => {
                write!(f, "the pool has no free stack: {stacks} in use")?;
                if leaked != 0 {
                    write!(
                        f,
                        ", {leaked} by leaked greenlets, which were asked to exit and did not: have their \
                         bodies return what is thrown into them (`?`), and find them with `Tree::on_leak`"
                    )?;
                }
                if dead != 0 {
                    write!(
                        f,
                        ", {dead} by dead greenlets that are still referred to: drop their handles (and those \
                         of their children)"
                    )?;
                }
                if abandoned != 0 {
                    write!(
                        f,
                        ", {abandoned} by abandoned greenlets: `reclaim` their stacks where that is sound, and \
                         give the pool a larger SIZE if they overflowed"
                    )?;
                }
                let alive = stacks.saturating_sub(dead + leaked + abandoned);
                if alive == 0 && stacks != 0 {
                    return Ok(());
                }
                f.write_str(if alive == stacks { "; " } else { "; for the others, " })?;
                f.write_str(
                    "give `StackPool` a larger COUNT, or end greenlets that are not needed: one whose own frames \
                     hold its last handles is never killed by a drop (hold a `WeakGreenlet` there)",
                )
            }
            Self::OtherCore => write!(
                f,
                "greenlets of another {CORE} have stacks of this pool, which is for one {CORE} at a time; \
                 make it a `SharedStackPool`, or give each {CORE} a pool",
            ),
            Self::StackTooSmall { needs, stack } => write!(
                f,
                "without optimization the body needs a stack of {needs} bytes to start, those of this pool have \
                 {stack}; use a `StackPool` with a larger SIZE, or optimize the crate that spawns it"
            ),
            Self::NoMemory { bytes } => write!(
                f,
                "the allocator has no {bytes} bytes for a stack; give it more memory, or drop greenlets: \
                 their stacks are used again"
            ),
            Self::Ended => f.write_str("the parent's tree has ended; spawn inside `Tree::enter`"),
        }
    }
}

impl core::error::Error for SpawnError {}

/// Why [`Greenlet::set_run`](crate::Greenlet::set_run) was refused.
///
/// ```
/// # use greenlet::{RunError, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
/// g.switch(1).unwrap();
/// assert_eq!(g.set_run(|_me, x| Ok(x)).unwrap_err().reason, RunError::Started);
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RunError {
    /// The main greenlet runs the closure given to [`Tree::enter`](crate::Tree::enter).
    Main,
    /// The greenlet has started, or is dead.
    Started,
    /// The body does not fit into the greenlet's stack.
    TooLarge {
        /// Bytes that the body and the least working stack need.
        needs: usize,
        /// Bytes of the stack.
        stack: usize,
    },
    /// The greenlet will get another body: a `set_run` in progress is dropping the old one to replace it, or the stack
    /// was [claimed](crate::Builder::claim) and the claim gives it its body.
    Busy,
    /// The greenlet's tree has ended.
    Ended,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Main => {
                f.write_str("the main greenlet has no body to set; it runs the closure given to `Tree::enter`")
            }
            Self::Started => {
                f.write_str("the greenlet has started, its body cannot be changed; spawn another greenlet")
            }
            Self::TooLarge { needs, stack } => write!(
                f,
                "the body needs a stack of {needs} bytes to start, this one has {stack}; \
                 capture less, or use a `StackPool` with a larger SIZE"
            ),
            Self::Busy => f.write_str(
                "another `set_run` is replacing the greenlet's body, or its stack was claimed for one; set it when \
                 that has returned, not from a destructor of the old body, and leave a claimed one to \
                 `Claimed::spawn`",
            ),
            Self::Ended => f.write_str("the greenlet's tree has ended; drop this handle"),
        }
    }
}

impl core::error::Error for RunError {}

/// Why [`Greenlet::set_parent`](crate::Greenlet::set_parent) was refused. The parent is unchanged.
///
/// ```
/// # use greenlet::{ParentError, StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.bare(&STACKS).unwrap();
/// assert_eq!(g.set_parent(&g), Err(ParentError::Cycle));
/// assert_eq!(main.set_parent(&g), Err(ParentError::Main));
/// assert_eq!(g.parent().as_ref(), Some(&**main)); // unchanged
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParentError {
    /// The main greenlet has no parent.
    Main,
    /// The new parent is the greenlet itself or one of its descendants, dead ones included.
    Cycle,
    /// The tree of one of the two has ended. A parent of another tree is refused with this, too: on a core, every tree
    /// but the entered one has ended.
    Ended,
}

impl fmt::Display for ParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "the main greenlet has no parent and cannot be given one",
            Self::Cycle => {
                "the new parent descends from this greenlet; choose one that does not, or move that one first"
            }
            Self::Ended => "the greenlet's tree has ended; drop this handle",
        })
    }
}

impl core::error::Error for ParentError {}
