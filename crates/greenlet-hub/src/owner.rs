//! The run in which a channel, lock or event is used. Its waiters lie in frames of that run.

use crate::room;
use crate::schedule::Schedule;
use crate::task::Task;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32};

/// The run of a hub that owns an object: the first run that uses it, until that run is over.
pub(crate) struct Owner<W = ()> {
    run: AtomicU32,
    /// Small fields of the object: they lie where the owner has no others.
    pub(crate) with: W,
    /// The hub of that run; null: none yet; `CLAIMING`: a core is changing both fields.
    hub: AtomicPtr<Schedule>,
}

impl Owner {
    pub(crate) const fn new() -> Self {
        Self::of(())
    }
}

impl<W> Owner<W> {
    pub(crate) const fn of(with: W) -> Self {
        Self { run: AtomicU32::new(0), with, hub: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Makes the run of `me` the owner, for an operation that moves values of `T`. Panics if another run is the owner.
    /// `forget` empties the lists of waiters: those of a run that is over are never resumed.
    #[inline(always)]
    pub(crate) fn check<T, V: 'static, E: 'static>(&self, me: &Task<V, E>, forget: impl FnOnce()) {
        room::probe_for::<T, V, E>();
        let schedule = me.slot.schedule();
        if self.run.load(Relaxed) != schedule.run.load(Relaxed) {
            self.claim(schedule);
            forget();
        }
    }

    #[cold]
    fn claim(&self, schedule: &'static Schedule) {
        let claiming = ptr::dangling_mut();
        let before = self.hub.load(Acquire);
        let free = before != claiming
            && self.hub.compare_exchange(before, claiming, Acquire, Relaxed).is_ok()
            // SAFETY: null, or set below to a hub, which is static.
            && unsafe { before.as_ref() }.is_none_or(|hub| {
                let over = hub.run.load(Acquire) != self.run.load(Relaxed);
                if !over {
                    self.hub.store(before, Release);
                }
                over
            });
        assert!(free, "another hub uses this; between hubs, use a `Signal` or a `Remote`");
        self.run.store(schedule.run.load(Relaxed), Relaxed);
        self.hub.store(ptr::from_ref(schedule).cast_mut(), Release);
    }
}
