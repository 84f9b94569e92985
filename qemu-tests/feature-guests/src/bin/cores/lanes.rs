//! Where one core tells another whom to ask, and hears what came of it. A lane has one order at a time.
//!
//! ```text
//!   owner: spawns a greenlet          sender
//!   order ──────────────────────────► takes it, asks the greenlet by its `RemoteGreenlet`
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

/// What an exit carries that was asked for from another core: that of the tree.
pub(crate) const ASKED: u64 = 1;
/// What one carries that the owner throws itself.
pub(crate) const OWN: u64 = 2;
/// What a greenlet is sent that is woken.
pub(crate) const WOKEN: u64 = 3;

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ask {
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
    order: Mutex<Option<(Ask, RemoteGreenlet)>>,
    answer: AtomicU32,
    ends: [AtomicU32; 3],
}

/// By the core that asks, the one that is asked, and a number.
static ALL: [[[Lane; LANES]; CORES]; CORES] = [const { [const { [const { Lane::new() }; LANES] }; CORES] }; CORES];

/// The lane of this number on which `from` asks `to`.
pub(crate) fn lane(from: usize, to: usize, number: usize) -> &'static Lane {
    &ALL[from][to][number]
}

impl Lane {
    const fn new() -> Self {
        Self { order: Mutex::new(None), answer: AtomicU32::new(0), ends: [const { AtomicU32::new(0) }; 3] }
    }

    /// The owner tells whom to ask.
    pub(crate) fn give(&self, ask: Ask, whom: RemoteGreenlet) {
        *self.order.lock() = Some((ask, whom));
    }

    /// The sender takes the order.
    pub(crate) fn take(&self) -> Option<(Ask, RemoteGreenlet)> {
        self.order.lock().take()
    }

    /// The sender has asked.
    pub(crate) fn answer(&self, answer: Answer) {
        self.answer.store(if answer == Answer::Left { 1 } else { 2 }, Release);
    }

    /// What the sender said, if it has asked: the request is visible from here on.
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
