//! The table of a run, the ring, and the rules that say who is next. Nothing here moves control: an operation changes the
//! ring, then lets whoever is current by it go on.

use crate::raised::Raised;
use crate::record::{At, Place, Record};
use crate::scheduler::Home;
use core::array;
use core::cell::Cell;

/// All that a run knows. `R` is the tasklets' records: an array in the static, a slice for whoever needs not know how many.
pub(crate) struct State<V: 'static, E: 'static, R: ?Sized = [Record<V, E>]> {
    /// A number that no other run has, and not 0.
    pub(crate) run: Cell<u64>,
    pub(crate) home: Cell<Option<&'static dyn Home<V, E>>>,
    /// The current one. `None` within an operation at most: the last one has left the ring.
    pub(crate) ring: Cell<Option<At>>,
    pub(crate) count: Cell<u32>,
    /// Whose code runs. Another one than the current only within an operation.
    pub(crate) running: Cell<At>,
    /// The last of those inside `run_all` that began.
    pub(crate) top: Cell<Option<At>>,
    pub(crate) free: Cell<Option<At>>,
    /// Main's closure has returned: tasklets that are left get their exit, and nobody is scheduled any more.
    pub(crate) over: Cell<bool>,
    pub(crate) main: Record<V, E>,
    pub(crate) records: R,
}

impl<V: Default + 'static, E: 'static, const N: usize> State<V, E, [Record<V, E>; N]> {
    /// Nobody but main, who is not told its number yet.
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

    /// Puts one that is in no place at the end of the ring: before the current one.
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

    /// Puts one that is in no place right behind the current one, which there is.
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

    /// Takes one out of the ring. When it was the current one, the next is.
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

    /// Puts whoever is in no ring at its end; one who is there stays where it is. From a channel's queue it is taken first.
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

    /// Makes one that lives the current one, wherever it is. Nobody in the ring changes places.
    pub(crate) fn wake(&self, at: At) {
        self.ready(at);
        self.ring.set(Some(at));
    }

    /// After the turn of the current one, whose record this is, the next one's.
    #[inline]
    pub(crate) fn advance(&self, current: &Record<V, E>) {
        self.ring.set(current.next.get());
    }

    /// One that was taken out of a queue gets its turn at once, and the current one keeps its place: it is last by that.
    pub(crate) fn prefer(&self, at: At) {
        if let Some(current) = self.ring.get() {
            self.put_behind(at, current);
        }
        self.ring.set(Some(at));
    }
}

/// # Who is told
impl<V: Default + 'static, E: 'static> State<V, E> {
    /// Who is told of an error that nobody caught: the last one that waits in `run_all`, or main.
    fn keeper(&self) -> At {
        self.top.get().unwrap_or(At::MAIN)
    }

    /// `at` has just left the ring, by an operation. If nobody is left there, somebody must be told.
    pub(crate) fn if_nobody_is_left(&self, at: At) {
        if self.ring.get().is_some() {
            return;
        }
        let keeper = self.keeper();
        if self.at(keeper).is_paused() {
            self.wake(keeper); // perhaps `at` itself
        } else {
            // Main waits at a channel, and stays there. So nobody but this one is to be told.
            self.wake(at);
            self.at(at).contents.set(Err(Raised::Deadlock));
        }
    }

    /// `at` is over, and its greenlet about to be.
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

    /// Notes that `at` waits in `run_all`.
    pub(crate) fn begin_to_wait(&self, at: At) {
        let record = self.at(at);
        record.waits.set(true);
        record.below.set(self.top.replace(Some(at)));
    }

    /// `at` is back from `run_all`, by whatever way: those that began later stop waiting as well.
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
