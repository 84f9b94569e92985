//! When interrupts come, and what their handler does.

use board::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};
use core::hint::black_box;

use board::interrupts;

use crate::hits::Hits;
use crate::isa;

/// How an operation is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// Nothing interrupts it.
    Undisturbed,
    /// An interrupt comes before each instruction.
    Steps,
    /// The same, and the handler reports all greenlets.
    Reports,
    /// An interrupt comes after so many nanoseconds, and another one so many after its handler, if not [`NEVER`].
    Timer(u32, u32),
}

/// In the place of nanoseconds.
pub(crate) const NEVER: u32 = u32::MAX;

impl Plan {
    /// Has interrupts come by the plan from here on. They are not masked in any plan: the kernel may ask.
    pub(crate) fn begin(self) {
        NOW.store(BEFORE, SeqCst);
        CAME.store(AFTER, SeqCst);
        interrupts::enable();
        match self {
            Self::Undisturbed => {}
            Self::Steps => interrupts::step(true),
            Self::Reports => {
                REPORTS.store(true, SeqCst);
                interrupts::step(true);
            }
            Self::Timer(nanoseconds, again) => {
                AGAIN.store(again, SeqCst);
                interrupts::raise_after(nanoseconds);
            }
        }
    }

    /// Has no more of them come.
    pub(crate) fn end(self) {
        match self {
            Self::Undisturbed => {}
            Self::Steps => interrupts::step(false),
            Self::Reports => {
                interrupts::step(false);
                REPORTS.store(false, SeqCst);
            }
            Self::Timer(..) => interrupts::stop_timer(),
        }
        interrupts::disable();
    }
}

/// Before the operation has begun.
pub(crate) const BEFORE: u8 = 0;
pub(crate) const DURING: u8 = 1;
/// After its end, or not at all.
pub(crate) const AFTER: u8 = 2;

/// How far a plan is.
static NOW: AtomicU8 = AtomicU8::new(AFTER);
/// When the last interrupt came.
static CAME: AtomicU8 = AtomicU8::new(AFTER);

/// After how many nanoseconds the timer is to interrupt again.
static AGAIN: AtomicU32 = AtomicU32::new(NEVER);

/// Where interrupts came, inside a window.
pub(crate) static HITS: Hits = Hits::new();
static WINDOW: AtomicBool = AtomicBool::new(false);

static REPORTS: AtomicBool = AtomicBool::new(false);
/// In how many reports a greenlet was unstarted, and in how many one was anything else that main is not.
static UNSTARTED: AtomicU32 = AtomicU32::new(0);
static OTHER: AtomicU32 = AtomicU32::new(0);

/// Takes both counts.
pub(crate) fn take_reported() -> [u32; 2] {
    [&UNSTARTED, &OTHER].map(|count| count.swap(0, SeqCst))
}

/// Reports all greenlets.
fn report() {
    let mut look = |piece: &str| match piece {
        "unstarted" => _ = UNSTARTED.fetch_add(1, SeqCst),
        "suspended" | "dead" | "-" => _ = OTHER.fetch_add(1, SeqCst),
        _ => {}
    };
    // SAFETY: the handler is on the core that is in the tree. That goes on afterwards, because the report only reads.
    unsafe { greenlet::report_all(&mut look) };
}

/// Does an operation: what comes before and after `f` is not looked at.
pub(crate) fn during<R>(f: impl FnOnce() -> R) -> R {
    NOW.store(DURING, SeqCst);
    let result = f();
    NOW.store(AFTER, SeqCst);
    result
}

/// Opens the window: from here on it is noted where interrupts come.
///
/// The sender opens it before a transfer, and the receiver closes it. So it is open in the kernel and hardly
/// anywhere else, and the same code is looked at however interrupts come.
#[inline(always)]
pub(crate) fn open() {
    WINDOW.store(true, SeqCst);
}

#[inline(always)]
pub(crate) fn close() {
    WINDOW.store(false, SeqCst);
}

/// Does `f` inside the window.
#[inline(always)]
pub(crate) fn window<R>(f: impl FnOnce() -> R) -> R {
    open();
    let result = f();
    close();
    result
}

/// When the last interrupt of the plan came.
pub(crate) fn came() -> u8 {
    CAME.load(SeqCst)
}

/// Handles an interrupt: does some work, and leaves nothing as it was that it need not.
pub(crate) fn handle() {
    let now = NOW.load(SeqCst);
    CAME.store(now, SeqCst);
    if now == DURING && WINDOW.load(SeqCst) {
        HITS.insert(interrupts::interrupted());
    }
    if now == DURING && REPORTS.load(SeqCst) {
        report();
    }
    let mut words = [0x5a5a_5a5a_5a5a_5a5a_u64; 32];
    black_box(&mut words);
    isa::scribble();
    black_box(&mut words);
    let again = AGAIN.swap(NEVER, SeqCst);
    if again != NEVER {
        interrupts::raise_after(again);
    }
}
