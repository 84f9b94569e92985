//! The result of a transfer and of a body: a value, or what was thrown.

use crate::records::debug::named;
use crate::records::refusal::Refusal;
use core::fmt;

/// What a transfer returns and what a body returns: a value, or what was thrown.
///
/// `Ok` holds a value that was sent *to this greenlet* while it was suspended. Any greenlet may have sent it, not only
/// the one that this greenlet switched to.
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

/// What a greenlet receives instead of a value.
///
/// A body that does not handle it returns it with `?`: destructors run, the greenlet is dead, and the parent receives
/// what left the body. No other unwinding is needed, so this works with `panic = "abort"`.
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
///
/// With the feature `embedded-io` this is an error of `embedded-io`, if `E` is one: a stream whose functions switch can
/// have `Error = Thrown<V, E>`, and its callers pass on with `?` what ends the greenlet.
///
/// ```
/// # #[cfg(feature = "embedded-io")] {
/// # use embedded_io::{Error, ErrorKind, ErrorType, Read};
/// # use greenlet::{Me, Outcome, Thrown};
/// struct Uart<'a>(&'a Me<u8, ErrorKind>);
///
/// impl ErrorType for Uart<'_> {
///     type Error = Thrown<u8, ErrorKind>;
/// }
///
/// impl Read for Uart<'_> {
///     fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
///         let [first, ..] = buffer else { return Ok(0) };
///         *first = self.0.up(0)?; // waits for a byte
///         Ok(1)
///     }
/// }
///
/// fn two(me: &Me<u8, ErrorKind>, _: u8) -> Outcome<u8, ErrorKind> {
///     let mut both = [0; 2];
///     match Uart(me).read_exact(&mut both) {
///         Ok(()) => Ok(both[0] + both[1]),
///         Err(embedded_io::ReadExactError::Other(thrown)) => Err(thrown),
///         Err(embedded_io::ReadExactError::UnexpectedEof) => Err(ErrorKind::Other.into()),
///     }
/// }
/// # static STACKS: greenlet::StackPool<2, 16384> = greenlet::StackPool::new();
/// # static TREE: greenlet::Tree<u8, ErrorKind> = greenlet::Tree::new();
/// # TREE.enter(|main| {
/// let adder = main.spawn(&STACKS, two).unwrap();
/// assert_eq!((adder.switch(0), adder.switch(3), adder.switch(4)), (Ok(0), Ok(0), Ok(7)));
/// let other = main.spawn(&STACKS, two).unwrap();
/// other.switch(0).unwrap();
/// assert_eq!(other.throw(ErrorKind::TimedOut).unwrap_err().kind(), ErrorKind::TimedOut);
/// # }).unwrap();
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Thrown<V, E> {
    /// A request to end. The parent receives an exit that leaves the body as `Ok` of this value.
    Exit(V),
    /// An error: from a call of [`throw`](crate::Greenlet::throw), or from a child whose body ended with it. It
    /// propagates from parent to parent until a body handles it.
    Error(E),
    /// The transfer ended at a greenlet that has no body. What was sent is dropped;
    /// [`set_run`](crate::Greenlet::set_run) can still give the target a body. Propagates like an error.
    NoRun,
    /// The transfer was refused before anything changed. Holds what was sent, if anything was.
    Refused(Refusal, Option<Sent<V, E>>),
}

/// Allows `Err(error)?` in a body.
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
    /// Sent by [`switch`](crate::Greenlet::switch) or [`up`](crate::Me::up).
    Value(V),
    /// Sent by [`throw`](crate::Greenlet::throw).
    Error(E),
    /// Sent by [`kill`](crate::Greenlet::kill), [`kill_with`](crate::Greenlet::kill_with) or
    /// [`cancel`](crate::Greenlet::cancel).
    Exit(V),
}

/// The message of [`Thrown::Exit`].
pub(crate) const ASKED_TO_EXIT: &str = "the greenlet was asked to exit; return from its body, `?` does";
/// The message of [`Thrown::NoRun`].
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

/// An error of the program's own has its own kind, everything else is [`Other`](embedded_io::ErrorKind::Other).
///
/// Not `Interrupted` for an exit: callers may retry what was interrupted, and a greenlet that was asked to exit would
/// then not end.
#[cfg(feature = "embedded-io")]
impl<V: fmt::Debug, E: embedded_io::Error> embedded_io::Error for Thrown<V, E> {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self {
            Self::Error(error) => error.kind(),
            Self::Exit(_) | Self::NoRun | Self::Refused(..) => embedded_io::ErrorKind::Other,
        }
    }
}

/// A user's error is formatted by its own `Debug`.
impl<V: fmt::Debug, E: fmt::Debug> fmt::Debug for Thrown<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(value) => write!(f, "Exit({value:?}): \"{}\"", ASKED_TO_EXIT),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
            Self::NoRun => named(f, "NoRun", &NO_RUN),
            Self::Refused(refusal, sent) => f.debug_tuple("Refused").field(refusal).field(sent).finish(),
        }
    }
}
