//! The record of a core: its current greenlet, its main greenlet, its tree, and the word `slow`, which decides whether
//! a transfer takes the fast path. Elsewhere such a record is called per-CPU data.
//!
//! # One test for the slow path
//!
//! [`Core::slow`] normally holds the interrupt bits as they were at `enter`. XORed with the present interrupt bits it
//! gives 0, unless the interrupt state has changed since. (If a kind of interrupts was unmasked meanwhile, the slow
//! path makes that the normal state: [`Core::refuses`].) Each further reason for the slow path is a bit of its own in
//! `slow`: [`UNREF`], [`TRACE`], [`ASKED`], [`OVERFLOW`], [`EXIT`]. So [`Core::needs_slow_path`] is one test:
//!
//! ```text
//!   slow path  <=>  (interrupt bits ^ slow) | target's flags  !=  0
//! ```
//!
//! # Where the record is
//!
//! | module | feature | record |
//! |---|---|---|
//! | `one` | none | one, at a fixed address: a switch finds the current greenlet without following a pointer |
//! | `cores` | `cores` | one per core; every control block has a pointer to the record of its core |
//! | `threads` | `std` | one per thread, in a thread-local |
//!
//! [`take`](Core::take) lets one tree at a time use a record. While a tree is entered, its core alone uses the fields,
//! with two exceptions. Another core sets [`ASKED`] in `slow` to request a kill. And hosted without `std`, where all
//! threads share one record, a thread with a handle of an ended tree may read it while another thread runs a tree. All
//! fields are relaxed atomics, which cost no more than plain ones.

#[cfg(all(feature = "cores", not(feature = "std")))]
#[path = "cores.rs"]
mod imp;
#[cfg(not(any(feature = "std", feature = "cores")))]
#[path = "one.rs"]
mod imp;
#[cfg(feature = "std")]
#[path = "threads.rs"]
mod imp;

#[cfg(not(any(miri, feature = "std", feature = "cores")))]
pub use imp::RECORD;
pub(crate) use imp::{Link, reported_core, this_core};

use crate::arch::{Cpu, INTERRUPT_BITS, Native, Places};
use crate::records::band::CHECKED;
use crate::records::block::{Block, BlockPtr};
pub(crate) use crate::records::mail::ASKED;
use crate::records::mail::{self, Mail};
use crate::records::pool::List;
use crate::records::refusal::Refusal;
use crate::records::sync::Counter;
use crate::records::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};
use crate::records::watched;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The current greenlet has no reference left. Its next departure takes the slow path: the packet then holds a
/// reference to it, which the receiver releases.
pub(crate) const UNREF: u32 = 1;
/// The tree has a tracer.
pub(crate) const TRACE: u32 = 2;
/// An overflow is being reported. Every transfer is refused; this bit stays set until the program ends.
pub(crate) const OVERFLOW: u32 = 8;
/// The thread is exiting inside `Tree::enter`, because the process exits. Every transfer is refused; this bit stays
/// set. Only with the feature `std`.
const EXIT: u32 = 16;
/// The reasons for the slow path that do not refuse a transfer.
const HARMLESS: u32 = UNREF | TRACE | ASKED;

const _: () = assert!((HARMLESS | OVERFLOW | EXIT) & INTERRUPT_BITS == 0, "a reason has a bit of the interrupt mask");

/// The interrupt bits of the processor, or 0 with `unchecked-switch`. They do not overlap the reasons above.
#[inline(always)]
fn interrupts() -> u32 {
    if CHECKED { Native::interrupts() } else { 0 }
}

/// The kinds of interrupts that are masked now; 0 if this build refuses no transfer for that reason.
fn masks() -> u32 {
    if CHECKED || cfg!(feature = "abandon") { Native::masked(Native::interrupts()) } else { 0 }
}

/// The record of a core.
#[doc(hidden)]
pub struct Core {
    /// The greenlet that runs; null outside `enter`.
    current: AtomicPtr<Block>,
    /// The interrupt bits that a transfer normally finds, and one bit for each reason to take the slow path: see the
    /// head of this file. While a tree is entered it is changed by read-modify-write only, because other cores set
    /// [`ASKED`].
    slow: AtomicU32,
    /// The kinds of interrupts that were masked at `enter` and at every transfer since. A transfer is refused if any
    /// other kind is masked.
    may_be_masked: AtomicU32,
    /// The value of [`Cpu::state`] when the tree was entered.
    #[cfg(feature = "abandon")]
    begun_in: AtomicU32,
    entered: AtomicBool,
    /// How many kills are in progress on this core. Each holds a reference to its victim and one to the victim's old
    /// parent.
    kills: AtomicU32,
    /// Whether a greenlet has died on this core since [`forget_deaths`](Self::forget_deaths). The end of a tree asks
    /// whether a round of kills ended any greenlet.
    death: AtomicBool,
    /// The main greenlet of the entered tree; null outside `enter`.
    main: AtomicPtr<Block>,
    /// The `Tree<V, E>` that is entered; null outside `enter`.
    tree: AtomicPtr<()>,
    /// Head of the list of the single-core pools that this core owns, linked by `List::chain`.
    pools: AtomicPtr<List>,
    /// The next id of this core's range of ids; a multiple of [`RANGE`] if the range is used up or there is none yet.
    next_id: Counter,
}

/// The offsets that a tested switch needs: of the fields that [`Core::needs_slow_path`] and `band::stack_ok` test, and
/// of the field that [`Core::set_current`] writes.
pub(crate) struct FastPath;

impl Places for FastPath {
    const CURRENT: usize = offset_of!(Core, current);
    const SLOW: usize = offset_of!(Core, slow);
    const FLAGS: usize = offset_of!(Block, flags);
    const BOUNDS: usize = offset_of!(Block, bounds);
}

/// How many ids a core takes at a time. Each range is given to one core, so that no two greenlets of any cores have the
/// same id: weak handles rely on it.
const RANGE: u64 = 1 << 20;
/// How many ranges cores have taken.
static RANGES_TAKEN: Counter = Counter::new(0);

/// How many ranges there are. The last one is left out, because its last id marks a free slot.
const RANGES: u64 = mail::NUMBERS / RANGE - 1;

/// Aborts: with an id that is given twice, a weak handle could find another greenlet than its own. `extern "C"` turns
/// the panic into an abort where panics unwind.
#[cold]
#[inline(never)]
extern "C" fn ids_have_run_out() -> ! {
    panic!("the ids of greenlets have run out: cores or threads took 2^36 ranges of 2^20 ids; restart the program")
}

/// Called while another thread may be setting [`ASKED`], which is the *bell* of `records::mail`, in this thread's
/// record: the record must not be freed before that is done. That takes a moment, but the other thread may have been
/// preempted in favour of this one, so this sleeps. Returns whether to ask again.
#[cfg(feature = "std")]
pub(crate) fn wait_for_the_bell() -> bool {
    std::thread::sleep(std::time::Duration::from_micros(20));
    true
}

/// Records are static, so there is no need to wait: a bit that is set late costs one slow departure.
#[cfg(not(feature = "std"))]
pub(crate) fn wait_for_the_bell() -> bool {
    false
}

impl Core {
    const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
            slow: AtomicU32::new(0),
            may_be_masked: AtomicU32::new(0),
            #[cfg(feature = "abandon")]
            begun_in: AtomicU32::new(0),
            entered: AtomicBool::new(false),
            kills: AtomicU32::new(0),
            death: AtomicBool::new(false),
            main: AtomicPtr::new(ptr::null_mut()),
            tree: AtomicPtr::new(ptr::null_mut()),
            pools: AtomicPtr::new(ptr::null_mut()),
            next_id: Counter::new(0),
        }
    }

    /// Takes the record for a tree. Returns `false` if a tree is entered already.
    pub(crate) fn take(&self) -> bool {
        !self.entered.swap(true, Acquire)
    }

    /// Begins a run, after [`take`](Self::take): `main` becomes current, and the present interrupt state becomes the
    /// normal one.
    pub(crate) fn begin(&self, tree: *const (), main: BlockPtr) {
        self.tree.store(tree.cast_mut(), Relaxed);
        self.main.store(main.as_ptr().cast_mut(), Relaxed);
        self.slow.store(interrupts(), Relaxed);
        self.kills.store(0, Relaxed);
        self.may_be_masked.store(masks(), Relaxed);
        #[cfg(feature = "abandon")]
        self.begun_in.store(Native::state(), Relaxed);
        main.context.set_limit(Native::stack_limit());
        self.set_current(main);
        #[cfg(feature = "std")]
        imp::notice_exit();
    }

    /// Returns `true` if no bit of [`Cpu::state`] is set that was clear when the tree was entered.
    #[cfg(feature = "abandon")]
    pub(crate) fn is_as_begun(&self) -> bool {
        Native::state() & !self.begun_in.load(Relaxed) == 0
    }

    /// Returns `true` if a kind of interrupts is masked now that was unmasked at `enter` or at a transfer since.
    pub(crate) fn newly_masked(&self) -> bool {
        masks() & !self.may_be_masked.load(Relaxed) != 0
    }

    /// Returns `true` if a transfer to `target` must take the slow path: see the head of this file.
    #[inline(always)]
    pub(crate) fn needs_slow_path(&self, target: BlockPtr) -> bool {
        // Read first: the compiler moves no load across this asm block. On x86_64 a load after it can be a memory
        // operand of the instruction that uses it.
        let interrupts = interrupts();
        let unusual = if CHECKED {
            // SAFETY: `slow` is an `AtomicU32` at this offset, and the reference to `self` keeps it alive.
            unsafe { Native::xor_load::<{ offset_of!(Self, slow) }>(ptr::from_ref(self).cast(), interrupts) }
        } else {
            self.slow()
        };
        unusual | target.flags.get().bits() != 0
    }

    /// Returns the reason to refuse a transfer, if there is one: the tree is stopped, or interrupts are masked that
    /// must not be.
    ///
    /// Also updates the normal interrupt state: a kind of interrupts that was masked so far and is unmasked now must be
    /// unmasked at every later transfer of this run.
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
        // The difference to the present interrupt bits, so `slow` then has these.
        self.slow.fetch_xor(unusual, Relaxed);
        None
    }

    /// Returns the reason why no greenlet of the tree can be resumed any more, if there is one.
    pub(crate) fn stopped(&self) -> Option<Refusal> {
        if self.reports_overflow() {
            return Some(Refusal::Overflow);
        }
        (self.slow() & EXIT != 0).then_some(Refusal::Exit)
    }

    /// Stops the tree that is entered, if there is one. Called when this thread's thread-locals are about to be
    /// dropped: a greenlet of the tree may hold references to them. This record may be freed next, so requests to
    /// the tree must no longer set a bit in it.
    #[cfg(feature = "std")]
    fn exit(&self) {
        if self.current_ptr().is_null() {
            return;
        }
        self.set_slow(EXIT);
        // SAFETY: `begin` stored a `&'static Tree<V, E>`, which begins with its mail.
        let mail = unsafe { &*self.tree().cast::<Mail>() };
        mail.take_down(wait_for_the_bell);
    }

    /// Returns `true` if an overflow is being reported, that is, if the hook of `on_overflow` runs.
    pub(crate) fn reports_overflow(&self) -> bool {
        CHECKED && self.slow() & OVERFLOW != 0
    }

    /// Ends a run: no greenlet is current, and another tree can take the record.
    pub(crate) fn give_back(&self) {
        watched::no_greenlet();
        self.current.store(ptr::null_mut(), Relaxed);
        self.main.store(ptr::null_mut(), Relaxed);
        self.tree.store(ptr::null_mut(), Relaxed);
        self.entered.store(false, Release);
    }

    /// The greenlet that runs.
    ///
    /// # Safety
    ///
    /// A tree is entered on this core, and the caller is code that runs in it. A caller with a handle of a tree that
    /// has not ended may assume this.
    #[inline(always)]
    pub(crate) unsafe fn current(&self) -> BlockPtr {
        // SAFETY: inside `enter` this is main's block or that of a running greenlet, and both exist.
        unsafe { BlockPtr::new(self.current.load(Relaxed)) }
    }

    /// The main greenlet of the entered tree.
    ///
    /// # Safety
    ///
    /// As for [`current`](Self::current).
    #[inline]
    pub(crate) unsafe fn main(&self) -> BlockPtr {
        // SAFETY: inside `enter` this is main's block, which lies in the tree.
        unsafe { BlockPtr::new(self.main.load(Relaxed)) }
    }

    /// The greenlet that runs, for comparison only; null outside `enter`.
    #[inline]
    pub(crate) fn current_ptr(&self) -> *const Block {
        self.current.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set_current(&self, block: BlockPtr) {
        watched::greenlet(block);
        self.current.store(block.as_ptr().cast_mut(), Relaxed);
    }

    /// The tree that is entered, as passed to [`begin`](Self::begin); null outside `enter`.
    pub(crate) fn tree(&self) -> *const () {
        self.tree.load(Relaxed)
    }

    #[inline(always)]
    pub(crate) fn slow(&self) -> u32 {
        self.slow.load(Relaxed)
    }

    #[cfg_attr(small, inline(never))] // one copy
    pub(crate) fn set_slow(&self, reason: u32) {
        self.slow.fetch_or(reason, Relaxed);
    }

    /// Clears a reason for the slow path. Acquire: pairs with the release in `Mail::ring`, so that what another core
    /// wrote before it set the reason is visible.
    #[cfg_attr(small, inline(never))] // one copy
    pub(crate) fn clear_slow(&self, reason: u32) {
        if self.slow() & reason != 0 {
            self.slow.fetch_and(!reason, Acquire);
        }
    }

    /// Registers `slow` with `mail`: from here on a request for a kill, from another core or a handler, sets [`ASKED`]
    /// in `slow`.
    pub(crate) fn hang(&self, mail: &Mail) {
        mail.hang(&self.slow);
    }

    /// The first of the pools that this core owns; null for none.
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

    /// Notes that a greenlet has died.
    #[inline]
    pub(crate) fn note_death(&self) {
        self.death.store(true, Relaxed);
    }

    /// Whether a greenlet has died since [`forget_deaths`](Self::forget_deaths).
    pub(crate) fn has_death(&self) -> bool {
        self.death.load(Relaxed)
    }

    pub(crate) fn forget_deaths(&self) {
        self.death.store(false, Relaxed);
    }

    /// An id that no greenlet had before. It is larger than every id that this core handed out before.
    #[cfg_attr(all(small, target_pointer_width = "32"), inline(never))] // one copy
    #[cfg_attr(not(all(small, target_pointer_width = "32")), inline)]
    pub(crate) fn new_id(&self) -> u64 {
        let mut id = self.next_id.load(Relaxed);
        // Without 64-bit atomics the last id of a range is left out: its low half may be the bits that mean "no id".
        #[cfg(not(target_has_atomic = "64"))]
        if id % RANGE == RANGE - 1 {
            id += 1;
        }
        if id.is_multiple_of(RANGE) {
            let number = RANGES_TAKEN.fetch_add(1, Relaxed);
            if number >= RANGES {
                ids_have_run_out();
            }
            id = number * RANGE;
        }
        self.next_id.store(id + 1, Relaxed);
        id
    }

    /// The id after the last one that this core handed out.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Core, RANGE, RANGES, RANGES_TAKEN};
    use crate::records::mail::Number;
    use core::sync::atomic::Ordering::Relaxed;
    use std::process::Command;
    use std::string::String;

    /// The child process runs this test alone, and marks all ranges of ids but one as given out.
    #[test]
    fn numbers_that_run_out_end_the_program() {
        const CHILD: &str = "GREENLET_TEST_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let program = std::env::current_exe().unwrap();
            // By the emulator that runs this program, if there is one.
            let emulator = std::env::var_os("GREENLET_TEST_RUNNER");
            let mut child = Command::new(emulator.as_deref().unwrap_or(program.as_os_str()));
            child.args(emulator.is_some().then_some(&program));
            child
                .args(["records::core_state::tests::numbers_that_run_out_end_the_program", "--exact", "--nocapture"])
                .env(CHILD, "1");
            let output = child.output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && told.contains("have run out"), "{told}");
            assert!(told.contains("the last id was given") && !told.contains("and another"), "{told}");
            return;
        }
        RANGES_TAKEN.store(RANGES - 1, Relaxed);
        let core = Core::new();
        for expected in (RANGES - 1) * RANGE..RANGES * RANGE {
            assert_eq!(core.new_id(), expected);
        }
        let word = Number::unused();
        word.set(RANGES * RANGE - 1, || true);
        assert_eq!(word.get(), RANGES * RANGE - 1, "the largest id fits into the word");
        word.forget();
        assert!(word.get() > RANGES * RANGE - 1, "a free slot shows none of the ids");
        std::eprintln!("the last id was given");
        let other = Core::new();
        std::eprintln!("and another: {}", other.new_id());
    }
}
