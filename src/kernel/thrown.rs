//! What a transfer delivers, and what it delivers instead of a value.

use core::fmt;

/// What a transfer returns and what a body returns: a value, or what was thrown.
///
/// `Ok` holds what somebody sent *to this greenlet* while it waited; that need not be the greenlet it switched to.
///
/// ```
/// # use greenlet::{Me, Outcome};
/// // A body that is a function: what it gets, and what it returns.
/// fn double(me: &Me<u32, &'static str>, x: u32) -> Outcome<u32, &'static str> {
///     let y = me.up(2 * x)?;
///     if y > 9 { Err("too much".into()) } else { Ok(2 * y) }
/// }
/// # static STACKS: greenlet::StackPool<1, 16384> = greenlet::StackPool::new();
/// # static TREE: greenlet::Tree<u32> = greenlet::Tree::new();
/// # TREE.enter(|main| assert_eq!(main.spawn(&STACKS, double).unwrap().switch(1), Ok(2))).unwrap();
/// ```
pub type Outcome<V, E> = Result<V, Thrown<V, E>>;

/// What arrives in a greenlet instead of a value.
///
/// A body that does not want to handle it passes it on with `?`: its destructors run, the greenlet is dead, and the parent
/// gets what left the body. That is the whole of unwinding here; it works with `panic = "abort"`.
///
/// ```
/// # use greenlet::{Outcome, Thrown};
/// fn step(command: Outcome<u32, &'static str>) -> Outcome<u32, &'static str> {
///     match command {
///         Ok(value) => Ok(value + 1),
///         Err(Thrown::Error(reason)) => { assert_eq!(reason, "retry"); Ok(0) }
///         Err(other) => Err(other), // asked to end: end
///     }
/// }
/// assert_eq!(step(Ok(1)), Ok(2));
/// assert_eq!(step(Err(Thrown::Error("retry"))), Ok(0));
/// assert_eq!(step(Err(Thrown::Exit(7))), Err(Thrown::Exit(7)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Thrown<V, E> {
    /// This greenlet is asked to end. An exit that leaves the body arrives at the parent as `Ok` of this value.
    Exit(V),
    /// An error: somebody called [`throw`](crate::Greenlet::throw), or a child died of it. It climbs from parent to parent
    /// until a body handles it.
    Error(E),
    /// The transfer ended at a greenlet that has no body yet. What was sent is lost; the target can still be given a body
    /// with [`set_run`](crate::Greenlet::set_run). Climbs like an error.
    NoRun,
    /// Refused before anything happened. What was sent comes back, if anything was.
    Refused(Refusal, Option<Sent<V, E>>),
}

/// Lets a body end with `Err(error)?`.
impl<V, E> From<E> for Thrown<V, E> {
    fn from(error: E) -> Self {
        Self::Error(error)
    }
}

/// What was sent with a transfer that was refused.
///
/// ```
/// # use greenlet::{Refusal, Sent, StackPool, Thrown, Tree};
/// # static STACKS: StackPool<1, 4096> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// let kept = TREE.enter(|main| main.bare(&STACKS).unwrap()).unwrap();
/// let Err(Thrown::Refused(_, Some(Sent::Value(back)))) = kept.switch(7) else { panic!() };
/// assert_eq!(back, 7); // not lost
/// assert_eq!(kept.throw("late"), Err(Thrown::Refused(Refusal::Ended, Some(Sent::Error("late")))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sent<V, E> {
    /// By [`switch`](crate::Greenlet::switch) or [`up`](crate::Me::up).
    Value(V),
    /// By [`throw`](crate::Greenlet::throw).
    Error(E),
    /// By [`kill`](crate::Greenlet::kill), [`kill_with`](crate::Greenlet::kill_with) or
    /// [`cancel`](crate::Greenlet::cancel).
    Exit(V),
}

impl<V, E> Sent<V, E> {
    /// What the receiver finds.
    pub(crate) fn into_outcome(self) -> Outcome<V, E> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Error(error) => Err(Thrown::Error(error)),
            Self::Exit(value) => Err(Thrown::Exit(value)),
        }
    }
}

/// Why a transfer was refused.
///
/// ```
/// # use greenlet::{Refusal, StackPool, Thrown, Tree};
/// # static STACKS: StackPool<1, 4096> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// let kept = TREE.enter(|main| {
///     assert_eq!(main.cancel(), Err(Thrown::Refused(Refusal::Main, None)));
///     main.bare(&STACKS).unwrap()
/// }).unwrap();
/// assert_eq!(kept.kill(), Err(Thrown::Refused(Refusal::Ended, None)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// The greenlet's tree has ended: [`enter`](crate::Tree::enter) has returned. The handle is inert.
    Ended,
    /// [`cancel`](crate::Greenlet::cancel) of the main greenlet: it ends when its closure returns.
    Main,
    /// [`cancel`](crate::Greenlet::cancel) of the current greenlet or of one of its parents, near or far: it would have to
    /// be its own parent's child.
    Cycle,
    /// Interrupts are masked that were unmasked when the tree was entered, or at a transfer since: in a critical section or an
    /// interrupt handler, on bare metal. On aarch64 that is any of PSTATE.I, F and A; on x86_64, RFLAGS.IF. A kill because a handle was
    /// dropped, and [`cancel`](crate::Greenlet::cancel), are not refused: they come back.
    Masked,
    /// An overflow is reported: this was called by the hook of [`on_overflow`](crate::Tree::on_overflow), or by what that calls.
    /// Nothing of the tree goes on. A greenlet whose last handle is dropped there is not killed: it keeps its stack for ever.
    Overflow,
    /// The process exits, and the values of this thread's thread-locals are being dropped, with the feature `std`: greenlets that wait
    /// may hold references to them. Nothing of the tree goes on. A greenlet whose last handle is dropped there is not killed.
    Exit,
    /// [`WeakGreenlet::switch`](crate::WeakGreenlet::switch): the greenlet was freed.
    Gone,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "the greenlet's tree has ended; drop this handle, greenlets live inside `Tree::enter`",
            Self::Main => "the main greenlet cannot be cancelled; return from the closure given to `Tree::enter`",
            Self::Cycle => "a greenlet cannot cancel itself or its own parents; use `kill`, or return from the body",
            Self::Masked => {
                "interrupts are masked here that were unmasked at `enter` or at an earlier switch; leave the critical section or the handler \
                 before you switch"
            }
            Self::Overflow => {
                "a stack overflow is being reported, nothing of the tree goes on; have the hook of `on_overflow` tell what it \
                 knows, then reset or end the program"
            }
            Self::Exit => {
                "the process exits inside `Tree::enter`, nothing of the tree goes on; return from `enter` before `exit` to end its \
                 greenlets"
            }
            Self::Gone => "the greenlet was freed; forget this weak handle, or keep a counted one for as long as it is needed",
        })
    }
}

impl core::error::Error for Refusal {}

/// Of [`Thrown::Exit`].
pub(crate) const ASKED_TO_EXIT: &str = "the greenlet was asked to exit; return from its body, `?` does";
/// Of [`Thrown::NoRun`].
pub(crate) const NO_RUN: &str = "the transfer ended at a greenlet without a body; give it one with `set_run`";

impl<V, E: fmt::Display> fmt::Display for Thrown<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(_) => f.write_str(ASKED_TO_EXIT),
            Self::Error(error) => error.fmt(f),
            Self::NoRun => f.write_str(NO_RUN),
            Self::Refused(refusal, _) => refusal.fmt(f),
        }
    }
}

impl<V: fmt::Debug, E: fmt::Debug + fmt::Display> core::error::Error for Thrown<V, E> {}
