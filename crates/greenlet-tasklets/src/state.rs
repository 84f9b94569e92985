//! The state of a run: its records, the ring, and the rules by which the next tasklet is chosen.
//!
//! Nothing here switches. An operation changes the ring first, and then switches to the tasklet that is current in it.

use crate::raised::Raised;
use crate::record::{At, Place, Record};
use crate::scheduler::Home;
use core::array;
use core::cell::Cell;

/// The state of a run. `R` is the records of the tasklets: an array in the static, a slice for code that does not
/// depend on their number.
pub(crate) struct State<V: 'static, E: 'static, R: ?Sized = [Record<V, E>]> {
    /// The id of the run, which no other run has. Not 0.
    pub(crate) run: Cell<u64>,
    pub(crate) home: Cell<Option<&'static dyn Home<V, E>>>,
    /// The current tasklet, which heads the ring. `None` only within an operation, after the last tasklet has left the
    /// ring.
    pub(crate) ring: Cell<Option<At>>,
    pub(crate) count: Cell<u32>,
    /// The tasklet whose code executes. Differs from the current one only within an operation.
    pub(crate) running: Cell<At>,
    /// The tasklet that called `run_all` last, of those that are still in it.
    pub(crate) top: Cell<Option<At>>,
    pub(crate) free: Cell<Option<At>>,
    /// Main's closure has returned: the remaining tasklets are asked to exit, and no tasklet is scheduled any more.
    pub(crate) over: Cell<bool>,
    pub(crate) main: Record<V, E>,
    pub(crate) records: R,
}

impl<V: Default + 'static, E: 'static, const N: usize> State<V, E, [Record<V, E>; N]> {
    /// Creates a state with main only, whose id is set later.
    pub(crate) fn new() -> Self {
        let main = Record::unused();
        main.place.set(Place::Ring);
        main.next.set(Some(At::MAIN));
        main.previous.set(Some(At::MAIN));
        Self {
            run: Cell::new(0),
            home: Cell::new(None),
            ring: Cell::new(Some(At::MAIN)),
            count: Cell::new(1),
            running: Cell::new(At::MAIN),
            top: Cell::new(None),
            free: Cell::new(At::tasklet(0).filter(|_| N > 0)),
            over: Cell::new(false),
            main,
            records: array::from_fn(|index| {
                let record = Record::unused();
                record.next.set(At::tasklet(index + 1).filter(|_| index + 1 < N));
                record
            }),
        }
    }
}

/// # Places
impl<V: 'static, E: 'static> State<V, E> {
    #[inline(always)]
    pub(crate) fn at(&self, at: At) -> &Record<V, E> {
        self.records.get(at.index()).unwrap_or(&self.main)
    }

    /// Puts a tasklet that is in no list at the end of the ring: before the current one.
    pub(crate) fn append(&self, at: At) {
        self.at(at).place.set(Place::Ring);
        self.count.set(self.count.get() + 1);
        match self.ring.get() {
            Some(current) => self.link(at, self.at(current).previous.get().unwrap_or(current), current),
            None => {
                self.link(at, at, at);
                self.ring.set(Some(at));
            }
        }
    }

    /// Puts a tasklet that is in no list right behind `current`, the head of the ring.
    fn put_behind(&self, at: At, current: At) {
        self.at(at).place.set(Place::Ring);
        self.count.set(self.count.get() + 1);
        self.link(at, current, self.at(current).next.get().unwrap_or(current));
    }

    fn link(&self, at: At, previous: At, next: At) {
        self.at(previous).next.set(Some(at));
        self.at(next).previous.set(Some(at));
        let record = self.at(at);
        record.previous.set(Some(previous));
        record.next.set(Some(next));
    }

    /// Takes a tasklet out of the ring. If it was the current one, the next one becomes current.
    pub(crate) fn leave(&self, at: At, to: Place<V, E>) {
        let record = self.at(at);
        record.place.set(to);
        self.count.set(self.count.get() - 1);
        let (Some(previous), Some(next)) = (record.previous.get(), record.next.get()) else { return };
        self.at(previous).next.set(Some(next));
        self.at(next).previous.set(Some(previous));
        if self.ring.get() == Some(at) {
            self.ring.set(Some(next).filter(|&next| next != at));
        }
    }

    /// Puts a living tasklet at the end of the ring, after taking it out of a channel's queue. One that is in the ring
    /// keeps its place.
    pub(crate) fn ready(&self, at: At) {
        match self.at(at).place.get() {
            Place::Blocked(channel) => {
                channel.unqueue(self, at);
                self.append(at);
            }
            Place::Paused => self.append(at),
            Place::Ring | Place::Dead => {}
        }
    }

    /// Makes a living tasklet the current one, wherever it is. The order of the ring does not change.
    pub(crate) fn wake(&self, at: At) {
        self.ready(at);
        self.ring.set(Some(at));
    }

    /// Makes the tasklet after `current` the current one.
    #[inline]
    pub(crate) fn advance(&self, current: &Record<V, E>) {
        self.ring.set(current.next.get());
    }

    /// Makes a tasklet that was taken out of a queue the current one. The one that was current keeps its place, so it
    /// is last.
    pub(crate) fn prefer(&self, at: At) {
        if let Some(current) = self.ring.get() {
            self.put_behind(at, current);
        }
        self.ring.set(Some(at));
    }
}

/// # Which tasklet gets an error
impl<V: Default + 'static, E: 'static> State<V, E> {
    /// Returns the tasklet in which an error that left a body is raised: the last that called `run_all`, or else main.
    fn keeper(&self) -> At {
        self.top.get().unwrap_or(At::MAIN)
    }

    /// Wakes a tasklet if the ring is empty, after an operation of `at` has taken `at` out of it.
    pub(crate) fn if_nobody_is_left(&self, at: At) {
        if self.ring.get().is_some() {
            return;
        }
        let keeper = self.keeper();
        if self.at(keeper).is_paused() {
            self.wake(keeper); // perhaps `at` itself
        } else {
            // Main waits at a channel, and stays there: the deadlock is raised in `at`.
            self.wake(at);
            self.at(at).contents.set(Err(Raised::Deadlock));
        }
    }

    /// Ends tasklet `at`, whose greenlet is about to end.
    pub(crate) fn end(&self, at: At, outcome: Result<(), Raised<E>>) {
        let record = self.at(at);
        if self.over.get() {
            record.place.set(Place::Dead);
            return;
        }
        self.leave(at, Place::Dead);
        record.trap.set(false);
        record.next.set(self.free.replace(Some(at)));
        drop(record.take());
        let keeper = self.keeper();
        match outcome {
            Ok(()) | Err(Raised::Exit) => {
                if self.ring.get().is_none() {
                    if let Some(channel) = self.at(keeper).channel() {
                        let lost = if channel.balance_now() < 0 { Raised::NoSender } else { Raised::NoReceiver };
                        self.at(keeper).contents.set(Err(lost));
                    }
                    self.wake(keeper);
                }
            }
            Err(raised) => {
                self.at(keeper).contents.set(Err(raised));
                self.wake(keeper);
            }
        }
    }

    /// Records that `at` waits in `run_all`.
    pub(crate) fn begin_to_wait(&self, at: At) {
        let record = self.at(at);
        record.waits.set(true);
        record.below.set(self.top.replace(Some(at)));
    }

    /// Records that `at` has returned from `run_all`, with a value or an error. Tasklets that called it later stop
    /// waiting as well.
    pub(crate) fn stop_waiting(&self, at: At) {
        while self.at(at).waits.get()
            && let Some(top) = self.top.get()
        {
            let record = self.at(top);
            record.waits.set(false);
            self.top.set(record.below.take());
            if top != at && record.is_paused() {
                self.append(top);
            }
        }
    }
}
