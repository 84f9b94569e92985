//! A lane: one core orders a request to its greenlet from another core, and gets the result. It has one order at a
//! time.
//!
//! ```text
//!   owner: spawns a greenlet          sender
//!   order ──────────────────────────► takes it, makes the request by the `RemoteGreenlet`
//!   attends, takes wakes  ◄────────── answer: left, or gone
//!   judges, frees the greenlet: next order
//! ```

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use greenlet::RemoteGreenlet;
use spin::Mutex;

use crate::CORES;

/// Lanes from one core to another: so many requests may be on their way.
pub(crate) const LANES: usize = 4;

/// What an exit carries that another core requested: that of the tree.
pub(crate) const ASKED: u64 = 1;
/// What one carries that the owner throws itself.
pub(crate) const OWN: u64 = 2;
/// What a greenlet is sent that is woken.
pub(crate) const WOKEN: u64 = 3;

/// What to request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    Kill,
    Wake,
    /// A kill, while the owner may end the greenlet itself.
    Race,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Left,
    Gone,
}

pub(crate) struct Lane {
    order: Mutex<Option<(Request, RemoteGreenlet)>>,
    answer: AtomicU32,
    ends: [AtomicU32; 3],
}

/// By the core that asks, the one that is asked, and a number.
static ALL: [[[Lane; LANES]; CORES]; CORES] = [const { [const { [const { Lane::new() }; LANES] }; CORES] }; CORES];

/// The lane of this number for requests by `from` to greenlets of `to`.
pub(crate) fn lane(from: usize, to: usize, number: usize) -> &'static Lane {
    &ALL[from][to][number]
}

impl Lane {
    const fn new() -> Self {
        Self { order: Mutex::new(None), answer: AtomicU32::new(0), ends: [const { AtomicU32::new(0) }; 3] }
    }

    /// The owner orders a request of a greenlet.
    pub(crate) fn give(&self, request: Request, remote: RemoteGreenlet) {
        *self.order.lock() = Some((request, remote));
    }

    /// The sender takes the order.
    pub(crate) fn take(&self) -> Option<(Request, RemoteGreenlet)> {
        self.order.lock().take()
    }

    /// The sender has made the request.
    pub(crate) fn answer(&self, answer: Answer) {
        self.answer.store(if answer == Answer::Left { 1 } else { 2 }, Release);
    }

    /// The result of the request, if the sender has made it: the request is visible from here on.
    pub(crate) fn answered(&self) -> Option<Answer> {
        match self.answer.load(Acquire) {
            0 => None,
            1 => Some(Answer::Left),
            _ => Some(Answer::Gone),
        }
    }

    /// The greenlet ended: with what an exit carried, or a wake.
    pub(crate) fn ended(&self, with: u64) {
        self.ends[with as usize - 1].fetch_add(1, Relaxed);
    }

    /// How often it was ended: by a kill from elsewhere, by its owner, by a wake.
    pub(crate) fn ends(&self) -> [u32; 3] {
        self.ends.each_ref().map(|count| count.load(Relaxed))
    }

    /// The owner has judged, and may give another order.
    pub(crate) fn clear(&self) {
        self.answer.store(0, Relaxed);
        self.ends.iter().for_each(|count| count.store(0, Relaxed));
    }
}
