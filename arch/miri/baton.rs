//! How control moves from one thread to another.

extern crate std;

use crate::arch::{Context, Landing, Word};
use core::mem::MaybeUninit;
use core::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

/// What one thread hands to another: the context that resumes, and what it receives.
pub(super) struct Baton {
    pub(super) to: *const Context,
    pub(super) word: Word,
    /// `to`, or null with a packet.
    pub(super) target: *const Context,
    pub(super) packet: *const (),
}

impl Baton {
    pub(super) fn with_word(to: *const Context, word: Word) -> Self {
        Self { to, word, target: to, packet: ptr::null() }
    }

    pub(super) fn with_packet(to: *const Context, packet: *const ()) -> Self {
        Self { to, word: MaybeUninit::uninit(), target: ptr::null(), packet }
    }

    pub(super) fn landing(&self) -> Landing {
        Landing::new(self.word, self.target, self.packet)
    }
}

// SAFETY: the thread that hands over a baton only waits afterwards. So one thread at a time uses its pointers, whose
// meaning is agreed between the two contexts.
unsafe impl Send for Baton {}

/// Where a thread waits for one baton. The thread holds it, and so does the context in `reserved`, or [`IDLE`].
pub(super) struct Seat {
    baton: Mutex<Option<Baton>>,
    handed: Condvar,
}

impl Seat {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { baton: Mutex::new(None), handed: Condvar::new() })
    }

    pub(super) fn hand(&self, baton: Baton) {
        *lock(&self.baton) = Some(baton);
        self.handed.notify_one();
    }

    pub(super) fn wait(&self) -> Baton {
        let mut place = lock(&self.baton);
        loop {
            match place.take() {
                Some(baton) => return baton,
                None => place = self.handed.wait(place).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The seats of threads whose contexts finished.
static IDLE: Mutex<Vec<Arc<Seat>>> = Mutex::new(Vec::new());

/// Makes a seat for this thread, whose context finishes, at which a baton for a fresh context will arrive.
pub(super) fn idle() -> Arc<Seat> {
    let seat = Seat::new();
    lock(&IDLE).push(Arc::clone(&seat));
    seat
}

/// The seat of an idle thread, which is not idle from here on.
pub(super) fn take_idle() -> Option<Arc<Seat>> {
    lock(&IDLE).pop()
}

/// Locks a mutex even if it is poisoned: a failing test may panic anywhere, and no panic interrupts a change of the
/// data that is locked here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
