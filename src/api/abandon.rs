//! `Tree::abandon` and `Tree::abandon_current`: give up the current greenlet without running its code again, and resume
//! its parent. The first is for fault handlers, the second for panic handlers.
//!
//! ```text
//!   the greenlet's stack          the handler's stack             a landing stack              the parent's stack
//!   an access below the limit ──► Overflow::at
//!                                 returns into a function ──────► Tree::abandon
//!                                 of the firmware                 refused: returns `error`
//!                                                                 else: marks it dead, ──────► receives `error`, as if
//!                                                                 sends `error`                the body had ended
//!                                                                                              with that
//!   a panic ─► the panic handler
//!              Tree::abandon_current
//!              refused: returns `error`
//!              else: the same two steps ─────────────────────────────────────────────────────► the same
//! ```
//!
//! After an overflow no room is left on the greenlet's stack, so the code that ends it runs on another one. A panic
//! handler runs on the greenlet's stack, like the code that ends a body, and needs no other.
//!
//! The greenlet's stack stays as it is, because there may be pointers to data on it: it does not return to its pool
//! until [`Greenlet::reclaim`](crate::Greenlet::reclaim) is called.

use crate::api::report::stack_of;
use crate::arch::{Cpu, Native};
use crate::kernel::overflow::Overflow;
use crate::kernel::transfer::life;
use crate::kernel::tree::Tree;
use crate::records::band::{BAND, is_whole};
use crate::records::block::BlockPtr;
use crate::records::busy::is_busy;
use crate::records::core_state::{Core, this_core};
use crate::records::errors::Refused;
use core::convert::Infallible;
use core::fmt;
use core::ptr;

/// How far below its limit the stack pointer can be when an overflow is stopped, in bytes: up to the lower end of the
/// guard page: where the compiler probes large frames, it touches each page, and elsewhere the caller guarantees it.
const BELOW: usize = 4096;
/// How far above its limit: by the largest offset of a store that also moves the stack pointer, which faults before it
/// moves it.
const ABOVE: usize = BAND + 512;

/// Returns `true` if an access to `address` may be a push by the processor that takes an interrupt with the stack
/// pointer at `sp`.
///
/// An x86_64 processor aligns `sp` and pushes five words below it (Intel SDM volume 3, section 6.14.2). A call
/// instruction pushes one word there, too.
fn is_push_of_processor(sp: usize, address: usize) -> bool {
    let top = sp & !15;
    (top.saturating_sub(5 * 8)..top).contains(&address)
}

/// Why [`Tree::abandon`] or [`Tree::abandon_current`] was refused.
///
/// Nothing has changed, and no greenlet of the tree can continue, because the code that faulted or panicked cannot be
/// resumed. Reset the core.
///
/// ```
/// # use greenlet::AbandonError;
/// let message = AbandonError::Main.to_string();
/// assert_eq!(message, "the main greenlet cannot be abandoned, because it has no parent; reset the core");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AbandonError {
    /// The tree is not entered on this core, or the call is made in a handler.
    NotEntered,
    /// The current greenlet is main.
    Main,
    /// The overflow is not of the current greenlet: another greenlet runs by now, or the current one accessed the
    /// guard of another stack.
    NotCurrent,
    /// The overflow was not [stopped](Overflow::stopped_at), but detected when the greenlet switched away; or, after a
    /// panic, the canary band shows that the greenlet's stack has overflowed: memory is overwritten.
    TooLate,
    /// The stack pointer was not near the limit of the stack: the fault was a stray access, not an overflow.
    NotAtLimit,
    /// Code of this crate was running on that stack, or had called the code that was stopped or that panicked: a
    /// destructor, a hook, a tracer, a visitor, or the `init` function of a
    /// [`GreenletLocal`](crate::GreenletLocal). Or transfers of the tree are refused: an overflow is being reported,
    /// or the process exits.
    Busy,
    /// Interrupts are masked now that were unmasked at `enter` or at a transfer since: the greenlet was in a
    /// critical section.
    Masked,
    /// The caller of `abandon` runs on the stack of a greenlet.
    OnStack,
    /// The caller of `abandon_current` does not run on the stack of the current greenlet: a handler with a stack of its
    /// own has panicked, or code that another crate runs on a stack of its own, or the greenlet has left its stack.
    NotOnStack,
    /// The state of the processor differs from the state in which the greenlet's code ran: another stack pointer is
    /// selected (aarch64: SPSel, Cortex-M: CONTROL.SPSEL), debug exceptions are masked (aarch64: PSTATE.D), the
    /// direction flag is set (x86_64: DF), or registers of floating point wait to be stored, FAULTMASK is set or the
    /// code is unprivileged (Cortex-M).
    State,
    /// The access that faulted may have been a push by the processor, of the frame of an interrupt (bare x86_64).
    /// Then that interrupt was never handled, and no further one is delivered. The access was where such a frame
    /// goes, and an entry of the IDT has no stack of its own.
    Interrupt,
}

impl fmt::Display for AbandonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEntered => {
                "the tree is not entered here, or this is a handler; abandon a greenlet on the core and in the tree \
                 of the fault, after the handler has returned"
            }
            Self::Main => "the main greenlet cannot be abandoned, because it has no parent; reset the core",
            Self::NotCurrent => "the overflow is not that of the current greenlet; report it and reset the core",
            Self::TooLate => "memory below the stack is overwritten; reset the core, and put a guard below the stack",
            Self::NotAtLimit => {
                "a stray access, not an overflow: the stack pointer was not near the limit; report it and reset the core"
            }
            Self::Busy => {
                "code of this crate was active on the greenlet's stack; reset the core, and give the pool a larger \
                 SIZE, or mend the destructor, hook or visitor that panicked"
            }
            Self::Masked => {
                "the greenlet was in a critical section; reset the core, and give the pool a larger SIZE, or move what \
                 panics out of the section"
            }
            Self::OnStack => {
                "called on the stack of a greenlet; have the fault handler return to a function on a stack of its own"
            }
            Self::NotOnStack => {
                "called on another stack than the current greenlet's, as by a handler; reset the core, and put a \
                 guard below the stack if the greenlet has left it"
            }
            Self::State => {
                "the processor state differs from that of the greenlet's code; reset the core, and have the fault \
                 handler return with SPSel and PSTATE.D unchanged (aarch64), with DF clear (x86_64), with SPSEL \
                 unchanged, and FAULTMASK and LSPACT clear (Cortex-M)"
            }
            Self::Interrupt => {
                "an interrupt may be lost, whose frame did not fit; reset the core, and give each entry of the IDT \
                 for an interrupt a stack of its own (IST)"
            }
        })
    }
}

impl core::error::Error for AbandonError {}

impl<V: 'static, E: 'static> Tree<V, E> {
    /// Ends the current greenlet, which a fault stopped at the limit of its stack, and resumes its parent with
    /// `error`.
    ///
    /// The greenlet is dead then, and its parent receives `error` as if the body had ended with it. If the call
    /// succeeds, it does not return. Needs the feature `abandon`.
    ///
    /// The fault handler does not return to the greenlet, but to a function of the firmware, which calls this on a
    /// stack of its own, the *landing stack*: about 1,000 bytes in release builds, and room for interrupts if they
    /// are handled on it.
    ///
    /// Everything on the greenlet's stack is leaked. No destructor runs: handles on that stack, also those that a
    /// function was about to return, keep their greenlets alive for ever; locks stay locked, and borrows stay
    /// borrowed. If one of these handles is to main, as from [`parent`](crate::Greenlet::parent),
    /// [`current`](crate::Greenlet::current) or a clone, the tree cannot be [entered](Self::enter) again;
    /// [`up`](crate::Me::up) makes no handle. This crate itself keeps no data of other greenlets on that stack: if
    /// the fault came in one of its operations, or in code that the operation called, the call either succeeds and
    /// leaves no other greenlet half changed, or is refused.
    ///
    /// The stack does not return to its pool, unless [`Greenlet::reclaim`](crate::Greenlet::reclaim) is called. For its
    /// handles, for its children and at the end of the tree, the greenlet is dead like any other. If an ancestor that
    /// should receive `error` has no body, `error` is leaked as well, and [`NoRun`](crate::Thrown::NoRun) is delivered
    /// in its place to the next ancestor.
    ///
    /// # Errors
    ///
    /// Returns `error` and the reason if the greenlet cannot be abandoned; see [`AbandonError`].
    ///
    /// # Safety
    ///
    /// - [`Overflow::at`] returned `overflow` for a fault that stopped the greenlet, and the greenlet's code has
    ///   not been resumed since, so nothing below its stack is overwritten. Frames of C or assembly functions can
    ///   step over a guard page without touching it, and so can those of Rust on RISC-V and Cortex-M, where
    ///   they are not probed; no such function was running that did.
    /// - This is the core of the fault, and its state is that in which the greenlet's code ran, but for the
    ///   registers that calls do not preserve: the same privilege, the same interrupt mask, and so on, by the table
    ///   below.
    /// - If interrupts were masked when the tree was entered: the code that was stopped was neither a handler nor
    ///   in a critical section.
    /// - The caller runs on a landing stack, which nothing uses until the next greenlet of this core is abandoned.
    ///   Values that the caller has on it are leaked when this does not return.
    /// - The greenlet's code can stay unfinished for ever. It was not in the middle of a change to something that
    ///   others use, such as an allocator's lists or a peripheral. Nothing is freed or reused whose use only its frames
    ///   would have ended, such as a buffer to which DMA still writes.
    ///
    /// # The state of the processor
    ///
    /// The table lists the state that must be the same as in the greenlet's code. A difference in a row with an
    /// error is refused, in debug and release builds, and with `unchecked-switch` as well. The other rows are not
    /// checked: the fault handler is responsible for them.
    ///
    /// | | the same as in the greenlet's code | checked |
    /// |---|---|---|
    /// | all | the interrupt mask: PSTATE.I, F and A; RFLAGS.IF; mstatus.MIE or sstatus.SIE | newly masked: [`Masked`](AbandonError::Masked) |
    /// | all | exception level, ring or mode; page tables; other interrupt masks, such as the controller's priorities | no |
    /// | aarch64 | SPSel, the stack pointer that is selected | [`State`](AbandonError::State) |
    /// | aarch64 | PSTATE.D, with which watchpoints are off | set now, and clear when the tree was entered: `State` |
    /// | aarch64 | PSTATE.SM and ZA off, as for a call | no |
    /// | x86_64 | DF clear, as for a call, even if it was set: copies that go downwards set it | `State` |
    /// | x86_64 | x87 registers empty, as for a call | no |
    /// | Cortex-M | CONTROL.SPSEL, the stack pointer that is selected; CONTROL.nPRIV | `State` |
    /// | Cortex-M | FAULTMASK clear, and FPCCR.LSPACT: no registers wait to be stored on the abandoned stack | `State` |
    /// | Cortex-M | thread mode, PRIMASK, BASEPRI | `Masked` |
    /// | Cortex-M | no fault that is pending or active (SHCSR), nor instructions left of an IT block (xPSR) | no |
    ///
    /// With the feature `stack-limit` the handler sets PSPLIM to 0, or to the limit of the landing stack.
    ///
    /// A return from the exception by `eret` or `iretq` restores all of these except DF. The handler clears DF in
    /// the flags that `iretq` restores. On a Cortex-M the handler writes a frame for the landing stack, sets PSP to it,
    /// clears FPCCR.LSPACT if the return is to a frame without floating point, and returns.
    ///
    /// # Interrupts that overflow a stack
    ///
    /// On bare x86_64 an interrupt can overflow a stack, too: the processor pushes a frame onto the current stack,
    /// unless the entry of the IDT has a stack of its own (IST). If a guard page stops that push, the processor has
    /// taken the interrupt already, but no handler runs and the interrupt controller never gets the end of
    /// interrupt: no further interrupt of that priority or a lower one is delivered. Such a push cannot be
    /// distinguished from a call at the limit. So an access that may be one is refused with
    /// [`Interrupt`](AbandonError::Interrupt) if the IDT entry of the NMI or, with interrupts unmasked, of any
    /// vector from 32 up has no stack of its own. Give all of these entries one.
    ///
    /// On a Cortex-M the processor stores a frame, too, but an interrupt whose frame does not fit is not lost: it stays
    /// pending, or its handler runs first. The greenlet is stopped at any instruction then. Run greenlets on the
    /// process stack (PSP): on the main stack a fault handler has no room at the limit.
    ///
    /// On aarch64 the processor pushes nothing. There the access that faults is one of the handler, which runs with
    /// interrupts masked, so the call is refused as well. If handlers use the same stack pointer as the greenlet
    /// (SPSel), the vector of the fault starts on the greenlet's stack and has no room there: it has to switch to
    /// another stack before it can report the fault.
    ///
    /// ```
    /// # use greenlet::{Overflow, Refused, Tree};
    /// # use std::sync::Mutex;
    /// static TREE: Tree<u32> = Tree::new();
    /// static OVERFLOW: Mutex<Option<Overflow>> = Mutex::new(None); // set by the fault handler
    ///
    /// /// The function that the fault handler returns to, on the landing stack.
    /// fn land() -> ! {
    ///     let overflow = OVERFLOW.lock().unwrap().take().unwrap();
    ///     // SAFETY: a guard page stopped the greenlet, which calls no C or assembly, and shares nothing but handles.
    ///     // This is the core of the fault, and no other code uses this stack.
    ///     let Err(Refused { reason, .. }) = unsafe { TREE.abandon(&overflow, "out of stack") };
    ///     panic!("{overflow}: {reason}")
    /// }
    /// ```
    pub unsafe fn abandon(
        &'static self,
        overflow: &Overflow,
        error: E,
    ) -> Result<Infallible, Refused<AbandonError, E>> {
        // SAFETY: the same contract.
        match unsafe { self.stopped_by(overflow) } {
            // SAFETY: the greenlet is current, not main, of a tree of `V` and `E`, and no code of this crate is active
            // on its stack. By the contract it is not resumed, and the landing stack does not change until the packet
            // on it is read.
            Ok(current) => unsafe { life::abandon::<V, E>(current, error) },
            Err(reason) => Err(Refused { reason, returned: error }),
        }
    }

    /// Ends the current greenlet, which has panicked, and resumes its parent with `error`. For panic handlers, where
    /// panics abort.
    ///
    /// The greenlet is dead then, and its parent receives `error` as if the body had ended with it. If the call
    /// succeeds, it does not return. Nothing unwinds. Needs the feature `abandon`.
    ///
    /// The panic handler calls this where it runs, on the greenlet's stack; it needs no landing stack. `error` can
    /// carry the message of the panic, as in the example: it is moved to the parent, and the stack on which the panic
    /// handler runs stays unchanged until the parent has it. A panic of the panic handler itself calls the panic
    /// handler again, and an overflow there is one for [`abandon`](Self::abandon).
    ///
    /// What is leaked, and what the greenlet is for others afterwards, is the same as for [`abandon`](Self::abandon):
    /// destructors do not run, locks stay locked, borrows stay borrowed, and the stack does not return to its pool
    /// unless [`Greenlet::reclaim`](crate::Greenlet::reclaim) is called. [containment.md] has the whole list.
    ///
    /// # Errors
    ///
    /// Returns `error` and the reason if the greenlet cannot be abandoned: [`NotEntered`](AbandonError::NotEntered),
    /// [`Main`](AbandonError::Main), [`NotOnStack`](AbandonError::NotOnStack), [`TooLate`](AbandonError::TooLate),
    /// [`Busy`](AbandonError::Busy), [`Masked`](AbandonError::Masked) or [`State`](AbandonError::State).
    ///
    /// # Safety
    ///
    /// - The caller is the panic handler, or other code of the greenlet to which nothing returns, and this is the core
    ///   that entered the tree.
    /// - If interrupts were masked when the tree was entered: the code that panicked was neither a handler nor in a
    ///   critical section. A handler that runs on the greenlet's stack and has unmasked interrupts does not panic.
    /// - The greenlet's code can stay unfinished for ever. It was not in the middle of a change to something that
    ///   others use, such as an allocator's lists or a peripheral. Nothing is freed or reused whose use only its frames
    ///   would have ended, such as a buffer to which DMA still writes.
    ///
    /// # In a program with `std`
    ///
    /// `std` has its own panic handler, and counts the panics of each thread: do not call this in a hook of
    /// `std::panic::set_hook`. There a panic is caught at the base of the stack and resumed in the parent.
    ///
    /// ```
    /// # use greenlet::{Refused, Tree};
    /// # use core::panic::PanicInfo;
    /// /// What a greenlet ends with.
    /// enum Stop {
    ///     Timeout,
    ///     Panicked { message: Option<&'static str>, line: u32 },
    /// }
    ///
    /// static TREE: Tree<u32, Stop> = Tree::new();
    ///
    /// // #[panic_handler]
    /// fn panicked(info: &PanicInfo<'_>) -> ! {
    ///     let line = info.location().map_or(0, |at| at.line());
    ///     let error = Stop::Panicked { message: info.message().as_str(), line };
    ///     // SAFETY: this is the only core. No handler panics, and the program lends nothing from its stacks.
    ///     let Err(Refused { reason, .. }) = unsafe { TREE.abandon_current(error) };
    ///     report(info, reason);
    ///     reset()
    /// }
    /// # fn report(_: &PanicInfo<'_>, _: greenlet::AbandonError) {}
    /// # fn reset() -> ! { loop {} }
    /// ```
    ///
    /// [containment.md]: crate::docs::containment
    pub unsafe fn abandon_current(&'static self, error: E) -> Result<Infallible, Refused<AbandonError, E>> {
        match self.caller() {
            // SAFETY: the greenlet is current, not main, of a tree of `V` and `E`, and no code of this crate is active
            // on its stack. By the contract it is not resumed. The packet is on its own stack, which is not reused
            // before the packet is read, because that releases the reference that the packet owns.
            Ok(current) => unsafe { life::abandon::<V, E>(current, error) },
            Err(reason) => Err(Refused { reason, returned: error }),
        }
    }

    /// Returns the current greenlet, if it can be abandoned and `overflow` is its own.
    ///
    /// # Safety
    ///
    /// As for [`abandon`](Self::abandon).
    unsafe fn stopped_by(&'static self, overflow: &Overflow) -> Result<BlockPtr, AbandonError> {
        let (core, current) = self.core_and_current()?;
        let stack = &overflow.stack;
        if overflow.greenlet.id != current.id() || (stack.base, stack.limit) != (current.base(), current.limit()) {
            return Err(AbandonError::NotCurrent);
        }
        let Some(stopped_at) = overflow.stopped_at else {
            return Err(AbandonError::TooLate);
        };
        if !(stack.limit.saturating_sub(BELOW)..=stack.limit + ABOVE).contains(&stack.sp) {
            return Err(AbandonError::NotAtLimit);
        }
        let current = unless_at_work(core, current)?;
        if is_push_of_processor(stack.sp, stopped_at) && Native::interrupts_use_current_stack() {
            return Err(AbandonError::Interrupt);
        }
        let sp = Native::stack_pointer().addr();
        // SAFETY: this is the core of the tree.
        if unsafe { stack_of(sp) }.is_some_and(|(_, stack)| sp >= stack.limit) {
            return Err(AbandonError::OnStack);
        }
        Ok(current)
    }

    /// Returns the current greenlet, if it can be abandoned and its code calls this.
    fn caller(&'static self) -> Result<BlockPtr, AbandonError> {
        let (core, current) = self.core_and_current()?;
        let sp = Native::stack_pointer().addr();
        if !(current.limit()..current.base()).contains(&sp) {
            return Err(AbandonError::NotOnStack);
        }
        if sp < current.floor().addr() || !is_whole(current) {
            return Err(AbandonError::TooLate);
        }
        unless_at_work(core, current)
    }

    /// Returns this core and its current greenlet, if the core has entered this tree and the greenlet is not main.
    fn core_and_current(&'static self) -> Result<(&'static Core, BlockPtr), AbandonError> {
        let core = this_core().filter(|core| core.tree() == ptr::from_ref(self).cast());
        let core = core.ok_or(AbandonError::NotEntered)?;
        // SAFETY: this tree is entered on this core; the caller is code of its current greenlet, or that one was
        // stopped.
        let current = unsafe { core.current() };
        if current.is_main() { Err(AbandonError::Main) } else { Ok((core, current)) }
    }
}

/// Returns `current`, unless an operation was in progress in it that must be finished, or the state of the processor is
/// not the one in which its code runs.
fn unless_at_work(core: &Core, current: BlockPtr) -> Result<BlockPtr, AbandonError> {
    if core.stopped().is_some() || is_busy(current) {
        Err(AbandonError::Busy)
    } else if core.newly_masked() {
        Err(AbandonError::Masked)
    } else if !core.is_as_begun() {
        Err(AbandonError::State)
    } else {
        Ok(current)
    }
}

#[cfg(test)]
mod tests {
    use super::is_push_of_processor;

    /// Five words below the stack pointer, which the processor aligns first. Hosted no interrupt does so.
    #[test]
    fn a_push_of_the_processor_is_told_by_its_address() {
        for sp in [0x2000, 0x2001, 0x2008, 0x200f] {
            let pushed = (0x1f00..0x2100).filter(|&address| is_push_of_processor(sp, address));
            assert!(pushed.eq(0x1fd8..0x2000), "{sp:#x}");
        }
    }
}
