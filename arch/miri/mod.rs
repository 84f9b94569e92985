//! The switch under Miri, which has neither registers nor a second stack: each context runs on a thread.
//!
//! All threads but one wait. A switch hands a *baton*, its arguments, to the thread of the target, and waits until a
//! baton comes back. So Miri interprets everything above this folder as it is, and checks which pointers are used, what
//! is initialised, and which borrows end. Control moves with synchronization, so that data which one greenlet leaves to
//! another does not race.
//!
//! ```text
//!   thread of `from`                                    thread of `to`
//!   switch   reserved = seat                            suspended (pc = WAITS): its switch returns the landing
//!            baton ─────────────────────────────────►   fresh: the trampoline calls the entry in `reserved`
//!            waits at the seat
//!            landing  ◄────────────────── baton ─────   one of the four functions that move control
//! ```
//!
//! Handing over a baton consumes the seat. If the kernel resumes a context twice, or one that finished or never ran, it
//! uses a pointer that is freed or null, and Miri reports that.
//!
//! What Miri does not check here:
//! - Stacks of pools hold control blocks and bodies, but no frames. A stack that is too small has no effect.
//! - A thread cannot end below an entry that never returns. The thread of a finished context keeps its frames, and
//!   starts the next fresh context on top of them: there are as many threads as greenlets were alive at a time. A use
//!   of a dead greenlet's stack is not reported, and Miri needs `-Zmiri-ignore-leaks` for the threads that are left at
//!   the end.
//! - Each greenlet has thread-locals of its own. So the feature `std`, where a thread is a core, is refused, and tests
//!   collect what they observe in statics.

mod baton;
mod cpu;
mod switch;

#[cfg(feature = "std")]
compile_error!(
    "under Miri every greenlet runs on a thread of its own, and with the feature `std` of the crate `greenlet` every \
     thread is a core: run Miri without that feature"
);
