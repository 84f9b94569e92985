//! The queue of a channel: its waiting tasklets, linked through their records, in the order of their arrival.

use crate::channel::Channel;
use crate::record::{At, Place};
use crate::state::State;
use core::sync::atomic::Ordering::Relaxed;

impl<V: 'static, E: 'static> Channel<V, E> {
    pub(crate) fn first(&self) -> Option<At> {
        At::unpack(self.first.load(Relaxed))
    }

    /// Puts a tasklet that has left the ring at the end of the queue. `way` is 1 for a sender and -1 for a receiver.
    pub(crate) fn queue(&'static self, state: &State<V, E>, at: At, way: i32) {
        let last = At::unpack(self.last.load(Relaxed));
        let record = state.at(at);
        record.place.set(Place::Blocked(self));
        record.next.set(None);
        record.previous.set(last);
        match last {
            Some(last) => state.at(last).next.set(Some(at)),
            None => self.first.store(At::pack(Some(at)), Relaxed),
        }
        self.last.store(At::pack(Some(at)), Relaxed);
        self.balance.store(self.balance.load(Relaxed) + way, Relaxed);
    }

    /// Takes a tasklet out of the queue. It is paused then; the caller puts it elsewhere.
    pub(crate) fn unqueue(&self, state: &State<V, E>, at: At) {
        let record = state.at(at);
        let (previous, next) = (record.previous.get(), record.next.get());
        match previous {
            Some(previous) => state.at(previous).next.set(next),
            None => self.first.store(At::pack(next), Relaxed),
        }
        match next {
            Some(next) => state.at(next).previous.set(previous),
            None => self.last.store(At::pack(previous), Relaxed),
        }
        record.place.set(Place::Paused);
        let balance = self.balance.load(Relaxed);
        self.balance.store(balance - balance.signum(), Relaxed);
    }
}
