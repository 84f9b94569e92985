//! Why a transfer is refused.

use core::fmt;

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
