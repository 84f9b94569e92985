//! The other cores of the machine, which sleep until a guest starts them.
//!
//! ```text
//!   core 0                                  core 1, 2, ...
//!   run(count, work)
//!     stacks, guard pages ── the machine ─► boot code, on stacks of its own
//!     work(0)                               work(1)
//!     waits  ◄───────────────────────────── sleeps for good
//! ```
//!
//! A core gets what the first one has: privileged, interrupts masked, floating point on, memory mapped by the same
//! tables, every exception caught on a stack for that. A panic or an exception on any of them ends the machine.

use crate::atomic::AtomicPtr;
use crate::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::atomic::{AtomicBool, AtomicUsize};
use core::cell::UnsafeCell;
use core::hint::spin_loop;
use core::mem::{self, MaybeUninit};
use core::ptr;

use crate::machine::{self, cores as machine_cores};
use crate::memory::PAGE;

/// How many cores there can be.
pub const MOST: usize = 4;

/// Which core this is; 0 is the one that booted.
#[must_use]
pub fn number() -> usize {
    machine_cores::number()
}

/// Memory that becomes stacks, or a page that becomes a hole below one.
#[repr(C, align(4096))]
pub(crate) struct Memory<const SIZE: usize>(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

// SAFETY: only the core whose stack it is refers to it.
unsafe impl<const SIZE: usize> Sync for Memory<SIZE> {}

impl<const SIZE: usize> Memory<SIZE> {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    fn limit(&self) -> usize {
        self.0.get().addr()
    }

    pub(crate) fn base(&self) -> usize {
        self.limit() + SIZE
    }
}

/// The stacks of a core that is not the first: what the linker script lays out for that one.
#[repr(C)]
struct Stacks {
    guest_guard: Memory<PAGE>,
    guest: Memory<{ 64 << 10 }>,
    exception_guard: Memory<PAGE>,
    exception: Memory<{ 16 << 10 }>,
    emergency_guard: Memory<PAGE>,
    emergency: Memory<{ 16 << 10 }>,
}

impl Stacks {
    const fn new() -> Self {
        Self {
            guest_guard: Memory::new(),
            guest: Memory::new(),
            exception_guard: Memory::new(),
            exception: Memory::new(),
            emergency_guard: Memory::new(),
            emergency: Memory::new(),
        }
    }
}

static STACKS: [Stacks; MOST - 1] = [const { Stacks::new() }; MOST - 1];

/// What a core finds when it starts. Its boot code reads these words, in this order, before memory is translated.
#[repr(C, align(64))]
pub(crate) struct Start {
    /// The bases of its stacks.
    pub(crate) guest: AtomicUsize,
    pub(crate) exception: AtomicUsize,
    pub(crate) emergency: AtomicUsize,
    /// Its number.
    pub(crate) core: AtomicUsize,
    /// It has arrived in Rust.
    arrived: AtomicBool,
    /// The page below the guest's stack.
    guard: AtomicUsize,
}

static STARTS: [Start; MOST - 1] = [const {
    Start {
        guest: AtomicUsize::new(0),
        exception: AtomicUsize::new(0),
        emergency: AtomicUsize::new(0),
        core: AtomicUsize::new(0),
        arrived: AtomicBool::new(false),
        guard: AtomicUsize::new(0),
    }
}; MOST - 1];

/// What the cores do: a `fn(usize)`.
static WORK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
/// How many of the other cores have not returned from it.
static WORKING: AtomicUsize = AtomicUsize::new(0);

/// Runs `work` on as many cores as are asked for, at the same time, each with its number; returns when it has returned
/// on all.
///
/// Once in a guest, which says `cores: 4` in its head, and which declares a core identity: what the kernel does not
/// know to be another core it takes for the first one.
///
/// # Panics
///
/// When it is called again, or the machine has not so many cores.
pub fn run(count: usize, work: fn(core: usize)) {
    assert!((1..=MOST).contains(&count), "1 to {MOST} cores can run");
    assert!(WORK.swap(work as *mut (), Release).is_null(), "the cores are started once");
    WORKING.store(count - 1, Relaxed);
    let others = 1..count;
    // All guards, then all cores: a core that never ran has no cached translation.
    for (stacks, start) in STACKS.iter().zip(&STARTS).take(others.len()) {
        for guard in [&stacks.guest_guard, &stacks.exception_guard, &stacks.emergency_guard] {
            machine_cores::unmap(guard.limit());
        }
        start.guard.store(stacks.guest_guard.limit(), Relaxed);
        start.guest.store(stacks.guest.base(), Relaxed);
        start.exception.store(stacks.exception.base(), Relaxed);
        start.emergency.store(stacks.emergency.base(), Relaxed);
    }
    for (core, start) in others.zip(&STARTS) {
        start.core.store(core, Relaxed);
        machine_cores::start(core, start);
        wait_for(core, start);
    }
    work(0);
    while WORKING.load(Acquire) != 0 {
        spin_loop();
    }
}

/// Whether [`run`] has not been called.
pub(crate) fn are_asleep() -> bool {
    WORK.load(Relaxed).is_null()
}

/// Returns when `core` has arrived.
fn wait_for(core: usize, start: &Start) {
    /// Some ten seconds by the machine's counter, and many times what it takes.
    const TIME: u64 = 20_000_000_000;
    let begun = machine::instructions();
    while !start.arrived.load(Acquire) {
        let took = machine::instructions().wrapping_sub(begun);
        assert!(took < TIME, "core {core} does not start: does the guest's head say `cores`?");
        spin_loop();
    }
}

/// Where every core but the first arrives when it has booted.
#[cfg_attr(any(target_arch = "arm", target_arch = "loongarch64"), allow(dead_code, reason = "the core is alone"))]
pub(crate) fn arrive() -> ! {
    let core = number();
    let work = WORK.load(Acquire);
    // SAFETY: `run` put a `fn(usize)` there before it started this core.
    let work = unsafe { mem::transmute::<*mut (), fn(usize)>(work) };
    STARTS[core - 1].arrived.store(true, Release);
    work(core);
    WORKING.fetch_sub(1, AcqRel);
    machine::halt()
}

/// Whether an access to `address` was one below the stack of a core that `run` started.
pub(crate) fn is_guest_stack_guard(address: usize) -> bool {
    STARTS.iter().any(|start| {
        let guard = start.guard.load(Relaxed);
        guard != 0 && (guard..guard + PAGE).contains(&address)
    })
}
