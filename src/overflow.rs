//! Has a greenlet kept to its stack? Asked whenever it leaves, without help from an MMU.
//!
//! ```text
//!   base  ┌──────────────────┐
//!         │ control block    │
//!         ├──────────────────┤ ─┐
//!         │ frames           │  │ span: the stack pointer of a greenlet that leaves is in here
//!         │ free             │  │
//!   floor ├──────────────────┤ ─┘
//!         │ canary band      │ BAND bytes: the highest word holds the address of the floor with its sign changed, the others
//!   limit └──────────────────┘ hold the address
//! ```
//!
//! The fast path looks at the stack pointer, and at the two words of the band that an overflow is most likely to pass first. One
//! comparison does for the stack pointer and the first of these: the word is added to the stack pointer, which gives its height
//! above the floor. A word that was overwritten gives a height of the stack's only if it is an address on this stack with its
//! sign changed, which no frame holds; or a small number, if the stack is larger than its address. The slow path, deaths and [`Greenlet::is_intact`] look at the whole band. It is too late then: memory below the stack may
//! have been overwritten. So nothing of the greenlet goes on, nor does its tree: the hook that hears of it never returns, and
//! runs on main's stack, below where main waits. The greenlet is current still, while this is none of its stacks: so the core
//! notes that an overflow is reported, by a reason to be slow, and nobody leaves any more. Transfers are refused, and who has lost
//! the last reference is leaked.

use crate::arch::{Cpu, Isa, Native};
use crate::block::BlockPtr;
use crate::handle::{Greenlet, Stack};
use crate::here::{OVERFLOW, reported_core};
use crate::identity::Identity;
use crate::tree::Tree;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::size_of;

/// Whether a departure checks anything. A constant, so that nothing of the checks is left where they are off.
pub(crate) const CHECKED: bool = !cfg!(feature = "unchecked-switch");

/// A word of a canary band.
pub(crate) type Canary = Cell<usize>;

/// Bytes of a canary band: a function that writes its frame from the top leaves a trace in it unless it skips all of it.
pub(crate) const BAND: usize = 64;
const WORDS: usize = BAND / size_of::<Canary>();

/// Bytes of a guard below a stack, where there is one.
const PAGE: usize = 4096;

/// Writes the band at the limit of a stack; returns the floor above it.
///
/// # Safety
///
/// [`BAND`] bytes at `limit`, which is aligned for a word, belong to the caller.
pub(crate) unsafe fn lay_band(limit: *mut u8) -> *const Canary {
    let floor = limit.wrapping_add(BAND).cast::<Canary>();
    for word in 1..=WORDS {
        // SAFETY: the caller's contract.
        unsafe { floor.wrapping_sub(word).write(Cell::new(canary(floor, word))) };
    }
    floor
}

/// What stands in the band, so many words below the floor.
#[inline(always)]
fn canary(floor: *const Canary, word: usize) -> usize {
    if word == 1 { floor.addr().wrapping_neg() } else { floor.addr() }
}

/// The word that many below the floor.
///
/// # Safety
///
/// The floor is that of a greenlet which exists, and the word is of its band.
#[inline(always)]
unsafe fn read(floor: *const Canary, word: usize) -> usize {
    // SAFETY: such a band is memory of the greenlet's stack, or of its tree.
    unsafe { &*floor.wrapping_sub(word) }.get()
}

/// Whether the band of `greenlet` is as it was laid.
fn is_whole(greenlet: BlockPtr) -> bool {
    let floor = greenlet.floor.get();
    let mut word = 1;
    // Not an iterator, whose frames are deep without optimization: this is called where little may be left. With a way out after
    // each word: without, the compiler compares several at a time in vector registers, which takes more instructions.
    while word <= WORDS {
        // SAFETY: the greenlet exists.
        if unsafe { read(floor, word) } != canary(floor, word) {
            return false;
        }
        word += 1;
    }
    true
}

/// Whether `leaver`, which runs, stands on its stack, with the two highest words of the band as they were.
#[inline(always)]
fn stands(leaver: BlockPtr) -> bool {
    // SAFETY: a greenlet exists while it runs, and its band is memory of its stack, or of its tree.
    unsafe { Native::stack_ok(&leaver.floor, &leaver.span) }
}

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
    /// What a fault says of the stack of the current greenlet: for a fault handler that was told of an access to `address` by
    /// code whose stack pointer was `sp`. `None` if `address` is neither in the page below that stack, its
    /// [guard](crate::GuardedStackPool::guards), nor in its canary band; if main is current; and outside of [`Tree::enter`].
    ///
    /// Takes no lock, formats and allocates nothing. Whose stack any other address is on, [`stack_of`] knows.
    ///
    /// # Safety
    ///
    /// As for [`current_report`](crate::current_report): on the core that entered the tree, if one is entered, from its code or
    /// from a handler that interrupts it.
    ///
    /// ```
    /// # use greenlet::Overflow;
    /// fn page_fault(address: usize, sp: usize) -> ! {
    ///     // SAFETY: called by the vector of this core, which has a tree of its own.
    ///     if let Some(overflow) = unsafe { Overflow::at(address, sp) } {
    ///         eprintln!("{overflow}");
    ///     }
    ///     std::process::exit(1)
    /// }
    /// ```
    #[must_use]
    pub unsafe fn at(address: usize, sp: usize) -> Option<Self> {
        let current = reported_core()?.current_ptr();
        if current.is_null() {
            return None;
        }
        // SAFETY: inside `enter` the current greenlet exists, and the caller is on its core.
        let current = unsafe { BlockPtr::new(current) };
        if current.is_main() {
            return None;
        }
        let limit = current.limit();
        let stack = Stack { base: current.base(), limit, sp };
        let below = limit.saturating_sub(PAGE)..limit + BAND;
        below.contains(&address).then(|| Self { greenlet: current.identity(), stack, stopped_at: Some(address) })
    }

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

/// Whose stack `address` is on, or in the page below: for a fault handler that finds an access in a
/// [guard](crate::GuardedStackPool::guards). With the stack pointer that the greenlet was left with; `address` itself for the
/// current one. `None` for main's stack, and outside of [`Tree::enter`].
///
/// Looks at every greenlet of the tree. Takes no lock, formats and allocates nothing.
///
/// # Safety
///
/// As for [`current_report`](crate::current_report): on the core that entered the tree, if one is entered, from its code or from a
/// handler that interrupts it; and if that is the kernel's own code, as an overflow may be, then nothing of the tree is resumed.
///
/// ```
/// # use greenlet::{StackPool, Tree};
/// # static STACKS: StackPool<1, 16384> = StackPool::new();
/// # static TREE: Tree<u32> = Tree::new();
/// # TREE.enter(|main| {
/// let g = main.build(&STACKS).name("parser").spawn(|me, x| me.up(x)).unwrap();
/// g.switch(1).unwrap();
/// let address = g.stack().unwrap().limit - 8; // what a fault handler was told
/// // SAFETY: this program has one thread, and this is the tree's own code.
/// let (greenlet, stack) = unsafe { greenlet::stack_of(address) }.unwrap();
/// assert_eq!(greenlet.name, Some("parser"));
/// println!("{address:#x} is below the stack {stack} of {greenlet}");
/// # }).unwrap();
/// ```
#[must_use]
pub unsafe fn stack_of(address: usize) -> Option<(Identity, Stack)> {
    let here = reported_core()?;
    let current = here.current_ptr();
    if current.is_null() {
        return None;
    }
    // SAFETY: a tree is entered here, and the caller is on its core.
    let main = unsafe { here.main() };
    let find = |below: usize| {
        let mut at = main.successor();
        while at != main {
            if (at.limit().saturating_sub(below)..at.base()).contains(&address) {
                let sp = if at.as_ptr() == current { address } else { at.context.sp().addr() };
                return Some((at.identity(), Stack { base: at.base(), limit: at.limit(), sp }));
            }
            at = at.successor();
        }
        None
    };
    // A stack that the address is on comes before one that it is below: without guards these are neighbours.
    find(0).or_else(|| find(PAGE))
}

/// What a tree does when nobody was set to hear of an overflow.
pub(crate) fn panics(overflow: &Overflow) -> ! {
    panic!("{overflow}")
}

/// # Overflow
impl<V: 'static, E: 'static> Greenlet<V, E> {
    /// Whether the canary band of this greenlet's stack is as it was. Always so for main, whose stack is not the crate's, and
    /// with the feature `unchecked-switch`.
    ///
    /// A transfer asks this of the greenlet that leaves. A supervisor may ask it of any.
    ///
    /// ```
    /// # use greenlet::{StackPool, Tree};
    /// # static STACKS: StackPool<1, 16384> = StackPool::new();
    /// # static TREE: Tree<u32> = Tree::new();
    /// # TREE.enter(|main| {
    /// let g = main.spawn(&STACKS, |me, x| me.up(x)).unwrap();
    /// g.switch(1).unwrap();
    /// assert!(g.is_intact());
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_intact(&self) -> bool {
        !CHECKED || is_whole(self.block())
    }
}

/// The band of a main greenlet, for the fast path to find what it looks for.
#[repr(align(64))] // as those of stacks are: what watches a band may ask for it
pub(crate) struct MainBand(UnsafeCell<[usize; WORDS]>);

const _: () = assert!(align_of::<MainBand>() == BAND);

impl MainBand {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([0; WORDS]))
    }

    /// Lays it; returns floor and span for a stack without bounds.
    ///
    /// # Safety
    ///
    /// No main greenlet of the tree exists.
    pub(crate) unsafe fn lay(&'static self) -> (*const Canary, usize) {
        // SAFETY: the words are the tree's, nobody else looks at them now, and it is a cell.
        (unsafe { lay_band(self.0.get().cast()) }, usize::MAX)
    }
}

/// Floor and span of a stack of the crate's that begins at `limit` and has its control block at `block`.
///
/// # Safety
///
/// As for [`lay_band`]; `block` is in the same memory.
pub(crate) unsafe fn bounds(limit: *mut u8, block: *const u8) -> (*const Canary, usize) {
    // SAFETY: the caller's contract.
    let floor = unsafe { lay_band(limit) };
    (floor, block.addr() - floor.addr())
}
