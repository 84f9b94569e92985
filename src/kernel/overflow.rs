//! The software check for stack overflows, which runs on every switch away (except with `unchecked-switch`) and needs
//! no MMU; and the report of an overflow.
//!
//! `records/band.rs` describes the canary band at the limit of a stack.
//!
//! The fast path tests the stack pointer, and the highest and a lower word of the band, by one comparison. It is in
//! `Cpu::stack_ok`, or, where the instruction set has one, in the tested switch. The slow path and deaths compare the
//! whole band, as `Greenlet::is_intact` does.
//!
//! Each of these checks is late: when one fails, memory below the stack may have been overwritten. So no greenlet of
//! the tree runs again: the tree's overflow hook is called, which does not return. It runs on main's stack, below
//! main's saved stack pointer. The greenlet is still the current one, although the hook does not run on its stack; so
//! the core's `OVERFLOW` bit forces the slow path, where every transfer is refused, and a greenlet whose last reference
//! is released is leaked.

use crate::arch::{Isa, Native};
use crate::kernel::tree::Tree;
use crate::records::band::{CHECKED, is_whole, stack_ok};
use crate::records::block::BlockPtr;
use crate::records::core_state::OVERFLOW;
use crate::records::identity::Identity;
use crate::records::stack::Stack;
use core::fmt;

/// The check of the fast path. Does not return if `leaver`, the current greenlet, has left its stack.
#[inline(always)]
pub(crate) fn check<V: 'static, E: 'static>(leaver: BlockPtr) {
    if CHECKED && !stack_ok(leaver) {
        violated::<V, E>(leaver)
    }
}

/// The check of the slow path: as [`check`], but compares the whole band.
pub(crate) fn check_whole<V: 'static, E: 'static>(leaver: BlockPtr) {
    if CHECKED && !(stack_ok(leaver) && is_whole(leaver)) {
        violated::<V, E>(leaver)
    }
}

/// Switches to main's stack for good, to report the overflow of `leaver`. Uses little stack, because none may be left.
#[cold]
#[inline(never)]
fn violated<V: 'static, E: 'static>(leaver: BlockPtr) -> ! {
    let core = leaver.core();
    if core.reports_overflow() {
        left_twice()
    }
    core.set_slow(OVERFLOW);
    // SAFETY: a greenlet of the tree runs here, so the tree is entered.
    let main = unsafe { core.main() };
    // SAFETY: main's stack has no bounds here, so main never fails the check: `leaver` is another greenlet, and main is
    // suspended. The memory below its saved stack pointer is unused, because no other overflow is being reported there.
    // `leaver` is a block.
    unsafe { Native::call_on(main.context.sp(), report::<V, E>, leaver.as_ptr().cast()) }
}

/// Aborts. While an overflow is being reported every departure is refused, so none should reach the check. To report a
/// second overflow would overwrite the frames of the hook. `extern "C"` turns the panic into an abort where panics
/// unwind.
#[cold]
#[inline(never)]
extern "C" fn left_twice() -> ! {
    panic!("a greenlet has left its stack while its overflow was being reported: this is a bug of the crate `greenlet`")
}

/// Calls the hook, on main's stack. `extern "C"`, so a panic of the hook aborts here: this frame has no caller to
/// unwind to.
///
/// # Safety
///
/// `leaver` is the block of the current greenlet, of a tree of `V` and `E`.
unsafe extern "C" fn report<V: 'static, E: 'static>(leaver: *const (), sp: *mut u8) -> ! {
    // SAFETY: the current greenlet exists.
    let leaver = unsafe { BlockPtr::new(leaver.cast()) };
    // SAFETY: its tree is entered, and has the types `V` and `E`.
    let hook = unsafe { Tree::<V, E>::of(leaver) }.overflow;
    leaver.context.set_sp(sp);
    let stack = Stack { base: leaver.base(), limit: leaver.limit(), sp: sp.addr() };
    hook(&Overflow { greenlet: leaver.identity(), stack, stopped_at: None })
}

/// A stack overflow of a greenlet.
///
/// Either the check found it when the greenlet was about to switch away, by the stack pointer or the canary band; or an
/// access below the stack faulted, and a fault handler made the report with [`Overflow::at`](Self::at).
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
    /// The greenlet.
    pub greenlet: Identity,
    /// Its stack, with its stack pointer at that time.
    pub stack: Stack,
    /// The address of an access that faulted, before it overwrote foreign memory. `None` if the check found the
    /// overflow when the greenlet switched away: memory below the stack may be overwritten by then.
    pub stopped_at: Option<usize>,
}

impl Overflow {
    /// Returns how many bytes below the limit of the stack the stack pointer or the faulting access was. 0 if the stack
    /// pointer was back above the limit, and only the canary band had changed.
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

    /// Returns whether the stack pointer was above the stack: then the transfer was called on another stack, such as an
    /// interrupt handler's, and not by the greenlet's own code. Another stack *below* this one looks like an overflow.
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

/// `stack overflow: greenlet 3 "parser", 4096-byte stack 0x40100000, sp 0x400ffe80, 384 bytes past the limit`, and a
/// remedy. After a fault, the address of the access replaces the number of bytes:
/// `..., sp 0x400ffe80, stopped at 0x400ffe88`.
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

/// The default of [`Tree::on_overflow`]: panics with the report.
pub(crate) fn panics(overflow: &Overflow) -> ! {
    panic!("{overflow}")
}
