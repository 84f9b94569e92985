//! When interrupts come, and what their handler does.

use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use board::interrupts;

use crate::hits::Hits;
use crate::isa;

/// How an operation is done.
#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// Nothing interrupts it.
    Undisturbed,
    /// An interrupt comes before each instruction.
    Steps,
}

impl Plan {
    /// Has interrupts come by the plan from here on.
    pub(crate) fn begin(self) {
        match self {
            Self::Undisturbed => {}
            Self::Steps => interrupts::step(true),
        }
    }

    /// Has no more of them come.
    pub(crate) fn end(self) {
        match self {
            Self::Undisturbed => {}
            Self::Steps => interrupts::step(false),
        }
    }
}

/// Where interrupts came, inside a window.
pub(crate) static HITS: Hits = Hits::new();

/// The operation has begun and is not over.
static DURING: AtomicBool = AtomicBool::new(false);
static WINDOW: AtomicBool = AtomicBool::new(false);

/// Does an operation: what comes before and after `f` is not looked at.
pub(crate) fn during<R>(f: impl FnOnce() -> R) -> R {
    DURING.store(true, SeqCst);
    let result = f();
    DURING.store(false, SeqCst);
    result
}

/// Opens the window: from here on it is noted where interrupts come.
///
/// Whoever has control opens it before a transfer, and who gets control closes it. So it is open in the kernel and hardly
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

/// Handles an interrupt: does some work, and leaves nothing as it was that it need not.
pub(crate) fn handle() {
    if DURING.load(SeqCst) && WINDOW.load(SeqCst) {
        HITS.insert(interrupts::interrupted());
    }
    let mut words = [0x5a5a_5a5a_5a5a_5a5a_u64; 32];
    black_box(&mut words);
    isa::scribble();
    black_box(&mut words);
}
