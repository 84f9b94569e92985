//! The switch under Miri, which interprets Rust and knows neither registers nor a second stack: a context is a thread.
//!
//! All threads but one wait. To switch is to hand the *baton*, the arguments of the switch, to the thread of the other context,
//! and to wait until it comes back. So everything above this folder runs as it is, block by block and reference by reference,
//! and Miri sees all of it: which pointer may be used for what, what is initialised, which borrow ends whose, and that whatever
//! one greenlet leaves to another is handed over and never raced for.
//!
//! ```text
//!   thread of `from`                                    thread of `to`
//!   switch   bx = seat                                  waiting (pc is no address): switch returns what came
//!            baton ─────────────────────────────────►   fresh: trampoline calls the entry in bx
//!            waits at the seat
//!            landing  ◄────────────────── baton ─────   switch, send, depart or leave
//! ```
//!
//! A seat is used up by who hands the baton there. A kernel that resumes a context twice, or one that departed, or that never
//! stood anywhere, uses a pointer that is freed or null, and Miri says so.
//!
//! What Miri does not see here:
//! - Stacks of pools hold control blocks and bodies, and are not used as stacks. A stack that is too small is not noticed.
//! - A thread cannot be ended under an entry that never returns. One that departed stays, with what is on its stack, and takes
//!   the next fresh context on top of that: there are as many threads as greenlets were alive at a time. A use of what lay on
//!   the stack of a dead greenlet is not noticed, and Miri must be told not to ask for threads at the end (`-Zmiri-ignore-leaks`).
//! - Thread-locals: each greenlet has its own. The features `std`, where a thread is a core, is refused; tests keep what
//!   they collect in statics.

extern crate std;

use super::{Context, Entry, Landing, Last, STACK_ALIGN, Word};
use core::cell::Cell;
use core::mem::{MaybeUninit, transmute};
use core::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::vec::Vec;

#[cfg(feature = "std")]
compile_error!(
    "under Miri every greenlet runs on a thread of its own, and with the feature `std` of the crate `greenlet` every thread is \
     a core: run Miri without that feature"
);

/// What one thread hands to another: where to, and what.
pub(crate) struct Baton {
    to: *const Context,
    landing: Landing,
}

impl Baton {
    fn with_word(to: *const Context, word: Word) -> Self {
        Self { to, landing: Landing { word, direct: to, packet: ptr::null() } }
    }

    fn with_packet(to: *const Context, packet: *const ()) -> Self {
        Self { to, landing: Landing { word: MaybeUninit::uninit(), direct: ptr::null(), packet } }
    }
}

// SAFETY: it says where control goes, and control is with whoever has it. What the pointers mean is between the two
// contexts; the thread that hands it over does nothing more.
unsafe impl Send for Baton {}

/// Where a thread waits, once: the thread has it, and so has the context in `bx`, or [`IDLE`].
struct Seat {
    baton: Mutex<Option<Baton>>,
    handed: Condvar,
}

impl Seat {
    fn new() -> Arc<Self> {
        Arc::new(Self { baton: Mutex::new(None), handed: Condvar::new() })
    }

    fn hand(&self, baton: Baton) {
        *lock(&self.baton) = Some(baton);
        self.handed.notify_one();
    }

    fn wait(&self) -> Baton {
        let mut place = lock(&self.baton);
        loop {
            match place.take() {
                Some(baton) => return baton,
                None => place = self.handed.wait(place).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The seats of threads whose contexts departed.
static IDLE: Mutex<Vec<Arc<Seat>>> = Mutex::new(Vec::new());

std::thread_local! {
    /// What this thread tells of its stack: that it stands one frame below where it began, and never moves.
    static STACK: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
}

/// The `pc` of a context that waits is one of these, which are no addresses of functions.
const WAITS: usize = 0;
const WAITS_MARKED: usize = 1;

/// Whether a context that stands at `pc` left by a marked switch.
pub(crate) fn is_mark(pc: *const ()) -> bool {
    pc.addr() == WAITS_MARKED
}

/// Saves this context in `from` and goes on in `to`, whose own `switch` or [`send`] returns `word`. Returns when a context comes
/// back to `from`, with what it brings. Until then `from` is [marked](Context::is_marked), or is not.
///
/// # Safety
///
/// - `from` is the context that runs; nothing else will save into it or start from it before it is gone to.
/// - `to` is [fresh](Context::fresh), or was left by this function or by `send` and not resumed since. `from` and `to` may be the
///   same.
/// - `word` means to `to` what it means to the caller.
pub(crate) unsafe fn switch<const MARKED: bool>(from: *const Context, to: *const Context, word: Word) -> Landing {
    // SAFETY: the caller's contract.
    unsafe { wait::<MARKED>(from, Baton::with_word(to, word)) }
}

/// [`switch`] with a packet, and without a mark.
///
/// # Safety
///
/// As for [`switch`]; `packet` means to `to` what it means to the caller.
pub(crate) unsafe fn send(from: *const Context, to: *const Context, packet: *const ()) -> Landing {
    // SAFETY: the caller's contract.
    unsafe { wait::<false>(from, Baton::with_packet(to, packet)) }
}

/// Goes on in `to` with a word and never comes back: the context of the caller is over.
///
/// # Safety
///
/// As for [`switch`], without `from` being saved.
pub(crate) unsafe fn depart(to: *const Context, word: Word) -> ! {
    // SAFETY: the caller's contract.
    unsafe { end(Baton::with_word(to, word)) }
}

/// [`depart`] with a packet.
///
/// # Safety
///
/// As for [`depart`].
pub(crate) unsafe fn leave(to: *const Context, packet: *const ()) -> ! {
    // SAFETY: the caller's contract.
    unsafe { end(Baton::with_packet(to, packet)) }
}

/// Hands over the baton, and waits in `from` until one comes back.
///
/// # Safety
///
/// As for [`switch`].
unsafe fn wait<const MARKED: bool>(from: *const Context, baton: Baton) -> Landing {
    let seat = Seat::new();
    // SAFETY: the caller runs in `from`, so that it exists.
    let this = unsafe { &*from };
    this.sp.set(stack_pointer());
    this.pc.set(ptr::without_provenance(if MARKED { WAITS_MARKED } else { WAITS }));
    this.bx.set(Arc::into_raw(Arc::clone(&seat)).cast());
    // SAFETY: the caller's contract.
    unsafe { hand_over(baton) };
    seat.wait().landing
}

/// Hands over the baton, and never comes back.
///
/// # Safety
///
/// As for [`depart`].
unsafe fn end(baton: Baton) -> ! {
    let seat = Seat::new();
    lock(&IDLE).push(Arc::clone(&seat));
    // SAFETY: the caller's contract.
    unsafe { hand_over(baton) };
    // What was sent stays where it is: the next context starts on top of it.
    // SAFETY: `hand_over` gives an idle thread the baton of a fresh context.
    unsafe { trampoline(seat.wait()) }
}

/// Calls `last`, on the stack of the caller: here, that has nothing to do with `sp`.
///
/// # Safety
///
/// `argument` means to `last` what it means to the caller.
pub(crate) unsafe fn call_on(_sp: *mut u8, last: Last, argument: *const ()) -> ! {
    // SAFETY: the caller's contract.
    unsafe { last(argument, stack_pointer()) }
}

/// Where the stack of the caller stands.
pub(crate) fn stack_pointer() -> *mut u8 {
    STACK.get()
}

/// Where the first word from `start` on lies that is not `word`; `end`, if there is none before that. Frames are elsewhere here.
///
/// # Safety
///
/// Both addresses are multiples of 8, and there is memory that was written to from `start` to `end`.
#[cfg(feature = "high-water")]
pub(crate) unsafe fn first_not(word: usize, start: *const usize, end: *const usize) -> *const usize {
    let mut at = start;
    // SAFETY: by the contract.
    while at != end && unsafe { *at } == word {
        at = at.wrapping_add(1);
    }
    at
}

/// There is no control word here: Miri knows one way to round.
#[cfg(feature = "fp-control")]
pub(crate) fn control() -> super::Control {
    0
}

/// Where a fresh context starts: calls its entry.
///
/// # Safety
///
/// The baton is for a context that is fresh.
pub(crate) unsafe fn trampoline(baton: Baton) -> ! {
    let Baton { to, landing: Landing { word, direct, packet } } = baton;
    // SAFETY: whoever switches to a context sees to it that it exists.
    let this = unsafe { &*to };
    STACK.set(this.sp().wrapping_sub(STACK_ALIGN));
    // SAFETY: `fresh` put an entry there.
    let entry = unsafe { transmute::<*const (), Entry>(this.bx.get()) };
    // SAFETY: these are the arguments of the switch that started the context.
    unsafe { entry(word, to, direct, packet) }
}

/// Lets the context that the baton is for go on: the caller must do nothing more but wait.
///
/// # Safety
///
/// As for [`switch`].
unsafe fn hand_over(baton: Baton) {
    // SAFETY: by the contract, the target exists.
    let to = unsafe { &*baton.to };
    if to.pc.get().addr() > WAITS_MARKED {
        match lock(&IDLE).pop() {
            Some(seat) => seat.hand(baton),
            // SAFETY: `pc` says that the target is fresh.
            None => drop(thread::spawn(move || unsafe { trampoline(baton) })),
        }
        return;
    }
    // SAFETY: the target was left by `switch`, which put a counted seat there, and it was not resumed since.
    let seat = unsafe { Arc::from_raw(to.bx.get().cast::<Seat>()) };
    seat.hand(baton);
}

/// A test that fails may panic anywhere; what is locked here is whole at all times.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
