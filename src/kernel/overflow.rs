//! Has a greenlet kept to its stack? Asked whenever it leaves, without help from an MMU.
//!
//! What a band is, and how it is laid: `records/band.rs`.
//!
//! The fast path looks at the stack pointer, and at the two words of the band that an overflow is most likely to pass first. One
//! comparison does for the stack pointer and the first of these: the word is added to the stack pointer, which gives its height
//! above the floor. A word that was overwritten gives a height of the stack's only if it is an address on this stack with its
//! sign changed, which no frame holds; or a small number, if the stack is larger than its address. The slow path, deaths and
//! `Greenlet::is_intact` look at the whole band. It is too late then: memory below the stack may have been overwritten. So nothing of the greenlet goes on, nor does its tree: the hook that hears of it never returns, and
//! runs on main's stack, below where main waits. The greenlet is current still, while this is none of its stacks: so the core
//! notes that an overflow is reported, by a reason to be slow, and nobody leaves any more. Transfers are refused, and who has lost
//! the last reference is leaked.

use crate::arch::{Isa, Native};
use crate::kernel::tree::Tree;
use crate::records::band::{CHECKED, is_whole, stands};
use crate::records::block::BlockPtr;
use crate::records::here::OVERFLOW;
use crate::records::identity::Identity;
use crate::records::stack::Stack;
use core::fmt;

/// On the way out, fast: does not return if `leaver`, which runs, has left its stack.
#[inline(always)]
pub(crate) fn check<V: 'static, E: 'static>(leaver: BlockPtr) {
    if CHECKED && !stands(leaver) {
        violated::<V, E>(leaver)
    }
}

/// On the way out, slowly: the same with the whole band.
pub(crate) fn check_whole<V: 'static, E: 'static>(leaver: BlockPtr) {
    if CHECKED && !(stands(leaver) && is_whole(leaver)) {
        violated::<V, E>(leaver)
    }
}

/// Leaves the stack of `leaver` for good. Small, since it may stand where nothing is left.
#[cold]
#[inline(never)]
fn violated<V: 'static, E: 'static>(leaver: BlockPtr) -> ! {
    let here = leaver.here();
    if here.reports_overflow() {
        left_twice()
    }
    here.set_slow(OVERFLOW);
    // SAFETY: the tree is entered: a greenlet of it runs.
    let main = unsafe { here.main() };
    // SAFETY: main has no bounds that it could leave, so that it is not the leaver, and waits: what lies below its stack pointer
    // is used by nobody, as no other overflow is reported there. `leaver` is a block.
    unsafe { Native::call_on(main.context.sp(), report::<V, E>, leaver.as_ptr().cast()) }
}

/// Aborts: while an overflow is reported every departure is refused, and here is one that was not. To report it in its turn would
/// overwrite the frames of the hook. `extern "C"` turns the panic into an abort where panics unwind.
#[cold]
#[inline(never)]
extern "C" fn left_twice() -> ! {
    panic!("a greenlet has left its stack while its overflow was being reported: this is a bug of the crate `greenlet`")
}

/// `extern "C"`, so that a panic of the hook ends the program here: what called main's frames is not below them.
///
/// # Safety
///
/// `leaver` is the block of the current greenlet, of a tree of `V` and `E`.
unsafe extern "C" fn report<V: 'static, E: 'static>(leaver: *const (), sp: *mut u8) -> ! {
    // SAFETY: the current greenlet exists.
    let leaver = unsafe { BlockPtr::new(leaver.cast()) };
    // SAFETY: its tree is entered, and one of `V` and `E`.
    let hook = unsafe { Tree::<V, E>::of(leaver) }.overflow;
    leaver.context.set_sp(sp);
    let stack = Stack { base: leaver.base(), limit: leaver.limit(), sp: sp.addr() };
    hook(&Overflow { greenlet: leaver.identity(), stack, stopped_at: None })
}

/// A greenlet has not kept to its stack: it was about to leave, and its stack pointer or its canary band said so; or an access
/// below its stack has faulted, and a fault handler [says so](Self::at).
///
/// ```
/// # use greenlet::{Overflow, Tree};
/// static TREE: Tree<u32> = Tree::new().on_overflow(reset);
///
/// fn reset(overflow: &Overflow) -> ! {
///     eprintln!("{overflow}"); // names the greenlet, its stack, and what to do
///     std::process::exit(1)
/// }
/// # TREE.enter(|_main| ()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// Who.
    pub greenlet: Identity,
    /// Its stack, with the stack pointer that the greenlet had then.
    pub stack: Stack,
    /// Where an access faulted, so that the greenlet was stopped before it had overwritten anything that is not its own; `None`
    /// when it was noticed as the greenlet left, which is too late for that.
    pub stopped_at: Option<usize>,
}

impl Overflow {
    /// How many bytes below the limit of its stack the greenlet stood or accessed memory; 0 when it had come back above it, and
    /// left its traces in the canary band.
    ///
    /// ```
    /// # use greenlet::Overflow;
    /// fn advice(overflow: &Overflow) -> usize {
    ///     (overflow.stack.size() + overflow.past_limit()).next_multiple_of(64) // at least this SIZE
    /// }
    /// ```
    #[must_use]
    pub fn past_limit(&self) -> usize {
        let lowest = self.stopped_at.map_or(self.stack.sp, |address| address.min(self.stack.sp));
        self.stack.limit.saturating_sub(lowest)
    }

    /// Whether the stack pointer was above the stack: something else than the greenlet's own code, such as a handler, asked for
    /// the transfer.
    ///
    /// ```
    /// # use greenlet::Overflow;
    /// fn whose(overflow: &Overflow) -> &'static str {
    ///     if overflow.is_foreign_stack() { "a handler switched" } else { "the greenlet needs a larger stack" }
    /// }
    /// ```
    #[must_use]
    pub fn is_foreign_stack(&self) -> bool {
        self.stack.sp > self.stack.base
    }
}

/// `stack overflow: greenlet 3 "parser", 4096-byte stack 0x40100000, sp 0x400ffe80, 384 bytes past the limit`; with a fault, the
/// address follows: `..., sp 0x400ffe80, stopped at 0x400ffe88`.
impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { greenlet, stack, stopped_at } = self;
        if self.is_foreign_stack() {
            f.write_str("switch from a foreign stack")?;
        } else {
            f.write_str("stack overflow")?;
        }
        write!(f, ": {greenlet}, {}-byte stack {:#x}, sp {:#x}", stack.size(), stack.limit, stack.sp)?;
        if let Some(address) = stopped_at {
            return write!(f, ", stopped at {address:#x}; give its pool a larger SIZE");
        }
        match self.past_limit() {
            0 if self.is_foreign_stack() => f.write_str("; only the greenlet's own code may switch"),
            0 => f.write_str(", canary overwritten; give its pool a larger SIZE"),
            past => write!(f, ", {past} bytes past the limit; give its pool a larger SIZE"),
        }
    }
}

/// What a tree does when nobody was set to hear of an overflow.
pub(crate) fn panics(overflow: &Overflow) -> ! {
    panic!("{overflow}")
}
