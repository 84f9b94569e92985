//! What a core knows: the greenlet that runs on it, and whether the next switch has anything rare to do.
//!
//! By default there is one core, and so one record, at a fixed address: a switch finds the current greenlet without following
//! a pointer. `entered` keeps everyone else out; what the other fields hold is
//! touched by the core that entered, and by nobody else, but for `slow`: who asks for a kill from elsewhere sets [`ASKED`] there.
//! They are atomics all the same, relaxed, which costs nothing: without `std`, a handle that was kept past its tree may look at
//! `slow` while another thread is in a tree of its own.
//!
//! | module | feature | record |
//! |---|---|---|
//! | `one` | none | one, at a fixed address |
//! | `cores` | `cores` | one a core; every control block has a pointer to its own |
//! | `threads` | `std` | one a thread, thread-local |

#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "cores.rs"]
mod imp;
#[cfg(not(any(feature = "std", feature = "cores")))]
#[path = "one.rs"]
mod imp;
#[cfg(feature = "std")]
#[path = "threads.rs"]
mod imp;

pub(crate) use imp::{Link, reported_core, this_core};

use crate::arch;
use crate::block::{Block, BlockPtr};
pub(crate) use crate::mail::ASKED;
use crate::mail::{self, Mail};
use crate::overflow::CHECKED;
use crate::pool::List;
use crate::thrown::Refusal;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};

/// The current greenlet has no reference: who takes over from it must look after it.
pub(crate) const UNREF: u32 = 1;
/// The tree has a tracer.
pub(crate) const TRACE: u32 = 2;
/// An overflow is being reported. Nothing of the tree goes on after that, so that this reason stays.
pub(crate) const OVERFLOW: u32 = 8;
/// The thread that entered the tree is ending inside of it: the process exits. This reason stays, too. Given with the feature `std`.
const EXIT: u32 = 16;
/// The reasons that refuse nothing.
const HARMLESS: u32 = UNREF | TRACE | ASKED;

/// What [`arch::interrupts`] says, where that is of interest; its bits are none of the reasons above.
#[inline(always)]
fn interrupts() -> u32 {
    if CHECKED { arch::interrupts() } else { 0 }
}

/// The kinds of interrupts that are masked, where transfers or `Tree::abandon` refuse on account of them.
fn masks() -> u32 {
    if CHECKED || cfg!(feature = "abandon") { arch::masked(arch::interrupts()) } else { 0 }
}

/// The record of a core.
pub(crate) struct Here {
    /// The greenlet that runs; null outside `enter`.
    current: AtomicPtr<Block>,
    /// What [`arch::interrupts`] says while a departure has nothing rare to do on account of this core; else a set of reasons
    /// such as [`UNREF`] besides. The one word that others change, too: by read-modify-write only while a tree is entered.
    slow: AtomicU32,
    /// The kinds of interrupts that were masked at `enter` and at every transfer since: a transfer may find these masked. A kind
    /// that a transfer once found unmasked must not be masked at a later one.
    may_be_masked: AtomicU32,
    /// What [`arch::state`] said when the tree was entered.
    #[cfg(feature = "abandon")]
    begun_in: AtomicU32,
    entered: AtomicBool,
    /// How many kills are in progress on this core: each holds a reference to its victim and one to the victim's old parent.
    kills: AtomicU32,
    /// How many greenlets have died on this core.
    deaths: AtomicU64,
    /// The main greenlet of the run.
    main: AtomicPtr<Block>,
    /// The `Tree<V, E>` that is entered.
    tree: AtomicPtr<()>,
    /// The first of the pools for one core that this core has; the others hang on it.
    pools: AtomicPtr<List>,
    /// The greenlet that settles kills from elsewhere; null for none. What arrives in it meanwhile settles none: those that are asked for
    /// by what ends would be settled each inside of the one before.
    settler: AtomicPtr<Block>,
    /// The number that the next greenlet gets, from the block of numbers that this core has; a multiple of [`NUMBERS`] when
    /// that is used up.
    next_id: AtomicU64,
}

/// How many numbers a core takes at a time, so that no two greenlets of any cores ever have the same: weak handles rely on it.
const NUMBERS: u64 = 1 << 20;
/// Blocks of numbers given to cores.
static NUMBERS_GIVEN: AtomicU64 = AtomicU64::new(0);

/// How many blocks of numbers there are: the last number stands for no greenlet.
const BLOCKS: u64 = mail::NUMBERS / NUMBERS - 1;

/// Aborts: a number that is given twice would let a weak handle take another greenlet for its own. `extern "C"` turns the panic into
/// an abort where panics unwind.
#[cold]
#[inline(never)]
extern "C" fn no_more_numbers() -> ! {
    panic!("the numbers of greenlets have run out: 2^36 times a core or thread took 2^20 of them; restart the program")
}

impl Here {
    const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
            slow: AtomicU32::new(0),
            may_be_masked: AtomicU32::new(0),
            #[cfg(feature = "abandon")]
            begun_in: AtomicU32::new(0),
            entered: AtomicBool::new(false),
            kills: AtomicU32::new(0),
            deaths: AtomicU64::new(0),
            main: AtomicPtr::new(ptr::null_mut()),
            tree: AtomicPtr::new(ptr::null_mut()),
            pools: AtomicPtr::new(ptr::null_mut()),
            settler: AtomicPtr::new(ptr::null_mut()),
            next_id: AtomicU64::new(0),
        }
    }

    /// Takes the core for a tree; false when one is entered.
    pub(crate) fn take(&self) -> bool {
        !self.entered.swap(true, Acquire)
    }

    /// Begins a run, on a core that was taken: `main` is current.
    pub(crate) fn begin(&self, tree: *const (), main: BlockPtr) {
        self.tree.store(tree.cast_mut(), Relaxed);
        self.main.store(main.as_ptr().cast_mut(), Relaxed);
        self.slow.store(interrupts(), Relaxed);
        self.kills.store(0, Relaxed);
        self.settler.store(ptr::null_mut(), Relaxed);
        self.may_be_masked.store(masks(), Relaxed);
        #[cfg(feature = "abandon")]
        self.begun_in.store(arch::state(), Relaxed);
        self.set_current(main);
        #[cfg(feature = "std")]
        imp::notice_exit();
    }

    /// Whether the processor is as it was when the tree was entered, as far as [`arch::state`] looks.
    #[cfg(feature = "abandon")]
    pub(crate) fn is_as_begun(&self) -> bool {
        arch::state() & !self.begun_in.load(Relaxed) == 0
    }

    /// Whether a kind of interrupts is masked that must not be at a transfer.
    pub(crate) fn newly_masked(&self) -> bool {
        masks() & !self.may_be_masked.load(Relaxed) != 0
    }

    /// Whether a transfer to `target` has anything rare to do. One test for all of it.
    #[inline(always)]
    pub(crate) fn is_rare(&self, target: BlockPtr) -> bool {
        // First of all: no load is moved across it, and behind it each is a part of another instruction, on x86_64.
        let interrupts = interrupts();
        let unusual = if CHECKED {
            // SAFETY: `slow` is an atomic, behind a reference.
            unsafe { arch::xor_load::<{ offset_of!(Self, slow) }>(ptr::from_ref(self).cast(), interrupts) }
        } else {
            self.slow()
        };
        unusual | target.flags.get() != 0
    }

    /// Why a transfer is refused: an overflow is being reported, or interrupts are masked that must not be. A kind of interrupts
    /// that is unmasked here for the first time must be unmasked at every later transfer.
    pub(crate) fn refuses(&self) -> Option<Refusal> {
        let unusual = (self.slow() ^ interrupts()) & !HARMLESS;
        if unusual == 0 { None } else { self.refusal(unusual) }
    }

    #[cold]
    fn refusal(&self, unusual: u32) -> Option<Refusal> {
        if let Some(refusal) = self.stopped() {
            return Some(refusal);
        }
        if self.newly_masked() {
            return Some(Refusal::Masked);
        }
        self.may_be_masked.store(masks(), Relaxed);
        self.slow.fetch_xor(unusual, Relaxed);
        None
    }

    /// Why nothing of the tree goes on any more, if so.
    pub(crate) fn stopped(&self) -> Option<Refusal> {
        if self.reports_overflow() {
            return Some(Refusal::Overflow);
        }
        (self.slow() & EXIT != 0).then_some(Refusal::Exit)
    }

    /// Stops the tree that is entered: the values of this thread's thread-locals are being dropped, and a greenlet of the tree may hold
    /// references to them.
    #[cfg(feature = "std")]
    fn exit(&self) {
        if !self.current_ptr().is_null() {
            self.set_slow(EXIT);
        }
    }

    /// Whether an overflow is being reported: the hook of `on_overflow` runs.
    pub(crate) fn reports_overflow(&self) -> bool {
        CHECKED && self.slow() & OVERFLOW != 0
    }

    /// Ends a run: nothing is current, the core is free.
    pub(crate) fn give_back(&self) {
        #[cfg(feature = "watchpoint")]
        crate::watch::nobody();
        self.current.store(ptr::null_mut(), Relaxed);
        self.main.store(ptr::null_mut(), Relaxed);
        self.tree.store(ptr::null_mut(), Relaxed);
        self.entered.store(false, Release);
    }

    /// The greenlet that runs.
    ///
    /// # Safety
    ///
    /// A tree is entered on this core, and this is code that it runs. Who holds a handle that is not inert knows that.
    #[inline(always)]
    pub(crate) unsafe fn current(&self) -> BlockPtr {
        // SAFETY: inside `enter` this is main's block or that of a greenlet that runs, and both exist.
        unsafe { BlockPtr::new(self.current.load(Relaxed)) }
    }

    /// The main greenlet of the run.
    ///
    /// # Safety
    ///
    /// As for [`current`](Self::current).
    #[inline]
    pub(crate) unsafe fn main(&self) -> BlockPtr {
        // SAFETY: inside `enter` this is main's block, which its tree keeps.
        unsafe { BlockPtr::new(self.main.load(Relaxed)) }
    }

    /// The greenlet that runs, for comparison only; null outside `enter`.
    #[inline]
    pub(crate) fn current_ptr(&self) -> *const Block {
        self.current.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_current(&self, block: BlockPtr) {
        #[cfg(feature = "watchpoint")]
        arch::watch(block.floor.get().cast());
        self.current.store(block.as_ptr().cast_mut(), Relaxed);
    }

    /// The tree that is entered, as it was given to [`begin`](Self::begin).
    pub(crate) fn tree(&self) -> *const () {
        self.tree.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn slow(&self) -> u32 {
        self.slow.load(Relaxed)
    }

    pub(crate) fn set_slow(&self, reason: u32) {
        self.slow.fetch_or(reason, Relaxed);
    }

    /// Acquire: what was done before somebody else gave that reason is visible from here on.
    pub(crate) fn clear_slow(&self, reason: u32) {
        if self.slow() & reason != 0 {
            self.slow.fetch_and(!reason, Acquire);
        }
    }

    /// Has requests to a tree that this core enters ring here.
    pub(crate) fn hang(&self, mail: &Mail) {
        mail.hang(&self.slow);
    }

    /// The first of the pools that this core has; null for none.
    pub(crate) fn pools(&self) -> *mut List {
        self.pools.load(Relaxed)
    }

    pub(crate) fn set_pools(&self, first: *mut List) {
        self.pools.store(first, Relaxed);
    }

    /// How many kills are in progress.
    pub(crate) fn kills(&self) -> u32 {
        self.kills.load(Relaxed)
    }

    pub(crate) fn kill_begins(&self) {
        self.kills.store(self.kills() + 1, Relaxed);
    }

    pub(crate) fn kill_ends(&self) {
        self.kills.store(self.kills() - 1, Relaxed);
    }

    /// The greenlet that settles kills, for comparison only; null for none.
    pub(crate) fn settler(&self) -> *const Block {
        self.settler.load(Relaxed)
    }

    pub(crate) fn set_settler(&self, settler: *const Block) {
        self.settler.store(settler.cast_mut(), Relaxed);
    }

    /// How many greenlets have died so far.
    pub(crate) fn deaths(&self) -> u64 {
        self.deaths.load(Relaxed)
    }

    #[inline]
    pub(crate) fn count_death(&self) {
        self.deaths.store(self.deaths() + 1, Relaxed);
    }

    /// A number that no greenlet had before; larger than all that this core gave out.
    #[inline]
    pub(crate) fn new_id(&self) -> u64 {
        let mut id = self.next_id.load(Relaxed);
        if id.is_multiple_of(NUMBERS) {
            let block = NUMBERS_GIVEN.fetch_add(1, Relaxed);
            if block >= BLOCKS {
                no_more_numbers();
            }
            id = block * NUMBERS;
        }
        self.next_id.store(id + 1, Relaxed);
        id
    }

    /// The number after the last one that this core gave out.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{BLOCKS, Here, NUMBERS, NUMBERS_GIVEN};
    use crate::mail::Number;
    use core::sync::atomic::Ordering::Relaxed;
    use std::process::Command;
    use std::string::String;

    /// Alone in a process of its own, which has given all numbers but those of one block.
    #[test]
    fn numbers_that_run_out_end_the_program() {
        const CHILD: &str = "GREENLET_TEST_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["here::tests::numbers_that_run_out_end_the_program", "--exact", "--nocapture"]).env(CHILD, "1");
            let output = child.output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && told.contains("have run out"), "{told}");
            assert!(told.contains("the last one was given") && !told.contains("and another"), "{told}");
            return;
        }
        NUMBERS_GIVEN.store(BLOCKS - 1, Relaxed);
        let core = Here::new();
        for expected in (BLOCKS - 1) * NUMBERS..BLOCKS * NUMBERS {
            assert_eq!(core.new_id(), expected);
        }
        let word = Number::nobody();
        word.set(BLOCKS * NUMBERS - 1, || true);
        assert_eq!(word.get(), BLOCKS * NUMBERS - 1, "room for it");
        word.forget();
        assert!(word.get() > BLOCKS * NUMBERS - 1, "nobody has a number of its own");
        std::eprintln!("the last one was given");
        let other = Here::new();
        std::eprintln!("and another: {}", other.new_id());
    }
}
