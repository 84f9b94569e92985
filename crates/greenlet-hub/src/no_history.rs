//! Takes the place of `history` without the feature `recorder`: nothing is recorded, and nothing costs anything.

use crate::schedule::Schedule;
use crate::slot::SlotRef;
use crate::what::What;
use greenlet::WeakGreenlet;

pub(crate) struct OfTask;

impl OfTask {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn belongs_to<V: 'static, E: 'static>(&self, _: Option<&WeakGreenlet<V, E>>) {}
}

pub(crate) struct OfHub;

impl OfHub {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(crate) fn begin(&self) {}

    #[inline(always)]
    pub(crate) fn by_outside(&self) {}

    #[inline(always)]
    pub(crate) fn by_timer(&self) {}

    #[inline(always)]
    pub(crate) fn by_turn(&self) {}
}

impl SlotRef {
    #[inline(always)]
    pub(crate) fn note_wake(self) {}

    #[inline(always)]
    pub(crate) fn note_ready(self) {}

    #[inline(always)]
    pub(crate) fn note_wait(self, _: Option<&What>) {}

    #[inline(always)]
    pub(crate) fn note_run(self) {}

    #[inline(always)]
    pub(crate) fn note_end_of_wait(self) {}
}

impl Schedule {
    #[inline(always)]
    pub(crate) fn note_sleep(&self, _: bool) {}
}
