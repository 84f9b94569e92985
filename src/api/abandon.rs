//! A greenlet that was stopped at the limit of its stack is given up, and the rest of its tree goes on.
//!
//! ```text
//!   the greenlet's stack          the handler's stack             a landing stack              the parent's stack
//!   an access below the limit ──► Overflow::at
//!                                 returns into a function ──────► Tree::abandon
//!                                 of the firmware's                 refused: error back
//!                                                                   dead, an error ──────────► arrives, as if the
//!                                                                                              body had ended with it
//! ```
//!
//! It dies as others do, but from a stack that is not its own. Its own is left as it is, for what lies on it may be referred
//! to: its slot is not given back.

use crate::api::report::stack_of;
use crate::arch::{Cpu, Native};
use crate::kernel::overflow::Overflow;
use crate::kernel::transfer::life::take_out;
use crate::kernel::tree::Tree;
use crate::records::band::BAND;
use crate::records::busy::is_busy;
use crate::records::errors::Refused;
use crate::records::here::this_core;
use core::convert::Infallible;
use core::fmt;
use core::ptr;

/// How far from the limit of its stack the stack pointer of a greenlet can be when an overflow is stopped: below, up to the
/// guard's other end, since the compiler probes each page; above, as far as a store reaches that makes room for itself.
const BELOW: usize = 4096;
const ABOVE: usize = BAND + 512;

/// Whether an access to `address` with the stack pointer at `sp` may be that of a processor which has an interrupt to report: x86_64
/// pushes five words below `sp`, aligned (Intel SDM volume 3, section 6.14.2). A call pushes one there, too.
fn is_push_of_processor(sp: usize, address: usize) -> bool {
    let top = sp & !15;
    (top.saturating_sub(5 * 8)..top).contains(&address)
}

/// Why [`Tree::abandon`] was refused. Nothing has changed, and nothing of the tree can go on: what was interrupted has not come
/// back. Reset the core.
///
/// ```
/// # use greenlet::AbandonError;
/// assert_eq!(AbandonError::Main.to_string(), "the main greenlet cannot be abandoned, there is nobody to go on; reset the core");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AbandonError {
    /// The tree is not entered on this core, or this is a handler.
    NotEntered,
    /// Main runs.
    Main,
    /// The overflow is not of the greenlet that runs: it has gone on since, or the fault was another one's access to a guard that
    /// is not its own.
    NotCurrent,
    /// The overflow was not [stopped](Overflow::stopped_at), but noticed as the greenlet left: memory is overwritten.
    TooLate,
    /// The stack pointer was not near the limit of the stack: the fault was a stray access, and no overflow.
    NotAtLimit,
    /// Nothing of the tree goes on, or the kernel was at work on that stack, or had called the code that was stopped: a destructor of what it dropped, a hook, a
    /// tracer, a visitor, the function that makes a [`GreenletLocal`](crate::GreenletLocal)'s value.
    Busy,
    /// Interrupts are masked that were unmasked at `enter`, or at a transfer since: the greenlet was in a critical section.
    Masked,
    /// The caller stands on the stack of a greenlet.
    OnStack,
    /// The processor is not as the greenlet's code had it: another stack pointer is selected (aarch64: SPSel), debug exceptions are
    /// masked (aarch64: PSTATE.D), or the direction flag is set (x86_64: DF).
    State,
    /// It may have been the processor that was stopped, as it pushed the frame of an interrupt (bare x86_64): then that one was never
    /// handled, and none comes any more. An entry of the IDT has no stack of its own, and the access was where such a frame goes.
    Interrupt,
}

impl fmt::Display for AbandonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEntered => {
                "the tree is not entered here; abandon a greenlet on the core and in the tree of the fault, when its handler \
                 has returned"
            }
            Self::Main => "the main greenlet cannot be abandoned, there is nobody to go on; reset the core",
            Self::NotCurrent => "the overflow is not of the greenlet that runs; report it and reset the core",
            Self::TooLate => "memory below the stack is overwritten; reset the core, and put a guard below the stack",
            Self::NotAtLimit => "a stray access, not an overflow: the stack pointer was elsewhere; report it and reset the core",
            Self::Busy => "the kernel was at work on the greenlet's stack; reset the core, and give the pool a larger SIZE",
            Self::Masked => "the greenlet was in a critical section; reset the core, and give the pool a larger SIZE",
            Self::OnStack => "called on the stack of a greenlet; have the fault handler return onto a stack of its own",
            Self::State => {
                "the processor is not as the greenlet's code had it; reset the core, and have the fault handler return with SPSel \
                 and PSTATE.D as they were (aarch64), with DF clear (x86_64)"
            }
            Self::Interrupt => {
                "an interrupt may be lost, which was to be pushed there; reset the core, and give each entry of the IDT for an \
                 interrupt a stack of its own (IST)"
            }
        })
    }
}

impl core::error::Error for AbandonError {}

impl<V: 'static, E: 'static> Tree<V, E> {
    /// Gives up the greenlet that runs, which a fault has stopped at the limit of its stack: it is dead, `error` arrives at its
    /// parent, as if its body had ended with that, and the tree goes on there. Needs the feature `abandon`.
    ///
    /// Called by a function of the firmware's, into which the fault handler returns instead of into the greenlet, on a stack of
    /// its own, the *landing stack*: some 1,000 bytes in release, and room for interrupts if they are handled there.
    ///
    /// What lies on the greenlet's stack is leaked. No destructor of it runs: handles there refer to their greenlets for ever, those
    /// too that a function was about to return; locks stay locked, borrows stay borrowed. If one of these handles is to main, which
    /// [`parent`](crate::Greenlet::parent), [`current`](crate::Greenlet::current) and a clone may be, the tree cannot be
    /// [entered](Self::enter) again; [`up`](crate::Me::up) makes none. The crate itself keeps nothing there: stopped anywhere in an
    /// operation of its own, in whatever that calls, the greenlet is given up with nothing of the others changed by halves, or it is
    /// refused. The slot is not given back to its pool. For handles to it, for its children and at the end
    /// of the tree it is a dead greenlet like any other. If an ancestor on the way up cannot start, `error` is leaked as well,
    /// and [`NoRun`](crate::Thrown::NoRun) goes on in its place.
    ///
    /// # Errors
    ///
    /// `error` comes back, with the reason, when the greenlet cannot be spared; see [`AbandonError`].
    ///
    /// # Safety
    ///
    /// - `overflow` is what [`Overflow::at`] said of a fault that has stopped the greenlet, and its code has not gone on since:
    ///   nothing below its stack is overwritten. Assembly and C that was called may take frames that step over a guard, and must
    ///   not have.
    /// - This is the core of the fault, as the greenlet's code had it but for the registers that calls do not preserve: privileged
    ///   alike, interrupts masked alike, and so on, as the table below says.
    /// - If interrupts were masked when the tree was entered, it is not a handler that was stopped, nor a critical section.
    /// - The caller stands on a landing stack that nothing uses until the next greenlet of this core is abandoned. What the
    ///   caller keeps there is over when this does not return.
    /// - What the greenlet's code was at may stay undone for ever: none of it was in the middle of changing what others rely on
    ///   to be whole, such as an allocator's lists or a peripheral; nothing is freed or reused by somebody else that its frames
    ///   would have ended the use of, such as a buffer that DMA writes to.
    ///
    /// # The state of the processor
    ///
    /// What is looked at is refused, in debug and release alike and with `unchecked-switch` too; the rest is for the fault handler to
    /// see to.
    ///
    /// | | as it was in the greenlet's code | looked at |
    /// |---|---|---|
    /// | both | interrupts masked or not: PSTATE.I, F and A, RFLAGS.IF | those newly masked: [`Masked`](AbandonError::Masked) |
    /// | both | the exception level or ring; page tables; what else masks interrupts, such as the controller's priorities | no |
    /// | aarch64 | SPSel, the stack pointer that is selected | [`State`](AbandonError::State) |
    /// | aarch64 | PSTATE.D; else no watchpoint stops anybody from then on | masked, and not when the tree was entered: `State` |
    /// | aarch64 | PSTATE.SM and ZA off, as for a call | no |
    /// | x86_64 | DF clear, as for a call, whatever it was: copies that go downwards set it | `State` |
    /// | x86_64 | x87 registers empty, as for a call | no |
    ///
    /// A return from the exception, `eret` or `iretq`, restores all of these but for DF, which is to be cleared in the flags that it
    /// restores.
    ///
    /// With bare x86_64 an interrupt is another way to overflow: the processor pushes a frame onto the stack of who runs, unless the
    /// entry of the IDT has a stack of its own (IST). A guard that stops such a push stops the processor after it has taken the
    /// interrupt, and before anybody handles it: no handler runs, nobody tells the interrupt controller of its end, and no other
    /// interrupt of that priority or a lower one ever comes. That looks as a call at the limit does. So where an entry for the NMI or,
    /// with interrupts unmasked, for any vector from 32 up has no stack of its own, what may have been such a push is refused:
    /// [`Interrupt`](AbandonError::Interrupt). Give all of these entries one. On aarch64 the processor pushes nothing: it is the
    /// handler that is stopped, with interrupts masked, which is refused as well; and a vector that arrives on the greenlet's own
    /// stack, with SPSel the same in handlers, finds no room to report the fault, unless it takes another stack first.
    ///
    /// ```
    /// # use greenlet::{Overflow, Refused, Tree};
    /// # use std::sync::Mutex;
    /// static TREE: Tree<u32> = Tree::new();
    /// static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None); // put there by the fault handler
    ///
    /// /// What the fault handler returns into, on a stack for this and nothing else.
    /// fn land() -> ! {
    ///     let overflow = OVERFLOW.lock().unwrap().take().unwrap();
    ///     // SAFETY: a guard has stopped the greenlet, none of whose functions is written in C or assembly; it shares nothing
    ///     // but handles. This is the core, and nothing else runs on this stack.
    ///     let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    ///     panic!("{overflow}: {reason}")
    /// }
    /// ```
    pub unsafe fn abandon(
        &'static self,
        overflow: &Overflow,
        error: E,
    ) -> Result<Infallible, Refused<AbandonError, E>> {
        let refuse = |reason, error| Err(Refused { reason, returned: error });
        let Some(here) = this_core().filter(|here| here.tree() == ptr::from_ref(self).cast()) else {
            return refuse(AbandonError::NotEntered, error);
        };
        // SAFETY: this tree is entered on this core; what it runs has been stopped.
        let current = unsafe { here.current() };
        if current.is_main() {
            return refuse(AbandonError::Main, error);
        }
        let stack = &overflow.stack;
        if overflow.greenlet.id != current.id() || (stack.base, stack.limit) != (current.base(), current.limit()) {
            return refuse(AbandonError::NotCurrent, error);
        }
        let Some(stopped_at) = overflow.stopped_at else {
            return refuse(AbandonError::TooLate, error);
        };
        if !(stack.limit.saturating_sub(BELOW)..=stack.limit + ABOVE).contains(&stack.sp) {
            return refuse(AbandonError::NotAtLimit, error);
        }
        if here.stopped().is_some() || is_busy(current) {
            return refuse(AbandonError::Busy, error);
        }
        if here.newly_masked() {
            return refuse(AbandonError::Masked, error);
        }
        if !here.is_as_begun() {
            return refuse(AbandonError::State, error);
        }
        if is_push_of_processor(stack.sp, stopped_at) && Native::interrupts_use_current_stack() {
            return refuse(AbandonError::Interrupt, error);
        }
        let standing = Native::stack_pointer().addr();
        // SAFETY: this is the core of the tree.
        if unsafe { stack_of(standing) }.is_some_and(|(_, stack)| standing >= stack.limit) {
            return refuse(AbandonError::OnStack, error);
        }
        // SAFETY: it is current, not main, of a tree of `V` and `E`, and the kernel is not at work on its stack. By the contract it
        // is not resumed, and this stack stands still until the packet is read.
        unsafe { take_out::<V, E>(current, error) }
    }
}
