//! The reasons to refuse a transfer.

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
    /// [`cancel`](crate::Greenlet::cancel) of the main greenlet, which ends when its closure returns.
    Main,
    /// [`cancel`](crate::Greenlet::cancel) of the current greenlet or of one of its ancestors. The caller would
    /// stand in as the parent of the cancelled greenlet, which makes a cycle.
    Cycle,
    /// Interrupts are masked that were unmasked when the tree was entered, or at a transfer since. On bare metal this
    /// is so in a critical section or an interrupt handler. The masks are PSTATE.I, F and A on aarch64, RFLAGS.IF on
    /// x86_64, mstatus.MIE or sstatus.SIE on RISC-V; PRIMASK, BASEPRI and IPSR on Cortex-M.
    ///
    /// A kill by the drop of the last handle and [`cancel`](crate::Greenlet::cancel) are not refused, because control
    /// comes back from them.
    Masked,
    /// An overflow is being reported: the transfer was requested by the hook of
    /// [`on_overflow`](crate::Tree::on_overflow), or by code that it calls. No greenlet of the tree is resumed any
    /// more. A greenlet whose last handle is dropped there is not killed: it keeps its stack for ever.
    Overflow,
    /// The process exits, and this thread's thread-locals are being dropped (feature `std`). Suspended greenlets may
    /// hold references to them, so no greenlet of the tree is resumed any more. A greenlet whose last handle is dropped
    /// there is not killed.
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
                "interrupts are masked here that were unmasked at `enter` or at an earlier switch; leave the critical \
                 section or the handler before you switch"
            }
            Self::Overflow => {
                "a stack overflow is being reported, no greenlet of the tree is resumed; have the hook of \
                 `on_overflow` report it, then reset or end the program"
            }
            Self::Exit => {
                "the process exits inside `Tree::enter`, no greenlet of the tree is resumed; return from `enter` \
                 before `exit` to end its greenlets"
            }
            Self::Gone => {
                "the greenlet was freed; drop this weak handle, or keep a counted one for as long as it is needed"
            }
        })
    }
}

impl core::error::Error for Refusal {}
